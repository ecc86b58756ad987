"""What single comparisons with constants can come out as: x < 1, x IN (1, 2), x LIKE 'a%'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from engine.conditions import truths, value_sets
from engine.conditions.coercion import sides
from engine.conditions.direct import value_of
from engine.conditions.expressions import FRACTIONS, INTEGERS, LIMITS, Constant, Term
from engine.conditions.functions import function_called
from engine.conditions.operands import Translator, text
from engine.conditions.outcomes import Outcomes, constant, of_values, others, with_itself
from engine.conditions.predicates import listed
from engine.conditions.value_sets import ANYTHING, KNOWN, NULL, ValueSet

__all__ = ["Comparison", "Comparisons", "Stored"]

Stored: TypeAlias = Callable[[Term, str, list[Constant]], list[Constant]]
"""From a term, the type in which it is compared, and constants, to those of the constants that it can be equal to."""

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<=>": "<=>"}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One comparison with constants, or of a field with itself, of which a note may say what is odd."""

    node: exp.Expr
    """As it stands in the condition: with NOT IN, the IN."""
    operator: str
    """`=`, `<`, `<=`, `>`, `>=`, `<=>`, `IN` or `LIKE`."""
    left: Term
    """What is compared, before it is cast."""
    left_node: exp.Expr
    right: Term
    """The constant, or the first of a list that can't be found; the same as `left` where a field is compared with
    itself."""
    right_node: exp.Expr
    compared_as: str
    """The type that both are compared in."""
    value: Constant | None
    """The constant in that type; None is null."""
    outcomes: Outcomes
    is_missed: bool = False
    """Of a list: whether this member of it can't be found."""


class Comparisons:
    """Finds what comparisons can come out as; hands over each comparison with constants.

    Parameters
    ----------
    translator
        Of the condition that they stand in.
    stored
        Which constants a term can be equal to.
    on_comparison
        Called with each comparison with constants.
    """

    def __init__(self, translator: Translator, *, stored: Stored, on_comparison: Callable[[Comparison], None]):
        self._translator, self._stored, self._on_comparison = translator, stored, on_comparison

    def compared(self, node: exp.Expr, operator: str, left_node: exp.Expr, right_node: exp.Expr) -> Outcomes:
        """Return the outcomes of a comparison by an operator, of whichever side the constant is."""
        left, right = self._translator.term(left_node), self._translator.term(right_node)
        if left.is_constant and not right.is_constant:
            left, right, left_node, right_node = right, left, right_node, left_node
            operator = _MIRRORED[operator]
        if not right.is_constant and right.sql != left.sql:
            return Outcomes()
        one, other = sides(self._translator.fail, operator, node, left, right)
        if not right.is_constant:
            value, outcomes = None, with_itself(operator, one)
        else:
            result = truths.same(one, other) if operator == "<=>" else truths.compare(operator, one, other)
            value = value_of(other)
            if result.is_constant:
                outcomes = constant(value_of(result))
            else:
                if one.type == "decimal" and value is not None:
                    value = float(value)  # decimals that are computed are doubles
                outcomes = self._with_value(operator, left, one, value)
        self._on_comparison(
            Comparison(
                node=node,
                operator=operator,
                left=left,
                left_node=left_node,
                right=right,
                right_node=right_node,
                compared_as=one.type,
                value=value,
                outcomes=outcomes,
            )
        )
        return outcomes

    def _with_value(self, operator: str, left: Term, one: Term, value: Constant | None) -> Outcomes:
        base = self.possible(left, one)
        if value is None:
            if operator == "<=>":
                return of_values(one, NULL, KNOWN, value_sets.NOTHING, base)
            return Outcomes(true=None, false=None)
        is_whole = one.type in INTEGERS
        if operator in ("=", "<=>"):
            inside = value_sets.only(self._stored(left, one.type, [value]), is_whole=is_whole)
        elif operator in ("<", "<="):
            inside = value_sets.below(value, included=operator == "<=", is_whole=is_whole)
        else:
            inside = value_sets.above(value, included=operator == ">=", is_whole=is_whole)
        if operator == "<=>":
            return of_values(one, inside, value_sets.inverse(inside), value_sets.NOTHING, base)
        return of_values(one, inside, others(inside), NULL, base)

    def in_list(self, node: exp.In) -> Outcomes:
        """Return the outcomes of IN; one member of each kind that may be odd is handed over."""
        left = self._translator.term(node.this)
        value, values, one_by_one = listed(self._translator, node)
        if left.is_constant or not all(v.is_constant for v in values):
            return Outcomes()
        if one_by_one:
            pairs = [sides(self._translator.fail, "=", node, value, v) for v in values]
        else:
            pairs = [(value, v) for v in values]
        computed = [value_of(v) for _, v in pairs]
        known = [(i, found) for i, found in enumerate(computed) if found is not None]
        key = value if not one_by_one else left
        base, is_whole = self.possible(left, key), key.type in INTEGERS
        sets = [value_sets.only(self._stored(left, key.type, [v]), is_whole=is_whole) for _, v in known]
        sets = [value_sets.intersection(found, base) for found in sets]
        inside = value_sets.union(sets)
        if len(known) < len(values):  # a null in the list: what is not found is not known
            found = of_values(key, inside, value_sets.NOTHING, NULL, base)
            outcomes = Outcomes(true=found.true, false=None, unknown={})
        else:
            outcomes = of_values(key, inside, others(inside), NULL, base)
        missed = [i for i, found in zip((i for i, _ in known), sets, strict=True) if not found]
        nulls = sorted(set(range(len(values))) - {i for i, _ in known})
        texts = [i for i, value in known if isinstance(value, str) and "%" in value]
        # One of each kind that may be odd stands for the others.
        for at in dict.fromkeys([*nulls[:1], *missed[:1], *texts[:1], *(i for i, _ in known[:1])]):
            self._on_comparison(
                Comparison(
                    node=node,
                    operator="IN",
                    left=left,
                    left_node=node.this,
                    right=self._translator.term(node.expressions[at]),
                    right_node=node.expressions[at],
                    compared_as=key.type,
                    value=computed[at],
                    outcomes=outcomes,
                    is_missed=at in missed[:1],
                )
            )
        return outcomes

    def like(self, node: exp.Like) -> Outcomes:
        """Return the outcomes of LIKE with a pattern that is written out."""
        left, pattern = self._translator.term(node.this), node.expression
        if left.is_constant or not (isinstance(pattern, exp.Literal) and pattern.is_string):
            return Outcomes()
        subject = text(self._translator, node.this)
        prefix, rest = _prefix(pattern.this)
        if rest == "":
            inside = value_sets.only(self._stored(left, "string", [prefix]))
            outcomes = of_values(subject, inside, others(inside), NULL, ANYTHING)
        else:
            inside = value_sets.beginning_with(prefix)
            outcomes = of_values(subject, inside, others(inside) if rest == "%" else KNOWN, NULL, ANYTHING)
        self._on_comparison(
            Comparison(
                node=node,
                operator="LIKE",
                left=left,
                left_node=node.this,
                right=self._translator.term(pattern),
                right_node=pattern,
                compared_as="string",
                value=pattern.this,
                outcomes=outcomes,
            )
        )
        return outcomes

    def possible(self, left: Term, one: Term) -> ValueSet:
        """Return the values that something can have by its type, or by the function that gives it."""
        if left.type in INTEGERS and one.type in (*INTEGERS, *FRACTIONS, "decimal"):
            least = _least(left)
            least = -LIMITS[left.type] if least is None else int(least)
            return value_sets.between(least, LIMITS[left.type] - 1, is_whole=one.type in INTEGERS)
        if left.type == "boolean" and one.type in INTEGERS:
            return value_sets.between(0, 1, is_whole=True)
        if one.type not in INTEGERS and (least := _least(one)) is not None:
            return value_sets.union([NULL, value_sets.above(float(least), included=True)])
        return ANYTHING


def _least(term: Term) -> float | None:
    """Return the least value that a function gives, of a term that is its result; None where there is none."""
    function = function_called(term)
    return function.least.get("double" if term.type == "decimal" else term.type) if function is not None else None


def _prefix(pattern: str) -> tuple[str, str]:
    """Return (the text that begins each text that fits a pattern of LIKE, what follows it in the pattern)."""
    prefix, i = "", 0
    while i < len(pattern) and pattern[i] not in "%_":
        i += pattern[i] == "\\"
        prefix += pattern[i : i + 1]
        i += 1
    return prefix, pattern[i:]
