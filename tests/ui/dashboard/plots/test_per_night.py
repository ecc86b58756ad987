"""Counts of alerts by night and class."""

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ui.dashboard.plots import ClassesOfNights, PerNightPlot, legend_of, nights_of

NO_CLASS, OTHERS = "no class", "other classes"
COLOURS = ("#1", "#2", "#3", "#4", "#5", "#6", "#9")


def test_a_night_is_the_utc_date_of_the_time():
    # 2021-11-22 12:00 UTC is JD 2459541.0; the date changes half a day later.
    nights = nights_of(np.array([2459541.49, 2459541.5]), "jd_utc")
    assert [str(night) for night in nights] == ["2021-11-22", "2021-11-23"]
    assert str(nights_of(np.array([59541.0]), "mjd_utc")[0]) == "2021-11-23"
    # TAI is 37 s ahead of UTC: its midnight is still the day before.
    assert str(nights_of(np.array([59541.0]), "mjd_tai")[0]) == "2021-11-22"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20))
def test_any_time_has_a_night_or_none(times):
    assert len(nights_of(np.array(times, dtype=np.float64), "jd_utc")) == len(times)


@given(
    st.lists(
        st.tuples(st.dates(dt.date(2019, 1, 1), dt.date(2026, 1, 1)), st.none() | st.text(max_size=60)),
        max_size=60,
    )
)
def test_every_alert_is_in_a_bar(alerts):
    counted = ClassesOfNights()
    nights = np.array([night for night, _ in alerts], dtype="datetime64[D]")
    counted.add(nights, [label for _, label in alerts])
    bars = counted.bars()
    assert sum(map(sum, bars.counts.values())) == len(alerts)
    assert all(len(counts) == len(bars.spans) for counts in bars.counts.values())
    assert sum(number for _, _, number in legend_of(bars, COLOURS)) == len(alerts)
    PerNightPlot(COLOURS).show(bars)


def test_the_most_frequent_classes_are_shown_and_the_others_together():
    counted = ClassesOfNights()
    night = np.datetime64("2021-11-22", "D")
    for number in range(9):
        counted.add(np.array([night] * (number + 1)), [f"class {number}"] * (number + 1))
    counted.add(np.array([night, np.datetime64("NaT", "D")]), [None, "class 1"])
    bars = counted.bars()
    assert list(bars.counts) == [f"class {number}" for number in (8, 7, 6, 5, 4, 3)] + [OTHERS]
    assert bars.counts[OTHERS] == [1 + 2 + 3 + 1]
    assert counted.num_without_night == 1


def test_many_nights_are_shown_by_month_and_gaps_between_few_as_empty():
    few, many = ClassesOfNights(), ClassesOfNights()
    few.add(np.array(["2021-11-22", "2021-11-24"], dtype="datetime64[D]"), ["a", None])
    assert few.bars().spans == ["2021-11-22", "2021-11-23", "2021-11-24"]
    assert few.bars().counts[NO_CLASS] == [0, 0, 1]
    nights = np.arange(np.datetime64("2021-01-01"), np.datetime64("2021-06-01"))
    many.add(nights, ["a"] * len(nights))
    assert many.bars().is_by_month
    assert many.bars().counts["a"] == [31, 28, 31, 30, 31]


def test_labels_without_end_take_no_memory_without_end():
    counted = ClassesOfNights()
    night = np.datetime64("2021-11-22", "D")
    counted.add(np.array([night] * 5_000), [f"label {number}" for number in range(5_000)])
    bars = counted.bars()
    assert sum(map(sum, bars.counts.values())) == 5_000
    assert sum(bars.counts[OTHERS]) > 4_900
