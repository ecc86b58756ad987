"""The manifest in a topic of Kafka."""

from __future__ import annotations

import time
from functools import cached_property

from consumer.wire import (
    FINAL_STATES,
    INTERRUPTED_AFTER_S,
    JobSummary,
    Manifest,
    Plan,
    Record,
    manifest_topic,
)
from engine.kafka import KafkaCluster, ManifestReader, ManifestWriter

__all__ = ["KafkaManifestStore"]


class KafkaManifestStore:
    """The manifest of one job in `<topic>_manifest`; see `ManifestStore`.

    `KafkaSink.prepare` makes the topic: Kafka has all three topics of a job or none of them.

    Parameters
    ----------
    kafka
        The Kafka that has it.
    topic
        The job's topic.
    """

    def __init__(self, kafka: KafkaCluster, topic: str):
        self.topic = topic
        self._kafka = kafka
        self._left: Manifest | None = None

    def __reduce__(self) -> tuple[type[KafkaManifestStore], tuple[KafkaCluster, str]]:
        return type(self), (self._kafka, self.topic)

    @property
    def place(self) -> str:
        """Return what it is."""
        return f"the topic {manifest_topic(self.topic)}"

    @property
    def address(self) -> str:
        """Return what must be reached."""
        return f"Kafka at {self._kafka.bootstrap}"

    @cached_property
    def _reader(self) -> ManifestReader:
        return ManifestReader(self._kafka, self.topic)

    @cached_property
    def _writer(self) -> ManifestWriter:
        return ManifestWriter(self._kafka, self.topic)

    @property
    def manifest(self) -> Manifest:
        """Return the manifest as it was read last; a closed store does not go to Kafka for it again."""
        if self._left is not None and "_reader" not in self.__dict__:
            return self._left
        return self._reader.manifest

    def exists(self) -> bool:
        """Return whether the topic is there; a broker that was just started is given a moment to know it again."""
        return self._kafka.has_topic(manifest_topic(self.topic))

    def append(self, *records: Record) -> None:
        """Write records, in order."""
        self._writer.append(*records)

    def refresh(self) -> Manifest:
        """Take in everything that is there now."""
        return self._reader.refresh()

    def wait_for_more(self, timeout_s: float) -> Manifest:
        """Take in what comes next, or nothing after `timeout_s`."""
        return self._reader.wait_for_more(timeout_s)

    def announce(self, plan: Plan, state: str, num_alerts_sent: int) -> None:
        """Write how the job stands into Kafka's list of jobs."""
        self._kafka.announce_job(plan, state, num_alerts_sent)

    def others(self, owner: str) -> list[JobSummary]:
        """Return those that Kafka's list has; a sign of life is a message in the manifest."""
        listed = [
            job
            for job in self._kafka.list_jobs()
            if job.owner == owner and job.topic != self.topic and job.state not in FINAL_STATES
        ]
        held = self._kafka.holdings({manifest_topic(job.topic) for job in listed})
        since = time.time() - INTERRUPTED_AFTER_S
        written_at = {name: holding.written_at or 0.0 for name, holding in held.items()}
        return [job for job in listed if written_at.get(manifest_topic(job.topic), 0.0) > since]

    def await_answer(self, timeout_s: float) -> None:
        """Return once a broker answers."""
        self._kafka.await_answer(timeout_s)

    def close(self) -> None:
        """Leave Kafka, if it was read from."""
        if "_reader" in self.__dict__:
            self._left = self._reader.manifest
            self._reader.close()
            del self._reader
