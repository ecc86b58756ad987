"""Paths of fields: the names along `candidate.magpsf`, where a name may itself hold dots."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["is_list", "names_along"]


def names_along(schema: pa.Schema, path: str) -> list[str]:
    """Return the names along a path, from the root down.

    Where a schema has both a field `a.b` and a struct `a` with a field `b`, the first is meant. What the schema does
    not have, and the keys of a map, are cut at each dot.
    """
    parts, names = path.split("."), []
    members: pa.Schema | pa.StructType | None = schema
    while len(parts) > 1 and members is not None:
        for end in range(len(parts), 0, -1):
            name = ".".join(parts[:end])
            if members.get_field_index(name) >= 0:
                break
        else:
            break
        names.append(name)
        parts, members = parts[end:], _members(members.field(name).type)
    return [*names, *parts]


def _members(type_: pa.DataType) -> pa.StructType | None:
    while is_list(type_):
        type_ = type_.value_type
    return type_ if pa.types.is_struct(type_) else None


def is_list(type_: pa.DataType) -> bool:
    """Return whether a type is a list of one of the kinds that Parquet files have."""
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
