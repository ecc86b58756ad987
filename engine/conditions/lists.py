"""Predicates of lists' items, computed when a fragment's narrow table is read.

Of each list the leaves of its items are read (`input_schema`); they are laid out as a table with one row an item, the
predicate is computed on that, and what it says is gathered for each list (`with_predicates`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.conditions.direct import truth_of
from engine.conditions.frames import narrow_frame
from engine.schema import PREDICATES, ListLeaf, combined, list_leaf

__all__ = ["input_schema", "with_predicates"]

_MOST_ITEMS = 2**18
"""Items that are laid out at once: each takes a row of all that the predicate names."""


def input_schema(schema: pa.Schema) -> pa.Schema:
    """Return the leaves that have to be read for a narrow table: those of items in place of predicates of them."""
    fields: dict[str, pa.DataType] = {}
    for name, type_ in zip(schema.names, schema.types, strict=True):
        leaf = list_leaf(name)
        if leaf is None or leaf.function not in PREDICATES:
            fields[name] = type_
        else:
            fields[leaf.input.text] = leaf.input.items_type
    return pa.schema(list(fields.items()))


def with_predicates(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a narrow table in which the predicates of lists' items are computed.

    Parameters
    ----------
    table
        Of `input_schema(schema)`, and further columns that a predicate names; n rows.
    schema
        Of the result.
    """
    arrays = []
    for name in schema.names:
        leaf = list_leaf(name)
        if leaf is None or leaf.function not in PREDICATES or name in table.column_names:
            arrays.append(table[name])
        else:
            arrays.append(_computed(table, leaf))
    return pa.table(arrays, schema=schema)


def _computed(table: pa.Table, leaf: ListLeaf) -> pa.Array:
    lists = combined(table[leaf.input.text])
    counts = np.diff(lists.offsets.to_numpy())
    ends = np.cumsum(counts)
    parts, start = [], 0
    while start < len(lists):
        before = ends[start - 1] if start else 0
        end = max(int(np.searchsorted(ends, before + _MOST_ITEMS, side="right")), start + 1)
        outer = table.select(list(leaf.outer)).slice(start, end - start)
        parts.append(_gathered(lists.slice(start, end - start), outer, leaf))
        start = end
    return pa.concat_arrays(parts) if parts else pa.nulls(0, PREDICATES[leaf.function])


def _gathered(lists: pa.LargeListArray, outer: pa.Table, leaf: ListLeaf) -> pa.Array:
    num_lists = len(lists)
    owner = np.repeat(np.arange(num_lists), np.diff(lists.offsets.to_numpy()))
    is_true, is_unknown = truth_of(str(leaf.sql), narrow_frame(_laid_out(lists, owner, outer, leaf)))

    def per_list(of_item: np.ndarray) -> np.ndarray:
        return np.bincount(owner[of_item], minlength=num_lists)

    missing = lists.is_null().to_numpy(zero_copy_only=False)
    if leaf.function == "count":
        return pa.array(per_list(is_true).astype(np.int32), mask=missing)
    if leaf.function == "exists":
        found = per_list(is_true) > 0
        return pa.array(found, mask=missing | (~found & (per_list(is_unknown) > 0)))
    refuted = per_list(~is_true & ~is_unknown) > 0
    return pa.array(~refuted, mask=missing | (~refuted & (per_list(is_unknown) > 0)))


def _laid_out(lists: pa.LargeListArray, owner: np.ndarray, outer: pa.Table, leaf: ListLeaf) -> pa.Table:
    """Return a table with a row for each item: its leaves, and those of what its list belongs to."""
    items = lists.flatten()
    columns = {name: items.field(i) for i, name in enumerate(items.type.names)}
    rows = pa.array(owner)
    columns |= {name: combined(outer[name]).take(rows) for name in outer.column_names}
    fields = dict(leaf.leaves) | {name: outer.schema.field(name).type for name in outer.column_names}
    return with_predicates(pa.table(columns), pa.schema(list(fields.items())))
