"""From the parsed tree of a condition in Spark's SQL to dask-sql's: checked and typed as Spark 3.5 does it.

Each kind of node has its rules elsewhere: names in `scopes`, values in `values`, what is true or false in `predicates`,
calls in the room of the functions. Here is which of them a node belongs to, and what belongs to none.
"""

from __future__ import annotations

from typing import NoReturn

from sqlglot import exp

from engine.conditions import expressions, predicates, truths, values
from engine.conditions.error_location import Fail
from engine.conditions.expressions import Term, literal
from engine.conditions.functions import translate_call
from engine.conditions.scopes import Scope
from engine.conditions.trees import chain

__all__ = ["Translator"]

_ARGUMENTS = {"this", "expression", "expressions", "low", "high", "ifs", "true", "default", "to", "negate"}
_ARGUMENTS |= {"is_string", "table", "db", "catalog", "quoted", "safe", "coalesce", "typed", "query", "field", "unnest"}
MAX_TERM_CHARACTERS = 1_000_000
_REFUSED = {
    exp.Select: "a SELECT",
    exp.Subquery: "a subquery",
    exp.Window: "a window function",
    exp.Star: "*",
    exp.Exists: "EXISTS",
    exp.Interval: "an INTERVAL",
    exp.Alias: "a second name (AS)",
    exp.Lambda: "a predicate of items (->) outside of exists, forall and filter",
}


class Translator:
    """Translates the expressions of one condition.

    Parameters
    ----------
    scope
        What the names in it stand for.
    fail
        Refuses a node.
    """

    def __init__(self, *, scope: Scope, fail: Fail):
        self.scope, self.fail = scope, fail

    def inside(self, scope: Scope) -> Translator:
        """Return what translates a predicate inside of the condition, in which names stand for other things."""
        return Translator(scope=scope, fail=self.fail)

    def condition(self, node: exp.Expr) -> Term:
        """Return a whole condition: a truth value for each row."""
        return truths.spread(self.truth(node), self.scope.anchor())

    def truth(self, node: exp.Expr) -> Term:
        """Return a term that is boolean."""
        term = self.term(node)
        if term.type == "void":
            return expressions.null("boolean")
        if term.type != "boolean":
            self.fail(
                node,
                f"this is of type {term.type}, not a condition",
                accepted="an expression that is true or false for each alert",
                next_step="compare it with something, such as: > 0, = 'text', IS NOT NULL",
            )
        return term

    def term(self, node: exp.Expr) -> Term:
        """Return a term of any type; its text is bounded, although some forms write an operand several times."""
        term = self._unbounded_term(node)
        if len(term.sql) > MAX_TERM_CHARACTERS:
            self.fail(
                node, "this is too large once it is written out", next_step="nest it less, or select fewer things"
            )
        return term

    def _unbounded_term(self, node: exp.Expr) -> Term:
        if any(value and key not in _ARGUMENTS for key, value in node.args.items()):
            self._refuse(node)  # BETWEEN SYMMETRIC, DISTINCT, and whatever sqlglot learns next
        match node:
            case exp.Paren():
                return self.term(node.this)
            case exp.Column() | exp.Dot() | exp.Bracket() | exp.Identifier():
                return self.scope.field(node)
            case exp.RawString():
                return literal(node.this)
            case exp.Literal() | exp.Boolean() | exp.Null():
                return values.literal_value(self, node)
            case exp.And() | exp.Or():
                join = truths.both if isinstance(node, exp.And) else truths.either
                return join([self.truth(part) for part in chain(node)], self.scope.anchor())
            case exp.Not():
                return truths.negation(self.truth(node.this))
            case exp.Neg():
                return values.negative(self, node)
            case exp.Anonymous():
                return translate_call(self, node)
            case exp.Cast() | exp.TryCast():
                return values.casted(self, node)
            case exp.Case():
                return values.case(self, node)
            case exp.IntDiv():
                return values.quotient(self, node)
            case exp.DPipe() | exp.Concat():
                return values.joined(self, node)
        if type(node) in values.ARITHMETIC:
            return values.arithmetic(self, node)
        if isinstance(node, predicates.PREDICATES):
            return predicates.predicate(self, node)
        self._refuse(node)

    def _refuse(self, node: exp.Expr) -> NoReturn:
        self.fail(
            node,
            f"{_REFUSED.get(type(node), type(node).__name__.upper())} can't be part of a condition",
            accepted="comparisons, AND, OR, NOT, BETWEEN, IN, LIKE, ILIKE, RLIKE, IS NULL, CASE, CAST, arithmetic and "
            "functions of the fields of one alert",
            next_step="of a list's items, write exists(prv_candidates, x -> x.magpsf < 18)"
            if isinstance(node, exp.Exists)
            else None,
        )
