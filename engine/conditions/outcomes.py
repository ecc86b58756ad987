"""What the conditions can come out as, true, false or unknown, and which values of the fields each needs.

Only constants are looked at, no alert: each comparison with a constant leaves a set of values, AND and OR join the
sets. What is said is sure; what can't be told is taken to be possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from sqlglot import exp

from engine.conditions import expressions, value_sets
from engine.conditions.direct import value_of
from engine.conditions.expressions import FRACTIONS, INTEGERS, Constant, Term
from engine.conditions.functions import function_called
from engine.conditions.value_sets import ANYTHING, KNOWN, NULL, ValueSet

__all__ = ["Comparison", "Need", "Outcomes", "Reading", "Translator", "bare", "chain"]

Need: TypeAlias = Mapping[str, ValueSet]
"""Column or computed value -> the values of it that something needs; of the others, any."""

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<=>": "<=>"}
_WIDTHS = {"tinyint": 2**7, "smallint": 2**15, "int": 2**31, "bigint": 2**63}
_PREDICATES = (*_OPERATORS, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In, exp.Between, exp.Like, exp.And, exp.Or)


class Translator(Protocol):
    """What translates the operands, as they are compared; engine/conditions/translator.py has it."""

    def term(self, node: exp.Expr) -> Term: ...
    def text(self, node: exp.Expr) -> Term: ...
    def double(self, node: exp.Expr) -> Term: ...
    def anything(self, node: exp.Expr) -> Term: ...
    def sides(self, operator: str, node: exp.Expr, left: Term, right: Term) -> tuple[Term, Term]: ...
    def listed(self, node: exp.In) -> tuple[Term, list[Term], bool]: ...


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What is needed for each outcome; None where it can't come."""

    true: Need | None = field(default_factory=dict)
    false: Need | None = field(default_factory=dict)
    unknown: Need | None = field(default_factory=dict)

    @property
    def negated(self) -> Outcomes:
        """Those of NOT."""
        return Outcomes(true=self.false, false=self.true, unknown=self.unknown)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One comparison with constants, or of a field with itself, for whoever says what is odd about it."""

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


class Reading:
    """Reads conditions; hands over each comparison, and groups of which only the whole is odd.

    Parameters
    ----------
    translator
        Of the condition that is read.
    stored
        From what is compared, the type it is compared in, and values, to those of them that it can have.
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
        stored: Callable[[Term, str, list[Constant]], list[Constant]],
        on_comparison: Callable[[Comparison], None],
        on_group: Callable[[exp.Expr | None, list[tuple[exp.Expr, Outcomes]]], None],
    ):
        self._translator, self._stored = translator, stored
        self._on_comparison, self._on_group = on_comparison, on_group
        self._seen: dict[int, exp.Expr] = {}
        """What was read, by its id; kept, lest another comes to have it."""

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
                low = self._compared(node, ">=", node.this, node.args["low"])
                high = self._compared(node, "<=", node.this, node.args["high"])
                return self.all_of([(node, low), (node, high)], node)
            case exp.In():
                return self._in(node)
            case exp.Is():
                return self._is(node)
            case exp.NEQ():
                return self._compared(node, "=", node.this, node.expression).negated
            case exp.NullSafeEQ():
                return self._compared(node, "<=>", node.this, node.expression)
            case exp.NullSafeNEQ():
                return self._compared(node, "<=>", node.this, node.expression).negated
            case exp.Like():
                return self._like(node)
            case exp.Anonymous():
                return self._call(node)
        if type(node) in _OPERATORS:
            return self._compared(node, _OPERATORS[type(node)], node.this, node.expression)
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
        """Return the outcomes of AND; tells if each of them can be true, and all together can't."""
        parts = [outcomes for _, outcomes in members]
        true = _meet(part.true for part in parts)
        if true is None and all(part.true is not None for part in parts):
            self._on_group(group, _culprits(members))
        if any(part.true is None and part.unknown is None for part in parts):
            return Outcomes(true=None, false=_join(part.false for part in parts), unknown=None)
        return Outcomes(
            true=true,
            false=_join(part.false for part in parts),
            unknown=_join(part.unknown for part in parts),
        )

    def _joined(self, node: exp.And | exp.Or) -> Outcomes:
        members = [(part, self.outcomes(part)) for part in chain(node)]
        if isinstance(node, exp.And):
            return self.all_of(members, node)
        return self.all_of([(part, outcomes.negated) for part, outcomes in members], node).negated

    # --- Comparisons --------------------------------------------------------------------------------------------

    def _compared(self, node: exp.Expr, operator: str, left_node: exp.Expr, right_node: exp.Expr) -> Outcomes:
        left, right = self._translator.term(left_node), self._translator.term(right_node)
        if left.is_constant and not right.is_constant:
            left, right, left_node, right_node = right, left, right_node, left_node
            operator = _MIRRORED[operator]
        if not right.is_constant and right.sql != left.sql:
            return Outcomes()
        one, other = self._translator.sides(operator, node, left, right)
        if not right.is_constant:
            value, outcomes = None, _with_itself(operator, one)
        else:
            result = expressions.same(one, other) if operator == "<=>" else expressions.compare(operator, one, other)
            value = value_of(other)
            if result.is_constant:
                outcomes = _constant(value_of(result))
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
        base = self._base(left, one)
        if value is None:
            if operator == "<=>":
                return _outcomes(one, NULL, KNOWN, value_sets.NOTHING, base)
            return Outcomes(true=None, false=None)
        is_whole = one.type in INTEGERS
        if operator in ("=", "<=>"):
            inside = value_sets.only(self._stored(left, one.type, [value]), is_whole=is_whole)
        elif operator in ("<", "<="):
            inside = value_sets.below(value, included=operator == "<=", is_whole=is_whole)
        else:
            inside = value_sets.above(value, included=operator == ">=", is_whole=is_whole)
        if operator == "<=>":
            return _outcomes(one, inside, value_sets.inverse(inside), value_sets.NOTHING, base)
        return _outcomes(one, inside, _others(inside), NULL, base)

    def _in(self, node: exp.In) -> Outcomes:
        left = self._translator.term(node.this)
        value, values, one_by_one = self._translator.listed(node)
        if left.is_constant or not all(v.is_constant for v in values):
            return Outcomes()
        if one_by_one:
            pairs = [self._translator.sides("=", node, value, v) for v in values]
        else:
            pairs = [(value, v) for v in values]
        computed = [value_of(v) for _, v in pairs]
        known = [(i, found) for i, found in enumerate(computed) if found is not None]
        key = value if not one_by_one else left
        base, is_whole = self._base(left, key), key.type in INTEGERS
        sets = [value_sets.only(self._stored(left, key.type, [v]), is_whole=is_whole) for _, v in known]
        sets = [value_sets.intersection(found, base) for found in sets]
        inside = value_sets.union(sets)
        if len(known) < len(values):  # a null in the list: what is not found is not known
            found = _outcomes(key, inside, value_sets.NOTHING, NULL, base)
            outcomes = Outcomes(true=found.true, false=None, unknown={})
        else:
            outcomes = _outcomes(key, inside, _others(inside), NULL, base)
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

    def _like(self, node: exp.Like) -> Outcomes:
        left, pattern = self._translator.term(node.this), node.expression
        if left.is_constant or not (isinstance(pattern, exp.Literal) and pattern.is_string):
            return Outcomes()
        text = self._translator.text(node.this)
        prefix, rest = _prefix(pattern.this)
        if rest == "":
            inside = value_sets.only(self._stored(left, "string", [prefix]))
            outcomes = _outcomes(text, inside, _others(inside), NULL, ANYTHING)
        else:
            inside = value_sets.beginning_with(prefix)
            outcomes = _outcomes(text, inside, _others(inside) if rest == "%" else KNOWN, NULL, ANYTHING)
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

    # --- What is no comparison ----------------------------------------------------------------------------------

    def _is(self, node: exp.Is) -> Outcomes:
        if isinstance(node.expression, exp.Null):
            return self._is_null(node.this)
        if not isinstance(node.expression, exp.Boolean):
            return Outcomes()
        of = self.outcomes(node.this)
        wanted, other = (of.true, of.false) if node.expression.this else (of.false, of.true)
        return Outcomes(true=wanted, false=_join([other, of.unknown]), unknown=None)

    def _is_null(self, node: exp.Expr) -> Outcomes:
        term = self._translator.anything(node)
        if term.is_constant:
            return _constant(value_of(term) is None)
        return _outcomes(term, NULL, KNOWN, value_sets.NOTHING, ANYTHING)

    def _call(self, node: exp.Anonymous) -> Outcomes:
        match node.name.lower():
            case "isnull":
                return self._is_null(node.expressions[0])
            case "isnotnull":
                return self._is_null(node.expressions[0]).negated
            case "isnan":
                left, one = self._translator.term(node.expressions[0]), self._translator.double(node.expressions[0])
                if not one.is_constant:
                    nan = value_sets.only([float("nan")])
                    return _outcomes(one, nan, value_sets.inverse(nan), value_sets.NOTHING, self._base(left, one))
        return self._truth(node)

    def _truth(self, node: exp.Expr) -> Outcomes:
        term = self._translator.term(node)
        if term.is_constant:
            return _constant(value_of(term))
        if term.is_field and term.type == "boolean":
            return _outcomes(term, value_sets.only([True]), value_sets.only([False]), NULL, ANYTHING)
        return Outcomes()

    def _base(self, left: Term, one: Term) -> ValueSet:
        """Return the values that something can have by its type, or by the function that gives it."""
        if left.type in INTEGERS and one.type in (*INTEGERS, *FRACTIONS, "decimal"):
            least = _least(left)
            least = -_WIDTHS[left.type] if least is None else int(least)
            return value_sets.between(least, _WIDTHS[left.type] - 1, is_whole=one.type in INTEGERS)
        if left.type == "boolean" and one.type in INTEGERS:
            return value_sets.between(0, 1, is_whole=True)
        if one.type not in INTEGERS and (least := _least(one)) is not None:
            return value_sets.union([NULL, value_sets.above(float(least), included=True)])
        return ANYTHING


def _least(term: Term) -> float | None:
    """Return what the function that a term is the result of never gives less than."""
    function = function_called(term)
    return function.least.get("double" if term.type == "decimal" else term.type) if function is not None else None


def chain(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands of a chain of AND or OR, parentheses around them taken off, in order."""
    operands, rest = [], [node]
    while rest:
        part = rest.pop()
        inner = bare(part)
        if type(inner) is type(node):
            rest += [inner.expression, inner.this]
        else:
            operands.append(part)
    return operands


def bare(node: exp.Expr) -> exp.Expr:
    """Return what stands in parentheses, without them."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _with_itself(operator: str, term: Term) -> Outcomes:
    """Return the outcomes of x < x and the like; NaN equals itself."""
    if operator == "<=>":
        return _constant(True)
    if operator in ("<", ">"):
        return _outcomes(term, value_sets.NOTHING, KNOWN, NULL, ANYTHING)
    return _outcomes(term, KNOWN, value_sets.NOTHING, NULL, ANYTHING)


def _others(inside: ValueSet) -> ValueSet:
    return value_sets.intersection(value_sets.inverse(inside), KNOWN)


def _outcomes(term: Term, true: ValueSet, false: ValueSet, unknown: ValueSet, base: ValueSet) -> Outcomes:
    sets = [value_sets.intersection(found, base) for found in (true, false, unknown)]
    needs = [{term.sql: found} if found else None for found in sets]
    return Outcomes(true=needs[0], false=needs[1], unknown=needs[2])


def _constant(value: Constant | None) -> Outcomes:
    return Outcomes(
        true={} if value is True else None,
        false={} if value is False else None,
        unknown={} if value is None else None,
    )


def _meet(needs: Iterable[Need | None]) -> Need | None:
    """Return what several things need together; None where they can't be had together."""
    found: dict[str, ValueSet] = {}
    for need in needs:
        if need is None:
            return None
        for key, values in need.items():
            found[key] = value_sets.intersection(found[key], values) if key in found else values
            if not found[key]:
                return None
    return found


def _join(needs: Iterable[Need | None]) -> Need | None:
    """Return what any one of several things needs; None where none of them can be had."""
    possible = [need for need in needs if need is not None]
    if not possible:
        return None
    common = set(possible[0]).intersection(*possible[1:])
    return {key: value_sets.union([need[key] for need in possible]) for key in possible[0] if key in common}


def _culprits(members: Sequence[tuple[exp.Expr, Outcomes]]) -> list[tuple[exp.Expr, Outcomes]]:
    """Return a few members that can't be true together: the one at which it fails, and those it needs to fail."""
    for end in range(1, len(members) + 1):
        if _meet(outcomes.true for _, outcomes in members[:end]) is None:
            break
    last = members[end - 1]
    kept = [member for member in members[: end - 1] if set(member[1].true or {}) & set(last[1].true or {})]
    for member in list(kept):
        without = [other for other in kept if other is not member]
        if _meet(outcomes.true for _, outcomes in [*without, last]) is None:
            kept = without
    return [*kept, last]


def _prefix(pattern: str) -> tuple[str, str]:
    """Return (the text that whatever fits a pattern of LIKE begins with, what follows it in the pattern)."""
    prefix, i = "", 0
    while i < len(pattern) and pattern[i] not in "%_":
        i += pattern[i] == "\\"
        prefix += pattern[i : i + 1]
        i += 1
    return prefix, pattern[i:]
