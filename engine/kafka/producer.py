"""Sending messages: idempotent, with back-pressure, and the first failure to deliver kept until the next check."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import confluent_kafka as ck

from consumer.kafka import NOT_ALLOWED, Cluster, Reports, missing_right
from engine.errors import JobError, KafkaError, MessageSizeError
from engine.kafka.kept_clients import forget, kept
from engine.kafka.limits import MAX_MESSAGE_NBYTES
from engine.kafka.ready_producers import take_ready

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FragmentSender", "Producer", "send_all"]

_PROPERTIES = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 5,
    "batch.size": 1024 * 1024,
    "message.max.bytes": MAX_MESSAGE_NBYTES,
    "queue.buffering.max.messages": 1_000_000,
    # More than two blocks of alerts, and a thread has two of them.
    "queue.buffering.max.kbytes": 24 * 1024,
    "delivery.timeout.ms": 180_000,
    # Of a topic that was just made, a broker may say for a few ms that another one leads it. Then ever more rarely.
    "retry.backoff.ms": 10,
    "retry.backoff.max.ms": 1_000,
    "delivery.report.only.error": True,
}
_WAIT_S = 0.01
"""For room in the queue, of which nothing tells: successes are not reported. In it a few megabytes leave."""
_KINDS = ("producer", "second producer")
"""A flush waits for all that a producer has: so what is sent while another fragment is on its way takes another one."""
_TOO_LARGE = (ck.KafkaError.MSG_SIZE_TOO_LARGE, ck.KafkaError.RECORD_LIST_TOO_LARGE)
_Wanted = Callable[[], bool]


class _Latch:
    """Keeps the first failure to deliver; called by librdkafka for each message that failed."""

    def __init__(self) -> None:
        self.failure: tuple[str | None, bytes | None, ck.KafkaError] | None = None
        """Topic, key and reason."""

    def __call__(self, error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None and self.failure is None:
            self.failure = (message.topic(), message.key(), error)


class Producer:
    """An idempotent producer of librdkafka's that raises our errors.

    What fails is told to the latch that was given with the message, so several may share a producer.
    """

    def __init__(self, cluster: Cluster):
        self._cluster = cluster
        self.kind = _KINDS[0]
        """Which of a thread's own it is."""
        self.user: weakref.ref[FragmentSender] | None = None
        """Who waits for it to be flushed."""
        self._reports = Reports(cluster.bootstrap)
        self._fatal: ck.KafkaError | None = None
        self._raw = cluster.make(ck.Producer, _PROPERTIES, self._reports)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | pa.Buffer | None,
        partition: int,
        latch: _Latch,
        is_wanted: _Wanted,
    ) -> None:
        """Queue one message, of which librdkafka makes its copy; waits while the queue is full."""
        while not self.takes(topic, key, value, partition, latch):
            self.wait(latch, is_wanted)

    def takes(
        self, topic: str, key: bytes | None, value: bytes | pa.Buffer | None, partition: int, latch: _Latch
    ) -> bool:
        """Queue one message, of which librdkafka makes its copy; return False if the queue is full."""
        try:
            # Any bytes that don't move will do, though its stub knows of `bytes` alone.
            self._raw.produce(topic, cast("bytes | None", value), key, partition, on_delivery=latch)
        except BufferError:
            return False
        except ck.KafkaException as exc:
            forget(self.kind, self._cluster, self)
            why = self.ailment() or exc.args[0]
            if why.code() in NOT_ALLOWED:
                raise missing_right(self._cluster.bootstrap, "write to", topic, why) from exc
            raise KafkaError(f"the message {key!r} can't be sent to {topic}: {why.str()}") from exc
        return True

    def wait(self, latch: _Latch, is_wanted: _Wanted) -> None:
        """Wait a moment for room in the queue: Kafka takes messages more slowly than we make them."""
        self._raw.poll(_WAIT_S)
        self.check(latch, is_wanted)

    def ailment(self) -> ck.KafkaError | None:
        """Return why it can send nothing any more, if that is so: it may lie idle while a right is taken from it."""
        try:
            self._raw.poll(0)
        except ck.KafkaException as exc:
            self._fatal = exc.args[0]
        return self._fatal

    def check(self, latch: _Latch, is_wanted: _Wanted) -> None:
        """Raise what was latched; drop what is still queued and raise if nobody wants it any more."""
        self._raw.poll(0)
        # A producer that failed may be unusable for good (fatal errors of idempotence are): the next one is fresh.
        if not is_wanted():
            self.abandon()
            raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
        try:
            self._reports.check()
        except KafkaError:
            forget(self.kind, self._cluster, self)
            raise
        if latch.failure is not None:
            forget(self.kind, self._cluster, self)
            topic, key, why = latch.failure
            if why.code() in NOT_ALLOWED and topic:
                raise missing_right(self._cluster.bootstrap, "write to", topic, why)
            kind = MessageSizeError if why.code() in _TOO_LARGE else KafkaError
            raise kind(f"the message {key!r} was not delivered to {topic}: {why.str()}")

    def abandon(self) -> None:
        """Drop what is still queued, and be used no more."""
        forget(self.kind, self._cluster, self)
        self._raw.purge()

    def flush(self, latch: _Latch, is_wanted: _Wanted) -> None:
        """Return when every message is acknowledged; raise if one is not."""
        while self._raw.flush(0.5):
            self.check(latch, is_wanted)
        self.check(latch, is_wanted)


def _kept(cluster: Cluster, kind: str) -> Producer:
    def taken() -> Producer:
        producer = take_ready(cluster, Producer)
        producer.kind = kind
        return producer

    producer = kept(kind, cluster, taken)
    if producer.ailment() is not None:
        forget(kind, cluster, producer)
        producer = kept(kind, cluster, taken)
    return producer


def send_all(producer: Producer, topic: str, messages: Sequence[tuple[bytes, bytes | None]]) -> None:
    """Send messages (key and value) to a topic's first partition; return when all are acknowledged.

    A message whose value is None takes its key out of a compacted topic.

    Raises
    ------
    KafkaError
        If one is not.
    """
    latch = _Latch()
    for key, value in messages:
        producer.send(topic, key, value, 0, latch, _always)
    producer.flush(latch, _always)


class FragmentSender:
    """Sends the alerts of one fragment.

    Parameters
    ----------
    kafka
        Where to.
    topic
        The data topic.
    is_wanted
        Called now and then; once it returns False, what is queued is dropped and JobError raised.
    beside
        Who sends alerts that are waited for together with these: both take one producer.
    """

    def __init__(
        self,
        kafka: Cluster,
        topic: str,
        is_wanted: _Wanted | None = None,
        beside: FragmentSender | None = None,
    ):
        self._topic = topic
        self._is_wanted = is_wanted or _always
        self._latch = _Latch()
        self._producer: Producer = self._take_producer(kafka) if beside is None else beside._producer

    def _take_producer(self, kafka: Cluster) -> Producer:
        """Return the first of the thread's producers that sends for nobody else, and reserve it."""
        for kind in _KINDS:
            producer = _kept(kafka, kind)
            if producer.user is None or producer.user() is None:
                break
        producer.user = weakref.ref(self)
        return producer

    def send(self, keys: Sequence[bytes], datums: Sequence[bytes | pa.Buffer], partitions: Sequence[int]) -> int:
        """Queue alerts as long as there is room; return how many. What holds their bytes may be used anew at once.

        Raises
        ------
        KafkaError
            If an earlier one was not delivered; MessageSizeError if for its size.
        JobError
            If they are not wanted any more.
        """
        takes, topic, latch, num_queued = self._producer.takes, self._topic, self._latch, 0
        for key, datum, partition in zip(keys, datums, partitions, strict=True):
            if not takes(topic, key, datum, partition, latch):
                break
            num_queued += 1
        self._producer.check(latch, self._is_wanted)
        return num_queued

    def wait(self) -> None:
        """Wait a moment for room; raises as `send` does."""
        self._producer.wait(self._latch, self._is_wanted)

    def abandon(self) -> None:
        """Drop what is still queued."""
        self._producer.abandon()

    def finish(self) -> None:
        """Return when every alert that was queued is acknowledged.

        Raises
        ------
        KafkaError
            If one was not delivered; MessageSizeError if for its size.
        JobError
            If they are not wanted any more.
        """
        try:
            self._producer.flush(self._latch, self._is_wanted)
        finally:
            self._producer.user = None


def _always() -> bool:
    return True
