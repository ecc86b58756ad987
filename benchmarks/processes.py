"""What processes take: CPU seconds and memory, of those of this process or of a command from its start to its end.

python processes.py FIGURES.json COMMAND ...    runs a command and writes what it and all that it started took
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

__all__ = ["CommandError", "MemoryPeaks", "Taken", "cpu_seconds", "peak_mb", "take"]

_PR_SET_CHILD_SUBREAPER = 36
_EVERY_S = 0.2
_STRAGGLERS_S = 120


class CommandError(RuntimeError):
    """A command that was measured failed."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a command took, with all the processes that it started."""

    seconds: float
    cpu_s: float
    peak_mb: float
    """Of the process that had most memory."""
    peak_sum_mb: float
    """Of all at once; memory that they share counts in each."""


def processes_below(*without: int) -> list[psutil.Process]:
    """Return the processes that this one started, and those that they did, but for some and what is below them."""
    left_out = set(without)
    for pid in without:
        with contextlib.suppress(psutil.NoSuchProcess):
            left_out |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
    return [process for process in psutil.Process().children(recursive=True) if process.pid not in left_out]


def cpu_seconds(*without: int) -> float:
    """Return the CPU seconds of this process and all below it, but for some of these and what is below them."""
    times = [process.cpu_times() for process in [psutil.Process(), *processes_below(*without)]]
    return sum(each.user + each.system for each in times)


def peak_mb(pid: int | str = "self") -> float:
    """Return the high-water mark of a process's resident memory, in millions of bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM"))


class MemoryPeaks(threading.Thread):
    """Watches how much memory the processes have that this one started; with `own`, this one too."""

    def __init__(self, *without: int, own: bool = False):
        super().__init__(daemon=True)
        self.largest_mb = self.sum_mb = 0.0
        self.cpu_s = 0.0
        """CPU seconds that the looking took, once it has ended."""
        self._without = without
        self._own = own
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look([*processes_below(*self._without), *([psutil.Process()] if self._own else [])])
        self.cpu_s = time.thread_time()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def _look(self, processes: Iterable[psutil.Process]) -> None:
        total_mb = 0.0
        for process in processes:
            try:
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            sizes = {line.split()[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Vm")}
            self.largest_mb = max(self.largest_mb, sizes.get("VmHWM:", 0))
            total_mb += sizes.get("VmRSS:", 0)
        self.sum_mb = max(self.sum_mb, total_mb)


def take(words: Sequence[str | Path], folder: Path, variables: Mapping[str, str]) -> tuple[Taken, str]:
    """Run a command to its end; return what it took, and what it printed.

    Parameters
    ----------
    words
        The command.
    folder
        Where it runs and its output lies.
    variables
        Of its environment, beside this process's.

    Raises
    ------
    CommandError
        If it fails, with the end of what it said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures, said, printed = folder / "taken.json", folder / "stderr.txt", folder / "stdout.txt"
    with said.open("w") as stderr, printed.open("w") as stdout:
        found = subprocess.run(
            [sys.executable, __file__, figures, *words],
            env={**os.environ, **variables},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    if found.returncode:
        raise CommandError(f"{words[0]} ended with {found.returncode}:\n{said.read_text()[-4000:]}")
    return Taken(**json.loads(figures.read_text())), printed.read_text()


def _reap_all() -> None:
    """Wait for every process below, so that the system adds up what each took."""
    until = time.monotonic() + _STRAGGLERS_S
    while time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(0.02)
    left = processes_below()
    for process in left:
        process.send_signal(signal.SIGKILL)
    raise CommandError(f"still running {_STRAGGLERS_S} s after the command: {[process.cmdline() for process in left]}")


def main() -> int:
    figures, *words = sys.argv[1:]
    # What the command leaves behind becomes a child of this process, and is counted as well.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this system can't make a process inherit what others leave behind")
    peaks = MemoryPeaks()
    peaks.start()
    begun = time.monotonic()
    command = subprocess.Popen(words)
    code = command.wait()
    seconds = time.monotonic() - begun
    _reap_all()
    peaks.end()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = Taken(
        seconds=seconds,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=peaks.largest_mb,
        peak_sum_mb=peaks.sum_mb,
    )
    Path(figures).write_text(json.dumps(asdict(taken)))
    return code


if __name__ == "__main__":
    sys.exit(main())
