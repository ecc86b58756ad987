"""Calls of functions in a condition, checked and typed as Spark 3.5 does it, as calls of registered functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn, Protocol

from sqlglot import exp

from engine.conditions import expressions
from engine.conditions.expressions import Term, call, cast, literal
from engine.conditions.functions.signatures import (
    ALIASES,
    FUNCTION_NAMES,
    INSTEAD,
    NUM_OPERANDS,
    OF_DOUBLES,
    OF_TEXT,
    SEARCHES,
)
from engine.sky import ACCEPTED_DATES, ARCSEC_PER_DEGREE, DateError, julian_date

__all__ = ["Translator", "translate_call"]

_CONE = "cone(ra, dec, radius_arcsec): 0 <= ra <= 360 and -90 <= dec <= 90 in degrees, 0 <= radius <= 648000 in arcsec"
_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Div: lambda a, b: a / b if b else math.nan,
}


class Translator(Protocol):
    """What translates the arguments of a call, each from its node in the tree; the translator has it."""

    def fail(self, node: exp.Expression, message: str, **hints) -> NoReturn: ...
    def term(self, node: exp.Expression) -> Term: ...
    def truth(self, node: exp.Expression) -> Term: ...
    def number(self, node: exp.Expression) -> Term: ...
    def double(self, node: exp.Expression) -> Term: ...
    def text(self, node: exp.Expression) -> Term: ...
    def is_null(self, node: exp.Expression) -> Term: ...
    def size(self, node: exp.Expression) -> Term: ...
    def position(self, node: exp.Expression) -> tuple[Term, Term]: ...
    def arithmetic(self, operator: str, node: exp.Expression, left: Term, right: Term) -> Term: ...
    def compare(self, operator: str, node: exp.Expression, left: Term, right: Term) -> Term: ...
    def concat(self, nodes: list[exp.Expression]) -> Term: ...
    def choice(self, node: exp.Expression, conditions: list[Term], values: list[Term]) -> Term: ...
    def together(self, node: exp.Expression, values: list[Term], *, with_text: bool) -> list[Term]: ...
    def matches(
        self, kind: type, node: exp.Expression, subject: exp.Expression, pattern: exp.Expression, escape: str
    ) -> Term: ...


def translate_call(to: Translator, node: exp.Anonymous) -> Term:
    """Return the term of a call of a function.

    Raises
    ------
    ConditionError
        If there is no such function, or its arguments are not what it takes.
    """
    given = node.name.lower()
    name = ALIASES.get(given, given)
    operands = node.expressions
    if name not in NUM_OPERANDS:
        missing = f"there is no function {node.name[:50]}"
        if name in INSTEAD:
            to.fail(node, missing, next_step=INSTEAD[name])
        to.fail(node, missing, names=(given, FUNCTION_NAMES))
    fewest, most = NUM_OPERANDS[name]
    if not fewest <= len(operands) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        accepted = {"cone": _CONE, "jd": ACCEPTED_DATES}.get(name, f"{wanted} of them")
        to.fail(node, f"{node.name} has {len(operands)} arguments", accepted=accepted)
    if name in OF_DOUBLES:
        return call(name, "double", to.double(operands[0]))
    if name in OF_TEXT:
        return call(name, "string", to.text(operands[0]))
    if name in SEARCHES:
        return call(name, "boolean", *map(to.text, operands))
    return _CALLS[name](to, node, *operands)


def _abs(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    term = to.number(x)
    return call("abs", term.type, term, digits=term.digits)


def _to_whole(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return expressions.whole("floor" if node.name.lower() == "floor" else "ceil", to.number(x))


def _round(to: Translator, node: exp.Anonymous, x: exp.Expression, digits: exp.Expression | None = None) -> Term:
    places = to.term(digits) if digits is not None else literal(0)
    if not isinstance(places.value, int):
        to.fail(digits, "the number of digits has to be a whole number, written out", accepted="round(x, 2)")
    return expressions.rounded(to.number(x), places.value)


def _of_two_doubles(to: Translator, node: exp.Anonymous, x: exp.Expression, y: exp.Expression) -> Term:
    name = node.name.lower()
    return call(ALIASES.get(name, name), "double", to.double(x), to.double(y))


def _log(to: Translator, node: exp.Anonymous, first: exp.Expression, second: exp.Expression | None = None) -> Term:
    if second is None:
        return call("ln", "double", to.double(first))
    return call("log", "double", to.double(first), to.double(second))


def _mod(to: Translator, node: exp.Anonymous, a: exp.Expression, b: exp.Expression) -> Term:
    return to.arithmetic("mod", node, to.term(a), to.term(b))


def _extreme(to: Translator, node: exp.Anonymous, *operands: exp.Expression) -> Term:
    values = to.together(node, [to.term(x) for x in operands], with_text=False)
    return expressions.chosen(node.name.lower(), values, values)


def _coalesce(to: Translator, node: exp.Anonymous, *operands: exp.Expression) -> Term:
    values = to.together(node, [to.term(x) for x in operands], with_text=True)
    return expressions.chosen("coalesce", values, values)


def _nullif(to: Translator, node: exp.Anonymous, a: exp.Expression, b: exp.Expression) -> Term:
    value = to.term(a)
    return to.choice(node, [to.compare("=", node, value, to.term(b))], [expressions.null("void"), value])


def _isnull(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return to.is_null(x)


def _isnotnull(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return expressions.negation(to.is_null(x))


def _isnan(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return call("isnan", "boolean", to.double(x))


def _if(to: Translator, node: exp.Anonymous, test: exp.Expression, a: exp.Expression, b: exp.Expression) -> Term:
    return to.choice(node, [to.truth(test)], [to.term(a), to.term(b)])


def _length(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return call("length", "int", to.text(x))


def _trim(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return call("trim", "string", to.text(x))


def _substring(to: Translator, node: exp.Anonymous, text: exp.Expression, *cut: exp.Expression) -> Term:
    return call("substring", "string", to.text(text), *(cast(to.number(x), "int") for x in cut))


def _concat(to: Translator, node: exp.Anonymous, *operands: exp.Expression) -> Term:
    return to.concat(list(operands))


def _size(to: Translator, node: exp.Anonymous, x: exp.Expression) -> Term:
    return call("coalesce", "int", to.size(x), literal(-1))  # Spark: the size of a null is -1


def _like(to: Translator, node: exp.Anonymous, subject: exp.Expression, pattern: exp.Expression) -> Term:
    kind = {"like": exp.Like, "ilike": exp.ILike}.get(node.name.lower(), exp.RegexpLike)
    return to.matches(kind, node, subject, pattern, "\\")


# --- The sky and the calendar: what Spark does not have --------------------------------------------------------------


def _cone(to: Translator, node: exp.Anonymous, *operands: exp.Expression) -> Term:
    ra, dec, radius = (_constant(to, x) for x in operands)
    limits = ((ra, 0.0, 360.0, "right ascension"), (dec, -90.0, 90.0, "declination"))
    limits = (*limits, (radius, 0.0, 180.0 * ARCSEC_PER_DEGREE, "radius"))
    for operand, (value, lowest, highest, what) in zip(operands, limits, strict=True):
        if not lowest <= value <= highest:
            turned = math.isfinite(value) and what == "right ascension"
            to.fail(
                operand,
                f"{value:.10g} is no {what} of a cone",
                accepted=_CONE,
                next_step=f"the same direction is {value % 360.0:.10g}" if turned else None,
            )
    position = (cast(term, "double") for term in to.position(node))
    return call("cone", "boolean", *position, literal(ra), literal(dec), literal(radius))


def _constant(to: Translator, node: exp.Expression) -> float:
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


def _jd(to: Translator, node: exp.Anonymous, text: exp.Expression) -> Term:
    if not (isinstance(text, exp.Literal) and text.is_string):
        to.fail(text, "jd takes a date in quotes", accepted=ACCEPTED_DATES, next_step="an alert's own is candidate.jd")
    try:
        return literal(julian_date(text.this))
    except DateError as exc:
        to.fail(text, str(exc), accepted=ACCEPTED_DATES)


_CALLS: dict[str, Callable[..., Term]] = {
    "abs": _abs,
    "floor": _to_whole,
    "ceil": _to_whole,
    "round": _round,
    "power": _of_two_doubles,
    "atan2": _of_two_doubles,
    "nanvl": _of_two_doubles,
    "log": _log,
    "mod": _mod,
    "greatest": _extreme,
    "least": _extreme,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "isnull": _isnull,
    "isnotnull": _isnotnull,
    "isnan": _isnan,
    "if": _if,
    "length": _length,
    "trim": _trim,
    "substring": _substring,
    "concat": _concat,
    "size": _size,
    "like": _like,
    "ilike": _like,
    "rlike": _like,
    "cone": _cone,
    "jd": _jd,
}
