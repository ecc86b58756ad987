"""The nights of a query: as a request writes them, as dates, and what the presets mean by them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import engine

__all__ = ["PRESETS", "as_nights", "dates_of", "gaps", "preset", "split_words", "years_of"]

PRESETS = {
    "night": "Last night",
    "week": "Last 7 nights",
    "month": "Last month",
    "year": "Last year",
    "all": "Everything",
}
_DAYS = {"night": 1, "week": 7, "month": 30, "year": 365}


def dates_of(nights: Sequence[str]) -> list[dt.date]:
    """Return the dates of nights as a request writes them.

    Raises
    ------
    RequestError
        If one of them is no night.
    """
    return engine.TransferRequest(nights=tuple(nights)).dates() if nights else []


def split_words(text: str) -> list[str]:
    """Return what was typed, with commas or blanks between them: nights, or names of fields."""
    return text.replace(",", " ").replace(";", " ").split()


def as_nights(first: dt.date, last: dt.date) -> list[str]:
    """Return a range, both ends included, as a request writes it: a night or a month where it is one."""
    if first == last:
        return [first.isoformat()]
    if (
        first.day == 1
        and (last + dt.timedelta(days=1)).day == 1
        and (first.year, first.month) == (last.year, last.month)
    ):
        return [f"{first:%Y-%m}"]
    return [f"{first.isoformat()}:{last.isoformat()}"]


def preset(name: str, there: Sequence[dt.date]) -> list[str]:
    """Return the nights that a preset means, or a year: those with data there are in order, and the last counts.

    Parameters
    ----------
    name
        One of `PRESETS`, or a year.
    there
        The nights of the archive, in order; not empty.
    """
    first, last = there[0], there[-1]
    if name in _DAYS:
        first = max(first, last - dt.timedelta(days=_DAYS[name] - 1))
    elif name != "all":
        within = [night for night in there if night.year == int(name)]
        first, last = within[0], within[-1]
    return as_nights(first, last)


def years_of(there: Sequence[dt.date]) -> list[str]:
    """Return the years in which an archive has nights."""
    return [str(year) for year in sorted({night.year for night in there})]


def gaps(there: Sequence[dt.date]) -> list[dt.date]:
    """Return the nights without data between the first night and the last one."""
    if not there:
        return []
    has = set(there)
    every = (there[0] + dt.timedelta(days=day) for day in range((there[-1] - there[0]).days))
    return [night for night in every if night not in has]
