"""What a type of a column is: how its values are read at many cursors at once, and how they become Arrow.

Types are made once for a schema and hold nothing of a decoding, so threads share them. What is read stands in columns,
which are made for each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.cursors import Cursors, Pass

__all__ = ["At", "Column", "Mask", "Owners", "Type", "chosen", "positions", "scatter", "validity"]

Mask = np.ndarray | None
"""Booleans, one per cursor or value; None stands for all."""
At = np.ndarray | slice | None
"""Positions of values in their column; None stands for all of it, in order."""
Owners = Callable[[], np.ndarray]
"""Gives the datum that each value of a column is part of, where somebody asks."""


@dataclass(slots=True, kw_only=True)
class Column:
    """What was read of a column so far; the rest of it is null, or zero, or empty."""

    num_values: int
    valid: np.ndarray | None = None
    """Where there is a value; None: nowhere yet. Only of what may be null."""
    values: np.ndarray | None = None
    """One per value; of texts the positions of their first bytes, of lists their numbers of items."""
    lengths: np.ndarray | None = None
    """Of texts."""

    def filled(self, dtype: Any) -> np.ndarray:
        """Return the values; zeros of a type where none was read."""
        return np.zeros(self.num_values, dtype=dtype) if self.values is None else self.values

    def arrange(self, order: np.ndarray) -> None:
        """Put the values into another order: that of their present positions in `order`."""
        for name in ("valid", "values", "lengths"):
            read = getattr(self, name)
            if read is not None:
                setattr(self, name, read[order])


@dataclass(frozen=True, kw_only=True)
class Type:
    """A type of a column."""

    path: str
    """Of the field, as reasons name it."""
    arrow: pa.DataType
    min_nbytes: int
    """Bytes that a datum needs for a value, at least."""
    nbytes: int
    """Bytes of Arrow memory that a value may take beyond those that it has on the wire; a list's without its items."""

    def column(self, num_values: int) -> Any:
        """Return a column of which nothing is read yet."""
        return Column(num_values=num_values)

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Any, at: At) -> None:
        """Read the values at cursors, and move these behind them.

        Parameters
        ----------
        work
            What is decoded.
        cursors
            Each at a value, where `has` says that there is one; checked afterwards.
        has
            Where there is one.
        column
            Takes the values.
        at
            Their positions in it; None: they are all of it, in order.
        """
        raise NotImplementedError

    def finish(self, work: Pass, column: Any, owners: Owners, valid: Mask) -> pa.Array:
        """Return a column's Arrow array; where it is not valid, it is null."""
        raise NotImplementedError

    def avro(self, names: Iterator[str]) -> Any:
        """Return the Avro type; records, enums and the like take their names from those given."""
        raise NotImplementedError


def scatter(into: np.ndarray | None, size: int, at: At, values: np.ndarray | np.bool_) -> np.ndarray:
    """Return an array with values put at some of its positions (None: at all of them); it is made at first need."""
    if at is None:
        return values if isinstance(values, np.ndarray) else np.full(size, values)
    if into is None:
        into = np.zeros(size, dtype=values.dtype)
    into[at] = values
    return into


def chosen(at: At, there: np.ndarray) -> np.ndarray:
    """Return some of the positions of values in their column."""
    if at is None:
        return there
    return at.start + there if isinstance(at, slice) else at[there]


def positions(at: np.ndarray) -> pa.Array:
    """Return integers as Arrow has them; `pa.array` would import pandas first, where that is installed."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(at.dtype), len(at), [None, pa.py_buffer(at)])


def validity(valid: Mask) -> pa.Buffer | None:
    """Return Arrow's bitmap of what is valid, or None if all is."""
    if valid is None or np.count_nonzero(valid) == len(valid):
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))
