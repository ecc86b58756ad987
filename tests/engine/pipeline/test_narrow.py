"""The narrow table: a condition on what an enrichment adds has it computed for all alerts, any other does not."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from engine.archive import OpenFragment
from engine.conditions import filter_table
from engine.pipeline import NarrowReader, read_content
from tests.engine.pipeline.enriched import MAGNITUDES, NUM_ALERTS, Counting, selection, write

DOUBLED = ("doubled", pa.float64())
MAGNITUDE = ("candidate.magpsf", pa.float64())


@pytest.fixture
def root(tmp_path):
    write(tmp_path)
    return tmp_path


def test_named_in_a_condition_it_is_computed_for_all(root):
    counting = Counting()
    chosen, (fragment,) = selection(root, (counting,), ("candid",), '"doubled" > 17', [DOUBLED])
    table = NarrowReader(selection=chosen)(fragment)
    assert counting.given == [NUM_ALERTS]
    assert table.schema == chosen.predicate.schema
    assert table["doubled"].to_pylist() == [2 * value for value in MAGNITUDES]
    survivors = filter_table(table, chosen.predicate.sql)
    assert survivors.tolist() == [9, 10, 11]
    # What goes out is computed again, of the survivors.
    list(read_content(chosen, fragment, survivors))
    assert counting.given == [NUM_ALERTS, 3]


def test_named_in_none_it_is_not_computed_for_the_filter(root):
    counting = Counting()
    chosen, (fragment,) = selection(root, (counting,), ("candid",), '"candidate.magpsf" > 9', [MAGNITUDE])
    table = NarrowReader(selection=chosen)(fragment)
    assert table.column_names == ["candidate.magpsf"]
    assert counting.given == []
    list(read_content(chosen, fragment, filter_table(table, chosen.predicate.sql)))
    assert counting.given == [2]


def test_leaves_and_needs_are_read_at_once_and_each_in_its_type(root, monkeypatch):
    reads = []
    read_leaves = OpenFragment.read_leaves

    def noted(self, leaves, types):
        reads.append(list(zip(leaves, types, strict=True)))
        return read_leaves(self, leaves, types)

    monkeypatch.setattr(OpenFragment, "read_leaves", noted)
    as_float = ("candidate.magpsf", pa.float32())
    chosen, (fragment,) = selection(root, (Counting(),), ("candid",), "TRUE", [as_float, DOUBLED])
    table = NarrowReader(selection=chosen)(fragment)
    (read,) = reads
    assert as_float in read
    assert MAGNITUDE in read
    assert table["candidate.magpsf"].type == pa.float32()
    assert table["doubled"].to_pylist() == [2 * value for value in MAGNITUDES]


def test_leaves_inside_a_computed_column_and_derived_ones(root):
    inside, present = ("earlier.n", pa.int32()), ("present(earlier)", pa.bool_())
    chosen, (fragment,) = selection(root, (Counting(),), ("candid",), "TRUE", [inside, present])
    table = NarrowReader(selection=chosen)(fragment)
    assert table["earlier.n"].to_pylist() == [number % 3 for number in range(NUM_ALERTS)]
    assert table["present(earlier)"].to_pylist() == [True] * NUM_ALERTS


def test_a_file_s_own_column_wins(tmp_path):
    own = pa.array([1.5, None] * (NUM_ALERTS // 2))
    write(tmp_path, doubled=own)
    counting = Counting()
    chosen, (fragment,) = selection(tmp_path, (counting,), ("candid",), '"doubled" > 1', [DOUBLED])
    table = NarrowReader(selection=chosen)(fragment)
    assert table["doubled"].to_pylist() == own.to_pylist()
    assert counting.given == []
    assert np.array_equal(filter_table(table, chosen.predicate.sql), np.arange(0, NUM_ALERTS, 2))


def test_it_travels_to_a_worker(root):
    chosen, (fragment,) = selection(root, (Counting(),), ("candid",), '"doubled" > 17', [DOUBLED])
    narrow = pickle.loads(pickle.dumps(NarrowReader(selection=chosen)))
    assert narrow(fragment).equals(NarrowReader(selection=chosen)(fragment))
