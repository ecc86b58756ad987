"""Notes on literals that are read otherwise than they look: texts in a row, and dates that are subtractions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from engine.conditions.trees import shown

__all__ = ["notes_on_literals"]


def notes_on_literals(tree: exp.Expr) -> Iterator[tuple[exp.Expr, str]]:
    """Yield (what is odd, the note on it) of the literals of a condition."""
    for node in tree.walk():
        if isinstance(node, exp.Concat):
            parts = node.expressions
            if all(isinstance(part, exp.Literal) and part.is_string for part in parts):
                listed = ", ".join(map(shown, parts))
                joined = "".join(part.this for part in parts)
                yield node, f"texts in a row are one text, '{joined[:60]}': a comma may be missing in {listed}"
        elif isinstance(node, exp.Sub) and (date := _date_of(node)):
            yield (
                node,
                f"{date} is a subtraction, {_number(node)}: a date is jd('{_padded(date)}'), or in quotes "
                "where a time is compared",
            )


def _date_of(node: exp.Sub) -> str | None:
    """Return a date that was written without quotes, 2021-11-22, from its place in a subtraction."""
    first = node.this
    if not isinstance(first, exp.Sub):
        return None
    parts = [first.this, first.expression, node.expression]
    if not all(isinstance(part, exp.Literal) and not part.is_string for part in parts):
        return None
    date = "-".join(part.this for part in parts)
    return date if re.fullmatch(r"(19|20)\d\d-[01]?\d-[0-3]?\d", date) else None


def _padded(date: str) -> str:
    year, month, day = date.split("-")
    return f"{year}-{month:0>2}-{day:0>2}"


def _number(node: exp.Sub) -> int:
    return int(node.this.this.this) - int(node.this.expression.this) - int(node.expression.this)
