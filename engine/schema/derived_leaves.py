"""Leaves of the narrow table that no file has as they are, and the computing of leaves from what a file has.

`size(prv_candidates)` holds the numbers of items, `present(lc_features_g)` true where there is a struct, and both hold
null where there is none: so they are null wherever a file lacks the column, as every other leaf is. What can't be
compared, such as a decimal, is tested by `present` as well. `list_leaves` has those of lists' items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.schema.conforming import conform
from engine.schema.list_leaves import DERIVED_TYPES, ListLeaf, item_column_pattern, list_leaf, split_leaf
from engine.schema.paths import descend, existing, is_list, lengths, names_along, stored, type_at

__all__ = ["columns_for", "compute_leaves"]


def _column_for(schema: pa.Schema, leaf: str) -> str:
    """Return the path that has to be read of a file for a leaf outside of lists.

    Whether a struct is there is told by any one of its fields, so the first is read and not all.
    """
    function, path = split_leaf(leaf)
    if function != "present":
        return path
    type_ = type_at(schema, path)
    while type_ is not None and pa.types.is_struct(type_) and type_.num_fields:
        path, type_ = f"{path}.{type_.field(0).name}", type_.field(0).type
    return path


def _patterns_for(schema: pa.Schema, leaf: str) -> list[re.Pattern[str]]:
    """Return patterns of the Parquet columns that a leaf needs, the first of which that fits is taken.

    How many items a list has, none or no list at all, is told by any one field of its items: by the narrowest number.
    """
    of_list = list_leaf(leaf)
    if of_list is not None:
        return list(of_list.column_patterns())
    function, path = split_leaf(leaf)
    type_ = type_at(schema, path) if function == "size" else None
    if type_ is None or not is_list(type_) or not pa.types.is_struct(type_.value_type):
        return []
    numbers = [f for f in type_.value_type if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
    numbers.sort(key=lambda field: field.type.bit_width)
    return [item_column_pattern(path, field.name) for field in numbers[:1]]


def columns_for(schema: pa.Schema, parquet: pq.ParquetSchema, leaves: Sequence[str]) -> list[str]:
    """Return the Parquet columns of a file that hold what leaves need, as far as the file has them.

    Parameters
    ----------
    schema
        The file's Arrow schema.
    parquet
        Its Parquet schema, whose columns have paths such as `prv_candidates.list.element.magpsf`.
    leaves
        Paths and derived leaves.
    """
    columns: dict[str, None] = {}
    paths: list[str] = []
    for leaf in leaves:
        patterns = _patterns_for(schema, leaf)
        if patterns:
            paths = paths or [parquet.column(i).path for i in range(len(parquet))]
        ways = ([path for path in paths if pattern.match(path)] for pattern in patterns)
        found = next(filter(None, ways), [])
        columns.update(dict.fromkeys(found or existing(schema, [_column_for(schema, leaf)])))
    # Parquet would read a column twice that is named with and within its parent.
    return [c for c in columns if not any(c.startswith(f"{other}.") for other in columns)]


def compute_leaves(
    sources: Mapping[str, pa.Array],
    leaves: Sequence[str],
    types: Sequence[pa.DataType],
    num_rows: int,
    place: str,
) -> list[pa.Array]:
    """Return leaves of some rows, each of its type; what is not there is null.

    Parameters
    ----------
    sources
        Root column -> its values, shape (num_rows,).
    leaves
        Paths, and derived leaves but predicates of items, whose inputs are computed here.
    types
        Type of each leaf.
    place
        The file, for errors.
    """
    schema = pa.schema([(name, array.type) for name, array in sources.items()])
    arrays = []
    for leaf, type_ in zip(leaves, types, strict=True):
        function, path = split_leaf(leaf)
        found = descend(sources, names_along(schema, path))
        if found is None or pa.types.is_null(found.type):
            arrays.append(pa.nulls(num_rows, type_))
        elif function is None:
            arrays.append(conform(found, type_, leaf, place))
        else:
            arrays.append(_derived(function, found, leaf, type_, place))
    return arrays


def _derived(function: str, column: pa.Array, leaf: str, type_: pa.DataType, place: str) -> pa.Array:
    if function == "size":
        return lengths(column).cast(DERIVED_TYPES["size"])
    if function == "present":
        return pc.if_else(column.is_valid(), pa.scalar(True), pa.scalar(None, pa.bool_()))
    of_list = list_leaf(leaf)
    while isinstance(column, pa.ExtensionArray):
        column = column.storage
    if of_list is None or not is_list(stored(column.type)):
        raise TypeError(f"{leaf} is not computed of a column of type {column.type}")
    if function == "at":
        return _item_at(column, of_list, type_, place)
    return _items(column, of_list, type_, place)


def _item_at(column: pa.Array, of_list: ListLeaf, type_: pa.DataType, place: str) -> pa.Array:
    if of_list.index < 0:
        return pa.nulls(len(column), type_)
    counts = pc.fill_null(lengths(column), 0).cast(pa.int64())
    starts = pc.subtract(pc.cumulative_sum(counts), counts)
    is_there = pc.greater(counts, of_list.index)
    at = pc.if_else(is_there, pc.add(starts, of_list.index), pa.scalar(None, pa.int64()))
    item = descend({"": pc.list_flatten(column).take(at)}, ["", *of_list.inside])
    sources = {} if item is None else {of_list.item: item}
    return compute_leaves(sources, list(of_list.leaves), [type_], len(column), place)[0]


def _items(column: pa.Array, of_list: ListLeaf, type_: pa.DataType, place: str) -> pa.Array:
    """Return, of each list, its items as structs whose fields are the leaves that are asked of them."""
    counts = pc.fill_null(lengths(column), 0).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(counts)])
    items = pc.list_flatten(column)
    item = descend({"": items}, ["", *of_list.inside])
    fields = list(type_.value_type)
    sources = {} if item is None else {of_list.item: item}
    arrays = compute_leaves(sources, [f.name for f in fields], [f.type for f in fields], len(items), place)
    structs = pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.LargeListArray.from_arrays(offsets, structs, type=type_, mask=column.is_null())
