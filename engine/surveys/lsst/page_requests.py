"""The request that Fink's page for LSST gives for download and takes back, as one of ours.

    dates: {startdate: '2026-02-01', stopdate: '2026-02-28'}
    filters: [in_tns, NOT extragalactic_new_candidate]
    blocks: [b_outside_galactic_plane]
    extra_cond: ["diaSource.psfFlux > 9000"]
    content: [Light packet]

Filters and blocks are programs of that service, of which a request says no more than the names. Leaving one out would
select other alerts, so each is refused, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumer.settings import shown
from consumer.words import some_text
from engine.errors import RequestError

__all__ = ["PAGE_KEYS", "is_of_the_page", "table_of_the_page"]

PAGE_KEYS = ("dates", "filters", "blocks", "extra_cond")
"""Besides `content`, which a request has as well; the values of all are texts."""

_KEYS = (*PAGE_KEYS, "content")
_DATES = ("startdate", "stopdate")
_PROGRAMS = {"filters": "filter", "blocks": "block"}
_OURS_BESIDE = ("archive", "survey", "limit", "topic", "tns_catalogue", "skip_unreadable", "widen")
"""Keys that a user may add, since the page has nothing for them."""
_PACKETS = {
    "light packet": "lightcurve",
    "lightcurve": "lightcurve",
    "cutouts": "cutouts",
    "medium packet": "medium",
    "full packet": "full",
}
_MOST_NAMES = 20
_MOST_CHARACTERS = 40


def is_of_the_page(values: Mapping[str, Any]) -> bool:
    """Return whether a table is that page's: nights as two dates, and none of the keys that we have instead."""
    dates = values.get("dates")
    instead = ("nights", "where", "fields", "classes", "exclude_classes")
    return isinstance(dates, dict) and any(name in dates for name in _DATES) and not any(map(values.get, instead))


def table_of_the_page(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return that page's table as the table of a request.

    Raises
    ------
    RequestError
        If it names filters or blocks, or has what the page doesn't write.
    """
    accepted = f"{', '.join(_KEYS)}, as the page for LSST writes them, and beside them {', '.join(_OURS_BESIDE)}"
    if unknown := [name for name in values if name not in (*_KEYS, *_OURS_BESIDE)]:
        raise RequestError(f"a request of the page for LSST has no {', '.join(map(shown, unknown))}", accepted=accepted)
    _refuse_programs({key: _texts(key, values.get(key)) for key in _PROGRAMS})
    table: dict[str, Any] = {"nights": _nights(values["dates"]), "survey": "lsst"}
    if conditions := _texts("extra_cond", values.get("extra_cond")):
        table["where"] = conditions
    table |= _content(_texts("content", values.get("content")))
    return table | {name: values[name] for name in _OURS_BESIDE if values.get(name) is not None}


def _nights(dates: Mapping[str, Any]) -> str:
    start, stop = (dates.get(name) for name in _DATES)
    if set(dates) != set(_DATES) or not isinstance(start, str) or not isinstance(stop, str):
        raise RequestError(
            f"dates is {shown(dates)}",
            accepted="a startdate and a stopdate, such as dates: {startdate: '2026-02-01', stopdate: '2026-02-28'}",
            next_step="give both; for one night, the same date twice",
        )
    return start if start == stop else f"{start}:{stop}"


def _content(names: list[str]) -> dict[str, Any]:
    packets = [name for name in names if name.strip().lower() in _PACKETS]
    if not packets:
        return {"content": "fields", "fields": names} if names else {}
    if len(names) > 1:
        raise RequestError(
            f"content has {some_text([shown(name) for name in names], _MOST_NAMES)}",
            accepted="one of Light packet, Medium packet, Full packet, or names of fields and none of these",
            next_step=f"leave out {shown(packets[0])}, or all others",
        )
    return {"content": _PACKETS[packets[0].strip().lower()]}


def _refuse_programs(named: Mapping[str, list[str]]) -> None:
    told = []
    for key, names in named.items():
        if names:
            shown_names = [shown(" ".join(name.split()), _MOST_CHARACTERS) for name in names]
            several = "s" * (len(names) > 1)
            told.append(f"the {_PROGRAMS[key]}{several} {some_text(shown_names, _MOST_NAMES)}")
    if told:
        raise RequestError(
            f"the request names {' and '.join(told)}, which only the service has that wrote it",
            accepted="conditions on fields, under extra_cond; filters and blocks that are empty",
            next_step="write what each stands for as a condition, such as xm.tns_type IS NOT NULL or "
            "NOT (clf.snnSnVsOthers_score > 0.5), and take its name out",
        )


def _texts(key: str, value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise RequestError(f"{key} is {shown(value)}", accepted="a list of texts, or an empty one")
    return [item for item in items if item.strip()]
