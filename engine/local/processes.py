"""Child processes that end with us, however we end (Linux and macOS).

Between us and the child stands a watchdog: this very file, run by path with the standard library alone. It starts the
child in a session of its own and reads a pipe whose other end only we hold. When the pipe closes, because `stop` closed
it or because the kernel did when we died, the watchdog ends the child's whole process group, in order. So the orderly
end and the end after SIGKILL are one path.

    we ──pipe──> watchdog ──> child ──> its children
       <─status─

Each is in a session of its own, so a Ctrl-C in the terminal reaches only us. The pipe's end is never inherited: exec
closes it, and a forked copy of us closes it first thing. Out of reach is only what leaves the child's process group.
"""

import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

__all__ = ["OwnedProcess", "start_owned"]

LOG_NBYTES_MAX = 4_000_000
_KILLED_WAIT_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_our_ends: set[int] = set()


def start_owned(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    log: str | os.PathLike[str] | None = None,
    grace_s: float = 10.0,
    remove: str | os.PathLike[str] | None = None,
) -> "OwnedProcess":
    """Start a command that ends when this process ends.

    Parameters
    ----------
    command
        Program and arguments. Its standard input is empty.
    env
        Its environment; None for ours.
    cwd
        Its working directory; None for ours.
    stdout, stderr
        As `subprocess.Popen` has them; None for ours.
    log
        File that takes its standard output and error instead, in place of what is there. At 4 MB it is renamed to
        `<log>.1` and begun anew, so two files of that size are the most there can be.
    grace_s
        Seconds from SIGTERM to SIGKILL.
    remove
        Folder that is removed once the command has ended and `stop` was called or we died.

    Raises
    ------
    OSError
        If the command cannot be started, just as `subprocess.Popen` raises it.
    """
    if log is not None and (stdout is not None or stderr is not None):
        raise ValueError("give either log, or stdout and stderr")
    life_read, life = os.pipe()
    status, status_write = os.pipe()
    _our_ends.update((life, status))
    try:
        spec = {
            "command": [os.fspath(word) for word in command],
            "cwd": None if cwd is None else os.fspath(cwd),
            "log": None if log is None else os.path.abspath(log),
            "grace_s": grace_s,
            "remove": None if remove is None else os.path.abspath(remove),
            "status": status_write,
        }
        watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__), json.dumps(spec)],
            env=env,
            stdin=life_read,
            stdout=stdout,
            stderr=stderr,
            pass_fds=[status_write],
            start_new_session=True,
        )
    except BaseException:
        _close(life, status)
        raise
    finally:
        os.close(life_read)
        os.close(status_write)
    try:
        first = _read_line(status)
        if "pid" not in first:
            raise OSError(*first["error"]) if first else RuntimeError("the watchdog ended before it began")
    except BaseException:
        _close(life, status)
        watchdog.wait()
        raise
    return OwnedProcess(watchdog, life=life, status=status, pid=first["pid"])


class OwnedProcess:
    """A child process that ends with us; made by `start_owned`, and a context manager that stops it.

    It belongs to the process that started it: in a forked copy of that process, `stop` and `kill` do nothing.
    """

    def __init__(self, watchdog: subprocess.Popen[bytes], *, life: int, status: int, pid: int):
        self._watchdog = watchdog
        self._life: int | None = life
        self._status = status
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._returncode: int | None = None
        self.pid = pid
        """Process id of the command, which leads its session and process group."""
        self.watchdog_pid = watchdog.pid
        self.stdout = watchdog.stdout
        self.stderr = watchdog.stderr
        os.set_blocking(status, False)

    def poll(self) -> int | None:
        """Return the command's exit code, minus the signal's number if one ended it, or None while it runs."""
        with self._lock:
            if self._returncode is None and self._owner == os.getpid():
                try:
                    answer = os.read(self._status, 4096)
                except BlockingIOError:
                    return None
                if answer:
                    self._returncode = json.loads(answer)["exit"]
                else:  # The watchdog was killed, so its work falls to us.
                    _signal_group(self.pid, signal.SIGKILL)
                    self._returncode = -signal.SIGKILL
            return self._returncode

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the command to end by itself, and return its exit code.

        Raises
        ------
        TimeoutError
            If it still runs after `timeout_s` seconds.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            if self._returncode is None:
                selector.register(self._status, selectors.EVENT_READ)
            while (code := self.poll()) is None:
                left_s = 0.25 if deadline is None else deadline - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError(f"process {self.pid} still runs after {timeout_s:g} s")
                selector.select(min(left_s, 0.25))  # Another thread may take the answer first.
        return code

    def stop(self) -> int | None:
        """End the command and all its process group, wait until it is gone, and return its exit code."""
        return self._end(b"")

    def kill(self) -> int | None:
        """Like `stop`, by SIGKILL at once."""
        return self._end(b"kill")

    def _end(self, order: bytes) -> int | None:
        if self._owner != os.getpid():
            return None
        with self._lock:
            life, self._life = self._life, None
        if life is not None:
            with contextlib.suppress(BrokenPipeError):  # then the watchdog is dead, which poll() sees
                if order:
                    os.write(life, order)
            _close(life)
        self._watchdog.wait()
        code = self.poll()
        with self._lock:
            if self._status in _our_ends:
                _close(self._status)
        return code

    def __enter__(self) -> "OwnedProcess":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def _close(*ends: int) -> None:
    for end in ends:
        _our_ends.discard(end)
        os.close(end)


def _close_in_fork() -> None:
    _close(*_our_ends)


os.register_at_fork(after_in_child=_close_in_fork)


def _read_line(status: int) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        if not (chunk := os.read(status, 1)):
            return {}
        line += chunk
    return json.loads(line)


def _signal_group(group: int, number: int) -> bool:
    """Signal a process group, and return whether it exists; 0 only asks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: not permitted where all members are zombies
        return False
    return True


class _Log:
    """A file of bounded size. A full disk loses lines, never the watchdog."""

    def __init__(self, path: str):
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._nbytes = 0

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._nbytes + len(data) > LOG_NBYTES_MAX:
                os.replace(self._path, self._path + ".1")
                os.close(self._file)
                self._begin()
            self._nbytes += os.write(self._file, data)


class _Watchdog:
    """What runs in the watchdog process: start the child, wait for a reason to end it, end it, clean up."""

    def __init__(self, spec: dict[str, Any]):
        self.spec = spec
        self.life = sys.stdin.fileno()
        self.owner_left = False
        self.told_to_end = False
        self.code: int | None = None
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.life, selectors.EVENT_READ)
        wake, wake_write = os.pipe()
        for end in (wake, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write)
        self.wake = wake
        self.selector.register(wake, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the selector
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._told_to_end)

    def _told_to_end(self, *_: object) -> None:
        self.told_to_end = True

    def run(self) -> None:
        """Run as long as the owner, and make sure that the child doesn't run longer."""
        try:
            child = self._start()
        except OSError as exc:
            self._tell({"error": [exc.errno, exc.strerror, exc.filename]})
        else:
            self._tell({"pid": child.pid})
            self._leave()
            self._tell({"exit": self._see_out(child)})
        while not (self.owner_left or self.told_to_end):
            self._take_events(None)
        if self.spec["remove"]:
            shutil.rmtree(self.spec["remove"], ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        if sys.platform == "linux":
            # Orphans of the group become our children, for us to reap: the first process of a container may never do
            # that, and a group with a zombie in it seems alive.
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.log = _Log(self.spec["log"]) if self.spec["log"] else None
        output, errors = (subprocess.PIPE, subprocess.STDOUT) if self.log else (None, None)
        child = subprocess.Popen(
            self.spec["command"],
            cwd=self.spec["cwd"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=output,
            stderr=errors,
        )
        if child.stdout:
            os.set_blocking(child.stdout.fileno(), False)
            self.selector.register(child.stdout, selectors.EVENT_READ)
        self.output = child.stdout
        return child

    def _leave(self) -> None:
        """Let go of the child's output and of the working directory, so that we keep neither open."""
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.chdir("/")

    def _see_out(self, child: subprocess.Popen[bytes]) -> int:
        """Wait until the child's whole group is gone, ending it where there is a reason to; return the exit code."""
        deadline: float | None = None
        killed = False
        while True:
            ordered_to_kill = self._take_events(None if deadline is None else 0.02)
            self._reap(child)
            ended = self.code is not None
            if ended and not _signal_group(child.pid, 0):
                break
            now = time.monotonic()
            if deadline is None and (ended or self.owner_left or self.told_to_end):
                _signal_group(child.pid, signal.SIGTERM)
                deadline = now + self.spec["grace_s"]
            if not killed and (ordered_to_kill or (deadline is not None and now >= deadline)):
                _signal_group(child.pid, signal.SIGKILL)
                killed, deadline = True, now + _KILLED_WAIT_S
            elif killed and deadline is not None and now >= deadline:
                break  # Only zombies that no process reaps, or a process stuck in the kernel, are left.
        self._take_output()
        return -signal.SIGKILL if self.code is None else self.code

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ChildProcessError):  # none is left
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child.pid:
                    self.code = child.returncode = os.waitstatus_to_exitcode(ended[1])

    def _take_events(self, timeout_s: float | None) -> bool:
        """Wait for something to happen, and return whether the owner ordered to kill."""
        ordered_to_kill = False
        for key, _ in self.selector.select(timeout_s):
            if key.fd == self.life:
                order = os.read(self.life, 64)
                ordered_to_kill = bool(order)
                if not order:
                    self.owner_left = True
                    self.selector.unregister(self.life)
            elif key.fd == self.wake:
                os.read(self.wake, 4096)
            else:
                self._take_output()
        return ordered_to_kill

    def _take_output(self) -> None:
        """Move what the child wrote into the log."""
        while self.output:
            try:
                data = os.read(self.output.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                self.selector.unregister(self.output)
                self.output.close()
                self.output = None
                return
            if self.log:
                self.log.write(data)

    def _tell(self, status: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # The owner is gone.
            os.write(self.spec["status"], json.dumps(status).encode() + b"\n")


if __name__ == "__main__":
    _Watchdog(json.loads(sys.argv[1])).run()
