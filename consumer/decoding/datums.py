"""Avro datums that lie in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["PADDING", "Datums"]

PADDING = 16
"""Bytes that must follow the last datum, so that a number is read in whole words wherever it ends."""
_JOINED_NBYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Datums:
    """Avro datums, without headers, that lie in one buffer, in any order and with anything between them.

    Raises
    ------
    ValueError
        If one of them lies outside of the buffer, or no `PADDING` bytes follow it.
    """

    data: np.ndarray
    """The buffer, contiguous bytes (uint8); what follows the last datum's end may be anything."""
    starts: np.ndarray
    """Where each begins, int64, shape (n,)."""
    ends: np.ndarray
    """Where each ends, int64, shape (n,)."""

    def __post_init__(self) -> None:
        if self.data.dtype != np.uint8 or self.data.ndim != 1 or not self.data.flags.c_contiguous:
            raise ValueError("the buffer of datums is not one of contiguous bytes")
        if self.starts.dtype != np.int64 or self.ends.dtype != np.int64 or self.starts.shape != self.ends.shape:
            raise ValueError("starts and ends of datums are not both int64, or not as many")
        if len(self) and not (
            self.starts.min() >= 0 and (self.starts <= self.ends).all() and self.ends.max() <= self.data.size - PADDING
        ):
            raise ValueError("a datum lies outside of its buffer, or too close to its end")

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def of(cls, datums: Sequence[bytes]) -> Datums:
        """Join datums in a buffer of their own.

        Parameters
        ----------
        datums
            One Avro datum each, without header.
        """
        bounds = _bounds_of(datums)
        data = np.frombuffer(b"".join([*datums, bytes(PADDING)]), dtype=np.uint8)
        return cls(data=data, starts=bounds[:-1], ends=bounds[1:])

    @classmethod
    def drained(cls, datums: list[bytes]) -> Datums:
        """Join datums in a buffer of their own, and empty the list meanwhile, so that no datum is in memory twice.

        Parameters
        ----------
        datums
            One Avro datum each, without header; each is empty afterwards.
        """
        bounds = _bounds_of(datums)
        places = bounds.tolist()
        data = np.empty(places[-1] + PADDING, dtype=np.uint8)
        data[places[-1] :] = 0
        into = data.data
        # Small ones many at a time; joined alone, a large one is what it was.
        size = max(1, _JOINED_NBYTES * len(datums) // max(1, places[-1]))
        for start in range(0, len(datums), size):
            stop = min(start + size, len(datums))
            into[places[start] : places[stop]] = b"".join(datums[start:stop])
            datums[start:stop] = [b""] * (stop - start)
        return cls(data=data, starts=bounds[:-1], ends=bounds[1:])

    def datum(self, position: int) -> bytes:
        """Return one of them, copied out of the buffer."""
        return self.data[self.starts[position] : self.ends[position]].tobytes()


def _bounds_of(datums: Sequence[bytes]) -> np.ndarray:
    """Return where each datum begins once they are joined, and where the last ends, int64, shape (n + 1,)."""
    bounds = np.zeros(len(datums) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, datums), dtype=np.int64, count=len(datums)), out=bounds[1:])
    return bounds
