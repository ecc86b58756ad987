"""Topics of jobs as tables: what they hold, whose they are, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from consumer.cli import count_text, one_line
from engine import Cleaning, JobTopics
from ui.cli.render import bytes_text

__all__ = ["cleaning_table", "cleaning_text", "topics_table"]

_MOST_CHARACTERS = 60
_ACTIONS = {"delete": "to delete", "deleted": "deleted", "keep": "kept", "failed": "failed"}


def topics_table(found: Sequence[JobTopics]) -> Table:
    """Return topics of jobs as a table."""
    table = Table("topic", "state", "owner", "age", "messages", "bytes sent", "alerts kept for", box=None)
    for one in found:
        table.add_row(
            one.topic,
            one.state,
            Text(one_line(one.owner, _MOST_CHARACTERS)),
            _time_text(one.age_s if one.age_s is not None else one.idle_s),
            "" if one.num_messages is None else f"{one.num_messages:,}",
            "" if one.nbytes is None else bytes_text(one.nbytes),
            "dropped" if one.alerts_left_s == 0 else _time_text(one.alerts_left_s),
        )
    return table


def cleaning_table(cleaning: Cleaning) -> Table:
    """Return what becomes of topics as a table."""
    table = Table("topic", "state", "owner", "", "why", box=None)
    for item in cleaning:
        found = item.found
        owner, why = Text(one_line(found.owner, _MOST_CHARACTERS)), Text(one_line(item.reason))
        table.add_row(found.topic, found.state, owner, _ACTIONS[item.action], why)
    return table


def cleaning_text(cleaning: Cleaning) -> str:
    """Return in one sentence what was done, or would be."""
    if not cleaning.items:
        return "this Kafka has no topic of a job"
    if cleaning.is_done:
        failed = (
            f"; of {count_text(len(cleaning.of('failed')), 'job')} they could not be" if cleaning.of("failed") else ""
        )
        return f"the topics of {count_text(len(cleaning.of('deleted')), 'job')} were deleted{failed}"
    if not cleaning.of("delete"):
        return "nothing is to be deleted"
    return f"the topics of {count_text(len(cleaning.of('delete')), 'job')} would be deleted; do it with --yes"


def _time_text(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, length_s in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.0f} s"
