"""The interval holds the truth, and is as wide as it has to be."""

import datetime as dt

import numpy as np
import pytest

from engine.archive import ArchiveFile, Fragment
from engine.estimation import Interval, draw_sample, interval_of

FILE = ArchiveFile(path="made/up.parquet", night=dt.date(2021, 11, 22), nbytes=1, etag=None)
MOST_GROUPS = 60


def groups_of(sizes: np.ndarray) -> list[Fragment]:
    return [
        Fragment(number=number, file=FILE, row_groups=(0,), row_group_alerts=(size,))
        for number, size in enumerate(sizes.tolist())
    ]


def placed(kind: str, sizes: np.ndarray, rate: float, chance: np.random.Generator) -> np.ndarray:
    """Which alerts fulfil a condition: evenly, with rates that differ by night, or in runs of neighbours."""
    total = int(sizes.sum())
    wanted = max(1, round(rate * total))
    hit = np.zeros(total, dtype=bool)
    if kind == "even":
        hit[chance.choice(total, wanted, replace=False)] = True
    elif kind == "runs":
        for start in chance.choice(total - 40, max(1, wanted // 40)):
            hit[start : start + 40] = True
    else:
        share = np.repeat(np.exp(chance.normal(0, 1.2, len(sizes) // 10)), 10)
        hit = chance.random(total) < np.repeat(np.minimum(1.0, share * rate / share.mean()), sizes)
    return hit


def estimated(sizes: np.ndarray, hit: np.ndarray, chance: np.random.Generator) -> Interval:
    starts, total = np.cumsum(sizes) - sizes, int(sizes.sum())
    sample = draw_sample(groups_of(sizes), chance, most_alerts=total // 10, most_groups=MOST_GROUPS)
    assert sum(group.num_rows for group in sample.groups) <= total // 10
    rows = np.array([group.num_rows for group in sample.groups])
    hits = []
    for group in sample.groups:
        at = np.arange(group.fragment.num_alerts) if group.rows is None else group.rows
        hits.append(hit[starts[group.fragment.number] + at].sum())
    return interval_of(
        rows,
        np.array(hits),
        np.array([group.weight for group in sample.groups]),
        total,
        share_of_groups=1.0 if sample.is_of_all_groups else len(rows) / sample.num_groups,
    )


@pytest.mark.parametrize("num_groups", [40, 120])
@pytest.mark.parametrize("kind", ["even", "nights", "runs"])
def test_of_a_hundred_intervals_93_hold_the_truth_at_every_rate(kind, num_groups):
    chance = np.random.default_rng(7)
    sizes = chance.integers(200, 800, num_groups)
    held, widths = [], []
    for rate in (1 / 2, 1 / 30, 1 / 500, 1 / 20_000):
        for _ in range(15):
            hit = placed(kind, sizes, rate, chance)
            found, truth = estimated(sizes, hit, chance), int(hit.sum())
            held.append(found.low <= truth <= found.high)
            assert found.low <= found.middle <= found.high
            if rate == 1 / 2:
                widths.append((found.high - found.low) / truth)
    assert np.mean(held) >= 0.93
    assert np.median(widths) < (0.1 if kind == "even" else 0.6)


@pytest.mark.parametrize(
    ("hits", "size", "low", "high"),
    [
        # Clopper and Pearson's limits, as tables have them.
        (0, 100, 0.0, 0.03622),
        (5, 100, 0.01643, 0.11283),
        (50, 100, 0.39832, 0.60168),
        (1, 10, 0.00253, 0.44502),
        (990, 1000, 0.98168, 0.99520),
    ],
)
def test_alerts_that_are_drawn_one_by_one_have_the_exact_interval(hits, size, low, high):
    total = 1_000_000
    found = interval_of(np.array([size]), np.array([hits]), np.array([1.0]), total, share_of_groups=1.0)
    assert found.low == pytest.approx(max(low * total, hits), abs=6)
    assert found.high == pytest.approx(high * total, abs=6)
    assert found.effective_size == size


def test_alike_alerts_of_a_row_group_count_for_less():
    rows, weights = np.full(40, 100), np.full(40, 1 / 40)
    mixed, apart = np.full(40, 50), np.tile([100, 0, 0, 100], 10)
    even = interval_of(rows, mixed, weights, 100_000, share_of_groups=0.1)
    lumped = interval_of(rows, apart, weights, 100_000, share_of_groups=0.1)
    assert even.middle == lumped.middle == 50_000
    assert lumped.effective_size < 60 < 3_000 < even.effective_size
    assert lumped.high - lumped.low > 5 * (even.high - even.low)


def test_what_was_seen_bounds_what_is_there():
    rows, weights = np.array([90]), np.array([1.0])
    found = interval_of(rows, np.array([90]), weights, 100, share_of_groups=1.0)
    assert (found.middle, found.high) == (100, 100)
    assert found.low >= 90
    none = interval_of(rows, np.array([0]), weights, 100, share_of_groups=1.0)
    assert (none.low, none.middle) == (0, 0)
    assert none.high <= 10


def test_who_sees_none_of_few_row_groups_does_not_know_much():
    rows, hits = np.full(20, 100), np.zeros(20, dtype=int)
    groups = interval_of(rows, hits, np.full(20, 0.05), 100_000, share_of_groups=0.1)
    alone = interval_of(rows, hits, np.full(20, 0.05), 100_000, share_of_groups=1.0)
    assert alone.high < 200 < 2_000 < groups.high
