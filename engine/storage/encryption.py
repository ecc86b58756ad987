"""Whether a Parquet file is encrypted, and where its schema ends, told from its footer's bytes.

Arrow ends the process ("terminate called") when the metadata of an encrypted column is read without a key, and offers
no way to check before. So the footer is looked at here: a file with encrypted columns names the
algorithm in field 8 of its FileMetaData (parquet.thrift), in Thrift's compact protocol.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.thrift import LIST, STRUCT, after, field_number

__all__ = ["EncryptedError", "has_encrypted_columns", "schema_nbytes"]

_SCHEMA_FIELD, _ALGORITHM_FIELD = 2, 8
_TYPE_ORDER = b"\x1c\x00\x00"


class EncryptedError(pa.ArrowInvalid):
    """A Parquet file, or columns of it, is encrypted."""


def has_encrypted_columns(footer: memoryview, metadata: pq.FileMetaData) -> bool:
    """Return whether a file has encrypted columns.

    Parameters
    ----------
    footer
        The FileMetaData as it stands in the file, with the signature that follows it in an encrypted file.
    metadata
        The same, parsed by Arrow.

    Raises
    ------
    pyarrow.ArrowInvalid
        If the footer is not what parquet.thrift says.
    """
    # To walk through a footer costs milliseconds for each row group: only one that does not end as a plain one does.
    if len(footer) == metadata.serialized_size and _ends_plainly(footer, metadata):
        return False
    try:
        return _ALGORITHM_FIELD in _fields(footer)
    except (IndexError, RecursionError) as exc:
        raise pa.ArrowInvalid("its footer can't be parsed") from exc


def schema_nbytes(footer: memoryview) -> int:
    """Return how many bytes a footer has up to the end of Parquet's schema, or 0 where that can't be told."""
    at = number = 0
    try:
        while number < _SCHEMA_FIELD and (kind := footer[at] & 0x0F):
            number, at = field_number(footer, at, number)
            at = after(footer, at, kind)
    except (IndexError, RecursionError):
        return 0
    return at if number == _SCHEMA_FIELD else 0


def _ends_plainly(footer: memoryview, metadata: pq.FileMetaData) -> bool:
    """Return whether the last field names the columns' orders or the file's writer: both come before the algorithm."""
    num_columns = metadata.num_columns
    long = num_columns >= 15
    header = bytes([0xF0 | STRUCT]) + _varint(num_columns) if long else bytes([num_columns << 4 | STRUCT])
    orders = header + _TYPE_ORDER * num_columns + b"\0"
    before = len(footer) - len(orders) - 1
    if before >= 0 and footer[before + 1 :] == orders and footer[before] & 0x0F == LIST:
        return True
    writer = (metadata.created_by or "").encode()
    writer = _varint(len(writer)) + writer + b"\0"
    return footer[len(footer) - len(writer) :] == writer


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def _fields(footer: memoryview) -> set[int]:
    """Return the numbers of a struct's fields."""
    found, at, number = set(), 0, 0
    while kind := footer[at] & 0x0F:
        number, at = field_number(footer, at, number)
        found.add(number)
        at = after(footer, at, kind)
    return found
