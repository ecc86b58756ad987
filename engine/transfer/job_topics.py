"""The topics of jobs in a Kafka: what they hold, whose they are, how their jobs stand, and which have none."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from consumer.errors import AlertTransferError
from consumer.notebooks import html_rows
from consumer.settings import Settings, load_settings, one_line
from consumer.wire import (
    FINAL_STATES,
    TOPIC_PREFIX,
    JobSummary,
    Manifest,
    PassedOver,
    check_topic,
    manifest_topic,
)
from engine.errors import InputError, KafkaError
from engine.kafka import Holding, KafkaCluster, ManifestReader, kafka_of
from engine.transfer.history import tell_hidden

__all__ = ["JobTopics", "look_at", "topics"]


@dataclass(frozen=True, kw_only=True)
class JobTopics:
    """The topics of one job: those that are there, what they hold, and how the job stands."""

    topic: str
    """The data topic."""
    topics: tuple[str, ...]
    """Those of the job's three that are there, and that this user may see."""
    owner: str
    """Whose job it is; empty where nothing says."""
    state: str
    """The job's; or `expired` (Kafka has dropped the plan, which is kept for 30 days), `orphaned` (no plan was ever
    written, or the manifest is gone), `poisoned` (the manifest holds something else than a job), `later` (a later
    version of alert-transfer planned it), `unreadable` (Kafka does not let us read the manifest, or can't), `foreign`
    (another program's)."""
    problem: str | None
    """What is wrong with it, in words; None: nothing."""
    age_s: float | None
    """Seconds since it was submitted; None where nothing says."""
    idle_s: float | None
    """Seconds since something was written to its topics; None: they hold nothing."""
    ended_s: float | None
    """Seconds since the job ended or fell silent; None: it runs, or nothing says."""
    num_messages: int | None
    """Messages that the data topic holds, alerts that were sent twice counted twice; Kafka tells of no bytes."""
    nbytes: int | None
    """Bytes of the alerts that the job sent, by its manifest, also of those that Kafka has dropped."""
    alerts_left_s: float | None
    """Seconds until Kafka has dropped all of the alerts; None: it never held any."""
    manifest_left_s: float | None
    """Seconds until Kafka has dropped all of the manifest."""
    job_id: str | None
    is_listed: bool
    """Whether the list of jobs names it."""
    num_records: int
    """Records that were ever written to the manifest."""

    def __repr__(self) -> str:
        return f"<JobTopics of {self.topic}: {self.state}, owner {self.owner!r}>"

    def _repr_html_(self) -> str:
        shown = {"owner": self.owner, "state": self.state, "problem": self.problem, "messages": self.num_messages}
        return html_rows(self.topic, [(name, value) for name, value in shown.items() if value not in (None, "")])

    def to_dict(self) -> dict[str, Any]:
        """Return it as the command line's JSON has it."""
        return asdict(self) | {"topics": list(self.topics)}


def topics(
    kafka: str | None = None, *, settings: Settings | None = None, note: Callable[[str], None] | None = None
) -> list[JobTopics]:
    """Return the topics of all jobs of a Kafka, job by job, those that nobody knows any more as well.

    Parameters
    ----------
    kafka, settings
        As for `submit`.
    note
        Called with a sentence on what stands in the list of jobs and can't be read, or is hidden from this user.
    """
    settings = settings or load_settings()
    cluster = kafka_of(kafka, settings)
    return look_at(cluster, settings, note=note)


def look_at(
    cluster: KafkaCluster,
    settings: Settings,
    only: Collection[str] | None = None,
    *,
    note: Callable[[str], None] | None = None,
) -> list[JobTopics]:
    """Return the topics of jobs, by name.

    Parameters
    ----------
    cluster
        The Kafka.
    settings
        How long topics are kept, where Kafka does not tell.
    only
        Names of data topics: those that are there of these; default: all.
    note
        As for `topics`.
    """
    cluster.check()
    groups = _grouped(cluster.topics())
    passed_over = PassedOver()
    listed = {summary.topic: summary for summary in cluster.list_jobs(passed_over)}
    if passed_over.count and note:
        note(passed_over.text("the list of jobs"))
    if note and only is None:
        tell_hidden(cluster, [summary for topic, summary in listed.items() if topic not in groups], note)
    chosen = {topic: names for topic, names in sorted(groups.items()) if only is None or topic in only}
    held = cluster.holdings([name for names in chosen.values() for name in names])
    hidden = cluster.hidden(
        [manifest_topic(topic) for topic, names in chosen.items() if manifest_topic(topic) not in names]
    )
    return [_look(cluster, settings, topic, names, held, hidden, listed.get(topic)) for topic, names in chosen.items()]


def _grouped(names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the topics that may be a job's, by the names of data topics."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        topic = name.removesuffix("_manifest") if name.endswith("_manifest") else name.removesuffix("_schema")
        if name.startswith(TOPIC_PREFIX):
            with contextlib.suppress(InputError):  # no job can have this name
                groups[check_topic(topic)].append(name)
    return {topic: tuple(found) for topic, found in groups.items()}


def _look(
    cluster: KafkaCluster,
    settings: Settings,
    topic: str,
    names: tuple[str, ...],
    held: Mapping[str, Holding],
    hidden: Collection[str],
    summary: JobSummary | None,
) -> JobTopics:
    manifest, state, problem = _read(cluster, topic, names, held)
    if state == "foreign" and summary is not None:
        state, problem = "orphaned", "its manifest is gone"
    if manifest_topic(topic) in hidden:
        state, problem = "unreadable", "this user may not look up its manifest"
    now = time.time()  # after the reading, which may take a while
    plan = manifest.plan if manifest is not None else None
    if manifest is not None and plan is not None and state is None:
        state = manifest.state_at(now)
        problem = None if topic in names else "its data topic is gone"
    written = [at for name in names if name in held and (at := held[name].written_at) is not None]
    begun = plan.created_at if plan else summary.created_at if summary else None
    ended = manifest.last_sign_at if manifest and (state in FINAL_STATES or state == "interrupted") else None
    kept, data, records = settings.topics, held.get(topic), held.get(manifest_topic(topic))
    return JobTopics(
        topic=topic,
        topics=names,
        owner=plan.owner if plan else summary.owner if summary else "",
        state=state or "unreadable",
        problem=problem,
        age_s=_since(begun, now),
        idle_s=_since(max(written, default=None), now),
        ended_s=_since(ended, now),
        num_messages=data.num_messages if data else None,
        nbytes=manifest.nbytes if manifest is not None and plan is not None else None,
        alerts_left_s=_left(data, kept.data_retention_days, now),
        manifest_left_s=_left(records, kept.manifest_retention_days, now),
        job_id=plan.job_id if plan else None,
        is_listed=summary is not None,
        num_records=records.num_written if records else 0,
    )


def _read(
    cluster: KafkaCluster, topic: str, names: Collection[str], held: Mapping[str, Holding]
) -> tuple[Manifest | None, str | None, str | None]:
    """Return the manifest, and, if that holds no sound job, what state that is and what is wrong."""
    name = manifest_topic(topic)
    if name not in names:
        if topic in held and held[topic].is_made_by_us:
            return None, "orphaned", "its manifest is gone"
        return None, "foreign", "it has no manifest and is in no list of jobs: it may be another program's"
    if name not in held:
        return None, "unreadable", "Kafka does not tell what its manifest holds"
    try:
        reader = ManifestReader(cluster, topic)
        with contextlib.closing(reader):
            manifest = reader.refresh()
    except (InputError, KafkaError) as exc:
        cluster.check()
        return None, "unreadable", one_line(exc.as_told)
    if manifest.refusal is not None:
        return manifest, "later", one_line(manifest.refusal.as_told)
    if manifest.plan is not None:
        try:
            manifest.check_readable()
        except AlertTransferError as exc:
            return manifest, "poisoned", one_line(exc.as_told)
        return manifest, None, None
    if held[name].num_messages < held[name].num_written:
        return manifest, "expired", "Kafka has dropped its plan"
    if not held[name].num_written:
        return manifest, "orphaned", "no plan was written to its manifest"
    return manifest, "poisoned", "its manifest holds no plan: " + (manifest.passed_over.first or "only other records")


def _since(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 3)


def _left(holding: Holding | None, days: float, now: float) -> float | None:
    """Return in how many seconds Kafka has dropped what a topic holds; None: nothing was ever written to it."""
    if holding is None or not holding.num_written:
        return None
    if holding.written_at is None or not holding.num_messages:
        return 0.0
    kept_s = days * 24 * 3600 if holding.retention_s is None else holding.retention_s
    return round(max(0.0, holding.written_at + kept_s - now), 3)
