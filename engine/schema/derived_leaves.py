"""Leaves of the narrow table that no file has as they are: the length of a list, and whether something is there at all.

`size(prv_candidates)` holds the numbers of items, `present(lc_features_g)` true where there is a struct, and both hold
null where there is none: so they are null wherever a file lacks the column, as every other leaf is. What can't be
compared, such as a decimal, is tested by `present` as well.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from engine.schema.paths import lengths, type_at

__all__ = ["DERIVED_TYPES", "column_for", "compute_leaf", "split_leaf"]

DERIVED_TYPES = {"size": pa.int32(), "present": pa.bool_()}
"""Function -> type of what it gives."""

_DERIVED = re.compile(rf"({'|'.join(DERIVED_TYPES)})\((.+)\)", re.DOTALL)


def split_leaf(leaf: str) -> tuple[str | None, str]:
    """Return (function, path) of a derived leaf, and (None, leaf) of any other."""
    match = _DERIVED.fullmatch(leaf)
    return (match[1], match[2]) if match else (None, leaf)


def column_for(schema: pa.Schema, leaf: str) -> str:
    """Return the path that has to be read of a file for a leaf.

    Whether a struct is there is told by any one of its fields, so the first is read and not all.
    """
    function, path = split_leaf(leaf)
    if function != "present":
        return path
    type_ = type_at(schema, path)
    while type_ is not None and pa.types.is_struct(type_) and type_.num_fields:
        path, type_ = f"{path}.{type_.field(0).name}", type_.field(0).type
    return path


def compute_leaf(function: str, column: pa.Array) -> pa.Array:
    """Return a derived leaf of a column, for size one of lists or maps, in its type of `DERIVED_TYPES`."""
    if function == "size":
        return lengths(column).cast(DERIVED_TYPES["size"])
    return pc.if_else(column.is_valid(), pa.scalar(True), pa.scalar(None, pa.bool_()))
