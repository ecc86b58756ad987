"""Rows per second of the columnar Avro encoder beside fastavro, and the memory it takes for one block.

    python benchmarks/encoder.py

Both encode the same rows in one process, one thread; the best of several runs counts. fastavro is given Python
dictionaries that are made before the clock starts. The alerts are 31 real ones, repeated, where the folder
`fink-service` is at hand (ALERT_TRANSFER_SHARED), else generated ones of the same shape.
"""

import io
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from engine.schema import avro_schema, encode

SHARED = Path(os.environ.get("ALERT_TRANSFER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
BLOCK_NBYTES = 30_000_000
LIGHTCURVE_OF_CANDIDATE = ("magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr")
NOT_IN_LIGHTCURVE = {"candidate", "prv_candidates", "year", "month", "day"}
PRIMITIVES = {
    "string": pa.string(),
    "bytes": pa.binary(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}


def arrow_field(name: str, avro: Any) -> pa.Field:
    """Return the Arrow field of an Avro field."""
    nullable = isinstance(avro, list)
    avro = avro[0] if nullable else avro
    if isinstance(avro, str):
        arrow = PRIMITIVES[avro]
    elif avro["type"] == "record":
        arrow = pa.struct([arrow_field(field["name"], field["type"]) for field in avro["fields"]])
    elif avro["type"] == "map":
        arrow = pa.map_(pa.string(), arrow_field("value", avro["values"]))
    else:
        arrow = pa.list_(arrow_field("item", avro["items"]))
    return pa.field(name, arrow, nullable)


def real_alerts(folder: Path) -> pa.RecordBatch:
    """Return the real alerts, with all their fields."""
    avro = json.loads((folder / "avro_schema.json").read_text())
    schema = pa.schema([arrow_field(field["name"], field["type"]) for field in avro["fields"]])
    with next(folder.glob("*.avro")).open("rb") as file:
        return pa.RecordBatch.from_pylist(list(fastavro.reader(file)), schema=schema)


def generated_alerts(num_rows: int = 31) -> pa.RecordBatch:
    """Return alerts of random numbers that have about as many fields, previous detections and bytes as real ones."""
    rng = np.random.default_rng(2021)

    def columns(num_values: int, **kinds: int) -> dict[str, pa.Array]:
        make = {
            "double": lambda: rng.normal(size=num_values),
            "float": lambda: rng.normal(size=num_values).astype(np.float32),
            "long": lambda: rng.integers(0, 2**61, num_values),
            "int": lambda: rng.integers(-10, 1000, num_values).astype(np.int32),
            "string": lambda: [f"ZTF21a{n:06d}" for n in rng.integers(0, 10**6, num_values)],
        }
        return {
            f"{kind}_{i}": pa.array(make[kind](), mask=rng.random(num_values) < 0.1)
            for kind, count in kinds.items()
            for i in range(count)
        }

    def struct(num_values: int, **kinds: int) -> pa.StructArray:
        children = columns(num_values, **kinds)
        return pa.StructArray.from_arrays(list(children.values()), names=list(children))

    candidate = struct(num_rows, double=10, float=60, long=8, int=15, string=6)
    named = [pa.array(rng.normal(size=num_rows)) for _ in LIGHTCURVE_OF_CANDIDATE]
    candidate = pa.StructArray.from_arrays(
        [*named, *candidate.flatten()], names=[*LIGHTCURVE_OF_CANDIDATE, *candidate.type.names]
    )
    offsets = np.concatenate(([0], np.cumsum(rng.integers(5, 35, num_rows)))).astype(np.int32)
    stamps = {
        f"cutout{kind}": pa.StructArray.from_arrays(
            [pa.array([f"{kind}.fits.gz"] * num_rows), pa.array([rng.bytes(12_000) for _ in range(num_rows)])],
            names=["fileName", "stampData"],
        )
        for kind in ("Science", "Template", "Difference")
    }
    return pa.RecordBatch.from_pydict(
        {
            **columns(num_rows, double=25, float=2, long=1, int=8, string=24),
            "candidate": candidate,
            "prv_candidates": pa.ListArray.from_arrays(
                offsets, struct(int(offsets[-1]), double=6, float=28, long=3, int=7, string=6)
            ),
            **stamps,
            "lc_features_g": struct(num_rows, double=26),
            "lc_features_r": struct(num_rows, double=26),
            "mangrove": pa.array(
                [[("HyperLEDA_name", None), ("ang_dist", "None")]] * num_rows, pa.map_(pa.string(), pa.string())
            ),
        }
    )


def lightcurve(alerts: pa.RecordBatch) -> pa.RecordBatch:
    """Return the fields of the lightcurve content."""
    candidate = alerts["candidate"]
    fields = {name: candidate.field(name) for name in LIGHTCURVE_OF_CANDIDATE}
    for name in alerts.schema.names:
        if name not in NOT_IN_LIGHTCURVE and not name.startswith("cutout"):
            fields[name] = alerts[name]
    return pa.record_batch(fields)


def block_of(content: str) -> pa.RecordBatch:
    """Return alerts, repeated up to the size of a block of datums."""
    folder = SHARED / "fink-service"
    alerts = real_alerts(folder) if folder.is_dir() else generated_alerts()
    if content == "lightcurve":
        alerts = lightcurve(alerts)
    datums = encode(alerts, avro_schema(alerts.schema))
    return alerts.take(pa.array(np.arange(BLOCK_NBYTES // (datums.nbytes // len(datums))) % len(alerts)))


def python_value(value: Any, arrow: pa.DataType) -> Any:
    """Return what fastavro takes for an Arrow value: dictionaries for maps."""
    if value is None or not pa.types.is_nested(arrow):
        return value
    if pa.types.is_map(arrow):
        return dict(value)
    if pa.types.is_struct(arrow):
        return {field.name: python_value(value[field.name], field.type) for field in arrow}
    return [python_value(item, arrow.value_type) for item in value]


def best_time_s(run: Callable[[], object], num_runs: int) -> float:
    """Return the shortest of several durations."""
    times_s = []
    for _ in range(num_runs):
        start = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - start)
    return min(times_s)


def rates(content: str) -> tuple[float, float, float]:
    """Return bytes a datum, and rows per second of fastavro and of the columnar encoder."""
    block = block_of(content)
    schema = avro_schema(block.schema)
    parsed = fastavro.parse_schema(schema)
    struct = pa.struct(list(block.schema))
    rows = [python_value(row, struct) for row in block[:31].to_pylist()]

    def row_by_row() -> list[bytes]:
        datums = []
        for row in rows:
            out = io.BytesIO()
            fastavro.schemaless_writer(out, parsed, row)
            datums.append(out.getvalue())
        return datums

    datums = encode(block, schema)
    if datums[: len(rows)].to_pylist() != row_by_row():
        raise SystemExit(f"{content}: the two encoders don't agree")
    fastavro_s = best_time_s(row_by_row, 5) / len(rows)
    columnar_s = best_time_s(lambda: encode(block, schema), 7) / len(block)
    return datums.nbytes / len(datums), 1 / fastavro_s, 1 / columnar_s


def peak_nbytes(content: str) -> tuple[int, int]:
    """Return the bytes of one block's datums, and an upper bound of what encoding them takes at its peak.

    The bound is the sum of Arrow's peak and numpy's; the datums are part of it, the block that is encoded isn't.
    """
    block = block_of(content)
    schema = avro_schema(block.schema)
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        nbytes = encode(block, schema).nbytes
        return nbytes, counted.max_memory() + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


def main() -> None:
    """Print the table."""
    table = Table("content", "bytes/row", "fastavro rows/s", "columnar rows/s", "ratio", "peak / datums of a block")
    for content in ("lightcurve", "full"):
        nbytes, row_by_row, columnar = rates(content)
        block_nbytes, peak = peak_nbytes(content)
        table.add_row(
            content,
            f"{nbytes:,.0f}",
            f"{row_by_row:,.0f}",
            f"{columnar:,.0f}",
            f"{columnar / row_by_row:.0f}",
            f"{peak / 1e6:.0f} MB / {block_nbytes / 1e6:.0f} MB",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
