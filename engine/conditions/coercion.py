"""What terms become where they meet, as Spark 3.5 coerces types: in arithmetic, comparisons, lists and choices.

Each function takes what refuses a node of the tree, and the node that is refused where its terms don't go together.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from engine.conditions import decimals, expressions, truths
from engine.conditions.error_location import Fail
from engine.conditions.expressions import INTEGERS, NUMBERS, Term, call, cast, literal
from engine.sky import ACCEPTED_TIMES, DateError, time_text

__all__ = [
    "INSTEAD_OF_TIME",
    "arithmetic",
    "as_number",
    "as_text",
    "choice",
    "common_type",
    "compare",
    "moment",
    "of_one_type",
    "sides",
    "together",
]

INSTEAD_OF_TIME = "times are compared with texts: timestamp > '2021-11-22 06:00'; with numbers, candidate.jd is"
"""What to do where a time is no number."""


# --- Operands -------------------------------------------------------------------------------------------------------


def as_number(fail: Fail, node: exp.Expr, term: Term) -> Term:
    """Return a term as an operand of arithmetic: texts are read as doubles."""
    if term.time:
        fail(node, "a number is needed here, and this is a time", next_step=INSTEAD_OF_TIME)
    if term.type in ("string", "void"):
        return cast(term, "double")
    if term.type not in NUMBERS:
        fail(node, f"a number is needed here, and this is of type {term.type}", next_step="CAST(… AS INT)")
    return term


def as_text(fail: Fail, node: exp.Expr, term: Term) -> Term:
    """Return a term as a text."""
    if term.type == "decimal" and not term.is_literal:
        fail(
            node,
            "numbers written with a point are computed as decimals, whose texts are not available",
            accepted="CAST(CAST(x AS DOUBLE) AS STRING); or write the numbers as 1.5D",
        )
    return replace(cast(term, "string"), time=None)


def arithmetic(fail: Fail, operator: str, node: exp.Expr, left: Term, right: Term) -> Term:
    """Return add, subtract, multiply, divide or mod of two terms, in the type that Spark computes it in."""
    left, right = as_number(fail, node, left), as_number(fail, node, right)
    type_ = expressions.number_type(left.type, right.type)
    if type_ == "decimal":
        if operator == "mod" and not decimals.is_exact(left, right):
            fail(
                node,
                "the remainder of so long a number and a decimal is not available",
                accepted="x % 10, of whole numbers; x % 2.5D, of doubles",
            )
        return decimals.decimal(operator, left, right)
    type_ = "double" if operator == "divide" else type_
    return call(operator, type_, cast(left, type_), cast(right, type_))


# --- Comparisons ----------------------------------------------------------------------------------------------------


def compare(fail: Fail, operator: str, node: exp.Expr, left: Term, right: Term) -> Term:
    """Return a comparison (`=`, `<`, `<=`, `>`, `>=`) of terms of any types that Spark compares."""
    return truths.compare(operator, *sides(fail, operator, node, left, right))


def sides(fail: Fail, operator: str, node: exp.Expr, left: Term, right: Term) -> tuple[Term, Term]:
    """Return both sides of a comparison in the types that they are compared in."""
    if left.type in INTEGERS and right.type == "decimal" and right.is_literal and not left.is_constant:
        return left, right
    if right.type in INTEGERS and left.type == "decimal" and left.is_literal and not right.is_constant:
        return left, right
    return of_one_type(fail, node, left, right, for_equality=operator in ("=", "<=>"))


def of_one_type(fail: Fail, node: exp.Expr, left: Term, right: Term, *, for_equality: bool) -> tuple[Term, Term]:
    """Return both sides of a comparison in the type that Spark compares them in."""
    left, right = moment(fail, node, left, right), moment(fail, node, right, left)
    types = {left.type, right.type} - {"void"}
    if len(types) <= 1:
        return left, right
    if types <= set(NUMBERS):
        common = expressions.number_type(*types)
    elif "string" in types:
        (common,) = types - {"string"}  # the text is read as what it is compared with
        common = "double" if common == "decimal" else common
    elif for_equality:
        (common,) = types - {"boolean"}  # a truth value as a number: 1 or 0
        common = "double" if common == "decimal" else common
    else:
        fail(
            node,
            f"{left.type} can't be compared with {right.type}",
            next_step="CAST one of them, or join two comparisons with AND: 1 < x AND x < 5",
        )
    return cast(left, common), cast(right, common)


def moment(fail: Fail, node: exp.Expr, term: Term, other: Term) -> Term:
    """Return what a time is compared with as the text that a column of times has for it."""
    if not other.time or term.type == "void" or term.time == other.time:
        return term
    text = term.value if isinstance(term.value, str) else None
    if text is None:
        fail(node, "a time is compared with a text in quotes", accepted=ACCEPTED_TIMES)
    try:
        return literal(time_text(text, other.time))
    except DateError as exc:
        fail(node, str(exc), accepted=ACCEPTED_TIMES)


# --- Several values -------------------------------------------------------------------------------------------------


def common_type(fail: Fail, node: exp.Expr, types: set[str], *, with_text: bool) -> str:
    """Return the type that values of several types meet in."""
    types = types - {"void"}
    if len(types) <= 1:
        return next(iter(types), "void")
    if types <= set(NUMBERS):
        return expressions.number_type(*types)
    if with_text and "boolean" not in types:
        return "string"
    fail(node, f"values of types {', '.join(sorted(types))} don't go together", next_step="CAST them")


def together(fail: Fail, node: exp.Expr, values: list[Term], *, with_text: bool) -> list[Term]:
    """Return terms in the type that they meet in."""
    common = common_type(fail, node, {v.type for v in values}, with_text=with_text)
    if common == "decimal":
        return decimals.alike(values)
    if common == "string":
        times = {v.time for v in values if v.type != "void"}
        if len(times) > 1 and not with_text:
            fail(node, "times and texts don't go together", next_step="CAST(timestamp AS STRING)")
        time = times.pop() if len(times) == 1 else None
        return [replace(as_text(fail, node, v), time=time) for v in values]
    return [cast(v, "boolean" if common == "void" else common) for v in values]


def choice(fail: Fail, node: exp.Expr, conditions: list[Term], values: list[Term]) -> Term:
    """Return the value of the first condition that is true; the last value where none is."""
    values = together(fail, node, values, with_text=True)
    pairs = [term for pair in zip(conditions, values[:-1], strict=True) for term in pair]
    return expressions.chosen("case", values, [*pairs, values[-1]])
