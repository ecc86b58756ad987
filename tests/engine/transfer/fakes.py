"""A job's surroundings in memory: a manifest, a sink and a cluster whose tasks end as a test says, in any order."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from consumer.wire import (
    FragmentDone,
    Manifest,
    NightDone,
    Plan,
    PlanPart,
    Record,
    StateChange,
    decode_record,
    encode_record,
)
from engine.archive import Fragment
from engine.errors import JobError, KafkaError, RequestError
from engine.transfer.coordinator.cluster import Rules
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.versions import engine_version

__all__ = [
    "JOB",
    "TOPIC",
    "FakeCluster",
    "FakeSink",
    "FakeStore",
    "Log",
    "done",
    "fragments_of",
    "plan_records",
    "planned",
    "says",
    "there",
    "totals",
]

JOB, TOPIC = "a-job", "ftransfer_fake"
FIRST_NIGHT = dt.date(2021, 11, 1)


class Log:
    """What a manifest topic holds, for all who write and read it; `outages` of the calls to come fail."""

    def __init__(self):
        self.values: list[bytes] = []
        self.announced: list[tuple[str, int]] = []
        self.outages = 0
        self.is_there = True
        self.changed = threading.Condition()

    def touch(self) -> None:
        """Fail as a Kafka does that is away."""
        with self.changed:
            if self.outages > 0:
                self.outages -= 1
                raise KafkaError("no Kafka answers")


class FakeStore:
    """A ManifestStore: the view of one reader and writer of a log."""

    topic = TOPIC
    place = f"the topic {TOPIC}_manifest"
    address = "Kafka at nowhere:9092"

    def __init__(self, log: Log | None = None):
        self.log = log or Log()
        self._manifest = Manifest()
        self._num_read = 0
        self.num_awaited = 0

    @property
    def manifest(self) -> Manifest:
        if not self.log.is_there:
            raise RequestError(f"there is no job {self.topic!r}")
        return self._manifest

    def exists(self) -> bool:
        self.log.touch()
        return self.log.is_there

    def append(self, *records: Record) -> None:
        self.log.touch()
        with self.log.changed:
            self.log.values += [encode_record(record)[1] for record in records]
            self.log.changed.notify_all()

    def refresh(self) -> Manifest:
        self.log.touch()
        with self.log.changed:
            values, self._num_read = self.log.values[self._num_read :], len(self.log.values)
        for value in values:
            self._manifest.apply(decode_record(value))
        return self._manifest

    def wait_for_more(self, timeout_s: float) -> Manifest:
        with self.log.changed:
            # Shorter than a real one: whoever waits for a thread that listens is not to wait for nothing.
            self.log.changed.wait_for(lambda: len(self.log.values) > self._num_read, min(timeout_s, 0.005))
        return self.refresh()

    def announce(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        self.log.touch()
        self.log.announced.append((state, num_alerts_sent))

    def await_answer(self, timeout_s: float) -> None:
        self.num_awaited += 1

    def close(self) -> None:
        """Nothing is open."""

    def states(self) -> list[str]:
        """Return what is written of the job's state."""
        return [record.state for record in self.records() if isinstance(record, StateChange)]

    def records(self) -> list[Record | None]:
        """Return all that is written."""
        return [decode_record(value) for value in self.log.values]


class FakeWriter:
    """Keeps blocks until it is finished, then hands them to its sink."""

    def __init__(self, sink, fragment, figures, is_wanted):
        self._sink, self._fragment, self._figures, self._is_wanted = sink, fragment, figures, is_wanted
        self._rows, self._blocks = [], []

    def write(self, rows, block) -> None:
        assert len(rows) == block.num_rows
        self._rows += rows.tolist()
        self._blocks.append(block)

    def finish(self) -> FragmentDone:
        self._sink.written.append((self._fragment.number, self._rows))
        self._sink.blocks += self._blocks
        return self._figures.done(nbytes=7, partitions={0: len(self._rows)})


class FakeSink:
    """A Sink that keeps in memory what it is sent."""

    place = f"the topic {TOPIC}"

    def __init__(self):
        self.is_there = False
        self.written: list[tuple[int, list[int]]] = []
        self.blocks = []
        self.num_held: int | None = None
        self.refuses: Exception | None = None
        self.keeps: Exception | None = None

    def prepare(self, plan) -> FakeSink:
        if self.refuses:
            raise self.refuses
        self.is_there = True
        return self

    def take_up(self, plan) -> FakeSink:
        return self

    def terms(self) -> Mapping[str, int]:
        return {"num_partitions": 1, "max_message_nbytes": 1_000_000}

    def discard(self) -> None:
        if self.keeps:
            raise self.keeps
        self.is_there = False

    def open(self, fragment, figures, is_wanted) -> FakeWriter:
        return FakeWriter(self, fragment, figures, is_wanted)

    def await_answer(self, timeout_s: float) -> None:
        """It is never away."""

    def exists(self) -> bool:
        return self.is_there

    def check_holds(self, acknowledged: Mapping[int, int]) -> None:
        if self.num_held is not None and sum(acknowledged.values()) > self.num_held:
            raise JobError(f"{sum(acknowledged.values()) - self.num_held} alerts are not there any more")


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
    is_connected: bool = True
    is_busy: bool = False
    """Nothing ends."""
    refuses: Exception | None = None

    def __post_init__(self):
        self.pending: list[FakeFuture] = []
        self.lost: list[FakeFuture] = []
        self.sent: list[tuple[int, int]] = []
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

    def filter(self, window: Sequence[Fragment]) -> list[FakeFuture]:
        return [FakeFuture(work=f, run=lambda f=f: self._find(f)) for f in window]

    def count(self, found: Sequence[FakeFuture]) -> list[FakeFuture]:
        return [FakeFuture(work=f.work, run=lambda f=f: self._count(f), needs=f) for f in found]

    def _count(self, found: FakeFuture) -> int:
        if found.status != "finished":
            found.end()
        if found.error:
            raise found.error
        return found.value

    def send(self, window, found, quotas) -> list[FakeFuture]:
        assert len(window) == len(quotas)
        assert found is None or len(found) == len(window)
        self.submitted.append([fragment.number for fragment in window])
        futures = [
            FakeFuture(work=fragment, run=lambda f=fragment, p=position, q=quota: self._send(f, p, q))
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

    def retry(self, future: FakeFuture) -> None:
        assert future.status == "error"
        future.status = "pending"
        if future.needs is None:
            self.pending.append(future)
        elif future.needs.status == "error":
            future.needs.status = "pending"

    def release(self, future: FakeFuture) -> None:
        self.released.append(future)

    def cancel(self, futures: Sequence[FakeFuture]) -> None:
        self.cancelled += futures


def done(fragment: Fragment, *, num_selected: int, num_sent: int, time: float = 1.0) -> FragmentDone:
    """Return the record of a fragment that was sent."""
    return FragmentDone(
        job_id=JOB,
        fragment=fragment.number,
        num_alerts=fragment.num_alerts,
        num_selected=num_selected,
        num_sent=num_sent,
        nbytes=num_sent,
        partitions={0: num_sent} if num_sent else {},
        digest=f"{0:032x}",
        time=time,
    )


def plan_records(sizes: Sequence[int], *, per_night: int = 10**6) -> list[Plan | PlanPart]:
    """Return the records of a plan: a fragment for each size, each a file, so many files a night."""
    files, fragments = [], []
    for number, size in enumerate(sizes):
        night = FIRST_NIGHT + dt.timedelta(days=number // per_night)
        path = f"/science/{night}/part-{number}.parquet"
        files.append(
            {"index": number, "path": path, "size": 1, "etag": None, "footer_crc": None, "night": night.isoformat()}
        )
        fragments.append(
            {
                "fragment": number,
                "file": number,
                "row_groups": [0],
                "row_group_alerts": [size],
                "num_alerts": size,
                "lacking": [],
            }
        )
    plan = Plan(
        job_id=JOB,
        topic=TOPIC,
        engine_version=engine_version(),
        created_at=0.0,
        request={},
        num_partitions=1,
        num_files=len(files),
        num_fragments=len(fragments),
        num_parts=1,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )
    return [plan, PlanPart(job_id=JOB, index=0, files=files, fragments=fragments)]


def planned(sizes: Sequence[int], *records: Record, per_night: int = 10**6) -> FakeStore:
    """Return the manifest of a job that is queued, read."""
    store = FakeStore()
    store.append(*plan_records(sizes, per_night=per_night), says("queued"), *records)
    store.refresh()
    return store


def says(state: str, coordinator: str | None = None, time: float = 0.0) -> StateChange:
    """Return what a coordinator, or somebody else, writes of the job's state."""
    return StateChange(job_id=JOB, state=state, time=time, coordinator=coordinator)


def there() -> FakeSink:
    """Return a sink that was prepared."""
    sink = FakeSink()
    sink.is_there = True
    return sink


def totals(cluster: FakeCluster) -> Counter[int]:
    """Return how often each fragment was sent."""
    return Counter(number for number, _ in cluster.sent)
