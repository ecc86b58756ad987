"""Rows per second of the columnar Avro decoder beside fastavro, and the memory it takes for one block.

    .venv/bin/python benchmarks/decoder.py [--source LSST] [--content full] [--rounds 7] [--json FILE]

Both decode the same datums in one process, by turns; the processor's time counts, medians, since other load slows both.
fastavro makes a dictionary of each datum, and keeps them; with Arrow made of these it does what the columnar decoder
does, and must give the same values. Of each survey and year, in each content: benchmarks/blocks.py.
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
from consumer.decoding import Datums, Decoder
from engine.schema import encode

_MOST_ROWS = 4_000
"""That are decoded at once; fewer where they come to 30 MB."""
_COMPARED = 100
"""Rows that fastavro decodes."""


def measure(block: Block, rounds: int) -> list[Figure]:
    """Return the figures of one block."""
    datums = encode(block.alerts[:_MOST_ROWS], block.schema).to_pylist()
    decoder, joined, few = Decoder(dict(block.schema)), Datums.of(datums), datums[:_COMPARED]
    parsed, struct = fastavro.parse_schema(dict(block.schema)), pa.struct(list(decoder.schema))

    def row_by_row() -> list[Any]:
        return [fastavro.schemaless_reader(io.BytesIO(datum), parsed, None) for datum in few]

    def to_arrow() -> pa.RecordBatch:
        return pa.RecordBatch.from_struct_array(pa.array(row_by_row(), struct))

    decoded = decoder.decode(joined).batch
    # As text, in which NaN is like NaN.
    if repr(decoded[: len(few)].to_pylist()) != repr(to_arrow().to_pylist()):
        raise SystemExit(f"{block.case}: the two decoders don't agree")
    ways = {
        OURS: (lambda: decoder.decode(joined), len(datums)),
        "fastavro alone": (row_by_row, len(few)),
        "fastavro, into Arrow": (to_arrow, len(few)),
    }
    nbytes_each = sum(map(len, datums)) / len(datums)
    peak_mb = {OURS: peak_nbytes(decoder, joined) / 1e6}
    return rates_by_turns(f"decoder: {block.case}", ways, rounds, nbytes_each, peak_mb=peak_mb)


def peak_nbytes(decoder: Decoder, joined: Datums) -> int:
    """Return what numpy takes at the peak of decoding a block, with the batch that comes out."""
    tracemalloc.start()
    try:
        nbytes = decoder.decode(joined).batch.get_total_buffer_size()
        return int(nbytes + tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    measure_blocks(__doc__, measure)
