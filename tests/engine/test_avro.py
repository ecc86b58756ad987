"""The columnar encoder against fastavro, which writes one row at a time."""

import io
import json
import math
import struct

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.avro import avro_schema, encode
from engine.errors import ArchiveError, EncodeError

# ---- the oracle ------------------------------------------------------------------------------------------------------


def python_value(value, arrow: pa.DataType):
    """What fastavro takes for an Arrow value: maps are dictionaries there."""
    if value is None:
        return None
    if pa.types.is_dictionary(arrow):
        return python_value(value, arrow.value_type)
    if pa.types.is_map(arrow):
        return {key: python_value(item, arrow.item_type) for key, item in value}
    if pa.types.is_struct(arrow):
        return {field.name: python_value(value[field.name], field.type) for field in arrow}
    if pa.types.is_nested(arrow):
        return [python_value(item, arrow.value_type) for item in value]
    return float(value) if pa.types.is_float16(arrow) else value


def python_rows(batch: pa.RecordBatch) -> list[dict]:
    columns = [[python_value(v, c.type) for v in c.to_pylist()] for c in batch.columns]
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def fastavro_datums(rows: list[dict], schema: dict) -> list[bytes]:
    parsed, datums = fastavro.parse_schema(schema), []
    for row in rows:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, row)
        datums.append(out.getvalue())
    return datums


def plain(value):
    """A value that can be compared: NaN is equal to NaN, and 0.0 isn't -0.0."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return ("float", struct.pack("<d", math.nan if math.isnan(value) else value)) if isinstance(value, float) else value


def check(batch: pa.RecordBatch, schema: dict | None = None) -> list[bytes]:
    """Encode, compare with fastavro byte for byte, decode, compare the values; return the datums."""
    schema = schema or avro_schema(batch.schema)
    encoded = encode(batch, schema)
    encoded.validate(full=True)
    assert encoded.type == pa.large_binary()
    assert encoded.null_count == 0
    datums, rows = encoded.to_pylist(), python_rows(batch)
    assert datums == fastavro_datums(rows, schema)
    parsed = fastavro.parse_schema(schema)
    assert plain([fastavro.schemaless_reader(io.BytesIO(d), parsed, None) for d in datums]) == plain(rows)
    return datums


def column(array: pa.Array, *, nullable: bool = True) -> pa.RecordBatch:
    return pa.record_batch([array], schema=pa.schema([pa.field("x", array.type, nullable)]))


# ---- random schemas, values and layouts ------------------------------------------------------------------------------


def integers(bits: int, *, signed: bool):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    # Every length of varint should come up, not only the extremes.
    return st.integers(low, high) | st.integers(0, bits).map(lambda n: max(low, min(high, 2**n - 1)))


LEAVES = {
    pa.bool_(): st.booleans(),
    pa.int8(): integers(8, signed=True),
    pa.int16(): integers(16, signed=True),
    pa.int32(): integers(32, signed=True),
    pa.int64(): integers(64, signed=True),
    pa.uint8(): integers(8, signed=False),
    pa.uint16(): integers(16, signed=False),
    pa.uint32(): integers(32, signed=False),
    pa.float16(): st.floats(width=16).map(np.float16),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): st.text(max_size=70),
    pa.large_string(): st.text(max_size=5),
    pa.string_view(): st.text(max_size=20),
    pa.binary(): st.binary(max_size=9000),
    pa.large_binary(): st.binary(max_size=5),
    pa.binary_view(): st.binary(max_size=20),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.null(): st.none(),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["", "RRLyr", "Étoile"]),
    pa.dictionary(pa.int32(), pa.int64()): integers(64, signed=True),
    pa.dictionary(pa.uint16(), pa.large_string()): st.text(max_size=3),
}
NAMES = st.sampled_from(["jd", "2MASS_name", "x.y", "candidate", "a b", "é"])


@st.composite
def fields(draw, depth: int, name: str = "x") -> pa.Field:
    shapes = ["leaf", "leaf", "struct", "list", "map"] if depth else ["leaf"]
    match draw(st.sampled_from(shapes)):
        case "leaf":
            arrow = draw(st.sampled_from(list(LEAVES)))
        case "struct":
            names = draw(st.lists(NAMES, unique=True, max_size=4))
            arrow = pa.struct([draw(fields(depth - 1, name)) for name in names])
        case "list":
            make = draw(st.sampled_from([pa.list_, pa.large_list, pa.list_view, pa.large_list_view, None]))
            item = draw(fields(depth - 1))
            arrow = make(item) if make else pa.list_(item, draw(st.integers(0, 3)))
        case "map":
            key = draw(st.sampled_from([pa.string(), pa.large_string()]))
            arrow = pa.map_(key, draw(fields(depth - 1)))
    nullable = arrow == pa.null() or draw(st.booleans())
    return pa.field(name, arrow, nullable)


def values(field: pa.Field):
    arrow = field.type
    if arrow in LEAVES:
        strategy = LEAVES[arrow]
    elif pa.types.is_struct(arrow):
        strategy = st.fixed_dictionaries({child.name: values(child) for child in arrow})
    elif pa.types.is_map(arrow):
        strategy = st.dictionaries(st.text(max_size=4), values(arrow.item_field), max_size=3).map(
            lambda entries: list(entries.items())
        )
    elif pa.types.is_fixed_size_list(arrow):
        strategy = st.lists(values(arrow.value_field), min_size=arrow.list_size, max_size=arrow.list_size)
    else:
        strategy = st.lists(values(arrow.value_field), max_size=4)
    return st.none() | strategy if field.nullable else strategy


@st.composite
def arrays(draw) -> tuple[pa.Field, pa.Array]:
    """A column with values hidden under nulls of its parents, and a slice of it."""
    field = draw(fields(depth=3))
    array = pa.array(draw(st.lists(values(field), max_size=8)), field.type)
    for _ in range(draw(st.integers(0, 2))):
        array = array[draw(st.integers(0, 2)) :]
        size = len(array)
        if draw(st.booleans()):
            mask = pa.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), pa.bool_())
            array = pa.StructArray.from_arrays([array], fields=[field], mask=mask)
        else:
            cuts = sorted(draw(st.lists(st.integers(0, size), min_size=1, max_size=6)))
            mask = draw(st.lists(st.booleans(), min_size=len(cuts) - 1, max_size=len(cuts) - 1))
            make = draw(st.sampled_from([pa.ListArray, pa.LargeListArray]))
            array = make.from_arrays(
                cuts,
                array,
                type=(pa.list_ if make is pa.ListArray else pa.large_list)(field),
                mask=pa.array(mask, pa.bool_()),
            )
        field = pa.field("x", array.type)
    start, length = draw(st.integers(0, 3)), draw(st.integers(0, 8))
    return field, array.slice(start, length)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(arrays(), arrays())
def test_any_layout_becomes_what_fastavro_writes(first, second):
    num_rows = min(len(first[1]), len(second[1]))
    schema = pa.schema([first[0].with_name("2MASS_name"), second[0].with_name("y")])
    check(pa.record_batch([first[1][:num_rows], second[1][-num_rows:] if num_rows else second[1][:0]], schema=schema))
