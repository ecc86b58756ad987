"""A sink in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pyarrow as pa

from consumer.wire import FragmentDone
from engine.errors import JobError
from tests.engine.transfer.job_records import TOPIC

ACKNOWLEDGED_AFTER_S = 0.15


class FakeWriter:
    """Keeps blocks until it is finished, then hands them to its sink."""

    def __init__(self, sink, fragment, figures, is_wanted):
        self._sink, self._fragment, self._figures, self._is_wanted = sink, fragment, figures, is_wanted
        self._rows, self._blocks = [], []

    def write(self, rows, block, encoded) -> None:
        assert len(rows) == block.num_rows == len(encoded)
        self._rows += rows.tolist()
        self._blocks.append(block)

    def send(self, beside=None) -> None:
        self._sink.written.append((self._fragment.number, self._rows))
        self._sink.blocks += self._blocks

    def send_on(self) -> None:
        """It has taken all at once."""

    def abandon(self) -> None:
        self._sink.abandoned.append(self._fragment.number)

    def finish(self) -> FragmentDone:
        return self._figures.done(nbytes=7, partitions={0: len(self._rows)})


class FakeSink:
    """A Sink that keeps in memory what it is sent."""

    place = f"the topic {TOPIC}"

    def __init__(self):
        self.is_there = False
        self.written: list[tuple[int, list[int]]] = []
        self.blocks = []
        self.abandoned: list[int] = []
        self.num_encoded: list[int] = []
        """Alerts that were encoded at once, each time."""
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

    def open(self, fragment, figures, is_wanted, folder=None) -> FakeWriter:
        return FakeWriter(self, fragment, figures, is_wanted)

    def encode(self, block) -> pa.Array:
        self.num_encoded.append(block.num_rows)
        return pa.array(range(block.num_rows))

    def await_answer(self, timeout_s: float) -> None:
        """It is never away."""

    def exists(self) -> bool:
        return self.is_there

    def check_holds(self, acknowledged: Mapping[int, int]) -> None:
        if self.num_held is not None and sum(acknowledged.values()) > self.num_held:
            raise JobError(f"{sum(acknowledged.values()) - self.num_held} alerts are not there any more")


def there() -> FakeSink:
    """Return a sink that was prepared."""
    sink = FakeSink()
    sink.is_there = True
    return sink


class SlowWriter(FakeWriter):
    """Waits for an acknowledgement, as real sinks do."""

    def finish(self) -> FragmentDone:
        time.sleep(ACKNOWLEDGED_AFTER_S)
        return super().finish()


class SlowSink(FakeSink):
    """A sink that takes its time, so that a job's tasks wait for workers."""

    def open(self, fragment, figures, is_wanted, folder=None) -> SlowWriter:
        return SlowWriter(self, fragment, figures, is_wanted)
