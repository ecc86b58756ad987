"""The leaves that a condition can compare: their names, the types they are compared in, and names that resemble one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from engine.schema import origin_of

__all__ = ["nearest", "scalar_leaves", "simple_type"]


def scalar_leaves(schema: pa.Schema) -> Iterator[str]:
    """Yield the full path of every leaf that a condition can name (but a map's keys)."""

    def walk(fields: Sequence[pa.Field], prefix: str) -> Iterator[str]:
        for field in fields:
            if pa.types.is_struct(field.type):
                yield from walk(list(field.type.fields), f"{prefix}{field.name}.")
            elif simple_type(field.type) is not None and not origin_of(field):
                yield prefix + field.name

    return walk(list(schema), "")


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that resemble a name, best first: those that end in it, then those that are spelled alike."""
    last = name.lower().rpartition(".")[2]
    lowered: dict[str, str] = {}
    for known in names:
        lowered.setdefault(known.lower(), known)
    ending = [known for low, known in lowered.items() if low.rpartition(".")[2] == last]
    alike = [lowered[low] for low in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    lasts: dict[str, str] = {}
    for low, known in lowered.items():
        lasts.setdefault(low.rpartition(".")[2], known)
    alike += [lasts[low] for low in difflib.get_close_matches(last, lasts, n=3, cutoff=0.7)]
    return list(dict.fromkeys(ending + alike))[:5]


def simple_type(type_: pa.DataType) -> pa.DataType | None:
    """Return the type in which values of a type are compared; None where they can't be."""
    types = pa.types
    if types.is_dictionary(type_):
        return simple_type(type_.value_type)
    if types.is_floating(type_) or types.is_decimal(type_) or types.is_uint64(type_):
        return pa.float64()
    if types.is_unsigned_integer(type_):
        return {8: pa.int16(), 16: pa.int32(), 32: pa.int64()}[type_.bit_width]
    if types.is_signed_integer(type_) or types.is_boolean(type_):
        return type_
    if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
        return pa.string()
    if types.is_timestamp(type_) or types.is_date(type_) or types.is_null(type_):
        return pa.string()
    return None
