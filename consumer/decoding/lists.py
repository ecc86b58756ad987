"""Lists and maps: the first items of all of them are read together, then the second, and so on.

Items come in blocks, each with its count before it, and an empty one ends the list. Nearly all writers write one block.
Where few long lists are left over from many, or many short blocks, fastavro reads on (`consumer.decoding.tails`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.cursors import Cursors, Pass, is_wide, shown
from consumer.decoding.pieces import ItemsColumn, Piece, gathered, last_of_each_key
from consumer.decoding.records import Field, Record
from consumer.decoding.tails import TOO_MANY, TOO_WIDE, TailError, TailReader
from consumer.decoding.types import At, Mask, Owners, Type, chosen, validity

__all__ = ["Items"]

_FEW = 24
"""Lists that are read together, on the average, at least: with fewer of them fastavro is faster (measured)."""
_FEW_NESTED = 400
"""Where an item has lists itself, which costs more each time."""
_MANY_ITEMS = 64
"""Items of a few long lists that are read together all the same: what follows them has to be put into its place."""
_FEW_ITEMS = 4
"""The same where there are only few lists."""
_MANY_BLOCKS = 8
"""Blocks of a list that are read together."""


@dataclass(frozen=True, kw_only=True)
class Items(Type):
    """A list of items; a map is one of records of a key and a value."""

    item: Field
    is_map: bool

    @functools.cached_property
    def few(self) -> int:
        """Lists that are read together, on the average, at least."""
        return _FEW_NESTED if _has_lists(self.item.type) else _FEW

    def column(self, num_values: int) -> ItemsColumn:
        return ItemsColumn(num_values=num_values)

    @property
    def is_wide(self) -> bool:
        """Whether items may take much more memory than they have bytes."""
        return is_wide(self.item.type.nbytes, self.item.min_nbytes)

    @functools.cached_property
    def _tail(self) -> TailReader:
        return TailReader(self.path, self.item)

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: ItemsColumn, at: At) -> None:
        work.check(cursors, self.path)
        if has is None:
            self._lists(work, cursors, column, chosen(at, np.arange(len(cursors))))
            return
        there = np.flatnonzero(has)
        if len(there):
            some = cursors.take(there)
            self._lists(work, some, column, chosen(at, there))
            cursors.put(there, some)

    def _lists(self, work: Pass, cursors: Cursors, column: ItemsColumn, at: np.ndarray) -> None:
        """Read a list at each cursor, block by block."""
        rest = np.arange(len(cursors))
        for number in itertools.count():
            some = cursors.take(rest)
            counts = self._counts(work, some)
            cursors.put(rest, some)
            going_on = np.flatnonzero(counts)
            if not len(going_on):
                return
            # The least of all numbers has no positive one; fastavro takes it for a block of none.
            rest, counts = rest[going_on], np.maximum(counts[going_on], 0)
            if number and (len(rest) < self.few or number == _MANY_BLOCKS):
                break
            some = some.take(going_on)
            self._block(work, some, counts, column, at[rest])
            cursors.put(rest, some)
        for which, count in zip(rest.tolist(), counts.tolist(), strict=True):
            self._read_alone(work, cursors, which, column, at, left=count, to_end=True)

    def _counts(self, work: Pass, cursors: Cursors) -> np.ndarray:
        """Read the number of a block's items; a dead cursor has none."""
        counts = work.numbers(cursors, None)
        work.check(cursors, self.path)
        negative = np.flatnonzero(counts < 0)
        if len(negative):
            # The block's size in bytes follows, for those who skip it.
            some = cursors.take(negative)
            work.numbers(some, None)
            work.check(some, self.path)
            cursors.put(negative, some)
            counts[negative] = -counts[negative]
        wrong = counts > (cursors.end - cursors.pos) // self.item.min_nbytes
        if np.count_nonzero(wrong):
            work.reject(cursors, wrong, TOO_MANY.format(shown(self.path)))
        counts[cursors.end < 0] = 0
        if self.is_wide:
            wrong = work.claim(cursors.row, counts, self.item.type.nbytes)
            if np.count_nonzero(wrong):
                work.reject(cursors, wrong, TOO_WIDE.format(shown(self.path)))
                counts[wrong] = 0
        return counts

    def _block(self, work: Pass, cursors: Cursors, counts: np.ndarray, column: ItemsColumn, at: np.ndarray) -> None:
        """Read the items of a block at each cursor."""
        # The longest first: those that still have an item are always the first ones.
        order = np.argsort(-counts, kind="stable")
        longest = counts[order]
        together = self._read_together(longest)
        taken = np.minimum(counts, together)
        items = self.item.type.column(int(taken.sum()))
        some, begins = cursors.take(order), np.zeros(together + 1, dtype=np.int64)
        for number in range(together):
            left = int(np.searchsorted(-longest, -number))
            begins[number + 1] = begins[number] + left
            self.item.read(work, some.first(left), items, slice(begins[number], begins[number + 1]))
        cursors.put(order, some)
        if together > 1:
            # They lie in the order in which they were read: the first of all lists, the second of all lists …
            number = np.arange(items.num_values) - np.repeat(np.cumsum(taken) - taken, taken)
            rank = np.empty(len(order), dtype=np.int64)
            rank[order] = np.arange(len(order))
            items.arrange(begins[number] + np.repeat(rank, taken))
        column.pieces.append(Piece(at=at, counts=taken, items=items))
        for which in np.flatnonzero(counts > together).tolist():
            self._read_alone(work, cursors, which, column, at, left=int(counts[which]) - together, to_end=False)

    def _read_together(self, longest: np.ndarray) -> int:
        """Return how many items of each list are read together, of lists whose longest is the first."""
        of_all = int(longest[0])
        if len(longest) < self.few:
            return of_all if of_all <= _FEW_ITEMS else 0
        of_few = int(longest[self.few - 1])
        return of_all if of_all - of_few <= _MANY_ITEMS else of_few

    def _read_alone(
        self,
        work: Pass,
        cursors: Cursors,
        which: int,
        column: ItemsColumn,
        at: np.ndarray,
        *,
        left: int,
        to_end: bool,
    ) -> None:
        """Read on at one cursor: so many items, and all blocks that follow, if to the list's end."""
        pos, end = int(cursors.pos[which]), int(cursors.end[which])
        if end < 0:
            return
        tail = self._tail.open(work.data[pos:end].tobytes())
        try:
            arrays = list(tail.items(left))
            if to_end:
                row = cursors.row[which : which + 1]
                arrays += tail.blocks(lambda count: self._may_hold(work, row, count))
        except TailError as exc:
            work.reject(cursors, np.arange(len(cursors)) == which, str(exc))
            return
        cursors.pos[which] += tail.nbytes
        if arrays:
            items = pa.concat_arrays(arrays)
            column.pieces.append(Piece(at=at[which : which + 1], counts=np.array([len(items)]), items=items))

    def _may_hold(self, work: Pass, row: np.ndarray, count: int) -> bool:
        return not self.is_wide or not work.claim(row, np.array([count]), self.item.type.nbytes)[0]

    def finish(self, work: Pass, column: ItemsColumn, owners: Owners, valid: Mask) -> pa.Array:
        counts, items = np.zeros(column.num_values, dtype=np.int64), pa.nulls(0, self.item.type.arrow)
        if column.pieces:
            counts, items = gathered(
                column.pieces, column.num_values, lambda piece: self._finished(work, piece, owners)
            )
        if self.is_map and len(items):
            counts, items = last_of_each_key(counts, items)
        offsets = np.zeros(len(counts) + 1, dtype=np.int32)
        np.cumsum(counts, out=offsets[1:])
        return pa.Array.from_buffers(
            self.arrow, len(counts), [validity(valid), pa.py_buffer(offsets)], children=[items]
        )

    def _finished(self, work: Pass, piece: Piece, owners: Owners) -> pa.Array:
        if isinstance(piece.items, pa.Array):
            return piece.items
        return self.item.finish(work, piece.items, lambda: np.repeat(owners()[piece.at], piece.counts))

    def avro(self, names: Iterator[str]) -> Any:
        if self.is_map:
            assert isinstance(self.item.type, Record)
            return {"type": "map", "values": self.item.type.fields[1].avro(names)}
        return {"type": "array", "items": self.item.avro(names)}


def _has_lists(type_: Type) -> bool:
    if isinstance(type_, Record):
        return any(_has_lists(field.type) for field in type_.fields)
    return isinstance(type_, Items)
