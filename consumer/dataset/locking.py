"""One consumer a folder: the lock that it holds while it writes, on Linux, macOS and Windows alike.

The lock is the file `lock` in the folder beside the alerts; the operating system holds it as long as the process runs.
Locks that several readers share are not the same everywhere, so a reader takes none: it checks whether a consumer
writes, and compares the journal before it read with the journal afterwards (consumer/dataset/verification.py).
"""

from __future__ import annotations

import errno
import time
import warnings
from contextlib import ExitStack
from pathlib import Path

from consumer.errors import InputError

with warnings.catch_warnings():
    # Where Python has neither fcntl nor Windows' locks, filelock says on import that it has marker files only.
    warnings.filterwarnings("ignore", message="only soft file lock is available")
    from filelock import FileLock, SoftFileLock, Timeout, lock_descriptor

__all__ = ["LOCK_FILES", "check_unlocked", "lock"]

_LOCK = "lock"
# A file of its own: `lock` stays when its consumer ends, while a marker says by being there that one runs.
_MARKER = "lock.pid"
LOCK_FILES = (_LOCK, _MARKER)
"""Names of the files, in the folder beside the alerts."""

_ONLY_MARKERS = FileLock is SoftFileLock
# Others hold the lock for a moment only to ask whether it is free; a consumer holds it for longer than this.
_PATIENCE_S = 1.0
_POLL_S = 0.02
# What a file system says that has no locks (some network drives).
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def lock(outdir: Path, home: Path) -> ExitStack:
    """Take the lock of a folder; closing what is returned, or the end of the process, gives it back.

    Parameters
    ----------
    outdir
        The folder.
    home
        The folder beside it.

    Raises
    ------
    InputError
        If another consumer has the folder open, or if the file system has no locks.
    """
    try:
        held = _by_marker(home / _MARKER) if _ONLY_MARKERS else _by_system(home / _LOCK, "ab")
    except OSError as exc:
        if exc.errno not in _NO_LOCKS:
            raise
        raise InputError(
            f"the file system of {outdir} can't lock files ({exc.strerror}): two consumers could write there at once",
            next_step="choose an --outdir on a disk of this machine, and move both folders when they are complete",
        ) from exc
    if held is None:
        raise _busy(outdir)
    return held


def check_unlocked(outdir: Path, home: Path) -> None:
    """Refuse a folder into which a consumer writes right now, as far as the file system can tell.

    Raises
    ------
    InputError
        If one does.
    """
    # A reader makes no file, and opens a read-only one as well: the folder may be another user's.
    try:
        if _ONLY_MARKERS:
            held = _by_marker(home / _MARKER)
        else:
            try:
                held = _by_system(home / _LOCK, "r+b")
            except OSError as exc:
                if exc.errno not in _READ_ONLY:
                    raise
                held = _by_system(home / _LOCK, "rb")
    except FileNotFoundError:
        return  # a consumer would have made it
    except OSError as exc:
        # EBADF: NFS locks only what is open for writing.
        if exc.errno in _NO_LOCKS | {errno.EBADF} or (_ONLY_MARKERS and exc.errno in _READ_ONLY):
            return
        raise
    if held is None:
        raise _busy(outdir)
    held.close()


def _busy(outdir: Path) -> InputError:
    return InputError(
        f"another consumer is writing into {outdir} right now",
        next_step="wait for it to end, or choose another --outdir",
    )


def _by_system(path: Path, mode: str) -> ExitStack | None:
    """Lock a file by the operating system's means; None if another process holds it."""
    with ExitStack() as opened:
        file = opened.enter_context(path.open(mode))
        deadline = time.monotonic() + _PATIENCE_S
        while not lock_descriptor(file.fileno(), blocking=False):
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_S)
        return opened.pop_all()


def _by_marker(path: Path) -> ExitStack | None:
    """Make a file that names this process; one whose process has ended is taken over."""
    marker = SoftFileLock(path)
    try:
        marker.acquire(timeout=_PATIENCE_S)
    except Timeout:
        return None
    held = ExitStack()
    held.callback(marker.release)
    return held
