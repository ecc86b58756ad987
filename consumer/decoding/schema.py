"""From an Avro schema, which anybody may have written, to the types that read its datums.

Each field keeps the type that the schema gives it, whatever its values: a column of nulls stays a float column.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fastavro
import pyarrow as pa

from consumer.decoding.cursors import shown
from consumer.decoding.leaves import Boolean, Enum, Fixed, Integer, Null, Number, Text
from consumer.decoding.lists import Items
from consumer.decoding.records import Field, Record
from consumer.decoding.types import Type
from consumer.errors import WireError
from consumer.wire import arrow_type

__all__ = ["record_of"]

MAX_DEPTH = 64
"""Records, lists and maps inside each other."""
MAX_TYPES = 20_000
"""Types in all, those of a named one counted wherever it is used."""

_LEAVES: dict[str, tuple[type[Type], int, int]] = {
    # How it is read; bytes on the wire, at least; bytes in Arrow, besides a text's own.
    "null": (Null, 0, 0),
    "boolean": (Boolean, 1, 1),
    "int": (Integer, 1, 4),
    "long": (Integer, 1, 8),
    "float": (Number, 4, 4),
    "double": (Number, 8, 8),
    "string": (Text, 1, 4),
    "bytes": (Text, 1, 4),
}


def record_of(schema: Any) -> Record:
    """Return the record that an Avro schema describes.

    Raises
    ------
    WireError
        If it is not a record, has a type that this program has no column for, or is not valid.
    """
    if not isinstance(schema, Mapping) or schema.get("type") != "record":
        raise WireError(f"the topic's schema is not an Avro record: {_shown(schema)}")
    made = _Parser().type_of(schema, _Place())
    assert isinstance(made, Record)
    if not made.fields:
        raise WireError("the topic's schema has no field", accepted="a record with fields")
    names = (f"r{number}" for number in itertools.count())
    try:
        # With names of our own: theirs were checked here, and no client depends on them.
        fastavro.parse_schema(made.avro(names))
    except Exception as exc:
        raise WireError(f"the topic's schema is not valid: {_shown(str(exc))}") from exc
    return made


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where in a schema a type stands."""

    path: str = ""
    namespace: str = ""
    depth: int = 0

    def inside(self, path: str, namespace: str | None = None) -> _Place:
        return _Place(path=path, namespace=self.namespace if namespace is None else namespace, depth=self.depth + 1)


@dataclass(kw_only=True)
class _Parser:
    """Makes types, and counts them."""

    named: dict[str, tuple[Any, _Place]] = field(default_factory=dict)
    """Definitions of the named types met so far, and the namespace that is theirs."""
    open: set[str] = field(default_factory=set)
    """Names of the types that the present one is inside of."""
    num_types: int = 0

    def type_of(self, avro: Any, place: _Place) -> Type:
        """Return the type at a place."""
        self.num_types += 1
        if self.num_types > MAX_TYPES:
            raise WireError(f"the topic's schema has more than {MAX_TYPES:,} types", accepted="fewer fields")
        if place.depth > MAX_DEPTH:
            raise WireError(
                f"the field {shown(place.path)} has more than {MAX_DEPTH} types inside each other",
                accepted=f"records, lists and maps up to {MAX_DEPTH} deep",
            )
        if isinstance(avro, str):
            return self._by_name(avro, place)
        if not isinstance(avro, Mapping):
            raise _refused(avro, place)
        if "logicalType" in avro:
            raise WireError(
                f"the field {shown(place.path)} has the logical type {_shown(avro['logicalType'])}",
                accepted="plain types",
            )
        kind = avro.get("type")
        match kind:
            case "record" | "enum" | "fixed":
                return self._named(kind, avro, place)
            case "array" | "map":
                return self._items(kind, avro, place)
        if isinstance(kind, list):
            raise _refused(kind, place)
        return self.type_of(kind, place.inside(place.path))

    def _by_name(self, name: str, place: _Place) -> Type:
        if name in _LEAVES:
            made, min_nbytes, nbytes = _LEAVES[name]
            return made(path=place.path, arrow=arrow_type(name), min_nbytes=min_nbytes, nbytes=nbytes)
        full = name if "." in name or not place.namespace else f"{place.namespace}.{name}"
        if full not in self.named:
            full = name
        if full in self.open:
            raise WireError(
                f"the field {shown(place.path)} has the type {_shown(name)}, which it is itself inside of",
                accepted="types that don't contain themselves",
            )
        if full not in self.named:
            raise _refused(name, place)
        avro, defined = self.named[full]
        return self._body(full, avro, _Place(path=place.path, namespace=defined.namespace, depth=place.depth))

    def _named(self, kind: str, avro: Mapping[str, Any], place: _Place) -> Type:
        name, namespace = avro.get("name"), avro.get("namespace")
        if not isinstance(name, str) or not name or not isinstance(namespace, str | None):
            raise _refused(avro, place)
        if "." in name:
            namespace = name.rpartition(".")[0]
        else:
            namespace = place.namespace if namespace is None else namespace
            name = f"{namespace}.{name}" if namespace else name
        if name in self.named and self.named[name][0] is not avro:
            raise WireError(f"the topic's schema defines {_shown(name)} twice", accepted="names that are used once")
        self.named[name] = avro, _Place(namespace=namespace)
        return self._body(name, avro, _Place(path=place.path, namespace=namespace, depth=place.depth))

    def _body(self, name: str, avro: Mapping[str, Any], place: _Place) -> Type:
        match avro["type"]:
            case "record":
                self.open.add(name)
                made = self._record(avro, place)
                self.open.remove(name)
                return made
            case "enum":
                symbols = avro.get("symbols")
                if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
                    raise _refused(avro, place)
                nbytes = 4 + max((len(symbol.encode("utf-8", "replace")) for symbol in symbols), default=0)
                arrow = arrow_type("enum")
                return Enum(path=place.path, arrow=arrow, min_nbytes=1, nbytes=nbytes, symbols=tuple(symbols))
        size = avro.get("size")
        if type(size) is not int or not 0 <= size < 2**31:
            raise _refused(avro, place)
        return Fixed(path=place.path, arrow=pa.binary(size), min_nbytes=size, nbytes=size)

    def _record(self, avro: Mapping[str, Any], place: _Place) -> Record:
        given = avro.get("fields")
        if not isinstance(given, list) or not all(
            isinstance(one, Mapping) and isinstance(one.get("name"), str) and "type" in one for one in given
        ):
            raise _refused(avro, place)
        names = [one["name"] for one in given]
        if len(set(names)) < len(names):
            raise WireError(f"{shown(place.path) if place.path else 'the record'} has two fields of one name")
        fields = tuple(
            self._field(name, one["type"], place.inside(f"{place.path}.{name}" if place.path else name))
            for name, one in zip(names, given, strict=True)
        )
        return Record(
            path=place.path,
            arrow=pa.struct([one.arrow for one in fields]),
            min_nbytes=sum(one.min_nbytes for one in fields),
            nbytes=sum(one.type.nbytes for one in fields),
            fields=fields,
        )

    def _items(self, kind: str, avro: Mapping[str, Any], place: _Place) -> Items:
        inside = place.inside(place.path)
        if kind == "array":
            item = self._field("element", avro.get("items"), inside)
            if not item.min_nbytes:
                # A datum of ten bytes could claim to hold 2^62 of them, and nothing in it would contradict.
                raise WireError(f"the field {shown(place.path)} is a list of items that take no bytes")
            arrow = pa.list_(item.arrow)
        else:
            value = self._field("value", avro.get("values"), inside)
            key = Field(name="key", type=self.type_of("string", inside))
            entries = Record(
                path=place.path,
                arrow=pa.struct([key.arrow, value.arrow]),
                min_nbytes=key.min_nbytes + value.min_nbytes,
                nbytes=key.type.nbytes + value.type.nbytes,
                fields=(key, value),
            )
            item = Field(name="entries", type=entries)
            arrow = pa.map_(pa.string(), value.arrow)
        return Items(path=place.path, arrow=arrow, min_nbytes=1, nbytes=4, item=item, is_map=kind == "map")

    def _field(self, name: str, avro: Any, place: _Place) -> Field:
        if not isinstance(avro, list):
            return Field(name=name, type=self.type_of(avro, place))
        values = [branch for branch in avro if branch != "null"]
        if len(values) != 1 or len(avro) > 2:
            raise WireError(
                f"the field {shown(place.path)} is the union {_shown(avro)}", accepted="one type, or one type and null"
            )
        branches = tuple("null" if branch == "null" else "value" for branch in avro)
        return Field(name=name, type=self.type_of(values[0], place), branches=branches)


def _refused(avro: Any, place: _Place) -> WireError:
    return WireError(
        f"the field {shown(place.path)} has the Avro type {_shown(avro)}", accepted="one type, or one type and null"
    )


def _shown(avro: Any) -> str:
    return f"{avro!r:.200}"
