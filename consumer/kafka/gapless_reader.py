"""Reading partitions without a gap: the one rule for manifests, data and the list of jobs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import confluent_kafka as ck
import numpy as np

from consumer.errors import KafkaError
from consumer.kafka.cluster import Connection, place_of
from consumer.kafka.failures import EXPIRED, GONE, PASSING, REFUSED, deleted, expired, unreadable

__all__ = ["GaplessReader"]

_MOST_TRIES = 3
_MANY = 32
_log = logging.getLogger("alert_transfer.kafka")


class GaplessReader:
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
        Offset to begin with, per partition. Never "the beginning": librdkafka would ask for that offset before it knows
        which broker to ask, and then wait for half a second.
    most_tries
        How often what is missing is fetched again; 0 for a compacted topic, which lacks messages for good.
    """

    def __init__(
        self, connection: Connection, topic: str, offsets: Mapping[int, int], *, most_tries: int = _MOST_TRIES
    ):
        self.positions = dict(offsets)
        """Offset that comes next, per partition."""
        self.held: frozenset[int] = frozenset()
        self._connection = connection
        self._topic = topic
        self._most_tries = most_tries
        self._num_tries = dict.fromkeys(self.positions, 0)
        self._begin_again()

    def consume(self, num_messages: int, timeout_s: float) -> list[ck.Message]:
        """Return what comes next: messages, ends of partitions and errors.

        Waits `timeout_s` for the first of them, and returns those that are there then, `num_messages` at most. `check`
        is to be given what was returned.
        """
        # Asked for many, librdkafka waits until it has so many.
        came = self._connection.raw.consume(1, timeout_s)
        if came and num_messages > 1:
            came += self._connection.raw.consume(num_messages - 1, 0)
        return came if self._are_due(came) else self._sift(came)

    def _are_due(self, came: list[ck.Message]) -> bool:
        """Whether these are messages alone, and none lacks; then what comes next is what follows them.

        As a rule they are; said of many at a time, since one by one takes as long as to fetch them.
        """
        if len(came) < _MANY or any(message.error() is not None for message in came):
            return False
        partitions = np.array([message.partition() for message in came], dtype=np.int64)
        offsets = np.array([message.offset() for message in came], dtype=np.int64)
        order = np.argsort(partitions, kind="stable")
        places, steps = offsets[order], np.diff(partitions[order])
        firsts = np.concatenate([[0], np.flatnonzero(steps) + 1])
        lasts = np.concatenate([firsts[1:], [len(came)]]) - 1
        ahead = {int(partitions[order[at]]): int(places[at]) for at in firsts}
        if not (np.diff(places)[steps == 0] == 1).all() or any(self.positions[p] != at for p, at in ahead.items()):
            return False
        for partition, last in zip(ahead, lasts.tolist(), strict=True):
            self.positions[partition] = int(places[last]) + 1
            self._num_tries[partition] = 0
        return True

    def _sift(self, came: list[ck.Message]) -> list[ck.Message]:
        """Return what of it is due, and have fetched again what lacks."""
        found, past_a_gap = [], set()
        for message in came:
            error = message.error()
            is_end = error is not None
            if error is not None and error.code() != ck.KafkaError._PARTITION_EOF:
                found.append(message)
                continue
            partition, offset = place_of(message)
            due = self.positions[partition]
            if partition in past_a_gap or offset < due:
                continue
            # Offsets that hold no message for us (a transaction's markers) lack however often they are asked for.
            if offset > due and self._num_tries[partition] < self._most_tries:
                past_a_gap.add(partition)
                self._num_tries[partition] += 1
                continue
            self.positions[partition] = offset if is_end else offset + 1
            self._num_tries[partition] = 0
            found.append(message)
        if past_a_gap:
            _log.warning("messages of %s were left out: fetched again (partitions %s)", self._topic, past_a_gap)
            self._begin_again()
        return found

    def check(self, messages: Collection[ck.Message]) -> None:
        """Raise what ends the reading, of what `consume` returned or Kafka reported; other errors pass.

        Raises
        ------
        KafkaError
            If Kafka refuses us, no longer has the topic, or no longer has the messages that come next.
        """
        self._connection.check()
        errors = {error.code(): error for message in messages if (error := message.error()) is not None}
        for code, error in errors.items():
            if code in EXPIRED:
                raise expired(self._topic)
            if code in REFUSED or not (error.retriable() or code in PASSING):
                raise unreadable(self._connection.bootstrap, self._topic, error)
        if self._connection.take_gone() or errors.keys() & GONE:
            self._look_for_topic()

    def hold(self, partitions: frozenset[int]) -> None:
        """Read no more of these partitions for now, and again of the others."""
        if partitions == self.held:
            return
        self._connection.raw.pause([ck.TopicPartition(self._topic, p) for p in partitions - self.held])
        self._connection.raw.resume([ck.TopicPartition(self._topic, p) for p in self.held - partitions])
        self.held = partitions

    def _look_for_topic(self) -> None:
        """Raise if the topic is gone; if it is there after all, ask anew for what comes next."""
        try:
            is_there = self._connection.exists(self._topic)
        except KafkaError:
            # The broker that reported it as gone is away now. It is reported again, or the topic is there.
            self._connection.check()
            return
        if not is_there:
            raise deleted(self._connection.bootstrap, self._topic)
        self._begin_again()

    def _begin_again(self) -> None:
        """Ask anew for what comes next."""
        self._connection.raw.assign(
            [ck.TopicPartition(self._topic, partition, offset) for partition, offset in self.positions.items()]
        )
        if self.held:
            self._connection.raw.pause([ck.TopicPartition(self._topic, p) for p in self.held])
