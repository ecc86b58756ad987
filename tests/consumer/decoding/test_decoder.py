"""Datums become Arrow with the schema's types, against fastavro, its oracle."""

import io
import json
import math
import struct
from concurrent.futures import ThreadPoolExecutor

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decoding import Datums, Decoder
from consumer.errors import WireError

NESTED = {
    "type": "record",
    "name": "topLevelRecord",
    "fields": [
        {"name": "candid", "type": ["long", "null"]},
        {"name": "fid", "type": "int"},
        {"name": "magpsf", "type": ["float", "null"]},
        {"name": "jd", "type": ["null", "double"]},
        {"name": "flag", "type": ["boolean", "null"]},
        {"name": "objectId", "type": ["string", "null"]},
        {"name": "2MASS_name", "type": ["string", "null"]},
        {
            "name": "cutout",
            "type": [
                {
                    "type": "record",
                    "name": "topLevelRecord.cutout",
                    "fields": [{"name": "stampData", "type": ["bytes", "null"]}],
                },
                "null",
            ],
        },
        {"name": "same", "type": ["topLevelRecord.cutout", "null"]},
        {"name": "history", "type": [{"type": "array", "items": ["double", "null"]}, "null"]},
        {"name": "mangrove", "type": [{"type": "map", "values": ["string", "null"]}, "null"]},
    ],
}
_FLOAT32 = st.floats(width=32)
_CUTOUT = st.none() | st.fixed_dictionaries({"stampData": st.none() | st.binary(max_size=20)})
ALERTS = st.fixed_dictionaries(
    {
        "candid": st.none() | st.integers(-(2**63), 2**63 - 1),
        "fid": st.integers(-(2**31), 2**31 - 1),
        "magpsf": st.none() | _FLOAT32,
        "jd": st.none() | st.floats(),
        "flag": st.none() | st.booleans(),
        "objectId": st.none() | st.text(max_size=10),
        "2MASS_name": st.none() | st.text(max_size=10),
        "cutout": _CUTOUT,
        "same": _CUTOUT,
        "history": st.none() | st.lists(st.none() | st.floats(), max_size=4),
        "mangrove": st.none() | st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5), max_size=3),
    }
)


def _datum(schema, alert) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), alert)
    return out.getvalue()


def _plain(value):
    """Return a value so that NaN equals NaN, -0.0 differs from 0.0, and maps are dictionaries."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("d", value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _rows(batch: pa.RecordBatch) -> list:
    return [_plain(row) for row in batch.to_pylist(maps_as_pydicts="strict")]


@settings(deadline=None)
@given(st.lists(ALERTS, max_size=6))
def test_values_and_types_are_those_of_the_schema(alerts):
    decoder = Decoder(NESTED)
    decoded = decoder.decode(Datums.of([_datum(NESTED, alert) for alert in alerts]))
    assert decoded.bad == {}
    assert decoded.batch.schema == decoder.schema
    assert _rows(decoded.batch) == [_plain(alert) for alert in alerts]


@settings(deadline=None)
@given(ALERTS, st.data())
def test_a_datum_that_is_cut_or_lengthened_is_bad_and_its_neighbours_are_not(alert, data):
    whole = _datum(NESTED, alert)
    wrong = whole[: data.draw(st.integers(0, len(whole) - 1))] if data.draw(st.booleans()) else whole + b"\x02"
    decoded = Decoder(NESTED).decode(Datums.of([whole, wrong, whole]))
    assert list(decoded.bad) == [1]
    assert decoded.good.tolist() == [0, 2]
    assert _rows(decoded.batch) == [_plain(alert)] * 2


@settings(deadline=None, max_examples=100)
@given(ALERTS, st.data())
def test_altered_bytes_never_break_the_decoder(alert, data):
    whole = _datum(NESTED, alert)
    wrong = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        wrong[data.draw(st.integers(0, len(wrong) - 1))] = data.draw(st.integers(0, 255))
    decoded = Decoder(NESTED).decode(Datums.of([whole, bytes(wrong)]))
    assert 0 in decoded.good
    assert len(decoded.good) + len(decoded.bad) == 2
    assert decoded.batch.num_rows == len(decoded.good)


def test_a_value_beyond_its_type_is_bad_for_its_datum_alone():
    schema = {"type": "record", "name": "r", "fields": [{"name": "fid", "type": "int"}]}
    wider = {"type": "record", "name": "r", "fields": [{"name": "fid", "type": "long"}]}
    decoded = Decoder(schema).decode(Datums.of([_datum(wider, {"fid": value}) for value in (1, 2**40, 3)]))
    assert decoded.batch.column("fid").to_pylist() == [1, 3]
    assert list(decoded.bad) == [1]


def test_a_column_of_nulls_keeps_its_type():
    schema = {"type": "record", "name": "r", "fields": [{"name": "score", "type": ["double", "null"]}]}
    decoded = Decoder(schema).decode(Datums.of([_datum(schema, {"score": None})] * 3))
    assert decoded.batch.column("score").type == pa.float64()
    assert decoded.batch.column("score").null_count == 3


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": ["int", "string", "null"]}]},
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": "elsewhere"}]},
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": {"type": "long", "logicalType": "date"}}]},
    ],
)
def test_a_schema_without_a_place_in_arrow_is_refused(schema):
    with pytest.raises(WireError):
        Decoder(schema)


def test_real_alerts_come_out_as_fastavro_reads_them(shared_service):
    written = json.loads((shared_service / "avro_schema.json").read_text())
    schema = {key: value for key, value in written.items() if not key.startswith("__")}
    with open(shared_service / "part-3-305711.avro", "rb") as file:
        alerts = list(fastavro.reader(file))
    decoded = Decoder(schema).decode(Datums.of([_datum(schema, alert) for alert in alerts]))
    assert decoded.bad == {}
    assert decoded.batch.schema.field("anomaly_score").type == pa.float64()
    assert _rows(decoded.batch) == [_plain(alert) for alert in alerts]


def test_threads_share_a_decoder():
    alerts = [{"candid": n, "fid": n, "objectId": "é" * (n % 7), "history": [1.5] * (n % 90)} for n in range(300)]
    absent = {field["name"]: None for field in NESTED["fields"]}
    datums = Datums.of([_datum(NESTED, absent | alert) for alert in alerts])
    decoder = Decoder(NESTED)
    expected = Decoder(NESTED).decode(datums).batch
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: decoder.decode(datums).batch, range(12)))
    assert all(batch.equals(expected) for batch in batches)
    assert expected.column("history").to_pylist() == [alert["history"] for alert in alerts]
