"""How long the longest value of a column chunk's dictionary is: its bytes alone only say how long one could be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CODECS", "dictionary_nbytes", "longest_in_dictionary"]

_HEADER_NBYTES = 64
_MOST_NBYTES = 1 << 24
"""Writers end a dictionary at a megabyte; a larger one is not looked into."""
CODECS = {"SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "BROTLI": "brotli", "UNCOMPRESSED": None}
"""Those of Parquet whose bytes are what Arrow's codec of that name takes. LZ4 stands for two in Parquet."""
_DICTIONARY_PAGE = 2
_I32, _STRUCT = 5, 12

_ReadAt = Callable[[int, int], bytes]


def dictionary_nbytes(chunk: pq.ColumnChunkMetaData, read_at: _ReadAt) -> int:
    """Return the bytes of a column chunk's dictionary, by the header of its page; none of its values is longer."""
    header = _header(chunk, read_at)
    return max(1, chunk.total_uncompressed_size) if header is None else max(1, header[0])


def longest_in_dictionary(chunk: pq.ColumnChunkMetaData, read_at: _ReadAt) -> int:
    """Return the bytes of the longest value in a column chunk's dictionary, or of all of it where that can't be told.

    Parameters
    ----------
    chunk
        A column chunk of texts or bytes, with a dictionary.
    read_at
        Returns so many bytes of the file from an offset on, or what there is.
    """
    header = _header(chunk, read_at)
    if header is None:
        return max(1, chunk.total_uncompressed_size)
    nbytes, stored_nbytes, num_values, header_nbytes = header
    if nbytes > _MOST_NBYTES or stored_nbytes > _MOST_NBYTES or chunk.compression not in CODECS:
        return max(1, nbytes)
    stored = read_at((chunk.dictionary_page_offset or 0) + header_nbytes, stored_nbytes)
    codec = CODECS[chunk.compression]
    try:
        values = stored if codec is None else pa.decompress(stored, nbytes, codec, asbytes=True)
    except (OSError, pa.ArrowException):
        return max(1, nbytes)  # whoever reads the column is told
    return _longest(values, num_values) or max(1, nbytes)


def _longest(values: bytes, num_values: int) -> int | None:
    """Return the length of the longest value; each stands behind its length, in four bytes, little end first."""
    if num_values <= 0 or len(values) < 4 * num_values:
        return None
    first = int.from_bytes(values[:4], "little")
    if len(values) == num_values * (4 + first):
        lines = np.frombuffer(values, np.uint8).reshape(num_values, 4 + first)
        if (lines[:, :4] == lines[0, :4]).all():
            return max(1, first)
    at = longest = 0
    for _ in range(num_values):
        length = int.from_bytes(values[at : at + 4], "little")
        at += 4 + length
        if at > len(values):
            return None
        longest = max(longest, length)
    return max(1, longest)


def _header(chunk: pq.ColumnChunkMetaData, read_at: _ReadAt) -> tuple[int, int, int, int] | None:
    """Return a dictionary's bytes, those stored, its number of values, and the bytes of the page's header.

    It is in Thrift's compact protocol: 1 the page's type, 2 and 3 the bytes, 4 a checksum if there is one, 7 what is
    said of a dictionary, of which 1 is the number of values.
    """
    bytes_ = read_at(chunk.dictionary_page_offset or 0, _HEADER_NBYTES)
    found: dict[tuple[int, ...], int] = {}
    at = 0
    path: list[int] = [0]
    try:
        while path:
            kind = bytes_[at] & 0x0F
            step = bytes_[at] >> 4
            at += 1
            if kind == 0:
                path.pop()
                continue
            if not step:
                step, at = _number(bytes_, at)
                path[-1] = step
            else:
                path[-1] += step
            if kind == _STRUCT:
                path.append(0)
            elif kind == _I32:
                found[tuple(path)], at = _number(bytes_, at)
            elif kind not in (1, 2):  # a truth value is in the kind
                return None
        if found[(1,)] != _DICTIONARY_PAGE:
            return None
        nbytes, stored_nbytes, num_values = found[(2,)], found[(3,)], found[(7, 1)]
    except (IndexError, KeyError):
        return None
    return None if min(nbytes, stored_nbytes) < 0 else (nbytes, stored_nbytes, num_values, at)


def _number(bytes_: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag varint, and where it ends."""
    number = shift = 0
    while True:
        byte = bytes_[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), at
