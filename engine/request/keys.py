"""The keys of a request, the same in all its forms, and what is meant by other names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from consumer.settings import shown
from engine.conditions import looks_like_condition
from engine.errors import RequestError
from engine.pipeline import CONTENTS

__all__ = ["KEYS", "TEXT_KEYS", "check_keys", "meant_content"]

KEYS = (
    "nights",
    "archive",
    "survey",
    "classes",
    "exclude_classes",
    "where",
    "content",
    "fields",
    "limit",
    "topic",
    "tns_catalogue",
    "skip_unreadable",
    "widen",
)
"""In the order in which a request is written."""
TEXT_KEYS = tuple(name for name in KEYS if name not in ("limit", "skip_unreadable"))
"""Of which a value is a text, or several."""

# Other names of the keys. A name that only resembles a key is found without.
_OTHER_NAMES = {
    **dict.fromkeys(["condition", "conditions", "extra_cond", "filter", "filters", "query", "sql", "expr"], "where"),
    **dict.fromkeys(["date", "dates", "day", "days", "month", "start", "stop", "startdate", "stopdate"], "nights"),
    **dict.fromkeys(["column", "columns", "cols", "select"], "fields"),
    **dict.fromkeys(["label", "labels", "finkclass", "tnsclass"], "classes"),
    **dict.fromkeys(["exclude", "exclude_class", "excludes"], "exclude_classes"),
    **dict.fromkeys(["source", "datasource"], "survey"),
    **dict.fromkeys(["max", "n", "num_alerts"], "limit"),
    **dict.fromkeys(["catalog", "catalogue", "tns_catalog"], "tns_catalogue"),
}
_OTHER_CONTENTS = {
    **dict.fromkeys(["history", "lc", "light", "lightpacket", "photometry"], "lightcurve"),
    **dict.fromkeys(["images", "stamp", "stamps", "thumbnails"], "cutouts"),
    **dict.fromkeys(["mediumpacket", "nocutouts"], "medium"),
    **dict.fromkeys(["*", "all", "everything", "fullpacket", "packet"], "full"),
    **dict.fromkeys(["columns", "custom", "select"], "fields"),
}
_PROGRAMS = ("filters", "blocks")
"""Keys under which requests to other services name programs of theirs, by names that only the service knows."""
_CONFIGURATION = ("kafka", "dask", "storage_options", "kafka_options")


def check_keys(values: Mapping[Any, Any]) -> None:
    """Raise if a table has keys that a request has not.

    Raises
    ------
    RequestError
        With each of them, and the key that was meant.
    """
    if unknown := {name: values[name] for name in values if name not in KEYS}:
        raise RequestError(
            f"a request has no {', '.join(map(shown, unknown))}",
            accepted=", ".join(KEYS),
            next_step=_meant_keys(unknown),
        )


def _meant_keys(unknown: Mapping[Any, Any]) -> str | None:
    """Return what to do about keys that a request has not, of each if there are several."""
    meant = {shown(name): _meant_key(name, value) for name, value in unknown.items()}
    if len(meant) == 1:
        return next(iter(meant.values()))
    return "; ".join(f"{name}: {step}" for name, step in meant.items() if step) or None


def _meant_key(name: Any, value: Any) -> str | None:
    if name in _PROGRAMS and isinstance(value, list) and not any(looks_like_condition(str(item)) for item in value):
        named = ", ".join(str(item)[:50] for item in value[:5])
        return f"only the service knows {named or 'its names'}: write what they stand for as conditions, under 'where'"
    word = str(name).strip().lower().replace("-", "_") if isinstance(name, str) else ""
    if word in _CONFIGURATION:
        return f"{word} belongs into the configuration, not into the request"
    near = word if word in KEYS else _OTHER_NAMES.get(word)
    near = near or next(iter(difflib.get_close_matches(word[:100], KEYS, n=1)), None)
    return f"did you mean {near!r}?" if near else None


def meant_content(text: str) -> str | None:
    """Return the content that a text most likely means; None if it is like no content."""
    word = re.sub(r"[\s_-]+", "", text[:100].lower())
    return _OTHER_CONTENTS.get(word) or next(iter(difflib.get_close_matches(word, CONTENTS, n=1)), None)
