"""The selected alerts: what enrichments add is computed for them alone, out of what the file has beside it."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.archive import OpenFragment
from engine.pipeline import read_content
from tests.engine.pipeline.enriched import A_ROW_GROUP, MAGNITUDES, NUM_ALERTS, Counting, selection, write


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("selected")
    write(root)
    return root


@settings(deadline=None, max_examples=30)
@given(chosen=st.sets(st.integers(0, NUM_ALERTS - 1)))
def test_it_is_computed_on_survivors_alone(root, chosen):
    counting = Counting()
    chosen_selection, (fragment,) = selection(root, (counting,), ("doubled", "earlier"))
    blocks = list(read_content(chosen_selection, fragment, np.array(sorted(chosen), dtype=np.int64)))
    assert sum(counting.given) == len(chosen)
    assert 0 not in counting.given
    rows = [row for _, block in blocks for row in block.to_pylist()]
    assert [row["candid"] for row in rows] == sorted(chosen)
    assert [row["doubled"] for row in rows] == [2 * MAGNITUDES[number] for number in sorted(chosen)]
    assert [row["earlier"] for row in rows] == [{"n": number % 3} for number in sorted(chosen)]


def test_only_row_groups_with_a_survivor_are_read_once(root, monkeypatch):
    read = []
    read_blocks = OpenFragment.read_blocks

    def noted(self, columns, row_groups, block_alerts):
        read.append((list(columns), list(row_groups)))
        return read_blocks(self, columns, row_groups, block_alerts)

    monkeypatch.setattr(OpenFragment, "read_blocks", noted)
    monkeypatch.setattr(
        OpenFragment, "read_leaves", lambda *_: pytest.fail("its needs were read apart from the content")
    )
    chosen, (fragment,) = selection(root, (Counting(),), ("doubled",))
    list(read_content(chosen, fragment, np.array([A_ROW_GROUP, A_ROW_GROUP + 1])))
    ((columns, row_groups),) = read
    assert row_groups == [1]
    assert {"candidate.magpsf", "prv_candidates"} <= set(columns)


def test_a_file_s_own_column_wins(tmp_path):
    own = pa.array([None, *MAGNITUDES[1:]], pa.float32())
    write(tmp_path, doubled=own)
    write(tmp_path, part=1, doubled=pa.nulls(NUM_ALERTS))
    counting = Counting()
    chosen, (with_one, without) = selection(tmp_path, (counting,), ("doubled",))
    assert with_one.lacking == ("earlier",)
    ((_, block),) = read_content(chosen, with_one, None)
    assert block.column("doubled").to_pylist() == own.to_pylist()
    assert block.column("earlier").to_pylist()[1] == {"n": 1}
    ((_, block),) = read_content(chosen, without, None)
    assert block.column("doubled").to_pylist() == [2 * value for value in MAGNITUDES]
    # Who has all that it adds is not computed at all.
    earlier = pa.array([{"n": 7}] * NUM_ALERTS, pa.struct([("n", pa.int32())]))
    write(tmp_path, doubled=own, earlier=earlier)
    counting = Counting()
    chosen, (with_both, _) = selection(tmp_path, (counting,), ("doubled",))
    ((_, block),) = read_content(chosen, with_both, None)
    assert block.column("earlier").to_pylist() == earlier.to_pylist()
    assert counting.given == []


def test_needs_that_a_file_lacks_are_null(tmp_path):
    write(tmp_path)
    (path,) = tmp_path.rglob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["prv_candidates"]), path)
    chosen, (fragment,) = selection(tmp_path, (Counting(),), ("earlier",))
    ((_, block),) = read_content(chosen, fragment, np.array([3]))
    assert block.column("earlier").to_pylist() == [{"n": None}]
    assert block.column("doubled").to_pylist() == [6.0]


def test_what_lies_inside_a_computed_column_goes_out_by_itself(root):
    chosen, (fragment,) = selection(root, (Counting(),), ("earlier.n",))
    ((_, block),) = read_content(chosen, fragment, np.array([2]))
    assert block.column("earlier_n").to_pylist() == [2]


def test_full_blocks_are_handed_on_before_more_is_read(root, monkeypatch):
    chosen, (fragment,) = selection(root, (), ("candid",))
    read: list[int] = []
    read_blocks = OpenFragment.read_blocks

    def noted(self, *args):
        for block in read_blocks(self, *args):
            read.append(block.num_rows)
            yield block

    monkeypatch.setattr(OpenFragment, "read_blocks", noted)
    done = [(len(rows), sum(read)) for rows, _ in read_content(replace(chosen, block_alerts=4), fragment, None)]
    assert done[:2] == [(4, 4), (4, 8)]
