"""Comparisons that are true of some alerts, maybe, and hardly meant: texts as numbers, wildcards, impossible values."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.conditions import value_sets
from engine.conditions.comparisons import Comparison
from engine.conditions.expressions import INTEGERS, NUMBERS
from engine.conditions.field_facts import FieldFacts, values_in_words
from engine.conditions.outcomes import Need
from engine.conditions.reasons import why
from engine.conditions.trees import is_negative, shown, whole
from engine.surveys import Description

__all__ = ["oddity"]

_LAST_JULIAN_DATE = 2_500_000
_MODIFIED_DATES = (15_000, 100_000)
_EXACT_BELOW = 2.0**53
_YEARS = (1900, 2100)


def oddity(found: Comparison, facts: FieldFacts) -> str | None:
    """Return what is odd about a comparison that may be true of some alerts, and is hardly meant."""
    left, value, equality = found.left, found.value, found.operator in ("=", "<=>", "IN")
    described = facts.description(left)
    if value is None and found.operator == "<=>":
        is_null = found.right.type == "void"
        return None if is_null else f"compares with null, which it equals where there is none: {why(found, facts)}"
    if left.type == "string" and not left.time and found.compared_as in NUMBERS:
        field = shown(found.left_node)
        return f"reads the text {field} as a number, and is not true where it is none" + values_in_words(described)
    if left.type == "string" and found.compared_as == "boolean":
        return (
            f"reads the text {shown(found.left_node)} as true (t, true, y, yes, 1) or false (f, false, n, no, 0), "
            "and is not true where it is none of them"
        )
    if equality and left.type == "string" and isinstance(value, str) and "%" in value:
        like = f"{shown(found.left_node)} LIKE {shown(found.right_node)}"
        return f"looks for the sign % itself: as a wildcard it belongs to LIKE: {like}"
    if found.operator == "LIKE" and isinstance(value, str) and "*" in value and not re.search(r"[%_]", value):
        like = f"{shown(found.left_node)} LIKE {shown(found.right_node).replace('*', '%')}"
        return f"looks for the sign * itself: LIKE's wildcard is %: {like}"
    is_wide = isinstance(value, int | float | Decimal) and abs(float(value)) >= _EXACT_BELOW
    if equality and left.type == "bigint" and found.compared_as == "double" and is_wide:
        return (
            "compares doubles, which don't tell so large whole numbers from their neighbours: write all digits, "
            "without a point or an exponent"
        )
    return _against_description(found, described) if described is not None and left.is_field else None


def _against_description(found: Comparison, described: Description) -> str | None:
    if described.is_julian_date and found.left.type in NUMBERS:
        return _no_julian_date(found)
    if described.limits and found.left.type in NUMBERS and found.compared_as in NUMBERS:
        possible = value_sets.between(*described.limits)
        words = "from {:g} to {:g}".format(*described.limits)
    elif described.values and found.left.type in INTEGERS and found.compared_as in INTEGERS:
        possible = value_sets.only(map(int, described.values), is_whole=True)
        words = described.values_in_words
    elif described.values and found.left.type == found.compared_as == "string":
        possible = value_sets.only(described.values)
        words = described.values_in_words
    else:
        return None
    true, false = found.outcomes.true, found.outcomes.false
    negative = is_negative(whole(found.node))
    if negative:
        true, false = false, true
    described_as = f"as the survey describes {shown(found.left_node)}: {words}"
    if not _had(true, possible):
        return f"is true of no alert {described_as}"
    if negative and not _had(false, possible):
        return f"leaves nothing out {described_as}"
    return None


def _no_julian_date(found: Comparison) -> str | None:
    """Return what is odd about a number that is no Julian date: a year, a modified one, a date's digits."""
    value = found.value
    if not isinstance(value, int | float | Decimal) or value != value:
        return None
    text = f"compares Julian dates, such as 2459540.5, with {shown(found.right_node)}"
    if _YEARS[0] <= value <= _YEARS[1]:
        return f"{text}; if that is a year, write jd('{int(value)}-01-01')"
    if _MODIFIED_DATES[0] < value < _MODIFIED_DATES[1]:
        return f"{text}; if that is a modified one, write {shown(found.left_node)} - 2400000.5"
    return text if value > _LAST_JULIAN_DATE else None


def _had(need: Need | None, possible: value_sets.ValueSet) -> bool:
    """Return whether an outcome is possible with the values that the one field has which it needs."""
    if need is None:
        return False
    (values,) = need.values() if need else (possible,)
    return bool(value_sets.intersection(value_sets.intersection(values, possible), value_sets.KNOWN))
