"""Reading a data topic from given offsets.

No consumer group is joined, and what is committed is for show: what was taken is known by the folder's own journal, so
anybody may read a topic, any number of times, at once.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import confluent_kafka as ck

from consumer.errors import KafkaError
from consumer.kafka.cluster import Cluster
from consumer.kafka.failures import wrong_partitions
from consumer.kafka.gapless_reader import GaplessReader
from consumer.kafka.messages import Messages

__all__ = ["DataReader"]

_APPEARS_S = 10.0
_SILENCE_S = 60.0
_CHECK_EVERY_S = 5.0
# What librdkafka keeps ready, and how soon it fetches more once that is taken (by itself it waits a second, in which a
# consumer that is fast has nothing to do).
_AHEAD = {"queued.max.messages.kbytes": 16 * 1024, "fetch.queue.backoff.ms": 10}
# What is read at a time: so much of it lies in memory twice for a moment.
_MOST_MESSAGES = 5000
_MOST_NBYTES = 16 * 1024 * 1024


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
        self._topic = topic
        group = f"alert-transfer-{topic}"
        self._connection = cluster.open({**_AHEAD, "group.id": group})
        self._num_at_once = _MOST_MESSAGES // 10
        self.ends_at_first: dict[int, int] = {}
        """Per partition, the offset that the next message sent would have had when reading began."""
        self._silent_since = self._checked_at = time.monotonic()
        try:
            self._wait_for_topic(num_partitions)
            # Only now: Kafka has so many partitions, whatever the plan says.
            wanted = range(num_partitions) if partitions is None else sorted(partitions)
            wanted_offsets = {partition: offsets.get(partition, 0) for partition in wanted}
            for partition, position in wanted_offsets.items():
                low, high = self._connection.watermarks(topic, partition)
                self.ends_at_first[partition] = high
                if position < low or position > high:
                    raise _expired(topic, partition, position, low)
            self._reader = GaplessReader(self._connection, topic, wanted_offsets)
        except BaseException:
            self.close()
            raise

    @property
    def positions(self) -> Mapping[int, int]:
        """Return the offset that comes next, per partition."""
        return self._reader.positions

    def read(self, timeout_s: float, most: int = _MOST_MESSAGES) -> Messages:
        """Return the next messages, `most` at most and each partition's in order; none after `timeout_s`."""
        fetched = self._reader.consume(min(most, self._num_at_once), timeout_s)
        errors = [error for message in fetched if (error := message.error()) is not None]
        came = [message for message in fetched if message.error() is None] if errors else fetched
        messages = Messages.made(
            [message.partition() for message in came],
            [message.offset() for message in came],
            [message.key() for message in came],
            [message.value() or b"" for message in came],
        )
        if any(error.code() == ck.KafkaError._PARTITION_EOF for error in errors):
            self._silent_since = time.monotonic()
        self._reader.check(fetched)
        if len(messages):
            self._silent_since = time.monotonic()
            fitting = _MOST_NBYTES * len(messages) // max(1, messages.nbytes)
            self._num_at_once = min(max(fitting, 1), _MOST_MESSAGES)
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
        self._reader.hold(partitions)

    def close(self) -> None:
        """Leave Kafka."""
        self._connection.close()

    def _wait_for_topic(self, num_partitions: int) -> None:
        # The topics of a job are made together, but a broker may learn of one later than of the other.
        deadline = time.monotonic() + _APPEARS_S
        while (found := self._connection.num_partitions(self._topic)) != num_partitions:
            if time.monotonic() > deadline:
                self._connection.check_exists(self._topic)
                if found:
                    raise wrong_partitions(self._topic, found, num_partitions)
            time.sleep(0.5)

    def _check_alive(self) -> None:
        # A deleted topic, or a broker that is away, raises nothing: fetches just come back empty.
        now = time.monotonic()
        if now - self._checked_at < _CHECK_EVERY_S:
            return
        self._checked_at = now
        try:
            found = self._connection.num_partitions(self._topic)
            self._silent_since = time.monotonic()
        except KafkaError:
            if now - self._silent_since > _SILENCE_S:
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
