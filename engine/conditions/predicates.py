"""Predicates of a condition's tree as truth values: comparisons, BETWEEN, IN, IS, LIKE and its kind."""

from __future__ import annotations

from sqlglot import exp

from engine.conditions import coercion, expressions, truths
from engine.conditions.expressions import INTEGERS, Term, call, cast, literal
from engine.conditions.operands import Translator, is_null, text
from engine.conditions.regex import PatternError, check_regex, regex_of_like

__all__ = ["PREDICATES", "UNKNOWN", "listed", "matches", "predicate"]

UNKNOWN = "unknown"
"""Key of the meta data of a NULL that was written as UNKNOWN."""

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_TRAILING = (exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape)
PREDICATES: tuple[type[exp.Expr], ...] = (*_COMPARISONS, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, *_TRAILING)
"""The nodes that `predicate` translates."""


def predicate(to: Translator, node: exp.Expr) -> Term:
    """Return the truth value of one of `PREDICATES`."""
    left = node.this.this if isinstance(node.this, exp.Not) else node.this
    trailing = isinstance(left, _TRAILING) and not isinstance(node, exp.Escape)
    if trailing or isinstance(node.args.get("expression"), PREDICATES):
        # sqlglot's order differs from Spark's, for which `x LIKE 'a' = b` is `x LIKE ('a' = b)`.
        to.fail(
            node,
            "two comparisons in a row",
            next_step="put parentheses around one, or join them with AND: a < b AND b < c",
        )
    if node.args.get("negate"):  # x NOT LIKE 'a%'
        positive = node.copy()
        positive.set("negate", None)
        return truths.negation(predicate(to, positive))
    match node:
        case exp.Is():
            return _is(to, node)
        case exp.In():
            return _in(to, node)
        case exp.Between():
            value = to.term(node.this)
            bounds = [(">=", to.term(node.args["low"])), ("<=", to.term(node.args["high"]))]
            within = [coercion.compare(to.fail, operator, node, value, bound) for operator, bound in bounds]
            return truths.both(within, to.scope.anchor())
        case exp.Like() | exp.ILike() | exp.RegexpLike() | exp.Escape():
            return _like(to, node)
    return _compared(to, node, to.term(node.this), to.term(node.expression))


def _compared(to: Translator, node: exp.Expr, left: Term, right: Term) -> Term:
    if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        same = truths.same(*coercion.of_one_type(to.fail, node, left, right, for_equality=True))
        return truths.negation(same) if isinstance(node, exp.NullSafeNEQ) else same
    if isinstance(node, exp.NEQ):
        return truths.negation(coercion.compare(to.fail, "=", node, left, right))
    return coercion.compare(to.fail, _COMPARISONS[type(node)], node, left, right)


def _is(to: Translator, node: exp.Is) -> Term:
    left, right = node.this, node.expression
    if isinstance(right, exp.Null):
        if right.meta.get(UNKNOWN) and to.term(left).type not in ("boolean", "void"):
            # Spark takes it for IS NULL of anything, and cdsxmatch IS NOT Unknown for every alert.
            to.fail(node, "IS UNKNOWN is for truth values alone", accepted="x IS NULL; of a text, x = 'Unknown'")
        return is_null(to, left)
    if isinstance(right, exp.Boolean):
        return truths.same(to.truth(left), literal(bool(right.this)))
    to.fail(
        node,
        "this can't follow IS",
        accepted="[NOT] NULL, TRUE, FALSE or DISTINCT FROM",
        next_step="for NaN write isnan(x); for a value, x = 1",
    )


def _in(to: Translator, node: exp.In) -> Term:
    value, values, one_by_one = listed(to, node)
    if one_by_one:
        found = [coercion.compare(to.fail, "=", node, value, v) for v in values]
        return truths.either(found, to.scope.anchor())
    if value.type == "void":
        return expressions.null("boolean")
    return truths.is_in(value, values, to.scope.anchor())


def listed(to: Translator, node: exp.In) -> tuple[Term, list[Term], bool]:
    """Return what is looked for, the list's values, and whether each is compared by itself, in its own type."""
    if node.args.get("query") is not None or node.args.get("unnest") or node.args.get("field"):
        to.fail(
            node,
            "IN takes values in parentheses, neither a field nor a query",
            accepted="x IN (1, 2, 3)",
            next_step="for the items of a list, write array_contains(prv_candidates.fid, 2)",
        )
    if not node.expressions:
        to.fail(node, "IN has no values", accepted="x IN (1, 2, 3)")
    value, values = to.term(node.this), [to.term(x) for x in node.expressions]
    for x, member in zip(node.expressions, values, strict=True):
        # Spark compares a list's members as texts, so one that is not written as the column's can't be found.
        moment = coercion.moment(to.fail, x, member, value)
        if moment.value != member.value:
            to.fail(x, "in a list, times are compared as texts", accepted=moment.sql)
    types = {value.type, *(v.type for v in values)} - {"void"}
    common = coercion.common_type(to.fail, node, types, with_text=True)
    if common == "decimal":
        common = "double" if not value.is_literal else common
    if types <= {*INTEGERS, "decimal"} and "decimal" in types and not value.is_constant:
        return value, values, True
    if common == "string":
        value = coercion.as_text(to.fail, node.this, value)
        values = [coercion.as_text(to.fail, x, v) for x, v in zip(node.expressions, values, strict=True)]
    return cast(value, common), [v if v.type == "void" else cast(v, common) for v in values], False


def _like(to: Translator, node: exp.Expr) -> Term:
    escape = "\\"
    if isinstance(node, exp.Escape):
        sign, node = node.expression, node.this
        escape = sign.this if isinstance(sign, exp.Literal) and sign.is_string else ""
        if len(escape) != 1 or not isinstance(node, exp.Like | exp.ILike):
            to.fail(node, "ESCAPE takes one character, after LIKE or ILIKE", accepted="LIKE 'a/_%' ESCAPE '/'")
    return matches(to, type(node), node.this, node.expression, escape)


def matches(to: Translator, kind: type[exp.Expr], subject: exp.Expr, pattern: exp.Expr, escape: str = "\\") -> Term:
    """Return LIKE, ILIKE or RLIKE (`kind`) of a text with a constant pattern."""
    found = text(to, subject)
    if isinstance(pattern, exp.Any | exp.All):
        to.fail(
            pattern,
            "a list of patterns is not available",
            accepted="x LIKE 'a%' OR x LIKE 'b%'; or x RLIKE '^(a|b)'",
        )
    written = to.term(pattern)
    if written.type == "void":
        return expressions.null("boolean")
    source = written.value
    if not isinstance(source, str):
        to.fail(pattern, "a pattern has to be a text in quotes", accepted="objectId LIKE 'ZTF21%'")
    if kind is exp.ILike:
        source, found = source.lower(), call("lower", "string", found)
    try:
        source = check_regex(source) if kind is exp.RegexpLike else regex_of_like(source, escape)
    except PatternError as exc:
        to.fail(pattern, str(exc), accepted=exc.accepted)
    return call("matches", "boolean", found, literal(source))
