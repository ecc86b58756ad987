"""A job's manifest: what is written to it, and what it says."""

from __future__ import annotations

import threading
import time

import confluent_kafka as ck

from consumer.wire import Manifest, Record, encode_record, manifest_topic
from engine.errors import KafkaError, RequestError
from engine.kafka.admin import TopicAdmin
from engine.kafka.producer import Producer, send_all
from engine.kafka.ready_producers import on_loan
from engine.kafka.topic_reader import TopicReader

__all__ = ["ManifestReader", "ManifestWriter"]

# Four heartbeats.
_SILENCE_S = 20.0


class ManifestWriter:
    """Appends records to a job's manifest; each is acknowledged when `append` returns."""

    def __init__(self, kafka: TopicAdmin, topic: str):
        self._kafka = kafka
        self._topic = manifest_topic(topic)
        self._lock = threading.Lock()

    def append(self, *records: Record) -> None:
        """Write records, in order.

        Raises
        ------
        KafkaError
            If one was not acknowledged; they may be appended again then.
        """
        # One at a time, since the coordinator writes from two threads.
        with self._lock, on_loan(self._kafka, Producer) as producer:
            send_all(producer, self._topic, [encode_record(record) for record in records])


class ManifestReader:
    """Follows a job's manifest."""

    def __init__(self, kafka: TopicAdmin, topic: str):
        if manifest_topic(topic) not in kafka.topics():
            kafka.check_visible(manifest_topic(topic))
            raise RequestError(
                f"there is no job {topic!r} at {kafka.bootstrap}",
                accepted="the topic of a job of the last 30 days",
                next_step="list them with: alert-transfer jobs --all",
            )
        self.manifest = Manifest(topic=topic)
        self._heard_at = time.monotonic()
        self._reader = TopicReader(kafka, manifest_topic(topic))

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
                self._take(message)
        except KafkaError:
            self._reader.connect_again()
            raise
        return self.manifest

    def wait_for_more(self, timeout_s: float) -> Manifest:
        """Take in what comes next, or nothing after `timeout_s`.

        Raises
        ------
        KafkaError
            As of `refresh`.
        """
        try:
            message = self._reader.wait(timeout_s)
            while message is not None:
                self._take(message)
                self._heard_at = time.monotonic()
                message = self._reader.wait(0)  # whatever came with it
        except KafkaError:
            self._reader.connect_again()
            raise
        # A job that runs writes heartbeats: after so long a silence there may be something that does not come.
        is_silent = time.monotonic() - self._heard_at >= _SILENCE_S
        return self.refresh() if is_silent else self.manifest

    def close(self) -> None:
        """Leave Kafka."""
        self._reader.close()

    def _take(self, message: ck.Message) -> None:
        self.manifest.take(message.value(), message.key() or b"")
