"""The flow: which fragments one task sends, how much of a job is on the cluster at once, and whose turn it is.

A task lasts about a second and what is in flight a few, whatever fragments take: jobs that share a cluster come by
turns, and a fragment costs no task of its own. The first tasks have one fragment each, so that a first alert comes
early; then they grow to what was measured, at most twice as large each time.

Of a job that has much left one task has the cluster's common rank, and the others have the rank below; of a job that
has little left all have the common rank. Tasks of one rank come in the order in which they were submitted. So small
jobs pass large ones, which still get a task done in each turn, however many small ones come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.wire import FragmentDone
from engine.archive import Fragment
from engine.transfer.coordinator.cluster import Load
from engine.transfer.coordinator.sizing import Sizing
from engine.transfer.coordinator.window import Backlog

__all__ = ["Flow"]

_TASK_S = 1.0
_IN_FLIGHT_S = 3.0
"""For each thread."""
_SMALL_S = 5.0
_MOST_FRAGMENTS = 500
_TIMES_LARGER = 2


@dataclass(frozen=True, kw_only=True)
class _InFlight:
    seconds: float
    is_extra: bool


class Flow:
    """Cuts what waits of a job into tasks.

    Parameters
    ----------
    backlog
        The fragments that wait.
    wants_identifiers
        Whether the identifiers of some of these fragments are wanted.
    """

    def __init__(
        self, backlog: Backlog, wants_identifiers: Callable[[Sequence[Fragment]], bool] = lambda fragments: False
    ):
        self._backlog = backlog
        self._wants_identifiers = wants_identifiers
        self._sizing = Sizing()
        self._in_flight: dict[Load | str, _InFlight] = {}
        self._largest = 0
        """Most fragments of a task that has ended."""

    def next_loads(self, num_threads: int) -> list[Load]:
        """Return what is to be submitted now, so that a cluster that has so many threads stays busy."""
        threads = max(1, num_threads)
        loads: list[Load] = []
        while self._backlog and self._has_room(threads):
            loads.append(self._next(threads))
        return loads

    def again(self, fragment: Fragment) -> Load:
        """Return a fragment that was in flight as a task of its own."""
        return self._added([fragment], self._sizing.seconds(1, fragment.num_alerts))

    def has_room_for_night(self, num_threads: int) -> bool:
        """Return whether a night is to be counted by a task now."""
        return len(self._in_flight) <= max(1, num_threads)

    def add_night(self, night: str) -> bool:
        """Take in that a night is counted by a task; return whether that comes behind those of other jobs."""
        # A night that is counted by a task is a large one: it is no part of what is left of a small job.
        is_extra = self._has_turn
        self._in_flight[night] = _InFlight(seconds=_SMALL_S, is_extra=is_extra)
        return is_extra

    def ended(self, work: Load | str) -> None:
        """Take in that a task has ended, whatever came of it."""
        if isinstance(work, Load):
            self._largest = max(self._largest, len(work.fragments))
        self._in_flight.pop(work, None)

    def learn(self, done: FragmentDone) -> None:
        """Take in a fragment that was sent."""
        self._sizing.learn(done)

    def _has_room(self, threads: int) -> bool:
        num_tasks = len(self._in_flight)
        if num_tasks >= self._backlog.capacity(threads):
            return False
        if not self._sizing.is_known:
            # One task is to follow on each thread while the first is taken in, and no more before something is known.
            return num_tasks < 2 * threads or self._largest > 0
        return num_tasks <= threads or self._in_flight_s < _IN_FLIGHT_S * threads

    def _next(self, threads: int) -> Load:
        # Towards the end tasks become shorter, so that all threads end at once.
        enough_s = min(_TASK_S, self._waiting_s / (2 * threads))
        most = min(_TIMES_LARGER * self._largest, _MOST_FRAGMENTS) if self._sizing.is_known else 1
        fragments = [self._backlog.take_one()]
        num_alerts = fragments[0].num_alerts
        while self._backlog and len(fragments) < most:
            more = num_alerts + self._backlog.first.num_alerts
            if self._sizing.seconds(len(fragments) + 1, more) > enough_s:
                break
            fragments.append(self._backlog.take_one())
            num_alerts = more
        return self._added(fragments, self._sizing.seconds(len(fragments), num_alerts))

    def _added(self, fragments: list[Fragment], seconds: float) -> Load:
        is_large = self._waiting_s + self._in_flight_s + seconds > _SMALL_S
        wants = self._wants_identifiers(fragments)
        load = Load(fragments=tuple(fragments), is_extra=self._has_turn and is_large, with_identifiers=wants)
        self._in_flight[load] = _InFlight(seconds=seconds, is_extra=load.is_extra)
        return load

    @property
    def _has_turn(self) -> bool:
        return any(not one.is_extra for one in self._in_flight.values())

    @property
    def _waiting_s(self) -> float:
        return self._sizing.seconds(len(self._backlog), self._backlog.num_alerts)

    @property
    def _in_flight_s(self) -> float:
        return sum(one.seconds for one in self._in_flight.values())
