"""Jobs by their topics: one of them, or those that a Kafka knows of."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence

from consumer.errors import AlertTransferError
from consumer.settings import Settings, load_settings, one_line
from consumer.wire import FINAL_STATES, JobSummary, PassedOver, manifest_topic
from consumer.words import count_text, some_text, verb_text
from engine.kafka import KafkaCluster, kafka_of, own_name
from engine.transfer.shown_lists import JobList
from engine.transfer.submitted_job import Job, JobStatus

__all__ = ["is_own", "job", "jobs", "tell_hidden"]

_MOST_NAMED = 5


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
    owner: str | None = None,
    everyone: bool = False,
    running: bool = False,
    most: int | None = None,
    note: Callable[[str], None] | None = None,
) -> JobList:
    """Return how one's own jobs of this Kafka stand, oldest first: those that run, and those of the last 30 days.

    One's own are those of Kafka's user, else of the system's (`submit(owner=…)`), and those that say of nobody whose
    they are.

    Parameters
    ----------
    kafka, settings
        As for `submit`.
    owner
        Whose jobs instead of one's own: what `submit(owner=…)` was given.
    everyone
        Also those of others.
    running
        Only those that have not ended.
    most
        So many at most, the newest ones; none of the others is looked at.
    note
        Called with a sentence on what stands in the list and can't be read: it is passed over.
    """
    cluster = kafka_of(kafka, settings or load_settings())
    cluster.check()
    own = own_name(cluster.options) if owner is None else owner
    who = None if everyone else own
    newest_first = itertools.islice(_listed(cluster, who, running, note or (lambda text: None)), most)
    return JobList(reversed(list(newest_first)))


def is_own(owner: str, who: str) -> bool:
    """Return whether a job of an owner is `who`'s; one that says of nobody whose it is, is everybody's."""
    return owner in ("", who)


def _listed(cluster: KafkaCluster, who: str | None, running: bool, note: Callable[[str], None]) -> Iterator[JobStatus]:
    topics, passed_over = cluster.topics(), PassedOver()
    summaries = cluster.list_jobs(passed_over)
    if passed_over.count:
        note(passed_over.text("the list of jobs"))
    if who is not None:
        summaries = [summary for summary in summaries if is_own(summary.owner, who)]
    if running:
        summaries = [summary for summary in summaries if summary.state not in FINAL_STATES]
    there = [summary for summary in summaries if manifest_topic(summary.topic) in topics]
    tell_hidden(cluster, [summary for summary in summaries if manifest_topic(summary.topic) not in topics], note)
    for summary in reversed(there):
        try:
            status = _status(summary.topic, cluster, note)
        except AlertTransferError as exc:
            # Its own fault, or is Kafka away? One job that can't be read hides no other.
            cluster.check()
            note(f"{summary.topic} can't be read: {one_line(exc.as_told)}")
            continue
        if status is not None and (who is None or is_own(status.owner, who)):
            yield status


def tell_hidden(cluster: KafkaCluster, summaries: Sequence[JobSummary], note: Callable[[str], None]) -> None:
    """Tell of jobs that this user may not see; of those that are left, Kafka's 30 days are over."""
    hidden = cluster.hidden([manifest_topic(summary.topic) for summary in summaries])
    names = [_named(summary) for summary in summaries if manifest_topic(summary.topic) in hidden]
    if names:
        are, their = verb_text(len(names), "is", "are"), verb_text(len(names), "its", "their")
        jobs_are = f"{count_text(len(names), 'job')} of the list {are}"
        note(f"{jobs_are} hidden from this user, who may not look up {their} topics: {some_text(names, _MOST_NAMED)}")


def _named(summary: JobSummary) -> str:
    return summary.topic + (f" (of {one_line(summary.owner, 60)})" if summary.owner else "")


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
