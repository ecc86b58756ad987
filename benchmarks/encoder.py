"""Rows per second of the columnar Avro encoder beside fastavro, and the memory it takes for one block.

    .venv/bin/python benchmarks/encoder.py [--source LSST] [--content full] [--rounds 7] [--json FILE]

Both encode the same rows in one process, by turns; the processor's time counts, medians, since other load slows both.
fastavro is given Python dictionaries that are made before the clock starts, and must give the same bytes. Of each
survey and year, in each content: benchmarks/blocks.py.
"""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import fastavro
import pyarrow as pa

from benchmarks.blocks import Block, measure_blocks
from benchmarks.figures import Figure
from benchmarks.measuring import OURS, rates_by_turns
from engine.schema import encode

__all__ = ["python_value"]

_COMPARED = 50
"""Rows that fastavro encodes."""


def python_value(value: Any, arrow: pa.DataType) -> Any:
    """Return what fastavro takes for an Arrow value: dictionaries for maps."""
    if value is None or not pa.types.is_nested(arrow):
        return value
    if pa.types.is_map(arrow):
        return {key: python_value(item, arrow.item_type) for key, item in value}
    if pa.types.is_struct(arrow):
        return {field.name: python_value(value[field.name], field.type) for field in arrow}
    return [python_value(item, arrow.value_type) for item in value]


def measure(block: Block, rounds: int) -> list[Figure]:
    """Return the figures of one block."""
    parsed = fastavro.parse_schema(dict(block.schema))
    struct = pa.struct(list(block.alerts.schema))
    rows = [python_value(row, struct) for row in block.alerts[:_COMPARED].to_pylist()]

    def row_by_row() -> list[bytes]:
        datums = []
        for row in rows:
            out = io.BytesIO()
            fastavro.schemaless_writer(out, parsed, row)
            datums.append(out.getvalue())
        return datums

    datums = encode(block.alerts, block.schema)
    if datums[: len(rows)].to_pylist() != row_by_row():
        raise SystemExit(f"{block.case}: the two encoders don't agree")
    ways = {
        OURS: (lambda: encode(block.alerts, block.schema), block.alerts.num_rows),
        "fastavro alone": (row_by_row, len(rows)),
    }
    case = f"encoder: {block.case}"
    return rates_by_turns(case, ways, rounds, datums.nbytes / len(datums), peak_mb={OURS: peak_nbytes(block) / 1e6})


def peak_nbytes(block: Block) -> int:
    """Return an upper bound of what encoding a block takes at its peak: the sum of Arrow's and numpy's peaks.

    The datums are part of it, the block isn't.
    """
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        encode(block.alerts, block.schema)
        return int(counted.max_memory() + tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


if __name__ == "__main__":
    measure_blocks(__doc__, measure)
