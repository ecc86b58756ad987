"""Jobs by their topics: one of them, or all that a Kafka knows of."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from consumer.settings import Settings, load_settings
from consumer.wire import FINAL_STATES, manifest_topic
from engine.kafka import KafkaCluster, kafka_of
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


def jobs(
    kafka: str | None = None,
    *,
    settings: Settings | None = None,
    everything: bool = False,
    most: int | None = None,
) -> list[JobStatus]:
    """Return how the jobs of this Kafka stand, oldest first.

    Parameters
    ----------
    kafka, settings
        As for `submit`.
    everything
        Also those that ended.
    most
        So many at most; none of the others is looked at.
    """
    cluster = kafka_of(kafka, settings or load_settings())
    cluster.check()
    return list(itertools.islice(_listed(cluster, everything), most))


def _listed(cluster: KafkaCluster, everything: bool) -> Iterator[JobStatus]:
    topics = cluster.topics()
    for summary in cluster.list_jobs():
        if manifest_topic(summary["topic"]) not in topics:
            continue  # its 30 days are over
        if everything or summary["state"] not in FINAL_STATES:
            with contextlib.closing(Job(summary["topic"], cluster)) as listed:
                # A manifest outlives its records, which are kept for 30 days.
                if listed.manifest.plan is not None:
                    yield listed.status()
