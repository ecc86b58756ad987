"""Predicates of the items of a list, as columns that workers compute: exists, forall, size(filter(…)), array_contains.

As Spark 3.5 has them, of which the third value is part: `exists` is unknown where it is true of no item and unknown of
one, `forall` where it is false of no item and unknown of one; `filter` leaves out an item of which it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp

from engine.conditions import expressions, truths
from engine.conditions.coercion import compare
from engine.conditions.expressions import NUMBERS, Term, call, literal
from engine.conditions.fields import Items
from engine.conditions.item_scope import ItemScope
from engine.conditions.operands import Translator
from engine.conditions.tokens import check_written
from engine.schema import ListLeaf

__all__ = ["contains_item", "of_items"]

_EXAMPLE = "exists(prv_candidates, x -> x.magpsf < 18)"


def of_items(to: Translator, kind: str, node: exp.Anonymous) -> Term:
    """Return what `exists`, `forall` or, called `filter`, `count` says of a list's items."""
    if len(node.expressions) != 2:
        to.fail(node, f"{node.name} takes a list and a predicate of its items", accepted=_EXAMPLE)
    listed, predicate = node.expressions
    name = _name(to, node, predicate)
    base, filters = _unfiltered(to, listed)
    items = to.scope.items(base)
    scope = ItemScope(to.scope, items, to.fail, name)
    held = to.inside(scope).truth(predicate.this)
    kept = [_kept(to.inside(scope.called(name)).truth(test.this), scope) for name, test in filters]
    if kind == "forall":
        truth = truths.either([*map(truths.negation, kept), held], scope.anchor())
    else:
        truth = truths.both([*kept, held], scope.anchor())
    return _column(to, kind, items, scope, truth)


def contains_item(to: Translator, node: exp.Anonymous) -> Term:
    """Return `array_contains`, which is unknown where the value is null, the list is, or it may be an item that is."""
    listed, value_node = node.expressions
    base, filters = _unfiltered(to, listed)
    items = to.scope.items(base)
    if pa.types.is_struct(items.field.type):
        fields = [".".join([items.path, *items.inside, member.name]) for member in items.field.type.fields[:3]]
        to.fail(listed, "the items are structs, which no value equals", accepted=", ".join(fields), next_step=_EXAMPLE)
    scope = ItemScope(to.scope, items, to.fail, None)
    item, value = scope.whole(base), to.inside(scope).term(value_node)
    types = {item.type, value.type}
    if len(types) > 1 and not types <= set(NUMBERS):
        to.fail(
            value_node,
            f"a list of {item.type} has no item of type {value.type if value.type != 'void' else 'NULL'}",
            accepted=f"a value of type {item.type}",
            next_step="exists(list, x -> x = …) compares as = does; whether there is one: exists(list, x -> x IS NULL)",
        )
    kept = [_kept(to.inside(scope.called(name)).truth(test.this), scope) for name, test in filters]
    truth = truths.both([*kept, compare(to.fail, "=", node, item, value)], scope.anchor())
    found = _column(to, "exists", items, scope, truth)
    if value.is_literal:
        return found
    # Of an empty list, too, it is unknown whether it contains what is unknown.
    unknown = truths.is_null(to.term(value_node))
    return call("case", "boolean", unknown, expressions.null("boolean"), found)


def _column(to: Translator, kind: str, items: Items, scope: ItemScope, truth: Term) -> Term:
    sql = truths.spread(truth, scope.anchor()).sql
    check_written(sql)
    scope.anchor()  # so that there is a leaf of the item, which tells how many there are
    return to.scope.predicate(
        ListLeaf(
            function=kind,
            path=items.path,
            inside=items.inside,
            item=scope.item,
            leaves=dict(scope.leaves),
            outer=tuple(scope.outer),
            sql=sql,
        )
    )


def _kept(truth: Term, scope: ItemScope) -> Term:
    known = call("coalesce", "boolean", truth, literal(False))
    return truths.spread(known, scope.anchor())


def _unfiltered(to: Translator, node: exp.Expr) -> tuple[exp.Expr, Sequence[tuple[str, exp.Lambda]]]:
    """Return the list that filters are applied to, and the predicates of those, each with its name of the item."""
    filters = []
    while isinstance(node, exp.Anonymous) and node.name.lower() == "filter":
        if len(node.expressions) != 2:
            to.fail(node, "filter takes a list and a predicate of its items", accepted=_EXAMPLE)
        node, predicate = node.expressions[0], node.expressions[1]
        filters.append((_name(to, node, predicate), predicate))
    return node, filters


def _name(to: Translator, node: exp.Expr, predicate: exp.Expr) -> str:
    if not isinstance(predicate, exp.Lambda):
        to.fail(predicate, "a predicate of the items is needed here, with a name for the item", accepted=_EXAMPLE)
    names = predicate.expressions
    if len(names) != 1:
        spot = names[1] if len(names) > 1 else predicate
        to.fail(spot, "a predicate has one name, that of the item", accepted=_EXAMPLE)
    return names[0].name
