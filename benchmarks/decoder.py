"""Rows per second of the columnar Avro decoder beside fastavro, and the memory it takes for one block.

    python benchmarks/decoder.py [--seconds 3]

Both decode the same datums in one process, one thread, by turns. Processor time counts, medians, and their ratio, since
other load slows both. fastavro's side is what the consumer did before: a dictionary per row, and Arrow from these. The
datums are those of benchmarks/encoder.py.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
import tracemalloc
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
from encoder import block_of
from rich.console import Console
from rich.table import Table

from consumer.decoding import Datums, Decoder
from engine.schema import avro_schema, encode

__all__ = ["datums_of", "peak_nbytes", "rates", "row_by_row"]

BLOCKS = {"lightcurve": 4_000, "full": 1_000}
"""Rows decoded at once, of each content: some megabytes."""


def datums_of(content: str, num_rows: int) -> tuple[dict[str, Any], list[bytes]]:
    """Return an Avro schema, and datums of it."""
    block = block_of(content)
    schema = avro_schema(block.schema)
    datums = encode(block.slice(0, num_rows), schema).to_pylist()
    return schema, [datums[number % len(datums)] for number in range(num_rows)]


def row_by_row(schema: dict[str, Any], arrow: pa.Schema, datums: list[bytes]) -> pa.RecordBatch:
    """Decode datums by fastavro."""
    parsed = fastavro.parse_schema(dict(schema))
    rows = [fastavro.schemaless_reader(io.BytesIO(datum), parsed, None) for datum in datums]
    return pa.RecordBatch.from_struct_array(pa.array(rows, pa.struct(list(arrow))))


def rates(content: str, seconds: float) -> tuple[float, float, float]:
    """Return bytes a datum, and rows per second of fastavro and of the decoder, medians of runs that take turns."""
    schema, datums = datums_of(content, BLOCKS[content])
    decoder, joined, few = Decoder(schema), Datums.of(datums), datums[:100]
    decoded = decoder.decode(joined)
    expected = row_by_row(schema, decoder.schema, few)
    if repr(decoded.batch.slice(0, len(few)).to_pylist()) != repr(expected.to_pylist()):
        raise SystemExit(f"{content}: the two decoders don't agree")
    times_s: dict[str, list[float]] = {"fastavro": [], "columnar": []}
    stop = time.monotonic() + seconds
    while time.monotonic() < stop or len(times_s["columnar"]) < 5:
        begin = time.process_time()
        row_by_row(schema, decoder.schema, few)
        between = time.process_time()
        decoder.decode(joined)
        times_s["fastavro"].append((between - begin) / len(few))
        times_s["columnar"].append((time.process_time() - between) / len(datums))
    return (
        float(np.mean([len(datum) for datum in datums])),
        1 / statistics.median(times_s["fastavro"]),
        1 / statistics.median(times_s["columnar"]),
    )


def peak_nbytes(content: str) -> tuple[int, int]:
    """Return the bytes of one block's datums, and what numpy takes at the peak of decoding them, with the batch's."""
    schema, datums = datums_of(content, BLOCKS[content])
    decoder, joined = Decoder(schema), Datums.of(datums)
    decoder.decode(joined)
    tracemalloc.start()
    try:
        nbytes = decoder.decode(joined).batch.get_total_buffer_size()
        return joined.data.nbytes, nbytes + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring, for each content")
    given = parser.parse_args()
    table = Table("content", "bytes/row", "fastavro rows/s", "columnar rows/s", "ratio", "peak / datums of a block")
    for content in BLOCKS:
        nbytes, rowwise, columnar = rates(content, given.seconds)
        block_nbytes, peak = peak_nbytes(content)
        table.add_row(
            content,
            f"{nbytes:,.0f}",
            f"{rowwise:,.0f}",
            f"{columnar:,.0f}",
            f"{columnar / rowwise:.1f}",
            f"{peak / 1e6:.0f} MB / {block_nbytes / 1e6:.0f} MB",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
