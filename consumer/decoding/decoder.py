"""Avro datums to Arrow: the schema once, then batches of datums with their true types.

Every field keeps the type that the Avro schema gives it, whatever its values: a column of nulls stays a float
column, an int64 stays exact, NaN stays NaN and null stays null.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import fastavro
import numpy as np
import pyarrow as pa

from consumer.decoding.datums import Datums
from consumer.errors import WireError

__all__ = ["Decoded", "Decoder", "arrow_schema"]

_PRIMITIVES = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "null": pa.null(),
}

# What fastavro raises on bytes that are not a datum of the schema, and Arrow on a value that its type has no place for.
_BAD_DATUM = (
    EOFError,
    ValueError,
    IndexError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    StopIteration,
    RecursionError,
    pa.ArrowException,
)


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What became of some datums."""

    batch: pa.RecordBatch
    """The good ones, in their order."""
    good: np.ndarray
    """Positions of the good ones in the input, shape (batch.num_rows,)."""
    bad: dict[int, str]
    """Reason per position of a datum that could not be decoded."""


def arrow_schema(schema: Mapping[str, Any]) -> pa.Schema:
    """Return the Arrow schema of an Avro record.

    Parameters
    ----------
    schema
        Avro schema of a record.

    Raises
    ------
    WireError
        If it is not a record, or has a type that this program has no column for.
    """
    if not isinstance(schema, Mapping) or schema.get("type") != "record":
        raise WireError(f"the topic's schema is not an Avro record: {schema!r:.200}")
    return pa.schema(list(_arrow_type(schema, {}, "")))


def _arrow_type(avro: Any, named: dict[str, pa.DataType], where: str) -> pa.DataType:
    if isinstance(avro, Mapping):
        kind = avro.get("type")
        if "logicalType" in avro:
            raise WireError(f"the field {where!r} has the logical type {avro['logicalType']!r}", accepted="plain types")
        if kind == "record":
            fields = [_arrow_field(f["name"], f["type"], named, where) for f in avro["fields"]]
            return _remember(avro, named, pa.struct(fields))
        if kind == "array":
            items = _arrow_field("element", avro["items"], named, where)
            if not _takes_bytes(items):
                # A datum of ten bytes could claim to hold 2^62 of them, and nothing in it would contradict.
                raise WireError(f"the field {where!r} is a list of items that take no bytes")
            return pa.list_(items)
        if kind == "map":
            return pa.map_(pa.string(), _arrow_field("value", avro["values"], named, where))
        if kind == "enum":
            return _remember(avro, named, pa.string())
        if kind == "fixed":
            return _remember(avro, named, pa.binary(avro["size"]))
        return _arrow_type(kind, named, where)
    if isinstance(avro, str) and avro in _PRIMITIVES:
        return _PRIMITIVES[avro]
    if isinstance(avro, str) and avro in named:
        return named[avro]
    raise WireError(f"the field {where!r} has the Avro type {avro!r:.200}", accepted="one type, or one type and null")


def _arrow_field(name: str, avro: Any, named: dict[str, pa.DataType], where: str) -> pa.Field:
    path = f"{where}.{name}" if where else name
    if not isinstance(avro, list):
        return pa.field(name, _arrow_type(avro, named, path), nullable=avro == "null")
    branches = [branch for branch in avro if branch != "null"]
    if len(branches) != 1 or len(avro) > 2:
        raise WireError(f"the field {path!r} is the union {avro!r:.200}", accepted="one type, or one type and null")
    return pa.field(name, _arrow_type(branches[0], named, path), nullable=len(avro) == 2)


def _takes_bytes(field: pa.Field) -> bool:
    if pa.types.is_null(field.type):
        return False
    if field.nullable:
        return True  # a union: the number of its branch
    if pa.types.is_struct(field.type):
        return any(map(_takes_bytes, field.type))
    return field.type != pa.binary(0)


def _remember(avro: Mapping[str, Any], named: dict[str, pa.DataType], made: pa.DataType) -> pa.DataType:
    # The real schemas give full names with dots, which need no namespace to be resolved.
    namespace = avro.get("namespace")
    named[f"{namespace}.{avro['name']}" if namespace and "." not in avro["name"] else avro["name"]] = made
    return made


class Decoder:
    """Decodes datums of one Avro schema.

    Parameters
    ----------
    schema
        Avro schema of a record.
    """

    def __init__(self, schema: Mapping[str, Any]):
        self.schema = arrow_schema(schema)
        self._struct = pa.struct(list(self.schema))
        self._avro = fastavro.parse_schema(dict(schema), _write_hint=False)

    def decode(self, datums: Datums) -> Decoded:
        """Return a batch of the good datums and, per bad one, the reason.

        A datum is bad if it ends early, if bytes are left after it, or if a value has no place in its type.

        Parameters
        ----------
        datums
            Avro datums in a buffer. What comes back holds no reference to it, so it can be used again.
        """
        rows: list[dict[str, Any]] = []
        good: list[int] = []
        bad: dict[int, str] = {}
        for position in range(len(datums)):
            try:
                rows.append(self._read(datums.datum(position)))
                good.append(position)
            except _BAD_DATUM as exc:
                bad[position] = _reason(exc)
        try:
            batch = self._batch(rows)
        except _BAD_DATUM:
            rows, good = self._sift(rows, good, bad)
            batch = self._batch(rows)
        return Decoded(batch=batch, good=np.asarray(good, dtype=np.int64), bad=bad)

    def _read(self, datum: bytes) -> dict[str, Any]:
        source = io.BytesIO(datum)
        row = cast(dict[str, Any], fastavro.schemaless_reader(source, self._avro, None))  # the schema is a record's
        if source.tell() != len(datum):
            raise ValueError(f"{len(datum) - source.tell()} bytes of {len(datum)} are left after the datum")
        return row

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        struct = pa.array(rows, type=self._struct)
        return pa.RecordBatch.from_arrays(struct.flatten(), schema=self.schema)

    def _sift(
        self, rows: list[dict[str, Any]], good: list[int], bad: dict[int, str]
    ) -> tuple[list[dict[str, Any]], list[int]]:
        kept = []
        for row, position in zip(rows, good, strict=True):
            try:
                self._batch([row])
                kept.append((row, position))
            except _BAD_DATUM as exc:
                bad[position] = _reason(exc)
        return [row for row, _ in kept], [position for _, position in kept]


def _reason(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
