"""Notes on conditions that run as Spark runs them and select something else than was meant, with what to write.

What can never be true, or is true of every alert, is told by its text; so are texts that are read as numbers, dates
that are subtractions, and wildcards where there are none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
from sqlglot import exp

from engine.conditions import value_sets
from engine.conditions.direct import value_of
from engine.conditions.expressions import INTEGERS, NUMBERS, Constant, Term, cast, literal
from engine.conditions.fields import FieldError, find_leaf
from engine.conditions.functions import function_called
from engine.conditions.label_notes import ClassLabels
from engine.conditions.outcomes import Comparison, Need, Outcomes, Reading, Translator, bare, chain
from engine.schema import type_at
from engine.sky import is_date
from engine.surveys import Description

__all__ = ["notes_on_conditions"]

_MOST_NOTES = 8
_MOST_NODES = 20_000
_SHOWN = 90
_LAST_JULIAN_DATE = 2_500_000
_MODIFIED_DATES = (15_000, 100_000)
_EXACT_BELOW = 2.0**53
_FIELD = re.compile(r'"(?:[^"]|"")*"|size_int\("(?:[^"]|"")*"\)')
_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_YEARS = (1900, 2100)


def notes_on_conditions(
    trees: Sequence[tuple[exp.Expr, Translator]],
    schema: pa.Schema,
    descriptions: Mapping[str, Description],
    labels: ClassLabels,
    ra_field: str | None,
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
    labels
        Those of the class columns.
    ra_field
        Path of the right ascension, whose ranges may go across 0.
    """
    if sum(1 for tree, _ in trees for _ in tree.walk()) > _MOST_NODES:
        return []
    return _Notes(schema, descriptions, labels, ra_field).on(trees)


class _Notes:
    def __init__(
        self, schema: pa.Schema, descriptions: Mapping[str, Description], labels: ClassLabels, ra_field: str | None
    ):
        self._schema, self._descriptions, self._labels, self._ra_field = schema, descriptions, labels, ra_field
        self._found: dict[str, None] = {}
        self._told: dict[int, exp.Expr] = {}
        """What is told of already, by its id; kept, lest another comes to have it."""

    def on(self, trees: Sequence[tuple[exp.Expr, Translator]]) -> list[str]:
        members: list[tuple[exp.Expr, Outcomes]] = []
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

    def _note(self, node: exp.Expr | None, text: str) -> None:
        if node is None or id(node) not in self._told:
            self._found[text] = None
        if node is not None:
            self._told[id(node)] = node

    def _stored(self, term: Term, type_: str, values: list[Constant]) -> list[Constant]:
        if type_ == "string" and term.type in (*NUMBERS, "boolean"):
            return [value for value in values if _can_be_written(term, value)]
        function = function_called(term)
        if type_ == "string" and function is not None and function.change is not None:
            return [value for value in values if isinstance(value, str) and function.change(value) == value]
        path = _path(term)
        found = type_at(self._schema, path) if path else None
        if found is not None and found in (pa.float16(), pa.float32()) and type_ == "double":
            narrow = np.float16 if found == pa.float16() else np.float32
            with np.errstate(over="ignore"):
                return [value for value in values if float(narrow(value)) == value or value != value]
        return values

    # --- Comparisons --------------------------------------------------------------------------------------------

    def _comparison(self, found: Comparison) -> None:
        outcomes = found.outcomes.negated if _is_negative(found.node) else found.outcomes
        self._note_labels(found)
        if found.operator == "IN":
            self._in(found)
        elif outcomes.true is None:
            self._tell(found, f"is never true: {self._why(found)}")
        elif outcomes.false is None and isinstance(found.node, exp.Between):
            bound = _shown(found.right_node)
            if not found.left.is_constant:
                self._tell(found, f"has the bound {bound}, which leaves nothing out: {self._why(found)}")
        elif outcomes.false is None and outcomes.unknown is None:
            self._tell(found, f"is true of every alert: {self._why(found)}")
        elif outcomes.false is None:
            self._tell(found, f"is true of every alert that has {_shown(found.left_node)}: {self._why(found)}")
        elif (odd := self._odd(found)) is not None:
            self._tell(found, odd)

    def _tell(self, found: Comparison, text: str) -> None:
        self._note(found.node, f"{_shown(_whole(found.node))} {text}")

    def _in(self, found: Comparison) -> None:
        field, negated = _shown(found.left_node), isinstance(found.node.parent, exp.Not)
        if found.value is None:
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

    def _note_labels(self, found: Comparison) -> None:
        """Note each text that the class column never has, as it is written at least."""
        if not found.left.is_field or found.compared_as != "string":
            return
        nodes = found.node.expressions if found.operator == "IN" else [found.right_node]
        texts = [bare(node).this for node in nodes if bare(node).is_string]
        is_pattern = found.operator == "LIKE" and re.search(r"[%_]", str(found.value))
        if found.operator not in ("=", "<=>", "IN", "LIKE") or is_pattern:
            return
        written = "<>" if _is_negative(_whole(found.node)) else "="
        for text in texts:
            note = self._labels.note(_path(found.left), text, written)
            if note is not None:
                self._note(None, f"{_shown(_whole(found.node))}: {note}")

    def _odd(self, found: Comparison) -> str | None:
        """Return what is odd about a comparison that may be true of some alerts, and is hardly meant."""
        left, value, equality = found.left, found.value, found.operator in ("=", "<=>", "IN")
        described = self._descriptions.get(_path(left) or "")
        if value is None and found.operator == "<=>":
            asks_null = found.right.type == "void"
            return None if asks_null else f"compares with null, which it equals where there is none: {self._why(found)}"
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
        if found.operator == "LIKE" and isinstance(value, str) and "*" in value and not re.search(r"[%_]", value):
            like = f"{_shown(found.left_node)} LIKE {_shown(found.right_node).replace('*', '%')}"
            return f"looks for the sign * itself: LIKE's wildcard is %: {like}"
        is_wide = isinstance(value, int | float | Decimal) and abs(float(value)) >= _EXACT_BELOW
        if equality and left.type == "bigint" and found.compared_as == "double" and is_wide:
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
        true, false = found.outcomes.true, found.outcomes.false
        negative = _is_negative(_whole(found.node))
        if negative:
            true, false = false, true
        described_as = f"as the survey describes {_shown(found.left_node)}: {words}"
        if not _had(true, possible):
            return f"is true of no alert {described_as}"
        if negative and not _had(false, possible):
            return f"leaves nothing out {described_as}"
        return None

    def _no_julian_date(self, found: Comparison) -> str | None:
        """Return what is odd about a number that is no Julian date: a year, a modified one, a date's digits."""
        value = found.value
        if not isinstance(value, int | float | Decimal) or value != value:
            return None
        text = f"compares Julian dates, such as 2459540.5, with {_shown(found.right_node)}"
        if _YEARS[0] <= value <= _YEARS[1]:
            return f"{text}; if that is a year, write jd('{int(value)}-01-01')"
        if _MODIFIED_DATES[0] < value < _MODIFIED_DATES[1]:
            return f"{text}; if that is a modified one, write {_shown(found.left_node)} - 2400000.5"
        return text if value > _LAST_JULIAN_DATE else None

    # --- Why, and what to write ---------------------------------------------------------------------------------

    def _why(self, found: Comparison) -> str:
        field, written = _shown(found.left_node), _shown(found.right_node)
        if not found.right.is_constant:
            return f"{field} is compared with itself"
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
        written = _shown(found.right_node)
        if found.compared_as == "boolean":
            return f"{written} is no truth value, and {field} is one; write {field} = true or {field} = false"
        return f"{written} is no number, and {field} is one" + self._meant(found, str(found.right.value))

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

    def _group(self, group: exp.Expr | None, members: list[tuple[exp.Expr, Outcomes]]) -> None:
        if isinstance(group, exp.Between):
            self._note_between(group, members)
            return
        texts = list(dict.fromkeys(_shown(node) for node, _ in members))
        listed = " and ".join(texts[:4]) + (" and others" if len(texts) > 4 else "")
        if isinstance(group, exp.Or):
            if _known_where_there(members):
                self._note(
                    group,
                    f"one of {listed} is true of every alert that has the field: with OR nothing is left out; "
                    "write AND, or NOT IN",
                )
            return
        inner = [bare(node) for node, _ in members]
        advice = ""
        if len(texts) > 1 and all(isinstance(node, exp.EQ) for node in inner):
            advice = "; write OR, or IN"
        elif len(texts) == 2 and all(isinstance(n, _RANGES) and self._is_ra(n.this) for n in inner):
            advice = "; across right ascension 0 write OR"
        self._note(None, f"{listed} are never true together{advice}")

    def _note_between(self, group: exp.Between, members: list[tuple[exp.Expr, Outcomes]]) -> None:
        field, low, high = (_shown(node) for node in (group.this, group.args["low"], group.args["high"]))
        is_negated = isinstance(group.parent, exp.Not)
        every = ", and NOT of it of every alert that has the field" if _known_where_there(members) else ""
        never = f"{_shown(group)} is never true{every if is_negated else ''}"
        least, greatest = (_literal_number(group.args[key]) for key in ("low", "high"))
        if least is not None and greatest is not None and least <= greatest:
            self._note(group, f"{never}: no value that {field} can have lies between")
            return
        if self._is_ra(group.this):
            across = f"{field} < {low} AND {field} > {high}" if is_negated else f"{field} >= {low} OR {field} <= {high}"
            self._note(group, f"{never}: the lower bound stands first; across right ascension 0 write {across}")
            return
        self._note(group, f"{never}: the lower bound stands first; write {field} BETWEEN {high} AND {low}")

    def _is_ra(self, node: exp.Expr) -> bool:
        named = bare(node)
        if self._ra_field is None or not isinstance(named, exp.Column):
            return False
        return self._field_named(".".join(part.name for part in named.parts)) == self._ra_field

    def _words(self, tree: exp.Expr) -> None:
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


def _is_negative(node: exp.Expr) -> bool:
    """Return whether a comparison is the negative of the one that its outcomes are told of."""
    return isinstance(node, exp.NEQ | exp.NullSafeNEQ | exp.Not)


def _whole(node: exp.Expr) -> exp.Expr:
    """Return a comparison as it stands in the condition: NOT IN is NOT of IN."""
    return node.parent if isinstance(node, exp.In) and isinstance(node.parent, exp.Not) else node


def _had(need: Need | None, possible: value_sets.ValueSet) -> bool:
    """Return whether what something needs of one field is among the values that the field has."""
    if need is None:
        return False
    (values,) = need.values() if need else (possible,)
    return bool(value_sets.intersection(value_sets.intersection(values, possible), value_sets.KNOWN))


def _known_where_there(members: Sequence[tuple[exp.Expr, Outcomes]]) -> bool:
    """Return whether each of several comparisons is true or false wherever one field, which they all ask, is there."""
    fields: set[str] | None = None
    for _, outcomes in members:
        if outcomes.unknown is None:
            continue
        nulls = {key for key, values in outcomes.unknown.items() if values == value_sets.NULL}
        fields = nulls if fields is None else fields & nulls
    # What is computed may be null where the field is not, such as the number in a text.
    return fields is None or any(map(_FIELD.fullmatch, fields))


def _literal_number(node: exp.Expr) -> float | None:
    negative = isinstance(bare(node), exp.Neg)
    literal_ = bare(bare(node).this) if negative else bare(node)
    if not isinstance(literal_, exp.Literal) or literal_.is_string:
        return None
    return -float(literal_.this) if negative else float(literal_.this)


def _shown(node: exp.Expr) -> str:
    text = " ".join(node.sql(dialect="spark", normalize_functions=False, comments=False).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _path(term: Term) -> str | None:
    return term.sql[1:-1].replace('""', '"') if term.is_field else None


def _can_be_written(term: Term, text: Constant) -> bool:
    """Return whether the text of a number or a truth value, as Spark writes it, can be this."""
    type_ = "double" if term.type == "decimal" else term.type
    return term.type == "decimal" or value_of(cast(cast(literal(text), type_), "string")) == text


def _is_whole(value: Constant) -> bool:
    return not isinstance(value, str) and math.isfinite(value) and value == int(value)


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
