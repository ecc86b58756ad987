"""Functions of lists, whose predicates engine/conditions/item_predicates.py translates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np
from sqlglot import exp

from engine.conditions.expressions import Term, call
from engine.conditions.functions.casts import Column
from engine.conditions.functions.entry import Function
from engine.conditions.item_predicates import contains_item, of_items
from engine.conditions.operands import Translator

__all__ = ["LISTS"]

_PREDICATE = "exists(prv_candidates, x -> x.magpsf < 18)"


def _size(to: Translator, node: exp.Anonymous, x: exp.Expr) -> Term:
    if isinstance(x, exp.Anonymous) and x.name.lower() == "filter":
        return call("size", "int", of_items(to, "count", x))
    return call("size", "int", to.scope.size(x))


def _size_or_minus_one(result: str, x: Column) -> Column:
    return Column(np.where(x.null, -1, x.values), np.zeros_like(x.null))  # Spark: the size of a null is -1


def _of_items(kind: str) -> Callable[..., Term]:
    return lambda to, node, *_: of_items(to, kind, node)


def _filter(to: Translator, node: exp.Anonymous, *_: exp.Expr) -> NoReturn:
    to.fail(
        node,
        "filter gives a list, which can't be compared",
        accepted="size(filter(prv_candidates, x -> x.magpsf < 18)) > 2, exists(filter(…), x -> …)",
    )


LISTS = (
    Function(
        name="size",
        usage=("size(list)",),
        gives="length of a list, -1 where it is null",
        examples=("size(prv_candidates) > 5", "cardinality(prv_candidates) > 5"),
        arguments=("a list",),
        aliases=("cardinality",),
        translate=_size,
        compute=_size_or_minus_one,
        is_strict=False,
        least={"int": -1},
    ),
    Function(
        name="exists",
        usage=("exists(list, x -> predicate)",),
        gives="whether the predicate is true of an item of the list",
        examples=(_PREDICATE, "exists(prv_candidates, x -> x.fid = candidate.fid AND x.magpsf > candidate.magpsf + 1)"),
        arguments=("a list", "a predicate of its items"),
        result="boolean",
        accepted=_PREDICATE,
        translate=_of_items("exists"),
    ),
    Function(
        name="forall",
        usage=("forall(list, x -> predicate)",),
        gives="whether the predicate is true of every item of the list",
        examples=("forall(prv_candidates, x -> x.rb IS NULL OR x.rb > 0.5)",),
        arguments=("a list", "a predicate of its items"),
        result="boolean",
        accepted="forall(prv_candidates, x -> x.rb > 0.5)",
        translate=_of_items("forall"),
    ),
    Function(
        name="filter",
        usage=("filter(list, x -> predicate)",),
        gives="the items of which the predicate is true: for size, exists, forall and array_contains",
        examples=("size(filter(prv_candidates, x -> x.magpsf < 18)) >= 2",),
        arguments=("a list", "a predicate of its items"),
        accepted="size(filter(prv_candidates, x -> x.magpsf < 18)) > 2",
        translate=_filter,
    ),
    Function(
        name="array_contains",
        usage=("array_contains(list, value)",),
        gives="whether a value is an item of the list",
        examples=("array_contains(prv_candidates.fid, 1)",),
        arguments=("a list", "any"),
        result="boolean",
        accepted="array_contains(prv_candidates.fid, 1)",
        translate=lambda to, node, *_: contains_item(to, node),
    ),
)
