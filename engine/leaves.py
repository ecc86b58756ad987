"""Leaves of a table that comes from one file, by their paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["combined", "descend", "existing"]


def existing(schema: pa.Schema, paths: Sequence[str]) -> list[str]:
    """Return the Parquet columns that hold these paths, as far as the file has them."""
    columns: dict[str, None] = {}
    for path in paths:
        root, *rest = path.split(".")
        if root not in schema.names:
            continue
        type_, column = schema.field(root).type, root
        for name in rest:
            if not pa.types.is_struct(type_):
                break  # a map: its keys are values, so the whole of it is read
            if type_.get_field_index(name) < 0:
                column = ""
                break
            type_, column = type_.field(name).type, f"{column}.{name}"
        if column:
            columns[column] = None
    # Parquet would read a column twice that is named with and within its parent.
    return [c for c in columns if not any(c.startswith(f"{other}.") for other in columns)]


def descend(sources: Mapping[str, pa.Array], path: str) -> pa.Array | None:
    root, *rest = path.split(".")
    array = sources.get(root)
    for depth, name in enumerate(rest):
        if array is None or pa.types.is_null(array.type):
            return None
        if pa.types.is_map(array.type):
            # A key may itself hold dots.
            key = pa.scalar(".".join(rest[depth:]), array.type.key_type)
            return pc.map_lookup(array, key, "first")
        if array.type.get_field_index(name) < 0:
            return None
        array = pc.struct_field(array, name)  # minds the nulls of the parent, unlike StructArray.field
    return array


def combined(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
