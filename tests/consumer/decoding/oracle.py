"""What fastavro, row by row, makes of datums, and how values are held beside each other."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import pyarrow as pa

REFUSALS = (
    EOFError,
    ValueError,
    IndexError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    StopIteration,
    pa.ArrowException,
)


def written(schema: Any, value: Any) -> bytes:
    """Return a value's datum."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def read(schema: Mapping[str, Any], arrow: pa.Schema, datums: Sequence[bytes]) -> dict[int, Any]:
    """Return the row of each datum that fastavro reads to its end and that has a place in Arrow, by position."""
    parsed, rows = fastavro.parse_schema(dict(schema)), {}
    for position, datum in enumerate(datums):
        source = io.BytesIO(datum)
        try:
            row = fastavro.schemaless_reader(source, parsed, None)
            if source.tell() == len(datum):
                rows[position] = plain(pa.array([row], pa.struct(list(arrow))).to_pylist(maps_as_pydicts="strict")[0])
        except REFUSALS:
            pass
    return rows


def plain(value: Any) -> Any:
    """Return a value so that it equals another if all bits do: NaN its like, -0.0 not 0.0."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def rows_of(batch: pa.RecordBatch) -> list[Any]:
    """Return a batch's rows, as `plain` shows them."""
    batch.validate(full=True)
    return [plain(row) for row in batch.to_pylist(maps_as_pydicts="strict")]
