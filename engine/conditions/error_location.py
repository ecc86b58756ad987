"""Refusals of a condition that show the place in the user's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol

from sqlglot import exp

from engine.errors import ConditionError

__all__ = ["Fail", "refuse_at"]

_SHOWN = 120
_BEFORE = 60


class Fail(Protocol):
    """What refuses a part of a condition, where that stands in the user's text."""

    def __call__(
        self,
        node: exp.Expr,
        message: str,
        *,
        accepted: str | None = None,
        next_step: str | None = None,
        names: tuple[str, Sequence[str]] | None = None,
    ) -> NoReturn:
        """Raise a ConditionError; with `names`, (a name, those that there are), the nearest of them are accepted."""
        ...


def refuse_at(
    text: str, start: int, end: int, message: str, *, accepted: str | None = None, next_step: str | None = None
) -> NoReturn:
    """Raise a refusal with the line of the text that is meant, and carets below the characters from start to end.

    Raises
    ------
    ConditionError
        Always.
    """
    start = min(start, max(len(text) - 1, 0))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    number, column = text.count("\n", 0, start) + 1, start - line_start + 1
    left = max(column - 1 - _BEFORE, 0)
    shown = "".join(c if c.isprintable() else " " for c in line[left : left + _SHOWN])
    carets = "^" * max(min(end, line_start + len(line)) - start, 1)
    carets = carets[: max(len(shown) - (column - 1 - left), 1)]
    place = f"(line {number}, column {column})"
    raise ConditionError(
        f"{message} {place}\n  {shown}\n  {' ' * (column - 1 - left)}{carets}", accepted=accepted, next_step=next_step
    )
