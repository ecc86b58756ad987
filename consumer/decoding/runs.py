"""Numbers that follow each other in a record, read together: most fields of an alert are such.

Which of them are null decides where the others stand. So the values whose nulls are the same ones lie alike, and are
gathered in a few calls for all fields, instead of a few for each. What is left over is read field by field.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.decoding.cursors import Cursors, Pass
from consumer.decoding.types import At, Column, chosen

__all__ = ["Blocks", "Numeric", "Run"]

_MOST_KEPT = 3
"""Layouts that are tried before others are looked for …"""
_KEPT_SHARE = 8
"""… of those that one in so many values had, when they were met first."""
_MOST_MET = 1000
"""Layouts that are remembered: a datum may have another one in each item of a list."""
_FIELDS_A_TRY = 3
"""Fields whose values take as long one by one as to try one more layout."""
_DTYPES = {1: "u1", 4: "<u4", 8: "<u8"}


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """One of the fields: so many bytes, always as many."""

    nbytes: int
    value_tag: int
    """The byte before a value, -1 where there is none."""
    null_tag: int
    """The byte that stands for null, -1 where no value may be null."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layout:
    """Where everything stands where the same fields are null."""

    nbytes: int
    tags_at: np.ndarray
    """Where the tags are, from the first byte on, shape (t, 1)."""
    tags: np.ndarray
    """The tags, shape (t, 1)."""
    there: np.ndarray
    """Numbers of the fields that have a value, shape (v,)."""
    values: dict[int, tuple[np.ndarray, np.ndarray]]
    """By bytes of a value: number among the fields of this width, and where its value is, shape (w, 1)."""


class Blocks:
    """What was read of a run: a row for each field, in an array for each width.

    Parameters
    ----------
    run
        The run.
    columns
        Of its fields; what they hold are rows of these arrays.
    """

    def __init__(self, run: Run, columns: Sequence[Column]):
        size = columns[0].num_values
        self._run = run
        self._columns = columns
        self.valid = np.zeros((len(columns), size), dtype=bool)
        self.values = {
            width: np.zeros((len(numbers), size), dtype=_DTYPES[width]) for width, numbers in run.by_width.items()
        }
        self._show()

    def arrange(self, order: np.ndarray) -> None:
        """Put the values into another order: that of their present positions in `order`."""
        self.valid = self.valid.take(order, axis=1)
        self.values = {width: values.take(order, axis=1) for width, values in self.values.items()}
        self._show()

    def _show(self) -> None:
        for width, numbers in self._run.by_width.items():
            for number, values in zip(numbers, self.values[width], strict=True):
                column = self._columns[number]
                column.values = values.view(bool) if width == 1 else values
                if self._run.fields[number].null_tag >= 0:
                    column.valid = self.valid[number]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """Fields of a record that follow each other."""

    start: int
    """Number of the first one in its record."""
    fields: tuple[Numeric, ...]

    @functools.cached_property
    def by_width(self) -> dict[int, list[int]]:
        """Numbers of the fields by their bytes."""
        widths = sorted({field.nbytes for field in self.fields})
        return {width: [n for n, field in enumerate(self.fields) if field.nbytes == width] for width in widths}

    @functools.cached_property
    def _full(self) -> _Layout:
        return self._layout([True] * len(self.fields))

    def read(self, work: Pass, cursors: Cursors, blocks: Blocks, at: At) -> np.ndarray | None:
        """Read the values at cursors and move these behind them; return which were not read, None if there are none.

        Parameters
        ----------
        work
            What is decoded.
        cursors
            Each at a first field.
        blocks
            Takes the values.
        at
            Their positions; None: they are all, in order.
        """
        kept = work.kept_layouts.setdefault(self, [self._full])
        rest: np.ndarray | None = None
        most = _MOST_KEPT + len(self.fields) // _FIELDS_A_TRY
        for number in range(most):
            pos, end = (cursors.pos, cursors.end) if rest is None else (cursors.pos[rest], cursors.end[rest])
            layout = kept[number] if number < len(kept) else self._layout_of(work, int(pos[0]), int(end[0]))
            if layout is None:
                break  # cut short, or odd, or dead: each field finds that out
            alike = pos + layout.nbytes <= end
            if np.count_nonzero(alike) == len(alike):
                alike = _are_alike(work, pos, layout)
            else:
                alike[alike] = _are_alike(work, pos[alike], layout)
            num = np.count_nonzero(alike)
            if num == len(alike):
                _gather(work, pos, layout, blocks, at if rest is None else chosen(at, rest))
                if rest is None:
                    cursors.pos += layout.nbytes
                else:
                    cursors.pos[rest] += layout.nbytes
                return None
            if num:
                found = np.flatnonzero(alike)
                if number >= len(kept) and len(kept) < _MOST_KEPT and num * _KEPT_SHARE >= len(cursors):
                    kept.append(layout)
                _gather(work, pos[found], layout, blocks, chosen(at, found if rest is None else rest[found]))
                cursors.pos[found if rest is None else rest[found]] += layout.nbytes
                rest = np.flatnonzero(~alike) if rest is None else rest[~alike]
                if number >= len(kept) and len(rest) > num * (most - number):
                    break  # nearly each lies in a way of its own
        return np.arange(len(cursors)) if rest is None else rest

    def _layout_of(self, work: Pass, pos: int, end: int) -> _Layout | None:
        """Return how the values at a position lie, or None where they don't lie as writers lay them."""
        there = []
        for field in self.fields:
            if pos >= end:
                return None
            is_there = True
            if field.value_tag >= 0:
                tag = int(work.data[pos])
                is_there = tag == field.value_tag
                if not is_there and tag != field.null_tag:
                    return None
                pos += 1
            pos += field.nbytes * is_there
            there.append(is_there)
        if pos > end:
            return None
        met, key = work.layouts.setdefault(self, {}), bytes(there)
        if key not in met:
            if len(met) >= _MOST_MET:
                met.clear()
            met[key] = self._layout(there)
        return met[key]

    def _layout(self, there: Sequence[bool]) -> _Layout:
        tags_at, tags, at = [], [], 0
        values_at: dict[int, list[int]] = {width: [] for width in self.by_width}
        for field, is_there in zip(self.fields, there, strict=True):
            if field.value_tag >= 0:
                tags_at.append(at)
                tags.append(field.value_tag if is_there else field.null_tag)
                at += 1
            if is_there:
                values_at[field.nbytes].append(at)
                at += field.nbytes
        return _Layout(
            nbytes=at,
            tags_at=np.array(tags_at, dtype=np.int64)[:, None],
            tags=np.array(tags, dtype=np.uint8)[:, None],
            there=np.flatnonzero(there),
            values={
                width: (
                    np.flatnonzero([there[number] for number in numbers]),
                    np.array(places, dtype=np.int64)[:, None],
                )
                for (width, numbers), places in zip(self.by_width.items(), values_at.values(), strict=True)
                if places
            },
        )


def _are_alike(work: Pass, pos: np.ndarray, layout: _Layout) -> np.ndarray:
    """Return where a layout is that of the values at some positions."""
    if not len(layout.tags):
        return np.ones(len(pos), dtype=bool)
    return np.logical_and.reduce(work.data[layout.tags_at + pos] == layout.tags, axis=0)


def _gather(work: Pass, pos: np.ndarray, layout: _Layout, blocks: Blocks, at: At) -> None:
    """Take the values over that lie so."""
    columns = slice(None) if at is None else at

    def rows(numbers: np.ndarray, num: int) -> slice | np.ndarray:
        if len(numbers) == num:
            return slice(None)
        return numbers if isinstance(columns, slice) else numbers[:, None]

    blocks.valid[rows(layout.there, len(blocks.valid)), columns] = True
    for width, (numbers, places) in layout.values.items():
        source = work.words if width == 8 else work.halves if width == 4 else work.data
        found = source[places + pos]
        if width == 1:
            found = found != 0
        into = blocks.values[width]
        into[rows(numbers, len(into)), columns] = found
