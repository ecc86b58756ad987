"""Which alerts are looked at."""

import datetime as dt
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.archive import ArchiveFile, Fragment
from engine.estimation import draw_sample

FILE = ArchiveFile(path="made/up.parquet", night=dt.date(2021, 11, 22), nbytes=1, etag=None)


def groups_of(sizes: list[int]) -> list[Fragment]:
    return [
        Fragment(number=number, file=FILE, row_groups=(number,), row_group_alerts=(size,))
        for number, size in enumerate(sizes)
    ]


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
    st.integers(1, 500),
    st.integers(1, 50),
    st.integers(0, 2**32),
)
def test_no_more_is_looked_at_than_is_allowed_and_the_same_seed_draws_the_same(sizes, most_alerts, most_groups, seed):
    groups = groups_of(sizes)
    sample, again = (
        draw_sample(groups, np.random.default_rng(seed), most_alerts=most_alerts, most_groups=most_groups)
        for _ in range(2)
    )
    assert sample.is_all == (sum(sizes) <= most_alerts)
    assert sample.num_alerts == sum(sizes)
    if not sample.is_all:
        assert len(sample.groups) <= max(most_groups, 1)
        assert sum(group.num_rows for group in sample.groups) <= max(most_alerts, len(sample.groups))
    for group, other in zip(sample.groups, again.groups, strict=True):
        assert group.fragment == other.fragment
        if group.rows is None:
            assert other.rows is None
            continue
        assert np.array_equal(group.rows, other.rows)
        assert len(np.unique(group.rows)) == len(group.rows) > 0
        assert 0 <= group.rows.min() <= group.rows.max() < group.fragment.num_alerts
    assert sorted(place for file in sample.files for place in file) == list(range(len(sample.groups)))


def test_each_alert_has_the_same_chance():
    groups, chance = groups_of([5, 40, 1, 154]), np.random.default_rng(3)
    drawn = np.zeros(200)
    starts = np.array([0, 5, 45, 46])
    for _ in range(2_000):
        for group in draw_sample(groups, chance, most_alerts=20, most_groups=10).groups:
            drawn[starts[group.fragment.number] + group.rows] += 1
    assert abs(drawn / 2_000 - 0.1).max() < 0.03


def test_row_groups_are_drawn_by_their_alerts():
    groups, chance = groups_of([100, 300] * 20), np.random.default_rng(3)
    drawn = np.zeros(40)
    for _ in range(2_000):
        for group in draw_sample(groups, chance, most_alerts=800, most_groups=8).groups:
            drawn[group.fragment.number] += group.weight
    assert abs(drawn[::2].sum() / drawn.sum() - 0.25) < 0.02


def test_the_first_few_files_lie_evenly_over_the_archive_and_a_file_stays_together():
    groups = [
        replace(group, file=replace(FILE, path=f"{number // 2}")) for number, group in enumerate(groups_of([10] * 200))
    ]
    sample = draw_sample(groups, np.random.default_rng(3), most_alerts=200, most_groups=400)
    assert len(sample.files) == 100
    assert all(len(file) == 2 for file in sample.files)
    first = np.sort([file[0] // 2 for file in sample.files[:10]])
    assert np.diff(first).max() <= 20
