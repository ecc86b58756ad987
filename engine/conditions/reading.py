"""Conditions read as wholes: what AND, OR and NOT make of what their comparisons can come out as."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from engine.conditions import value_sets
from engine.conditions.comparisons import Comparison, Comparisons, Stored
from engine.conditions.direct import value_of
from engine.conditions.operands import Translator, anything, double
from engine.conditions.outcomes import Outcomes, constant, culprits, join, meet, of_values
from engine.conditions.trees import bare, chain
from engine.conditions.value_sets import ANYTHING, KNOWN, NULL

__all__ = ["Reading"]

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_PREDICATES = (*_OPERATORS, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In, exp.Between, exp.Like, exp.And, exp.Or)


class Reading:
    """Reads conditions; hands over each comparison, and groups of which only the whole is odd.

    Parameters
    ----------
    translator
        Of the condition that is read.
    stored
        Which constants a term can be equal to.
    on_comparison
        Called with each comparison with constants.
    on_group
        Called with an AND, or None for all conditions together, and its members that are never true together; with an
        OR and those that are never false together, the outcomes of each negated.
    """

    def __init__(
        self,
        translator: Translator,
        *,
        stored: Stored,
        on_comparison: Callable[[Comparison], None],
        on_group: Callable[[exp.Expr | None, list[tuple[exp.Expr, Outcomes]]], None],
    ):
        self._translator, self._on_group = translator, on_group
        self._comparisons = Comparisons(translator, stored=stored, on_comparison=on_comparison)
        self._seen: dict[int, exp.Expr] = {}
        """Nodes that were read, by id; kept, lest another node gets the same id."""

    def outcomes(self, node: exp.Expr) -> Outcomes:
        """Return what a condition can come out as."""
        self._seen[id(node)] = node
        if node.args.get("negate"):  # x NOT LIKE 'a%'
            positive = node.copy()
            positive.set("negate", None)
            return self.outcomes(exp.Not(this=positive))
        match node:
            case exp.Paren():
                return self.outcomes(node.this)
            case exp.Not():
                return self.outcomes(node.this).negated
            case exp.And() | exp.Or():
                return self._joined(node)
            case exp.Between():
                low = self._comparisons.compared(node, ">=", node.this, node.args["low"])
                high = self._comparisons.compared(node, "<=", node.this, node.args["high"])
                return self.all_of([(node, low), (node, high)], node)
            case exp.In():
                return self._comparisons.in_list(node)
            case exp.Is():
                return self._is(node)
            case exp.NEQ():
                return self._comparisons.compared(node, "=", node.this, node.expression).negated
            case exp.NullSafeEQ():
                return self._comparisons.compared(node, "<=>", node.this, node.expression)
            case exp.NullSafeNEQ():
                return self._comparisons.compared(node, "<=>", node.this, node.expression).negated
            case exp.Like():
                return self._comparisons.like(node)
            case exp.Anonymous():
                return self._call(node)
        if type(node) in _OPERATORS:
            return self._comparisons.compared(node, _OPERATORS[type(node)], node.this, node.expression)
        return self._truth(node)

    def rest(self, tree: exp.Expr) -> None:
        """Read the comparisons that stand inside of something else, such as CASE."""
        for node in tree.walk(prune=lambda node: isinstance(node, exp.Lambda)):
            if isinstance(node, _PREDICATES) and id(node) not in self._seen:
                self.outcomes(node)
            if isinstance(node, exp.And | exp.Or):
                # What was read as one chain is a tree, of which each part is a chain.
                parts = (bare(node.this), bare(node.expression))
                self._seen |= {id(part): part for part in parts if type(part) is type(node)}

    def all_of(self, members: Sequence[tuple[exp.Expr, Outcomes]], group: exp.Expr | None) -> Outcomes:
        """Return the outcomes of AND; hands over the group if each of them can be true, and all together can't."""
        parts = [outcomes for _, outcomes in members]
        true = meet(part.true for part in parts)
        if true is None and all(part.true is not None for part in parts):
            self._on_group(group, culprits(members))
        if any(part.true is None and part.unknown is None for part in parts):
            return Outcomes(true=None, false=join(part.false for part in parts), unknown=None)
        return Outcomes(
            true=true,
            false=join(part.false for part in parts),
            unknown=join(part.unknown for part in parts),
        )

    def _joined(self, node: exp.And | exp.Or) -> Outcomes:
        members = [(part, self.outcomes(part)) for part in chain(node, through_parentheses=True)]
        if isinstance(node, exp.And):
            return self.all_of(members, node)
        return self.all_of([(part, outcomes.negated) for part, outcomes in members], node).negated

    # --- What is no comparison ----------------------------------------------------------------------------------

    def _is(self, node: exp.Is) -> Outcomes:
        if isinstance(node.expression, exp.Null):
            return self._is_null(node.this)
        if not isinstance(node.expression, exp.Boolean):
            return Outcomes()
        of = self.outcomes(node.this)
        wanted, other = (of.true, of.false) if node.expression.this else (of.false, of.true)
        return Outcomes(true=wanted, false=join([other, of.unknown]), unknown=None)

    def _is_null(self, node: exp.Expr) -> Outcomes:
        term = anything(self._translator, node)
        if term.is_constant:
            return constant(value_of(term) is None)
        return of_values(term, NULL, KNOWN, value_sets.NOTHING, ANYTHING)

    def _call(self, node: exp.Anonymous) -> Outcomes:
        match node.name.lower():
            case "isnull":
                return self._is_null(node.expressions[0])
            case "isnotnull":
                return self._is_null(node.expressions[0]).negated
            case "isnan":
                left, one = self._translator.term(node.expressions[0]), double(self._translator, node.expressions[0])
                if not one.is_constant:
                    nan = value_sets.only([float("nan")])
                    return of_values(
                        one, nan, value_sets.inverse(nan), value_sets.NOTHING, self._comparisons.possible(left, one)
                    )
        return self._truth(node)

    def _truth(self, node: exp.Expr) -> Outcomes:
        term = self._translator.term(node)
        if term.is_constant:
            return constant(value_of(term))
        if term.is_field and term.type == "boolean":
            return of_values(term, value_sets.only([True]), value_sets.only([False]), NULL, ANYTHING)
        return Outcomes()
