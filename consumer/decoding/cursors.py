"""Where each datum is read next, all of them at once, and the numbers of 1 to 10 bytes that stand there.

A cursor that met something wrong is dead: its datum is named with the reason, and whatever is read for it from then on
is arbitrary and fails again. So nothing has to be taken out of the arrays, and the others go on at their speed.

What is read before its bounds are checked may lie behind a datum's end, and never outside of the buffer: at most a tag
and one number are read from one check to the next, which the `PADDING` covers. No value that is kept depends on it.
"""

from __future__ import annotations

import io
from typing import Any

import fastavro
import numpy as np

from consumer.decoding.datums import PADDING, Datums

__all__ = ["Cursors", "Pass", "is_wide", "shown"]

_HIGH = np.uint64(0x8080808080808080)
_ONE = np.uint64(1)
_GROUPS = (
    # Groups of 7 bits, one in each byte, are moved together: bytes to halves, halves to words, words to one number.
    (np.uint64(0x007F007F007F007F), np.uint64(0x7F007F007F007F00), np.uint64(1)),
    (np.uint64(0x00003FFF00003FFF), np.uint64(0x3FFF00003FFF0000), np.uint64(2)),
    (np.uint64(0x000000000FFFFFFF), np.uint64(0x0FFFFFFF00000000), np.uint64(4)),
)
_CLAIM_FACTOR = 16
"""Bytes of Arrow memory that a datum may claim for each byte that it has …"""
_CLAIM_BASE = 1 << 16
"""… and for the rest: in a list of wide records a null is one byte on the wire, and in Arrow as wide as the others."""


class Cursors:
    """Some cursors.

    Parameters
    ----------
    pos
        Where each reads next, int64, shape (n,); moved in place.
    end
        Where its datum ends; -1 where the cursor is dead. Changed in place.
    row
        Position of its datum among all datums.
    """

    __slots__ = ("end", "pos", "row")

    def __init__(self, pos: np.ndarray, end: np.ndarray, row: np.ndarray):
        self.pos, self.end, self.row = pos, end, row

    def __len__(self) -> int:
        return len(self.pos)

    def take(self, at: np.ndarray) -> Cursors:
        """Return copies of some of them."""
        return Cursors(self.pos[at], self.end[at], self.row[at])

    def first(self, count: int) -> Cursors:
        """Return the first of them, which move as these move."""
        return Cursors(self.pos[:count], self.end[:count], self.row[:count])

    def put(self, at: np.ndarray, moved: Cursors) -> None:
        """Take over where copies have moved to."""
        self.pos[at] = moved.pos
        self.end[at] = moved.end


class Pass:
    """One pass over datums: their bytes, and which of them turned out to be bad.

    Parameters
    ----------
    datums
        Avro datums in a buffer.
    """

    def __init__(self, datums: Datums):
        # What lies before and behind them is no concern of ours, and offsets of Arrow have 32 bits.
        first, last = (int(datums.starts.min()), int(datums.ends.max())) if len(datums) else (0, 0)
        self.data = datums.data[first : last + PADDING]
        self.starts, self.ends = datums.starts - first, datums.ends - first
        if self.data.size > np.iinfo(np.int32).max:
            raise ValueError("datums that lie more than 2 GB apart can't be decoded at once")
        self.words = self._view("<u8")
        self.halves = self._view("<u4")
        self.alive = np.ones(len(datums), dtype=bool)
        self.reasons: dict[int, str] = {}
        # Of each `consumer.decoding.runs.Run`: the layouts that were met, and those that many values have.
        self.layouts: dict[Any, dict[bytes, Any]] = {}
        self.kept_layouts: dict[Any, list[Any]] = {}
        self._claimed = np.zeros(len(datums), dtype=np.int64)

    def _view(self, dtype: str) -> np.ndarray:
        size = np.dtype(dtype).itemsize
        return np.ndarray((self.data.size - size + 1,), dtype, self.data, 0, (1,))

    def windows(self, size: int) -> np.ndarray:
        """Return all runs of so many bytes, the n-th from byte n on."""
        return self._view(f"V{size}") if size <= self.data.size else np.zeros(0, dtype=f"V{size}")

    def check(self, cursors: Cursors, path: str) -> None:
        """Reject the datums whose cursor has left them."""
        beyond = cursors.pos > cursors.end
        if np.count_nonzero(beyond):
            self.reject(cursors, beyond, f"it ends inside {shown(path)}")

    def reject(self, cursors: Cursors, wrong: np.ndarray, reason: str) -> None:
        """Let cursors die; the first reason of a datum stays."""
        at = np.flatnonzero(wrong)
        self.reject_rows(cursors.row[at], reason)
        cursors.pos[at] = 0
        cursors.end[at] = -1

    def reject_rows(self, rows: np.ndarray, reason: str) -> None:
        """Name datums as bad, by their positions."""
        rows = rows[self.alive[rows]]
        if len(rows):
            self.alive[rows] = False
            self.reasons.update(dict.fromkeys(np.unique(rows).tolist(), reason))

    def claim(self, rows: np.ndarray, counts: np.ndarray, nbytes: int) -> np.ndarray:
        """Add to the Arrow memory that datums claim; return where that is more than their bytes can be meant to have.

        Parameters
        ----------
        rows
            The datums; one may be there several times.
        counts
            Values that each claims here.
        nbytes
            Memory of a value.
        """
        np.add.at(self._claimed, rows, counts * nbytes)
        return self._claimed[rows] > _CLAIM_BASE + _CLAIM_FACTOR * (self.ends - self.starts)[rows]

    def numbers(self, cursors: Cursors, has: np.ndarray | None) -> np.ndarray:
        """Read an int or a long and move on; unchecked.

        Parameters
        ----------
        has
            Where there is one (None: everywhere). Elsewhere it is 0, and the cursor stays.
        """
        first = self.data[cursors.pos]
        longer = first > 0x7F
        if has is not None:
            longer &= has
            first *= has
        num_longer = np.count_nonzero(longer)
        if num_longer == len(first) or (has is None and 2 * num_longer > len(first)):
            values, nbytes = self._longer(cursors)
            cursors.pos += nbytes
            return values
        small = first.view(np.int8)
        values = ((small >> 1) ^ -(small & 1)).astype(np.int64)
        if num_longer:
            at = np.flatnonzero(longer)
            some = cursors.take(at)
            values[at], nbytes = self._longer(some)
            # Cursors without a number stay; the others of one byte go on by one.
            step = np.ones(len(first), dtype=np.int64) if has is None else has.astype(np.int64)
            step[at] = nbytes
            cursors.pos += step
            cursors.end[at] = some.end
        else:
            cursors.pos += 1 if has is None else has
        return values

    def _longer(self, cursors: Cursors) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers of any length, and their bytes."""
        pos = cursors.pos
        bits = self.words[pos]
        stop = ~bits & _HIGH
        below = (stop & (~stop + _ONE)) - _ONE  # all bits below the lowest that says "this was the last byte"
        bits &= below & ~_HIGH
        nbytes = (np.bitwise_count(below) >> 3).astype(np.int64) + 1
        for low, high, shift in _GROUPS:
            upper = bits & high
            bits &= low
            bits |= upper >> shift
        beyond = np.flatnonzero(stop == 0)
        if len(beyond):
            ninth, tenth = self.data[pos[beyond] + 8], self.data[pos[beyond] + 9]
            bits[beyond] |= (ninth & 0x7F).astype(np.uint64) << np.uint64(56)
            longest = ninth > 0x7F
            bits[beyond] |= (tenth & longest).astype(np.uint64) << np.uint64(63)
            nbytes[beyond] = 9 + longest
        values = (bits >> _ONE).view(np.int64) ^ -(bits & _ONE).view(np.int64)
        if len(beyond):
            for at in beyond[longest & (tenth > 0x7F)].tolist():
                values[at], nbytes[at] = self._overlong(cursors, at)
        return values, nbytes

    def _overlong(self, cursors: Cursors, at: int) -> tuple[int, int]:
        """Return a number of more than 10 bytes as fastavro reads it: no writer makes one, some readers take it."""
        pos, end = int(cursors.pos[at]), int(cursors.end[at])
        for stop in range(pos + 10, end, 4096):
            last = np.flatnonzero(self.data[stop : min(stop + 4096, end)] <= 0x7F)
            if len(last):
                nbytes = stop + int(last[0]) + 1 - pos
                source = io.BytesIO(self.data[pos : pos + nbytes].tobytes())
                return int(fastavro.schemaless_reader(source, "long", None)), nbytes  # type: ignore[arg-type]
        return 0, end - pos + 1  # beyond the datum, as the next check finds


def is_wide(nbytes: int, min_nbytes: int) -> bool:
    """Tell whether values of so much Arrow memory, and so few bytes on the wire, have to be claimed."""
    return nbytes > _CLAIM_FACTOR * min_nbytes


def shown(path: str) -> str:
    """Return a field's path as reasons name it, without anything that a terminal would obey."""
    return repr(path if len(path) <= 200 else f"{path[:200]}…")
