"""Sets of values that a field may have, as intervals: what comparisons with constants leave of them.

Null is a value here, before all others; NaN is after all other numbers, as in Spark. A set is a tuple of pieces in
order, each from a cut to a cut; a cut lies just before or just after a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

from engine.conditions.expressions import Constant

__all__ = [
    "ANYTHING",
    "KNOWN",
    "NOTHING",
    "NULL",
    "ValueSet",
    "above",
    "beginning_with",
    "below",
    "between",
    "intersection",
    "inverse",
    "only",
    "union",
]

Cut: TypeAlias = tuple[int, tuple[int, Constant], int]
ValueSet: TypeAlias = tuple[tuple[Cut, Cut], ...]

_START: Cut = (0, (0, 0), 0)
_AFTER_NULL: Cut = (1, (0, 0), 0)
_END: Cut = (3, (0, 0), 0)
NOTHING: ValueSet = ()
ANYTHING: ValueSet = ((_START, _END),)
NULL: ValueSet = ((_START, _AFTER_NULL),)
KNOWN: ValueSet = ((_AFTER_NULL, _END),)
"""Every value but null."""


def _cut(value: Constant, *, after: bool, is_whole: bool) -> Cut:
    if is_whole and not isinstance(value, str):
        # Between 1 and 2 there is no whole number: one cut stands for all that lie there.
        rounded = math.floor(value) + 1 if after else math.ceil(value)
        return (2, (0, rounded), 0)
    is_nan = isinstance(value, float) and math.isnan(value)
    return (2, (1, 0) if is_nan else (0, value), int(after))


def only(values: Iterable[Constant], *, is_whole: bool = False) -> ValueSet:
    """Return the set of these values; of whole numbers alone if `is_whole`."""
    cuts = ((_cut(v, after=False, is_whole=is_whole), _cut(v, after=True, is_whole=is_whole)) for v in values)
    return union([tuple(piece for piece in [cut] if piece[0] < piece[1]) for cut in cuts])


def above(value: Constant, *, included: bool, is_whole: bool = False) -> ValueSet:
    """Return what is greater than a value, or equal to it."""
    return ((_cut(value, after=not included, is_whole=is_whole), _END),)


def below(value: Constant, *, included: bool, is_whole: bool = False) -> ValueSet:
    """Return what is less than a value, or equal to it, and not null."""
    return ((_AFTER_NULL, _cut(value, after=included, is_whole=is_whole)),)


def between(least: Constant, greatest: Constant, *, is_whole: bool = False) -> ValueSet:
    """Return what lies between two values, both included, and null."""
    inside = intersection(
        above(least, included=True, is_whole=is_whole), below(greatest, included=True, is_whole=is_whole)
    )
    return union([NULL, inside])


def beginning_with(prefix: str) -> ValueSet:
    """Return the texts that begin with one; surely not more, where its last sign is the last that there is."""
    if not prefix or ord(prefix[-1]) == 0x10FFFF:
        return KNOWN
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return ((_cut(prefix, after=False, is_whole=False), _cut(after, after=False, is_whole=False)),)


def intersection(one: ValueSet, other: ValueSet) -> ValueSet:
    """Return what is in both sets."""
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def union(sets: Iterable[ValueSet]) -> ValueSet:
    """Return what is in any of several sets."""
    merged: list[tuple[Cut, Cut]] = []
    for start, end in sorted(piece for pieces in sets for piece in pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def inverse(of: ValueSet) -> ValueSet:
    """Return every value that is not in a set, null among them."""
    found, start = [], _START
    for piece_start, piece_end in of:
        if start < piece_start:
            found.append((start, piece_start))
        start = piece_end
    return (*found, (start, _END)) if start < _END else tuple(found)
