"""A column of one file, brought to the type that the schema union gave it; no value is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import shown
from engine.errors import ArchiveError
from engine.schema.exact import decimal_text, exact_metadata, exact_number, unit_of

__all__ = ["conform"]


def conform(
    array: pa.Array, type_: pa.DataType, path: str, file: str, metadata: Mapping[bytes, bytes] | None = None
) -> pa.Array:
    """Return a column of one file in the type that `union_schemas` gave it.

    Parameters
    ----------
    array
        Values of the column, shape (n,), as the file has them.
    type_
        The type of the union.
    path, file
        For the message, should a value not fit.
    metadata
        Of the union's field: the scale of its decimals, the unit of its durations; None takes those of the file.

    Raises
    ------
    ArchiveError
        If a value would be lost: a fraction or a number beyond int64 where the union is int64, a key of a map that
        the union's struct lacks.
    """
    if array.type == type_:
        return array
    if pa.types.is_dictionary(array.type):
        if not len(array.dictionary):  # then all is null, and under a null parent the indices may point anywhere
            return pa.nulls(len(array), type_)
        return conform(array.dictionary_decode(), type_, path, file, metadata)
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), type_)
    if isinstance(array, pa.ExtensionArray):
        return conform(array.storage, type_, path, file, metadata)
    if pa.types.is_struct(type_):
        return _to_struct(array, type_, path, file)
    if pa.types.is_map(type_):
        return _to_map(array, type_, path, file)
    if pa.types.is_list(type_):
        return _to_list(array, type_, path, file)
    if pa.types.is_integer(type_) and pa.types.is_floating(array.type):
        return _float_to_int(array, type_, path, file)
    if pa.types.is_duration(array.type):
        return _to_number(array, type_, path, file, metadata or {})
    try:
        return _to_text(array, metadata or {}) if pa.types.is_string(type_) else array.cast(type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise ArchiveError(
            f"a value of {path} in {file} does not fit into {type_}: {exc}", next_step="leave that night out"
        ) from exc


def _to_number(array: pa.Array, type_: pa.DataType, path: str, file: str, metadata: Mapping[bytes, bytes]) -> pa.Array:
    try:
        return exact_number(array, metadata).cast(type_)
    except pa.ArrowInvalid as exc:
        unit, own = (
            unit_of(pa.field(path, type_, metadata=known)) for known in (metadata, exact_metadata([array.type]))
        )
        raise ArchiveError(
            f"{path} is a duration in {own} in {file} and in {unit} in others of the chosen nights, and in {unit}, the "
            f"finer unit, in which all leave, a value of {file} is beyond 64 bits: {_largest(array)} {own}",
            accepted=f"values of {path} that fit into 64 bits in {unit}",
            next_step=f"choose the nights that have {path} in {unit} apart from this one, in requests of their own, or "
            "leave this night out",
        ) from exc


def _largest(array: pa.Array) -> int:
    """Return the duration that is farthest from zero, in its own unit."""
    ends = pc.min_max(array.cast(pa.int64())).as_py()
    return max(ends.values(), key=abs)


def _to_text(array: pa.Array, metadata: Mapping[bytes, bytes]) -> pa.Array:
    if pa.types.is_decimal(array.type):
        return decimal_text(array, metadata)
    if pa.types.is_time(array.type):
        text = array.cast(pa.string())
        return pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".") if array.type.unit != "s" else text
    if pa.types.is_timestamp(array.type):
        # As Spark casts them, so as the existing service's users know them: UTC, trailing zeros of the fraction cut.
        # Nanoseconds, which Spark does not have, are kept where they are not zero.
        unit = "ns" if array.type.unit == "ns" else "us"
        text = array.cast(pa.timestamp(unit)).cast(pa.string())
        return pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".")
    return array.cast(pa.string())


def _float_to_int(array: pa.Array, type_: pa.DataType, path: str, file: str) -> pa.Array:
    values = array.cast(pa.float64())
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    # 2^63 itself is a double, and the first that int64 can't hold.
    fits = pc.and_(
        pc.equal(pc.floor(values), values), pc.and_(pc.greater_equal(values, -(2.0**63)), pc.less(values, 2.0**63))
    )
    if pc.any(pc.invert(fits)).as_py():
        culprit = values.filter(pc.invert(fits))[0].as_py()
        raise ArchiveError(
            f"{path} is an integer in some of the files, but {file} holds {culprit!r}",
            accepted="whole numbers within int64, and NaN (which becomes null)",
            next_step=f"ask for {path} as double: --widen {path}",
        )
    return values.cast(type_)


def _items(array: pa.Array, values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return (offsets from 0, the values they point into) of a list-like array that may be a slice."""
    offsets = array.offsets
    start, end = offsets[0].as_py(), offsets[-1].as_py()
    return pc.subtract(offsets, offsets[0]).cast(pa.int32()), values.slice(start, end - start)


def _to_list(array: pa.Array, type_: pa.DataType, path: str, file: str) -> pa.Array:
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_field))
    if pa.types.is_map(array.type):
        offsets, keys = _items(array, array.keys)
        values = pa.StructArray.from_arrays([keys, _items(array, array.items)[1]], names=["key", "value"])
    elif pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        # Its items may lie in any order. Arrow's own cast makes arrays that are not valid (seen with 26.0).
        counts = pc.fill_null(array.value_lengths(), 0).to_numpy()
        offsets, values = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), array.flatten()
    else:
        offsets, values = _items(array, array.values)
    values = conform(values, type_.value_type, f"{path}.item", file, type_.value_field.metadata)
    return pa.ListArray.from_arrays(offsets, values, type=type_, mask=array.is_null())


def _to_map(array: pa.Array, type_: pa.DataType, path: str, file: str) -> pa.Array:
    if pa.types.is_struct(array.type):
        n, names = len(array), [field.name for field in array.type]
        columns = [_value(array.field(i), type_, path, file) for i in range(len(names))]
        # Interleave: entry j of alert i stands at i * len(names) + j.
        order = np.arange(n * len(names)).reshape(len(names), n).T.ravel() if names else np.arange(0)
        items = pa.concat_arrays(columns).take(pa.array(order)) if names else pa.nulls(0, type_.item_type)
        keys = pa.array(np.tile(np.array(names, dtype=object), n), pa.string())
        offsets = pa.array(np.arange(n + 1, dtype=np.int32) * len(names))
        return pa.MapArray.from_arrays(offsets, keys, items, type=type_, mask=array.is_null())
    offsets, keys = _items(array, array.keys)
    _, items = _items(array, array.items)
    keys, items = conform(keys, pa.string(), path, file), _value(items, type_, path, file)
    return pa.MapArray.from_arrays(offsets, keys, items, type=type_, mask=array.is_null())


def _value(array: pa.Array, type_: pa.MapType, path: str, file: str) -> pa.Array:
    return conform(array, type_.item_type, f"{path}.value", file, type_.item_field.metadata)


def _to_struct(array: pa.Array, type_: pa.DataType, path: str, file: str) -> pa.Array:
    if pa.types.is_map(array.type):
        array = _map_as_struct(array, type_, path, file)
    children = []
    for field in type_:
        index = array.type.get_field_index(field.name)
        if index < 0:
            children.append(pa.nulls(len(array), field.type))
        else:
            children.append(conform(array.field(index), field.type, f"{path}.{field.name}", file, field.metadata))
    return pa.StructArray.from_arrays(children, fields=list(type_), mask=array.is_null())


def _map_as_struct(array: pa.MapArray, type_: pa.DataType, path: str, file: str) -> pa.Array:
    offsets, keys = _items(array, array.keys)
    keys = conform(keys, pa.string(), path, file)
    _, items = _items(array, array.items)
    names = [field.name for field in type_]
    strange = keys.filter(pc.invert(pc.is_in(keys, pa.array(names, pa.string()))))
    if len(strange):
        raise ArchiveError(
            f"{path} is a struct in some of the files, but {file} holds a map with the key {shown(strange[0].as_py())}",
            accepted=f"the keys {', '.join(names)}",
            next_step="choose nights on one side of the change",
        )
    owners = np.repeat(np.arange(len(array)), np.diff(offsets.to_numpy()))
    columns = []
    for name in names:
        positions = np.full(len(array), -1, dtype=np.int64)
        hits = pc.equal(keys, name).to_numpy(zero_copy_only=False)
        positions[owners[hits]] = np.flatnonzero(hits)
        columns.append(items.take(pa.array(positions, mask=positions < 0)))
    return pa.StructArray.from_arrays(columns, names=names, mask=array.is_null())
