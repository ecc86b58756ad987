"""A manifest in memory, which several stores write and read at once, and which may be away."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from consumer.wire import JobSummary, Manifest, Plan, Record, StateChange, decode_record, encode_record
from engine.errors import KafkaError, RequestError
from tests.engine.transfer.job_records import TOPIC, plan_records, says


class Log:
    """What a manifest topic holds, for all who write and read it; `outages` of the calls to come fail."""

    def __init__(self):
        self.values: list[bytes] = []
        self.announced: list[tuple[str, int]] = []
        self.others: list[JobSummary] = []
        """Other jobs that have not ended."""
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
            self._manifest.take(value)
        return self._manifest

    def wait_for_more(self, timeout_s: float) -> Manifest:
        with self.log.changed:
            # Shorter than a real one: a test that waits for a thread that listens must not wait for nothing.
            self.log.changed.wait_for(lambda: len(self.log.values) > self._num_read, min(timeout_s, 0.005))
        return self.refresh()

    def announce(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        self.log.touch()
        self.log.announced.append((state, num_alerts_sent))

    def others(self, owner: str) -> list[JobSummary]:
        self.log.touch()
        return [job for job in self.log.others if job.owner == owner]

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


def planned(sizes: Sequence[int], *records: Record, per_night: int = 10**6) -> FakeStore:
    """Return the manifest of a job that is queued, read."""
    store = FakeStore()
    store.append(*plan_records(sizes, per_night=per_night), says("queued"), *records)
    store.refresh()
    return store
