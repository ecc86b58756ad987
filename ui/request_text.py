"""A job's request in a line, for a list of jobs, on the command line and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumer.cli import one_line, some_text

__all__ = ["request_line"]

_MOST_NAMED = 2
_MOST_CHARACTERS = 60


def request_line(request: Mapping[str, Any]) -> str:
    """Return a request on one line: nights, classes, conditions, content; others wrote it, so it may be anything."""
    parts = [_some(request.get("nights"))]
    parts += [_some(request.get("classes")), _some(request.get("exclude_classes"), "not ")]
    parts += [_some(request.get("where"), "where "), _some(request.get("content", "lightcurve"))]
    parts += [_some(request.get("fields")), _some(request.get("limit"), "first ")]
    return "; ".join(part for part in parts if part)


def _some(value: Any, before: str = "") -> str:
    items = value if isinstance(value, list | tuple) else [] if value is None else [value]
    text = some_text([one_line(str(item), _MOST_CHARACTERS) for item in items], _MOST_NAMED)
    return before + text if text else ""
