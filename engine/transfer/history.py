"""Jobs by their topics: one of them, or all that a Kafka knows of."""

from __future__ import annotations

import contextlib

from consumer.settings import Settings, load_settings
from consumer.wire import FINAL_STATES, manifest_topic
from engine.kafka import kafka_of
from engine.transfer.submitted_job import Job, JobStatus

__all__ = ["job", "jobs"]


def job(topic: str, kafka: str | None = None, *, settings: Settings | None = None) -> Job:
    """Return the job of a topic.

    Raises
    ------
    InputError
        If there is none.
    """
    return Job(topic, kafka_of(kafka, settings or load_settings()))


def jobs(kafka: str | None = None, *, settings: Settings | None = None, everything: bool = False) -> list[JobStatus]:
    """Return how the jobs of this Kafka stand, oldest first.

    Parameters
    ----------
    kafka, settings
        As for `submit`.
    everything
        Also those that ended.
    """
    cluster = kafka_of(kafka, settings or load_settings())
    cluster.check()
    topics = cluster.topics()
    found = []
    for summary in cluster.list_jobs():
        if manifest_topic(summary["topic"]) not in topics:
            continue  # its 30 days are over
        if everything or summary["state"] not in FINAL_STATES:
            with contextlib.closing(Job(summary["topic"], cluster)) as listed:
                # A manifest outlives its records, which are kept for 30 days.
                if listed.manifest.plan is not None:
                    found.append(listed.status())
    return found
