"""Datums that wait: in memory, and beyond a bound on the disk; they come back as they went in, and nothing is left."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.sinks.spool import Spool

BLOCKS = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=8)


@given(BLOCKS, st.integers(0, 400))
def test_blocks_come_back_in_order(blocks, most_nbytes):
    spool = Spool(most_nbytes=most_nbytes)
    row = 0
    expected = []
    for datums in blocks:
        rows = np.arange(row, row + len(datums))
        row += 2 * len(datums)
        spool.put(rows, pa.array(datums, pa.large_binary()))
        expected.append((rows.tolist(), datums))
    assert [(rows.tolist(), datums.to_pylist()) for rows, datums in spool.take()] == expected
    assert list(spool.take()) == []


def test_what_is_beyond_the_bound_is_in_a_file_without_a_name(tmp_path):
    before = pa.total_allocated_bytes()
    spool = Spool(str(tmp_path), most_nbytes=1 << 20)
    for number in range(32):
        spool.put(np.array([number]), pa.array([bytes(1 << 18)], pa.large_binary()))
    assert pa.total_allocated_bytes() - before <= 2 << 20
    assert list(tmp_path.iterdir()) == []
    assert sum(len(datums[0].as_py()) for _, datums in spool.take()) == 32 << 18
