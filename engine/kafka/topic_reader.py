"""Reading a topic of one partition from its beginning to where it ends now: manifests, and the list of jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import confluent_kafka as ck

from consumer.kafka import Connection, GaplessReader, stopped
from engine.errors import KafkaError
from engine.kafka.admin import TopicAdmin

__all__ = ["TopicReader"]

# Shorter than a consumer waits for a leader (20 s): a coordinator that reads can't write its heartbeats meanwhile, and
# after 30 s without one its job reads as interrupted. All that read here try again anyway.
_ANSWER_S = 10.0
_SOON_S = 2.0


class TopicReader:
    """Reads one topic of one partition from its beginning.

    Parameters
    ----------
    cluster
        The Kafka that has it.
    topic
        The topic.
    is_compacted
        Whether the topic lacks messages for good.

    Raises
    ------
    KafkaError
        If Kafka does not answer, or has no such topic.
    """

    def __init__(self, cluster: TopicAdmin, topic: str, *, is_compacted: bool = False):
        self._cluster = cluster
        self._topic = topic
        self._tries = {"most_tries": 0} if is_compacted else {}
        self._connection = self._connect()
        try:
            first, _ = self._watermarks()
            self._reader = self._read_from({0: first})
        except BaseException:
            self.close()
            raise

    def read_to_end(self) -> Iterator[ck.Message]:
        """Yield the messages that are there now and were not read yet.

        Raises
        ------
        KafkaError
            If they do not come for 10 s, or will not come.
        """
        end = self._end()
        deadline = time.monotonic() + _ANSWER_S
        while (position := self._reader.positions[0]) < end:
            # One by one: what is not taken, because somebody raises here, is read next time.
            yield from self._take(0.5)
            if self._reader.positions[0] > position:
                deadline = time.monotonic() + _ANSWER_S
            elif time.monotonic() > deadline:
                raise stopped(self._cluster.bootstrap, self._topic)

    def wait(self, timeout_s: float) -> ck.Message | None:
        """Return the next message, or None after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            for message in self._take(max(0.0, deadline - time.monotonic())):
                return message
            if time.monotonic() >= deadline:
                return None

    def connect_again(self) -> None:
        """Go on with a client of librdkafka's that knows of no outage: not each of them comes round after one."""
        self.close()
        self._connection = self._connect()
        self._reader = self._read_from(self._reader.positions)

    def close(self) -> None:
        """Leave Kafka."""
        self._connection.close()

    def _connect(self) -> Connection:
        # A manifest whose beginning expired is read on. What is written ends a fetch at once; while nothing is, each
        # costs Kafka and us a fifth of a millisecond. A request of this client's would wait for it to return.
        return self._cluster.open({"auto.offset.reset": "earliest", "fetch.wait.max.ms": 500})

    def _read_from(self, offsets: dict[int, int]) -> GaplessReader:
        return GaplessReader(self._connection, self._topic, offsets, **self._tries)

    def _end(self) -> int:
        """Return the offset that comes next; another client of the thread's asks for it."""
        try:
            return self._cluster.ends(self._topic, 1, timeout_s=_SOON_S)[0]
        except KafkaError:
            # This waits for a leader, and tells if the topic is gone.
            return self._watermarks()[1]

    def _watermarks(self) -> tuple[int, int]:
        return self._connection.watermarks(self._topic, 0, within_s=_ANSWER_S)

    def _take(self, timeout_s: float) -> list[ck.Message]:
        """Return the next message, if one comes in time; ends of the partition and errors that pass are none."""
        found = self._reader.consume(1, timeout_s)
        messages = [message for message in found if message.error() is None]
        if not messages:
            self._reader.check(found)  # a message that came is given out first, else it would be passed over
        return messages
