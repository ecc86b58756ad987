"""What the conditions can come out as, true, false or unknown, and which values of the fields each needs.

Only constants are looked at, no alert: each comparison with a constant leaves a set of values, AND and OR join the
sets. What is said is sure; what can't be told is taken to be possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from engine.conditions import value_sets
from engine.conditions.expressions import Constant, Term
from engine.conditions.value_sets import ANYTHING, KNOWN, NULL, ValueSet

__all__ = [
    "Need",
    "Outcomes",
    "constant",
    "culprits",
    "join",
    "meet",
    "of_values",
    "others",
    "with_itself",
]

Need: TypeAlias = Mapping[str, ValueSet]
"""Column or computed value -> the values that it needs to have; a column that is not named may have any."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What each outcome needs; None where it can't come."""

    true: Need | None = field(default_factory=dict)
    false: Need | None = field(default_factory=dict)
    unknown: Need | None = field(default_factory=dict)

    @property
    def negated(self) -> Outcomes:
        """Those of NOT."""
        return Outcomes(true=self.false, false=self.true, unknown=self.unknown)


def with_itself(operator: str, term: Term) -> Outcomes:
    """Return the outcomes of x < x and the like; NaN equals itself."""
    if operator == "<=>":
        return constant(True)
    if operator in ("<", ">"):
        return of_values(term, value_sets.NOTHING, KNOWN, NULL, ANYTHING)
    return of_values(term, KNOWN, value_sets.NOTHING, NULL, ANYTHING)


def others(inside: ValueSet) -> ValueSet:
    return value_sets.intersection(value_sets.inverse(inside), KNOWN)


def of_values(term: Term, true: ValueSet, false: ValueSet, unknown: ValueSet, base: ValueSet) -> Outcomes:
    sets = [value_sets.intersection(found, base) for found in (true, false, unknown)]
    needs = [{term.sql: found} if found else None for found in sets]
    return Outcomes(true=needs[0], false=needs[1], unknown=needs[2])


def constant(value: Constant | None) -> Outcomes:
    return Outcomes(
        true={} if value is True else None,
        false={} if value is False else None,
        unknown={} if value is None else None,
    )


def meet(needs: Iterable[Need | None]) -> Need | None:
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


def join(needs: Iterable[Need | None]) -> Need | None:
    """Return what any one of several things needs; None where none of them can be had."""
    possible = [need for need in needs if need is not None]
    if not possible:
        return None
    common = set(possible[0]).intersection(*possible[1:])
    return {key: value_sets.union([need[key] for need in possible]) for key in possible[0] if key in common}


def culprits(members: Sequence[tuple[exp.Expr, Outcomes]]) -> list[tuple[exp.Expr, Outcomes]]:
    """Return a few members that can't be true together: the one at which it fails, and those it needs to fail."""
    for end in range(1, len(members) + 1):
        if meet(outcomes.true for _, outcomes in members[:end]) is None:
            break
    last = members[end - 1]
    kept = [member for member in members[: end - 1] if set(member[1].true or {}) & set(last[1].true or {})]
    for member in list(kept):
        without = [other for other in kept if other is not member]
        if meet(outcomes.true for _, outcomes in [*without, last]) is None:
            kept = without
    return [*kept, last]
