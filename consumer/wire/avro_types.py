"""Avro types and Arrow types, in both directions: what a column is written as, and what is made of it again.

Several Arrow types are written as one Avro type; the way back leads to the one that holds every value of it.
"""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa

__all__ = ["arrow_type", "avro_type"]

_ARROW_OF = MappingProxyType(
    {
        "boolean": pa.bool_(),
        "int": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "string": pa.string(),
        "bytes": pa.binary(),
        "null": pa.null(),
        # The number of a symbol is on the wire; a column has the symbol.
        "enum": pa.string(),
    }
)

_AVRO_OF = MappingProxyType(
    {
        pa.bool_(): "boolean",
        pa.int8(): "int",
        pa.int16(): "int",
        pa.int32(): "int",
        pa.uint8(): "int",
        pa.uint16(): "int",
        pa.int64(): "long",
        pa.uint32(): "long",
        pa.float16(): "float",
        pa.float32(): "float",
        pa.float64(): "double",
        pa.string(): "string",
        pa.large_string(): "string",
        pa.string_view(): "string",
        pa.binary(): "bytes",
        pa.large_binary(): "bytes",
        pa.binary_view(): "bytes",
        # A column that is null in every row tells no type; readers get the one that holds anything.
        pa.null(): "string",
    }
)

_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def arrow_type(avro: str) -> pa.DataType | None:
    """Return the Arrow type of an Avro type that has no types inside it, or None if there is none of this name."""
    return _ARROW_OF.get(avro)


def avro_type(arrow: pa.DataType) -> str | None:
    """Return the Avro type that an Arrow type becomes, without what is inside it, or None if it has no place."""
    if pa.types.is_dictionary(arrow):
        return avro_type(arrow.value_type)
    if pa.types.is_struct(arrow):
        return "record"
    if pa.types.is_map(arrow):
        return "map"
    if any(is_list(arrow) for is_list in _LISTS):
        return "array"
    if pa.types.is_fixed_size_binary(arrow):
        return "bytes"
    return _AVRO_OF.get(arrow)
