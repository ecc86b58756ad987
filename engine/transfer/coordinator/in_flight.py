"""What is in flight: which task works on what, and what becomes of each when it ends, fails, or its worker dies.

Each fragment has a record, a failure and attempts of its own, whatever task it was sent by. What is sent again is sent
alone, so that a fragment that ends its worker takes no other down with it a second time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic

import numpy as np
from distributed.scheduler import KilledWorker

from consumer.wire import FragmentDone, NightDone
from engine.archive import Fragment
from engine.telemetry import tell
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT, Load, Work
from engine.transfer.coordinator.flow import Flow
from engine.transfer.coordinator.nights import Nights
from engine.transfer.coordinator.retries import Attempts, named
from engine.transfer.coordinator.window import Backlog
from engine.transfer.worker import Outcome

__all__ = ["InFlight"]

Finished = list[FragmentDone | NightDone]
"""Records that are to be written."""


class InFlight(Generic[FutureT]):
    """The tasks of a job that have not ended.

    Parameters
    ----------
    cluster
        What runs them.
    attempts
        Judges what fails.
    flow
        Cuts the job into tasks.
    nights
        Counts nights by what comes with their fragments.
    await_sink
        Returns once the sink answers.
    """

    def __init__(
        self,
        cluster: Cluster[FutureT],
        attempts: Attempts,
        flow: Flow,
        nights: Nights,
        await_sink: Callable[[], None],
    ):
        self._cluster = cluster
        self._attempts = attempts
        self._flow = flow
        self._nights = nights
        self._await_sink = await_sink
        self._works: dict[FutureT, Load | str] = {}
        self._lost: list[FutureT] = []
        self._nights_left: deque[Sequence[Fragment]] = deque()
        """Fragments of each night that a task is to count once no fragment waits any more."""

    def __bool__(self) -> bool:
        """Return whether anything is still to be done of what was begun."""
        return bool(self._works or self._nights_left)

    @property
    def futures(self) -> list[FutureT]:
        """All that have not ended."""
        return list(self._works)

    @property
    def works(self) -> Iterator[Work]:
        """The fragments and nights that are worked on."""
        for work in self._works.values():
            yield from [work] if isinstance(work, str) else work.fragments

    @property
    def is_sending(self) -> bool:
        """Whether any fragment is being sent."""
        return any(isinstance(work, Load) for work in self._works.values())

    def send(
        self,
        loads: Sequence[Load],
        found: Sequence[FutureT] | None = None,
        quotas: Sequence[int | None] | None = None,
    ) -> None:
        """Have loads sent; the parameters are those of `Cluster.send`."""
        self._works |= zip(self._cluster.send(loads, found, quotas), loads, strict=True)

    def send_here(self, fragment: Fragment, limit: int) -> bool:
        """Have the first selected alerts of a fragment sent in this thread; return whether that may be."""
        load = Load(fragments=(fragment,))
        if (future := self._cluster.send_here(load, limit)) is None:
            return False
        self._works[future] = load
        return True

    def count_nights(self, backlog: Backlog) -> None:
        """Have nights counted by tasks, once no fragment waits any more."""
        if backlog:
            return
        self._nights_left += [fragments for _, fragments in backlog.take_nights()]
        while self._nights_left and self._flow.has_room_for_night(backlog.num_threads):
            fragments = self._nights_left.popleft()
            night = fragments[0].file.night.isoformat()
            self._flow.add_night(night)
            self._works[self._cluster.count_night(fragments)] = night

    def take_in(self, ended: Sequence[FutureT], finished: Finished) -> None:
        """Take in what has ended: records are added to `finished`, and what failed is judged.

        Raises
        ------
        AlertTransferError
            If a failure fails the job.
        ClusterLost
            If the connection to the cluster broke.
        """
        lost, self._lost = self._lost, []
        for future in [*lost, *ended]:
            if future not in self._works:
                continue  # it was given up, and ended all the same
            if future.status in ("lost", "pending"):
                # Its worker died after it had finished: the scheduler has it computed again.
                if future not in lost:
                    what = named(self._works[future])
                    tell(f"{what} is worked on again: what came of it was lost with its worker", event="lost-result")
                self._lost.append(future)
            elif future.status == "cancelled":
                # Not by this coordinator: a future is called so when the connection to the scheduler breaks.
                raise ClusterLost
            else:
                self._take_in(future, future.exception() if future.status == "error" else None, finished)
        self._part_those_that_died()
        self._hasten()

    def _take_in(self, future: FutureT, failure: BaseException | None, finished: Finished) -> None:
        work = self._works[future]
        if isinstance(work, str):
            if failure is None:
                finished.append(future.result())
                self._let_go(future)
            elif self._attempts.judge(work, failure) is None:
                self._await_sink()
                self._cluster.retry(future)
        elif isinstance(failure, KilledWorker) and len(work.fragments) > 1:
            self._part(future, work.fragments)
        elif failure is None:
            self._part(future, self._settled(future.result(), finished))
        else:
            again = [fragment for fragment in work.fragments if not self._is_left_out(fragment, failure, finished)]
            if len(again) == len(work.fragments) == 1:
                self._await_sink()
                self._cluster.retry(future)
            else:
                self._part(future, again)

    def _settled(self, outcomes: Sequence[Outcome], finished: Finished) -> list[Fragment]:
        """Take in what became of each fragment of a task; return those that are to be sent again."""
        for outcome in outcomes:
            if outcome.done is not None:
                self._finish(outcome.done, outcome.fragment, outcome.identifiers, finished)
        # Only now: what was sent is told, whatever a failure does to the job.
        failed = [(outcome.fragment, outcome.failure) for outcome in outcomes if outcome.failure is not None]
        return [fragment for fragment, failure in failed if not self._is_left_out(fragment, failure, finished)]

    def _is_left_out(self, fragment: Fragment, failure: BaseException, finished: Finished) -> bool:
        """Judge a failure; return whether the job goes on without the fragment, rather than to send it again."""
        left_out = self._attempts.judge(fragment, failure)
        if left_out is not None:
            self._finish(left_out, fragment, None, finished)
        return left_out is not None

    def _finish(
        self, done: FragmentDone, fragment: Fragment, identifiers: np.ndarray | None, finished: Finished
    ) -> None:
        finished.append(done)
        counted = self._nights.take_in(fragment, identifiers)
        if isinstance(counted, NightDone):
            finished.append(counted)
        elif counted:
            self._nights_left.append(counted)

    def _part(self, future: FutureT, again: Sequence[Fragment]) -> None:
        """Let go of a task, and have these of its fragments sent again, each alone."""
        if again:
            self._await_sink()
        for fragment in again:
            self._send_again(future, [fragment])
        self._let_go(future)

    def _part_those_that_died(self) -> None:
        for future in self._cluster.died():
            load = self._works.get(future)
            if isinstance(load, Load) and len(load.fragments) > 1:
                tell(f"{named(load)} were on a worker that died: each is sent alone now", event="parted")
                self._cluster.cancel([future])
                self._part(future, load.fragments)

    def _hasten(self) -> None:
        """Submit once more what other jobs would pass for ever, now that it is the turn of this one."""
        if (load := self._flow.stuck()) is not None:
            future = next(one for one, work in self._works.items() if work is load)
            self._cluster.cancel([future])
            self._send_again(future, load.fragments)
            self._let_go(future)

    def _send_again(self, future: FutureT, fragments: Sequence[Fragment]) -> None:
        load = self._flow.again(fragments)
        self._works[self._cluster.send_again(future, load)] = load

    def _let_go(self, future: FutureT) -> None:
        self._flow.ended(self._works.pop(future))
        self._cluster.release(future)
