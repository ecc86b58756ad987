"""Paths of fields such as `candidate.magpsf`: the names along them, their types and columns in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "combined",
    "descend",
    "existing",
    "has_path",
    "is_list",
    "lengths",
    "names_along",
    "readable_together",
    "stored",
    "type_at",
    "with_type",
]


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
        array = pc.struct_field(array, name)  # keeps the nulls of the parent, unlike StructArray.field
    return array


def type_at(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Return the type that a file has at a path, or None where it has nothing: no such field, or one of type null.

    A map has this type at every key, since its keys are data; a list has that of its items' fields.
    """
    root, *rest = names_along(schema, path)
    # Asked for each leaf of each file of a plan: the list of the schema's names is slow to make.
    index = schema.get_field_index(root)
    type_: pa.DataType | None = schema.field(index).type if index >= 0 else None
    for name in rest:
        while type_ is not None and is_list(type_ := stored(type_)):
            type_ = type_.value_type
        if type_ is not None and pa.types.is_map(type_):
            type_ = type_.item_type
            break
        if type_ is not None:
            inside = pa.types.is_struct(type_) and type_.get_field_index(name) >= 0
            type_ = type_.field(name).type if inside else None
    return None if type_ is None or pa.types.is_null(type_) else type_


def has_path(schema: pa.Schema, path: str) -> bool:
    """Return whether files of a schema have a root column, or what lies in structs of it."""
    root, *rest = names_along(schema, path)
    type_ = schema.field(root).type if root in schema.names else None
    for name in rest:
        if type_ is None or pa.types.is_null(type_):  # null in every alert: there, and of no type
            break
        type_ = type_.field(name).type if pa.types.is_struct(type_) and type_.get_field_index(name) >= 0 else None
    return type_ is not None


def with_type(schema: pa.Schema, path: str, type_: pa.DataType) -> pa.Schema:
    """Return a schema in which the field at a path, through structs, has another type."""

    def changed(fields: Sequence[pa.Field], names: Sequence[str]) -> list[pa.Field]:
        name, *rest = names
        return [
            field
            if field.name != name
            else field.with_type(pa.struct(changed(list(field.type), rest)) if rest else type_)
            for field in fields
        ]

    return pa.schema(changed(list(schema), names_along(schema, path)))


def existing(schema: pa.Schema, paths: Sequence[str]) -> list[str]:
    """Return the Parquet columns that hold these paths, as far as the file has them."""
    columns: dict[str, None] = {}
    for path in paths:
        root, *rest = names_along(schema, path)
        if root not in schema.names:
            continue
        type_, column = schema.field(root).type, root
        found = True
        for name in rest:
            if not pa.types.is_struct(type_):
                break  # a map: its keys are values, so the whole of it is read
            if type_.get_field_index(name) < 0:
                found = False
                break
            type_, column = type_.field(name).type, f"{column}.{name}"
        if found:
            columns[column] = None
    # Parquet would read a column twice that is named with and within its parent.
    return [c for c in columns if not any(c.startswith(f"{other}.") for other in columns)]


def readable_together(schema: pa.Schema, columns: Sequence[str], row_groups: Sequence[int]) -> list[list[int]]:
    """Return the row groups in parts, each of which Arrow can read in one call.

    It can't read a dictionary inside a struct or a list across row groups, since each has a dictionary of its own.
    """
    roots = {names_along(schema, column)[0] for column in columns}
    alone = any(_has_dictionary(child) for root in roots for child in _children(schema.field(root).type))
    return [[group] for group in row_groups] if alone else [list(row_groups)]


def _children(type_: pa.DataType) -> list[pa.DataType]:
    return [type_.field(i).type for i in range(type_.num_fields)]


def _has_dictionary(type_: pa.DataType) -> bool:
    return pa.types.is_dictionary(type_) or any(map(_has_dictionary, _children(type_)))


def lengths(array: pa.Array) -> pa.Array:
    """Return the number of items of each list, or of entries of each map; null where there is none."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_map(array.type):
        return pa.array(np.diff(array.offsets.to_numpy()), mask=array.is_null().to_numpy(zero_copy_only=False))
    return pc.list_value_length(array)


def combined(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
