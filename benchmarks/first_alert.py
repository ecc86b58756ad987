"""When a topic's first alert arrives, watched by a process of its own, whose CPU counts for nobody.

python first_alert.py KAFKA TOPIC PARTITIONS    prints a line once it watches, and the moment of the first alert
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import confluent_kafka

__all__ = ["FirstAlert"]

_MOST_S = 60.0


@dataclass(frozen=True, kw_only=True)
class FirstAlert:
    """A process that polls a topic, which need not exist yet."""

    process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def watched(cls, topic: str, kafka: str, num_partitions: int) -> Iterator[FirstAlert]:
        """Yield it once it watches."""
        words = [sys.executable, __file__, kafka, topic, str(num_partitions)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield cls(process=process)
            finally:
                process.kill()

    @property
    def pid(self) -> int:
        """The process's."""
        return self.process.pid

    def seconds_after(self, begun: float) -> float:
        """Return when the first alert arrived, after a moment of the monotonic clock, which all processes share."""
        printed, _ = self.process.communicate(timeout=_MOST_S)
        return float(printed) - begun


def _watch(kafka: str, topic: str, num_partitions: int) -> float:
    settings = {"bootstrap.servers": kafka, "group.id": topic, "topic.metadata.refresh.interval.ms": 200}
    consumer = confluent_kafka.Consumer({**settings, "auto.offset.reset": "earliest", "log_level": 0})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in range(num_partitions)])
    print("watching", flush=True)
    while True:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            return time.monotonic()


if __name__ == "__main__":
    print(_watch(sys.argv[1], sys.argv[2], int(sys.argv[3])))
