"""Notes on conditions that run as Spark runs them and select something else than was meant, with what to write.

What can never be true, or is true of every alert, is told by its text; so are texts that are read as numbers, dates
that are subtractions, and wildcards where there are none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from engine import value_sets
from engine.constants import value_of
from engine.dates import is_date
from engine.descriptions import Description
from engine.fields import FieldError, find_leaf
from engine.leaves import type_at
from engine.outcomes import Comparison, Outcomes, Reading, Translator, bare, chain
from engine.terms import INTEGERS, NUMBERS, Term, cast, literal

__all__ = ["notes_on_conditions"]

_MOST_NOTES = 8
_MOST_NODES = 20_000
_SHOWN = 90
_LAST_JULIAN_DATE = 2_500_000
_MODIFIED_DATES = (15_000, 100_000)
_EXACT_BELOW = 2.0**53


def notes_on_conditions(
    trees: Sequence[tuple[exp.Expression, Translator]], schema: pa.Schema, descriptions: Mapping[str, Description]
) -> list[str]:
    """Return notes on conditions that are valid, and odd.

    Parameters
    ----------
    trees
        The conditions, all of which must hold, each with what translates its operands.
    schema
        The job's union schema.
    descriptions
        Path -> what the field means: which values it has.
    """
    if sum(1 for tree, _ in trees for _ in tree.walk()) > _MOST_NODES:
        return []
    return _Notes(schema, descriptions).on(trees)


class _Notes:
    def __init__(self, schema: pa.Schema, descriptions: Mapping[str, Description]):
        self._schema, self._descriptions = schema, descriptions
        self._found: dict[str, None] = {}
        self._told: dict[int, exp.Expression] = {}
        """What is told of already, by its id; kept, lest another comes to have it."""

    def on(self, trees: Sequence[tuple[exp.Expression, Translator]]) -> list[str]:
        members: list[tuple[exp.Expression, Outcomes]] = []
        reading = None
        for tree, translator in trees:
            reading = Reading(translator, stored=self._stored, on_comparison=self._comparison, on_group=self._group)
            parts = chain(tree) if isinstance(bare(tree), exp.And) else [tree]
            members += [(part, reading.outcomes(part)) for part in parts]
            reading.rest(tree)
            self._words(tree)
        if reading is None:
            return []
        whole = reading.all_of(members, None)
        notes = list(self._found)
        shown = notes[:_MOST_NOTES] + (
            [f"{len(notes) - _MOST_NOTES} more like these"] if len(notes) > _MOST_NOTES else []
        )
        if whole.true is None:
            return ["the conditions select no alert, whatever it holds", *shown]
        if whole.false is None and whole.unknown is None:
            return ["the conditions select every alert", *shown]
        return shown

    def _note(self, node: exp.Expression | None, text: str) -> None:
        if node is None or id(node) not in self._told:
            self._found[text] = None
        if node is not None:
            self._told[id(node)] = node

    def _stored(self, term: Term, type_: str, values: list[Any]) -> list[Any]:
        if type_ == "string" and term.type in (*NUMBERS, "boolean"):
            return [value for value in values if _can_be_written(term, value)]
        for function, change in (("lower_string(", str.lower), ("upper_string(", str.upper)):
            if type_ == "string" and term.sql.startswith(function):
                return [value for value in values if change(value) == value]
        path = _path(term)
        found = type_at(self._schema, path) if path else None
        if found is not None and found in (pa.float16(), pa.float32()) and type_ == "double":
            narrow = np.float16 if found == pa.float16() else np.float32
            with np.errstate(over="ignore"):
                return [value for value in values if float(narrow(value)) == value or value != value]
        return values

    # --- Comparisons --------------------------------------------------------------------------------------------

    def _comparison(self, found: Comparison) -> None:
        outcomes = found.outcomes.negated if isinstance(found.node, exp.NEQ | exp.NullSafeNEQ) else found.outcomes
        if found.operator == "IN":
            self._in(found)
        elif found.left.is_constant or (outcomes.true is None and outcomes.false is None):
            always = outcomes.false is None and outcomes.unknown is None
            self._tell(found, f"is {'true for every alert' if always else 'never true'}: {self._why(found)}")
        elif outcomes.true is None:
            self._tell(found, f"is never true: {self._why(found)}")
        elif outcomes.false is None:
            self._tell(found, f"is true of every alert that has {_shown(found.left_node)}: {self._why(found)}")
        elif (odd := self._odd(found)) is not None:
            self._tell(found, odd)

    def _tell(self, found: Comparison, text: str) -> None:
        node = found.node
        negated = isinstance(node.parent, exp.Not) and isinstance(node, exp.In)
        self._note(node, f"{_shown(node.parent if negated else node)} {text}")

    def _in(self, found: Comparison) -> None:
        field, negated = _shown(found.left_node), isinstance(found.node.parent, exp.Not)
        if found.right.type == "void":
            self._tell(
                found,
                f"is never true: with null in the list, what is not found is unknown; leave null out, and write "
                f"{field} IS NOT NULL for what has it"
                if negated
                else f"doesn't find null: add OR {field} IS NULL",
            )
        elif found.outcomes.true is None:
            verdict = f"true of every alert that has {field}" if negated else "never true"
            self._tell(found, f"is {verdict}: {self._why(found)}")
        elif found.is_missed:
            self._tell(found, f"never finds {_shown(found.right_node)}: {self._why(found)}")
        elif (odd := self._odd(found)) is not None:
            self._tell(found, odd)

    def _odd(self, found: Comparison) -> str | None:
        """Return what is odd about a comparison that may be true of some alerts, and is hardly meant."""
        left, value, equality = found.left, found.value, found.operator in ("=", "<=>", "IN")
        described = self._descriptions.get(_path(left) or "")
        if left.type == "string" and not left.time and found.compared_as in NUMBERS:
            field = _shown(found.left_node)
            return f"reads the text {field} as a number, and is not true where it is none" + _values(described)
        if left.type == "string" and found.compared_as == "boolean":
            return (
                f"reads the text {_shown(found.left_node)} as true (t, true, y, yes, 1) or false (f, false, n, no, 0), "
                "and is not true where it is none of them"
            )
        if equality and left.type == "string" and isinstance(value, str) and "%" in value:
            like = f"{_shown(found.left_node)} LIKE {_shown(found.right_node)}"
            return f"looks for the sign % itself: as a wildcard it belongs to LIKE: {like}"
        if found.operator == "LIKE" and "*" in value and not re.search(r"[%_]", value):
            like = f"{_shown(found.left_node)} LIKE {_shown(found.right_node).replace('*', '%')}"
            return f"looks for the sign * itself: LIKE's wildcard is %: {like}"
        is_double = found.compared_as == "double" and value is not None
        if equality and left.type == "bigint" and is_double and abs(value) >= _EXACT_BELOW:
            return (
                "compares doubles, which don't tell so large whole numbers from their neighbours: write all digits, "
                "without a point or an exponent"
            )
        return self._against_description(found, described) if described is not None and left.is_field else None

    def _against_description(self, found: Comparison, described: Description) -> str | None:
        if described.is_julian_date and found.left.type in NUMBERS:
            return self._no_julian_date(found)
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
        true = found.outcomes.false if isinstance(found.node, exp.NEQ) else found.outcomes.true
        (values,) = true.values() if true else (possible,)
        if value_sets.intersection(value_sets.intersection(values, possible), value_sets.KNOWN):
            return None
        return f"is true of no alert as the survey describes {_shown(found.left_node)}: {words}"

    def _no_julian_date(self, found: Comparison) -> str | None:
        """Return what is odd about a number that is no Julian date of our times: a modified one, or a date's digits."""
        value = found.value
        if not isinstance(value, int | float | Decimal) or value != value:
            return None
        text = f"compares Julian dates, such as 2459540.5, with {_shown(found.right_node)}"
        if _MODIFIED_DATES[0] < value < _MODIFIED_DATES[1]:
            return f"{text}; if that is a modified one, write {_shown(found.left_node)} - 2400000.5"
        return text if value > _LAST_JULIAN_DATE else None

    # --- Why, and what to write ---------------------------------------------------------------------------------

    def _why(self, found: Comparison) -> str:
        field, written = _shown(found.left_node), _shown(found.right_node)
        if found.left.is_constant:
            for node, term in ((found.left_node, found.left), (found.right_node, found.right)):
                if isinstance(term.value, str) and (name := self._field_named(term.value)):
                    return f"{_shown(node)} is a text, also in double quotes; the field is written {name} or `{name}`"
            return "there is no field in it"
        if found.right.type == "void":
            asked = "IS NOT NULL" if isinstance(found.node, exp.NEQ) else "IS NULL"
            return f"nothing equals null, nor differs from it; write {field} {asked}"
        if found.value is None and isinstance(found.right.value, str):
            return self._no_number(found, field)
        if found.value is None:
            return f"{written} is null"
        if found.compared_as == "string" and found.left.type in (*NUMBERS, "boolean"):
            kind = "truth values" if found.left.type == "boolean" else "numbers"
            return f"{kind} are compared as texts here, and {field} is never written so" + self._meant(found)
        if found.left.type in INTEGERS and found.operator in ("=", "<=>", "IN") and not _is_whole(found.value):
            return f"{field} is a whole number"
        if found.operator in ("=", "<=>", "IN") and not isinstance(found.value, str | bool) and _path(found.left):
            narrow = type_at(self._schema, _path(found.left) or "")
            if narrow in (pa.float16(), pa.float32()):
                return (
                    f"{field} is stored with {'3' if narrow == pa.float16() else '7'} digits, and {written} is none of "
                    f"its values; write abs({field} - {written}) < 1e-5"
                )
        return f"{'no' if found.outcomes.true is None else 'every'} value that {field} can have fits"

    def _no_number(self, found: Comparison, field: str) -> str:
        text = found.right.value
        written = _shown(found.right_node)
        if found.compared_as == "boolean":
            return f"{written} is no truth value, and {field} is one; write {field} = true or {field} = false"
        return f"{written} is no number, and {field} is one" + self._meant(found, text)

    def _meant(self, found: Comparison, text: str | None = None) -> str:
        """Return what to write for a text that is compared with a number."""
        text = str(found.value) if text is None else text
        field = _shown(found.left_node)
        described = self._descriptions.get(_path(found.left) or "")
        meant = [key for key, meaning in (described.values if described else {}).items() if meaning == text.strip()]
        if meant:
            return f"; write {field} = {meant[0]}" + _values(described)
        if described is not None and described.values:
            return _values(described)
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

    def _field_named(self, name: str) -> str | None:
        try:
            return find_leaf(self._schema, name.split("."))[0]
        except FieldError:
            return None

    # --- Groups, and words --------------------------------------------------------------------------------------

    def _group(self, group: exp.Expression | None, members: list[exp.Expression]) -> None:
        if isinstance(group, exp.Between):
            low, high = _shown(group.args["low"]), _shown(group.args["high"])
            negated = ", and NOT of it of every alert that has the field" if isinstance(group.parent, exp.Not) else ""
            self._note(
                group,
                f"{_shown(group)} is never true{negated}: the lower bound stands first; write "
                f"{_shown(group.this)} BETWEEN {high} AND {low}",
            )
            return
        texts = list(dict.fromkeys(map(_shown, members)))
        listed = " and ".join(texts[:4]) + (" and others" if len(texts) > 4 else "")
        if isinstance(group, exp.Or):
            self._note(
                group,
                f"one of {listed} is true of every alert that has the field: with OR nothing is left out; "
                "write AND, or NOT IN",
            )
            return
        equal = all(isinstance(bare(member), exp.EQ) for member in members)
        self._note(
            None, f"{listed} are never true together" + ("; write OR, or IN" if equal and len(texts) > 1 else "")
        )

    def _words(self, tree: exp.Expression) -> None:
        for node in tree.walk():
            if isinstance(node, exp.Concat):
                parts = node.expressions
                if all(isinstance(part, exp.Literal) and part.is_string for part in parts):
                    listed = ", ".join(map(_shown, parts))
                    joined = "".join(part.this for part in parts)
                    self._note(
                        node, f"texts in a row are one text, '{joined[:60]}': a comma may be missing in {listed}"
                    )
            elif isinstance(node, exp.Sub) and (date := _date_of(node)):
                self._note(
                    node,
                    f"{date} is a subtraction, {_number(node)}: a date is jd('{_padded(date)}'), or in quotes "
                    "where a time is compared",
                )


def _values(described: Description | None) -> str:
    return f" ({described.values_in_words})" if described is not None and described.values else ""


def _shown(node: exp.Expression) -> str:
    text = " ".join(node.sql(dialect="spark", normalize_functions=False, comments=False).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _path(term: Term) -> str | None:
    return term.sql[1:-1].replace('""', '"') if term.is_field else None


def _can_be_written(term: Term, text: Any) -> bool:
    """Return whether the text of a number or a truth value, as Spark writes it, can be this."""
    type_ = "double" if term.type == "decimal" else term.type
    return term.type == "decimal" or value_of(cast(cast(literal(text), type_), "string")) == text


def _is_whole(value: float | Decimal) -> bool:
    return math.isfinite(value) and value == int(value)


def _date_of(node: exp.Sub) -> str | None:
    """Return a date that was written without quotes, 2021-11-22, from its place in a subtraction."""
    first = node.this
    if not isinstance(first, exp.Sub):
        return None
    parts = [first.this, first.expression, node.expression]
    if not all(isinstance(part, exp.Literal) and not part.is_string for part in parts):
        return None
    date = "-".join(part.this for part in parts)
    return date if re.fullmatch(r"(19|20)\d\d-[01]?\d-[0-3]?\d", date) else None


def _padded(date: str) -> str:
    year, month, day = date.split("-")
    return f"{year}-{month:0>2}-{day:0>2}"


def _number(node: exp.Sub) -> int:
    return int(node.this.this.this) - int(node.this.expression.this) - int(node.expression.this)
