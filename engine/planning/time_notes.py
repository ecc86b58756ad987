"""Whether the times of alerts lie in their nights: if not, a survey's description has another unit or time scale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from consumer.wire import TIME_SCALES, utc_days
from consumer.words import count_text, verb_text
from engine.archive import Footer

__all__ = ["notes_on_times"]

_NEAR_DAYS = 1
"""An archive's night may be a night at the telescope, of which the UTC date is one more or less."""
_FIRST, _LAST = dt.date.min.toordinal(), dt.date.max.toordinal()
_EPOCH = dt.date(1970, 1, 1).toordinal()


def notes_on_times(footers: Sequence[Footer], time_field: str, time_scale: str) -> list[str]:
    """Return a note if files have times outside their nights.

    Parameters
    ----------
    footers
        Those without a range of the field, since it was not asked for or their statistics lack it, do not count.
    time_field, time_scale
        Where a survey has the time, and how it counts it.
    """
    told = [footer for footer in footers if time_field in footer.ranges]
    outside = [footer for footer in told if not _fits(footer, time_field, time_scale)]
    if not outside:
        return []
    first = outside[0]
    least = first.ranges[time_field][0]
    fitting = [scale for scale in TIME_SCALES if all(_fits(footer, time_field, scale) for footer in told)]
    meant = f"; read as {' or '.join(fitting)} they lie in them" if fitting else ""
    return [
        f"{len(outside):,} of {count_text(len(told), 'file')} {verb_text(len(outside), 'has', 'have')} times outside "
        f"{verb_text(len(outside), 'its night', 'their nights')}: {time_field} read as {time_scale} begins with "
        f"{_date_text(least, time_scale)} ({least:g}) in the night {first.file.night}; consume files alerts by these "
        f"dates, so check time and time_scale in the survey's description{meant}"
    ]


def _fits(footer: Footer, time_field: str, time_scale: str) -> bool:
    days = utc_days(np.array(footer.ranges[time_field], dtype=np.float64), time_scale) + _EPOCH
    return bool((np.abs(days - footer.file.night.toordinal()) <= _NEAR_DAYS).all())


def _date_text(time: float, time_scale: str) -> str:
    day = utc_days(np.array([time], dtype=np.float64), time_scale)[0] + _EPOCH
    return dt.date.fromordinal(int(day)).isoformat() if _FIRST <= day <= _LAST else "no date"
