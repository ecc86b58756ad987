"""Jobs as a table: how they stand, whose they are, and what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from consumer.cli import one_line, some_text
from engine import JobStatus
from ui.cli.render import bytes_text

__all__ = ["jobs_table", "no_jobs_text", "request_text"]

_MOST_NAMED = 2
_MOST_CHARACTERS = 60


def jobs_table(statuses: Sequence[JobStatus], *, everyone: bool) -> Table:
    """Return jobs as a table; those of everyone with their owners, and with what they asked for."""
    table = Table("topic", "state", "alerts sent", "bytes", "fragments", "elapsed", box=None)
    if everyone:
        table.add_column("owner")
        table.add_column("asked for")
    for status in statuses:
        whose = (one_line(status.owner, _MOST_CHARACTERS), request_text(status.request)) if everyone else ()
        table.add_row(
            status.topic,
            Text(status.state_text),
            f"{status.num_alerts_sent:,}",
            bytes_text(status.nbytes),
            f"{status.num_fragments_done:,}/{status.num_fragments:,}",
            f"{status.elapsed_s:.0f} s",
            *map(Text, whose),
        )
    return table


def request_text(request: Mapping[str, Any]) -> str:
    """Return a request on one line: nights, classes, conditions, content; others wrote it, so it may be anything."""
    parts = [_some(request.get("nights"))]
    parts += [_some(request.get("classes")), _some(request.get("exclude_classes"), "not ")]
    parts += [_some(request.get("where"), "where "), _some(request.get("content", "lightcurve"))]
    parts += [_some(request.get("fields")), _some(request.get("limit"), "first ")]
    return "; ".join(part for part in parts if part)


def _some(value: Any, before: str = "") -> str:
    items = value if isinstance(value, list | tuple) else [] if value is None else [value]
    text = some_text([one_line(str(item), _MOST_CHARACTERS) for item in items], _MOST_NAMED)
    return before + text if text else ""


def no_jobs_text(any_listed: bool) -> str:
    """Return what to say where no job is to be listed; `jobs --all` is named only where it would show one."""
    if any_listed:
        return "no such job; see those of everyone, ended ones too, with: alert-transfer jobs --all"
    return "this Kafka has no job"
