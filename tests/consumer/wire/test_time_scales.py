"""Which UTC date a time belongs to, held against astropy's."""

import datetime as dt

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from consumer.wire import TIME_SCALES, utc_days

EPOCH = dt.date(1970, 1, 1)
LEAPS = ["1972-06-30", "1981-06-30", "1998-12-31", "2005-12-31", "2016-12-31"]


def date_of(time: float, time_scale: str) -> dt.date:
    return EPOCH + dt.timedelta(days=int(utc_days(np.array([time]), time_scale)[0]))


@pytest.mark.parametrize("time_scale", TIME_SCALES)
@given(
    day=st.dates(dt.date(1972, 1, 2), dt.date(2027, 12, 31)),
    # Mostly near midnight, where it matters; a ten thousandth of a second is beyond what a Julian date tells.
    second=st.floats(0, 86_399.9) | st.floats(0.001, 60) | st.floats(86_340, 86_399.99),
)
def test_the_date_is_astropys(time_scale, day, second):
    text = f"{day}T{int(second) // 3600:02d}:{int(second) // 60 % 60:02d}:{int(second) % 60:02d}"
    moment = Time(f"{text}.{int(second % 1 * 1000):03d}1", scale="utc")
    counted, scale = time_scale.split("_")
    number = getattr(getattr(moment, scale), counted)
    assert date_of(number, time_scale) == day


@pytest.mark.parametrize("day", LEAPS)
def test_a_leap_second_belongs_to_the_day_that_it_ends(day):
    inside = Time(f"{day}T23:59:60.5", scale="utc").tai.mjd
    after = Time(f"{day}T23:59:60.5", scale="utc").tai.mjd + 0.6 / 86_400
    assert date_of(inside, "mjd_tai") == dt.date.fromisoformat(day)
    assert date_of(after, "mjd_tai") == dt.date.fromisoformat(day) + dt.timedelta(days=1)


def test_midnight_itself_begins_the_date():
    midnights = Time(np.arange(41_317.0, 62_000.0), format="mjd", scale="utc")
    expected = np.arange(41_317, 62_000) - 40_587
    assert (utc_days(midnights.tai.mjd, "mjd_tai") == expected).all()
    assert (utc_days(midnights.mjd, "mjd_utc") == expected).all()


def test_the_date_changes_37_seconds_after_tais_midnight():
    edge = 61_041 + 37 / 86_400
    assert [date_of(time, "mjd_tai").isoformat() for time in (61_041.0, np.nextafter(edge, 0), edge)] == [
        *("2025-12-31", "2025-12-31"),
        "2026-01-01",
    ]


def test_what_is_no_number_has_no_date():
    assert not np.isfinite(utc_days(np.array([np.nan, np.inf, -np.inf]), "mjd_tai")).any()
