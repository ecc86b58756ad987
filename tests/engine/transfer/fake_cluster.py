"""A cluster in memory, whose tasks end as a test says, in any order."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from consumer.wire import FragmentDone, LogLine, Manifest, NightDone
from engine.archive import Fragment
from engine.transfer.coordinator.cluster import Rules
from tests.engine.transfer.job_records import JOB, done


@dataclass(eq=False)
class FakeFuture:
    """A task that ends when the cluster, or a test, has it end."""

    work: Fragment | str
    run: Callable[[], object]
    status: str = "pending"
    value: object = None
    error: BaseException | None = None
    needs: object = None

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

    def __post_init__(self):
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

    def send(self, window, found, quotas) -> list[FakeFuture]:
        assert len(window) == len(quotas)
        assert found is None or len(found) == len(window)
        self.submitted.append([fragment.number for fragment in window])
        futures = [
            FakeFuture(work=fragment, run=lambda f=fragment, p=position, q=quota: self._send(f, p, q), needs=position)
            for fragment, position, quota in zip(window, found or [None] * len(window), quotas, strict=True)
        ]
        return self._follow(futures)

    def _send(self, fragment: Fragment, found: FakeFuture | None, quota: int | None) -> FragmentDone:
        if isinstance(failure := self._next_outcome("send", fragment), Exception):
            raise failure
        num_selected = self._find(fragment) if found is None else self._count(found)
        num_sent = num_selected if quota is None else min(quota, num_selected)
        self.sent.append((fragment.number, num_sent))
        return done(fragment, num_selected=num_selected, num_sent=num_sent)

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
        what = "send" if isinstance(future.work, Fragment) else "count"
        number = future.work.number if isinstance(future.work, Fragment) else future.work
        if (self.failures.get((what, number)) or [None])[0] in ("lost", "cancelled"):
            future.status = self.failures[what, number].pop(0)
            if future.status == "lost":
                self.lost.append(future)
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


def totals(cluster: FakeCluster) -> Counter[int]:
    """Return how often each fragment was sent."""
    return Counter(number for number, _ in cluster.sent)
