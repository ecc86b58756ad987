"""Truth values of a condition, written in dask-sql's dialect: comparisons, AND, OR, NOT, with Spark's nulls and NaN.

What is constant stays a call of a function until there is a column to spread it over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Context, Decimal

from engine.conditions.expressions import FRACTIONS, INTEGERS, LIMITS, Term, call, cast, literal, null

__all__ = ["both", "compare", "either", "is_in", "is_null", "negation", "same", "spread"]

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_EXACT = Context(prec=76)


def is_null(term: Term) -> Term:
    """Return whether a term is null."""
    if term.is_constant:
        return call("isnull", "boolean", term)
    return Term(sql=f"({term.sql} IS NULL)", type="boolean")


def negation(term: Term) -> Term:
    """Return NOT of a truth value."""
    if term.is_constant:
        return literal(not term.value) if term.is_literal else call("not", "boolean", term)
    return Term(sql=f"(NOT {term.sql})", type="boolean")


def both(terms: Sequence[Term], anchor: Term) -> Term:
    """Return AND of truth values; `anchor` is any column, over which constants are spread."""
    return _joined(" AND ", terms, anchor)


def either(terms: Sequence[Term], anchor: Term) -> Term:
    """Return OR of truth values."""
    return _joined(" OR ", terms, anchor)


def _joined(word: str, terms: Sequence[Term], anchor: Term) -> Term:
    if len(terms) == 1:
        return terms[0]
    # In halves, so that thousands of terms are a shallow tree.
    middle = len(terms) // 2
    halves = [_joined(word, part, anchor) for part in (terms[:middle], terms[middle:])]
    first, second = (spread(half, anchor).sql for half in halves)
    return Term(sql=f"({first}{word}{second})", type="boolean")


def spread(term: Term, anchor: Term) -> Term:
    """Return a truth value as a column, a constant one repeated on each row."""
    if not term.is_constant:
        return term
    return replace(call("everywhere", "boolean", anchor, term), is_constant=False)


def same(left: Term, right: Term) -> Term:
    """Return `left <=> right`, of terms of one type."""
    if "void" in (left.type, right.type):
        return is_null(right if left.type == "void" else left)
    return call("same", "boolean", left, right)


def compare(operator: str, left: Term, right: Term) -> Term:
    """Return a comparison (`=`, `<`, `<=`, `>`, `>=`) of terms of one type, or of a whole number with a decimal."""
    if "void" in (left.type, right.type):
        return null("boolean")
    of_whole = right.type in INTEGERS and not right.is_constant and isinstance(left.value, Decimal)
    if of_whole or (right.is_field and not left.is_field):
        return compare(_MIRRORED[operator], right, left)
    if left.type in INTEGERS and isinstance(right.value, Decimal):
        return _compare_whole(operator, left, right.value)
    if left.type == "decimal" and right.type == "decimal":
        left, right = cast(left, "double"), cast(right, "double")
    if not left.is_constant and _is_native(left, right):
        if left.type in FRACTIONS and operator in (">", ">="):
            # NaN is greater than any number, and pandas says that it is neither greater nor less.
            return negation(Term(sql=f"({left.sql} {_complement(operator)} {right.sql})", type="boolean"))
        return Term(sql=f"({left.sql} {operator} {right.sql})", type="boolean")
    if operator in (">", ">="):
        left, right, operator = right, left, _MIRRORED[operator]
    return call({"=": "equal", "<": "less", "<=": "less_equal"}[operator], "boolean", left, right)


def _complement(operator: str) -> str:
    return {">": "<=", ">=": "<"}[operator]


def _is_native(left: Term, right: Term) -> bool:
    if left.type in INTEGERS:
        return not right.is_constant or right.is_literal
    return left.type in FRACTIONS and _is_finite(right)


def _is_finite(term: Term) -> bool:
    return isinstance(term.value, int | float | Decimal) and math.isfinite(term.value)


def _compare_whole(operator: str, left: Term, value: Decimal) -> Term:
    # Exact, where going by way of a double would lose the last digits of an identifier.
    whole = int(value.to_integral_value(context=_EXACT))
    if whole != value:
        if operator == "=":
            return call("never", "boolean", left)
        operator = "<=" if operator in ("<", "<=") else ">"
        whole = math.floor(value)
    if not -LIMITS["bigint"] <= whole < LIMITS["bigint"]:
        # Spark says so of a null, too.
        if operator != "=":
            return literal((whole > 0) == (operator in ("<", "<=")))
        return call("never", "boolean", left)
    return compare(operator, left, literal(whole, "bigint"))


def is_in(term: Term, values: Sequence[Term], anchor: Term) -> Term:
    """Return whether a term is one of several, all of one type."""
    known = [v for v in values if v.type != "void"]
    plain: list[Term] = []
    others: list[Term] = []
    for value in known:
        (plain if _is_listable(value) and not term.is_constant else others).append(value)
    terms = [compare("=", term, v) for v in others]
    if plain:
        listed = ", ".join(v.sql for v in plain)
        # pandas says that a null is in no list; Spark, that it is not known.
        unknown = call("never", "boolean", term) if len(known) == len(values) else None
        terms += [Term(sql=f"({term.sql} IN ({listed}))", type="boolean"), *([unknown] if unknown else [])]
    if len(known) < len(values):
        terms.append(null("boolean"))
    return either(terms, anchor)


def _is_listable(term: Term) -> bool:
    if not term.is_literal:
        return False
    if term.type == "string":
        return term.sql.startswith("'")
    return term.type in INTEGERS or (term.type in FRACTIONS and _is_finite(term))
