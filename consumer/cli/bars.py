"""How far a command is, on stderr: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from consumer.cli.output import say, stderr
from consumer.fetching import ConsumeProgress

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

__all__ = ["Row", "consume_bar", "progress_bar", "progress_row"]

_LINES_AFTER_S = (10.0, 10.0, 20.0, 40.0, 60.0)
# By these users tell rich to draw where it sees no terminal.
_FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Row:
    """One row of progress, drawn by rich or, where there is no bar, said in lines."""

    def __init__(self, bar: Progress | None, what: str, unit: str, lines_after_s: Sequence[float]):
        self._bar = bar
        self._unit = unit
        self._lines_after_s = lines_after_s
        self._ended = threading.Event()
        self._begin(what)

    def _begin(self, what: str) -> None:
        self._what, self._figures = what, ""
        self._done: float = 0
        self._total: float | None = None
        self._begun = time.monotonic()
        if self._bar is not None:
            self._row = self._bar.add_task(what, total=None, figures="", unit=self._unit)

    def __call__(self, done: int, total: int | None) -> None:
        """Show how much is done, of how much."""
        self._done, self._total = done, self._total if total is None else total
        if self._bar is not None:
            self._bar.update(self._row, completed=done, total=total)

    def now(self, what: str, figures: str = "") -> None:
        """Show what goes on now, and figures of it."""
        self._what, self._figures = what, figures
        if self._bar is not None:
            self._bar.update(self._row, description=what, figures=figures)

    def begin(self, what: str) -> None:
        """Show that something else has begun, of which nothing is done and no total known."""
        # Not by `reset`, which keeps the total.
        before = None if self._bar is None else self._row
        self._begin(what)
        if self._bar is not None and before is not None:
            self._bar.remove_task(before)

    def end(self) -> None:
        """Show it no more."""
        self._ended.set()
        if self._bar is not None:
            self._bar.stop()

    def tell(self) -> None:
        """Say the row in lines until it ends."""
        waits = iter(self._lines_after_s)
        while not self._ended.wait(next(waits, self._lines_after_s[-1])):
            say(self._line())

    def _line(self) -> str:
        seconds = time.monotonic() - self._begun
        figures = [_counted(self._done, self._total, self._unit), self._figures, f"{seconds:.0f} s"]
        return f"{self._what}: {', '.join(filter(None, figures))}"


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
    bar: Progress | None = None
    if _may_draw():
        from consumer.cli.drawing import bar_of

        bar = bar_of(columns, _counted)
    row = Row(bar, what, unit, lines_after_s)
    if bar is not None:
        bar.start()
    else:
        threading.Thread(target=row.tell, name="progress", daemon=True).start()
    try:
        yield row
    finally:
        row.end()


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Row]:
    """Show how far something is that says `progress(done, total)`: yields what is called so."""
    with progress_row(what, *_columns(has_rate=False)) as row:
        yield row


@contextlib.contextmanager
def consume_bar(topic: str) -> Iterator[Callable[[ConsumeProgress], None]]:
    """Show how far a consumer is; yields what takes each `ConsumeProgress`."""
    with progress_row(f"{topic} waits for its plan", *_columns(has_rate=True), unit="alerts") as row:

        def draw(now: ConsumeProgress) -> None:
            row(now.num_alerts, now.num_expected)
            row.now(f"{topic} {now.state}", "" if now.num_expected is not None else f"{now.num_alerts:,} alerts")

        yield draw


def _counted(done: float, total: float | None, unit: str) -> str:
    """Return how much is done in words; nothing where no total is known."""
    return "" if total is None else f"{done:,.0f} of {total:,.0f} {unit}".rstrip()


def _may_draw() -> bool:
    """Whether rich may find that it can draw; to import it takes longer than to say some lines."""
    return stderr().isatty() or any(os.environ.get(name) for name in _FORCED)


def _columns(*, has_rate: bool) -> Sequence[ProgressColumn]:
    if not _may_draw():
        return ()
    from consumer.cli.drawing import columns_of

    return columns_of(has_rate=has_rate)
