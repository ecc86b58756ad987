"""The flow: which fragments one task sends, how much of a job is on the cluster at once, and whose turn it is.

A task lasts about a second and what is in flight a few, whatever fragments take: jobs that share a cluster come by
turns, and a fragment costs no task of its own. The first tasks have one fragment each, so that a first alert comes
early; then they grow to what was measured, at most four times as large each time.

Of a job that has much left one task has the cluster's common rank, and the others have the rank below; of a job that
has little left all have the common rank. Tasks of one rank come in the order in which they were submitted. So small
jobs pass large ones, which still get a task done in each turn, however many small ones come.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.wire import FragmentDone
from engine.archive import Fragment
from engine.transfer.coordinator.cluster import Load
from engine.transfer.coordinator.sizing import Sizing
from engine.transfer.coordinator.window import Backlog

__all__ = ["Flow"]

_TASK_S = 1.0
_LEAST_TASK_S = 0.1
_MOST_TASKS = 3
"""For each thread, once it is known how long they take."""
_IN_FLIGHT_S = 3.0
"""For each thread."""
_SMALL_S = 5.0
_PATIENCE_S = 10.0
_MOST_FRAGMENTS = 500
_TIMES_LARGER = 4


@dataclass(frozen=True, kw_only=True)
class _InFlight:
    num_fragments: int
    num_alerts: int
    is_extra: bool


class Flow:
    """Cuts what waits of a job into tasks.

    Parameters
    ----------
    backlog
        The fragments that wait.
    wants_identifiers
        Whether the identifiers of some of these fragments are wanted.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        backlog: Backlog,
        wants_identifiers: Callable[[Sequence[Fragment]], bool] = lambda fragments: False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._backlog = backlog
        self._wants_identifiers = wants_identifiers
        self._sizing = Sizing()
        self._in_flight: dict[Load | str, _InFlight] = {}
        self._clock = clock
        self._ended_at = clock()
        self._largest = 0
        """Most fragments of a task that has ended."""

    def next_loads(self, num_threads: int) -> list[Load]:
        """Return what is to be submitted now, so that a cluster that has so many threads stays busy."""
        threads = max(1, num_threads)
        loads: list[Load] = []
        while self._backlog and self._has_room(threads):
            loads.append(self._next(threads))
        return loads

    def again(self, fragments: Sequence[Fragment]) -> Load:
        """Return fragments that were in flight as a task of their own."""
        return self._added(list(fragments), sum(fragment.num_alerts for fragment in fragments))

    def has_room_for_night(self, num_threads: int) -> bool:
        """Return whether a night is to be counted by a task now."""
        return len(self._in_flight) <= max(1, num_threads)

    def add_night(self, night: str) -> None:
        """Take in that a night is counted by a task."""
        self._in_flight[night] = _InFlight(num_fragments=0, num_alerts=0, is_extra=False)

    def ended(self, work: Load | str) -> None:
        """Take in that a task has ended, whatever came of it."""
        self._ended_at = self._clock()
        if isinstance(work, Load):
            self._largest = max(self._largest, len(work.fragments))
        self._in_flight.pop(work, None)

    def learn(self, done: FragmentDone) -> None:
        """Take in a fragment that was sent."""
        self._sizing.learn(done)

    def window_size(self, num_threads: int) -> int:
        """Return how many fragments are enough for a few seconds, and no fewer than keep all threads busy."""
        if not self._sizing.is_known:
            return self._backlog.capacity(num_threads)
        mean_s = self._waiting_s / max(1, len(self._backlog))
        enough = math.ceil(_IN_FLIGHT_S * num_threads / mean_s) if mean_s else self._backlog.capacity(num_threads)
        return max(2 * num_threads, enough)

    def stuck(self) -> Load | None:
        """Return a task that other jobs' tasks pass for ever, or None.

        No other one of its job has the common rank any more, as all were submitted, and none has ended for long.
        """
        if self._has_turn or self._backlog or not self._in_flight:
            return None
        patience_s = _PATIENCE_S + 2 * self._in_flight_s / len(self._in_flight)
        if self._clock() - self._ended_at < patience_s:
            return None
        self._ended_at = self._clock()
        # The last that was submitted: those before it may run.
        return next((work for work in reversed(self._in_flight) if isinstance(work, Load)), None)

    def _has_room(self, threads: int) -> bool:
        if not self._has_turn:
            return True
        num_tasks = len(self._in_flight)
        most = self._backlog.capacity(threads)
        if not self._sizing.is_known:
            # One task is to follow on each thread while the first is taken in, and no more before something is known.
            return num_tasks < most and (num_tasks < 2 * threads or self._largest > 0)
        if num_tasks <= threads:
            return num_tasks < most
        return num_tasks < min(most, _MOST_TASKS * threads) and self._in_flight_s < _IN_FLIGHT_S * threads

    def _next(self, threads: int) -> Load:
        # Towards the end tasks become shorter, so that all threads end at once; one thread does so anyway.
        shares = 2 * threads if threads > 1 else 1
        enough_s = max(_LEAST_TASK_S, min(_TASK_S, self._waiting_s / shares))
        most = min(_TIMES_LARGER * self._largest, _MOST_FRAGMENTS) if self._sizing.is_known else 1
        fragments = [self._backlog.take_one()]
        num_alerts = fragments[0].num_alerts
        while self._backlog and len(fragments) < most:
            more = num_alerts + self._backlog.first.num_alerts
            if self._sizing.seconds(len(fragments) + 1, more) > enough_s:
                break
            fragments.append(self._backlog.take_one())
            num_alerts = more
        return self._added(fragments, num_alerts)

    def _added(self, fragments: list[Fragment], num_alerts: int) -> Load:
        left_s = self._waiting_s + self._in_flight_s + self._sizing.seconds(len(fragments), num_alerts)
        wants = self._wants_identifiers(fragments)
        load = Load(fragments=tuple(fragments), is_extra=self._has_turn and left_s > _SMALL_S, with_identifiers=wants)
        self._in_flight[load] = _InFlight(num_fragments=len(fragments), num_alerts=num_alerts, is_extra=load.is_extra)
        return load

    @property
    def _has_turn(self) -> bool:
        return any(not one.is_extra for one in self._in_flight.values())

    @property
    def _waiting_s(self) -> float:
        return self._sizing.seconds(len(self._backlog), self._backlog.num_alerts)

    @property
    def _in_flight_s(self) -> float:
        """By what is known now: of what was submitted first, nothing was."""
        in_flight = self._in_flight.values()
        return self._sizing.seconds(
            sum(one.num_fragments for one in in_flight), sum(one.num_alerts for one in in_flight)
        )
