"""The pages of a column chunk: their headers, and where levels and values stand in them.

Only what a walk by ourselves can be sure of: whatever else a page is, is left to Arrow, by raising PageError.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.storage.hybrid import hybrid_numbers
from engine.storage.page_bytes import PageBytes, WholeBytes, decompressed
from engine.storage.snappy import SnappyParts, TooManyPiecesError
from engine.storage.thrift import I32, STRUCT, after, field_number, number_at

__all__ = ["Page", "PageError", "data_pages"]

_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_TRUE, _FALSE = 1, 2
_MOST_NBYTES = 1 << 28
"""A page that claims to be larger is left to Arrow."""


class PageError(ValueError):
    """A page that is not read here."""


_Struct = dict[int, int]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A data page of a column without repetition, as it lies in the file."""

    num_values: int
    """Rows, those with null too."""
    is_indexed: bool
    """Whether its values are indices of the dictionary."""
    stored: memoryview
    """What is compressed, or would be: of version 2 the values alone."""
    levels: memoryview | None
    """Definition levels of version 2, which are not compressed; None of version 1, which has them with the values."""
    codec: str | None
    nbytes: int
    """What `stored` decompresses to."""

    def open(self) -> PageBytes:
        """Return what it holds, decompressed as far as it takes to read parts of it."""
        return _opened(self.stored, self.codec, self.nbytes)

    def definitions(self, text: PageBytes, deepest: int) -> tuple[np.ndarray | None, int]:
        """Return each row's definition level, shape (num_values,), and where in the text the values begin.

        Parameters
        ----------
        text
            What `open` returned.
        deepest
            The level of rows that have a value; 0: all have, and levels are not written.
        """
        if not deepest:
            return None, 0
        width = deepest.bit_length()
        if self.levels is not None:
            return hybrid_numbers(self.levels, width, self.num_values), 0
        length = int.from_bytes(b"".join(text.parts(0, 4)), "little")
        return hybrid_numbers(b"".join(text.parts(4, 4 + length)), width, self.num_values), 4 + length


def data_pages(chunk: memoryview, codec: str | None, num_values: int) -> Iterator[Page | tuple[PageBytes, int]]:
    """Yield the pages of a column chunk; a dictionary as what it holds and its number of values.

    Parameters
    ----------
    chunk
        Its bytes, from its first page on.
    codec
        One of the values of `dictionaries.CODECS`.
    num_values
        Rows that all its pages have.

    Raises
    ------
    PageError
        If a page is of another kind than those that are read here, or has another checksum than its header says.
    """
    at = seen = 0
    while seen < num_values:
        header, nested, begin = _header(chunk, at)
        nbytes, stored_nbytes = header.get(2, -1), header.get(3, -1)
        at = begin + stored_nbytes
        if not 0 <= nbytes <= _MOST_NBYTES or stored_nbytes < 0 or at > len(chunk):
            raise PageError("a page that goes beyond its chunk")
        stored = chunk[begin:at]
        if 4 in header and zlib.crc32(stored) != header[4] & 0xFFFFFFFF:
            raise PageError("another checksum")
        match header.get(1):
            case 0:
                page = _first_version(nested.get(5, {}), stored, codec, nbytes)
            case 3:
                page = _second_version(nested.get(8, {}), stored, codec, nbytes)
            case 2 if not seen and nested.get(7, {}).get(2) in (_PLAIN, _PLAIN_DICTIONARY):
                yield _opened(stored, codec, nbytes), nested[7].get(1, -1)
                continue
            case kind:
                raise PageError(f"a page of kind {kind}")
        seen += page.num_values
        if page.num_values < 0 or seen > num_values:
            raise PageError(f"{seen} values, where {num_values} were expected")
        yield page


def _first_version(said: _Struct, stored: memoryview, codec: str | None, nbytes: int) -> Page:
    if said.get(3) != _RLE:
        raise PageError("levels in another encoding")
    return Page(
        num_values=said.get(1, -1),
        is_indexed=_is_indexed(said.get(2)),
        stored=stored,
        levels=None,
        codec=codec,
        nbytes=nbytes,
    )


def _second_version(said: _Struct, stored: memoryview, codec: str | None, nbytes: int) -> Page:
    levels_nbytes = said.get(5, -1)
    if said.get(6) != 0 or not 0 <= levels_nbytes <= min(nbytes, len(stored)):
        raise PageError("levels of no length")
    return Page(
        num_values=said.get(1, -1),
        is_indexed=_is_indexed(said.get(4)),
        stored=stored[levels_nbytes:],
        levels=stored[:levels_nbytes],
        codec=codec if said.get(7, _TRUE) == _TRUE else None,
        nbytes=nbytes - levels_nbytes,
    )


def _is_indexed(encoding: int | None) -> bool:
    if encoding not in (_PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY):
        raise PageError(f"values in the encoding {encoding}")
    return encoding != _PLAIN


def _opened(stored: memoryview, codec: str | None, nbytes: int) -> PageBytes:
    if codec is None or not nbytes:
        if len(stored) != nbytes and codec is None:
            raise PageError("a page of another length")
        return WholeBytes(stored if codec is None else memoryview(b""))
    if codec == "snappy":
        try:
            parts = SnappyParts(stored)
        except TooManyPiecesError:
            pass  # it is decompressed as a whole
        else:
            if parts.nbytes != nbytes:
                raise PageError("a page of another length")
            return parts
    return WholeBytes(memoryview(decompressed(stored, nbytes, codec)))


def _header(data: memoryview, at: int) -> tuple[_Struct, dict[int, _Struct], int]:
    """Return a page header's numbers, those of the structs in it, and where it ends; truth values by their kind."""
    numbers: _Struct = {}
    nested: dict[int, _Struct] = {}
    number = 0
    while kind := data[at] & 0x0F:
        number, at = field_number(data, at, number)
        if kind == I32:
            numbers[number], at = number_at(data, at)
        elif kind == STRUCT:
            nested[number], at = _fields(data, at)
        else:
            at = after(data, at, kind)
    return numbers, nested, at + 1


def _fields(data: memoryview, at: int) -> tuple[_Struct, int]:
    found: _Struct = {}
    number = 0
    while kind := data[at] & 0x0F:
        number, at = field_number(data, at, number)
        if kind == I32:
            found[number], at = number_at(data, at)
        elif kind in (_TRUE, _FALSE):
            found[number] = kind
        else:
            at = after(data, at, kind)
    return found, at + 1
