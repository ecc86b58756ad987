"""Decimals: the digits that Spark gives a result of them, and arithmetic, which is exact for constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Context, Decimal

from engine.conditions.expressions import Term, call, cast, literal, null

__all__ = ["alike", "decimal", "is_exact", "rounded", "whole"]

_EXACT = Context(prec=76)
_MOST_DIGITS = 38


def decimal(operator: str, left: Term, right: Term) -> Term:
    """Return add, subtract, multiply, divide or mod of two whole numbers or decimals.

    Digits behind the point follow Spark's DecimalPrecision: a quotient has max(6, those of the dividend + all of the
    divisor + 1), and where a result would need more than 38 digits in all, it loses those behind the point but 6.
    """
    left, right = cast(left, "decimal"), cast(right, "decimal")
    (all1, behind1), (all2, behind2) = _digits(left), _digits(right)
    match operator:
        case "multiply":
            behind, before = behind1 + behind2, all1 + all2 + 1 - behind1 - behind2
        case "divide":
            behind, before = max(6, behind1 + all2 + 1), all1 - behind1 + behind2
        case "mod":
            behind, before = max(behind1, behind2), min(all1 - behind1, all2 - behind2)
        case _:
            behind, before = max(behind1, behind2), max(all1 - behind1, all2 - behind2) + 1
    if before + behind > _MOST_DIGITS:
        behind = max(_MOST_DIGITS - before, min(behind, 6))
    digits = (min(before + behind, _MOST_DIGITS), behind)
    if isinstance(left.value, Decimal) and isinstance(right.value, Decimal):
        return replace(_exactly(operator, left.value, right.value, behind), digits=digits)
    if operator == "mod":
        # Of whole numbers: as doubles, 3 % 0.1 is nearly 0.1.
        shift = literal(10.0**behind)
        shifted = [call("round", "double", call("multiply", "double", x, shift), literal(0)) for x in (left, right)]
        computed = call("divide", "double", call("mod", "double", *shifted), shift)
    else:
        computed = call(operator, "double", left, right)
    return call("round", "decimal", computed, literal(behind), digits=digits)


def is_exact(*terms: Term) -> bool:
    """Return whether whole numbers and decimals are computed to their last digit, as doubles."""
    return all(term.is_literal or _digits(cast(term, "decimal"))[0] <= 15 for term in terms)


def alike(values: Sequence[Term]) -> list[Term]:
    """Return whole numbers and decimals as decimals of the digits that hold them all."""
    values = [cast(value, "decimal") for value in values]
    behind = max(_digits(value)[1] for value in values)
    before = max(_digits(value)[0] - _digits(value)[1] for value in values)
    return [replace(value, digits=(min(before + behind, _MOST_DIGITS), behind)) for value in values]


def rounded(term: Term, places: int) -> Term:
    """Return a number rounded to so many digits behind the point, halves away from zero."""
    digits = None
    if term.type == "decimal":
        in_all, behind = _digits(term)
        kept = min(behind, max(places, 0))
        digits = (min(in_all - behind + 1 + kept, _MOST_DIGITS), kept)
    return call("round", term.type, term, literal(places), digits=digits)


def whole(function: str, term: Term) -> Term:
    """Return `floor` or `ceil` of a number."""
    if term.type == "decimal":
        in_all, behind = _digits(term)
        return call(function, "decimal", term, digits=(min(in_all - behind + 1, _MOST_DIGITS), 0))
    return call(function, "bigint", cast(term, "double") if term.type == "float" else term)


def _digits(term: Term) -> tuple[int, int]:
    return term.digits or (_MOST_DIGITS, 18)


def _exactly(operator: str, a: Decimal, b: Decimal, behind: int) -> Term:
    if operator in ("divide", "mod") and b == 0:
        return null("decimal")
    compute = {"add": _EXACT.add, "subtract": _EXACT.subtract, "multiply": _EXACT.multiply}
    value = (compute | {"divide": _EXACT.divide, "mod": _EXACT.remainder})[operator](a, b)
    if value.adjusted() + 1 + behind > _MOST_DIGITS:
        return null("decimal")  # what overflows
    return literal(value.quantize(Decimal(1).scaleb(-behind), ROUND_HALF_UP, _EXACT))
