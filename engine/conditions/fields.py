"""The fields that a condition can name: every scalar leaf of the archive's schema, lengths of lists and their items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.conditions.field_errors import (
    FieldError,
    check_comparable,
    check_settled,
    not_scalar,
    of_list,
    unknown_field,
)
from engine.conditions.scalar_leaves import simple_type
from engine.errors import ConditionError
from engine.schema import (
    DERIVED_TYPES,
    ListLeaf,
    is_list,
    list_leaf,
    names_along,
    origin_of,
    split_leaf,
    time_of,
)

__all__ = ["Items", "find_items", "find_leaf", "find_length", "find_nested", "leaf_type"]


def leaf_type(schema: pa.Schema, leaf: str) -> pa.DataType:
    """Return the type in which a leaf is compared, whatever the nights chosen.

    Floats are float64, whole numbers keep their width, texts, times and all-null columns are string; a value of a map
    is what the map's values are; of the derived leaves, the length of a list (`size(prv_candidates)`) is int32, and
    whether a struct, a map or a decimal is there (`present(mangrove)`) is boolean. A leaf of a list's items has the
    type that it names.

    Parameters
    ----------
    schema
        The job's union schema.
    leaf
        Full path, such as `candidate.magpsf` or `mangrove.HyperLEDA_name`.

    Raises
    ------
    ConditionError
        If there is no such leaf, or it is not a scalar.
    """
    try:
        of_list = list_leaf(leaf)
        if of_list is not None:
            find_items(schema, names_along(schema, of_list.path))
            return DERIVED_TYPES.get(of_list.function) or next(iter(of_list.leaves.values()))
        function, path = split_leaf(leaf)
        if function == "size":
            find_items(schema, names_along(schema, path))
        elif function == "present":
            find_nested(schema, names_along(schema, path))
        return DERIVED_TYPES[function] if function else find_leaf(schema, names_along(schema, path))[1]
    except FieldError as exc:
        names = ", ".join(exc.names)
        raise ConditionError(exc.message, accepted=names or None, next_step=exc.next_step) from exc


@dataclass(frozen=True, kw_only=True)
class Items:
    """The items of a list that a path names, or what lies at a path inside of each: of `prv_candidates.magpsf`."""

    path: str
    """The list's."""
    inside: tuple[str, ...]
    """Names inside of each item."""
    field: pa.Field
    """What is there."""


def find_leaf(schema: pa.Schema, steps: Sequence[str | int]) -> tuple[str, pa.DataType, str | None]:
    """Return the leaf that a path names, in any case that is not ambiguous, and its type.

    Third is `timestamp` or `date` of a leaf of times, whose type is text, and None of any other.

    Parameters
    ----------
    schema
        Where the path begins.
    steps
        Names, and numbers of items of lists, from 0.

    Raises
    ------
    FieldError
        If there is none, or what is there is not a scalar.
    """
    if (at := _at_item(schema, steps)) is not None:
        path, type_, time = find_leaf(at.schema, at.rest)
        return at.leaf(path, type_), type_, time
    path, field = _find(schema, [str(step) for step in steps])
    check_comparable(path, field)
    simple = simple_type(field.type)
    if simple is None:
        raise not_scalar(path, field.type)
    return path, simple, time_of(field)


def find_length(schema: pa.Schema, steps: Sequence[str | int]) -> str:
    """Return the derived leaf that is the length of the list that a path names.

    Raises
    ------
    FieldError
        If there is none, or what is there is not a list.
    """
    if (at := _at_item(schema, steps)) is not None:
        return at.leaf(find_length(at.schema, at.rest), DERIVED_TYPES["size"])
    return f"size({find_items(schema, [str(step) for step in steps]).path})"


def find_items(schema: pa.Schema, parts: Sequence[str]) -> Items:
    """Return the items of the list that a path names, or what lies at its end inside of each.

    Raises
    ------
    FieldError
        If there is no list, or its items have no such field.
    """
    for end in range(1, len(parts) + 1):
        path, field = _find(schema, parts[:end])
        check_settled(path, field.type)
        if is_list(field.type):
            break
    else:
        raise FieldError(
            f"{path} is not a list", next_step="size(prv_candidates) > 5, exists(prv_candidates, x -> x.magpsf < 18)"
        )
    item = field.type.value_field
    check_settled(path, item.type)
    if not parts[end:]:
        return Items(path=path, inside=(), field=item)
    # Under the list's own name, so that errors say what was written.
    full_path, field = _find(pa.schema([pa.field(path, item.type)]), [path, *parts[end:]])
    check_settled(full_path, field.type)
    inside = names_along(pa.schema([pa.field("", item.type)]), full_path.removeprefix(path))
    return Items(path=path, inside=tuple(inside[1:]), field=field)


def find_nested(schema: pa.Schema, steps: Sequence[str | int]) -> str | None:
    """Return the derived leaf that is null wherever a field is that can't be compared; None of a field that can.

    So are lists, structs and maps, and decimals, times of day and durations.

    Raises
    ------
    FieldError
        If there is no such field, or the files disagree on it.
    """
    if (at := _at_item(schema, steps)) is not None:
        inner = find_nested(at.schema, at.rest)
        return at.leaf(inner, leaf_type(at.schema, inner)) if inner else None
    parts = [str(step) for step in steps]
    try:
        path, field = _find(schema, parts)
    except FieldError:
        return f"size({find_items(schema, parts).path})"  # of a field of a list's items, there is a list as well
    check_settled(path, field.type)
    if is_list(field.type):
        return f"size({path})"
    nested = pa.types.is_struct(field.type) or pa.types.is_map(field.type)
    return f"present({path})" if nested or origin_of(field) else None


@dataclass(frozen=True, kw_only=True)
class _AtItem:
    """An item of a list, by its number, and the way to something inside of it."""

    path: str
    inside: tuple[str, ...]
    index: int
    schema: pa.Schema
    """Its one field is the item, called as people write it: `prv_candidates[0]`."""
    rest: Sequence[str | int]

    def leaf(self, of_item: str, type_: pa.DataType) -> str:
        """Return a leaf of the item as a leaf of what the list belongs to."""
        (item,) = self.schema.names
        leaf = ListLeaf(
            function="at",
            path=self.path,
            inside=self.inside,
            item=item,
            index=self.index,
            leaves={of_item: type_},
        )
        return leaf.text


def _at_item(schema: pa.Schema, steps: Sequence[str | int]) -> _AtItem | None:
    """Return the item that the first number among the steps means; None where there is no number."""
    at = next((i for i, step in enumerate(steps) if isinstance(step, int)), None)
    if at is None:
        return None
    index = int(steps[at])
    try:
        items = find_items(schema, [str(step) for step in steps[:at]])
    except FieldError as exc:
        if "is not a list" in exc.message:
            raise FieldError(
                f"{exc.message}, so it has no item {index}",
                next_step="an item of a list is prv_candidates[0]; a map's value, mangrove['HyperLEDA_name']",
            ) from exc
        raise
    name = f"{'.'.join([items.path, *items.inside])}[{index}]"
    return _AtItem(
        path=items.path,
        inside=items.inside,
        index=index,
        schema=pa.schema([pa.field(name, items.field.type, metadata=items.field.metadata)]),
        rest=[name, *steps[at + 1 :]],
    )


def _find(schema: pa.Schema, parts: Sequence[str]) -> tuple[str, pa.Field]:
    path: list[str] = []
    members: Sequence[pa.Field] = list(schema)
    field: pa.Field | None = None
    for i, part in enumerate(parts):
        type_ = field.type if field is not None else None
        if type_ is not None and pa.types.is_map(type_):
            # A map's keys are data: any name may be one, and it is taken as it is written.
            return ".".join([*path, *parts[i:]]), type_.item_field
        if type_ is not None and is_list(type_):
            raise FieldError(
                f"{'.'.join(path)} is a list: say which of its items, or write a predicate of them all",
                names=of_list(".".join(path), parts[i:]),
                next_step="of the alert itself, name the fields of candidate",
            )
        check_settled(".".join(path), type_)
        if type_ is not None and not pa.types.is_struct(type_):
            raise unknown_field(schema, parts)
        found = [m for m in members if m.name == part] or [m for m in members if m.name.lower() == part.lower()]
        if not found:
            raise unknown_field(schema, parts)
        if len(found) > 1:
            names = [".".join([*path, m.name]) for m in found]
            raise FieldError(f"{'.'.join(parts)[:200]} may be any of {len(found)} fields", names=names)
        field = found[0]
        path.append(field.name)
        members = list(field.type.fields) if pa.types.is_struct(field.type) else []
    assert field is not None
    return ".".join(path), field
