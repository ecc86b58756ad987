"""Fragments on their way through a worker, those of small files together: what is done to a few alerts costs as much as
what is done to many."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa

from consumer.wire import FragmentDone
from engine.archive import Archive, Fragment, OpenFragment
from engine.conditions import filter_table
from engine.errors import JobError
from engine.pipeline import NarrowReader, SelectedContent, read_together
from engine.sinks import FragmentFigures, FragmentWriter
from engine.transfer.manifest_plan import TransferTask

__all__ = ["Part", "Sending", "together"]

_MOST_TOGETHER = 32
"""Files that are open at once."""


@dataclass(kw_only=True, eq=False)
class Part:
    """One fragment of those that are on their way together."""

    fragment: Fragment
    open: Callable[[], OpenFragment]
    """Opens it, once: it may have been opened ahead."""
    positions: np.ndarray | None = None
    """Of the selected alerts, ascending, shape (k,); None: the predicate tells them, or all are."""
    quota: int | None = None
    """Send only the first so many of them."""
    with_identifiers: bool = False
    opened: OpenFragment | None = None
    found: np.ndarray | None = None
    """Positions of the selected alerts, once they are known; None: all."""
    content: SelectedContent | None = None
    num_selected: int = 0
    identifiers: np.ndarray | None = None
    """Of all its alerts that have one, once it is taken, if they were asked for."""
    writer: FragmentWriter | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self.opened is not None:
            self.opened.close()
            self.opened = None
        self.content = None  # it holds what is mapped of the file

    def anew(self, archive: Archive) -> Part:
        """Return the fragment as it was before anything was done with it."""
        return Part(
            fragment=self.fragment,
            open=partial(archive.open, self.fragment),
            positions=self.positions,
            quota=self.quota,
            with_identifiers=self.with_identifiers,
        )


def together(parts: Iterator[Part], block_alerts: int) -> Generator[list[Part]]:
    """Yield parts in lists that are worked on together: of a block's alerts at most, whose files lack the same."""
    held: list[Part] = []
    try:
        for part in parts:
            num_alerts = part.fragment.num_alerts + sum(one.fragment.num_alerts for one in held)
            fits = num_alerts <= block_alerts and len(held) < _MOST_TOGETHER
            if held and not (fits and _goes_with(part, held[0])):
                ready, held = held, [part]
                yield ready
            else:
                held.append(part)
        ready, held = held, []
        if ready:
            yield ready
    finally:
        for part in held:  # nobody wants it any more, and it may have been opened ahead
            with contextlib.suppress(Exception):
                part.open().close()


def _goes_with(part: Part, other: Part) -> bool:
    if part.quota is not None or other.quota is not None:
        return False
    return part.fragment.lacking == other.fragment.lacking and (part.positions is None) == (other.positions is None)


class Sending:
    """Fragments on their way: selected, then taken from the archive, then sent, then acknowledged.

    Each has a writer and a record of its own. What fails before anything is sent may be any of them: so several that
    fail together are to be tried one by one.

    Parameters
    ----------
    task
        The job.
    parts
        The fragments, one or more.
    is_wanted
        Returns whether they still are.
    folder
        For what is too large for memory.
    """

    def __init__(self, task: TransferTask, parts: Sequence[Part], is_wanted: Callable[[], bool], folder: str | None):
        self.parts = list(parts)
        """Those that have not failed."""
        self._task = task
        self._is_wanted = is_wanted
        self._folder = folder
        self._sent: Part | None = None
        self._seconds = 0.0
        """Spent on them, without what was done for other fragments in between."""

    def close(self) -> None:
        """Let go of the files."""
        for part in self.parts:
            part.close()

    def select(self) -> None:
        """Find which alerts are sent, and begin to fetch them."""
        with self._timed():
            self._open()
            with self._checked():
                self._find()
                for part in self.parts:
                    self._choose(part)

    def _open(self) -> None:
        failures: list[Exception] = []
        for part in self.parts:
            try:
                part.opened = part.open()
            except Exception as exc:  # noqa: BLE001  the others are opened all the same: they may be already, ahead
                failures.append(exc)
        if failures:
            raise failures[0]

    def _find(self) -> None:
        """Have the predicate tell which alerts are selected, where that is not known."""
        selection = self._task.selection
        if selection.predicate.sql is None or self.parts[0].positions is not None:
            for part in self.parts:
                part.found = part.positions
            return
        tables = [self._narrow(part) for part in self.parts]
        whole = tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()
        found = filter_table(whole, selection.predicate.sql)
        starts = np.cumsum([0, *(table.num_rows for table in tables)])
        ends = np.searchsorted(found, starts)
        for part, start, first, end in zip(self.parts, starts[:-1], ends[:-1], ends[1:], strict=True):
            part.found = found[first:end] - start

    def _narrow(self, part: Part) -> pa.Table:
        assert part.opened is not None
        reader = NarrowReader(selection=self._task.selection)
        if not part.with_identifiers:
            return reader.of(part.opened)
        table, identifiers = reader.with_identifiers(part.opened)
        part.identifiers = identifiers.drop_null().to_numpy()
        return table

    def _choose(self, part: Part) -> None:
        assert part.opened is not None
        num_alerts = part.fragment.num_alerts
        part.num_selected = num_alerts if part.found is None else len(part.found)
        if part.quota is not None:
            part.found = (np.arange(num_alerts) if part.found is None else part.found)[: part.quota]
        part.content = SelectedContent(self._task.selection, part.opened, part.found)
        part.content.fetch()

    def take(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Read the selected alerts, and have them encoded; `meanwhile` is called after each block of them."""
        task = self._task
        all_figures = [self._figures(part) for part in self.parts]
        with self._timed():
            for part, figures in zip(self.parts, all_figures, strict=True):
                part.writer = task.sink.open(part.fragment, figures, self._is_wanted, self._folder)
            with self._checked():
                for heads, block in read_together([part.content for part in self.parts if part.content is not None]):
                    if not self._is_wanted():
                        raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
                    encoded, start = task.sink.encode(block), 0
                    for at, rows in heads:
                        here, writer = block.slice(start, len(rows)), self.parts[at].writer
                        assert writer is not None
                        writer.write(rows, here, encoded.slice(start, len(rows)))
                        all_figures[at].add(here)
                        start += len(rows)
                    with self._timed(-1):  # that is the others' time
                        meanwhile()
            for part, figures in zip(self.parts, all_figures, strict=True):
                assert part.opened is not None
                # Once more after reading: so a change on the way is seen.
                part.opened.check_unchanged()
                part.close()
                if figures.seen is not None:
                    part.identifiers = figures.seen.drop_null().to_numpy()

    def _figures(self, part: Part) -> FragmentFigures:
        task, survey = self._task, self._task.selection.survey
        return FragmentFigures(
            job_id=task.job_id,
            fragment=part.fragment,
            num_selected=part.num_selected,
            id_field=survey.id_field,
            id_path=task.selection.projection.path_of(survey.id_field),
            class_columns=task.selection.class_columns,
            labels=task.labels,
            keeps_identifiers=part.with_identifiers and part.found is None,
        )

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        """Tell of a changed file, whatever else went wrong: that explains it best."""
        try:
            yield
        except Exception:
            for part in self.parts:
                if part.opened is not None:
                    part.opened.check_unchanged()
            raise

    def send(self, part: Part) -> None:
        """Begin to have the sink take the alerts of one of them."""
        assert part.writer is not None
        with self._timed():
            part.writer.send(self._sent.writer if self._sent is not None else None)
            self._sent = part

    def send_on(self, part: Part) -> None:
        """Have the sink take what it has room for of the rest."""
        assert part.writer is not None
        with self._timed():
            part.writer.send_on()

    def abandon(self) -> None:
        """Have the sink drop what it has not sent yet: the job does not want the fragments any more."""
        for part in self.parts:
            if part.writer is not None:
                part.writer.abandon()

    def finish(self, part: Part) -> FragmentDone:
        """Return the record of one of them once the sink has acknowledged all of it."""
        assert part.writer is not None
        with self._timed():
            return part.writer.finish()

    def with_seconds(self, done: FragmentDone, address: str | None) -> FragmentDone:
        """Return a record with its share of the time that all took."""
        return replace(done, worker=address, seconds=round(self._seconds / max(1, len(self.parts)), 4))

    @contextlib.contextmanager
    def _timed(self, sign: int = 1) -> Iterator[None]:
        """Count the time; with -1 take off again what is done for others in the midst of it."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds += sign * (time.monotonic() - begun)
