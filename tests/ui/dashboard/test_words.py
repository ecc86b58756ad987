"""Numbers are said as people say them."""

import datetime as dt
from types import SimpleNamespace

import pytest

from ui.dashboard.words import (
    alerts_text,
    estimate_text,
    nights_text,
    range_text,
    short_number,
    size_text,
    time_text,
)


def made(num, low=None, high=None, nbytes=17_000_000, seconds=None):
    """Return what the words read of an estimate; exact if no interval is given."""
    low, high = (num, num) if low is None else (low, high)
    return SimpleNamespace(
        num_alerts=num, num_alerts_low=low, num_alerts_high=high, exact=low == high, nbytes=nbytes, seconds=seconds
    )


def test_an_estimate_is_said_in_one_sentence():
    assert estimate_text(made(12_437, 11_400, 13_500, seconds=3.2)) == "about 12,400 alerts, 17 MB, some 3 s to send"
    assert range_text(made(12_437, 11_412, 13_508)) == "11,400 to 13,500"


def test_an_exact_count_is_no_guess():
    assert estimate_text(made(12_437)) == "12,437 alerts, 17 MB"
    assert range_text(made(12_437)) == ""


@pytest.mark.parametrize(
    ("estimate", "text"),
    [(made(0), "no alert"), (made(1), "1 alert"), (made(0, 0, 37), "hardly an alert, 37 at most")],
)
def test_few_alerts_are_said_as_few(estimate, text):
    assert alerts_text(estimate) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9,999"), (12_437, "12.4 k"), (306_465, "306 k"), (4_140_000, "4.14 M"), (2 * 10**9, "2 G")],
)
def test_numbers_in_gauges_are_short(number, text):
    assert short_number(number) == text


@pytest.mark.parametrize(
    ("nbytes", "text"), [(1, "1 byte"), (734, "734 bytes"), (23_600, "23.6 kB"), (5_530_000_000, "5.53 GB")]
)
def test_sizes(nbytes, text):
    assert size_text(nbytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "less than 1 s"), (3, "3 s"), (600, "10 min"), (8000, "2 h 13 min")]
)
def test_durations(seconds, text):
    assert time_text(seconds) == text


def test_nights():
    nights = [dt.date(2026, 9, day) for day in range(1, 22)]
    assert nights_text(nights, nights[2:]) == "1 Sep 2026 to 21 Sep 2026, 19 with data"
    assert nights_text(nights[:1], []) == "1 Sep 2026, without data"
    assert nights_text([nights[0], nights[5]], nights) == "2 nights, 1 Sep 2026 to 6 Sep 2026, 2 with data"
    assert nights_text([], nights) == "none"
