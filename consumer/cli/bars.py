"""The consumer's progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from consumer.fetching import ConsumeProgress

__all__ = ["consume_bar"]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} alerts/s")


@contextlib.contextmanager
def consume_bar(topic: str) -> Iterator[Callable[[ConsumeProgress], None]]:
    """Draw how far a consumer is, on stderr if that is a terminal; yields what takes each `ConsumeProgress`."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        row = bar.add_task(topic, total=None)
        yield lambda now: bar.update(
            row, completed=now.num_alerts, total=now.num_expected, description=f"{topic} {now.state}"
        )
