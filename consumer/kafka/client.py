"""Kafka, as the consumer uses it: follow a manifest, read a data topic from given offsets.

The consumer's only importer of confluent_kafka. No consumer group is joined and nothing is committed: what was taken
is known by the folder's own journal, so anybody may read a topic, any number of times, at once.
"""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import confluent_kafka as ck
import confluent_kafka.admin

from consumer.errors import InputError, KafkaError
from consumer.wire import FINAL_STATES, HEARTBEAT_EVERY_S, INTERRUPTED_AFTER_S, Manifest, decode_record, manifest_topic

__all__ = ["Cluster", "DataReader", "ManifestFollower", "Message"]

_ANSWER_S = 7.0
_APPEARS_S = 10.0
# A broker that has just been started may not know yet what there is.
_GONE_S = 5.0
_SILENCE_S = 60.0
_CHECK_EVERY_S = 5.0
_GAP_TRIES = 3
# A broker that dies is missed after Kafka's broker.session.timeout.ms, 9 s unless set; then others lead.
_LEADER_S = 20.0
_log = logging.getLogger("alert_transfer.consumer.kafka")
# librdkafka writes to stderr unless it is given a logger; what matters reaches us as errors anyway.
_log.addHandler(logging.NullHandler())
_log.propagate = False

_GONE = {ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_TOPIC, ck.KafkaError._UNKNOWN_PARTITION}
_EXPIRED = {ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE}
# What is said while a partition's leader moves, or while a topic that has just been made has none yet.
_LEADERLESS = {
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.FENCED_LEADER_EPOCH,
    ck.KafkaError.UNKNOWN_LEADER_EPOCH,
    ck.KafkaError.OFFSET_NOT_AVAILABLE,
    ck.KafkaError._DESTROY_BROKER,
    ck.KafkaError._TRANSPORT,
    ck.KafkaError._UNKNOWN_PARTITION,
}
_PASSING = (
    _LEADERLESS
    | _GONE
    | {
        ck.KafkaError._PARTITION_EOF,
        ck.KafkaError._ALL_BROKERS_DOWN,
        ck.KafkaError._TIMED_OUT,
        ck.KafkaError._RESOLVE,
    }
)
_REFUSED = {
    ck.KafkaError._AUTHENTICATION,
    ck.KafkaError._SSL,
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.SASL_AUTHENTICATION_FAILED,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the data topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Kafka to read from."""

    bootstrap: str
    """`host:port[,host:port]`"""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further librdkafka properties (security)."""

    def open(self, more: Mapping[str, Any]) -> _Connection:
        """Return a connection; nothing is asked of Kafka yet."""
        return _Connection(self, more)


class _Connection:
    """A librdkafka consumer that raises our errors."""

    def __init__(self, cluster: Cluster, more: Mapping[str, Any]):
        self.bootstrap = cluster.bootstrap
        self._refusal: ck.KafkaError | None = None
        conf = {
            "bootstrap.servers": cluster.bootstrap,
            "client.id": "alert-transfer",
            # librdkafka wants a name; no group is joined.
            "group.id": "alert-transfer",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "topic.metadata.refresh.interval.ms": 10_000,
            "reconnect.backoff.max.ms": 2_000,
            "fetch.wait.max.ms": 100,
            **cluster.options,
            **more,
            "error_cb": self._on_error,
        }
        try:
            self.raw = ck.Consumer(conf, logger=_log)
        except (ck.KafkaException, TypeError, ValueError) as exc:
            raise InputError(
                f"Kafka's settings are not valid: {_text(exc)}",
                accepted="host:port[,host:port], and properties that librdkafka knows",
            ) from exc

    def _on_error(self, error: ck.KafkaError) -> None:
        # Wrong credentials raise nothing elsewhere: every request would only time out.
        if error.code() in _REFUSED or error.fatal():
            self._refusal = error

    def check(self) -> None:
        """Raise what Kafka refused us, if it did."""
        if self._refusal is not None:
            raise KafkaError(
                f"Kafka at {self.bootstrap} refuses us: {self._refusal.str()}",
                next_step="check user, password and certificates",
            )

    def num_partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 if there is no such topic."""
        try:
            found = self.raw.list_topics(topic, timeout=_ANSWER_S).topics[topic]
        except ck.KafkaException as exc:
            raise self.silent(exc) from exc
        if found.error is not None and found.error.code() in _REFUSED:
            raise KafkaError(f"Kafka refuses to let us see {topic}: {found.error.str()}")
        return len(found.partitions)

    def topics(self) -> set[str]:
        """Return the names of all topics that we may see."""
        try:
            return set(self.raw.list_topics(timeout=_ANSWER_S).topics)
        except ck.KafkaException as exc:
            raise self.silent(exc) from exc

    def check_exists(self, topic: str) -> None:
        """Raise if Kafka has no such topic any more, and still has none after 5 s."""
        deadline = time.monotonic() + _GONE_S
        while not self.num_partitions(topic):
            if time.monotonic() > deadline:
                raise KafkaError(
                    f"Kafka no longer has the topic {topic}: it was deleted",
                    accepted="alerts are kept for 4 days",
                    next_step="submit the request again; what was fetched before stays where it is",
                )
            time.sleep(0.5)

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that is kept and the one that comes next."""
        deadline = time.monotonic() + _LEADER_S
        while True:
            try:
                return self.raw.get_watermark_offsets(ck.TopicPartition(topic, partition), timeout=_ANSWER_S)
            except ck.KafkaException as exc:
                if exc.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                    raise self.silent(exc) from exc
                time.sleep(0.1)

    def ends(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """Return the offset that comes next, per partition: one request, since each waits for a fetch to return."""
        # To the question which offset belongs to a time, -1 (OFFSET_END) is the protocol's word for the latest.
        asked = [ck.TopicPartition(topic, partition, ck.OFFSET_END) for partition in partitions]
        try:
            answers = self.raw.offsets_for_times(asked, timeout=_ANSWER_S)
        except ck.KafkaException as exc:
            raise self.silent(exc) from exc
        for answer in answers:
            if answer.error is not None or answer.offset < 0:
                why = answer.error.str() if answer.error else f"offset {answer.offset}"
                raise KafkaError(f"Kafka does not tell where partition {answer.partition} of {topic} ends: {why}")
        return {answer.partition: answer.offset for answer in answers}

    def silent(self, exc: ck.KafkaException) -> KafkaError:
        """Return the error that says that Kafka does not answer, or why it refuses."""
        self.raw.poll(0)  # lets error_cb tell a refusal from silence
        self.check()
        return KafkaError(
            f"no Kafka answers at {self.bootstrap} ({_text(exc)})",
            accepted="host:port[,host:port] of a running Kafka",
            next_step="check the address, or start one with: alert-transfer broker",
        )


class _Gapless:
    """The messages of some partitions of a topic, each partition's in order and none left out.

    librdkafka leaves out the first message of a partition now and then, where the partition was empty and its leader
    moved (github.com/confluentinc/confluent-kafka-python/issues/1046 tells of the like). So what comes is held against
    what is due, and fetched again where something lacks.

    Parameters
    ----------
    connection
        To the Kafka that has the topic.
    topic
        The topic.
    offsets
        Offset to begin with, per partition.
    """

    def __init__(self, connection: _Connection, topic: str, offsets: Mapping[int, int]):
        self.positions = dict(offsets)
        """Offset that comes next, per partition."""
        self.held: frozenset[int] = frozenset()
        self._connection = connection
        self._raw = connection.raw
        self._topic = topic
        self._num_tries = dict.fromkeys(self.positions, 0)
        self.begin_again()

    def consume(self, num_messages: int, timeout_s: float) -> list[ck.Message]:
        """Return the next messages, ends of partitions and errors; none after `timeout_s`."""
        found, past_a_gap = [], set()
        for message in self._raw.consume(num_messages, timeout_s):
            is_end = message.error() is not None
            if is_end and message.error().code() != ck.KafkaError._PARTITION_EOF:
                found.append(message)
                continue
            partition, offset = message.partition(), message.offset()
            due = self.positions[partition]
            if partition in past_a_gap or offset < due:
                continue
            # Offsets that hold no message for us (a transaction's markers) lack however often they are asked for.
            if offset > due and self._num_tries[partition] < _GAP_TRIES:
                past_a_gap.add(partition)
                self._num_tries[partition] += 1
                continue
            self.positions[partition] = offset if is_end else offset + 1
            self._num_tries[partition] = 0
            found.append(message)
        if past_a_gap:
            _log.warning("messages of %s were left out: fetched again (partitions %s)", self._topic, past_a_gap)
            self.begin_again()
        return found

    def heed(self, messages: Collection[ck.Message]) -> None:
        """Raise what ends the reading, of what `consume` returned; other errors pass."""
        errors = {error.code(): error for message in messages if (error := message.error()) is not None}
        for code, error in errors.items():
            if code in _EXPIRED:
                raise KafkaError(
                    f"messages of {self._topic} that come next expired before they were fetched",
                    accepted="alerts are kept for 4 days",
                    next_step="submit the request again, and fetch it with --restart or into another folder",
                )
            if code in _REFUSED or not (error.retriable() or code in _PASSING):
                raise KafkaError(
                    f"Kafka at {self._connection.bootstrap} does not let us read {self._topic}: {error.str()}"
                )
        if errors.keys() & _GONE:
            self._connection.check_exists(self._topic)
            self.begin_again()

    def hold(self, partitions: frozenset[int]) -> None:
        """Read no more of these partitions for now, and again of the others."""
        if partitions == self.held:
            return
        self._raw.pause([ck.TopicPartition(self._topic, p) for p in partitions - self.held])
        self._raw.resume([ck.TopicPartition(self._topic, p) for p in self.held - partitions])
        self.held = partitions

    def begin_again(self) -> None:
        """Ask anew for what comes next."""
        self._raw.assign([ck.TopicPartition(self._topic, p, offset) for p, offset in self.positions.items()])
        if self.held:
            self._raw.pause([ck.TopicPartition(self._topic, p) for p in self.held])


class ManifestFollower:
    """Reads a topic's manifest from its beginning and goes on as it grows.

    Parameters
    ----------
    cluster
        The Kafka that has it.
    topic
        The data topic's name.

    Raises
    ------
    InputError
        If Kafka has no such topic.
    KafkaError
        If Kafka does not answer within 10 s.
    """

    def __init__(self, cluster: Cluster, topic: str):
        self.manifest = Manifest()
        self._lines: list[bytes] = []
        self._topic = manifest_topic(topic)
        self._connection = cluster.open({})
        self._heard_at = time.monotonic()
        self._at_end = False
        try:
            if not self._connection.num_partitions(self._topic):
                raise self._missing(topic)
            first, _ = self._connection.watermarks(self._topic, 0)
            self._fetched = _Gapless(self._connection, self._topic, {0: first})
            self._first = first
        except BaseException:
            self.close()
            raise

    def _missing(self, topic: str) -> InputError:
        names = self._connection.topics()
        if topic in names:
            return InputError(
                f"{topic!r} has no manifest: there is no topic {self._topic!r} at {self._connection.bootstrap}",
                accepted="a topic that alert-transfer sent in the last 30 days",
                next_step="fetch a topic of another service with that service's own client",
            )
        jobs = [name for name in names if manifest_topic(name) in names]
        nearest = difflib.get_close_matches(topic, jobs, n=1, cutoff=0.8)
        return InputError(
            f"there is no topic {topic!r} at {self._connection.bootstrap}"
            + (f"; did you mean {nearest[0]!r}?" if nearest else ""),
            accepted="a topic of the last 30 days; its alerts are kept for 4 days",
            next_step="check the name, or list the topics with: alert-transfer jobs --all",
        )

    def refresh(self, timeout_s: float = 0.0) -> Manifest:
        """Take in the records that are there, waiting `timeout_s` for the first of them.

        At the first call, all records that Kafka has now.
        """
        deadline = time.monotonic() + _LEADER_S
        while True:
            messages = self._fetched.consume(1000, timeout_s if self._at_end else 0.1)
            self._connection.check()
            self._take(messages)
            if self._at_end:
                return self.manifest
            if time.monotonic() > deadline and not messages:
                raise KafkaError(f"Kafka at {self._connection.bootstrap} stopped sending {self._topic}")

    def wait_for_plan(self, timeout_s: float) -> Manifest:
        """Return the manifest once its plan is complete.

        Raises
        ------
        KafkaError
            If it is not after `timeout_s`, or if the plan expired.
        """
        deadline = time.monotonic() + timeout_s
        while not self.refresh(0.2).is_planned and self.manifest.stated not in FINAL_STATES:
            if time.monotonic() > deadline:
                break
        if not self.manifest.is_planned:
            raise KafkaError(
                f"{self._topic} holds no complete plan"
                + (": its first records expired" if self._first else f", {timeout_s:g} s after it was looked for"),
                next_step="see how the job fares with: alert-transfer status " + self._topic.removesuffix("_manifest"),
            )
        return self.manifest

    def state(self) -> str:
        """Return the job's state now.

        Other machines' clocks may be wrong by minutes. So a job reads as interrupted only if it is silent while we
        listen: for two heartbeats where the clocks say that it fell silent long ago, else for the full time.
        """
        listened_s = time.monotonic() - self._heard_at
        if self.manifest.stated in FINAL_STATES or listened_s < 2 * HEARTBEAT_EVERY_S + 1:
            return self.manifest.stated
        state = "interrupted" if listened_s > INTERRUPTED_AFTER_S else self.manifest.state_at(time.time())
        return state if state != "interrupted" or self._is_read_to_its_end() else self.manifest.stated

    def _is_read_to_its_end(self) -> bool:
        """Whether Kafka answers, and has no record that we have not read: only then is silence the job's."""
        try:
            _, end = self._connection.watermarks(self._topic, 0)
        except KafkaError:
            # Who can't be heard is not silent: we listen anew.
            self._heard_at = time.monotonic()
            return False
        return self._fetched.positions[0] >= end

    def take_lines(self) -> list[bytes]:
        """Return the records, as JSON texts, that came since the last call; heartbeats are left out."""
        lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        """Leave Kafka."""
        self._connection.raw.close()

    def _take(self, messages: Sequence[ck.Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self.manifest.apply(decode_record(message.value()))
                self._heard_at = time.monotonic()
                if message.key() != b"beat":
                    self._lines.append(message.value())
            elif error.code() == ck.KafkaError._PARTITION_EOF:
                self._at_end = True
        self._fetched.heed(messages)


class DataReader:
    """Reads a data topic, all partitions at once, each from its own offset on.

    Parameters
    ----------
    cluster
        The Kafka that has it.
    topic
        The data topic.
    num_partitions
        How many partitions the plan says it has.
    offsets
        Offset to begin with, per partition; 0 where there is none.
    partitions
        Those to read; None means all.

    Raises
    ------
    KafkaError
        If Kafka no longer has the topic, or no longer has the messages that come next.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        num_partitions: int,
        offsets: Mapping[int, int],
        partitions: Collection[int] | None = None,
    ):
        wanted = range(num_partitions) if partitions is None else sorted(partitions)
        wanted_offsets = {partition: offsets.get(partition, 0) for partition in wanted}
        self._topic = topic
        group = f"alert-transfer-{topic}"
        self._connection = cluster.open({"queued.max.messages.kbytes": 32 * 1024, "group.id": group})
        self._heard_at = self._checked_at = time.monotonic()
        try:
            self._wait_for_topic(num_partitions)
            for partition, position in wanted_offsets.items():
                low, high = self._connection.watermarks(topic, partition)
                if position < low or position > high:
                    raise _expired(topic, partition, position, low)
            self._fetched = _Gapless(self._connection, topic, wanted_offsets)
        except BaseException:
            self.close()
            raise

    @property
    def positions(self) -> Mapping[int, int]:
        """Return the offset that comes next, per partition."""
        return self._fetched.positions

    def read(self, timeout_s: float) -> list[Message]:
        """Return the next messages of any partition, each partition's in order; none after `timeout_s`."""
        fetched = self._fetched.consume(5000, timeout_s)
        self._connection.check()
        messages = []
        for message in fetched:
            error = message.error()
            if error is None:
                partition, offset = message.partition(), message.offset()
                messages.append(Message(partition, offset, message.key(), message.value() or b""))
            elif error.code() == ck.KafkaError._PARTITION_EOF:
                self._heard_at = time.monotonic()
        self._fetched.heed(fetched)
        if messages:
            self._heard_at = time.monotonic()
        else:
            self._check_alive()
        return messages

    def ends(self) -> dict[int, int]:
        """Return, per partition, the offset that the next message sent will have; Kafka may be away for a minute."""
        deadline = time.monotonic() + _SILENCE_S
        while True:
            try:
                return self._connection.ends(self._topic, self.positions)
            except KafkaError:
                self._connection.check()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def show_progress(self, offsets: Mapping[int, int]) -> None:
        """Commit offsets for operators' tools to see; nothing reads them back, so nothing waits for it to succeed."""
        self._connection.raw.commit(
            offsets=[ck.TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()],
            asynchronous=True,
        )

    def hold(self, partitions: frozenset[int]) -> None:
        """Read no more of these partitions for now, and again of the others."""
        self._fetched.hold(partitions)

    def close(self) -> None:
        """Leave Kafka."""
        self._connection.raw.close()

    def _wait_for_topic(self, num_partitions: int) -> None:
        # The topics of a job are made together, but a broker may learn of one later than of the other.
        deadline = time.monotonic() + _APPEARS_S
        while (found := self._connection.num_partitions(self._topic)) != num_partitions:
            if time.monotonic() > deadline:
                self._connection.check_exists(self._topic)
                if found:
                    raise KafkaError(
                        f"{self._topic} has {found} partitions, its plan says {num_partitions}",
                        next_step="submit the request again",
                    )
            time.sleep(0.5)

    def _check_alive(self) -> None:
        # A deleted topic, or a broker that is away, raises nothing: fetches just come back empty.
        now = time.monotonic()
        if now - self._checked_at < _CHECK_EVERY_S:
            return
        self._checked_at = now
        try:
            found = self._connection.num_partitions(self._topic)
            self._heard_at = time.monotonic()
        except KafkaError:
            if now - self._heard_at > _SILENCE_S:
                raise
            return
        if not found:
            self._connection.check_exists(self._topic)


def _expired(topic: str, partition: int, position: int, low: int) -> KafkaError:
    if position > low:
        return KafkaError(
            f"partition {partition} of {topic} ends before offset {position}, where we left off: it was made anew",
            next_step="choose another --outdir, or begin anew with --restart",
        )
    return KafkaError(
        f"{low - position} messages of partition {partition} of {topic} expired before they were fetched",
        accepted="alerts are kept for 4 days",
        next_step="submit the request again, and fetch it into another folder; what was fetched before stays",
    )


def _text(exc: Exception) -> str:
    first = exc.args[0] if exc.args else exc
    return first.str() if isinstance(first, ck.KafkaError) else str(first)
