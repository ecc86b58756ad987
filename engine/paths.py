"""Paths of fields such as `candidate.magpsf`: the names along them, and what columns hold there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["descend", "is_list", "names_along", "stored"]


def names_along(schema: pa.Schema, path: str) -> list[str]:
    """Return the names along a path, from the root down; a name may itself hold dots.

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
    while is_list(type_ := stored(type_)):
        type_ = type_.value_type
    return type_ if pa.types.is_struct(type_) else None


def is_list(type_: pa.DataType) -> bool:
    """Return whether a type is a list of one of the kinds that Parquet files have."""
    return isinstance(
        type_, pa.ListType | pa.LargeListType | pa.FixedSizeListType | pa.ListViewType | pa.LargeListViewType
    )


def stored(type_: pa.DataType) -> pa.DataType:
    """Return what an extension type stores if fields are inside it, any other type as it is."""
    while isinstance(type_, pa.BaseExtensionType) and pa.types.is_nested(type_.storage_type):
        type_ = type_.storage_type
    return type_


def descend(sources: Mapping[str, pa.Array], names: Sequence[str]) -> pa.Array | None:
    """Return what lies at the end of `names_along` in root columns, struct or map; None where there is nothing."""
    root, *rest = names
    array = sources.get(root)
    for depth, name in enumerate(rest):
        while isinstance(array, pa.ExtensionArray):
            array = array.storage
        if array is None or pa.types.is_null(array.type):
            return None
        if pa.types.is_map(array.type):
            inside = pa.types.is_nested(array.type.item_type)
            # A key may itself hold dots, where nothing lies below it.
            key = pa.scalar(name if inside else ".".join(rest[depth:]), array.type.key_type)
            array = pc.map_lookup(array, key, "first")
            if not inside:
                break
            continue
        if array.type.get_field_index(name) < 0:
            return None
        array = pc.struct_field(array, name)  # minds the nulls of the parent, unlike StructArray.field
    return array
