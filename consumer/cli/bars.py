"""How far a command is, on stderr: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from consumer.cli.output import say, stderr
from consumer.fetching import ConsumeProgress

__all__ = ["Row", "consume_bar", "progress_bar", "progress_row"]

_LINES_AFTER_S = (10.0, 10.0, 20.0, 40.0, 60.0)


class Row:
    """One row of progress."""

    def __init__(self, bar: Progress, what: str, unit: str, lines_after_s: Sequence[float]):
        self._bar = bar
        self._row = bar.add_task(what, total=None, figures="", unit=unit)
        self._unit = unit
        self._lines_after_s = lines_after_s
        self._ended = threading.Event()

    def __call__(self, done: int, total: int | None) -> None:
        """Show how much is done, of how much."""
        self._bar.update(self._row, completed=done, total=total)

    def now(self, what: str, figures: str = "") -> None:
        """Show what goes on now, and figures of it."""
        self._bar.update(self._row, description=what, figures=figures)

    def begin(self, what: str) -> None:
        """Show that something else has begun, of which nothing is done and no total known."""
        # Not by `reset`, which keeps the total.
        before, self._row = self._row, self._bar.add_task(what, total=None, figures="", unit=self._unit)
        self._bar.remove_task(before)

    def end(self) -> None:
        """Show it no more."""
        self._ended.set()
        self._bar.stop()

    def tell(self) -> None:
        """Say the row in lines until it ends."""
        waits = iter(self._lines_after_s)
        while not self._ended.wait(next(waits, self._lines_after_s[-1])):
            say(self._line())

    def _line(self) -> str:
        task = self._bar.tasks[-1]
        figures = [_counted(task), task.fields["figures"], f"{task.elapsed or 0:.0f} s"]
        return f"{task.description}: {', '.join(filter(None, figures))}"


@contextlib.contextmanager
def progress_row(
    what: str, *columns: ProgressColumn, unit: str = "", lines_after_s: Sequence[float] = _LINES_AFTER_S
) -> Iterator[Row]:
    """Draw a row of progress on stderr if that is a terminal, else say it in a line now and then; yields the row.

    Parameters
    ----------
    what
        What goes on.
    columns
        What the terminal shows beside it, before the time.
    unit
        What is counted, in the plural.
    lines_after_s
        Seconds before each line where there is no terminal; then as many as the last.
    """
    console = Console(file=stderr())
    shown = (TextColumn("{task.description}", markup=False), BarColumn(), _Count(), *columns)
    bar = Progress(*shown, TimeElapsedColumn(), console=console, disable=not console.is_interactive, transient=True)
    row = Row(bar, what, unit, lines_after_s)
    bar.start()
    if not console.is_interactive:
        threading.Thread(target=row.tell, name="progress", daemon=True).start()
    try:
        yield row
    finally:
        row.end()


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Row]:
    """Show how far something is that says `progress(done, total)`: yields what is called so."""
    with progress_row(what, TimeRemainingColumn()) as row:
        yield row


@contextlib.contextmanager
def consume_bar(topic: str) -> Iterator[Callable[[ConsumeProgress], None]]:
    """Show how far a consumer is; yields what takes each `ConsumeProgress`."""
    with progress_row(f"{topic} waits for its plan", _Rate(), TimeRemainingColumn(), unit="alerts") as row:

        def draw(now: ConsumeProgress) -> None:
            row(now.num_alerts, now.num_expected)
            row.now(f"{topic} {now.state}", "" if now.num_expected is not None else f"{now.num_alerts:,} alerts")

        yield draw


def _counted(task: Task) -> str:
    if task.total is None:
        return ""
    return f"{task.completed:,.0f} of {task.total:,.0f} {task.fields['unit']}".rstrip()


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_counted(task), style="progress.download")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} alerts/s")
