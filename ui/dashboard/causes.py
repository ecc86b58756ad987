"""What of a query caused an error, so that the error is shown beside it; and where in the conditions it is."""

from __future__ import annotations

import re

import engine
from ui.dashboard.query import Query

__all__ = ["cause_of", "place_of"]

_PLACE = re.compile(r"\(line (\d+), column (\d+)\)\n.*\n *(\^+)")


def cause_of(error: Exception, query: Query) -> str:
    """Return `where`, `classes`, `fields`, `nights` or `source`: the part of the query that an error is about.

    An error tells the value that is wrong, so that is looked for in its message.
    """
    if isinstance(error, engine.ConditionError):
        return "where"
    if query.content == "fields" and not query.fields:
        return "fields"
    message = getattr(error, "message", str(error))
    for name, values in (("classes", [*query.classes, *query.exclude_classes]), ("fields", query.fields)):
        if any(value and value in message for value in values):
            return name
    return "nights" if not query.nights or "night" in message else "source"


def place_of(error: Exception) -> tuple[int, int, int] | None:
    """Return the line, the column (both from 1) and the length of what is wrong in the conditions."""
    found = _PLACE.search(getattr(error, "message", ""))
    return (int(found[1]), int(found[2]), len(found[3])) if found else None
