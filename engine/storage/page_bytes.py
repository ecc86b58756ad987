"""What a page holds, of which parts are read where they lie."""

from __future__ import annotations

from struct import unpack_from
from typing import Protocol

import pyarrow as pa

__all__ = ["PageBytes", "WholeBytes", "decompressed"]


def decompressed(stored: memoryview, nbytes: int, codec: str) -> pa.Buffer:
    """Return what was compressed by one of Arrow's codecs.

    Raises
    ------
    ValueError
        If it was not.
    """
    try:
        return pa.decompress(pa.py_buffer(stored), nbytes, codec)
    except (OSError, pa.ArrowException) as exc:
        raise ValueError("a page that can't be decompressed") from exc


class PageBytes(Protocol):
    """What a page holds once it is decompressed, as far as it takes to read parts of it."""

    @property
    def nbytes(self) -> int:
        """How much that is."""
        ...

    def parts(self, start: int, end: int) -> list[memoryview]:
        """Return the bytes from one place to another, as they lie.

        Raises
        ------
        ValueError
            If they are not there.
        """
        ...

    def ends(self, at: int, num_values: int) -> list[int]:
        """Return where values end, each of which stands behind its length in four bytes.

        Parameters
        ----------
        at
            Where the first begins.
        num_values
            How many there are.

        Raises
        ------
        ValueError
            If they go beyond the page.
        """
        ...


class WholeBytes:
    """A page that was not compressed, or is decompressed as a whole; see `PageBytes`."""

    def __init__(self, data: memoryview):
        self._data = data
        self.nbytes = len(data)

    def parts(self, start: int, end: int) -> list[memoryview]:
        """Return the bytes, in one part."""
        if not 0 <= start <= end <= self.nbytes:
            raise ValueError("what is read goes beyond the page")
        return [self._data[start:end]]

    def ends(self, at: int, num_values: int) -> list[int]:
        """Return where values end."""
        found, data, last = [], self._data, self.nbytes - 4
        for _ in range(num_values):
            if at > last:
                raise ValueError("values go beyond the page")
            at += 4 + unpack_from("<I", data, at)[0]
            found.append(at)
        if at > self.nbytes:
            raise ValueError("values go beyond the page")
        return found
