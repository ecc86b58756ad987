"""Why a comparison is never true, or always: for notes, with what to write instead."""

from __future__ import annotations

import math
import re

from sqlglot import exp

from engine.conditions.comparisons import Comparison
from engine.conditions.expressions import INTEGERS, NUMBERS, Constant
from engine.conditions.field_facts import FieldFacts, values_in_words
from engine.conditions.trees import shown
from engine.sky import is_date

__all__ = ["why"]


def why(found: Comparison, facts: FieldFacts) -> str:
    """Return the reason in a few words."""
    field, written = shown(found.left_node), shown(found.right_node)
    if not found.right.is_constant:
        return f"{field} is compared with itself"
    if found.left.is_constant:
        for node, term in ((found.left_node, found.left), (found.right_node, found.right)):
            if isinstance(term.value, str) and (name := facts.field_named(term.value)):
                return f"{shown(node)} is a text, also in double quotes; the field is written {name} or `{name}`"
        return "there is no field in it"
    if found.right.type == "void":
        test = "IS NOT NULL" if isinstance(found.node, exp.NEQ) else "IS NULL"
        return f"nothing equals null, nor differs from it; write {field} {test}"
    if found.value is None and isinstance(found.right.value, str):
        return _no_number(found, facts, field)
    if found.value is None:
        return f"{written} is null"
    if found.compared_as == "string" and found.left.type in (*NUMBERS, "boolean"):
        kind = "truth values" if found.left.type == "boolean" else "numbers"
        return f"{kind} are compared as texts here, and {field} is never written so" + _meant(found, facts)
    if found.left.type in INTEGERS and found.operator in ("=", "<=>", "IN") and not _is_whole(found.value):
        return f"{field} is a whole number"
    digits = facts.stored_digits(found.left)
    if found.operator in ("=", "<=>", "IN") and not isinstance(found.value, str | bool) and digits is not None:
        return (
            f"{field} is stored with {digits} digits, and {written} is none of its values; "
            f"write abs({field} - {written}) < 1e-5"
        )
    return f"{'no' if found.outcomes.true is None else 'every'} value that {field} can have fits"


def _no_number(found: Comparison, facts: FieldFacts, field: str) -> str:
    written = shown(found.right_node)
    if found.compared_as == "boolean":
        return f"{written} is no truth value, and {field} is one; write {field} = true or {field} = false"
    return f"{written} is no number, and {field} is one" + _meant(found, facts, str(found.right.value))


def _meant(found: Comparison, facts: FieldFacts, text: str | None = None) -> str:
    """Return what to write for a text that is compared with a number."""
    text = str(found.value) if text is None else text
    field = shown(found.left_node)
    described = facts.description(found.left)
    meant = [key for key, meaning in (described.values if described else {}).items() if meaning == text.strip()]
    if meant:
        return f"; write {field} = {meant[0]}" + values_in_words(described)
    if described is not None and described.values:
        return values_in_words(described)
    if is_date(text):
        # A Julian date is what a number that is compared with a date has to be.
        return f"; write jd('{text.strip()}')" if described is None or described.is_julian_date else ""
    if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", text):
        return f"; decimals have a point: {text.strip().replace(',', '.')}"
    if (
        re.fullmatch(r"\s*[+-]?\d+[:h ]\d+[:m ]?[\d.]*s?\s*", text)
        and described is not None
        and described.unit == "deg"
    ):
        return "; it is in degrees: 155.125"
    return ""


def _is_whole(value: Constant) -> bool:
    return not isinstance(value, str) and math.isfinite(value) and value == int(value)
