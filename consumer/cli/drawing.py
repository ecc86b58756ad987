"""Bars on a terminal, by rich; imported only where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from consumer.cli.output import stderr

__all__ = ["bar_of", "columns_of"]


def bar_of(columns: Sequence[ProgressColumn], counted: Callable[[float, float | None, str], str]) -> Progress | None:
    """Return a bar on stderr with these columns before the time; None where rich finds that it can't draw.

    Parameters
    ----------
    columns
        What is shown before the time.
    counted
        Says how much is done, of how much, in which unit.
    """
    console = Console(file=stderr())
    if not console.is_interactive:
        return None
    shown = (TextColumn("{task.description}", markup=False), BarColumn(), _Count(counted), *columns)
    return Progress(*shown, TimeElapsedColumn(), console=console, transient=True)


def columns_of(*, has_rate: bool) -> Sequence[ProgressColumn]:
    """Return the columns of what is left, and of the rate before it."""
    return (_Rate(), TimeRemainingColumn()) if has_rate else (TimeRemainingColumn(),)


class _Count(ProgressColumn):
    def __init__(self, counted: Callable[[float, float | None, str], str]):
        super().__init__()
        self._counted = counted

    def render(self, task: Task) -> Text:
        return Text(self._counted(task.completed, task.total, task.fields["unit"]), style="progress.download")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} alerts/s")
