"""A Kafka to talk to: the one place that makes librdkafka's clients, and a consumer that raises our errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import confluent_kafka as ck

from consumer.errors import KafkaError
from consumer.kafka.failures import LEADERLESS, Reports, code_of, deleted, first_answer, invalid_settings, unknown_ends
from consumer.kafka.refusals import NOT_ALLOWED, missing_right
from consumer.settings import resolved

__all__ = ["Cluster", "Connection", "place_of"]

# The first request includes the connecting. A user is to be told within 10 s that no Kafka answers.
_FIRST_ANSWER_S = 7.0
_ANSWER_S = 10.0
# A broker that has just been started may not know yet what there is.
_GONE_S = 5.0
# A broker that dies is missed after Kafka's broker.session.timeout.ms, 9 s unless set; then others lead.
_LEADER_S = 20.0
_log = logging.getLogger("alert_transfer.kafka")
# librdkafka writes to stderr unless it is given a logger; what matters reaches us as errors anyway.
_log.addHandler(logging.NullHandler())
_log.propagate = False

_PROPERTIES = {
    "client.id": "alert-transfer",
    "topic.metadata.refresh.interval.ms": 10_000,
    # Who leads a partition that was not heard of is asked so soon, then ever more rarely.
    "topic.metadata.refresh.fast.interval.ms": 10,
    "reconnect.backoff.max.ms": 2_000,
}
_OF_CONSUMERS = {
    # librdkafka wants a name; no group is joined.
    "group.id": "alert-transfer",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "check.crcs": True,
    "fetch.wait.max.ms": 100,
}
_Client = TypeVar("_Client")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Kafka to talk to."""

    bootstrap: str
    """`host:port[,host:port]`"""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further librdkafka properties (security); `{env: NAME}` and `{file: PATH}` are read when a client is made."""

    def open(self, more: Mapping[str, Any]) -> Connection:
        """Return a connection to read by; nothing is asked of Kafka yet."""
        return Connection(self, more)

    def make(
        self,
        kind: Callable[..., _Client],
        more: Mapping[str, Any],
        on_error: Callable[[ck.KafkaError], None],
        *,
        defaults: Mapping[str, Any] | None = None,
    ) -> _Client:
        """Return a client of librdkafka's, which asks nothing of Kafka yet. All of them are made here.

        Parameters
        ----------
        kind
            `confluent_kafka`'s Producer, Consumer or AdminClient.
        more
            Properties of its own, which `options` do not change.
        on_error
            Called with what librdkafka reports of brokers and connections; only while the client is polled.
        defaults
            Properties of its own, which `options` may change.

        Raises
        ------
        ConfigError
            If librdkafka doesn't take the properties, or a secret of them can't be read here.
        """
        options = resolved(self.options, "kafka_options")
        properties = {
            "bootstrap.servers": self.bootstrap,
            **_PROPERTIES,
            **(defaults or {}),
            **options,
            **more,
            "error_cb": on_error,
        }
        try:
            return kind(properties, logger=_log)
        except (ck.KafkaException, TypeError, ValueError) as exc:
            raise invalid_settings(exc) from exc


def place_of(message: ck.Message) -> tuple[int, int]:
    """Return partition and offset of what a consumer returned; only a message that is yet to be sent has none."""
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise TypeError("a message that was not fetched has no place in a partition")
    return partition, offset


class Connection:
    """A consumer of librdkafka's that raises our errors.

    Parameters
    ----------
    cluster
        The Kafka.
    more
        Further properties of the consumer.

    Raises
    ------
    ConfigError
        If librdkafka doesn't take the properties.
    """

    def __init__(self, cluster: Cluster, more: Mapping[str, Any]):
        self.bootstrap = cluster.bootstrap
        self._reports = Reports(cluster.bootstrap)
        self.raw = cluster.make(ck.Consumer, more, self._reports, defaults=_OF_CONSUMERS)

    def check(self) -> None:
        """Raise if Kafka refused us."""
        self._reports.check()

    def take_gone(self) -> bool:
        """Return whether a topic that is read here was reported as gone since this was last asked."""
        return self._reports.take_gone()

    def num_partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 if there is no such topic."""
        found = self._ask_first(lambda wait_s: self.raw.list_topics(topic, timeout=wait_s)).topics[topic]
        if found.error is not None and found.error.code() in NOT_ALLOWED:
            raise missing_right(self.bootstrap, "look up", topic, found.error)
        return len(found.partitions)

    def topics(self) -> set[str]:
        """Return the names of all topics that we may see."""
        return set(self._ask_first(lambda wait_s: self.raw.list_topics(timeout=wait_s)).topics)

    def exists(self, topic: str) -> bool:
        """Return whether Kafka has a topic; if it has none, only after 5 s of it."""
        deadline = time.monotonic() + _GONE_S
        while not self.num_partitions(topic):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def check_exists(self, topic: str) -> None:
        """Raise if Kafka has no such topic any more, and still has none after 5 s."""
        if not self.exists(topic):
            raise deleted(self.bootstrap, topic)

    def watermarks(self, topic: str, partition: int, *, within_s: float = _LEADER_S) -> tuple[int, int]:
        """Return the first offset that is kept and the one that comes next; waits while the partition has no leader.

        Raises
        ------
        KafkaError
            If Kafka does not answer, still has no leader after `within_s`, or no longer has the topic.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                return self.raw.get_watermark_offsets(ck.TopicPartition(topic, partition), timeout=_ANSWER_S)
            except ck.KafkaException as exc:
                if code_of(exc) not in LEADERLESS or time.monotonic() > deadline:
                    self.check_exists(topic)
                    raise self._silence(exc) from exc
                time.sleep(0.1)

    def ends(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """Return the offset that comes next, per partition: one request, since each waits for a fetch to return."""
        # To the question which offset belongs to a time, -1 (OFFSET_END) is the protocol's word for the latest.
        asked = [ck.TopicPartition(topic, partition, ck.OFFSET_END) for partition in partitions]
        answers = self._ask(lambda: self.raw.offsets_for_times(asked, timeout=_FIRST_ANSWER_S))
        for answer in answers:
            if answer.error is not None or answer.offset < 0:
                why = answer.error.str() if answer.error else f"offset {answer.offset}"
                raise unknown_ends(topic, why, [answer.partition])
        return {answer.partition: answer.offset for answer in answers}

    def close(self) -> None:
        """Leave Kafka."""
        self.raw.close()

    def _ask_first(self, request: Callable[[float], _Answer]) -> _Answer:
        return self._ask(lambda: first_answer(request, lambda: self.raw.poll(0), self._reports, _FIRST_ANSWER_S))

    def _ask(self, request: Callable[[], _Answer]) -> _Answer:
        self._reports.forget_reason()
        try:
            return request()
        except ck.KafkaException as exc:
            raise self._silence(exc) from exc

    def _silence(self, exc: ck.KafkaException) -> KafkaError:
        # Lets librdkafka report whether we are refused, or why nobody answers. A message that comes with it is lost to
        # the reader, which asks for it again (GaplessReader).
        self.raw.poll(0)
        return self._reports.silence(exc)
