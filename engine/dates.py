"""Julian dates of texts in UTC."""

import datetime as dt
import re
from fractions import Fraction

__all__ = ["ACCEPTED_DATES", "DateError", "julian_date"]

ACCEPTED_DATES = (
    "jd('2021-11-22'), jd('2021-11-22T03:00'), jd('2021-11-22 03:00:15.5'), jd('2021-11-22T03:00:15Z'): UTC"
)
_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,12})?)?Z?)?", re.ASCII | re.IGNORECASE
)
# 0001-01-01T00:00, day 1 of Python's count, is JD 1721425.5.
_DAY_ZERO = Fraction(2 * 1_721_424 + 1, 2)


class DateError(ValueError):
    """A text that is no date."""


def julian_date(text: str) -> float:
    """Return the Julian date (UTC, days) of a date or a date with a time.

    Every day has 86,400 s, as in astropy's `Time(text, scale="utc").jd` on all days without a leap second, of which
    there was none since 2016. Calendar arithmetic alone: astropy may fetch a new table of leap seconds first.

    Parameters
    ----------
    text
        `2021-11-22`, or with a time after `T` or a space: `03:00`, `03:00:15`, `03:00:15.5`; `Z` may follow it.

    Raises
    ------
    DateError
        If it has another form, or there is no such day or time.
    """
    match = _DATE.fullmatch(text.strip())
    if not match:
        raise DateError(f"{text[:60]!r} is not a date")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        moment = dt.datetime(year, month, day, hour, minute, second)
    except ValueError as exc:
        raise DateError(f"{text[:60]!r} is not a date: {exc}") from exc
    seconds = Fraction(moment.hour * 3600 + moment.minute * 60 + moment.second) + Fraction(match[7] or 0)
    return float(_DAY_ZERO + moment.toordinal() + seconds / 86_400)
