"""Holding a worker's thread: a coordinator may send a first fragment before it leaves its thread to other tasks.

It was given that thread before all fragments of others. So a job that sends few alerts ends within one task's time,
however many wait. A flood of such jobs must not stop the others: in the long run they hold a process half of the time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

__all__ = ["Holding", "held"]

_SHARE = 0.5
_MOST_SAVED_S = 10.0


class Holding:
    """Seconds for which threads of a process may be held: they are saved up, and then spent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved_s = _MOST_SAVED_S
        self._saved_at = time.monotonic()

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the thread for the block; yield False where nothing is saved: then it is not to be held."""
        if not self._spend(0.0):
            yield False
            return
        begun = time.monotonic()
        try:
            yield True
        finally:
            self._spend(time.monotonic() - begun)

    def _spend(self, seconds: float) -> bool:
        """Spend so much; return whether anything is left."""
        with self._lock:
            now = time.monotonic()
            saved_s = min(_MOST_SAVED_S, self._saved_s + _SHARE * (now - self._saved_at))
            self._saved_s, self._saved_at = saved_s - seconds, now
            return self._saved_s > 0


# Of the process, whose jobs share its threads.
held = Holding().held
