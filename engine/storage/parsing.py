"""The footer of a Parquet file, parsed."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow._parquet import ParquetReader

from engine.storage.encryption import EncryptedError, has_encrypted_columns, schema_nbytes
from engine.storage.footer_check import check_footer

__all__ = ["ParsedFooter", "footer_crc", "footer_nbytes_of", "parse_footer"]

_SIGNATURE = b"PAR1"
_END_NBYTES = 8
"""After a footer come its length and the signature."""


@dataclass(frozen=True, kw_only=True)
class ParsedFooter:
    """What a file's footer says of it; alerts can't be read from this."""

    metadata: pq.FileMetaData
    _tail: bytes
    _start: int
    """Where the footer begins in the end of the file."""

    @property
    def nbytes(self) -> int:
        """Length of the footer."""
        return len(self._tail) - _END_NBYTES - self._start

    def has_crc(self, crc: str) -> bool:
        """Return whether its CRC-32, as `footer_crc` gives it, is this one."""
        return self.lies_as(crc) or footer_crc(self.metadata) == crc

    def lies_as(self, crc: str) -> bool:
        """Return whether it lies in the file as pyarrow writes one of this CRC-32 anew; most writers leave it so."""
        anew = memoryview(self._tail)[self._start :]
        return _text(zlib.crc32(anew, zlib.crc32(_SIGNATURE))) == crc

    def begins_with(self, some: bytes) -> bool:
        """Return whether the footer's first bytes are these."""
        return self._tail.startswith(some, self._start)

    def schema_bytes(self) -> bytes:
        """Return the footer's first bytes up to the end of Parquet's schema; none where that can't be told."""
        nbytes = schema_nbytes(memoryview(self._tail)[self._start : -_END_NBYTES])
        return self._tail[self._start : self._start + nbytes]

    def arrow_bytes(self) -> bytes:
        """Return what a footer repeats of Arrow's schema, which may name types that Parquet's own has no word for.

        Without what pandas wrote into it: the number of rows in the file.
        """
        held = self.metadata.metadata or {}
        arrow: bytes = held.get(b"ARROW:schema", b"")
        pandas = held.get(b"pandas")
        if not arrow or not pandas or not pandas.startswith(b"{"):
            return arrow
        try:
            plain = base64.b64decode(arrow)
        except ValueError:
            return arrow
        return plain.replace(pandas, b"") if plain.count(pandas) == 1 else arrow

    def arrow_schema(self) -> pa.Schema:
        """Return the schema that Arrow makes of it."""
        return pq.ParquetFile(pa.BufferReader(b""), metadata=self.metadata).schema_arrow


def parse_footer(tail: bytes, metadata: pq.FileMetaData | None = None, checked_crc: str | None = None) -> ParsedFooter:
    """Return what a file's footer says.

    Parameters
    ----------
    tail
        The end of the file, with the whole footer in it.
    metadata
        The same as Arrow has parsed it, if it has.
    checked_crc
        What `footer_crc` says of a footer that came out of here before: one that lies so is not checked once more.

    Raises
    ------
    EncryptedError
        If columns are encrypted.
    pyarrow.ArrowException, OSError
        If it is not Parquet, or says what Arrow ends the process at when it is asked for it.
    """
    footer_nbytes = footer_nbytes_of(tail)
    start = len(tail) - _END_NBYTES - footer_nbytes
    parsed = ParsedFooter(metadata=metadata or _metadata_of(tail), _tail=tail, _start=start)
    if checked_crc is None or not parsed.lies_as(checked_crc):
        if has_encrypted_columns(memoryview(tail)[start:-_END_NBYTES], parsed.metadata):
            raise EncryptedError("columns of it are encrypted")
        check_footer(tail[start:-_END_NBYTES], parsed.metadata)
    return parsed


def _metadata_of(tail: bytes) -> pq.FileMetaData:
    # Without `pq.read_metadata`, which works out all nested paths besides, a fifth of its time. What pickle makes
    # FileMetaData with does without a reader, but ends the process ("terminate called") at a footer that is damaged.
    reader = ParquetReader()
    reader.open(pa.BufferReader(tail))
    return reader.metadata


def footer_nbytes_of(tail: bytes) -> int:
    """Return the length of the footer that a file's end states, or 0 if it is not that of a Parquet file."""
    return int(struct.unpack("<I", tail[-8:-4])[0]) if len(tail) >= 8 and tail[-4:] == b"PAR1" else 0


def footer_crc(metadata: pq.FileMetaData) -> str:
    """Return the CRC-32 by which a footer is known again, as docs/wire-contract.md defines it."""
    footer = pa.BufferOutputStream()
    metadata.write_metadata_file(footer)
    return _text(zlib.crc32(footer.getvalue()))


def _text(crc: int) -> str:
    return f"{crc:08x}"
