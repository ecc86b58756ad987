"""Jobs by their topics: one of them, or all that a Kafka knows of."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

from consumer.errors import AlertTransferError
from consumer.settings import Settings, load_settings, one_line
from consumer.wire import FINAL_STATES, PassedOver, manifest_topic
from engine.kafka import KafkaCluster, kafka_of
from engine.transfer.shown_lists import JobList
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
    note: Callable[[str], None] | None = None,
) -> JobList:
    """Return how the jobs of this Kafka stand, oldest first.

    Parameters
    ----------
    kafka, settings
        As for `submit`.
    everything
        Also those that ended.
    most
        So many at most; none of the others is looked at.
    note
        Called with a sentence on what stands in the list and can't be read: it is passed over.
    """
    cluster = kafka_of(kafka, settings or load_settings())
    cluster.check()
    return JobList(itertools.islice(_listed(cluster, everything, note or (lambda text: None)), most))


def _listed(cluster: KafkaCluster, everything: bool, note: Callable[[str], None]) -> Iterator[JobStatus]:
    topics, passed_over = cluster.topics(), PassedOver()
    summaries = cluster.list_jobs(passed_over)
    if passed_over.count:
        note(passed_over.text("the list of jobs"))
    for summary in summaries:
        if manifest_topic(summary.topic) not in topics:
            continue  # its 30 days are over
        if everything or summary.state not in FINAL_STATES:
            try:
                status = _status(summary.topic, cluster, note)
            except AlertTransferError as exc:
                # Its own fault, or is Kafka away? One job that can't be read hides no other.
                cluster.check()
                note(f"{summary.topic} can't be read: {one_line(exc.as_told)}")
                continue
            if status is not None:
                yield status


def _status(topic: str, cluster: KafkaCluster, note: Callable[[str], None]) -> JobStatus | None:
    with contextlib.closing(Job(topic, cluster)) as listed:
        manifest = listed.manifest
        manifest.check_readable()
        if manifest.plan is not None:
            return listed.status()
        # A manifest outlives its records, which are kept for 30 days.
        if wrong := manifest.passed_over.text(f"the manifest of {topic}"):
            note(wrong)
        return None
