"""How fast a job goes, who works on it, how long it will take, and what a user should look at: told by its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consumer.wire import FragmentDone, Manifest
from consumer.words import count_text, verb_text

__all__ = ["Pace", "pace_of", "warnings_of"]

LATELY_S = 60.0
_LEAST_S = 1.0
_MOST_WARNINGS = 10


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Rates a second, the time that is left, and the workers."""

    alerts_per_s: float | None
    bytes_per_s: float | None
    alerts_per_s_lately: float | None
    bytes_per_s_lately: float | None
    left_s: float | None
    workers: list[dict[str, Any]]


def pace_of(manifest: Manifest, *, elapsed_s: float, now: float, runs: bool) -> Pace:
    """Return the pace of a job.

    Parameters
    ----------
    manifest
        The job's; it holds a plan.
    elapsed_s
        Seconds that the job took so far, pauses left out.
    now
        Unix time, seconds: of its end, where it has ended.
    runs
        Whether it still goes on: then some time may be left.
    """
    begun = _begun(manifest)
    span_s = min(LATELY_S, max(now - begun, _LEAST_S))
    whole, lately, since = _Sums(), _Sums(), _Sums()
    workers: dict[str, dict[str, Any]] = {}
    # Of a job of many thousand fragments this is asked again and again: one loop.
    for done in list(manifest.fragments.values()):
        is_late = done.time >= now - span_s
        whole.add(done)
        if is_late:
            lately.add(done)
        if done.time >= begun:
            since.add(done)
        if done.worker is not None:
            worker = workers.get(done.worker) or workers.setdefault(done.worker, _idle(done.worker))
            worker["num_fragments"] += 1
            worker["num_alerts_sent"] += done.num_sent
            worker["worked_lately"] |= is_late
    any_s = max(elapsed_s, _LEAST_S) if whole.num_looked_at else None
    lately_s = span_s if whole.num_looked_at else None
    return Pace(
        alerts_per_s=_rate(whole.num_sent, any_s),
        bytes_per_s=_rate(whole.nbytes, any_s),
        alerts_per_s_lately=_rate(lately.num_sent, lately_s),
        bytes_per_s_lately=_rate(lately.nbytes, lately_s),
        left_s=_left_s(manifest, whole, since, now - begun) if runs else None,
        workers=sorted(workers.values(), key=lambda worker: (-worker["num_fragments"], worker["worker"])),
    )


@dataclass
class _Sums:
    num_looked_at: int = 0
    num_sent: int = 0
    nbytes: int = 0

    def add(self, done: FragmentDone) -> None:
        self.num_looked_at += done.num_alerts
        self.num_sent += done.num_sent
        self.nbytes += done.nbytes


def _idle(worker: str) -> dict[str, Any]:
    return {"worker": worker, "num_fragments": 0, "num_alerts_sent": 0, "worked_lately": False}


def _begun(manifest: Manifest) -> float:
    """Return when the job was taken up last: what it did before was done by another cluster, perhaps.

    One that waited for others of its owner was taken up when it began to run.
    """
    begun = manifest.require_plan().created_at
    has_waited = any(line.event == "queue" for line in manifest.log.lines)
    state = ""
    for change in manifest.changes:
        if change.state == "queued" or (change.state == "running" and state == "queued" and has_waited):
            begun = change.time
        state = change.state
    return begun


def _rate(amount: int, seconds: float | None) -> float | None:
    return None if seconds is None else round(amount / seconds, 1)


def _left_s(manifest: Manifest, whole: _Sums, since: _Sums, seconds: float) -> float | None:
    """Return the seconds until the end, by the archive's alerts that are left; None until that can be told.

    Parameters
    ----------
    manifest
        The job's.
    whole, since
        What was done in all, and since the job was taken up last.
    seconds
        Since then.
    """
    if not manifest.is_planned or not since.num_looked_at or seconds < _LEAST_S:
        return None
    left_s = (manifest.num_archive_alerts - whole.num_looked_at) * seconds / since.num_looked_at
    limit = manifest.require_plan().request.get("limit")
    if limit is not None and since.num_sent:
        left_s = min(left_s, (limit - whole.num_sent) * seconds / since.num_sent)
    return round(max(0.0, left_s), 1)


def warnings_of(manifest: Manifest) -> list[str]:
    """Return what a user should look at: what was left out, what can't be read, and what went wrong on the way."""
    found = []
    if left_out := len(manifest.left_out):
        alerts = count_text(manifest.num_left_out, "alert")
        files = count_text(manifest.num_files_left_out, "file")
        held = f"{alerts} and {files} whose alerts nobody knows" if manifest.num_files_left_out else alerts
        parts = f"{count_text(left_out, 'part')} of the archive {verb_text(left_out, 'was', 'were')}"
        found.append(f"{parts} left out as unreadable: {held}, selected or not")
    if wrong := manifest.passed_over.text("the manifest"):
        found.append(wrong)
    lines = [line for line in manifest.log.lines if line.level != "info"]
    found += [line.text for line in lines[-_MOST_WARNINGS:]]
    if len(lines) > _MOST_WARNINGS:
        topic = manifest.require_plan().topic
        found.append(f"and {len(lines) - _MOST_WARNINGS:,} before these; all of them: alert-transfer log {topic}")
    return found
