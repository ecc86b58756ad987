"""Thrift's compact protocol, as far as it takes to walk through a footer without Arrow.

Whoever walks catches IndexError and RecursionError: bytes that end too early, or nest without end, are no footer.
"""

from __future__ import annotations

__all__ = ["BINARY", "I32", "I64", "LIST", "STRUCT", "after", "field_number", "list_header", "number_at", "varint_at"]

_TRUE, _FALSE, _BYTE, _I16, I32, I64, _DOUBLE, BINARY, LIST, _SET, _MAP, STRUCT, _UUID = range(1, 14)

_Bytes = bytes | memoryview


def field_number(data: _Bytes, at: int, before: int) -> tuple[int, int]:
    """Return the number of the field whose header is here, and where the header ends."""
    if step := data[at] >> 4:
        return before + step, at + 1
    return number_at(data, at + 1)


def varint_at(data: _Bytes, at: int) -> tuple[int, int]:
    """Return a number without sign, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def number_at(data: _Bytes, at: int) -> tuple[int, int]:
    """Return a number with its sign, and where it ends."""
    zigzag, at = varint_at(data, at)
    return zigzag >> 1 ^ -(zigzag & 1), at


def list_header(data: _Bytes, at: int) -> tuple[int, int, int]:
    """Return the kind of a list's items, how many there are, and where the first begins."""
    kind, length = data[at] & 0x0F, data[at] >> 4
    at += 1
    if length == 15:
        length, at = varint_at(data, at)
    return kind, length, at


def after(data: _Bytes, at: int, kind: int, *, in_list: bool = False) -> int:
    """Return where a value ends."""
    if kind in (_TRUE, _FALSE):
        return at + in_list  # a struct's field has it in its header
    if kind == _BYTE:
        return at + 1
    if kind in (_I16, I32, I64):
        return varint_at(data, at)[1]
    if kind == _DOUBLE:
        return at + 8
    if kind == _UUID:
        return at + 16
    if kind == BINARY:
        length, at = varint_at(data, at)
        return at + length
    if kind in (LIST, _SET):
        kind, length, at = list_header(data, at)
        for _ in range(length):
            at = after(data, at, kind, in_list=True)
        return at
    if kind == _MAP:
        return _after_map(data, at)
    if kind != STRUCT:
        raise IndexError(f"no Thrift type: {kind}")
    while kind := data[at] & 0x0F:
        at = after(data, field_number(data, at, 0)[1], kind)
    return at + 1


def _after_map(data: _Bytes, at: int) -> int:
    length, at = varint_at(data, at)
    if not length:
        return at
    key, value = data[at] >> 4, data[at] & 0x0F
    at += 1
    for _ in range(length):
        at = after(data, after(data, at, key, in_list=True), value, in_list=True)
    return at
