"""What the engine's encoder writes, the decoder reads, and what that writes again is the same, byte for byte."""

import io

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from consumer.decoding import Datums, Decoder
from consumer.wire import arrow_type, avro_type
from engine.schema import avro_schema, encode

FIELDS = {
    "candid": pa.int64(),
    "fid": pa.int32(),
    "magpsf": pa.float32(),
    "jd": pa.float64(),
    "flag": pa.bool_(),
    "objectId": pa.string(),
    "stamp": pa.binary(),
    "nothing": pa.string(),
    "history": pa.list_(pa.struct({"jd": pa.float64(), "notes": pa.list_(pa.string())})),
    "classes": pa.map_(pa.string(), pa.float32()),
}
ALERTS = st.fixed_dictionaries(
    {
        "candid": st.none() | st.integers(-(2**63), 2**63 - 1),
        "fid": st.none() | st.integers(-(2**31), 2**31 - 1),
        "magpsf": st.none() | st.floats(width=32),
        "jd": st.none() | st.floats(),
        "flag": st.none() | st.booleans(),
        "objectId": st.none() | st.text(max_size=12),
        "stamp": st.none() | st.binary(max_size=30),
        "nothing": st.none(),
        "history": st.none()
        | st.lists(
            st.none()
            | st.fixed_dictionaries(
                {"jd": st.none() | st.floats(), "notes": st.none() | st.lists(st.text(max_size=3))}
            ),
            max_size=5,
        ),
        "classes": st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.floats(width=32), max_size=3),
    }
)


def same_again(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return what is decoded of a batch's datums, having held its own datums against them."""
    schema = avro_schema(batch.schema)
    datums = encode(batch, schema)
    decoded = Decoder(schema).decode(Datums.of(datums.to_pylist()))
    assert decoded.bad == {}
    decoded.batch.validate(full=True)
    assert encode(decoded.batch, schema).equals(datums)
    return decoded.batch


@pytest.mark.parametrize("times", [1, 60])
@settings(deadline=None, max_examples=40)
@given(st.lists(ALERTS, min_size=1, max_size=5))
def test_alerts_of_any_values(times, alerts):
    same_again(pa.RecordBatch.from_pylist(alerts * times, schema=pa.schema(FIELDS)))


def test_each_kind_of_nan_keeps_its_bits():
    doubles = np.array([0x7FF8000000000000, 0xFFF8000000000001, 0x7FF4000000000000, 1 << 63], dtype=np.uint64)
    floats = np.array([0x7FC00000, 0xFFC00001, 0x7FA00000, 1 << 31], dtype=np.uint32)
    batch = pa.record_batch({"d": pa.array(doubles.view(np.float64)), "f": pa.array(floats.view(np.float32))})
    decoded = same_again(batch)
    assert decoded["d"].to_numpy().view(np.uint64).tolist() == doubles.tolist()
    assert decoded["f"].to_numpy().view(np.uint32).tolist() == floats.tolist()


def test_numbers_of_every_length():
    edges = [sign * (1 << bits) + off for bits in range(63) for sign in (1, -1) for off in (-1, 0, 1)]
    batch = pa.record_batch({"x": pa.array([*edges, 2**63 - 1, -(2**63)])})
    assert same_again(batch)["x"].to_pylist() == batch["x"].to_pylist()


def test_a_type_comes_back_as_one_that_holds_it():
    for arrow in (pa.int8(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.float16(), pa.float64()):
        back = arrow_type(avro_type(arrow))
        assert pa.array([1], arrow).cast(back).cast(arrow).to_pylist() == [1]
    assert [arrow_type(avro_type(kind)) for kind in (pa.large_string(), pa.binary_view())] == [pa.string(), pa.binary()]
    assert avro_type(pa.decimal128(5)) is None
    assert arrow_type("decimal") is None


def real_batches(folder):
    for file in sorted(folder.rglob("*.parquet")):
        table = pq.ParquetFile(file).read()
        # Times become text on the way, which is not the decoder's concern.
        table = table.drop_columns([field.name for field in table.schema if pa.types.is_timestamp(field.type)])
        yield table.combine_chunks().to_batches()[0]


@pytest.mark.parametrize("times", [1, 8])
def test_real_alerts_of_ztf(shared_archive, times):
    batches = list(real_batches(shared_archive))
    assert len(batches) == 4
    for batch in batches:
        same_again(batch.take(pa.array(list(range(len(batch))) * times)))


@pytest.mark.parametrize("times", [1, 4])
def test_real_alerts_of_lsst_and_elasticc(shared_surveys, times):
    batches = list(real_batches(shared_surveys))
    assert len(batches) == 2
    for batch in batches:
        some = batch.slice(0, 100)
        same_again(some.take(pa.array(list(range(len(some))) * times)))


def test_a_sample_of_lsst_as_fastavro_reads_it(tmp_path):
    archive = engine.write_sample(tmp_path, survey="lsst", alerts_per_night=60, seed=3)
    request = engine.TransferRequest(
        archive=archive.archive, nights="2015-01-01:2035-12-31", content="full", survey="lsst"
    )
    batch = engine.preview(request, limit=60).combine_chunks().to_batches()[0]
    schema = avro_schema(batch.schema)
    datums = encode(batch, schema).to_pylist()
    parsed = fastavro.parse_schema(schema)
    rows = [fastavro.schemaless_reader(io.BytesIO(datum), parsed, None) for datum in datums]
    decoder = Decoder(schema)
    expected = pa.array(rows, pa.struct(list(decoder.schema)))
    assert repr(decoder.decode(Datums.of(datums)).batch.to_pylist()) == repr(expected.to_pylist())
