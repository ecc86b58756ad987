"""Decimals, times, durations, list views and maps of any keys the whole way: Parquet, Kafka, the consumer, Parquet."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import consumer
import engine


def write(root: Path, day: int, **columns: pa.Array) -> None:
    alerts = {
        "objectId": ["ZTF1", "ZTF2", "ZTF3"],
        "candid": [10 * day, 10 * day + 1, 10 * day + 2],
        "candidate": pa.StructArray.from_arrays(
            [pa.array([2459540.5] * 3), pa.array([17.0, 18.0, 19.0]), columns.pop("clash")],
            names=["jd", "magpsf", "clash"],
        ),
    }
    folder = root / f"year=2021/month=11/day={day}"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({**alerts, **columns}), folder / "part-0.parquet", row_group_size=2)


def test_two_nights_of_different_odd_types_arrive_in_one(tmp_path, kafka, dask_client):
    root = tmp_path / "archive"
    write(
        root,
        22,
        clash=pa.array([Decimal("1.5"), None, None], pa.decimal128(5, 1)),
        price=pa.array([Decimal("12.30"), None, Decimal("-0.05")], pa.decimal128(10, 2)),
        clock=pa.array([dt.time(6), None, dt.time(7, 30, 0, 500_000)], pa.time32("ms")),
        flight=pa.array([-5, None, 7], pa.duration("s")),
        seen=pa.array([[1.5, None], None, []], pa.list_view(pa.float32())),
        codes=pa.array([[(2, "b"), (1, None)], None, []], pa.map_(pa.int32(), pa.string())),
        spent=pa.array([[("a", Decimal("0.1"))], None, []], pa.map_(pa.string(), pa.decimal128(5, 1))),
    )
    write(
        root,
        23,
        clash=pa.array([[(1, 1)], None, None], pa.map_(pa.int8(), pa.int8())),
        price=pa.array([Decimal("1E-8"), Decimal(10**60), None], pa.decimal256(76, 8)),
        clock=pa.array([1, 86_399_999_999_999, None], pa.time64("ns")),
        flight=pa.array([1, -1, None], pa.duration("us")),
        seen=pa.array([[2.5], [], None], pa.list_(pa.float64())),
        codes=pa.array([[(2**40, "c")], [], None], pa.map_(pa.int64(), pa.string())),
        spent=pa.array([[("b", Decimal("0.25"))], [], None], pa.map_(pa.string(), pa.decimal128(5, 2))),
    )
    request = engine.TransferRequest(
        archive=root, nights="2021-11-22:2021-11-23", where="candidate.magpsf < 20 AND size(codes) >= -1"
    )
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().num_alerts_sent == 6
    out = tmp_path / "out"
    consumer.consume(job.topic, out, kafka=kafka)
    assert consumer.verify(out).complete

    wanted = {
        "price": ["12.30000000", None, "-0.05000000", "0.00000001", f"{10**60}.00000000", None],
        "clock": ["06:00:00", None, "07:30:00.5", "00:00:00.000000001", "23:59:59.999999999", None],
        "flight": [-5_000_000, None, 7_000_000, 1, -1, None],
        "seen": [[1.5, None], None, [], [2.5], [], None],
        "codes": [
            *([{"key": 2, "value": "b"}, {"key": 1, "value": None}], None, []),
            *([{"key": 2**40, "value": "c"}], [], None),
        ],
        "spent": [{"a": "0.10"}, None, {}, {"b": "0.25"}, {}, None],
    }
    arrived = pq.read_table(out).sort_by("candid")
    assert arrived["candid"].to_pylist() == [220, 221, 222, 230, 231, 232]
    for name, values in wanted.items():
        assert arrived[name].to_pylist(maps_as_pydicts="strict") == values, name
    entry = arrived.schema.field("codes").type.value_type
    assert [(field.name, field.type) for field in entry] == [("key", pa.int64()), ("value", pa.string())]
    assert "clash" not in arrived.column_names
    previewed = engine.preview(request)
    for name, values in wanted.items():
        assert previewed[name].to_pylist(maps_as_pydicts="strict") == values, name
