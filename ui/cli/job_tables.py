"""Jobs as a table: how they stand, whose they are, and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from consumer.cli import one_line
from engine import JobStatus
from ui.cli.render import bytes_text
from ui.request_text import request_line

__all__ = ["jobs_table", "no_jobs_text"]

_MOST_CHARACTERS = 60


def jobs_table(statuses: Sequence[JobStatus], *, everyone: bool) -> Table:
    """Return jobs as a table; those of everyone with their owners, and with what they asked for."""
    table = Table("topic", "state", "alerts sent", "bytes", "fragments", "elapsed", box=None)
    if everyone:
        table.add_column("owner")
        table.add_column("asked for")
    for status in statuses:
        whose = (one_line(status.owner, _MOST_CHARACTERS), request_line(status.request)) if everyone else ()
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


def no_jobs_text(any_listed: bool) -> str:
    """Return what to say where no job is to be listed; `jobs --all` is named only where it would show one."""
    if any_listed:
        return "no such job; see those of everyone, ended ones too, with: alert-transfer jobs --all"
    return "this Kafka has no job"
