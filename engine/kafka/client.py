"""Kafka, as the engine uses it: topics, schema copies, the manifest, and the producer that sends alerts.

The engine's only importer of confluent_kafka.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.wire import JOBS_TOPIC, Manifest, Plan, Record, decode_record, encode_record, manifest_topic, schema_topic
from engine.errors import ConfigError, JobError, KafkaError, MessageSizeError, RequestError

__all__ = ["FragmentSender", "KafkaCluster", "ManifestReader", "ManifestWriter"]

_ANSWER_S = 10.0
_FIRST_ANSWER_S = 6.0
_SILENCE_S = 20.0
_CREATED_S = 30.0
_KNOWN_S = 5.0
_DAY_MS = 24 * 3600 * 1000
DATA_RETENTION_MS = 4 * _DAY_MS
MANIFEST_RETENTION_MS = 30 * _DAY_MS
_SCHEMA_COPIES = 1000
_GAP_TRIES = 3
_MAX_MESSAGE_NBYTES = 16 * 1024 * 1024
# What is said while a partition's leader moves, and by librdkafka for a while after a connection broke.
_LEADERLESS = {
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.FENCED_LEADER_EPOCH,
    ck.KafkaError.UNKNOWN_LEADER_EPOCH,
    ck.KafkaError.OFFSET_NOT_AVAILABLE,
    ck.KafkaError._DESTROY_BROKER,
    ck.KafkaError._UNKNOWN_PARTITION,
}
# Wrong credentials raise nothing elsewhere: requests and messages would only time out, minutes later.
_REFUSED = {ck.KafkaError._AUTHENTICATION, ck.KafkaError._SSL, ck.KafkaError.SASL_AUTHENTICATION_FAILED}
_Wanted = Callable[[], bool]
_OnError = Callable[[ck.KafkaError], None]
_Client = TypeVar("_Client")
_log = logging.getLogger("alert_transfer.kafka")
# librdkafka writes to stderr unless it is given a logger; what matters reaches us as errors anyway.
_log.addHandler(logging.NullHandler())
_log.propagate = False

# A fresh idempotent producer's first message costs about a second, so a thread keeps its own for all that it sends.
# One a thread, not one a process: flush() then waits for the thread's own messages only.
_kept = threading.local()


@dataclass(frozen=True, kw_only=True)
class KafkaCluster:
    """A Kafka to talk to."""

    bootstrap: str
    """`host:port[,host:port]`"""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further librdkafka properties (security)."""

    def check(self) -> None:
        """Raise if no broker answers within 10 s.

        Raises
        ------
        KafkaError
            Naming the address.
        """
        self._metadata()

    def await_answer(self, timeout_s: float) -> None:
        """Return once a broker answers.

        Raises
        ------
        KafkaError
            If none does within `timeout_s`.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(KafkaError),
            stop=stop_after_delay(timeout_s),
            wait=wait_fixed(1),
            reraise=True,
        )
        retrying(self.check)

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._metadata().topics)

    def has_topic(self, topic: str) -> bool:
        """Return whether Kafka has a topic; a broker that was just started is given 5 s to know it again.

        Raises
        ------
        KafkaError
            If no broker answers.
        """
        deadline = time.monotonic() + _KNOWN_S
        while topic not in self.topics():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def create_job_topics(self, topic: str, num_partitions: int) -> None:
        """Create the three topics of a job, or none of them.

        Raises
        ------
        RequestError
            If one of them exists.
        KafkaError
            If Kafka refuses or does not answer.
        """
        self._metadata()
        admin = self._admin()
        # The schema outlives the data: a user who starts on the last day still needs it.
        limits = {"max.message.bytes": str(_MAX_MESSAGE_NBYTES)}
        wanted = {
            topic: ck_admin.NewTopic(
                topic, num_partitions, -1, config={"retention.ms": str(DATA_RETENTION_MS), **limits}
            ),
            schema_topic(topic): ck_admin.NewTopic(
                schema_topic(topic),
                1,
                -1,
                config={"retention.ms": str(MANIFEST_RETENTION_MS), "compression.type": "zstd"},
            ),
            manifest_topic(topic): ck_admin.NewTopic(
                manifest_topic(topic), 1, -1, config={"retention.ms": str(MANIFEST_RETENTION_MS), **limits}
            ),
        }
        created, failure = [], None
        futures = admin.create_topics(list(wanted.values()), operation_timeout=_ANSWER_S, request_timeout=_CREATED_S)
        for name, future in futures.items():
            try:
                future.result()
                created.append(name)
            except ck.KafkaException as exc:
                failure = failure or (name, exc)
        if failure is None:
            return
        if created:
            self.delete_topics(created)
        name, exc = failure
        if exc.args[0].code() == ck.KafkaError.TOPIC_ALREADY_EXISTS:
            raise RequestError(
                f"the topic {name!r} exists already",
                accepted="a name that no job has had yet",
                next_step=f"choose another name, or follow that job: alert-transfer status {topic}",
            ) from exc
        if exc.args[0].code() == ck.KafkaError._TIMED_OUT:
            named = ", ".join(f"{broker.host}:{broker.port}" for broker in self._metadata().brokers.values())
            raise KafkaError(
                f"Kafka at {self.bootstrap} does not create the topic {name!r}: {exc.args[0].str()}",
                accepted=f"brokers that can be reached from here at the addresses that they give: {named}",
                next_step="check the brokers' advertised.listeners, and whether they are well",
            ) from exc
        raise KafkaError(f"Kafka refuses to create the topic {name!r}: {exc.args[0].str()}") from exc

    def max_message_nbytes(self, topic: str) -> int:
        """Return the size of the largest message that a topic takes, key and framing included.

        Raises
        ------
        KafkaError
            If Kafka does not tell.
        """
        resource = ck_admin.ConfigResource(ck_admin.ResourceType.TOPIC, topic)
        # A broker learns of a topic a moment after the controller has created it.
        retrying = Retrying(
            retry=retry_if_exception(_is_unknown_topic),
            stop=stop_after_delay(_ANSWER_S),
            wait=wait_fixed(0.1),
            reraise=True,
        )
        try:
            found = retrying(
                lambda: self._admin().describe_configs([resource], request_timeout=_ANSWER_S)[resource].result()
            )
        except ck.KafkaException as exc:
            raise KafkaError(f"Kafka does not tell the limits of the topic {topic!r}: {exc.args[0].str()}") from exc
        return min(int(found["max.message.bytes"].value), _MAX_MESSAGE_NBYTES)

    def ends(self, topic: str, num_partitions: int) -> dict[int, int]:
        """Return, per partition, the offset that the next message sent to it will have.

        Raises
        ------
        KafkaError
            If Kafka does not tell, for the moment or because it has no such topic.
        """
        latest = {ck.TopicPartition(topic, p): ck_admin.OffsetSpec.latest() for p in range(num_partitions)}
        try:
            found = self._admin().list_offsets(latest, request_timeout=_ANSWER_S)
            ends = {partition.partition: future.result().offset for partition, future in found.items()}
        except ck.KafkaException as exc:
            raise KafkaError(f"Kafka does not tell where {topic} ends: {exc.args[0].str()}") from exc
        # librdkafka gives "invalid" (-1001) for an offset, and no error, where the connection broke on the way.
        if unknown := [partition for partition, end in ends.items() if end < 0]:
            raise KafkaError(f"Kafka does not tell where partitions {unknown} of {topic} end")
        return ends

    def delete_topics(self, topics: Sequence[str]) -> None:
        """Delete topics; those that are not there are no error."""
        admin = self._admin()
        for name, future in admin.delete_topics(list(topics), operation_timeout=_ANSWER_S).items():
            try:
                future.result()
            except ck.KafkaException as exc:
                if not _is_unknown_topic(exc):
                    raise KafkaError(f"Kafka refuses to delete the topic {name!r}: {exc.args[0].str()}") from exc

    def write_schema(self, topic: str, schema: Mapping[str, Any]) -> None:
        """Write the copies of the Avro schema that existing clients poll, one for each of their runs."""
        key = json.dumps(schema).encode()
        _send_all(_own_producer(self), schema_topic(topic), [(key, b"")] * _SCHEMA_COPIES)

    def announce_job(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        """Put how a job stands into the compacted list of jobs."""
        if JOBS_TOPIC not in self.topics():
            self._create_jobs_topic()
        summary = {
            "topic": plan.topic,
            "job_id": plan.job_id,
            "state": state,
            "created_at": plan.created_at,
            "num_alerts_sent": num_alerts_sent,
        }
        message = (plan.topic.encode(), json.dumps(summary).encode())
        _send_all(_own_producer(self), JOBS_TOPIC, [message])

    def _create_jobs_topic(self) -> None:
        wanted = ck_admin.NewTopic(JOBS_TOPIC, 1, -1, config={"cleanup.policy": "compact"})
        try:
            self._admin().create_topics([wanted], operation_timeout=_ANSWER_S)[JOBS_TOPIC].result()
        except ck.KafkaException as exc:
            if exc.args[0].code() != ck.KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaError(f"Kafka refuses to create the topic {JOBS_TOPIC!r}: {exc.args[0].str()}") from exc

    def list_jobs(self) -> list[dict[str, Any]]:
        """Return the summaries of all jobs, oldest first."""
        if JOBS_TOPIC not in self.topics():
            return []
        found = {}
        with contextlib.closing(_Reader(self, JOBS_TOPIC, is_compacted=True)) as reader:
            for message in reader.read_to_end():
                if message.value() is not None:
                    found[message.key()] = json.loads(message.value())
        return sorted(found.values(), key=lambda job: job["created_at"])

    @property
    def identity(self) -> tuple[str, str, int]:
        """Return what tells one Kafka, and our way to it, from another; a forked process has none of our threads."""
        return self.bootstrap, json.dumps(dict(self.options), sort_keys=True, default=str), os.getpid()

    def _admin(self) -> ck_admin.AdminClient:
        return self._admin_and_errors()[0]

    def _admin_and_errors(self) -> tuple[ck_admin.AdminClient, list[ck.KafkaError]]:
        admins = _kept.__dict__.setdefault("admins", {})
        if self.identity not in admins:
            errors: list[ck.KafkaError] = []
            admins[self.identity] = self.open(ck_admin.AdminClient, {}, errors.append), errors
        return admins[self.identity]

    def open(self, kind: Callable[..., _Client], more: Mapping[str, Any], on_error: _OnError | None = None) -> _Client:
        """Return a client of this Kafka, which nothing is asked of yet.

        Parameters
        ----------
        kind
            librdkafka's producer, consumer or admin client.
        more
            Properties of its own.
        on_error
            Called with what librdkafka learns of brokers and connections; only while the client is polled.

        Raises
        ------
        ConfigError
            If librdkafka doesn't take the properties.
        """
        properties = {
            "bootstrap.servers": self.bootstrap,
            "client.id": "alert-transfer",
            "topic.metadata.refresh.interval.ms": 10_000,
            "reconnect.backoff.max.ms": 2_000,
            **self.options,
            **more,
            "error_cb": on_error or _ignore,
        }
        try:
            return kind(properties, logger=_log)
        except (ck.KafkaException, TypeError, ValueError) as exc:
            raise ConfigError(
                f"Kafka's settings are not valid: {_reason(exc)}",
                accepted="host:port[,host:port], and kafka_options that librdkafka knows",
                next_step="check --kafka, and kafka_options in the configuration",
            ) from exc

    def _metadata(self) -> ck_admin.ClusterMetadata:
        admin, errors = self._admin_and_errors()
        errors.clear()
        try:
            return admin.list_topics(timeout=_FIRST_ANSWER_S)
        except ck.KafkaException as exc:
            admin.poll(0)  # librdkafka tells only so why: refused, a name that is nobody's, another protocol
            for error in errors:
                if _is_refusal(error):
                    raise self.refusal(error) from exc
            reasons = [error for error in errors if error.code() != ck.KafkaError._ALL_BROKERS_DOWN]
            raise self.silence(reasons[-1] if reasons else exc.args[0]) from exc

    def refusal(self, error: ck.KafkaError) -> KafkaError:
        """Return the error that says that Kafka refuses us."""
        return KafkaError(
            f"Kafka at {self.bootstrap} refuses us: {error.str()}",
            next_step="check user, password and certificates (kafka_options in the configuration)",
        )

    def silence(self, error: ck.KafkaError) -> KafkaError:
        """Return the error that says that Kafka does not answer."""
        return KafkaError(
            f"no Kafka answers at {self.bootstrap} ({error.str()})",
            accepted="host:port[,host:port] of a running Kafka",
            next_step="check the address, and security.protocol in kafka_options if it wants another; "
            "or start one with: alert-transfer broker",
        )


def _ignore(_: ck.KafkaError) -> None:
    """Take no note of what librdkafka tells beside the answer to a request."""


def _is_refusal(error: ck.KafkaError) -> bool:
    return error.code() in _REFUSED or error.fatal()


def _reason(exc: Exception) -> str:
    if isinstance(exc, ck.KafkaException) and isinstance(exc.args[0], ck.KafkaError):
        return exc.args[0].str()
    return str(exc)


def _is_unknown_topic(exc: BaseException) -> bool:
    return isinstance(exc, ck.KafkaException) and exc.args[0].code() == ck.KafkaError.UNKNOWN_TOPIC_OR_PART


class _Producer:
    """An idempotent producer that latches the first failure to deliver."""

    def __init__(self, kafka: KafkaCluster):
        self._kafka = kafka
        self._refusal: ck.KafkaError | None = None
        conf = {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 5,
            "batch.size": 1024 * 1024,
            "message.max.bytes": _MAX_MESSAGE_NBYTES,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 96 * 1024,
            "delivery.timeout.ms": 180_000,
            "delivery.report.only.error": True,
        }
        self._raw = kafka.open(ck.Producer, conf, self._on_error)

    def _on_error(self, error: ck.KafkaError) -> None:
        if _is_refusal(error):
            self._refusal = error

    def send(
        self, topic: str, key: bytes | None, value: bytes, partition: int, latch: _Latch, is_wanted: _Wanted
    ) -> None:
        """Queue one message; waits while the queue is full."""
        while True:
            try:
                self._raw.produce(topic, value, key, partition, on_delivery=latch)
                return
            except BufferError:
                # Back-pressure: Kafka takes them more slowly than we make them.
                self._raw.poll(0.05)
                self.check(latch, is_wanted)
            except ck.KafkaException as exc:
                raise KafkaError(f"the message {key!r} can't be sent to {topic}: {exc.args[0].str()}") from exc

    def check(self, latch: _Latch, is_wanted: _Wanted) -> None:
        """Raise what was latched; drop what is still queued and raise if nobody wants it any more."""
        self._raw.poll(0)
        if not is_wanted():
            self._forget()
            self._raw.purge()
            raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
        if self._refusal is not None:
            self._forget()
            raise self._kafka.refusal(self._refusal)
        if latch.failure is not None:
            # It may be unusable for good (fatal errors of idempotence are): the next one is fresh.
            self._forget()
            topic, key, why = latch.failure
            is_size = why.code() in (ck.KafkaError.MSG_SIZE_TOO_LARGE, ck.KafkaError.RECORD_LIST_TOO_LARGE)
            kind = MessageSizeError if is_size else KafkaError
            raise kind(f"the message {key!r} was not delivered to {topic}: {why.str()}")

    def flush(self, latch: _Latch, is_wanted: _Wanted) -> None:
        """Return when every message is acknowledged; raise if one is not."""
        while self._raw.flush(0.5):
            self.check(latch, is_wanted)
        self.check(latch, is_wanted)

    def _forget(self) -> None:
        producers = _kept.__dict__.get("producers", {})
        if producers.get(self._kafka.identity) is self:
            del producers[self._kafka.identity]


class _Latch:
    """Keeps the first failure to deliver; called by librdkafka for each message that failed."""

    def __init__(self):
        self.failure: tuple[str, bytes | None, ck.KafkaError] | None = None
        """Topic, key and reason."""

    def __call__(self, error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None and self.failure is None:
            self.failure = (message.topic(), message.key(), error)


def _own_producer(kafka: KafkaCluster) -> _Producer:
    producers = _kept.__dict__.setdefault("producers", {})
    if kafka.identity not in producers:
        producers[kafka.identity] = _Producer(kafka)
    return producers[kafka.identity]


class FragmentSender:
    """Sends the alerts of one fragment.

    Parameters
    ----------
    kafka
        Where to.
    topic
        The data topic.
    is_wanted
        Asked now and then; once it says no, what is queued is dropped and JobError raised.
    """

    def __init__(self, kafka: KafkaCluster, topic: str, is_wanted: _Wanted | None = None):
        self._topic = topic
        self._is_wanted = is_wanted or _always
        self._latch = _Latch()
        self._producer = _own_producer(kafka)

    def send(self, keys: Sequence[bytes], datums: Sequence[bytes], partitions: Sequence[int]) -> None:
        """Queue alerts.

        Raises
        ------
        KafkaError
            If an earlier one was not delivered; MessageSizeError if for its size.
        JobError
            If they are not wanted any more.
        """
        send, topic, latch, is_wanted = self._producer.send, self._topic, self._latch, self._is_wanted
        for key, datum, partition in zip(keys, datums, partitions, strict=True):
            send(topic, key, datum, partition, latch, is_wanted)
        self._producer.check(latch, is_wanted)

    def finish(self) -> None:
        """Return when every alert that was queued is acknowledged.

        Raises
        ------
        KafkaError
            If one was not delivered; MessageSizeError if for its size.
        JobError
            If they are not wanted any more.
        """
        self._producer.flush(self._latch, self._is_wanted)


def _send_all(producer: _Producer, topic: str, messages: Sequence[tuple[bytes, bytes]]) -> None:
    latch = _Latch()
    for key, value in messages:
        producer.send(topic, key, value, 0, latch, _always)
    producer.flush(latch, _always)


def _always() -> bool:
    return True


class ManifestWriter:
    """Appends records to a job's manifest; each is acknowledged when `append` returns."""

    def __init__(self, kafka: KafkaCluster, topic: str):
        self._kafka = kafka
        # Not the thread's own: the coordinator writes from two threads.
        self._producer = _Producer(kafka)
        self._topic = manifest_topic(topic)
        self._lock = threading.Lock()

    def append(self, *records: Record) -> None:
        """Write records, in order.

        Raises
        ------
        KafkaError
            If one was not acknowledged; they may be appended again then.
        """
        with self._lock:
            try:
                _send_all(self._producer, self._topic, [encode_record(record) for record in records])
            except KafkaError:
                # What ails it may be for good (fatal errors of idempotence are): the next attempt has a fresh one.
                self._producer = _Producer(self._kafka)
                raise


class ManifestReader:
    """Follows a job's manifest."""

    def __init__(self, kafka: KafkaCluster, topic: str):
        if manifest_topic(topic) not in kafka.topics():
            raise RequestError(
                f"there is no job {topic!r} at {kafka.bootstrap}",
                accepted="the topic of a job of the last 30 days",
                next_step="list them with: alert-transfer jobs --all",
            )
        self.manifest = Manifest()
        self._heard_at = time.monotonic()
        self._reader = _Reader(kafka, manifest_topic(topic))

    def refresh(self) -> Manifest:
        """Take in everything that is there now.

        Raises
        ------
        KafkaError
            If Kafka does not send it; it may be asked again then.
        """
        self._heard_at = time.monotonic()
        try:
            for message in self._reader.read_to_end():
                self.manifest.apply(decode_record(message.value()))
        except KafkaError:
            # Not every client of librdkafka's comes round after an outage: the next attempt has a fresh one.
            self._reader.connect_again()
            raise
        return self.manifest

    def wait_for_more(self, timeout_s: float) -> Manifest:
        """Take in what comes next, or nothing after `timeout_s`."""
        message = self._reader.poll(timeout_s)
        if message is not None:
            self.manifest.apply(decode_record(message.value()))
        # A job that runs beats: where nothing was heard for so long, something may be there that does not come.
        elif time.monotonic() - self._heard_at < _SILENCE_S:
            return self.manifest
        return self.refresh()

    def close(self) -> None:
        """Leave Kafka."""
        self._reader.close()


class _Reader:
    """Reads one topic of one partition from its beginning.

    librdkafka leaves out a message now and then, where a leader has moved (consumer/kafka says more): what comes is
    held against what is due, and read again where something lacks. A compacted topic lacks messages for good.
    """

    def __init__(self, kafka: KafkaCluster, topic: str, *, is_compacted: bool = False):
        self._kafka = kafka
        self._most_tries = 0 if is_compacted else _GAP_TRIES
        self._num_tries = 0
        self._partition = ck.TopicPartition(topic, 0)
        self._connect()
        # An offset of its own: told to begin at the beginning, librdkafka asks for it before it knows whom, and then
        # waits for half a second.
        self._next, _ = self._watermarks()
        self._begin()

    def _connect(self) -> None:
        conf = {
            # No group is joined; librdkafka wants a name all the same.
            "group.id": "alert-transfer",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._consumer = self._kafka.open(ck.Consumer, conf)

    def connect_again(self) -> None:
        """Go on with a client of librdkafka's that knows of no outage."""
        self._consumer.close()
        self._connect()
        self._begin()

    def _begin(self) -> None:
        self._partition.offset = self._next
        self._consumer.assign([self._partition])

    def _watermarks(self) -> tuple[int, int]:
        """Return the first offset that is kept, and the one that the next message will have."""
        deadline = time.monotonic() + _ANSWER_S
        while True:
            try:
                return self._consumer.get_watermark_offsets(self._partition, timeout=_ANSWER_S)
            except ck.KafkaException as exc:
                if exc.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                    if not self._kafka.has_topic(self._partition.topic):
                        raise KafkaError(
                            f"Kafka at {self._kafka.bootstrap} no longer has the topic {self._partition.topic}",
                            next_step="it was deleted, and the job with it: submit the request again",
                        ) from exc
                    raise self._kafka.silence(exc.args[0]) from exc
                time.sleep(0.2)

    def read_to_end(self) -> Iterator[ck.Message]:
        _, end = self._watermarks()
        deadline = time.monotonic() + _ANSWER_S
        while self._next < end:
            message = self.poll(0.5)
            if message is not None:
                deadline = time.monotonic() + _ANSWER_S
                yield message
            elif time.monotonic() > deadline:
                # A compacted or expired tail leaves no message before the end.
                position = self._consumer.position([self._partition])[0].offset
                if position >= end:
                    if not self._reads_again():
                        return
                    deadline = time.monotonic() + _ANSWER_S
                    continue
                raise KafkaError(f"Kafka at {self._kafka.bootstrap} stopped sending {self._partition.topic}")

    def poll(self, timeout_s: float) -> ck.Message | None:
        message = self._consumer.poll(timeout_s)
        if message is None:
            return None
        if message.error():
            if message.error().retriable() or message.error().code() == ck.KafkaError._ALL_BROKERS_DOWN:
                return None
            raise KafkaError(f"{self._partition.topic} can't be read: {message.error().str()}")
        if message.offset() < self._next or (message.offset() > self._next and self._reads_again()):
            return None
        self._next = message.offset() + 1
        self._num_tries = 0
        return message

    def _reads_again(self) -> bool:
        """Begin anew with what is due; False if that was tried often enough."""
        if self._num_tries >= self._most_tries:
            return False
        self._num_tries += 1
        self._begin()
        return True

    def close(self) -> None:
        self._consumer.close()
