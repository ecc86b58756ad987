"""Leaves of alerts as columns of their own: where one stands in the schema union, its type, its values in a block.

A leaf may stand in structs, behind the key of a map, or in the items of a list. In a list it comes out as the list of
what the items have there: null where the list is null, as long as the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.schema.conforming import conform
from engine.schema.paths import descend, is_list, names_along, stored
from engine.schema.unsettled import check_settled

__all__ = ["leaf_at", "leaf_values", "paths_in", "plain_path"]

_KEY = re.compile(r"""\[\s*(['"])(.*?)\1\s*\]""")
_QUOTED = re.compile(r"(?<![^.])`([^`]+)`(?![^.])")


def plain_path(text: str) -> str:
    """Return a path without what conditions and lists of fields write around names.

    `` mangrove.`2MASS_name` ``, `mangrove['2MASS_name']` and `prv_candidates[].magpsf` all lose their signs.
    """
    return _QUOTED.sub(r"\1", _KEY.sub(r".\2", text.strip()).replace("[]", ""))


def leaf_at(union: pa.Schema, path: str) -> pa.Field | None:
    """Return the field that lies at a path in a schema union; None where there is none.

    Its name is the last along the path. Of a leaf in a list it is a list, of one in a list of lists a list of lists.

    Raises
    ------
    ArchiveError
        If what it would be inside of is not settled.
    """
    root, *rest = names_along(union, path)
    if root not in union.names:
        return None
    return _inside(union.field(root), rest)


def _inside(field: pa.Field, rest: Sequence[str]) -> pa.Field | None:
    if not rest:
        return field
    if not pa.types.is_nested(field.type):
        check_settled(field.type)
    if pa.types.is_struct(field.type):
        if field.type.get_field_index(rest[0]) < 0:
            return None
        found = _inside(field.type.field(rest[0]), rest[1:])
        # A leaf is null wherever its parent is.
        return None if found is None else found.with_nullable(True)
    if pa.types.is_map(field.type):
        item = field.type.item_field
        # What a map has beside structs ends there: its key may itself hold dots.
        found = _inside(item, rest[1:]) if pa.types.is_struct(item.type) else item.with_name(".".join(rest))
        return None if found is None else found.with_nullable(True)
    if is_list(field.type):
        found = _inside(field.type.value_field, rest)
        return None if found is None else pa.field(found.name, pa.list_(found.with_name("item")), field.nullable)
    return None


def leaf_values(
    columns: Mapping[str, pa.Array], names: Sequence[str], field: pa.Field, path: str, file: str
) -> pa.Array | None:
    """Return the values of a leaf in root columns of a file, shape (n,); None where the file has no such leaf.

    Parameters
    ----------
    columns
        Root columns of the file, shape (n,) each.
    names
        Names along the leaf's path, as the file has them.
    field
        The leaf as `leaf_at` gives it.
    path, file
        For messages.

    Raises
    ------
    ArchiveError
        If a value in a list would be lost on its way into the type of the field.
    """
    depth = _names_to_list(columns[names[0]].type, names) if names[0] in columns else None
    if depth is None:
        return descend(columns, names)
    lists = descend(columns, names[:depth])
    if lists is None:
        return None
    # Only the leaf of each item is brought into the union's type, by the union's own rules.
    narrowed = _narrowed(lists.type, names[depth:], field)
    return _taken_out(conform(lists, narrowed, path, file), names[depth:])


def _names_to_list(type_: pa.DataType, names: Sequence[str]) -> int | None:
    """Return how many of the names lead to the first list, which more of them lie in; None where there is none."""
    for depth in range(1, len(names)):
        type_ = stored(type_)
        if is_list(type_):
            return depth
        if pa.types.is_map(type_):
            type_ = type_.item_type
        elif pa.types.is_struct(type_) and type_.get_field_index(names[depth]) >= 0:
            type_ = type_.field(names[depth]).type
        else:
            return None
    return None


def _narrowed(type_: pa.DataType, rest: Sequence[str], field: pa.Field) -> pa.DataType:
    """Return the type of a list whose items have one leaf and nothing beside it, in the type that the field has."""
    if not rest:
        return field.type
    type_ = stored(type_)
    if is_list(type_):
        return pa.list_(pa.field("item", _narrowed(type_.value_type, rest, field.type.value_field)))
    member = type_.field(rest[0]).type if _has(type_, rest[0]) else pa.null()
    inside = field.type if len(rest) == 1 else _narrowed(member, rest[1:], field)
    return pa.struct([pa.field(rest[0], inside, metadata=field.metadata)])


def _has(type_: pa.DataType, name: str) -> bool:
    return pa.types.is_struct(type_) and type_.get_field_index(name) >= 0


def _taken_out(array: pa.Array, rest: Sequence[str]) -> pa.Array:
    if pa.types.is_list(array.type) and rest:
        counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
        return pa.ListArray.from_arrays(offsets, _taken_out(array.flatten(), rest), mask=array.is_null())
    return _taken_out(pc.struct_field(array, rest[0]), rest[1:]) if rest else array


def paths_in(union: pa.Schema) -> Iterator[str]:
    """Yield the paths of all leaves of a schema union, also those in lists; of a map the map's alone."""

    def walk(fields: Sequence[pa.Field], prefix: str) -> Iterator[str]:
        for field in fields:
            type_ = stored(field.type)
            while is_list(type_):
                type_ = stored(type_.value_type)
            if pa.types.is_struct(type_):
                yield from walk(list(type_), f"{prefix}{field.name}.")
            else:
                yield prefix + field.name

    yield from walk(list(union), "")
