"""Types of files as the schema union sees them: without their physical variants, by kinds, and named for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

import pyarrow as pa

from engine.schema.exact import exact_kind
from engine.schema.paths import is_list

__all__ = ["are_texts", "kind_of", "plain_type", "type_text", "types_text"]

_UNSIGNED_AS = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.int64()}
_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("boolean", pa.types.is_boolean),
    ("integer", pa.types.is_signed_integer),
    ("float", pa.types.is_floating),
    ("string", pa.types.is_string),
    ("binary", pa.types.is_binary),
    ("time", lambda t: pa.types.is_timestamp(t) or pa.types.is_date(t)),
    ("struct", pa.types.is_struct),
    ("map", pa.types.is_map),
    ("list", is_list),
)


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Fold the physical variants of a type (dictionary, large, view, unsigned) into the one that we use."""
    if pa.types.is_dictionary(type_):
        return plain_type(type_.value_type)
    if isinstance(type_, pa.BaseExtensionType):
        return plain_type(type_.storage_type)
    if pa.types.is_map(type_) and not pa.types.is_string(plain_type(type_.key_type)):
        # Avro's maps have keys of text.
        key, value = type_.key_field.with_name("key"), type_.item_field.with_name("value")
        return pa.list_(pa.field("item", pa.struct([key, value]), nullable=False))
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    return _UNSIGNED_AS.get(type_, type_)


def are_texts(kinds: Set[str | None]) -> bool:
    """Whether what files have of these kinds meets as text."""
    return any(kinds <= {kind, "string"} for kind in ("time", "decimal", "time of day"))


def kind_of(type_: pa.DataType) -> str | None:
    """Return what a plain type is, regardless of its width and of what is inside it; None if it can't leave."""
    return next((name for name, test in _KINDS if test(type_)), exact_kind(type_))


def type_text(type_: pa.DataType) -> str:
    """Return how messages call a type."""
    if pa.types.is_struct(type_):
        return "a struct"
    if pa.types.is_map(type_):
        of_text = pa.types.is_string(plain_type(type_.key_type))
        return f"a map of {'' if of_text else f'{type_.key_type} to '}{type_.item_type}"
    return f"a list of {type_text(type_.value_type)}" if is_list(type_) else str(type_)


def types_text(types: Iterable[pa.DataType]) -> str:
    """Return how messages call several types: `int32 or string`."""
    return " or ".join(dict.fromkeys(type_text(type_) for type_ in types))
