"""A cluster in memory, whose tasks end as a test says, in any order."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from distributed.scheduler import KilledWorker

from consumer.wire import LogLine, Manifest, NightDone
from engine.archive import Fragment
from engine.errors import JobError
from engine.transfer.coordinator.cluster import Load, Rules
from engine.transfer.worker import Outcome
from tests.engine.transfer.job_records import JOB, done


@dataclass(eq=False)
class FakeFuture:
    """A task that ends when the cluster, or a test, has it end."""

    work: Fragment | str | Load
    """What it works on; a fragment where it sends that alone."""
    run: Callable[[], object]
    status: str = "pending"
    value: object = None
    error: BaseException | None = None
    needs: object = None
    quota: int | None = None

    def __post_init__(self):
        self.works = self.work.fragments if isinstance(self.work, Load) else (self.work,)
        if len(self.works) == 1:
            self.work = self.works[0]

    def result(self):
        assert self.status == "finished", self.status
        return self.value

    def exception(self):
        return self.error

    def end(self) -> None:
        """Run the task."""
        try:
            self.value, self.error, self.status = self.run(), None, "finished"
        except Exception as exc:  # noqa: BLE001  as a cluster does
            self.value, self.error, self.status = None, exc, "error"


@dataclass
class FakeCluster:
    """A Cluster: its tasks end in the order that `choose` gives, and fail as `failures` says.

    `sent` is what was sent: for each fragment, how many of its selected alerts, each time.
    """

    selected: Mapping[int, int] | None = None
    """Alerts of each fragment that a filter selects; None: the job has no filter."""
    limit: int | None = None
    skip_unreadable: bool = False
    choose: Callable[[int], int] = lambda num_pending: 0
    """Which of so many tasks ends next."""
    failures: dict[tuple[str, object], list] = field(default_factory=lambda: defaultdict(list))
    """By what is done (`filter`, `send`, `count`) and to which fragment or night: what becomes of the first attempts
    (an exception, `lost`, `cancelled`, or None for success), then success."""
    before_each: Callable[[], None] = lambda: None
    """Called before anything ends."""
    num_threads: int = 1
    num_workers: int = 1
    facts: str = "a cluster in memory"
    said: list[LogLine] = field(default_factory=list)
    """What workers tell next."""
    counts_one_by_one: bool = False
    """Of tasks that are waited for, one ends at a time."""
    is_connected: bool = True
    is_busy: bool = False
    """Nothing ends."""
    refuses: Exception | None = None
    seconds: Callable[[Fragment], float | None] = lambda fragment: None
    """How long each fragment takes, as its record has it."""
    identifiers: Callable[[Fragment], np.ndarray | None] = lambda fragment: None
    has_thread: bool = False
    """Whether the coordinator may send a fragment itself."""

    def __post_init__(self):
        self.loads: list[Load] = []
        self.here: list[int] = []
        self.dead: list[FakeFuture] = []
        self.pending: list[FakeFuture] = []
        self.followed: set[FakeFuture] = set()
        self.lost: list[FakeFuture] = []
        self.sent: list[tuple[int, int]] = []
        self.num_counted = 0
        self.submitted: list[list[int]] = []
        self.counted: list[tuple[str, int]] = []
        self.cancelled: list[FakeFuture] = []
        self.released: list[FakeFuture] = []
        self.most_in_flight = 0
        self._idle = threading.Event()

    def take_up(self, manifest: Manifest, coordinator: str) -> Rules:
        if self.refuses:
            raise self.refuses
        return Rules(is_filtered=self.selected is not None, limit=self.limit, skip_unreadable=self.skip_unreadable)

    def _next_outcome(self, what: str, work: object) -> object:
        number = work.number if isinstance(work, Fragment) else work
        planned = self.failures.get((what, number))
        return planned.pop(0) if planned else None

    def _find(self, fragment: Fragment) -> int:
        if isinstance(failure := self._next_outcome("filter", fragment), Exception):
            raise failure
        return fragment.num_alerts if self.selected is None else self.selected[fragment.number]

    def new_lines(self) -> list[LogLine]:
        said, self.said = self.said, []
        return said

    def close(self) -> None:
        """Nothing is listened to."""

    def filter(self, window: Sequence[Fragment]) -> list[FakeFuture]:
        return [FakeFuture(work=f, run=lambda f=f: self._find(f)) for f in window]

    def count(self, found: Sequence[FakeFuture]) -> list[FakeFuture]:
        return [FakeFuture(work=f.work, run=lambda f=f: self._count(f), needs=f) for f in found]

    def _count(self, found: FakeFuture) -> int:
        self.num_counted += 1
        if found.status == "pending":
            found.end()
        if found.error:
            raise found.error
        return found.value

    def send(self, loads, found=None, quotas=None) -> list[FakeFuture]:
        assert quotas is None or len(loads) == len(quotas)
        assert found is None or len(found) == len(loads)
        self.submitted.append([fragment.number for load in loads for fragment in load.fragments])
        self.loads += loads
        return self._follow(
            [
                self._sending(load, None if found is None else found[at], None if quotas is None else quotas[at])
                for at, load in enumerate(loads)
            ]
        )

    def _sending(self, load: Load, found: FakeFuture | None, quota: int | None) -> FakeFuture:
        assert len(load.fragments) == 1 or (found is None and quota is None)
        future = FakeFuture(work=load, run=lambda: self._send(load, found, quota), needs=found, quota=quota)
        self.followed.add(future)
        return future

    def send_here(self, load: Load, quota: int) -> FakeFuture | None:
        if not self.has_thread:
            return None
        self.here.append(load.fragments[0].number)
        (future,) = self._follow([self._sending(load, None, quota)])
        return future

    def leave_thread(self) -> None:
        self.has_thread = False

    def send_again(self, future: FakeFuture, load: Load) -> FakeFuture:
        self.loads.append(load)
        assert set(load.fragments) <= set(future.works)
        if future.needs is not None and future.needs.status == "error":
            future.needs.status = "pending"
        (alone,) = self._follow([self._sending(load, future.needs, future.quota)])
        return alone

    def died(self) -> list[FakeFuture]:
        dead, self.dead = self.dead, []
        return dead

    def _send(self, load: Load, found: FakeFuture | None, quota: int | None) -> list[Outcome]:
        return [self._outcome(fragment, found, quota, load.with_identifiers) for fragment in load.fragments]

    def _outcome(self, fragment: Fragment, found: FakeFuture | None, quota: int | None, wants: bool) -> Outcome:
        failure = self._next_outcome("send", fragment)
        if isinstance(failure, JobError | KilledWorker):
            raise failure
        if isinstance(failure, Exception):
            return Outcome(fragment=fragment, failure=failure)
        if found is None:
            try:
                num_selected = self._find(fragment)
            except Exception as exc:  # noqa: BLE001  as a worker does
                return Outcome(fragment=fragment, failure=exc)
        else:
            num_selected = self._count(found)
        num_sent = num_selected if quota is None else min(quota, num_selected)
        self.sent.append((fragment.number, num_sent))
        record = done(fragment, num_selected=num_selected, num_sent=num_sent)
        identifiers = self.identifiers(fragment) if wants else None
        return Outcome(fragment=fragment, done=replace(record, seconds=self.seconds(fragment)), identifiers=identifiers)

    def count_night(self, fragments: Sequence[Fragment]) -> FakeFuture:
        night = fragments[0].file.night.isoformat()
        assert {fragment.file.night.isoformat() for fragment in fragments} == {night}
        return self._follow([FakeFuture(work=night, run=lambda: self._count_night(night, fragments))])[0]

    def _count_night(self, night: str, fragments: Sequence[Fragment]) -> NightDone:
        if isinstance(failure := self._next_outcome("count", night), Exception):
            raise failure
        num_alerts = sum(fragment.num_alerts for fragment in fragments)
        self.counted.append((night, num_alerts))
        return NightDone(job_id=JOB, night=night, num_alerts=num_alerts, num_duplicates=0, time=1.0)

    def _follow(self, futures: list[FakeFuture]) -> list[FakeFuture]:
        self.pending += futures
        self.followed |= set(futures)
        self.most_in_flight = max(self.most_in_flight, len(self.pending))
        return futures

    def ended(self, timeout_s: float) -> list[FakeFuture]:
        self.before_each()
        for future in self.lost:
            future.end()  # computed again; nobody is told
        self.lost = []
        if not self.pending or self.is_busy:
            self._idle.wait(min(timeout_s, 0.002))
            return []
        future = self.pending.pop(self.choose(len(self.pending)))
        for work in future.works:
            key = ("send", work.number) if isinstance(work, Fragment) else ("count", work)
            if (self.failures.get(key) or [None])[0] in ("lost", "cancelled"):
                future.status = self.failures[key].pop(0)
                if future.status == "lost":
                    self.lost.append(future)
                break
        else:
            future.end()
        return [future]

    def wait(self, futures: Sequence[FakeFuture], timeout_s: float) -> None:
        self.before_each()
        for future in futures:
            if future.status == "pending":
                future.end()
                if self.counts_one_by_one:
                    return

    def retry(self, future: FakeFuture) -> None:
        assert future.status == "error"
        future.status = "pending"
        if future.needs is not None and future.needs.status == "error":
            future.needs.status = "pending"  # Dask runs what failed of it again, too
        if future in self.followed:
            self.pending.append(future)

    def release(self, future: FakeFuture) -> None:
        self.released.append(future)

    def cancel(self, futures: Sequence[FakeFuture]) -> None:
        self.cancelled += futures
        self.pending = [future for future in self.pending if future not in futures]


def totals(cluster: FakeCluster) -> Counter[int]:
    """Return how often each fragment was sent."""
    return Counter(number for number, _ in cluster.sent)
