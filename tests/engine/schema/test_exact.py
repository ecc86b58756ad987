"""Decimals, times of day and durations, maps of any keys and list views: what they become, value by value."""

import datetime as dt
from decimal import Context, Decimal

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from engine.errors import ArchiveError
from engine.schema import avro_schema, check_settled, conform, descend, names_along, type_at, union_schemas, unit_of


def united(*types: pa.DataType) -> pa.Field:
    field = union_schemas([(f"file{i}", pa.schema([("x", type_)])) for i, type_ in enumerate(types)]).field("x")
    check_settled(field.type)
    return field


def sent(array: pa.Array, *others: pa.DataType) -> list:
    """Return what values become in the union with further files."""
    field = united(array.type, *others)
    result = conform(array, field.type, "x", "FILE", field.metadata)
    result.validate(full=True)
    assert result.type == field.type
    return result.to_pylist()


_EXACT = Context(prec=120)
WIDTHS = {pa.decimal32: 9, pa.decimal64: 18, pa.decimal128: 38, pa.decimal256: 76}


@given(st.data())
def test_a_decimal_s_text_has_every_digit_and_no_exponent(data):
    make = data.draw(st.sampled_from(list(WIDTHS)))
    precision = data.draw(st.integers(1, WIDTHS[make]))
    scale = data.draw(st.integers(0, precision))
    most = 10**precision - 1
    whole = data.draw(st.lists(st.none() | st.integers(-most, most) | st.integers(max(-20, -most), min(20, most))))
    values = [None if n is None else Decimal(n).scaleb(-scale, _EXACT) for n in whole]
    larger = data.draw(st.integers(0, 20))
    start = data.draw(st.integers(0, len(values)))
    texts = sent(pa.array(values, make(precision, scale))[start:], pa.decimal256(76, larger))
    for value, text in zip(values[start:], texts, strict=True):
        if value is None:
            assert text is None
            continue
        digits = max(scale, larger)
        assert Decimal(text) == value
        assert text == format(value.quantize(Decimal(1).scaleb(-digits), context=_EXACT), "f")
        assert len(text.partition(".")[2]) == digits


def test_a_negative_scale_is_written_out():
    values = [Decimal("12000"), Decimal("0"), Decimal("-100"), None]
    assert sent(pa.array(values, pa.decimal128(5, -2))) == ["12000", "0", "-100", None]
    assert sent(pa.array(values, pa.decimal128(5, -2)), pa.decimal128(5, 1)) == ["12000.0", "0.0", "-100.0", None]


def test_decimals_of_one_value_have_one_text_whatever_the_file():
    values = [Decimal("12.30"), Decimal("-0.05"), Decimal("0"), None]
    two, four = pa.decimal128(10, 2), pa.decimal64(12, 4)
    texts = ["12.3000", "-0.0500", "0.0000", None]
    assert sent(pa.array(values, two), four) == texts
    assert sent(pa.array(values, four), two) == texts
    assert sent(pa.array(values, two)) == ["12.30", "-0.05", "0.00", None]
    assert sent(pa.array(["as it is", None]), two) == ["as it is", None]
    assert sent(pa.array([Decimal(7), None], pa.decimal128(38, 0))) == ["7", None]
    # Inside a struct, a list and a map too.
    for outer, value in (
        (lambda t: pa.struct([("a", t)]), lambda x: {"a": x}),
        (pa.list_, lambda x: [x]),
        (lambda t: pa.map_(pa.string(), t), lambda x: [("k", x)]),
        (lambda t: pa.list_(pa.struct([("a", t)])), lambda x: [{"a": x}]),
    ):
        assert sent(pa.array([value(Decimal("1.50"))], outer(two)), outer(four)) == [value("1.5000")]


@pytest.mark.parametrize("type_", [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")])
@given(seconds=st.lists(st.none() | st.integers(0, 86_399), max_size=5), micros=st.integers(0, 999_999))
def test_a_time_of_day_is_its_text(type_, seconds, micros):
    micros -= micros % {"s": 10**6, "ms": 1000}.get(type_.unit, 1)
    day = dt.datetime(2021, 1, 1)
    values = [None if s is None else (day + dt.timedelta(seconds=s, microseconds=micros)).time() for s in seconds]
    wanted = [None if v is None else v.isoformat() for v in values]
    wanted = [v.rstrip("0").rstrip(".") if v and "." in v else v for v in wanted]
    assert sent(pa.array(values, type_)) == sent(pa.array(values, type_), pa.time64("ns")) == wanted


def test_nanoseconds_of_a_day_are_kept():
    assert sent(pa.array([1, 86_399_999_999_999, 0], pa.time64("ns"))) == [
        *("00:00:00.000000001", "23:59:59.999999999", "00:00:00")
    ]


def test_durations_are_counted_in_the_finest_unit():
    seconds = pa.array([-1, 0, None, 90], pa.duration("s"))
    assert sent(seconds) == [-1, 0, None, 90]
    assert (
        sent(seconds, pa.duration("ms"))
        == sent(seconds, pa.duration("s"), pa.duration("ms"))
        == [-1000, 0, None, 90000]
    )
    assert unit_of(united(pa.duration("s"), pa.duration("us"))) == "microseconds"
    nested = pa.array([{"a": [1]}], pa.struct([("a", pa.list_(pa.duration("ms")))]))
    assert sent(nested, pa.struct([("a", pa.list_(pa.duration("ns")))])) == [{"a": [10**6]}]


def test_a_duration_beyond_int64_is_refused_by_name():
    with pytest.raises(ArchiveError) as caught:
        sent(pa.array([5, -(10**12), None], pa.duration("s")), pa.duration("ns"))
    error = caught.value
    for told in ("x is a duration in seconds in FILE", "nanoseconds", "finer unit", "-1000000000000 seconds"):
        assert told in error.message
    assert "timestamp" not in str(error)
    assert "nights that have x in nanoseconds" in error.next_step


def test_the_avro_field_of_a_duration_tells_its_unit():
    schema = union_schemas([("f", pa.schema([("x", pa.duration("ms")), ("y", pa.int64())]))])
    x, y = avro_schema(schema)["fields"]
    assert x == {"name": "x", "type": ["long", "null"], "doc": "a duration in milliseconds"}
    assert "doc" not in y


@pytest.mark.parametrize("keys", [pa.int32(), pa.date32(), pa.decimal128(5, 2), pa.bool_(), pa.binary()])
def test_a_map_whose_keys_are_no_text_is_the_list_of_its_entries(keys):
    one = {
        pa.int32(): (2, 2),
        pa.date32(): (dt.date(2021, 11, 22), "2021-11-22"),
        pa.decimal128(5, 2): (Decimal("1.5"), "1.50"),
        pa.bool_(): (True, True),
        pa.binary(): (b"\x00", b"\x00"),
    }
    key, as_sent = one[keys]
    array = pa.array([None, [(key, 1.5), (key, None)], [], [(key, 2.0)]], pa.map_(keys, pa.float32()))
    wanted = [
        None,
        [{"key": as_sent, "value": 1.5}, {"key": as_sent, "value": None}],
        [],
        [{"key": as_sent, "value": 2.0}],
    ]
    assert sent(array) == wanted
    assert sent(array[1:], pa.map_(keys, pa.float64())) == wanted[1:]
    assert sent(array[2:], pa.list_(pa.struct([("key", keys), ("value", pa.float32())]))) == wanted[2:]
    assert not united(array.type).type.value_type.field("key").nullable


@pytest.mark.parametrize("view", [pa.ListViewArray, pa.LargeListViewArray])
def test_a_list_view_whose_items_lie_in_any_order_is_a_list(view):
    offsets = np.int64 if view is pa.LargeListViewArray else np.int32
    items = pa.array([Decimal(n) for n in range(5)], pa.decimal128(5, 1))
    array = view.from_arrays(np.array([3, 0, 0, 1], offsets), np.array([2, 2, 0, 3], offsets), items)
    assert sent(array) == [["3.0", "4.0"], ["0.0", "1.0"], [], ["1.0", "2.0", "3.0"]]
    assert sent(array[1:3]) == [["0.0", "1.0"], []]
    assert sent(pa.array([[1], None, []], pa.list_view(pa.int8())), pa.list_(pa.int16())) == [[1], None, []]


def test_an_extension_type_is_what_it_stores():
    uuid = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None], pa.binary(16)))
    assert sent(uuid) == [b"0" * 16, None]
    tensor = pa.fixed_shape_tensor(pa.int8(), [2])
    assert sent(pa.ExtensionArray.from_storage(tensor, pa.array([[1, 2], None], pa.list_(pa.int8(), 2)))) == [
        [1, 2],
        None,
    ]


class Point(pa.ExtensionType):
    """A type of somebody's own that stores a struct."""

    def __init__(self):
        super().__init__(pa.struct([("a", pa.int8())]), "test.point")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


def test_what_an_extension_type_stores_is_found_inside_it():
    array = pa.ExtensionArray.from_storage(Point(), pa.array([{"a": 1}, None], Point().storage_type))
    schema = pa.schema([("x", Point()), ("l", pa.list_(Point()))])
    assert sent(array) == [{"a": 1}, None]
    assert type_at(schema, "x.a") == type_at(schema, "l.a") == pa.int8()
    assert descend({"x": array}, names_along(schema, "x.a")).to_pylist() == [1, None]
