"""The rows that are on disk already: a set of (fragment, row), kept as intervals per fragment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

__all__ = ["Intervals", "Seen", "by_fragment", "first_of_each"]

_EMPTY = np.empty(0, dtype=np.int64)


class Intervals:
    """A set of non-negative integers as sorted, disjoint, half-open intervals.

    Sixteen bytes an interval: a whole fragment is one interval, however many alerts it has.
    """

    def __init__(self) -> None:
        self._starts = _EMPTY
        self._stops = _EMPTY

    def __len__(self) -> int:
        return int((self._stops - self._starts).sum())

    def contains(self, values: np.ndarray) -> np.ndarray:
        """Return which values are in the set, bool, shape (n,).

        Parameters
        ----------
        values
            Integers in any order, shape (n,).
        """
        if not self._starts.size:
            return np.zeros(len(values), dtype=bool)
        nearest = np.searchsorted(self._starts, values, side="right") - 1
        return (nearest >= 0) & (values < self._stops[nearest])

    def add(self, values: np.ndarray) -> None:
        """Take values into the set.

        Parameters
        ----------
        values
            Integers in any order, repeated or not, shape (n,).
        """
        self._join(values, values + 1)

    def to_text(self) -> str:
        """Return the set as text: `0-99,105,110-120`, both ends included."""
        return ",".join(
            f"{start}-{stop - 1}" if stop - start > 1 else str(start)
            for start, stop in zip(self._starts.tolist(), self._stops.tolist(), strict=True)
        )

    @classmethod
    def from_text(cls, text: str) -> Intervals:
        """Return the set that `to_text` wrote."""
        ends = [part.partition("-") for part in text.split(",") if part]
        made = cls()
        made._starts = np.array([int(start) for start, _, _ in ends], dtype=np.int64)
        made._stops = np.array([int(stop or start) + 1 for start, _, stop in ends], dtype=np.int64)
        return made

    def update(self, other: Intervals) -> None:
        """Take the values of another set into this one."""
        self._join(other._starts, other._stops)

    def _join(self, starts: np.ndarray, stops: np.ndarray) -> None:
        if not starts.size:
            return
        starts = np.concatenate([self._starts, starts])
        stops = np.concatenate([self._stops, stops])
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(stops[order])
        # A new interval begins where a start lies beyond everything before it.
        first = np.concatenate([[True], starts[1:] > reach[:-1]])
        last = np.concatenate([first[1:], [True]])
        self._starts, self._stops = starts[first], reach[last]


class Seen:
    """A set of rows, each known by (fragment, row)."""

    def __init__(self) -> None:
        self._fragments: dict[int, Intervals] = {}

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._fragments.values())

    def contains(self, fragments: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return which of the rows are in the set, bool, shape (n,).

        Parameters
        ----------
        fragments, rows
            Identity of each row, int64, shape (n,).
        """
        found = np.zeros(len(rows), dtype=bool)
        for fragment, positions in by_fragment(fragments):
            known = self._fragments.get(fragment)
            if known is not None:
                found[positions] = known.contains(rows[positions])
        return found

    def counts(self) -> dict[int, int]:
        """Return the number of rows of each fragment."""
        return {fragment: len(rows) for fragment, rows in self._fragments.items()}

    def add(self, fragments: np.ndarray, rows: np.ndarray) -> None:
        """Take rows into the set.

        Parameters
        ----------
        fragments, rows
            Identity of each row, int64, shape (n,).
        """
        for fragment, positions in by_fragment(fragments):
            self._fragments.setdefault(fragment, Intervals()).add(rows[positions])

    def update(self, texts: Mapping[int, str]) -> None:
        """Take in what `to_texts` of another set returned."""
        for fragment, text in texts.items():
            self._fragments.setdefault(int(fragment), Intervals()).update(Intervals.from_text(text))

    def to_texts(self) -> dict[int, str]:
        """Return the rows of each fragment as text."""
        return {fragment: self._fragments[fragment].to_text() for fragment in sorted(self._fragments)}


def first_of_each(fragments: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which rows have no equal earlier in the input, bool, shape (n,).

    Parameters
    ----------
    fragments, rows
        Identity of each row, int64, shape (n,).
    """
    first = np.zeros(len(rows), dtype=bool)
    if len(rows):
        order = np.lexsort((rows, fragments))  # stable: equals keep their order
        changes = (np.diff(fragments[order]) != 0) | (np.diff(rows[order]) != 0)
        first[order[np.concatenate([[True], changes])]] = True
    return first


def by_fragment(fragments: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each fragment and its positions, ascending."""
    if not len(fragments):
        return
    order = np.argsort(fragments, kind="stable")
    cuts = np.flatnonzero(np.diff(fragments[order])) + 1
    for positions in np.split(order, cuts):
        yield int(fragments[positions[0]]), positions
