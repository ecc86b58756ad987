"""The SQL of a condition, computed at once: on constants before any alert is read, and on a narrow table of items.

dask-sql takes milliseconds to plan a predicate, which is too long for the items of one fragment's lists. The SQL is
what the translator writes, and each operator is the one of pandas that dask-sql uses.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.conditions.expressions import Constant, Term

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["truth_of", "value_of"]

_PIECE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|<=|>=|[<>=(),]""", re.ASCII)
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def value_of(term: Term) -> Constant | None:
    """Return what a constant term gives for every alert, as Python has it; None is null."""
    if term.is_literal:
        return term.value
    import pandas as pd  # here: most conditions are planned without it

    found = _Reader(term.sql, None).value()
    if found is pd.NA or found is None:
        return None
    return found.item() if isinstance(found, np.generic) else found


def truth_of(sql: str, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return of which rows a condition is true, and of which it is unknown.

    Parameters
    ----------
    sql
        As a translator writes it.
    frame
        Nullable columns named by the leaves; n rows.

    Returns
    -------
    ndarray of bool, ndarray of bool
        Shape (n,) each.
    """
    found = _Reader(sql, frame).value()
    unknown = found.isna().to_numpy(dtype=bool)
    return found.to_numpy(dtype=bool, na_value=False), unknown


class _Reader:
    """Reads SQL: literals, columns, calls of functions, and what stands in parentheses with an operator."""

    def __init__(self, sql: str, frame: pd.DataFrame | None):
        self._pieces, self._at, self._frame = _PIECE.findall(sql), 0, frame

    def _next(self) -> str:
        self._at += 1
        return self._pieces[self._at - 1]

    def value(self) -> Any:
        piece = self._next()
        if piece == "(":
            found = self._combined()
            self._next()
            return found
        if piece.startswith("'"):
            return piece[1:-1].replace("''", "'")
        if piece.startswith('"') and self._frame is not None:
            return self._frame[piece[1:-1].replace('""', '"')]
        if piece in ("TRUE", "FALSE"):
            return np.bool_(piece == "TRUE")
        if piece[0].isdigit() or piece[0] == "-":
            return float(piece) if "." in piece or "e" in piece else int(piece)
        from engine.conditions.functions import evaluate, parse_call  # here, since they import pandas

        self._next()
        return evaluate(*parse_call(piece), *self._listed())

    def _listed(self) -> list[Any]:
        """Return values that commas separate, up to the closing parenthesis."""
        values = [self.value()]
        while self._next() == ",":
            values.append(self.value())
        return values

    def _combined(self) -> Any:
        if self._pieces[self._at] == "NOT":
            self._next()
            return ~self.value()
        left = self.value()
        if self._pieces[self._at] == ")":
            return left
        word = self._next()
        if word == "IS":
            self._next()
            return left.isna().astype("boolean")
        if word == "IN":
            self._next()
            return left.isin(self._listed()).astype("boolean")
        right = self.value()
        if word in ("AND", "OR"):
            return left & right if word == "AND" else left | right
        return _COMPARISONS[word](left, right)
