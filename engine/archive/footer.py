"""A file of the archive, and what its footer says, in little memory: a plan holds those of ten thousands of files.

What files have in common (their schema, the paths of their leaves) stands once, and what differs are arrays of numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["ArchiveFile", "Footer", "Leaves"]

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveFile:
    """One file of the archive, and what tells whether it is still the same."""

    path: str
    """Path on the archive's file system."""
    night: dt.date
    nbytes: int
    etag: str | None
    """The object store's ETag; on a local disk the time of the last change."""
    footer_crc: str | None = None
    """CRC-32 of the footer, 8 hexadecimal digits, once it is read: it holds the place, size and range of every column
    chunk, so a file that was only copied or touched is known again."""
    footer_nbytes: int | None = None
    """Length of the footer, once it is read: one request brings it."""


class Leaves:
    """The leaf columns that files have, in their order: one object for all files that have the same.

    Get it by `Leaves.of`.

    Parameters
    ----------
    paths
        As the files' footers name them: `prv_candidates.list.element.jd`.
    """

    __slots__ = ("_places", "paths")

    def __init__(self, paths: tuple[str, ...]):
        self.paths = paths
        self._places = {path: place for place, path in enumerate(paths)}

    def __reduce__(self) -> tuple[Any, ...]:
        return Leaves.of, (self.paths,)

    @staticmethod
    def of(paths: Iterable[str]) -> Leaves:
        """Return the object for these paths."""
        return _leaves_of(tuple(paths))

    def place(self, path: str) -> int | None:
        """Return the place of a leaf, or None where there is none of this path."""
        return self._places.get(path)

    def below(self, columns: Sequence[str]) -> npt.NDArray[np.intp]:
        """Return the places of the leaves that are one of these columns, or inside one."""
        return _below(self, tuple(columns))


@lru_cache(maxsize=1024)
def _leaves_of(paths: tuple[str, ...]) -> Leaves:
    return Leaves(paths)


@lru_cache(maxsize=1024)
def _below(leaves: Leaves, columns: tuple[str, ...]) -> npt.NDArray[np.intp]:
    wanted = frozenset(columns)
    places = [place for place, path in enumerate(leaves.paths) if not wanted.isdisjoint(_prefixes(path))]
    return np.array(places, dtype=np.intp)


def _prefixes(path: str) -> Iterable[str]:
    parts = path.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Footer:
    """What a file's footer says. Made by `Footer.of`."""

    file: ArchiveFile
    schema: pa.Schema
    """Without metadata; one object for most files that have the same, so that steps that look into each distinct schema
    know it by its identity."""
    row_groups: tuple[int, ...]
    """Number of alerts in each row group."""
    leaves: Leaves = field(repr=False)
    column_nbytes: npt.NDArray[Any] = field(repr=False)
    """Uncompressed bytes: a row for each row group, in it a number for each leaf."""
    column_nulls: npt.NDArray[Any] | None = field(default=None, repr=False)
    """Nulls of each leaf in the file, -1 where its statistics don't say; None if they were not asked for."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """Least and greatest value of the leaves that were asked for, where each row group's statistics say them."""

    @classmethod
    def of(
        cls,
        file: ArchiveFile,
        schema: pa.Schema,
        row_groups: Iterable[int],
        paths: Iterable[str] | Leaves,
        column_nbytes: Any,
        nulls: Any = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> Footer:
        """Return a footer that shares what it has in common with others.

        Parameters
        ----------
        file
            With the CRC of its footer.
        schema
            One object for each distinct schema: it is not compared with others here.
        row_groups
            Number of alerts in each row group.
        paths
            Of the leaves, in the file's order.
        column_nbytes
            Uncompressed bytes: for each row group a number for each leaf; sequences or an array.
        nulls
            For each leaf the nulls in the file, -1 where they are not known; None where they were not asked for.
        ranges
            Least and greatest value of some leaves.
        """
        leaves = paths if isinstance(paths, Leaves) else Leaves.of(paths)
        alerts = tuple(map(int, row_groups))
        sizes = np.asarray(column_nbytes, dtype=np.int64).reshape(len(alerts), len(leaves.paths))
        return cls(
            file=file,
            schema=schema,
            row_groups=alerts,
            leaves=leaves,
            column_nbytes=_small(sizes),
            column_nulls=None if nulls is None else _small(np.asarray(nulls, dtype=np.int64)),
            ranges=ranges or {},
        )

    @property
    def null_counts(self) -> Mapping[str, int | None]:
        """Nulls of each leaf in the file, None where its statistics don't say; empty if they were not asked for."""
        return {} if self.column_nulls is None else _NullCounts(self.leaves, self.column_nulls)

    def nbytes_of(self, columns: Sequence[str], row_group: int) -> int:
        """Return the uncompressed bytes of root columns, or of paths inside them, in a row group."""
        return self.all_nbytes_of(columns)[row_group]

    def all_nbytes_of(self, columns: Sequence[str]) -> list[int]:
        """Return the uncompressed bytes of root columns, or of paths inside them, in each row group."""
        sizes: list[int] = self.column_nbytes[:, self.leaves.below(columns)].sum(axis=1, dtype=np.int64).tolist()
        return sizes


class _NullCounts(Mapping[str, "int | None"]):
    """The nulls of a file's leaves, by their paths."""

    def __init__(self, leaves: Leaves, counts: npt.NDArray[Any]):
        self._leaves = leaves
        self._counts = counts

    def __getitem__(self, path: str) -> int | None:
        place = self._leaves.place(path)
        if place is None:
            raise KeyError(path)
        count = int(self._counts[place])
        return None if count < 0 else count

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves.paths)

    def __len__(self) -> int:
        return len(self._leaves.paths)


def _small(numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return numbers in half the bytes where they fit."""
    if numbers.size and (numbers.min() < _INT32.min or numbers.max() > _INT32.max):
        return numbers
    return numbers.astype(np.int32)
