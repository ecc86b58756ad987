"""Nights as users name them: days, months, ranges; and the right form of any other."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.archive import parse_nights
from engine.errors import RequestError

DAY = dt.date(2021, 11, 22)


def days(first: str, last: str) -> list[dt.date]:
    return [day.date() for day in pd.date_range(first, last)]


def refusal(nights) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse_nights(nights)
    assert len(str(caught.value)) < 800
    return caught.value


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2021-11-22", "2021-11-22", "2021-11-22"),
        (" 2021-11-22 ", "2021-11-22", "2021-11-22"),
        ("2021-11", "2021-11-01", "2021-11-30"),
        ("2020-02", "2020-02-01", "2020-02-29"),
        ("2021-11-22:2021-11-30", "2021-11-22", "2021-11-30"),
        ("2021-11-22 : 2021-11-30", "2021-11-22", "2021-11-30"),
        ("2021-11:2022-01", "2021-11-01", "2022-01-31"),
        ("2021-11-15:2021-12", "2021-11-15", "2021-12-31"),
        ("2021-11:2021-12-02", "2021-11-01", "2021-12-02"),
        ("1905-01-01", "1905-01-01", "1905-01-01"),
    ],
)
def test_days_months_and_ranges(text, first, last):
    assert parse_nights(text) == days(first, last)


@given(st.lists(st.tuples(st.dates(dt.date(2017, 1, 1), dt.date(2027, 1, 1)), st.integers(0, 40)), min_size=1))
def test_several_are_their_union_in_order(spans):
    ends = [(first, first + dt.timedelta(days=more)) for first, more in spans]
    expected = {day for first, last in ends for day in days(str(first), str(last))}
    assert parse_nights([f"{first}:{last}" for first, last in ends]) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("20211122", "2021-11-22"),
        ("2021/11/22", "2021-11-22"),
        ("2021.11.22", "2021-11-22"),
        ("2021-1-5", "2021-01-05"),
        ("22.11.2021", "2021-11-22"),
        ("11/22/2021", "2021-11-22"),
        ("05/06/2021", "2021-06-05 or 2021-05-06"),
        ("2021-22-11", "2021-11-22"),
        ("22 Nov 2021", "2021-11-22"),
        ("November 2021", "2021-11"),
        ("2021-11-22T03:00:00", "2021-11-22"),
        ("year=2021/month=11/day=22", "2021-11-22"),
        ("202111", "2021-11"),
        ("2021/11", "2021-11"),
        ("2021", "2021-01:2021-12"),
        ("2021:2022", "2021-01:2022-12"),
        ("59540", "2021-11-22"),
        ("2459541.3", "2021-11-22"),
        ("2021-11-30:2021-11-22", "2021-11-22:2021-11-30"),
        ("2022-01:2021-11", "2021-11:2022-01"),
        ("2021-11-22:2021", "2021-11-22:2021-12?"),
        ("2021:2021-11-22", "2021-01:2021-11-22"),
        ("2022:2021", "2021-01:2022-12"),
        ("2022-01-03:2021", "2021-01:2022-01-03"),
        ("2021/11/22:2021/11", "2021-11-22:2021-11?"),
        ("20211130:20211122", "2021-11-22:2021-11-30"),
        ("20211122:20211130", "2021-11-22:2021-11-30"),
        ("2021-11-22..2021-11-30", "2021-11-22:2021-11-30"),
        ("2021-11-22 to 2021-11-30", "2021-11-22:2021-11-30"),
        ("2021-11-22 - 2021-11-30", "2021-11-22:2021-11-30"),
        ("2021-11-22/2021-11-30", "2021-11-22:2021-11-30"),
        ("2021-11-22:30", "2021-11-22:2021-11-30"),
        ("2021-11-22,2021-11-23", "2021-11-22, 2021-11-23"),
        ("2021-11-22 2021-11-23", "2021-11-22, 2021-11-23"),
        ("2021-02-30", "2021-02-28"),
    ],
)
def test_the_right_form_is_offered(text, meant):
    error = refusal(text)
    assert meant in error.next_step
    assert text in error.message
    assert "2021-11-22:2021-11-30" in error.accepted


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2021-13", "2021-11-22:", ":", "a:b:c", "2021-11-22:2021-11-23:2021-11-24", "0000-01-01"),
        *("2021Q4", "٢٠٢١-١١-٢٢", "2021-11-22\x00", "x" * 500_000, "1" * 500_000, "2021-11-22 " * 50_000),
    ],
    ids=range(14),
)
def test_what_is_no_night_is_refused(text):
    assert "night" in refusal(text).message


def test_a_range_of_ages_is_refused_and_one_that_is_named_again_is_not_counted_again():
    error = refusal("0001-01-01:9999-12-31")
    assert "3,652,059 nights" in error.message
    assert len(parse_nights(["1999-01-01:2038-12-31"] * 50_000)) == 14_610


@pytest.mark.parametrize(
    "nights",
    [
        DAY,
        [DAY],
        dt.datetime(2021, 11, 22),
        dt.datetime(2021, 11, 22, tzinfo=dt.UTC),
        np.datetime64("2021-11-22"),
        np.datetime64("2021-11-22T00:00:00.000000000"),
        np.str_("2021-11-22"),
        np.array(["2021-11-22"]),
        np.array("2021-11-22"),
        np.array(["2021-11-22"], "datetime64[ns]"),
        pd.Timestamp("2021-11-22"),
        pd.Timestamp("2021-11-22", tz="UTC"),
        pd.Period("2021-11-22", "D"),
        pd.Series(["2021-11-22"], index=[7]),
        pd.Index([DAY]),
        pd.date_range("2021-11-22", "2021-11-22"),
        pl.Series([DAY]),
        pa.array([DAY]),
        pa.scalar(DAY),
        {"2021-11-22", DAY},
        frozenset([DAY]),
        {"2021-11-22": 1}.keys(),
        (text for text in ["2021-11-22"]),
    ],
    ids=range(23),
)
def test_dates_of_all_kinds(nights):
    assert parse_nights(nights) == [DAY]


def test_months_and_ranges_of_numpy_and_pandas():
    whole = days("2021-11-01", "2021-11-30")
    assert parse_nights(np.datetime64("2021-11")) == whole
    assert parse_nights(pd.Period("2021-11", "M")) == whole
    assert parse_nights(pd.date_range("2021-11-01", "2021-11-30")) == whole
    assert parse_nights(pd.period_range("2021-11-01", "2021-11-30", freq="D")) == whole
    assert parse_nights(np.arange("2021-11-01", "2021-12-01", dtype="datetime64[D]")) == whole
    assert engine.TransferRequest(nights={"2021-11-23", "2021-11-22"}).nights == ("2021-11-22", "2021-11-23")


@pytest.mark.parametrize(
    ("nights", "said"),
    [
        (None, "no nights"),
        ([], "no nights"),
        (np.array([]), "no nights"),
        ([None], "None"),
        ([float("nan")], "nan"),
        (pd.NaT, "NaT"),
        ([pd.NaT, DAY], "NaT"),
        (np.datetime64("NaT"), "NaT"),
        (pd.NA, "NA"),
        (20211122, "did you mean 2021-11-22?"),
        (np.int64(20211122), "did you mean 2021-11-22?"),
        (10**6_000, "digits"),
        (2459541.5, "2459541.5"),
        (True, "True"),
        (dt.datetime(2021, 11, 22, 3), "did you mean 2021-11-22?"),
        (pd.Timestamp("2021-11-22T00:00:00.000000001"), "did you mean 2021-11-22?"),
        (np.datetime64("2021-11-22T03"), "did you mean 2021-11-22?"),
        (dt.datetime(2021, 11, 22, tzinfo=dt.timezone(dt.timedelta(hours=9))), "2021-11-21"),
        (pd.Timestamp("2021-11-22", tz="Asia/Tokyo"), "2021-11-21"),
        (np.datetime64("2021"), "2021-01:2021-12"),
        (pd.Period("2021-11-22", "W"), "2021-11-22:2021-11-28"),
        (pd.Period("2021Q4", "Q"), "2021Q4"),
        ({"2021-11-22": 1}, "2021-11-22"),
        (b"2021-11-22", "2021-11-22"),
        ([["2021-11-22"]], "['2021-11-22']"),
        (np.array([["2021-11-22"]]), "array"),
        (pd.DataFrame({"2021-11-22": [1]}), "2021-11-22"),
        (slice("2021-11-22", "2021-11-30"), "slice"),
        (dt.time(3), "time"),
    ],
    ids=range(29),
)
def test_what_is_no_night_to_python_is_told(nights, said):
    assert said in str(refusal(nights))


def test_nights_without_end_are_refused():
    def forever():
        while True:
            yield "2021-11-22"

    assert "100,000" in refusal(forever()).message
