"""Whether a folder's dates are those of the job's nights: if not, the time of the survey is described wrongly."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from consumer.words import count_text, verb_text

__all__ = ["note_on_dates"]

_DAY = re.compile(r"year=(\d+)/month=(\d+)/day=(\d+)/")
_NEAR = dt.timedelta(days=1)
"""An archive's night may be a night at the telescope, of which the UTC date is one more or less."""


def note_on_dates(
    files: Iterable[Mapping[str, Any]], nights: Iterable[str], time_field: str, time_scale: str
) -> str | None:
    """Return a note if files lie under dates that are none of the job's nights, or under none.

    Parameters
    ----------
    files
        Of a folder by time: their paths and numbers of alerts.
    nights
        The job's, as its plan writes them; without any there is no note.
    time_field, time_scale
        Where the plan has the time, and how it is counted.
    """
    known = {dt.date.fromisoformat(night) for night in nights}
    if not known:
        return None
    near = {night + days for night in known for days in (-_NEAR, dt.timedelta(), _NEAR)}
    strange = [file for file in files if file["num_alerts"] and _date(file["path"]) not in near]
    if not strange:
        return None
    num_alerts = sum(file["num_alerts"] for file in strange)
    first, last = min(known), max(known)
    span = f"the night {first}" if first == last else f"the nights {first} to {last}"
    return (
        f"{count_text(num_alerts, 'alert')} of {span} {verb_text(num_alerts, 'lies', 'lie')} under other dates, such "
        f"as {strange[0]['path'].rpartition('/')[0]}: {time_field} was read as {time_scale}, so check time and "
        "time_scale in the survey's description"
    )


def _date(path: str) -> dt.date | None:
    found = _DAY.match(path)
    return dt.date(*map(int, found.groups())) if found else None
