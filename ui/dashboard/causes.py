"""What of a query caused an error, so that the error is shown beside it; and where in the conditions it is."""

from __future__ import annotations

import re

import engine
from ui.dashboard.query import Query

__all__ = ["cause_of", "place_of", "step_of"]

_TNS = "(TNS)"
_STEPS = {"data": 0, "classes": 1, "where": 1, "fields": 2}
_PLACE = re.compile(r"\(line (\d+), column (\d+)\)\n.*\n *(\^+)")


def cause_of(error: Exception, query: Query) -> str:
    """Return the part of the query that an error is about: `where`, `classes`, `fields`, or else `data`.

    An error tells the value that is wrong, so that is looked for in what it says.
    """
    if isinstance(error, engine.ConditionError):
        return "where"
    if query.content == "fields" and not query.fields:
        return "fields"
    said = str(error)
    labels = [*query.classes, *query.exclude_classes]
    if any(label and label in said for label in labels):
        return "classes"
    if _TNS in said and any(label.startswith(_TNS) for label in labels):
        return "classes"  # all of them: there is nothing to match them with
    return "fields" if any(field and field in said for field in query.fields) else "data"


def step_of(error: Exception, query: Query) -> int:
    """Return the step that shows an error beside what caused it."""
    return _STEPS[cause_of(error, query)]


def place_of(error: Exception) -> tuple[int, int, int] | None:
    """Return the line, the column (both from 1) and the length of what is wrong in the conditions."""
    found = _PLACE.search(getattr(error, "message", ""))
    return (int(found[1]), int(found[2]), len(found[3])) if found else None
