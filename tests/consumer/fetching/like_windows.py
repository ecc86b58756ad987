"""Run `alert-transfer` on a system that lacks what Windows lacks: `python like_windows.py consume …`.

No fcntl, no folder that can be opened (so none can be synced), no SIGHUP, no limits of paths to ask for; and no file
can be renamed, replaced or removed while it is open or mapped.
"""

import errno
import os
import shutil
import signal
import sys

for _name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[_name] = None
for _name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGALRM", "SIGUSR1"):
    delattr(signal, _name)
for _name in ("pathconf", "statvfs", "getuid", "O_DIRECTORY"):
    delattr(os, _name)
# As shutil does where os.open knows no folders.
shutil._use_fd_functions = False


def _denied(path) -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))


def _open(path, flags, *rest, open_=os.open, **options):
    if os.path.isdir(path):
        raise _denied(path)
    return open_(path, flags, *rest, **options)


def _is_open(path) -> bool:
    wanted = os.path.realpath(path)
    held = set()
    for number in os.listdir("/proc/self/fd"):
        if os.path.lexists(f"/proc/self/fd/{number}"):
            held.add(os.readlink(f"/proc/self/fd/{number}"))
    with open("/proc/self/maps") as maps:
        held.update(line.split(maxsplit=5)[5].rstrip("\n") for line in maps if line.count("/"))
    return any(name == wanted or name.startswith(wanted + "/") for name in held)


def _guarded(call):
    def guarded(*paths, **options):
        for path in paths:
            # Windows has locks of its own, and no marker file in their place.
            if _is_open(path) and not os.path.basename(path).startswith("lock.pid"):
                raise _denied(path)
        return call(*paths, **options)

    return guarded


if __name__ == "__main__":
    os.open = _open
    for _name in ("replace", "rename", "unlink", "remove"):
        setattr(os, _name, _guarded(getattr(os, _name)))

    from consumer.cli import main

    main()
