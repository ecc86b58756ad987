"""The columnar encoder against fastavro, which writes one row at a time."""

import io
import json
import math
import re
import struct

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ArchiveError, EncodeError
from engine.schema import avro_schema, encode

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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(arrays(), arrays())
def test_any_layout_becomes_what_fastavro_writes(first, second):
    num_rows = min(len(first[1]), len(second[1]))
    schema = pa.schema([first[0].with_name("2MASS_name"), second[0].with_name("y")])
    check(pa.record_batch([first[1][:num_rows], second[1][-num_rows:] if num_rows else second[1][:0]], schema=schema))


# ---- single rules ----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([1, 2, 5, 9, 10]), st.data())
def test_integers_of_all_lengths(longest, data):
    bound = 2 ** min(63, 7 * longest - 1)
    numbers = data.draw(st.lists(st.none() | st.integers(-bound, bound - 1), min_size=1, max_size=20))
    check(column(pa.array([*numbers, bound - 1, -bound], pa.int64())))


@pytest.mark.parametrize("length", range(1, 11))
@pytest.mark.parametrize("nulls", [False, True])
def test_integers_that_are_all_of_one_length(length, nulls):
    low, high = 2 ** (7 * (length - 1)) // 2, min(2 ** (7 * length - 1), 2**63) - 1
    check(column(pa.array([high, None, low, -high, -low - 1] if nulls else [high, low, -high, -low - 1], pa.int64())))


def test_rows_beyond_one_stretch_of_the_layout():
    # Runs of words are laid out some thousand rows at a time; a row at a border must not be lost or cut.
    rng = np.random.default_rng(1)
    num_rows = 30_011
    batch = pa.record_batch(
        {
            "a": pa.array(rng.integers(-(2**40), 2**40, num_rows), mask=rng.random(num_rows) < 0.3),
            "b": pa.array(rng.random(num_rows), mask=rng.random(num_rows) < 0.1),
            "c": pa.array(rng.random(num_rows)),
            "d": pa.array(["x" * n for n in rng.integers(0, 4, num_rows)], mask=rng.random(num_rows) < 0.5),
            "e": pa.array(rng.integers(0, 9, num_rows), type=pa.int8()),
        }
    )
    check(batch)


def test_bits_of_nan_and_signs_of_zero_are_kept():
    patterns = np.array([0x7FF0000000000001, 0xFFF8000000000123, 0x8000000000000000, 0], dtype=np.uint64)
    batch = column(pa.array(patterns.view(np.float64)), nullable=False)
    assert encode(batch, avro_schema(batch.schema)).to_pylist() == [struct.pack("<Q", p) for p in patterns]
    patterns = np.array([0x7F800001, 0xFFC00123, 0x80000000, 0], dtype=np.uint32)
    batch = column(pa.array(patterns.view(np.float32)), nullable=False)
    assert encode(batch, avro_schema(batch.schema)).to_pylist() == [struct.pack("<I", p) for p in patterns]


def test_null_may_come_first_in_a_union():
    schema = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "x", "type": ["null", {"type": "array", "items": ["null", "string"]}]},
            {"name": "y", "type": ["long"]},
        ],
    }
    x = pa.array([["a", None], None, [], ["b"]])
    datums = check(pa.record_batch({"x": x, "y": pa.array([1, 2, 3, 4])}), schema)
    assert datums[1] == b"\x00\x00\x04"


def test_smaller_numbers_go_into_wider_avro_types():
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "x", "type": ["long", "null"]}, {"name": "y", "type": ["double", "null"]}],
    }
    check(pa.record_batch({"x": pa.array([1, None], pa.int8()), "y": pa.array([1.5, None], pa.float32())}), schema)


def test_a_dictionary_that_lacks_the_index_under_a_null():
    # pyarrow itself makes such arrays: index 0 into an empty dictionary, under a null struct.
    empty = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array([], pa.string()), safe=False)
    structs = pa.StructArray.from_arrays([empty], ["s"], mask=pa.array([True, False]))
    assert encode(column(structs), avro_schema(column(structs).schema)).to_pylist() == [b"\x02", b"\x00\x02"]


@pytest.mark.parametrize(
    "arrow",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.string()),
        pa.list_view(pa.string()),
        pa.large_list_view(pa.string()),
        pa.list_(pa.string(), 2),
        pa.map_(pa.string(), pa.string()),
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(2),
        pa.int64(),
        pa.bool_(),
    ],
    ids=str,
)
def test_nothing_hidden_under_a_null_is_written(arrow):
    one, two = ["a", None], ["b", "c"]
    if pa.types.is_map(arrow):
        one, two = [("a", "x"), ("b", None)], [("c", "y")]
    elif not pa.types.is_nested(arrow):
        one, two = {pa.int64(): (1, 300), pa.bool_(): (True, False)}.get(arrow, ("ab", "cd"))
    values = pa.array([one, two, None, one, two, None, two], arrow)
    mask = pa.array([False, True, True, False, False, False, True])
    structs = pa.StructArray.from_arrays([values], ["v"], mask=mask)
    lists = pa.ListArray.from_arrays([0, 2, 5, 7], structs, mask=pa.array([False, True, False]))
    for array in (values, structs, lists):
        check(column(array))
        check(column(array.slice(1)))
        check(column(array.slice(1, 1)))


@pytest.mark.parametrize(
    "arrow",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary_view(),
        pa.binary(0),
        pa.dictionary(pa.int8(), pa.string()),
    ],
    ids=str,
)
def test_texts_that_are_all_empty(arrow):
    check(column(pa.array([b"" if "binary" in str(arrow) else ""] * 3, arrow), nullable=False))
    check(column(pa.nulls(3, arrow)))


def test_a_dictionary_with_a_null_in_it():
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1], pa.int8()), pa.array(["a", None]))
    check(column(array))


def test_dictionaries_of_structs():
    values = pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}])
    check(column(pa.DictionaryArray.from_arrays(pa.array([2, 1, 0, 0, None], pa.int8()), values)))


def test_columns_that_were_chunked():
    table = pa.table({"x": pa.chunked_array([[["a"], None], [], [["b", "c"]]]), "y": pa.chunked_array([[1], [2, 3]])})
    check(table.combine_chunks().to_batches()[0])


def test_no_rows_and_no_columns():
    schema = pa.schema({"x": pa.list_(pa.string()), "y": pa.struct([])})
    assert encode(pa.RecordBatch.from_pylist([], schema=schema), avro_schema(schema)).to_pylist() == []
    batch = column(pa.array([{}, {}], pa.struct([])), nullable=False)
    assert encode(batch, avro_schema(batch.schema)).to_pylist() == [b"", b""]


def test_keys_of_a_map_keep_their_order():
    array = pa.array([[("z", 1), ("a", 2)]], pa.map_(pa.string(), pa.int32()))
    datum = check(column(array))[0]
    assert datum.index(b"z") < datum.index(b"a")


# ---- what is refused -------------------------------------------------------------------------------------------------


def not_null(arrow: pa.DataType) -> pa.Field:
    return pa.field("v", arrow, nullable=False)


@pytest.mark.parametrize(
    ("array", "required", "path", "row"),
    [
        (pa.array([1, 2, None]), not_null(pa.int64()), "x", 2),
        (
            pa.array([{"v": 1}, None, {"v": None}], pa.struct({"v": pa.int8()})),
            pa.field("x", pa.struct([not_null(pa.int8())])),
            "x.v",
            2,
        ),
        (
            pa.array([[], ["a", "b"], None, ["c", None]], pa.list_(pa.string())),
            pa.field("x", pa.list_(not_null(pa.string()))),
            "x[]",
            3,
        ),
        (
            pa.array([[("a", 1)], [("b", None)]], pa.map_(pa.string(), pa.int32())),
            pa.field("x", pa.map_(pa.string(), not_null(pa.int32()))),
            "x[]",
            1,
        ),
        (
            pa.array([[["z"]], [], [[], ["a", None]]], pa.list_(pa.list_(pa.string()))),
            pa.field("x", pa.list_(pa.list_(not_null(pa.string())))),
            "x[][]",
            2,
        ),
    ],
)
def test_a_null_without_a_place_is_refused_with_field_and_row(array, required, path, row):
    schema = avro_schema(pa.schema([required.with_name("x")]))
    with pytest.raises(EncodeError, match=re.escape(f"{path} is null in row {row} of the block")):
        encode(column(array), schema)


def test_a_null_under_a_null_needs_no_place():
    child = pa.array([1, None, 3], pa.int64())
    array = pa.StructArray.from_arrays([child], fields=[not_null(pa.int64())], mask=pa.array([False, True, False]))
    check(column(array))


@pytest.mark.parametrize(
    "arrow",
    [pa.uint64(), pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.duration("s"), pa.decimal128(9, 2)],
    ids=str,
)
def test_types_without_an_avro_type_are_refused_by_path(arrow):
    schema = pa.schema({"a": pa.list_(pa.struct([pa.field("b", pa.dictionary(pa.int8(), arrow))]))})
    with pytest.raises(ArchiveError, match=r"^a\.b is of type ") as caught:
        avro_schema(schema)
    assert str(arrow) in caught.value.message


def test_maps_need_text_keys():
    with pytest.raises(ArchiveError, match="keys of map a are of type int32"):
        avro_schema(pa.schema({"a": pa.map_(pa.int32(), pa.string())}))


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(ArchiveError, match="a has more than one field named 'b'"):
        avro_schema(pa.schema({"a": pa.struct([pa.field("b", pa.int8()), pa.field("b", pa.int8())])}))


@pytest.mark.parametrize(
    ("avro", "message"),
    [
        (["string", "null"], "x is of type int64 and its Avro type is 'string'"),
        ("int", "x is of type int64 and its Avro type is 'int'"),
        ("mystery", "x is of type int64 and its Avro type is 'mystery'"),
        (["long", "string"], "is not of one type and null"),
        (["null"], "is not of one type and null"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(avro, message):
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": avro}]}
    with pytest.raises(EncodeError, match=message):
        encode(pa.record_batch({"x": pa.array([1])}), schema)


def test_fields_in_another_order_are_refused():
    schema = avro_schema(pa.schema({"x": pa.int64(), "y": pa.int64()}))
    with pytest.raises(EncodeError, match=r"fields of the batch are \['y', 'x'\]"):
        encode(pa.record_batch({"y": pa.array([1]), "x": pa.array([1])}), schema)


# ---- names -----------------------------------------------------------------------------------------------------------


def test_records_are_named_by_their_path():
    point = pa.struct([pa.field("p", pa.struct([]), nullable=False)])
    schema = avro_schema(
        pa.schema([pa.field("s", point, nullable=False), pa.field("l", pa.list_(pa.map_(pa.string(), point)))])
    )
    assert schema["name"] == "topLevelRecord"
    bare, nested = (field["type"] for field in schema["fields"])
    assert bare["name"] == "topLevelRecord.s"
    assert bare["fields"][0]["type"]["name"] == "topLevelRecord.s.p"
    record = nested[0]["items"][0]["values"][0]
    assert record["name"] == "topLevelRecord.l"
    assert record["fields"][0]["type"]["name"] == "topLevelRecord.l.p"


def test_names_of_records_are_legal_and_unique():
    child = pa.struct([pa.field("b", pa.struct([]))])
    schema = avro_schema(pa.schema({"a": child, "a.b": pa.struct([]), "a_b": pa.struct([]), "2a": pa.struct([])}))
    names = [field["type"][0]["name"] for field in schema["fields"]]
    assert [field["name"] for field in schema["fields"]] == ["a", "a.b", "a_b", "2a"]
    assert names == ["topLevelRecord.a", "topLevelRecord.a_b", "topLevelRecord.a_b_", "topLevelRecord._2a"]
    fastavro.parse_schema(schema)


# ---- real alerts -----------------------------------------------------------------------------------------------------


def with_text_times(table: pa.Table) -> pa.Table:
    fields = [f.with_type(pa.string()) if pa.types.is_timestamp(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def test_real_alerts_of_the_archive(shared_archive):
    num_alerts = 0
    for path in sorted(shared_archive.rglob("*.parquet")):
        table = with_text_times(pq.ParquetFile(path).read())
        batch = table.combine_chunks().to_batches()[0]
        check(batch)
        check(batch.slice(1, len(batch) - 1))
        num_alerts += len(batch)
    assert num_alerts == 106


def arrow_type(avro) -> pa.DataType:
    primitives = {
        "string": pa.string(),
        "bytes": pa.binary(),
        "int": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
    }
    if isinstance(avro, str):
        return primitives[avro]
    if avro["type"] == "record":
        return pa.struct([arrow_field(f["name"], f["type"]) for f in avro["fields"]])
    if avro["type"] == "map":
        return pa.map_(pa.string(), arrow_field("value", avro["values"]))
    return pa.list_(arrow_field("element", avro["items"]))


def arrow_field(name: str, avro) -> pa.Field:
    nullable = isinstance(avro, list)
    return pa.field(name, arrow_type(avro[0] if nullable else avro), nullable)


def test_schema_and_alerts_of_the_service(shared_service):
    text = (shared_service / "avro_schema.json").read_text().replace("topLevelRecord.value", "topLevelRecord")
    theirs = {key: value for key, value in json.loads(text).items() if not key.startswith("__")}
    arrow = pa.schema(list(arrow_type(theirs)))
    assert avro_schema(arrow) == theirs

    with (shared_service / "part-3-305711.avro").open("rb") as file:
        rows = list(fastavro.reader(file))
    assert len(rows) == 31
    batch = pa.RecordBatch.from_pylist(rows, schema=arrow)
    assert encode(batch, theirs).to_pylist() == fastavro_datums(rows, theirs)
    check(batch)


def test_blocks_of_other_columns_are_told_after_one_that_fits():
    fitting = column(pa.array([1, 2]))
    schema = avro_schema(fitting.schema)
    once = encode(fitting, schema).to_pylist()
    for other in (column(pa.array(["a", "b"])), fitting.rename_columns(["another"])):
        with pytest.raises(EncodeError):
            encode(other, schema)
    assert encode(fitting, schema).to_pylist() == once
