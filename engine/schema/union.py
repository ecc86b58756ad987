"""The schema union: one Arrow schema for files that disagree.

The real archive drifts from night to night. `union_schemas` settles on one schema before anything runs;
`conforming` brings a column of any file to it. `docs/schema-union.md` has the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from engine.errors import ArchiveError
from engine.schema.distinct import once_a_schema
from engine.schema.exact import exact_metadata
from engine.schema.paths import stored
from engine.schema.plain_types import are_texts, kind_of, plain_type, type_text, types_text
from engine.schema.unsettled import Unsettled

__all__ = ["time_of", "union_schemas"]

_TIME = b"time"

_INT_WIDTHS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_FLOAT_WIDTHS = (pa.float16(), pa.float32(), pa.float64())


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
    key_of = once_a_schema(lambda schema: schema.remove_metadata().serialize().to_pybytes())
    for file, schema in schemas:
        key = key_of(schema)
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
                        types=types_text(f.type for f in fields if f.name == field.name),
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
        kinds = {kind_of(type_) for _, type_ in typed}
        if None in kinds:
            file, odd = next((file, type_) for file, type_ in typed if kind_of(type_) is None)
            return Unsettled(
                f"{path} in {file} is of type {odd}, which can't be transferred",
                accepted="booleans, numbers, text, bytes, timestamps, dates, times, durations, structs, lists, maps",
                next_step="choose other nights, or have the archive reprocessed",
                types=types_text(type_ for _, type_ in typed),
            )
        if kinds == {"struct", "map"}:
            return self._struct_and_map(path, typed)
        if kinds == {"integer", "float"}:
            self.met.add(path)
            if path in self.widen:
                self.widened.add(path)
                return pa.float64()
            return pa.int64()
        if are_texts(kinds) or (path in self.as_text and kinds <= {"integer", "string"} and len(kinds) > 1):
            return pa.string()
        if len(kinds) > 1:
            # A map that leaves as a list is still a map in messages.
            named = [(file, type_text(t if pa.types.is_map(t) else plain)) for file, t, plain in found]
            other = next(i for i, (_, t) in enumerate(typed) if kind_of(t) != kind_of(first))
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
        value_kinds = {kind_of(plain) for _, _, plain in _each_plain(values)}
        alike = len(value_kinds) <= 1 or are_texts(value_kinds)
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
                        f"{_path(path, outer)}, which is {type_text(stored(other.type))} in {other_file}",
                        accepted="field names with dots that no path of another field can be taken for",
                        next_step="choose nights without one of them, or have the archive reprocessed",
                        types=types_text([field.type]),
                    )
    return unsettled


def _each_plain(sources: Iterable[tuple[str, pa.DataType]]) -> list[tuple[str, pa.DataType, pa.DataType]]:
    """Return file, type and plain type of what is not of type null."""
    return [(file, t, plain) for file, t in sources if not pa.types.is_null(plain := plain_type(t))]


def _metadata(types: Sequence[pa.DataType]) -> dict[bytes, bytes] | None:
    plain = list(dict.fromkeys(plain_type(type_) for type_ in types))
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


def _item_nullable(type_: pa.DataType) -> bool:
    return type_.value_field.nullable


def _path(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
