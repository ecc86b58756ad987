"""The set of rows that were taken, against Python's own sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumer.dataset import Seen, by_fragment, first_of_each
from consumer.dataset.row_set import Intervals

VALUES = st.lists(st.integers(0, 60), max_size=40)
ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), max_size=60)


def _array(values) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def _columns(rows):
    return _array([fragment for fragment, _ in rows]), _array([row for _, row in rows])


@given(st.lists(VALUES, max_size=5))
def test_intervals_are_a_set(additions):
    intervals, oracle = Intervals(), set()
    for values in additions:
        intervals.add(_array(values))
        oracle |= set(values)
    assert len(intervals) == len(oracle)
    assert intervals.contains(np.arange(62)).tolist() == [value in oracle for value in range(62)]


@given(VALUES, VALUES)
def test_intervals_survive_as_text_and_join(first, second):
    left, right = Intervals(), Intervals()
    left.add(_array(first))
    right.add(_array(second))
    joined = Intervals.from_text(left.to_text())
    joined.update(Intervals.from_text(right.to_text()))
    assert set(np.flatnonzero(joined.contains(np.arange(62)))) == set(first) | set(second)


def test_a_whole_fragment_is_one_interval_whatever_the_order_of_its_rows():
    intervals = Intervals()
    for residue in (3, 0, 2, 1):
        intervals.add(np.arange(residue, 4_000, 4))
    assert intervals.to_text() == "0-3999"


@given(ROWS, ROWS)
def test_seen_is_a_set_of_pairs(before, asked):
    seen = Seen()
    seen.add(*_columns(before))
    assert seen.contains(*_columns(asked)).tolist() == [row in set(before) for row in asked]
    assert len(seen) == len(set(before)) == sum(seen.counts().values())
    again = Seen()
    again.update(seen.to_texts())
    assert again.to_texts() == seen.to_texts()


@given(ROWS)
def test_first_of_each_marks_the_earliest_copy(rows):
    assert first_of_each(*_columns(rows)).tolist() == [row not in rows[:at] for at, row in enumerate(rows)]


@given(ROWS)
def test_by_fragment_gives_each_position_once_in_order(rows):
    found = {fragment: positions.tolist() for fragment, positions in by_fragment(_columns(rows)[0])}
    assert found == {
        fragment: [at for at, row in enumerate(rows) if row[0] == fragment] for fragment in {row[0] for row in rows}
    }
