"""Spark's SQL as conditions have it: sqlglot's dialect, in which every function is what it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokens import TokenType

from engine.conditions.predicates import UNKNOWN

__all__ = ["Dialect"]


class _Parser(SparkParser):
    """Spark's SQL whose functions all are what they are called, and known to engine/conditions/functions alone."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr | None]]] = {
        "CAST": SparkParser.FUNCTION_PARSERS["CAST"],
        # A function that is not known: to Spark, which reads '1.5' as a double alone, it is not what CAST is.
        "TRY_CAST": lambda self: exp.Anonymous(this="try_cast", expressions=[self._parse_cast(strict=False)]),
    }
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Expr]]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr | None]]] = {
        name: parser for name, parser in SparkParser.NO_PAREN_FUNCTION_PARSERS.items() if name == "CASE"
    }

    def _parse_null(self) -> exp.Expr | None:
        # sqlglot makes one thing of NULL and UNKNOWN; the latter is for truth values.
        found = super()._parse_null()
        if isinstance(found, exp.Null) and self._prev.token_type == TokenType.UNKNOWN:
            found.meta[UNKNOWN] = True
        return found

    def _parse_in(self, this: exp.Expr | None, alias: bool = False) -> exp.In:
        if self._curr and self._curr.token_type == TokenType.L_BRACKET:
            self.raise_error("A list stands in parentheses")
        return super()._parse_in(this, alias)

    def _parse_between(self, this: exp.Expr | None) -> exp.Between:
        start = self._index
        found = super()._parse_between(this)
        depth = 0
        for token in self._tokens[start : self._index]:
            depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
            if token.token_type == TokenType.AND and not depth:
                return found
        self.raise_error("BETWEEN takes two values with AND between them")
        return found


class Dialect(Spark):
    """Spark's SQL, read by that parser."""

    Parser = _Parser
