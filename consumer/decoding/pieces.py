"""Items of lists as they were read, piece by piece, put into the order of their lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.types import Column, positions

__all__ = ["ItemsColumn", "Piece", "gathered", "last_of_each_key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Items of some lists, list by list."""

    at: np.ndarray
    """The lists, by position in their column."""
    counts: np.ndarray
    """Items of each."""
    items: Any
    """A column of the items, or an Arrow array of them, if they are of one list."""


@dataclass(slots=True, kw_only=True)
class ItemsColumn(Column):
    """What was read of a column of lists."""

    pieces: list[Piece] = field(default_factory=list)
    """In the order in which they were read; later ones follow earlier ones in a list."""

    def arrange(self, order: np.ndarray) -> None:
        Column.arrange(self, order)
        moved = np.empty(len(order), dtype=np.int64)
        moved[order] = np.arange(len(order))
        self.pieces = [replace(piece, at=moved[piece.at]) for piece in self.pieces]


def gathered(pieces: list[Piece], num_lists: int, finish: Callable[[Piece], pa.Array]) -> tuple[np.ndarray, pa.Array]:
    """Return the number of items of each list, and all items, list by list.

    Parameters
    ----------
    pieces
        One or more.
    num_lists
        Of the column.
    finish
        Makes the array of a piece's items.
    """
    counts = np.zeros(num_lists, dtype=np.int64)
    for piece in pieces:
        counts[piece.at] += piece.counts
    first, *others = pieces
    if isinstance(first.items, pa.Array) or (np.diff(first.at) <= 0).any():
        return counts, _ordered(pieces, counts, finish)
    if all(isinstance(piece.items, pa.Array) for piece in others):
        return counts, _inserted(finish(first), first, others, num_lists)
    return counts, _ordered(pieces, counts, finish)


def _inserted(items: pa.Array, first: Piece, others: list[Piece], num_lists: int) -> pa.Array:
    """Return items with those of a few lists put behind what they have already."""
    if not others:
        return items
    ends = np.zeros(num_lists, dtype=np.int64)
    ends[first.at] = first.counts
    np.cumsum(ends, out=ends)
    parts, done = [], 0
    for piece in sorted(others, key=lambda piece: int(piece.at[0])):
        end = int(ends[piece.at[0]])
        parts += [items.slice(done, end - done), piece.items]
        done = end
    return pa.concat_arrays([*parts, items.slice(done)])


def _ordered(pieces: list[Piece], counts: np.ndarray, finish: Callable[[Piece], pa.Array]) -> pa.Array:
    """Return the items of pieces that lie in any order."""
    filled = (np.cumsum(counts) - counts).astype(np.int32)
    order = np.empty(int(counts.sum()), dtype=np.int32)
    done = 0
    for piece in pieces:
        place = np.repeat(filled[piece.at] - (np.cumsum(piece.counts) - piece.counts).astype(np.int32), piece.counts)
        place += np.arange(len(place), dtype=np.int32)
        order[place] = np.arange(done, done + len(place), dtype=np.int32)
        filled[piece.at] += piece.counts.astype(np.int32)
        done += len(place)
    return pa.concat_arrays([finish(piece) for piece in pieces]).take(positions(order))


def last_of_each_key(counts: np.ndarray, entries: pa.StructArray) -> tuple[np.ndarray, pa.StructArray]:
    """Return the entries of maps in which each key has the place of its first entry and the value of its last.

    Parameters
    ----------
    counts
        Entries of each map.
    entries
        Keys and values, map by map, at least one.
    """
    codes = entries.field(0).dictionary_encode().indices.to_numpy().astype(np.int64)
    if (counts == counts[0]).all():
        of_each = codes.reshape(len(counts), -1)
        if (of_each == of_each[0]).all() and len(np.unique(of_each[0])) == counts[0]:
            return counts, entries  # as in a column of structs that became maps
    maps = np.repeat(np.arange(len(counts)), counts)
    pairs = maps * (int(codes.max()) + 1) + codes
    ordered = np.sort(pairs)
    if not (ordered[1:] == ordered[:-1]).any():
        return counts, entries
    _, first, group = np.unique(pairs, return_index=True, return_inverse=True)
    last = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(last, group, np.arange(len(pairs)))
    order = np.argsort(first)
    keys, values = entries.field(0).take(positions(first[order])), entries.field(1).take(positions(last[order]))
    return (
        np.bincount(maps[first], minlength=len(counts)),
        pa.StructArray.from_arrays([keys, values], fields=list(entries.type)),
    )
