"""A job's log in words: what its manifest's records say happened, and the lines that it holds besides, in order."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from consumer.settings import shown
from consumer.terms import in_face_terms
from consumer.wire import FINAL_STATES, FragmentDone, LogLine, Manifest, StateChange
from consumer.words import count_text, on_one_line, printable, some_text
from engine.transfer.versions import shown_version

__all__ = ["JobLog", "LogReader"]

_MOST_CHARACTERS = 20_000
_MOST_NAMED = 10
_MOST_OF_REQUEST = 500


class JobLog(list[str]):
    """The lines of a job's log, in order; it prints as it is read, and shows in a notebook."""

    def __str__(self) -> str:
        return "\n".join(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(printable(str(self)))}</pre>"


@dataclass
class LogReader:
    """Gives the lines of a manifest that grows: each once."""

    _has_begun: bool = False
    _seen: dict[str, int] = field(default_factory=dict)
    _num_left_out: int = 0

    def read(self, manifest: Manifest, now: float, *, to_its_end: bool) -> list[str]:
        """Return the lines that came since the last call, in the order of their times.

        Parameters
        ----------
        manifest
            The job's; it holds a plan.
        now
            Unix time, seconds.
        to_its_end
            Whether no more is read: then the log says what it does not hold.
        """
        lines = list(self._new(manifest))
        lines.sort(key=lambda line: line[0])
        plan = manifest.require_plan()
        last = max((at for at, _ in lines), default=manifest.last_sign_at or plan.created_at)
        if to_its_end:
            if left_out := manifest.log.num_left_out:
                lines.append((last, f"and {count_text(left_out, 'more line')} that the log does not hold"))
            if wrong := manifest.passed_over.text("the manifest"):
                lines.append((last, wrong))
            if manifest.state_at(now) == "interrupted":
                lines.append((last, "interrupted: no sign of the job since"))
        # What others wrote may hold line breaks: it takes no line of its own.
        return [f"{_stamp(at)} {on_one_line(in_face_terms(text)[:_MOST_CHARACTERS])}" for at, text in lines]

    def _new(self, manifest: Manifest) -> Iterator[tuple[float, str]]:
        plan = manifest.require_plan()
        if not self._has_begun:
            self._has_begun = True
            yield plan.created_at, _planned(manifest)
            yield from ((plan.created_at, text) for text in _facts(manifest))
        for done in self._further("fragments", manifest.fragments.values()):
            yield done.time, _fragment_text(done)
        for night in self._further("nights", manifest.nights.values()):
            alerts = count_text(night.num_alerts, "alert")
            yield (
                night.time,
                f"night {night.night}: {alerts}, {night.num_duplicates:,} with an identifier that one before them has",
            )
        for change in self._further("changes", manifest.changes):
            is_last = change is manifest.changes[-1]
            yield change.time, _state_text(change, manifest if is_last else None)
        for cancel in self._further("cancels", manifest.cancels):
            yield cancel.time, f"cancel requested{_by(cancel.by)}"
        for line in self._further("lines", manifest.log.lines):
            yield line.time, _line_text(line)

    def _further(self, name: str, records: Any) -> Sequence[Any]:
        """Return the records of a kind that came since the last call; readers only ever add to them."""
        found = list(islice(records, self._seen.get(name, 0), None))
        self._seen[name] = self._seen.get(name, 0) + len(found)
        return found


def _stamp(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d %H:%M:%S}"


def _by(who: str | None) -> str:
    return f" by {who}" if who else ""


def _planned(manifest: Manifest) -> str:
    plan = manifest.require_plan()
    files, fragments = plan.num_files, plan.num_fragments
    text = f"planned by version {shown_version(plan.engine_version)}" + (f" for {plan.owner}" if plan.owner else "")
    text += f": {count_text(files, 'file')}, {count_text(fragments, 'fragment')}"
    if manifest.is_planned:
        text += f", {count_text(manifest.num_archive_alerts, 'alert')} of the archive"
    if unreadable := plan.unreadable_files:
        text += f"; {count_text(len(unreadable), 'file')} left out as unreadable"
    return text


def _facts(manifest: Manifest) -> Iterator[str]:
    """Yield what else the plan says, in few lines."""
    plan = manifest.require_plan()
    asked = {name: value for name, value in plan.request.items() if name not in ("archive", "topic") and value}
    if asked:
        told = ", ".join(f"{name} {_value_text(value)}" for name, value in asked.items())
        yield f"asked for: {told if len(told) <= _MOST_OF_REQUEST else told[:_MOST_OF_REQUEST] + '…'}"
    if plan.nights_without_data:
        nights = some_text(plan.nights_without_data, _MOST_NAMED)
        yield f"without data: {nights}"
    for file in plan.unreadable_files[:_MOST_NAMED]:
        yield f"left out: {file['path']}: {file['reason']}"
    if len(plan.unreadable_files) > _MOST_NAMED:
        yield f"and {len(plan.unreadable_files) - _MOST_NAMED:,} more files left out"


def _value_text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return some_text(value, _MOST_NAMED)
    return value if isinstance(value, str) else shown(value)


def _fragment_text(done: FragmentDone) -> str:
    took = "" if done.seconds is None else f" in {done.seconds:.1f} s"
    return (
        f"fragment {done.fragment}: {count_text(done.num_alerts, 'alert')}, "
        f"{done.num_selected:,} selected, {done.num_sent:,} sent, {done.nbytes:,} bytes{took}"
        + (f", by {done.worker}" if done.worker else "")
        + (f"; left out: {done.unreadable}" if done.unreadable else "")
    )


def _state_text(change: StateChange, ended: Manifest | None) -> str:
    """Return what a change of state says; the last one, if it is final, sums up the job."""
    error = f": {change.error['message']}" if change.error else ""
    text = f"{change.state}{_by(change.by)}{error}"
    if ended is None or change.state not in FINAL_STATES:
        return text
    plan = ended.require_plan()
    seconds = max(0.0, change.time - plan.created_at - ended.paused_s)
    fragments = f"{len(ended.fragments):,} of {count_text(plan.num_fragments, 'fragment')}"
    text += (
        f"; in all {count_text(ended.num_sent, 'alert')}, {ended.nbytes:,} bytes, of {fragments}, in {seconds:.1f} s"
    )
    warnings = sum(line.level != "info" for line in ended.log.lines)
    if warnings:
        text += f"; {count_text(warnings, 'warning')}"
    if left_out := len(ended.left_out):
        text += f"; {count_text(left_out, 'part')} of the archive left out"
    return text


def _line_text(line: LogLine) -> str:
    level = "" if line.level == "info" else f"{line.level}: "
    return level + ("" if line.source == "coordinator" else f"{line.source}: ") + line.text
