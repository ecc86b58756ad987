"""Kafka as a sink: topics, message keys, partitions, and how large a message may be."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.wire import FragmentDone, Plan, encode_keys, partitions_of
from engine.archive import Fragment
from engine.errors import EncodeError, InputError, JobError, MessageSizeError
from engine.kafka import FragmentSender, KafkaCluster
from engine.planning import TransferPlan
from engine.schema import encode
from engine.sinks.figures import FragmentFigures
from engine.sinks.spool import Spool
from engine.sinks.taking_back import taken_back_on_failure

__all__ = ["KafkaSink"]

NUM_PARTITIONS = 10
# What Kafka adds to a key and a value in a batch of one, and a margin.
_FRAMING_NBYTES = 1024
# librdkafka copies a message: of so many there are two copies for a moment, if they are small.
_SENT_AT_ONCE = 256
# Of larger ones a copy costs more than a view.
_VIEWED_NBYTES = 4096


@dataclass(frozen=True, kw_only=True)
class KafkaSink:
    """A job's topics; see `Sink`. One alert is one message, which holds one Avro datum."""

    kafka: KafkaCluster
    topic: str
    num_partitions: int = NUM_PARTITIONS
    max_message_nbytes: int = 0
    """Largest message that the topic takes; known once the topic is there."""
    schema: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Avro schema of the datums; the plan's."""

    @property
    def place(self) -> str:
        """Return what it is."""
        return f"the topic {self.topic}"

    def check_possible(self) -> None:
        """Raise if Kafka would not have the job's topics made."""
        self.kafka.check_creatable(self.topic, self.num_partitions)

    def prepare(self, plan: TransferPlan) -> KafkaSink:
        """Create the job's three topics, and write the copies of the schema that existing clients poll."""
        self.kafka.create_job_topics(self.topic, self.num_partitions)
        with taken_back_on_failure(self.discard, self.topic):
            max_message_nbytes = self.kafka.max_message_nbytes(self.topic)
            _check_average(plan, max_message_nbytes)
            self.kafka.write_schema(self.topic, plan.schema)
        return replace(self, max_message_nbytes=max_message_nbytes, schema=plan.schema)

    def take_up(self, plan: Plan) -> KafkaSink:
        """Return the sink as the manifest's plan describes it."""
        max_message_nbytes = plan.details["max_message_nbytes"]
        if type(max_message_nbytes) is not int:
            raise TypeError(f"max_message_nbytes is a {type(max_message_nbytes).__name__}")
        return replace(
            self,
            num_partitions=plan.num_partitions,
            max_message_nbytes=max_message_nbytes,
            schema=plan.schema,
        )

    def terms(self) -> Mapping[str, Any]:
        """Return what the plan's record says of the topic."""
        return {"num_partitions": self.num_partitions, "max_message_nbytes": self.max_message_nbytes}

    def discard(self) -> None:
        """Delete the job's three topics, and their rights."""
        self.kafka.delete_job_topics(self.topic)

    def open(
        self, fragment: Fragment, figures: FragmentFigures, is_wanted: Callable[[], bool], folder: str | None = None
    ) -> _KafkaWriter:
        """Return what keeps the alerts of one fragment, and sends them at its end."""
        return _KafkaWriter(self, fragment, figures, is_wanted, folder)

    def encode(self, block: pa.RecordBatch) -> pa.LargeBinaryArray:
        """Return the alerts' datums."""
        return encode(block, dict(self.schema))

    def await_answer(self, timeout_s: float) -> None:
        """Return once a broker answers."""
        self.kafka.await_answer(timeout_s)

    def exists(self) -> bool:
        """Return whether the topic is there; a broker that was just started is given a moment to know it again."""
        return self.kafka.has_topic(self.topic)

    def check_holds(self, acknowledged: Mapping[int, int]) -> None:
        """Raise if a partition ends before what it acknowledged: messages were lost, or the topic was made anew."""
        ends = self.kafka.ends(self.topic, self.num_partitions)
        lacks = {partition: num_alerts - ends[partition] for partition, num_alerts in acknowledged.items()}
        lacks = {partition: lack for partition, lack in lacks.items() if lack > 0}
        if lacks:
            raise JobError(
                f"Kafka acknowledged {sum(lacks.values())} alerts that the topic {self.topic} does not hold"
                f" (partitions {sorted(lacks)}): they were lost there, or the topic was made anew",
                next_step="ask Kafka's operators about unclean leader elections, and submit the request again",
            )


@dataclass(frozen=True, order=True)
class _Datum:
    """A message's size, and which alert it holds."""

    nbytes: int = 0
    row: int = 0
    identifier: int = 0


class _KafkaWriter:
    """Keeps the encoded alerts of one fragment, and sends them at the end."""

    def __init__(
        self,
        sink: KafkaSink,
        fragment: Fragment,
        figures: FragmentFigures,
        is_wanted: Callable[[], bool],
        folder: str | None,
    ):
        self._sink = sink
        self._fragment = fragment
        self._figures = figures
        self._is_wanted = is_wanted
        self._encoded = Spool(folder)
        self._sender: FragmentSender | None = None
        self._handing: Iterator[None] = iter(())
        """Hands alerts over, and stops where the queue has no room."""
        self._per_partition = np.zeros(sink.num_partitions, dtype=np.int64)
        self._largest = _Datum()
        self._nbytes = 0

    def write(self, rows: np.ndarray, block: pa.RecordBatch, encoded: pa.LargeBinaryArray) -> None:
        """Keep alerts."""
        ends = np.frombuffer(encoded.buffers()[1], dtype=np.int64)
        sizes = np.diff(ends[encoded.offset : encoded.offset + len(encoded) + 1])
        at = int(np.argmax(sizes))
        identifier = int(self._figures.identifiers(block)[at])
        self._largest = max(self._largest, _Datum(int(sizes[at]), int(rows[at]), identifier))
        if self._largest.nbytes > self._sink.max_message_nbytes - _FRAMING_NBYTES:
            raise self._too_large(self._sink.max_message_nbytes)
        self._encoded.put(rows, encoded)
        self._nbytes += int(sizes.sum())

    def send(self, beside: _KafkaWriter | None = None) -> None:
        """Begin to queue the alerts."""
        sink = self._sink
        before = None if beside is None else beside._sender
        self._sender = FragmentSender(sink.kafka, sink.topic, self._is_wanted, before)
        self._handing = _hand_over(self._encoded, self._sender, self._fragment.number, self._per_partition)
        self.send_on()

    def send_on(self) -> None:
        """Queue as many alerts as there is room for."""
        with self._explained():
            next(self._handing, None)

    def abandon(self) -> None:
        """Drop what is still queued."""
        if self._sender is not None:
            self._sender.abandon()

    def finish(self) -> FragmentDone:
        """Return once all is acknowledged."""
        if self._sender is None:
            self.send()
        assert self._sender is not None
        with self._explained():
            for _ in self._handing:
                self._sender.wait()
            self._sender.finish()
        held = {partition: int(num_alerts) for partition, num_alerts in enumerate(self._per_partition) if num_alerts}
        return self._figures.done(nbytes=self._nbytes, partitions=held)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Name the alert that is too large, where what the topic takes was lowered since the job was planned."""
        try:
            yield
        except MessageSizeError as exc:
            lowered = self._sink.kafka.max_message_nbytes(self._sink.topic)
            if self._largest.nbytes <= lowered - _FRAMING_NBYTES:
                raise
            raise self._too_large(lowered) from exc

    def _too_large(self, most_nbytes: int) -> EncodeError:
        largest, fragment = self._largest, self._fragment
        return EncodeError(
            f"the alert {largest.identifier} ({fragment.file.path}, row {largest.row} of row groups "
            f"{list(fragment.row_groups)}) takes {largest.nbytes:,} bytes as a message",
            accepted=f"{most_nbytes - _FRAMING_NBYTES:,} bytes, by the max.message.bytes of {self._sink.topic}",
            next_step=f"choose a smaller content, or leave the alert out with a condition: "
            f"{self._figures.id_field} != {largest.identifier}",
        )


def _hand_over(encoded: Spool, sender: FragmentSender, number: int, per_partition: np.ndarray) -> Iterator[None]:
    """Queue a fragment's alerts, count them by partition, and yield whenever there is no room for more.

    The partitions follow from fragment and row, so that a second try sends the same.
    """
    for rows, datums in encoded.take():
        partitions = partitions_of(number, rows, len(per_partition))
        keys = encode_keys(number, rows)
        for start in range(0, len(rows), _SENT_AT_ONCE):
            here = slice(start, start + _SENT_AT_ONCE)
            left = keys[here], _one_by_one(datums[here]), partitions[here].tolist()
            while (num_queued := sender.send(*left)) < len(left[0]):
                left = left[0][num_queued:], left[1][num_queued:], left[2][num_queued:]
                yield
        per_partition += np.bincount(partitions, minlength=len(per_partition))


def _one_by_one(datums: pa.LargeBinaryArray) -> list[bytes] | list[pa.Buffer]:
    """Return datums to be handed over one by one: large ones where they lie, since stamps are not copied for it."""
    if datums.nbytes < _VIEWED_NBYTES * len(datums):
        found: list[bytes] = datums.to_pylist()
        return found
    _, offsets, data = datums.buffers()
    ends = np.frombuffer(offsets, np.int64)[datums.offset : datums.offset + len(datums) + 1].tolist()
    return [data.slice(start, end - start) for start, end in itertools.pairwise(ends)]


def _check_average(plan: TransferPlan, max_message_nbytes: int) -> None:
    """Raise if even the average alert, as the archive's footers give it, is larger than a message may be."""
    if plan.alert_nbytes > max_message_nbytes:
        raise InputError(
            f"an alert of the content {plan.request.content!r} takes {plan.alert_nbytes:,} bytes on average",
            accepted=f"{max_message_nbytes:,} bytes: Kafka's max.message.bytes for this topic",
            next_step="choose a smaller content, or have the limit raised",
        )
