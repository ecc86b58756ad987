"""The pace: which fragments take much longer than others, and whether any are finished at all."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Collection

from consumer.wire import FragmentDone
from consumer.words import count_text, some_text
from engine.archive import Fragment
from engine.telemetry import tell
from engine.transfer.coordinator.cluster import Work

__all__ = ["Pace"]

_LEAST_S = 10.0
_TIMES_SLOWER = 5.0
_ENOUGH = 10
_COMPARED = 200
_SILENCE_S = 60.0
_MOST_NAMED = 3


class Pace:
    """Tells of fragments that are slow beyond others.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._seconds: deque[float] = deque(maxlen=_COMPARED)
        self._last_at = clock()
        self._patience_s = _SILENCE_S

    def finished(self, done: FragmentDone) -> None:
        """Take in a fragment that was sent."""
        self._last_at, self._patience_s = self._clock(), _SILENCE_S
        if done.seconds is None:
            return
        if done.seconds > _LEAST_S and len(self._seconds) >= _ENOUGH:
            usual = statistics.median(self._seconds)
            if done.seconds > _TIMES_SLOWER * usual:
                tell(
                    f"fragment {done.fragment} took {done.seconds:.0f} s on {done.worker or 'a worker'}: others take "
                    f"{usual:.1f} s",
                    level="warning",
                    event="slow",
                )
        self._seconds.append(done.seconds)

    def look(self, in_flight: Collection[Work]) -> None:
        """Tell if nothing was finished for long, naming what is under way; ever more rarely."""
        silent_s = self._clock() - self._last_at
        if not in_flight or silent_s < self._patience_s:
            return
        self._patience_s = 2 * silent_s
        numbers = sorted(work.number for work in in_flight if isinstance(work, Fragment))
        nights = sorted(work for work in in_flight if isinstance(work, str))
        what = f"fragment {some_text(numbers, _MOST_NAMED)}" if numbers else f"the count of {some_text(nights, 1)}"
        tell(
            f"nothing was finished for {silent_s:.0f} s; {count_text(len(in_flight), 'task')} under way: {what}",
            level="warning",
            event="slow",
        )
