"""Functions of numbers. Results are those of Java's, which differ from C's at infinities and NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sqlglot import exp

from engine.conditions import decimals
from engine.conditions.coercion import arithmetic
from engine.conditions.expressions import Term, call, literal
from engine.conditions.functions.casts import Column, Computation
from engine.conditions.functions.entry import Function
from engine.conditions.functions.operators import choose
from engine.conditions.functions.rounding import float_to_integer, round_half_up
from engine.conditions.operands import Translator, double, number

__all__ = ["NUMBERS"]


def _of_double(
    name: str,
    gives: str,
    *examples: str,
    compute: Callable[[np.ndarray], np.ndarray | Column],
    aliases: tuple[str, ...] = (),
    least: Mapping[str, float] | None = None,
) -> Function:
    return Function(
        name=name,
        usage=(f"{name}(x)",),
        gives=gives,
        examples=examples,
        arguments=("double",),
        result="double",
        aliases=aliases,
        compute=lambda result, x: compute(x),
        least=least or {},
    )


def _logarithm(
    name: str, gives: str, *examples: str, compute: Callable[[np.ndarray], np.ndarray], zero: float = 0.0
) -> Function:
    def logarithm(x: np.ndarray) -> Column:
        return Column(compute(np.where(x <= zero, 1.0, x)), x <= zero)

    return _of_double(name, gives, *examples, compute=logarithm)


def _abs(to: Translator, node: exp.Anonymous, x: exp.Expr) -> Term:
    term = number(to, x)
    return call("abs", term.type, term, digits=term.digits)


def _to_whole(function: str) -> Callable[..., Term]:
    return lambda to, node, x: decimals.whole(function, number(to, x))


def _rounding(rounding: Callable[[np.ndarray], np.ndarray]) -> Computation:
    return lambda result, x: float_to_integer(rounding(x), np.dtype(np.int64)) if x.dtype.kind == "f" else x


def _round(to: Translator, node: exp.Anonymous, x: exp.Expr, digits: exp.Expr | None = None) -> Term:
    places = to.term(digits) if digits is not None else literal(0)
    if not isinstance(places.value, int):
        to.fail(
            node if digits is None else digits,
            "the number of digits has to be a whole number, written out",
            accepted="round(x, 2)",
        )
    return decimals.rounded(number(to, x), places.value)


def _log(to: Translator, node: exp.Anonymous, first: exp.Expr, second: exp.Expr | None = None) -> Term:
    if second is None:
        return call("ln", "double", double(to, first))
    return call("log", "double", double(to, first), double(to, second))


def _mod(to: Translator, node: exp.Anonymous, a: exp.Expr, b: exp.Expr) -> Term:
    return arithmetic(to.fail, "mod", node, to.term(a), to.term(b))


def _power(result: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # Java differs from C where the exponent is NaN, or infinite and the base is 1 or -1.
    undefined = np.isnan(b) | (np.isinf(b) & (np.abs(a) == 1))
    # numpy takes a root where the exponent is 0.5, which of minus infinity is NaN.
    return np.where(undefined, np.nan, np.where(np.isneginf(a) & (b == 0.5), np.inf, np.power(a, b)))


def _log_to_base(result: str, base: np.ndarray, x: np.ndarray) -> Column:
    null = (base <= 0) | (x <= 0)
    return Column(np.log(np.where(x <= 0, 1.0, x)) / np.log(np.where(base <= 0, 2.0, base)), null)


def _nanvl(result: str, a: Column, b: Column) -> Column:
    return choose(a.null | ~np.isnan(a.values), a, b)


def _isnan(result: str, x: Column) -> Column:
    return Column(~x.null & np.isnan(x.values), np.zeros_like(x.null))


NUMBERS = (
    Function(
        name="abs",
        usage=("abs(x)",),
        gives="size without sign",
        examples=("ABS(candidate.magdiff) > 1",),
        arguments=("number",),
        translate=_abs,
        compute=lambda result, x: np.abs(x),
        least={"double": 0.0},  # the size of the smallest whole number is negative, as Java has it
    ),
    _of_double(
        "sign",
        "-1, 0 or 1",
        "sign(candidate.magdiff) = -1",
        "signum(candidate.magdiff) = -1",
        compute=np.sign,
        aliases=("signum",),
    ),
    _of_double(
        "sqrt",
        "square root; NaN of a negative number",
        "sqrt(candidate.distnr) < 2",
        compute=np.sqrt,
        least={"double": 0.0},
    ),
    _of_double("cbrt", "cubic root", "cbrt(candidate.distnr) < 2", compute=np.cbrt),
    Function(
        name="power",
        usage=("power(x, y)",),
        gives="x to the y",
        examples=("power(candidate.sigmapsf, 2) < 0.01", "pow(candidate.sigmapsf, 2) < 0.01"),
        arguments=("double", "double"),
        result="double",
        aliases=("pow",),
        compute=_power,
    ),
    _of_double("exp", "e to the x", "exp(-candidate.distnr) > 0.1", compute=np.exp, least={"double": 0.0}),
    _logarithm(
        "ln",
        "natural logarithm; null where x <= 0, as of all logarithms",
        "ln(candidate.distnr) < 0",
        compute=np.log,
    ),
    Function(
        name="log",
        usage=("log(x)", "log(base, x)"),
        gives="natural logarithm; logarithm to a base",
        examples=("log(candidate.distnr) < 0", "log(2, candidate.distnr) > 1"),
        arguments=("double", "double"),
        num_optional=1,
        result="double",
        translate=_log,
        compute=_log_to_base,
    ),
    _logarithm("log10", "logarithm to 10", "log10(candidate.distnr) > 0.2", compute=np.log10),
    _logarithm("log2", "logarithm to 2", "log2(candidate.distnr) > 1", compute=np.log2),
    _logarithm("log1p", "ln(1 + x); null where x <= -1", "log1p(candidate.distnr) > 1", compute=np.log1p, zero=-1.0),
    Function(
        name="mod",
        usage=("mod(x, y)",),
        gives="`x % y`",
        examples=("mod(candid, 2) = 1",),
        arguments=("number", "number"),
        translate=_mod,
    ),
    Function(
        name="floor",
        usage=("floor(x)",),
        gives="the next whole number below",
        examples=("floor(candidate.jd) = 2459540",),
        arguments=("number",),
        translate=_to_whole("floor"),
        compute=_rounding(np.floor),
    ),
    Function(
        name="ceil",
        usage=("ceil(x)",),
        gives="the next whole number above",
        examples=("ceil(candidate.magpsf) = 19", "ceiling(candidate.magpsf) = 19"),
        arguments=("number",),
        aliases=("ceiling",),
        translate=_to_whole("ceil"),
        compute=_rounding(np.ceil),
    ),
    Function(
        name="round",
        usage=("round(x)", "round(x, digits)"),
        gives="halves away from zero",
        examples=("round(candidate.magpsf, 1) = 18.5",),
        arguments=("number", "a whole number, written out"),
        num_optional=1,
        translate=_round,
        compute=lambda result, x, digits: round_half_up(x, int(digits)),
    ),
    _of_double("sin", "of radians", "sin(radians(candidate.dec)) > 0.5", compute=np.sin),
    _of_double("cos", "of radians", "cos(candidate.dec) > 0", compute=np.cos),
    _of_double("tan", "of radians", "tan(candidate.dec) > 1", compute=np.tan),
    _of_double("asin", "radians", "asin(candidate.rb) > 1", compute=np.arcsin),
    _of_double("acos", "radians", "acos(candidate.rb) < 1", compute=np.arccos),
    _of_double("atan", "radians", "atan(candidate.rb) > 0.5", compute=np.arctan),
    Function(
        name="atan2",
        usage=("atan2(y, x)",),
        gives="radians",
        examples=("atan2(candidate.magdiff, candidate.rb) > 0",),
        arguments=("double", "double"),
        result="double",
        compute=lambda result, y, x: np.arctan2(y + 0.0, x + 0.0),  # Spark knows no negative zero here
    ),
    _of_double("radians", "degrees as radians", "radians(candidate.ra) < 1", compute=np.radians),
    _of_double("degrees", "radians as degrees", "degrees(radians(candidate.dec)) > 30", compute=np.degrees),
    Function(
        name="nanvl",
        usage=("nanvl(x, y)",),
        gives="y where x is NaN, else x",
        examples=("nanvl(Plx, 0) > 1",),
        arguments=("double", "double"),
        result="double",
        compute=_nanvl,
        is_strict=False,
    ),
    Function(
        name="isnan",
        usage=("isnan(x)",),
        gives="whether it is NaN; false of null",
        examples=("NOT isnan(Plx)",),
        arguments=("double",),
        result="boolean",
        compute=_isnan,
        is_strict=False,
    ),
)
