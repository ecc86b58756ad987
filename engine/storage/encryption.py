"""Whether a Parquet file is encrypted, and where its schema ends, told from its footer's bytes.

Arrow ends the process ("terminate called") when the metadata of an encrypted column is read without a key, and offers
no way to check before. So the footer is looked at here: a file with encrypted columns names the
algorithm in field 8 of its FileMetaData (parquet.thrift), in Thrift's compact protocol.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["EncryptedError", "has_encrypted_columns", "schema_nbytes"]

_SCHEMA_FIELD, _ALGORITHM_FIELD = 2, 8
_TYPE_ORDER = b"\x1c\x00\x00"
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = range(1, 14)


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
            number, at = _field_number(footer, at, number)
            at = _after(footer, at, kind)
    except (IndexError, RecursionError):
        return 0
    return at if number == _SCHEMA_FIELD else 0


def _ends_plainly(footer: memoryview, metadata: pq.FileMetaData) -> bool:
    """Return whether the last field names the columns' orders or the file's writer: both come before the algorithm."""
    num_columns = metadata.num_columns
    long = num_columns >= 15
    header = bytes([0xF0 | _STRUCT]) + _varint(num_columns) if long else bytes([num_columns << 4 | _STRUCT])
    orders = header + _TYPE_ORDER * num_columns + b"\0"
    before = len(footer) - len(orders) - 1
    if before >= 0 and footer[before + 1 :] == orders and footer[before] & 0x0F == _LIST:
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
        number, at = _field_number(footer, at, number)
        found.add(number)
        at = _after(footer, at, kind)
    return found


def _field_number(data: memoryview, at: int, before: int) -> tuple[int, int]:
    """Return the number of the field whose header is here, and where the header ends."""
    if step := data[at] >> 4:
        return before + step, at + 1
    zigzag, at = _read_varint(data, at + 1)
    return zigzag >> 1 ^ -(zigzag & 1), at


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _after(data: memoryview, at: int, kind: int, *, in_list: bool = False) -> int:
    """Return where a value ends."""
    if kind in (_TRUE, _FALSE):
        return at + in_list  # a struct's field has it in its header
    if kind == _BYTE:
        return at + 1
    if kind in (_I16, _I32, _I64):
        return _read_varint(data, at)[1]
    if kind == _DOUBLE:
        return at + 8
    if kind == _UUID:
        return at + 16
    if kind == _BINARY:
        length, at = _read_varint(data, at)
        return at + length
    if kind in (_LIST, _SET):
        return _after_list(data, at)
    if kind == _MAP:
        return _after_map(data, at)
    if kind != _STRUCT:
        raise IndexError(f"no Thrift type: {kind}")
    while kind := data[at] & 0x0F:
        at = _after(data, _field_number(data, at, 0)[1], kind)
    return at + 1


def _after_list(data: memoryview, at: int) -> int:
    kind, length = data[at] & 0x0F, data[at] >> 4
    at += 1
    if length == 15:
        length, at = _read_varint(data, at)
    for _ in range(length):
        at = _after(data, at, kind, in_list=True)
    return at


def _after_map(data: memoryview, at: int) -> int:
    length, at = _read_varint(data, at)
    if not length:
        return at
    key, value = data[at] >> 4, data[at] & 0x0F
    at += 1
    for _ in range(length):
        at = _after(data, _after(data, at, key, in_list=True), value, in_list=True)
    return at
