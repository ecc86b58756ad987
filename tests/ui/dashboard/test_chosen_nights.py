"""Presets, years and brushes mean nights as a request writes them."""

import datetime as dt

import pytest

import engine
from ui.dashboard.chosen_nights import as_nights, dates_of, gaps, preset, split_words, years_of

THERE = [dt.date(2019, 9, 3), dt.date(2021, 11, 20), dt.date(2021, 11, 22), dt.date(2021, 11, 23)]


@pytest.mark.parametrize(
    ("name", "nights"),
    [
        ("night", ["2021-11-23"]),
        ("week", ["2021-11-17:2021-11-23"]),
        ("all", ["2019-09-03:2021-11-23"]),
        ("2019", ["2019-09-03"]),
        ("2021", ["2021-11-20:2021-11-23"]),
    ],
)
def test_a_preset_counts_from_the_last_night_that_is_there(name, nights):
    assert preset(name, THERE) == nights


def test_a_preset_does_not_go_beyond_the_first_night():
    assert preset("year", THERE[1:]) == ["2021-11-20:2021-11-23"]


def test_a_whole_month_is_written_as_one():
    assert as_nights(dt.date(2024, 2, 1), dt.date(2024, 2, 29)) == ["2024-02"]
    assert dates_of(["2024-02"]) == [dt.date(2024, 2, 1) + dt.timedelta(days=day) for day in range(29)]


def test_years_and_nights_without_data():
    assert years_of(THERE) == ["2019", "2021"]
    assert gaps(THERE[1:]) == [dt.date(2021, 11, 21)]
    assert gaps([]) == []


def test_typed_nights_are_taken_apart_and_checked_by_the_engine():
    assert split_words(" 2021-11-22, 2021-12;2022-01-01:2022-01-15 ") == [
        "2021-11-22",
        "2021-12",
        "2022-01-01:2022-01-15",
    ]
    with pytest.raises(engine.RequestError):
        dates_of(["2021-13"])
