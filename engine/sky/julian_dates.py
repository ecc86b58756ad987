"""Julian dates of texts in UTC."""

import datetime as dt
import re
from fractions import Fraction

__all__ = ["ACCEPTED_DATES", "ACCEPTED_TIMES", "DateError", "is_date", "julian_date", "time_text"]

ACCEPTED_DATES = (
    "jd('2021-11-22'), jd('2021-11-22T03:00'), jd('2021-11-22 03:00:15.5'), jd('2021-11-22T03:00:15Z'): UTC"
)
_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,12})?)?Z?)?", re.ASCII | re.IGNORECASE
)
ACCEPTED_TIMES = "'2021-11-22', '2021-11-22 03:00', '2021-11-22T03:00:15.5', '2021-11-22T03:00:15Z': UTC"
_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})(?:[ T](?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d*))?)?)?\s?"
    r"(?P<zone>Z|UTC|(?P<sign>[+-])(?P<ahead>\d{1,2})(?::(?P<minutes>\d{2}))?)?)?)?)?",
    re.ASCII,
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


def is_date(text: str) -> bool:
    """Return whether `julian_date` takes a text."""
    try:
        julian_date(text)
    except DateError:
        return False
    return True


def time_text(text: str, kind: str) -> str:
    """Return a date or time, in any form that Spark reads, as the archive's columns of times have it.

    Parameters
    ----------
    text
        A year, a month, a date, or a date with a time after `T` or a space; an offset such as `+01:00` may follow.
    kind
        `timestamp`: `2021-11-22 03:00:00.5`, in UTC, without zeros at the end; or `date`, from which the time is left
        out.

    Raises
    ------
    DateError
        If it has another form, or there is no such day or time.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise DateError(f"{text[:60]!r} is not a time")
    year, month, day = (int(match[name] or 1) for name in ("year", "month", "day"))
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    microsecond = int((match["fraction"] or "")[:6].ljust(6, "0"))
    offset = dt.timedelta(hours=int(match["ahead"] or 0), minutes=int(match["minutes"] or 0))
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, microsecond)
        if kind == "date":
            return moment.date().isoformat()
        moment += offset if match["sign"] == "-" else -offset
    except (ValueError, OverflowError) as exc:
        raise DateError(f"{text[:60]!r} is not a time: {exc}") from exc
    written = moment.isoformat(" ")
    return written.rstrip("0") if moment.microsecond else written
