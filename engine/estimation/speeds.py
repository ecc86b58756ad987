"""How long jobs took that ended here, kept in the user's cache: what tells how long the next one takes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from consumer.settings import cache_folder
from engine.estimation.cache import write_whole

__all__ = ["DoneJob", "remember_job", "seconds_of"]

_MOST_JOBS = 50
_MOST_FILES = 50
"""One for each Kafka; an embedded one has another port each time."""


@dataclass(frozen=True, kw_only=True)
class DoneJob:
    """A job that came to its end."""

    topic: str
    content: str
    num_archive_alerts: int
    """Alerts of its nights."""
    num_alerts: int
    """Alerts that it sent."""
    nbytes: int
    elapsed_s: float
    first_alert_s: float


def remember_job(kafka: str, done: DoneJob) -> None:
    """Keep how long a job of a Kafka took; told again, it changes nothing."""
    if done.elapsed_s <= 0 or not done.num_archive_alerts:
        return
    jobs = _jobs(kafka)
    if any(job.topic == done.topic for job in jobs):
        return
    write_whole(_file(kafka), json.dumps([asdict(job) for job in [*jobs, done][-_MOST_JOBS:]]), most=_MOST_FILES)


def seconds_of(kafka: str | None, content: str, num_archive_alerts: int, nbytes: float) -> float | None:
    """Return how long a job would take, by the one most like it in size that sent the same content; None without one.

    What passed before its first alert takes as long again; the rest grows with the alerts that are filtered, or with
    the bytes that are sent, whichever grows more.
    """
    jobs = [job for job in (_jobs(kafka) if kafka else []) if job.content == content and job.nbytes]
    if not jobs:
        return None

    def growth(job: DoneJob) -> float:
        return max(num_archive_alerts / job.num_archive_alerts, nbytes / job.nbytes, 1e-9)

    like = min(jobs, key=lambda job: abs(math.log(growth(job))))
    start = min(like.first_alert_s, like.elapsed_s)
    return start + (like.elapsed_s - start) * growth(like)


def _file(kafka: str) -> Path:
    servers = ",".join(sorted(part.strip() for part in kafka.split(",")))
    return cache_folder("speeds") / f"{hashlib.sha256(servers.encode()).hexdigest()[:16]}.json"


def _jobs(kafka: str) -> list[DoneJob]:
    try:
        return [DoneJob(**job) for job in json.loads(_file(kafka).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []  # nothing is known yet, or nothing that can be read: the next job that ends writes it anew
