"""Time scales of plans: which UTC date a time belongs to.

A survey counts its time as a Julian date or as a modified one (which is less by 2,400,000.5 days), and in UTC or in
TAI. TAI is ahead of UTC by whole seconds, 37 since 2017, so the UTC date changes that long after TAI's midnight.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from consumer.errors import WireError

__all__ = ["FIRST_TIME_SCALE", "TIME_SCALES", "check_time_scale", "utc_days"]

FIRST_TIME_SCALE = "jd_utc"
"""The one that plans of version 1 have, which don't name it."""
TIME_SCALES = (FIRST_TIME_SCALE, "mjd_utc", "jd_tai", "mjd_tai")

_MJD_ZERO_JD = 2400000.5
_UNIX_EPOCH_MJD = 40587

# First UTC date -> TAI - UTC in seconds from then on: every leap second there has been (IERS, Bulletin C; its last that
# announced one was number 52, of July 2016). Before 1972 UTC differed from TAI by a changing fraction, up to 10 s; no
# survey that counts TAI observed then, and 10 s are taken.
_TABLE = """
1972-01-01 10  1972-07-01 11  1973-01-01 12  1974-01-01 13  1975-01-01 14  1976-01-01 15  1977-01-01 16
1978-01-01 17  1979-01-01 18  1980-01-01 19  1981-07-01 20  1982-07-01 21  1983-07-01 22  1985-07-01 23
1988-01-01 24  1990-01-01 25  1991-01-01 26  1992-07-01 27  1993-07-01 28  1994-07-01 29  1996-01-01 30
1997-07-01 31  1999-01-01 32  2006-01-01 33  2009-01-01 34  2012-07-01 35  2015-07-01 36  2017-01-01 37
"""
_LEAP_SECONDS = _TABLE.split()
_SINCE_MJD = np.array(
    [(dt.date.fromisoformat(date) - dt.date(1858, 11, 17)).days for date in _LEAP_SECONDS[::2]], dtype=np.float64
)
_AHEAD_S = np.array([int(seconds) for seconds in _LEAP_SECONDS[1::2]], dtype=np.float64)


def check_time_scale(time_scale: str) -> None:
    """Raise unless a time scale is one that this program knows.

    Raises
    ------
    WireError
        Naming those that are.
    """
    if time_scale not in TIME_SCALES:
        raise WireError(
            f"the topic counts time as {time_scale!r}, which this program does not know",
            accepted=", ".join(TIME_SCALES),
            next_step="install a newer alert-transfer, from a clone of it: pip install .",
        )


def utc_days(times: np.ndarray, time_scale: str) -> np.ndarray:
    """Return the UTC dates of times, as days since 1970-01-01.

    Parameters
    ----------
    times
        Days, counted as the time scale says, float64, shape (n,).
    time_scale
        One of `TIME_SCALES`.

    Returns
    -------
    days
        Whole numbers as float64, shape (n,); NaN or infinite where the time is.
    """
    counted, _, scale = time_scale.partition("_")
    # Exact: the subtraction of two doubles within a factor of two of each other does not round (Sterbenz).
    mjd = times - _MJD_ZERO_JD if counted == "jd" else times
    days = np.floor(mjd)
    if scale == "tai":
        # The UTC date of a TAI day begins as many seconds into it as TAI is ahead by then; until then it is the day
        # before, also in a leap second, which belongs to the day that it ends.
        ahead_s = _AHEAD_S[np.maximum(np.searchsorted(_SINCE_MJD, days, side="right") - 1, 0)]
        days = days - (mjd < days + ahead_s / 86_400.0)
    return days - _UNIX_EPOCH_MJD
