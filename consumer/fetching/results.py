"""What a consumer says of itself: how far it is, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consumer.notebooks import html_rows
from consumer.terms import in_face_terms
from consumer.wire import LeftOut
from consumer.words import count_text

__all__ = ["ConsumeProgress", "ConsumeResult"]

_MOST_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class ConsumeProgress:
    """How far a consumer is."""

    state: str
    """The job's state."""
    num_alerts: int
    """Alerts fetched so far, those of earlier runs included."""
    num_expected: int | None
    """Alerts of the whole job, or None while that is not known."""


@dataclass(frozen=True, kw_only=True)
class ConsumeResult:
    """What a consumer has done."""

    topic: str
    state: str
    """The job's state: `complete`, `empty`, `failed`, `cancelled`, `interrupted`, or one of a job that goes on."""
    num_alerts: int
    """Alerts in the folder now."""
    num_alerts_new: int
    """Alerts that this run added."""
    num_duplicates: int
    """Second copies that this run dropped."""
    num_rejected: int
    """Messages in all runs that could not be read; the first 1,000 lie in `outdir.transfer/rejected`."""
    num_files: int
    """Files in the folder that this and earlier runs wrote."""
    outdir: str
    complete: bool
    """The job is at its end, every alert of it is in the folder, where readers meet nothing else, and no message was
    rejected."""
    stopped_early: bool
    """There may be more to come: `limit` was reached, or the job goes on and `wait` was False."""
    missing: int
    """Alerts that the job sends (or has sent, where the sum isn't known) and that are not in the folder."""
    num_unfinished: int
    """Alerts in the folder of fragments that the job has not finished: no record of the manifest proves them."""
    num_left_out: int
    """Alerts of the archive, selected or not, that could not be read and were left out, as the request allowed."""
    num_files_left_out: int
    """Files that were left out besides: how many alerts they hold is not known."""
    num_passed_over: int
    """Records of the manifest that can't be read, or can't be by the plan: they prove nothing."""
    num_left_out_here: int
    """Alerts of what was left out that had been sent before, and are in the folder."""
    left_out: list[LeftOut]
    """What of the archive was left out, and why."""
    num_archive_duplicates: int
    """Alerts in the folder whose identifier an alert there before them has already, of whatever night: rows that the
    archive itself holds too often."""
    error: dict[str, Any] | None
    """Why the job failed, if it did."""
    problems: list[str]
    """Files that this or an earlier run wrote and that do not lie on the disk as they were written: their alerts count
    as missing. And what else readers meet in the folder or below it: copies, files of other programs, links that lead
    back."""

    def _repr_html_(self) -> str:
        rows = [
            ("folder", self.outdir),
            ("alerts", f"{self.num_alerts:,} here, {self.missing:,} missing"),
            ("new", f"{self.num_alerts_new:,} in this run; {count_text(self.num_files, 'file')} in all"),
            ("job", self.state),
            ("complete", "yes" if self.complete else "no"),
            ("error", in_face_terms((self.error or {}).get("message") or "")),
            ("problems", "\n".join(self.problems[:_MOST_PROBLEMS])),
        ]
        return html_rows(self.topic, [(name, text) for name, text in rows if text])
