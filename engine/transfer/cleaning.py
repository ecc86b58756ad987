"""Deleting the topics of jobs whose time is over, and of those that nobody can read. What may be needed is kept.

What is deleted is gone for all. So whatever can't be told counts as a reason to keep: how a job stands, whose it is,
how old it is; and each reason is looked for once more right before the deletion.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from consumer.notebooks import html_table
from consumer.settings import Settings, load_settings, one_line, shown
from consumer.wire import FINAL_STATES, HEARTBEAT_EVERY_S, check_topic
from consumer.words import age_text
from engine.errors import AlertTransferError, RequestError
from engine.kafka import KafkaCluster, kafka_of, own_name
from engine.transfer.history import is_own
from engine.transfer.job_topics import JobTopics, look_at

__all__ = ["Cleaned", "Cleaning", "clean_topics"]

_DAY_S = 24 * 3600.0
# What submits a job writes the schema, and then the plan, which takes seconds, or minutes where the plan is large.
_SUBMISSION_S = 3600.0
_TWO_HEARTBEATS_S = 2 * HEARTBEAT_EVERY_S + 1.0


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What becomes of the topics of one job."""

    found: JobTopics
    action: str
    """`delete` (it would be), `deleted`, `keep` or `failed`."""
    reason: str
    """Why."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the command line's JSON has it."""
        return {**self.found.to_dict(), "action": self.action, "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """What was deleted, or would be, and what is kept."""

    items: tuple[Cleaned, ...]
    is_done: bool
    """Whether it was done; False: this is what would be."""

    def __iter__(self) -> Iterator[Cleaned]:
        return iter(self.items)

    def of(self, action: str) -> tuple[Cleaned, ...]:
        """Return what that becomes of: `delete`, `deleted`, `keep` or `failed`."""
        return tuple(item for item in self.items if item.action == action)

    def __repr__(self) -> str:
        what = {"delete": "to delete", "deleted": "deleted", "keep": "kept", "failed": "failed"}
        counted = [f"{len(self.of(action)):,} {word}" for action, word in what.items() if self.of(action)]
        return f"<Cleaning: {', '.join(counted) or 'nothing there'}>"

    def _repr_html_(self) -> str:
        return html_table(
            ("topic", "state", "owner", "", "why"),
            [(item.found.topic, item.found.state, item.found.owner, item.action, item.reason) for item in self.items],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as the command line's JSON has it."""
        return {"done": self.is_done, "topics": [item.to_dict() for item in self.items]}


def clean_topics(
    *topics: str,
    kafka: str | None = None,
    settings: Settings | None = None,
    older_than: float | None = None,
    everyone: bool = False,
    yes: bool = False,
    note: Callable[[str], None] | None = None,
) -> Cleaning:
    """Delete the topics of jobs that ended and whose time is over, and those that no program can read.

    Nothing is deleted unless `yes` is given: what is returned says what would be. Topics are one's own, or nobody's,
    unless `everyone` is given.

    Parameters
    ----------
    topics
        Names of data topics, which are deleted whatever their age, unless their job runs; default: all whose time is
        over. That is when the manifest is (30 days, `topics.manifest_retention_days`) after the job's end.
    kafka, settings
        As for `submit`.
    older_than
        Days since the end after which a job's time is over, if it is complete or empty. One that failed, was cancelled
        or interrupted may be taken up again, and is kept for as long as its manifest is.
    everyone
        Also topics of others.
    yes
        Delete them.
    note
        As for `jobs`.

    Raises
    ------
    RequestError
        If one that is named is not there, is another's, or may not be deleted: none is deleted then.
    """
    settings = settings or load_settings()
    days = _days(older_than)
    names = tuple(dict.fromkeys(check_topic(topic) for topic in topics))
    cluster = kafka_of(kafka, settings)
    rule = _Rule(own_name(cluster.options), settings, days, is_named=bool(names), everyone=everyone)
    rule.check()
    found = look_at(cluster, settings, names or None, note=note)
    if missing := set(names) - {one.topic for one in found}:
        raise RequestError(
            f"there is no topic {shown(min(missing))} at {cluster.bootstrap}",
            accepted="the name of a job's data topic",
            next_step="list them with: alert-transfer topics",
        )
    judged = [(one, rule.why_kept(one)) for one in found]
    for one, why in judged if names else ():
        if why:
            raise RequestError(f"{one.topic} is not deleted: {why}", next_step=rule.next_step(one))
    if yes and any(_may_be_at_work(one) for one, why in judged if not why):
        time.sleep(_TWO_HEARTBEATS_S)
    return Cleaning(is_done=yes, items=tuple(_cleaned(cluster, rule, one, why, yes) for one, why in judged))


def _days(older_than: Any) -> float | None:
    if older_than is None:
        return None
    is_number = isinstance(older_than, int | float) and not isinstance(older_than, bool)
    if not is_number or not math.isfinite(older_than) or older_than < 0:
        raise RequestError(f"--older-than is {shown(older_than)}", accepted="a number of days, 0 or more")
    return float(older_than)


def _may_be_at_work(found: JobTopics) -> bool:
    """Return whether somebody may work on it though it does not look so: clocks may be wrong.

    Who works on a job writes something within two heartbeats.
    """
    return found.state not in FINAL_STATES and (found.idle_s or 0.0) < _DAY_S


def _cleaned(cluster: KafkaCluster, rule: _Rule, found: JobTopics, why_kept: str | None, yes: bool) -> Cleaned:
    if why_kept:
        return Cleaned(found=found, action="keep", reason=why_kept)
    if not yes:
        return Cleaned(found=found, action="delete", reason=rule.why_deleted(found))
    try:
        if changed := _changed(cluster, rule, found):
            return Cleaned(found=found, action="keep", reason=changed)
        cluster.delete_job_topics(found.topic, only=found.topics)
        if found.is_listed:
            cluster.take_off_list(found.topic)
    except AlertTransferError as exc:
        cluster.check()
        return Cleaned(found=found, action="failed", reason=one_line(exc.as_told))
    return Cleaned(found=found, action="deleted", reason=rule.why_deleted(found))


def _changed(cluster: KafkaCluster, rule: _Rule, before: JobTopics) -> str | None:
    """Return why topics that were to be deleted are kept after all, as they stand now."""
    found = look_at(cluster, rule.settings, (before.topic,))
    if not found:
        return "it is gone by now"
    (now,) = found
    if now.job_id == before.job_id and set(now.topics) < set(before.topics):
        return "some of its topics are gone by now: somebody else may be deleting it"
    if (now.job_id, now.topics, now.num_records) != (before.job_id, before.topics, before.num_records):
        return "something was written to it a moment ago"
    return rule.why_kept(now)


@dataclass(frozen=True)
class _Rule:
    """What may be deleted."""

    who: str
    settings: Settings
    days: float | None
    is_named: bool
    everyone: bool

    def check(self) -> None:
        """Raise if this user may not ask for topics of others."""
        operators = self.settings.topics.operator_names()
        if self.everyone and operators and self.who not in operators:
            raise RequestError(
                f"{shown(self.who)} is no operator, and topics of others are the operators'",
                accepted=f"one of {', '.join(operators)}, by topics.operators of the configuration",
                next_step="leave out --all to clean your own",
            )

    def next_step(self, found: JobTopics) -> str | None:
        """Return what to do about topics that were named and are kept."""
        if found.state in ("running", "queued"):
            return f"stop the job first: alert-transfer cancel {found.topic}"
        if not self._may(found):
            return "have its owner delete it; operators give --all"
        return None

    def why_kept(self, found: JobTopics) -> str | None:
        """Return why topics are kept; None: they may be deleted."""
        if not self._may(found):
            return f"it is {one_line(found.owner, 60)}'s"
        if found.state in ("running", "queued"):
            return f"its job is {found.state}"
        if found.state in ("foreign", "unreadable"):
            return found.problem
        if self.is_named:
            return self._why_named_is_kept(found)
        if found.state == "later":
            return "a later version of alert-transfer planned it"
        if found.state in ("expired", "poisoned", "orphaned"):
            return self._why_unreadable_is_kept(found)
        return self._why_ended_is_kept(found)

    def why_deleted(self, found: JobTopics) -> str:
        """Return why topics are deleted."""
        if found.problem:
            return found.problem
        if self.is_named or found.ended_s is None:
            return "it was asked for by name"
        return f"{found.state} {age_text(found.ended_s)} ago"

    def _may(self, found: JobTopics) -> bool:
        return self.everyone or is_own(found.owner, self.who)

    def _why_named_is_kept(self, found: JobTopics) -> str | None:
        # Of what was written just now, nobody can say yet that it will be no job.
        if found.state == "orphaned" and found.idle_s is not None and found.idle_s < _SUBMISSION_S:
            return f"a job may be being submitted: something was written to it {age_text(found.idle_s)} ago"
        return None

    def _why_unreadable_is_kept(self, found: JobTopics) -> str | None:
        if found.state == "expired" and found.idle_s is None:
            return None  # all of it was dropped, for its age
        if found.state == "poisoned":
            least_s = 0.0  # what submits a job writes its plan first
        elif found.state == "expired":
            least_s = self.settings.topics.data_retention_days * _DAY_S
        else:
            least_s = _SUBMISSION_S
        least_s = max(least_s, (self.days or 0.0) * _DAY_S)
        idle_s = found.age_s if found.idle_s is None else found.idle_s
        if idle_s is None:
            return "nothing says how old it is: delete it by its name"
        return f"something was written to it {age_text(idle_s)} ago" if idle_s < least_s else None

    def _why_ended_is_kept(self, found: JobTopics) -> str | None:
        kept_s = self.settings.topics.manifest_retention_days * _DAY_S
        if found.ended_s is None:
            return "nothing says when its job ended"
        since_s = min(found.ended_s, found.ended_s if found.idle_s is None else found.idle_s)
        if found.state not in ("complete", "empty"):
            if since_s < max(kept_s, (self.days or 0.0) * _DAY_S):
                return f"{found.state} {age_text(since_s)} ago, and can be taken up again"
            return None
        least_s = kept_s if self.days is None else self.days * _DAY_S
        return f"{found.state} {age_text(since_s)} ago" if since_s < least_s else None
