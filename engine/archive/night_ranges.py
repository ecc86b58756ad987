"""The nights that users name: days, months, ranges; and what they may have meant by anything else.

`2021-11-22` is a night (UTC), `2021-11` all nights of a month, `2021-11-22:2021-11-30` all from one to another, both
included; either end of a range may be a month.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from consumer.settings import items_of, shown
from engine.archive.meant_nights import meant_nights
from engine.errors import RequestError

__all__ = ["night_texts", "parse_nights"]

ACCEPTED = "2021-11-22, a month 2021-11, or a range with both ends, 2021-11-22:2021-11-30"
MOST_NIGHTS = 40_000
"""Nights of a request, with data or without: the job's manifest lists those without, in one message."""

_END = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)


def parse_nights(nights: Any) -> list[dt.date]:
    """Return the nights that texts name, in order, once.

    Parameters
    ----------
    nights
        `2021-11-22`, a month `2021-11`, or a range `2021-11-22:2021-11-30`, both ends included; a date; or several of
        them: whatever `night_texts` takes.

    Raises
    ------
    RequestError
        If there is no night, a text is not a night, a range ends before it begins, or there are too many.
    """
    texts = dict.fromkeys(night_texts(nights))
    if not texts:
        raise RequestError("the request names no nights", accepted=ACCEPTED, next_step="give one, or a range")
    merged: list[tuple[int, int]] = []
    for first, last in sorted((a.toordinal(), b.toordinal()) for a, b in map(_span, texts)):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    num_nights = sum(last - first + 1 for first, last in merged)
    if num_nights > MOST_NIGHTS:
        raise RequestError(
            f"{', '.join(map(shown, list(texts)[:3]))}{' and more' * (len(texts) > 3)} are {num_nights:,} nights",
            accepted=f"at most {MOST_NIGHTS:,} nights",
            next_step="name the years in which the survey has observed",
        )
    return [dt.date.fromordinal(day) for first, last in merged for day in range(first, last + 1)]


def night_texts(nights: Any) -> tuple[str, ...]:
    """Return nights as texts.

    Parameters
    ----------
    nights
        A text, a date, a time at midnight UTC, numpy's and pandas' of these (`datetime64`, `Timestamp`, `Period`), or
        a list, array, index, series, generator or set of them.

    Raises
    ------
    RequestError
        If one of them is of another kind.
    """
    if isinstance(nights, Mapping):
        raise RequestError(f"nights is {shown(nights)}", accepted=ACCEPTED)
    return items_of("nights", nights, _text_of, error=RequestError)


def _text_of(item: Any) -> str:
    if isinstance(item, str):
        return str(item).strip()
    if hasattr(item, "as_py"):  # pyarrow's scalars
        item = item.as_py()
    if isinstance(item, np.datetime64):
        return _text_of_time64(item)
    if isinstance(item, dt.datetime):
        return _text_of_time(item)
    if isinstance(item, dt.date):
        return item.isoformat()
    if hasattr(item, "freqstr") and hasattr(item, "start_time"):  # pandas' Period, which writes days and months so
        return str(item)
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        raise _no_night(str(int(item)) if abs(int(item)) < 10**18 else shown(item), repr_=shown(item))
    raise RequestError(f"nights holds {shown(item)}", accepted=f"texts or dates: {ACCEPTED}")


def _text_of_time64(item: np.datetime64) -> str:
    if np.isnat(item):
        raise RequestError("nights holds NaT, which is no time", accepted=f"texts or dates: {ACCEPTED}")
    if np.datetime_data(item)[0] == "M":
        return str(item)
    day = item.astype("datetime64[D]")
    if np.datetime_data(item)[0] in ("Y", "W") or day != item:
        raise _no_night(str(item), repr_=shown(item))
    return str(day)


def _text_of_time(item: dt.datetime) -> str:
    if item != item:  # pandas' NaT is a datetime, and not equal to itself
        raise RequestError("nights holds NaT, which is no time", accepted=f"texts or dates: {ACCEPTED}")
    night = item.date().isoformat()
    offset = item.utcoffset()
    if offset:
        utc = item.astimezone(dt.UTC).date().isoformat()
        raise RequestError(
            f"nights holds {item.isoformat()}, a time of another zone than UTC",
            accepted=f"texts or dates (UTC): {ACCEPTED}",
            next_step=f"its UTC date is {utc}",
        )
    if item.time() != dt.time() or getattr(item, "nanosecond", False):
        raise RequestError(
            f"nights holds {item.isoformat()}, a time of day",
            accepted=f"texts or dates (UTC): {ACCEPTED}",
            next_step=f"did you mean {night}? Conditions on the time itself are made with candidate.jd",
        )
    return night


def _span(text: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last night that one text names."""
    ends = [end.strip() for end in text.split(":")] if len(text) <= 100 else []
    matches = [match for end in ends if (match := _END.fullmatch(end))]
    if len(matches) not in (1, 2) or len(matches) < len(ends):
        raise _no_night(text)
    (first, _), (_, last) = (_days(match, text) for match in (matches[0], matches[-1]))
    if last < first:
        raise RequestError(
            f"the range {text!r} ends before it begins",
            accepted=ACCEPTED,
            next_step=f"did you mean {ends[1]}:{ends[0]}?",
        )
    return first, last


def _days(match: re.Match[str], text: str) -> tuple[dt.date, dt.date]:
    year, month = int(match[1]), int(match[2])
    if not (year >= 1 and 1 <= month <= 12):
        raise _no_night(text)
    num_days = calendar.monthrange(year, month)[1]
    if match[3] is None:
        return dt.date(year, month, 1), dt.date(year, month, num_days)
    if not 1 <= int(match[3]) <= num_days:
        raise RequestError(
            f"{text!r} is not a night: {year:04}-{month:02} has {num_days} days",
            accepted=ACCEPTED,
            next_step=f"the whole month is {year:04}-{month:02}, its last night {year:04}-{month:02}-{num_days}",
        )
    return dt.date(year, month, int(match[3])), dt.date(year, month, int(match[3]))


def _no_night(text: str, repr_: str | None = None) -> RequestError:
    meant = meant_nights(text)
    return RequestError(
        f"{repr_ or shown(text)} is not a night" + (", nor a range of nights" if ":" in text else ""),
        accepted=ACCEPTED,
        next_step=f"did you mean {meant}?" if meant else None,
    )
