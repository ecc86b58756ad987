"""Whether the times of alerts lie in their nights: if not, a survey's description has another unit or time scale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
    if not told:
        return []
    fit = _fit(told, time_field, time_scale)
    outside = [footer for footer, fits in zip(told, fit, strict=True) if not fits]
    if not outside:
        return []
    first = outside[0]
    least = first.ranges[time_field][0]
    fitting = [scale for scale in TIME_SCALES if _fit(told, time_field, scale).all()]
    meant = f"; read as {' or '.join(fitting)} they lie in them" if fitting else ""
    return [
        f"{len(outside):,} of {count_text(len(told), 'file')} {verb_text(len(outside), 'has', 'have')} times outside "
        f"{verb_text(len(outside), 'its night', 'their nights')}: {time_field} read as {time_scale} begins with "
        f"{_date_text(least, time_scale)} ({least:g}) in the night {first.file.night}; consume files alerts by these "
        f"dates, so check time and time_scale in the survey's description{meant}"
    ]


def _fit(footers: Sequence[Footer], time_field: str, time_scale: str) -> npt.NDArray[np.bool_]:
    """Return of each file whether its times lie in its night."""
    times = np.array([footer.ranges[time_field] for footer in footers], dtype=np.float64)
    nights = np.array([footer.file.night.toordinal() for footer in footers])
    days = utc_days(times.ravel(), time_scale).reshape(times.shape) + _EPOCH
    fits: npt.NDArray[np.bool_] = (np.abs(days - nights[:, np.newaxis]) <= _NEAR_DAYS).all(axis=1)
    return fits


def _date_text(time: float, time_scale: str) -> str:
    day = utc_days(np.array([time], dtype=np.float64), time_scale)[0] + _EPOCH
    return dt.date.fromordinal(int(day)).isoformat() if _FIRST <= day <= _LAST else "no date"
