"""Datums and schemas that lie: nothing is held in memory that no bytes stand for, and no work is done twice."""

import sys
import tracemalloc

import numpy as np
import pytest

from consumer.decoding import Datums, Decoder
from consumer.errors import WireError
from tests.consumer.decoding.oracle import written

MB = 1_000_000
TEXTS = ["null", "string"]
NARROW = {"type": "record", "name": "n", "fields": [{"name": "a", "type": ["null", "double"]}]}
WIDE = {"type": "record", "name": "w", "fields": [{"name": f"a{n}", "type": ["double", "null"]} for n in range(100)]}


def schema_of(*types):
    return {"type": "record", "name": "r", "fields": [{"name": f"f{n}", "type": avro} for n, avro in enumerate(types)]}


def list_of(items):
    return {"type": "array", "items": items}


def nulls(count: int, tag: bytes = b"\x00") -> bytes:
    return written("long", count) + tag * count + b"\x00"


def peak(schema, datums):
    """Return the bytes that numpy takes at the peak of a decoding, with those of the batch, and what became of it."""
    decoder, joined = Decoder(schema), Datums.of(datums)
    decoder.decode(Datums.of(datums[:1]))  # what is imported, or made once for the schema, is not counted
    tracemalloc.start()
    try:
        decoded = decoder.decode(joined)
        return tracemalloc.get_traced_memory()[1] + decoded.batch.get_total_buffer_size(), decoded
    finally:
        tracemalloc.stop()


def counted(work):
    """Return how many functions a piece of work calls, in Python and in C, and what it returns."""
    num_calls = 0

    def count(frame, event, argument):
        nonlocal num_calls
        num_calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return num_calls, result


@pytest.mark.parametrize("num_datums", [1, 50])
@pytest.mark.parametrize(
    ("items", "tag"),
    [(TEXTS, b"\x00"), (NARROW, b"\x00"), ([WIDE, "null"], b"\x02"), (list_of("int"), b"\x00")],
    ids=["texts", "records", "wide records", "lists"],
)
def test_lists_of_nulls_take_a_few_times_their_bytes(items, tag, num_datums):
    datums = [nulls(MB // 5 // num_datums, tag)] * num_datums
    nbytes, decoded = peak(schema_of(list_of(items)), datums)
    assert nbytes < 60 * MB // 5 + 2 * MB
    assert len(decoded.good) + len(decoded.bad) == num_datums


def test_what_claims_far_more_memory_than_it_has_bytes_is_put_aside():
    schema = schema_of(list_of([WIDE, "null"]), "int")
    row = written(schema, {"f0": [None] * 20, "f1": 7})
    claims = nulls(MB, b"\x02") + b"\x0e"
    nbytes, decoded = peak(schema, [row, claims, row])
    assert (decoded.good.tolist(), list(decoded.bad)) == ([0, 2], [1])
    assert "'f0'" in decoded.bad[1]
    assert decoded.batch.to_pylist() == [{"f0": [None] * 20, "f1": 7}] * 2
    assert nbytes < MB
    fixed = {"type": "fixed", "name": "f", "size": 2**30}
    nbytes, decoded = peak(schema_of("int", ["null", fixed]), [b"\x00\x00"] * 10)
    assert len(decoded.bad) == 10
    nbytes, decoded = peak(schema_of(fixed | {"size": 2**31 - 1}), [b"x"] * 10)
    assert len(decoded.bad) == 10
    symbol = {"type": "enum", "name": "e", "symbols": ["x" * 10_000]}
    nbytes, decoded = peak(schema_of(list_of(symbol)), [nulls(MB)])
    assert len(decoded.bad) == 1
    assert nbytes < MB


@pytest.mark.parametrize("claim", [2**62, -(2**62), 2**31, 2**63 - 1, -(2**63) + 1])
@pytest.mark.parametrize("avro", ["string", "bytes", list_of("int"), {"type": "map", "values": "int"}])
def test_lengths_that_no_bytes_stand_for(avro, claim):
    datum = written("long", claim) + (b"\x08" if claim < 0 and isinstance(avro, dict) else b"") + b"\x02" * 100
    nbytes, decoded = peak(schema_of(avro), [datum] * 50)
    assert len(decoded.bad) == 50
    assert nbytes < MB


@pytest.mark.parametrize(
    ("schema", "datum"),
    [
        (schema_of(list_of("int")), b"\x02\x00" * 100_000 + b"\x00"),
        (schema_of(list_of("int")), b"\x01\x02\x00" * 70_000 + b"\x00"),
        (schema_of(*["long"] * 50), (b"\x80" * 4_000 + b"\x00") * 50),
        (schema_of({"type": "map", "values": "int"}), written("long", 60_000) + b"\x02a\x00" * 60_000 + b"\x00"),
    ],
    ids=["blocks of one item", "negative blocks", "endless numbers", "one key again and again"],
)
def test_what_is_written_as_nobody_writes_is_read_in_a_few_calls_a_byte(schema, datum):
    decoder = Decoder(schema)
    num_calls, decoded = counted(lambda: decoder.decode(Datums.of([datum])))
    assert decoded.bad == {}
    assert num_calls < 20 * len(datum)


def test_bad_rows_cost_no_more_than_good_ones():
    schema = schema_of(*["long", ["double", "null"], ["string", "null"], "int"] * 10)
    row = {f"f{n}": value for n, value in enumerate([2**60, 1.5, "é", -3] * 10)}
    decoder, good = Decoder(schema), written(schema, row)
    bad = [good[:cut] for cut in range(1, len(good))] + [good.replace("é".encode(), b"\xff\xff"), good + b"\x00"]

    def work(datums):
        num_calls, decoded = counted(lambda: decoder.decode(Datums.of(datums)))
        assert decoded.batch.num_rows == len(decoded.good) == datums.count(good)
        assert set(decoded.bad.values()) or not set(datums) - {good}
        return num_calls

    all_good = work([good] * 10_000)
    assert work([*[good] * 5_000, good[:-1], *[good] * 4_999]) < 2 * all_good
    # Naming each takes some calls, not some for each of its 40 fields.
    assert work((bad * 100)[:10_000]) < 30 * 10_000


def test_reasons_name_the_field():
    schema = schema_of(
        "long", ["null", "string"], list_of("int"), {"type": "enum", "name": "e", "symbols": ["a"]}, "int"
    )
    cases = {
        b"\x00\x02\x06ab": "'f1'",
        b"\x00\x02\x04\xff\xff\x00\x00\x00": "'f1' is no UTF-8",
        b"\x00\x04\x00\x00\x00\x00": "'f1' is none of the 2 types",
        b"\x00\x00\x7e\x00\x00\x00": "'f2' has more items than there are bytes",
        b"\x00\x00\x00\x02\x00": "'f3' is none of its 1 symbols",
        b"\x00\x00\x00\x00\xfe\xff\xff\xff\xff\x01": "'f4' holds a number beyond 32 bits",
        b"\x00\x00\x00\x00\x00\x00\x00": "2 bytes of 7 are left",
        b"\x00": "fewer bytes than any datum",
    }
    decoded = Decoder(schema).decode(Datums.of(list(cases)))
    assert len(decoded.good) == 0
    for (_, told), reason in zip(cases.items(), decoded.bad.values(), strict=True):
        assert told in reason


def deep(depth):
    avro = "string"
    for _ in range(depth):
        avro = list_of(avro)
    return avro


def doubling(times):
    """Return a record in which each type has two fields of the one before."""
    avro = {"type": "record", "name": "t0", "fields": [{"name": "a", "type": "int"}]}
    for n in range(times):
        fields = [{"name": "a", "type": avro}, {"name": "b", "type": f"t{n}"}]
        avro = {"type": "record", "name": f"t{n + 1}", "fields": fields}
    return avro


ITSELF = {"type": "record", "name": "s", "fields": [{"name": "next", "type": ["null", "s"]}]}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (schema_of(deep(900)), "64"),
        (schema_of(deep(65)), "64"),
        (schema_of(doubling(40)), "20,000"),
        (schema_of(*["int"] * 20_001), "20,000"),
        (schema_of(ITSELF), "itself"),
        (schema_of(list_of("null")), "take no bytes"),
        (schema_of({"type": "fixed", "name": "x", "size": -1}), "fixed"),
        (schema_of({"type": "fixed", "name": "x", "size": "many"}), "fixed"),
        (schema_of({"type": "fixed", "name": "x", "size": 2**31}), "fixed"),
        (schema_of({"type": "enum", "name": "x", "symbols": "abc"}), "enum"),
        (schema_of({"type": "enum", "symbols": ["a"]}), "enum"),
        (schema_of({"type": "record", "name": "x", "fields": "none"}), "record"),
        (schema_of({"type": "record", "name": "x", "fields": [{"name": 1, "type": "int"}]}), "record"),
        (schema_of({"type": "record", "name": "x", "fields": [{"name": "a"}]}), "record"),
        (schema_of({"type": "array"}), "None"),
        (schema_of({"type": "map", "values": 7}), "7"),
        (schema_of(["int", ["null", "int"]]), "union"),
        (schema_of(None), "None"),
        (schema_of({}), "None"),
        ({"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}] * 2}, "two fields"),
        (schema_of({"type": "fixed", "name": "x", "size": 1}, {"type": "fixed", "name": "x", "size": 2}), "twice"),
        ({"type": "record", "name": "r", "fields": []}, "no field"),
        ({"type": "record", "name": "r"}, "record"),
        ([], "not an Avro record"),
    ],
)
def test_schemas_that_lie_are_refused_in_one_block(schema, told):
    with pytest.raises(WireError) as caught:
        Decoder(schema)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 600


def test_types_as_deep_as_allowed_are_decoded():
    value = "bottom"
    for _ in range(60):
        value = [value]
    schema = schema_of(deep(60))
    datum = written(schema, {"f0": value})
    decoded = Decoder(schema).decode(Datums.of([datum, datum[:-3], datum]))
    assert decoded.batch.column("f0").to_pylist() == [value] * 2


def test_the_buffer_may_be_used_again():
    schema = schema_of("string", "double", {"type": "fixed", "name": "f", "size": 4}, list_of("bytes"))
    datum = written(schema, {"f0": "long enough to be no view", "f1": 1.5, "f2": b"abcd", "f3": [b"x" * 40]})
    joined = Datums.of([datum] * 3)
    data = joined.data.copy()
    decoded = Decoder(schema).decode(Datums(data=data, starts=joined.starts, ends=joined.ends))
    before = decoded.batch.to_pylist()
    data[:] = 0xFF
    assert decoded.batch.to_pylist() == before


@pytest.mark.parametrize(
    ("starts", "ends", "size"),
    [([0], [5], 20), ([-1], [3], 40), ([4], [3], 40), ([0, 1], [3], 40)],
    ids=["no padding", "before the buffer", "backwards", "not as many"],
)
def test_datums_outside_of_their_buffer_are_refused(starts, ends, size):
    with pytest.raises(ValueError, match="datum"):
        Datums(
            data=np.zeros(size, dtype=np.uint8),
            starts=np.array(starts, dtype=np.int64),
            ends=np.array(ends, dtype=np.int64),
        )
