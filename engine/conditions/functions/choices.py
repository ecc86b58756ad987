"""Functions that choose one of several values, or tell whether there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sqlglot import exp

from engine.conditions import expressions, truths
from engine.conditions.coercion import choice, compare, together
from engine.conditions.expressions import Term
from engine.conditions.functions.casts import Column, Computation, Values
from engine.conditions.functions.entry import Function
from engine.conditions.functions.operators import choose, is_nothing, less
from engine.conditions.operands import Translator, is_null

__all__ = ["CHOICES"]


def _one_of(function: str, *, with_text: bool) -> Callable[..., Term]:
    def translate(to: Translator, node: exp.Anonymous, *operands: exp.Expr) -> Term:
        values = together(to.fail, node, [to.term(x) for x in operands], with_text=with_text)
        return expressions.chosen(function, values, values)

    return translate


def _nullif(to: Translator, node: exp.Anonymous, a: exp.Expr, b: exp.Expr) -> Term:
    value = to.term(a)
    return choice(to.fail, node, [compare(to.fail, "=", node, value, to.term(b))], [expressions.null("void"), value])


def _if(to: Translator, node: exp.Anonymous, test: exp.Expr, a: exp.Expr, b: exp.Expr) -> Term:
    return choice(to.fail, node, [to.truth(test)], [to.term(a), to.term(b)])


def _coalesce(result: str, first: Column, *others: Column) -> Column:
    for other in others:
        first = choose(~first.null, first, other)
    return first


def _extreme(prefer: Callable[[str, Values, Values], np.ndarray]) -> Computation:
    def extreme(result: str, first: Column, *others: Column) -> Column:
        for other in others:
            if is_nothing(other):
                continue
            if is_nothing(first):  # nor is it of a type that could be compared
                first = other
                continue
            better = ~other.null & (first.null | prefer("boolean", other.values, first.values))
            first = choose(better, other, first)
        return first

    return extreme


CHOICES = (
    Function(
        name="greatest",
        usage=("greatest(x, …)",),
        gives="the greatest of several; nulls are passed over",
        examples=("greatest(candidate.rb, candidate.drb) > 0.9",),
        arguments=("any", "any"),
        takes_more=True,
        translate=_one_of("greatest", with_text=False),
        compute=_extreme(lambda result, a, b: less(result, b, a)),
        is_strict=False,
    ),
    Function(
        name="least",
        usage=("least(x, …)",),
        gives="the least of several; nulls are passed over",
        examples=("least(candidate.rb, candidate.drb) > 0.5",),
        arguments=("any", "any"),
        takes_more=True,
        translate=_one_of("least", with_text=False),
        compute=_extreme(less),
        is_strict=False,
    ),
    Function(
        name="coalesce",
        usage=("coalesce(x, …)",),
        gives="the first that is not null",
        examples=("coalesce(candidate.drb, candidate.rb) > 0.5", "ifnull(roid, 0) = 0", "nvl(roid, 0) = 0"),
        arguments=("any",),
        takes_more=True,
        aliases=("ifnull", "nvl"),
        translate=_one_of("coalesce", with_text=True),
        compute=_coalesce,
        is_strict=False,
    ),
    Function(
        name="nullif",
        usage=("nullif(x, y)",),
        gives="null where they are equal, else x",
        examples=("nullif(cdsxmatch, 'Unknown') IS NOT NULL",),
        arguments=("any", "any"),
        translate=_nullif,
    ),
    Function(
        name="isnull",
        usage=("isnull(x)",),
        gives="as `IS NULL`",
        examples=("isnull(Plx)", "isnull(mangrove)"),
        arguments=("any, a list, a struct or a map",),
        translate=lambda to, node, x: is_null(to, x),
    ),
    Function(
        name="isnotnull",
        usage=("isnotnull(x)",),
        gives="as `IS NOT NULL`",
        examples=("isnotnull(Plx) AND NOT isnan(Plx)",),
        arguments=("any, a list, a struct or a map",),
        translate=lambda to, node, x: truths.negation(is_null(to, x)),
    ),
    Function(
        name="if",
        usage=("if(test, x, y)",),
        gives="x where the test is true, else y",
        examples=("if(candidate.fid = 1, candidate.magpsf, candidate.magnr) < 18",),
        arguments=("truth", "any", "any"),
        translate=_if,
    ),
)
