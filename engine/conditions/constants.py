"""The values of constant terms, computed before any alert is read, by the functions that compute them on alerts."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from engine.conditions.expressions import Term
from engine.conditions.functions import evaluate, parse_call

__all__ = ["value_of"]

_PIECE = re.compile(r"'(?:[^']|'')*'|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|[(),]", re.ASCII)


def value_of(term: Term) -> Any:
    """Return what a constant term gives for every alert, as Python has it; None is null."""
    if term.is_literal:
        return term.value
    found = _Reader(_PIECE.findall(term.sql)).value()
    if found is pd.NA or found is None:
        return None
    return found.item() if isinstance(found, np.generic) else found


class _Reader:
    """Reads the SQL of a constant: literals, and calls of functions with constants."""

    def __init__(self, pieces: list[str]):
        self._pieces, self._at = pieces, 0

    def _next(self) -> str:
        self._at += 1
        return self._pieces[self._at - 1]

    def value(self) -> Any:
        piece = self._next()
        if piece.startswith("'"):
            return piece[1:-1].replace("''", "'")
        if piece in ("TRUE", "FALSE"):
            return np.bool_(piece == "TRUE")
        if piece[0].isdigit() or piece[0] == "-":
            return float(piece) if "." in piece or "e" in piece else int(piece)
        operands = []
        while self._next() != ")":
            operands.append(self.value())
        return evaluate(*parse_call(piece), *operands)
