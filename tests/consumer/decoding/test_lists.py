"""Lists and maps in whatever blocks: the same values as in one, for many lists and for few."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decoding import Datums, Decoder
from tests.consumer.decoding.oracle import read, rows_of, written

ITEM = {
    "type": "record",
    "name": "detection",
    "fields": [
        {"name": "jd", "type": ["double", "null"]},
        {"name": "tag", "type": "string"},
        {"name": "inner", "type": {"type": "array", "items": "int"}},
    ],
}
RECORDS = {"type": "array", "items": [ITEM, "null"]}
MAP = {"type": "map", "values": ["long", "null"]}


def schema_of(avro):
    return {
        "type": "record",
        "name": "r",
        "fields": [{"name": "x", "type": avro}, {"name": "behind", "type": "string"}],
    }


def in_blocks(items: list[bytes], sizes: list[int], sign: int) -> bytes:
    """Return items in blocks; of those with a negative count the bytes are told too."""
    out = b""
    for size in [*sizes, len(items)]:
        block, items = items[:size], items[size:]
        if block:
            nbytes = written("long", len(b"".join(block))) if sign < 0 else b""
            out += written("long", sign * len(block)) + nbytes + b"".join(block)
    return out + b"\x00"


DETECTIONS = st.none() | st.fixed_dictionaries(
    {"jd": st.none() | st.floats(), "tag": st.text(max_size=5), "inner": st.lists(st.integers(-9, 99), max_size=3)}
)


@pytest.mark.parametrize("times", [1, 60])
@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(DETECTIONS, max_size=12), min_size=1, max_size=4), st.data())
def test_blocks_of_a_list(times, lists, data):
    schema = schema_of(RECORDS)
    datums = []
    for detections in lists:
        # The schema of a list's items alone, whose datums are what stands in a list.
        items = [written([ITEM, "null"], detection) for detection in detections]
        sizes = data.draw(st.lists(st.integers(1, 4), max_size=12))
        datums.append(in_blocks(items, sizes, data.draw(st.sampled_from([1, -1]))) + written("string", "end"))
    decoder = Decoder(schema)
    decoded = decoder.decode(Datums.of(datums * times))
    assert decoded.bad == {}
    assert [row["x"] for row in decoded.batch.to_pylist()][: len(lists)] == lists or rows_of(decoded.batch) == list(
        read(schema, decoder.schema, datums * times).values()
    )
    assert set(decoded.batch.column("behind").to_pylist()) == {"end"}


@pytest.mark.parametrize("times", [1, 60])
def test_a_key_that_a_map_has_twice_keeps_its_first_place_and_its_last_value(times):
    schema = schema_of(MAP)
    entries = [
        written("string", key) + b"\x00" + written("long", value) for key, value in (("a", 1), ("b", 2), ("a", 3))
    ]
    datums = [in_blocks(entries, [2], 1) + b"\x00", in_blocks(entries[:2], [], 1) + b"\x00"] * times
    decoded = Decoder(schema).decode(Datums.of(datums))
    assert decoded.batch.column("x").to_pylist() == [[("a", 3), ("b", 2)], [("a", 1), ("b", 2)]] * times


@pytest.mark.parametrize("num_lists", [1, 23, 45, 300])
def test_a_few_lists_much_longer_than_the_others(num_lists):
    schema = schema_of(RECORDS)
    alerts = [
        {
            "x": [
                {"jd": float(n), "tag": f"{row}", "inner": [n] * (n % 3)}
                for n in range(700 if row % 40 == 7 else row % 5)
            ],
            "behind": f"row {row}",
        }
        for row in range(num_lists)
    ]
    decoded = Decoder(schema).decode(Datums.of([written(schema, alert) for alert in alerts]))
    decoded.batch.validate(full=True)
    assert decoded.batch.to_pylist() == alerts


def test_a_long_list_with_an_item_that_is_none_is_bad_alone():
    schema = schema_of({"type": "array", "items": "string"})
    good = written(schema, {"x": ["é"] * 500, "behind": ""})
    at = good.index("é".encode(), 600)
    beyond = written(schema_of({"type": "array", "items": "int"}), {"x": [2**31 - 1] * 500, "behind": ""})
    decoded = Decoder(schema).decode(Datums.of([good, good[:at] + b"\xff\xff" + good[at + 2 :], good, beyond]))
    assert decoded.good.tolist() == [0, 2]
    assert decoded.batch.column("x").to_pylist() == [["é"] * 500] * 2
    wide, narrow = (schema_of({"type": "array", "items": kind}) for kind in ("long", "int"))
    datums = [written(wide, {"x": [1] * 499 + [last], "behind": ""}) for last in (7, 2**31, -8)]
    decoded = Decoder(narrow).decode(Datums.of(datums))
    assert (decoded.good.tolist(), list(decoded.bad)) == ([0, 2], [1])
