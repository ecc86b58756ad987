"""How things are shown to people on a terminal: alerts as a table, numbers with their units, progress on stderr."""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from rich.progress import TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from consumer import LeftOut
from consumer.cli import count_text, left_out_lines, one_line, progress_row
from engine import ArchiveFields, ArchiveInfo, JobStatus

__all__ = [
    "alerts_table",
    "as_json",
    "bytes_text",
    "fields_table",
    "info_tables",
    "job_bar",
    "status_text",
    "time_text",
]

_SHOWN_COLUMNS = 8
_SHOWN_CHARACTERS = 20_000


def bytes_text(nbytes: float) -> str:
    """Return a number of bytes as people read it: `1.4 KB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if nbytes < 1000:
            return f"{nbytes:.0f} bytes" if unit == "bytes" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.2f} TB"


def time_text(seconds: float) -> str:
    """Return a time that is guessed, as people say it: `40 s`, `3 min`, `2 h 10 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def status_text(status: JobStatus) -> str:
    """Return how a job stands, a few lines."""
    of = "" if status.num_alerts is None else f" of {status.num_alerts:,}"
    rate = status.num_alerts_sent / status.elapsed_s if status.elapsed_s else 0
    lines = [
        f"topic      {status.topic}",
        f"state      {one_line(status.state_text)}",
        f"alerts     {status.num_alerts_sent:,}{of} sent, {bytes_text(status.nbytes)}, {rate:,.0f} alerts/s",
        f"fragments  {status.num_fragments_done:,} of {status.num_fragments:,} finished",
        f"elapsed    {status.elapsed_s:.1f} s" + (f", {time_text(status.left_s)} left" if status.left_s else ""),
    ]
    if status.alerts_per_s_lately is not None and not status.is_final:
        lately = f"{status.alerts_per_s_lately:,.0f} alerts/s, {bytes_text(status.bytes_per_s_lately or 0)}/s"
        lines.append(f"lately     {lately} within a minute")
    if status.scan:
        lines.append(f"scan       {status.scan}")
    if status.workers_at_work:
        lines.append(f"workers    {status.workers_at_work}")
    if status.state in ("cancelled", "failed", "interrupted") and status.num_fragments_done < status.num_fragments:
        lines.insert(3, "           these are of finished fragments; a part of others may have been sent besides")
    if status.first_alert_s is not None:
        lines.append(f"first      {status.first_alert_s:.1f} s until the first alerts were there")
    if status.left_out:
        told = left_out_lines([LeftOut(**part) for part in status.left_out])
        lines += [f"{'' if number else 'left out':<11}{line}" for number, line in enumerate(told)]
        lines += [f"           {one_line(part['reason'])}" for part in status.left_out[:10]]
        if len(status.left_out) > 10:
            lines.append(f"           and {len(status.left_out) - 10:,} more; all of them: --json")
    if status.num_duplicates:
        lines.append(
            f"doubles    {count_text(status.num_duplicates, 'alert')} of these nights, selected or not, with an "
            "identifier that one before them in the same night has already"
        )
    if status.passed_over:
        lines.append(f"records    {status.passed_over}")
    # What was left out and what was passed over is told above.
    told = status.warnings[bool(status.left_out) + bool(status.passed_over) :]
    lines += [f"{'' if number else 'warnings':<11}{one_line(text)}" for number, text in enumerate(told)]
    error = status.error or {}
    labelled = {"error": error.get("message"), "accepted": error.get("accepted")}
    steps = [step for step in (error.get("next"), status.next_step) if step]
    if len(steps) == 2 and _command_in(steps[1]) in steps[0]:
        steps.pop()  # the error names it already
    for label, text in (labelled | {"next": "\n".join(steps)}).items():
        shown = (text or "")[:_SHOWN_CHARACTERS].splitlines()
        lines += [f"{'' if number else label:<11}{line}" for number, line in enumerate(shown)]
    return "\n".join(lines)


def _command_in(step: str) -> str:
    """Return the command that a step names last, or all of the step."""
    return step.rpartition(": ")[2]


def info_tables(found: ArchiveInfo, *, classes: bool) -> list[Table]:
    """Return the nights of an archive as a table, and if wanted the alerts of each class as another."""
    table = Table("night", "alerts", "files", "bytes", box=None)
    for held in found.nights:
        table.add_row(f"{held.night}", f"{held.num_alerts:,}", f"{held.num_files:,}", bytes_text(held.nbytes))
    if not classes:
        return [table]
    counts = Table("column", "class", "alerts", box=None)
    for column, labels in found.classes().items():
        for label, num_alerts in labels.items():
            counts.add_row(Text(column), Text(label), f"{num_alerts:,}")
    return [table, counts]


def fields_table(found: ArchiveFields) -> Table:
    """Return the fields of an archive as a table, names as a condition takes them."""
    table = Table("field", "type", "unit", "nights", "null", "meaning", box=None)
    table.columns[0].overflow = "fold"
    for field in found.fields:
        nights = f"{field.num_nights}/{len(found.nights)}"
        table.add_row(
            Text(field.name),
            Text(field.type),
            Text(field.unit or ""),
            nights,
            _share_text(field.null_share),
            Text(field.meaning or ""),
            style="" if field.in_conditions else "dim",
        )
    alerts, num_nights = count_text(found.num_alerts, "alert"), count_text(len(found.nights), "night")
    notes = [f"{alerts} in {num_nights}", "null: null, or not there at all"]
    if any(field.null_share is None for field in found.fields):
        notes.append("?: the footers don't say")
    in_lists = [field.name for field in found.fields if field.kind == "in a list"]
    if in_lists:
        path, inside = in_lists[0].split("[]", 1)
        notes.append(f"in a list: {path}[0]{inside}, exists({path}, x -> x{inside} …), size(filter({path}, x -> …))")
    if not all(field.in_conditions or field.kind == "in a list" for field in found.fields):
        notes.append("bytes, or of a type that can't be compared: no condition can name it")
    table.caption, table.caption_justify = "\n".join(notes), "left"
    return table


def _share_text(share: float | None) -> str:
    if share is None:
        return "?"
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def alerts_table(alerts: pa.Table, title: str | None = None) -> Table:
    """Return the first columns of alerts as a table."""
    names = alerts.column_names[:_SHOWN_COLUMNS]
    if "finkclass" in alerts.column_names and "finkclass" not in names:
        names = [*names[:-1], "finkclass"]
    # Texts of others are no markup of rich's.
    table = Table(*(Column(Text(name)) for name in names), title=title and Text(title), title_justify="left", box=None)
    for row in alerts.select(names).to_pylist():
        table.add_row(*(Text(_cell(row[name])) for name in names))
    left_out = len(alerts.column_names) - len(names)
    if left_out:
        table.caption = f"and {count_text(left_out, 'more column')}"
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.7g}" if abs(value) < 1e6 else f"{value:.5f}"
    if isinstance(value, dict | list | bytes):
        return f"{type(value).__name__} of {len(value)}"
    return str(value)


def as_json(value: Any) -> Any:
    """Return a value of an alert as JSON has it: bytes as base64, NaN and infinity as null."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


@contextlib.contextmanager
def job_bar(topic: str) -> Iterator[Callable[[JobStatus], None]]:
    """Show a job's progress on stderr; yields a function that takes each status."""
    figures = TextColumn("{task.fields[figures]}", markup=False)
    with progress_row(topic, figures, TimeRemainingColumn(), unit="fragments") as row:

        def draw(status: JobStatus) -> None:
            rate = status.num_alerts_sent / status.elapsed_s if status.elapsed_s else 0
            figures = f"{status.num_alerts_sent:,} alerts, {bytes_text(status.nbytes)}, {rate:,.0f} alerts/s"
            if status.scan:
                figures += f"; {status.scan}"
            row(status.num_fragments_done, status.num_fragments)
            row.now(f"{topic} {status.state_text}", figures)

        yield draw
