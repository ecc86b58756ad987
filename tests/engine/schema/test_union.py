"""The schema union: rules of drift, on random archives and on the rules' own cases."""

import datetime as dt
import math
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from engine.errors import ArchiveError
from engine.schema import check_settled, conform, union_schemas


def unite(*types: pa.DataType, widen=()) -> pa.DataType:
    files = [(f"file{i}.parquet", pa.schema([("x", type_)])) for i, type_ in enumerate(types)]
    type_ = union_schemas(files, widen).field("x").type
    check_settled(type_)
    return type_


def used(schema: pa.Schema, *names: str) -> None:
    """Use these fields of a union, or all."""
    for field in schema:
        if not names or field.name in names:
            check_settled(field.type)


def converted(values: Any, source: pa.DataType, target: pa.DataType) -> list[Any]:
    return conform(pa.array(values, source), target, "x", "file.parquet").to_pylist()


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([pa.null(), pa.null()], pa.string()),
        ([pa.null(), pa.float32()], pa.float32()),
        ([pa.int32(), pa.int64()], pa.int64()),
        ([pa.int8(), pa.int16()], pa.int16()),
        ([pa.uint32(), pa.int8()], pa.int64()),
        ([pa.float32(), pa.float64()], pa.float64()),
        ([pa.int64(), pa.float64()], pa.int64()),
        ([pa.timestamp("ns"), pa.timestamp("us")], pa.string()),
        ([pa.timestamp("us", "UTC"), pa.string()], pa.string()),
        ([pa.dictionary(pa.int32(), pa.string()), pa.string()], pa.string()),
        ([pa.large_string(), pa.string_view()], pa.string()),
        ([pa.large_binary(), pa.binary()], pa.binary()),
        ([pa.list_(pa.int32()), pa.large_list(pa.int64())], pa.list_(pa.int64())),
        (
            [pa.struct([("a", pa.int32())]), pa.struct([("b", pa.string())])],
            pa.struct([("a", pa.int32()), ("b", pa.string())]),
        ),
        ([pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.string())], pa.map_(pa.string(), pa.string())),
        (
            [pa.struct([("a", pa.float64()), ("b", pa.null())]), pa.map_(pa.string(), pa.float32())],
            pa.map_(pa.string(), pa.float64()),
        ),
    ],
)
def test_types_meet_whatever_the_order(types, expected):
    assert unite(*types) == expected
    if not pa.types.is_struct(expected):
        assert unite(*reversed(types)) == expected


def test_struct_of_mixed_fields_meets_map_as_struct():
    struct = pa.struct([("a", pa.string()), ("b", pa.string()), ("n", pa.struct([("deep", pa.int8())]))])
    with pytest.raises(ArchiveError):  # the map's text can't be a struct
        unite(struct, pa.map_(pa.string(), pa.string()))
    mixed = pa.struct([("a", pa.float64()), ("b", pa.int32())])
    united = unite(mixed, pa.map_(pa.string(), pa.float64()))
    assert united == pa.struct([("a", pa.float64()), ("b", pa.int64())])
    source = pa.map_(pa.string(), pa.float64())
    assert converted([[("b", 3.0), ("a", 0.5)], None, []], source, united) == [
        {"a": 0.5, "b": 3},
        None,
        {"a": None, "b": None},
    ]
    with pytest.raises(ArchiveError, match="'c'"):
        converted([[("c", 1.0)]], source, united)


def test_a_field_that_is_null_typed_in_the_struct_takes_the_map_s_type():
    struct = pa.struct([("a", pa.null()), ("b", pa.int32()), ("c", pa.float32())])
    united = pa.struct([("a", pa.float64()), ("b", pa.int64()), ("c", pa.float64())])
    assert unite(struct, pa.map_(pa.string(), pa.float64())) == united
    assert unite(pa.map_(pa.string(), pa.float64()), struct) == united


@pytest.mark.parametrize(
    "types",
    [
        [pa.string(), pa.struct([("a", pa.int32())])],
        [pa.list_(pa.int32()), pa.int32()],
        [pa.bool_(), pa.int32()],
        [pa.string(), pa.float64()],
        [pa.binary(), pa.string()],
    ],
)
def test_real_conflicts_are_refused_with_both_files(types):
    with pytest.raises(ArchiveError) as caught:
        unite(*types)
    assert "file0.parquet" in str(caught.value)
    assert "file1.parquet" in str(caught.value)


def test_nested_conflict_names_the_path():
    with pytest.raises(ArchiveError, match=r"x\.item\.a"):
        unite(pa.list_(pa.struct([("a", pa.int32())])), pa.list_(pa.struct([("a", pa.string())])))


def test_types_that_nobody_can_send_are_refused():
    with pytest.raises(ArchiveError, match="interval, which can't be transferred"):
        unite(pa.int32(), pa.month_day_nano_interval())


def test_fields_keep_the_order_of_the_newest():
    newest = pa.schema([("b", pa.int32()), ("a", pa.int32())])
    older = pa.schema([("a", pa.int32()), ("z", pa.int32()), ("b", pa.int32())])
    assert union_schemas([("n", newest), ("o", older)]).names == ["b", "a", "z"]


def test_files_that_agree_are_looked_at_once_and_the_first_is_named():
    ints, texts = pa.schema([("a", pa.int32())], {"writer": "1"}), pa.schema([("a", pa.string())])
    many = [(f"new{i}", ints.with_metadata({"writer": str(i)})) for i in range(50)]
    assert union_schemas(many) == ints
    assert union_schemas(many).metadata is None
    with pytest.raises(ArchiveError) as caught:
        used(union_schemas([*many, ("old0", texts), ("old1", texts)]))
    assert caught.value.message == "a is int32 in new0 and string in old0"


def test_a_column_that_one_file_lacks_may_be_null():
    firm = pa.schema([pa.field("a", pa.int32(), nullable=False)])
    assert not union_schemas([("1", firm), ("2", firm)]).field("a").nullable
    assert union_schemas([("1", firm), ("2", pa.schema([("b", pa.int8())]))]).field("a").nullable


def test_identifiers_are_never_rounded():
    candid = 2041306210015015018
    assert converted([candid, None], pa.int64(), pa.int64()) == [candid, None]
    assert converted([float(candid), math.nan, None, -0.0], pa.float64(), pa.int64()) == [
        int(float(candid)),
        None,
        None,
        0,
    ]


@pytest.mark.parametrize("value", [1.5, math.inf, -math.inf, 2.0**63, 1e300])
def test_a_float_that_is_no_integer_fails_with_its_name(value):
    with pytest.raises(ArchiveError, match=r"file\.parquet") as caught:
        converted([1.0, value], pa.float64(), pa.int64())
    assert repr(value) in str(caught.value)
    assert "widen=" in str(caught.value)


def test_widen_makes_them_meet_as_double():
    assert unite(pa.int64(), pa.float64(), widen=["x"]) == pa.float64()
    with pytest.raises(ArchiveError, match="widen="):
        unite(pa.int64(), pa.int32(), widen=["x"])


def test_timestamps_are_text_as_spark_writes_it():
    when = dt.datetime(2026, 3, 22, 12, 10, 38, 3540)
    whole = dt.datetime(2021, 11, 22)
    for type_ in (pa.timestamp("us"), pa.timestamp("ns")):
        assert converted([when, whole, None], type_, pa.string()) == [
            "2026-03-22 12:10:38.00354",
            "2021-11-22 00:00:00",
            None,
        ]
    aware = when.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert converted([aware], pa.timestamp("us", "Europe/Paris"), pa.string()) == ["2026-03-22 10:10:38.00354"]


def test_nanoseconds_are_kept():
    source = pa.timestamp("ns", "UTC")
    values = [1637593200123456789, 1637593200123456000, 1637593200000000000, -1, None]
    assert conform(pa.array(values, source), pa.string(), "x", "file").to_pylist() == [
        *("2021-11-22 15:00:00.123456789", "2021-11-22 15:00:00.123456", "2021-11-22 15:00:00"),
        *("1969-12-31 23:59:59.999999999", None),
    ]


def test_nan_becomes_null_also_where_no_file_has_nulls():
    files = [(str(t), pa.schema([pa.field("x", t, nullable=False)])) for t in (pa.int64(), pa.float64())]
    assert union_schemas(files).field("x").nullable
    assert not union_schemas(files, widen=["x"]).field("x").nullable


@pytest.mark.parametrize(
    ("path", "whole", "fraction"),
    [
        ("x", (pa.int64(), 1), (pa.float64(), 1.5)),
        ("x.a", (pa.struct([("a", pa.int64())]), {"a": 1}), (pa.struct([("a", pa.float64())]), {"a": 1.5})),
        ("x.item", (pa.list_(pa.int8()), [1]), (pa.list_(pa.float32()), [1.5])),
        (
            "x.item.a",
            (pa.list_(pa.struct([("a", pa.int64())])), [{"a": 1}]),
            (pa.large_list(pa.struct([("a", pa.float64())])), [{"a": 1.5}]),
        ),
        (
            "x.value",
            (pa.map_(pa.string(), pa.int64()), [("a", 1)]),
            (pa.map_(pa.string(), pa.float64()), [("a", 1.5)]),
        ),
        (
            "x.a",
            (pa.map_(pa.string(), pa.int64()), [("a", 1)]),
            (pa.struct([("a", pa.float64()), ("b", pa.int8())]), {"a": 1.5, "b": None}),
        ),
    ],
)
def test_what_a_message_proposes_to_widen_can_be_widened(path, whole, fraction):
    types = whole[0], fraction[0]
    with pytest.raises(ArchiveError, match=r"holds 1\.5") as caught:
        converted([fraction[1]], fraction[0], unite(*types))
    assert caught.value.next_step == f"ask for {path} as double: widen=[{path!r}]"
    converted([whole[1]], whole[0], unite(*types, widen=[path]))
    converted([fraction[1]], fraction[0], unite(*types, widen=[path]))
    with pytest.raises(ArchiveError, match="do not meet: y") as caught:
        unite(*types, widen=["y"])
    assert path in caught.value.accepted.partition(": ")[2].split(", ")


def test_a_file_with_two_fields_of_one_name_is_refused():
    twice = [pa.field("x", pa.int8()), pa.field("x", pa.int8())]
    with pytest.raises(ArchiveError, match="file has more than one field x"):
        used(union_schemas([("file", pa.schema(twice))]))
    with pytest.raises(ArchiveError, match=r"file has more than one field s\.x"):
        used(union_schemas([("file", pa.schema([("s", pa.struct(twice))]))]))


def test_a_name_with_dots_must_not_be_another_s_path():
    dotted = pa.schema([("a", pa.int8()), ("a.b", pa.int8()), ("s", pa.struct([("c.d", pa.int8())]))])
    assert union_schemas([("file", dotted)]).names == ["a", "a.b", "s"]
    either = union_schemas([("file", pa.schema([("a.b", pa.int8())])), ("other", pa.schema([("a", LIKE_B)]))])
    used(either, "a")
    with pytest.raises(ArchiveError, match="inside a, which is a struct in other") as caught:
        used(either, "a.b")
    assert "as file has it" in caught.value.message


LIKE_B = pa.struct([("b", pa.string())])


def test_numbers_and_texts_meet_where_they_are_told_to():
    files = [("1", pa.schema([("month", pa.int32())])), ("2", pa.schema([("month", pa.string())]))]
    assert union_schemas(files, as_text=["month"]).field("month").type == pa.string()
    assert union_schemas(files[:1], as_text=["month"]).field("month").type == pa.int32()
    with pytest.raises(ArchiveError, match="month is int32 in 1 and string in 2"):
        used(union_schemas(files))
    assert converted([7, None], pa.int32(), pa.string()) == ["7", None]


def test_json_is_its_text():
    json = pa.json_(pa.string())
    assert unite(json, pa.string()) == pa.string()
    array = pa.ExtensionArray.from_storage(json, pa.array(['{"a": 1}', None]))
    assert conform(array, pa.string(), "x", "file").to_pylist() == ['{"a": 1}', None]


# Random drift: a value model of its own (plain Python), written as one of several Arrow types.
LEAVES = {
    "integer": (st.integers(-100, 100), [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float64(), pa.null()]),
    "real": (st.floats(width=32), [pa.float32(), pa.float64(), pa.null()]),
    "text": (
        st.text(max_size=4),
        [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.string_view(), pa.null()],
    ),
    "flag": (st.booleans(), [pa.bool_(), pa.null()]),
}


@st.composite
def drifting_archive(draw):
    """Two to four files of one logical schema, each with types, order and columns of its own."""
    kinds = draw(st.dictionaries(st.sampled_from("abcde"), st.sampled_from(sorted(LEAVES)), min_size=1))
    shapes = {name: draw(st.sampled_from(["leaf", "struct", "list", "map"])) for name in kinds}
    files = []
    for _ in range(draw(st.integers(2, 4))):
        columns = {}
        num_rows = draw(st.integers(0, 4))
        for name in draw(st.permutations(sorted(kinds))):
            if draw(st.integers(0, 5)) == 0:
                continue
            values, types = LEAVES[kinds[name]]
            leaf = draw(st.sampled_from(types))
            optional = st.none() if pa.types.is_null(leaf) else st.none() | values
            if shapes[name] == "leaf":
                type_, model = leaf, optional
            elif shapes[name] == "list":
                type_, model = (
                    draw(st.sampled_from([pa.list_(leaf), pa.large_list(leaf)])),
                    st.none() | st.lists(optional, max_size=3),
                )
            elif shapes[name] == "struct" or draw(st.booleans()):
                type_, model = pa.struct([("k", leaf)]), st.none() | st.fixed_dictionaries({"k": optional})
            else:
                type_ = pa.map_(pa.string(), leaf)
                model = st.none() | optional.map(lambda value: [("k", value)])
            columns[name] = (type_, draw(st.lists(model, min_size=num_rows, max_size=num_rows)))
        files.append((num_rows, columns))
    return files


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        # A struct grows the keys of others; they are null.
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    return left == right


def as_mapping(value: Any) -> Any:
    pairs = isinstance(value, list) and value and all(isinstance(item, tuple) for item in value)
    return dict(value) if pairs else value


@given(drifting_archive(), st.integers(0, 2))
def test_every_row_comes_through_with_its_value(files, offset):
    schemas = [
        (f"file{i}", pa.schema([(name, type_) for name, (type_, _) in columns.items()]))
        for i, (_, columns) in enumerate(files)
    ]
    union = union_schemas(schemas)
    for num_rows, columns in files:
        for field in union:
            if field.name not in columns:
                continue
            type_, values = columns[field.name]
            start = min(offset, num_rows)
            result = conform(pa.array(values, type_)[start:], field.type, field.name, "file")
            result.validate(full=True)
            assert result.type == field.type
            got = [as_mapping(value) for value in result.to_pylist()]
            expected = [as_mapping(value) for value in values[start:]]
            assert all(map(same, got, expected)), (got, expected)
