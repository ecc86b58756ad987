"""Functions of the sky and of dates, which Spark does not have."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from sqlglot import exp

from engine.conditions.expressions import Term, call, cast, literal
from engine.conditions.functions.casts import Column
from engine.conditions.functions.entry import Function
from engine.conditions.operands import Translator
from engine.sky import ACCEPTED_DATES, ARCSEC_PER_DEGREE, DateError, julian_date, within

__all__ = ["SKY"]

_CONE = "cone(ra, dec, radius_arcsec): 0 <= ra <= 360 and -90 <= dec <= 90 in degrees, 0 <= radius <= 648000 in arcsec"
_OPERATIONS: dict[type[exp.Expr], Callable[[float, float], float]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Div: lambda a, b: a / b if b else math.nan,
}


def _cone(to: Translator, node: exp.Anonymous, *operands: exp.Expr) -> Term:
    ra, dec, radius = (_constant(to, x) for x in operands)
    limits = (
        (ra, 0.0, 360.0, "right ascension"),
        (dec, -90.0, 90.0, "declination"),
        (radius, 0.0, 180.0 * ARCSEC_PER_DEGREE, "radius"),
    )
    for operand, (value, lowest, highest, what) in zip(operands, limits, strict=True):
        if not lowest <= value <= highest:
            turned = math.isfinite(value) and what == "right ascension"
            to.fail(
                operand,
                f"{value:.10g} is no {what} of a cone",
                accepted=_CONE,
                next_step=f"the same direction is {value % 360.0:.10g}" if turned else None,
            )
    position = (cast(term, "double") for term in to.scope.position(node))
    return call("cone", "boolean", *position, literal(ra), literal(dec), literal(radius))


def _constant(to: Translator, node: exp.Expr) -> float:
    """Return the number that a literal, or arithmetic of literals such as `2 * 3600`, stands for."""
    if isinstance(node, exp.Paren):
        return _constant(to, node.this)
    if isinstance(node, exp.Neg):
        return -_constant(to, node.this)
    if type(node) in _OPERATIONS:
        return _OPERATIONS[type(node)](_constant(to, node.this), _constant(to, node.expression))
    value = to.term(node).value if isinstance(node, exp.Literal | exp.Cast) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        to.fail(node, "cone takes numbers that are written out", accepted=_CONE)
    return float(value)


def _jd(to: Translator, node: exp.Anonymous, text: exp.Expr) -> Term:
    if not (isinstance(text, exp.Literal) and text.is_string):
        to.fail(text, "jd takes a date in quotes", accepted=ACCEPTED_DATES, next_step="an alert's own is candidate.jd")
    try:
        return literal(julian_date(text.this))
    except DateError as exc:
        to.fail(text, str(exc), accepted=ACCEPTED_DATES)


def _within(
    result: str,
    ra: np.ndarray,
    dec: np.ndarray,
    centre_ra: np.ndarray,
    centre_dec: np.ndarray,
    radius: np.ndarray,
) -> Column:
    return Column(*within(ra, dec, float(centre_ra), float(centre_dec), float(radius)))


SKY = (
    Function(
        name="cone",
        usage=("cone(ra, dec, radius_arcsec)",),
        gives="whether the alert lies in a cone",
        examples=("cone(150.1, 2.2, 30)",),
        arguments=("a number, written out",) * 3,
        result="boolean",
        accepted=_CONE,
        translate=_cone,
        compute=_within,
    ),
    Function(
        name="jd",
        usage=("jd(date)",),
        gives="the Julian date of a date",
        examples=("candidate.jd > jd('2021-11-22T06:00')",),
        arguments=("a date in quotes",),
        result="double",
        accepted=ACCEPTED_DATES,
        translate=_jd,
    ),
)
