"""The schema union: one Arrow schema for files that disagree, and the conversion of each file's columns to it.

The real archive drifts from night to night. `union_schemas` settles on one schema before anything runs;
`conform` brings a column of any file to it, and refuses to lose a value. `docs/schema-union.md` has the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import shown
from engine.errors import ArchiveError
from engine.schema.exact import decimal_text, exact_kind, exact_metadata, exact_number, unit_of
from engine.schema.paths import is_list, stored
from engine.schema.unsettled import Unsettled

__all__ = ["conform", "time_of", "union_schemas"]

_TIME = b"time"

_INT_WIDTHS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_UNSIGNED_AS = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.int64()}
_FLOAT_WIDTHS = (pa.float16(), pa.float32(), pa.float64())
_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("boolean", pa.types.is_boolean),
    ("integer", pa.types.is_signed_integer),
    ("float", pa.types.is_floating),
    ("string", pa.types.is_string),
    ("binary", pa.types.is_binary),
    ("time", lambda t: pa.types.is_timestamp(t) or pa.types.is_date(t)),
    ("struct", pa.types.is_struct),
    ("map", pa.types.is_map),
    ("list", is_list),
)


def union_schemas(
    schemas: Sequence[tuple[str, pa.Schema]], widen: Iterable[str] = (), as_text: Iterable[str] = ()
) -> pa.Schema:
    """Return the one schema that holds every file's alerts.

    A field in which files disagree in a way that no type can hold (string against struct, list against number), of a
    type that can't leave, or that one file has twice, is of the type `Unsettled`: code that uses it has to check.

    Parameters
    ----------
    schemas
        (file, its schema), newest night first: fields keep that order, older files' extra fields come after.
    widen
        Paths of fields (`candidate.fid`) where integers and floats shall meet as double, not as int64.
    as_text
        Paths of fields where integers and texts shall meet as text.

    Raises
    ------
    ArchiveError
        If `widen` names a field in which integers and floats do not meet.
    """
    root = _Union(frozenset(widen), frozenset(as_text))
    # Thousands of files have a handful of schemas; each is looked at once, under the first file that has it.
    # Compared by their bytes, since a schema with unknown extension types can't be hashed.
    distinct: dict[bytes, tuple[str, list[pa.Field]]] = {}
    for file, schema in schemas:
        key = schema.remove_metadata().serialize().to_pybytes()
        if key not in distinct:
            distinct[key] = (file, list(schema))
    fields = root.struct_fields("", list(distinct.values()))
    unknown = root.widen - root.widened
    if unknown:
        met = ", ".join(sorted(root.met))
        raise ArchiveError(
            f"--widen names fields in which integers and floats do not meet: {', '.join(sorted(unknown))}",
            accepted="paths of fields that are an integer in some of the files and a float in others"
            + (f": {met}" if met else ""),
            next_step="take them out of the request" + (", or name one of these" if met else ""),
        )
    return pa.schema(fields)


class _Union:
    """One run of the union; remembers where integers and floats met, and which fields of `widen` were used."""

    def __init__(self, widen: frozenset[str], as_text: frozenset[str]):
        self.widen = widen
        self.as_text = as_text
        self.met: set[str] = set()
        self.widened: set[str] = set()

    def struct_fields(self, path: str, sources: list[tuple[str, list[pa.Field]]]) -> list[pa.Field]:
        found: dict[str, list[tuple[str, pa.Field]]] = {}
        unsettled: dict[str, Unsettled] = {}
        for file, fields in sources:
            names = Counter(field.name for field in fields)
            for field in fields:
                found.setdefault(field.name, []).append((file, field))
                if names[field.name] > 1 and field.name not in unsettled:
                    unsettled[field.name] = Unsettled(
                        f"{file} has more than one field {_path(path, field.name)}",
                        accepted="fields of different names",
                        next_step="choose other nights, or have the file rewritten",
                        types=_types(f.type for f in fields if f.name == field.name),
                    )
        unsettled |= _like_paths(path, found)
        united = []
        for name, occurrences in found.items():
            if name in unsettled:
                united.append(pa.field(name, unsettled[name]))
                continue
            where = _path(path, name)
            type_ = self.type_of(where, [(file, f.type) for file, f in occurrences])
            everywhere = len(occurrences) == len(sources)
            # NaN becomes null where integers and floats meet.
            nullable = where in self.met - self.widen or any(
                f.nullable or pa.types.is_null(f.type) for _, f in occurrences
            )
            metadata = _metadata([f.type for _, f in occurrences])
            united.append(pa.field(name, type_, nullable=nullable or not everywhere, metadata=metadata))
        return united

    def type_of(self, path: str, sources: list[tuple[str, pa.DataType]]) -> pa.DataType:
        found = _each_plain(sources)
        typed = [(file, plain) for file, _, plain in found]
        if not typed:
            return pa.string()
        first = typed[0][1]
        kinds = {_kind(type_) for _, type_ in typed}
        if None in kinds:
            file, odd = next((file, type_) for file, type_ in typed if _kind(type_) is None)
            return Unsettled(
                f"{path} in {file} is of type {odd}, which can't be transferred",
                accepted="booleans, numbers, text, bytes, timestamps, dates, times, durations, structs, lists, maps",
                next_step="choose other nights, or have the archive reprocessed",
                types=_types(type_ for _, type_ in typed),
            )
        if kinds == {"struct", "map"}:
            return self._struct_and_map(path, typed)
        if kinds == {"integer", "float"}:
            self.met.add(path)
            if path in self.widen:
                self.widened.add(path)
                return pa.float64()
            return pa.int64()
        if _are_texts(kinds) or (path in self.as_text and kinds <= {"integer", "string"} and len(kinds) > 1):
            return pa.string()
        if len(kinds) > 1:
            # A map that leaves as a list is still a map in messages.
            named = [(file, _name(t if pa.types.is_map(t) else plain)) for file, t, plain in found]
            other = next(i for i, (_, t) in enumerate(typed) if _kind(t) != _kind(first))
            return Unsettled(
                f"{path} is {named[0][1]} in {named[0][0]} and {named[other][1]} in {named[other][0]}",
                accepted="files whose types can meet: widths of integers and floats, integer and float, "
                "text with timestamps, with decimals or with times, struct and map, null and anything",
                next_step="choose nights on one side of the change, or have the archive reprocessed",
                types=" or ".join(dict.fromkeys(name for _, name in named)),
            )
        match kinds.pop():
            case "integer":
                return max((t for _, t in typed), key=_INT_WIDTHS.index)
            case "float":
                return max((t for _, t in typed), key=_FLOAT_WIDTHS.index)
            case "struct":
                return pa.struct(self.struct_fields(path, [(file, list(t)) for file, t in typed]))
            case "list":
                items = self.struct_fields(
                    path, [(f, [pa.field("item", t.value_type, _item_nullable(t))]) for f, t in typed]
                )
                return pa.list_(items[0])
            case "map":
                return self._map(path, [(f, t.item_type) for f, t in typed])
            case "duration":
                return pa.int64()
            case _:
                return first

    def _map(self, path: str, values: list[tuple[str, pa.DataType]]) -> pa.DataType:
        value = pa.field("value", self.type_of(f"{path}.value", values), metadata=_metadata([t for _, t in values]))
        return pa.map_(pa.string(), value)

    def _struct_and_map(self, path: str, typed: list[tuple[str, pa.DataType]]) -> pa.DataType:
        structs = [(file, list(t)) for file, t in typed if pa.types.is_struct(t)]
        maps = [(file, t.item_type) for file, t in typed if pa.types.is_map(t)]
        values = [(file, field.type) for file, fields in structs for field in fields] + maps
        value_kinds = {_kind(plain) for _, _, plain in _each_plain(values)}
        alike = len(value_kinds) <= 1 or _are_texts(value_kinds)
        if alike and not value_kinds & {"struct", "list", "map"}:
            return self._map(path, values)
        names = dict.fromkeys(field.name for _, fields in structs for field in fields)
        sources = [
            (file, list(t) if pa.types.is_struct(t) else [pa.field(name, t.item_type) for name in names])
            for file, t in typed
        ]
        return pa.struct(self.struct_fields(path, sources))


def _like_paths(path: str, found: Mapping[str, list[tuple[str, pa.Field]]]) -> dict[str, Unsettled]:
    """Return the fields `a.b` that stand beside a struct or a map `a`: a path could mean either."""
    unsettled: dict[str, Unsettled] = {}
    for name, ((file, field), *_) in found.items():
        parts = name.split(".")
        for end in range(1, len(parts)):
            outer = ".".join(parts[:end])
            for other_file, other in found.get(outer, []):
                if pa.types.is_nested(stored(other.type)) and name not in unsettled:
                    unsettled[name] = Unsettled(
                        f"{_path(path, name)} may be a field of that name, as {file} has it, or inside "
                        f"{_path(path, outer)}, which is {_name(stored(other.type))} in {other_file}",
                        accepted="field names with dots that no path of another field can be taken for",
                        next_step="choose nights without one of them, or have the archive reprocessed",
                        types=_types([field.type]),
                    )
    return unsettled


def _each_plain(sources: Iterable[tuple[str, pa.DataType]]) -> list[tuple[str, pa.DataType, pa.DataType]]:
    """Return file, type and plain type of what is not of type null."""
    return [(file, t, plain) for file, t in sources if not pa.types.is_null(plain := _plain(t))]


def _metadata(types: Sequence[pa.DataType]) -> dict[bytes, bytes] | None:
    plain = list(dict.fromkeys(_plain(type_) for type_ in types))
    metadata = exact_metadata(plain)
    found = {time_of(pa.field("", type_)) for type_ in plain} - {None}
    if found:
        metadata[_TIME] = b"timestamp" if "timestamp" in found else b"date"
    return metadata or None


def time_of(field: pa.Field) -> str | None:
    """Return `timestamp` or `date` of a field that holds times, which in the union are texts; None of any other."""
    if pa.types.is_timestamp(field.type):
        return "timestamp"
    if pa.types.is_date(field.type):
        return "date"
    known = (field.metadata or {}).get(_TIME)
    return known.decode() if known else None


def _plain(type_: pa.DataType) -> pa.DataType:
    """Fold the physical variants of a type (dictionary, large, view, unsigned) into the one that we use."""
    if pa.types.is_dictionary(type_):
        return _plain(type_.value_type)
    if isinstance(type_, pa.BaseExtensionType):
        return _plain(type_.storage_type)
    if pa.types.is_map(type_) and not pa.types.is_string(_plain(type_.key_type)):
        # Avro's maps have keys of text.
        key, value = type_.key_field.with_name("key"), type_.item_field.with_name("value")
        return pa.list_(pa.field("item", pa.struct([key, value]), nullable=False))
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    return _UNSIGNED_AS.get(type_, type_)


def _are_texts(kinds: Set[str | None]) -> bool:
    """Whether what files have of these kinds meets as text."""
    return any(kinds <= {kind, "string"} for kind in ("time", "decimal", "time of day"))


def _kind(type_: pa.DataType) -> str | None:
    """Return what a plain type is, regardless of its width and of what is inside it; None if it can't leave."""
    return next((name for name, test in _KINDS if test(type_)), exact_kind(type_))


def _item_nullable(type_: pa.DataType) -> bool:
    return type_.value_field.nullable


def _path(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _name(type_: pa.DataType) -> str:
    if pa.types.is_struct(type_):
        return "a struct"
    if pa.types.is_map(type_):
        of_text = pa.types.is_string(_plain(type_.key_type))
        return f"a map of {'' if of_text else f'{type_.key_type} to '}{type_.item_type}"
    return f"a list of {_name(type_.value_type)}" if is_list(type_) else str(type_)


def _types(types: Iterable[pa.DataType]) -> str:
    return " or ".join(dict.fromkeys(_name(type_) for type_ in types))


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
