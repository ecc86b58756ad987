"""Leaves of one file, by their paths: in its schema, among its Parquet columns, in a table that was read from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.paths import is_list, names_along, stored

__all__ = ["combined", "existing", "lengths", "readable_together", "type_at"]


def type_at(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Return the type that a file has at a path, or None where it has nothing: no such field, or one of type null.

    A map answers for every key, since which keys it has is data; a list answers for the fields of its items.
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
        inside = type_ is not None and pa.types.is_struct(type_) and type_.get_field_index(name) >= 0
        type_ = type_.field(name).type if inside else None
    return None if type_ is None or pa.types.is_null(type_) else type_


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
