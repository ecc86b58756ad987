"""Parts of what Snappy compressed, without the rest: of stamps, which are compressed already, nearly all is literal.

A stream is its length, then literals and copies of what came out before. Whoever knows where each begins finds any part
of it where it lies.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import unpack_from

from engine.storage.page_bytes import decompressed
from engine.storage.thrift import varint_at

__all__ = ["SnappyParts", "TooManyPiecesError"]

_PIECE_NBYTES = 4096
"""Where literals and copies are shorter on average, to decompress all takes less than to walk from one to the next."""
_FEW = 64
_DEEPEST = 32


class TooManyPiecesError(ValueError):
    """A stream that is better decompressed as a whole."""


class _TooDeepError(Exception):
    """A part is a copy of a copy, and so on."""


class SnappyParts:
    """A Snappy stream of which parts are read; see `PageBytes`.

    Parameters
    ----------
    stored
        The stream.

    Raises
    ------
    TooManyPiecesError
        If it is better decompressed as a whole.
    ValueError, IndexError
        If it is none.
    """

    def __init__(self, stored: memoryview):
        self.nbytes, at = varint_at(stored, 0)
        self._stored = stored
        most = _FEW + self.nbytes // _PIECE_NBYTES
        starts: list[int] = []
        """Where each piece begins in what comes out, and, behind the last, where that ends."""
        shifts: list[int] = []
        """How much further its bytes stand in the stream; of a copy how much further to the front, negative."""
        is_copy: list[bool] = []
        end, out = len(stored), 0
        while at < end:
            tag = stored[at]
            kind = tag & 3
            starts.append(out)
            is_copy.append(kind > 0)
            if not kind:
                nbytes = tag >> 2
                at += 1
                if nbytes >= 60:
                    width = nbytes - 59
                    nbytes = int.from_bytes(stored[at : at + width], "little")
                    at += width
                nbytes += 1
                shifts.append(at - out)
                at += nbytes
            else:
                if kind == 1:
                    nbytes, back = 4 + (tag >> 2 & 7), tag >> 5 << 8 | stored[at + 1]
                    at += 2
                else:
                    nbytes, width = 1 + (tag >> 2), 2 if kind == 2 else 4
                    back = int.from_bytes(stored[at + 1 : at + 1 + width], "little")
                    at += 1 + width
                if not 0 < back <= out:
                    raise ValueError("a copy of what is not there")
                shifts.append(-back)
            out += nbytes
            if len(starts) > most:
                raise TooManyPiecesError(f"{len(starts)} pieces in {out} bytes")
        if at != end or out != self.nbytes:
            raise ValueError(f"a stream of {self.nbytes} bytes that come to {out}")
        starts.append(out)
        self._starts, self._shifts, self._is_copy = starts, shifts, is_copy
        self._whole: memoryview | None = None
        """All of it, where copies of copies led too far back."""

    def parts(self, start: int, end: int) -> list[memoryview]:
        """Return the bytes from one place to another, as they lie."""
        if not 0 <= start <= end <= self.nbytes:
            raise ValueError("what is read goes beyond the page")
        found: list[memoryview] = []
        if self._whole is None:
            try:
                self._collect(start, end, found, 0)
                return found
            except _TooDeepError:
                self._whole = memoryview(decompressed(self._stored, self.nbytes, "snappy"))
        return [self._whole[start:end]]

    def _collect(self, start: int, end: int, found: list[memoryview], depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooDeepError
        piece = bisect_right(self._starts, start) - 1
        while start < end:
            upto = min(end, self._starts[piece + 1])
            shift = self._shifts[piece]
            if self._is_copy[piece]:
                # What overlaps what it makes goes further back, turn by turn.
                self._collect(start + shift, upto + shift, found, depth + 1)
            else:
                found.append(self._stored[start + shift : upto + shift])
            start = upto
            piece += 1

    def ends(self, at: int, num_values: int) -> list[int]:
        """Return where values end."""
        starts, shifts, is_copy, stored = self._starts, self._shifts, self._is_copy, self._stored
        piece = max(0, bisect_right(starts, at) - 1)
        found = []
        for _ in range(num_values):
            if at + 4 > self.nbytes:
                raise ValueError("values go beyond the page")
            while starts[piece + 1] <= at:
                piece += 1
            if starts[piece + 1] - at >= 4 and not is_copy[piece]:
                (nbytes,) = unpack_from("<I", stored, at + shifts[piece])
            else:
                nbytes = int.from_bytes(b"".join(self.parts(at, at + 4)), "little")
            at += 4 + nbytes
            found.append(at)
        if at > self.nbytes:
            raise ValueError("values go beyond the page")
        return found
