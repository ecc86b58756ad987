"""What to write in place of a value without quotes, and the refusal that says it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from engine.conditions.error_location import refuse_at
from engine.conditions.label_notes import ClassLabels
from engine.conditions.operator_words import PATTERNS
from engine.conditions.scalar_leaves import nearest, scalar_leaves
from engine.conditions.written_operands import Left, Operands, Value
from engine.sky import is_date

__all__ = ["Answers"]

_NEGATED = {"=": "<>", "==": "<>", "IN": "NOT IN", **{word: f"NOT {word}" for word in PATTERNS}}
_NOTHING = {"null", "none", "na", "missing"}
_TRUTHS = {"t": "true", "true": "true", "yes": "true", "f": "false", "false": "false", "no": "false"}


class Answers:
    """Refuses comparisons with values that lack their quotes.

    Parameters
    ----------
    text
        The conditions.
    schema
        The job's union schema, for fields that may have been meant.
    operands
        Tells which words are fields.
    labels
        Those of the class columns, which are offered as the lists spell them.
    """

    def __init__(self, text: str, schema: pa.Schema, operands: Operands, labels: ClassLabels):
        self._text, self._schema, self._operands, self._labels = text, schema, operands, labels

    def answer(self, left: Left, operator: str, values: list[Value], start: int, stop: int, *, repeated: bool) -> None:
        """Refuse a comparison whose values lack quotes or parentheses; nothing happens where it lacks neither.

        Parameters
        ----------
        left
            What is compared.
        operator
            In capital letters, `NOT` before it.
        values
            With what.
        start, stop
            Where the values stand in the text.
        repeated
            Whether some of them follow as in `= 1 OR 2`.
        """
        negative = operator.startswith(("NOT ", "IS NOT"))
        word = operator.split()[-1]
        if operator in ("IS", "IS NOT"):
            if [value.text.lower() for value in values] in (["null"], ["true"], ["false"]):
                return
            if len(values) == 1 and values[0].text.lower() == "unknown" and pa.types.is_boolean(left.type):
                return
            word = "="
        elif word == "NOT":
            word = "="
        if (
            len(values) == 1
            and values[0].is_bare
            and values[0].text.lower() in _NOTHING
            and word in ("=", "==", "<>", "!=")
        ):
            is_not = negative or word in ("<>", "!=")
            self._refuse_nothing(left, values[0], start, stop, is_not)
        is_unknown = operator.startswith("IS") and [value.text.lower() for value in values] == ["unknown"]
        if is_unknown and not pa.types.is_string(left.type):
            why = f"IS UNKNOWN is for truth values, and {left.text} is a {left.kind}"
            self.refuse(start, stop, why, f"{left.text} {operator} NULL")
        fixed = [self._fixed(left, value) for value in values]
        if any(text is None for text in fixed):
            self._refuse_unknown_value(left, values, fixed, start, stop)
            return
        several = len(values) > 1
        bare = any(value.is_bare for value in values)
        opened = self._text[start] == "("
        fine = not bare and not repeated and operator not in ("IS", "IS NOT", "NOT =")
        fine = fine and ((word == "IN" and opened) or (word != "IN" and not several and self._text[start] not in "[{"))
        if fine or (word in ("<", "<=", ">", ">=", "<=>") and several):
            return
        listed = ", ".join(text or "" for text in fixed)
        if word == "IN" or (several and word in ("=", "==", "<>", "!=")):
            is_not = negative or word in ("<>", "!=")
            accepted = f"{left.text} {'NOT ' if is_not else ''}IN ({listed})"
        elif several:
            joined = " AND " if negative else " OR "
            accepted = joined.join(f"{left.text} {'NOT ' if negative else ''}{word} {text}" for text in fixed)
        else:
            written = _NEGATED.get(word, word) if negative else word
            accepted = f"{left.text} {written} {fixed[0]}"
        why = self._why(left, values)
        if not bare:
            why = (
                "each side of AND and OR is a condition of its own"
                if repeated
                else "a list stands in parentheses, after IN"
            )
            why = "NOT stands before a condition" if operator in ("NOT =", "= NOT", "<> NOT") else why
            why = "IS takes NULL, TRUE or FALSE, not a value" if operator.startswith("IS") else why
        self.refuse(start, stop, why, accepted, self._next_step(left, values))

    def between(self, left: Left, operator: str, low: Value, high: Value, start: int, stop: int) -> None:
        """Refuse BETWEEN that has a bare word for a bound; nothing happens where no value is meant by it."""
        values = [low, high]
        fixed = [self._fixed(left, value) for value in values]
        if None in fixed:
            self._refuse_unknown_value(left, values, fixed, start, stop)
            return
        accepted = f"{left.text} {operator} {fixed[0]} AND {fixed[1]}"
        self.refuse(start, stop, self._why(left, values), accepted, self._next_step(left, values))

    def _fixed(self, left: Left, value: Value) -> str | None:
        """Return a value as it is written for a field, None where no value of the field is meant."""
        if not value.is_bare:
            return value.text
        if left.described is not None and left.described.is_julian_date:
            return f"jd('{value.text}')" if is_date(value.text) else None
        if pa.types.is_boolean(left.type):
            return _TRUTHS.get(value.text.lower())
        if not pa.types.is_string(left.type):
            meanings = left.described.values if left.described else {}
            found = [key for key, meaning in meanings.items() if meaning.lower() == value.text.lower()]
            return found[0] if found else None
        keys = left.described.values if left.described else {}
        text = next((key for key in keys if key.lower() == value.text.lower()), value.text)
        text = self._labels.spelled(left.path, text)
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def _why(self, left: Left, values: Sequence[Value]) -> str:
        bare = [value.text for value in values if value.is_bare] or [""]
        if pa.types.is_string(left.type):
            return f"a text stands in quotes, and there is no field {bare[0][:60]}"
        return f"there is no field {bare[0][:60]}, and {left.text} is a {left.kind}"

    def _next_step(self, left: Left, values: Sequence[Value]) -> str | None:
        if left.described is not None and left.described.values:
            return f"{left.text}: {left.described.values_in_words}"
        bare = [value.text for value in values if value.is_bare]
        alike = nearest(bare[0], list(scalar_leaves(self._schema))) if bare else []
        if alike:
            return f"if a field was meant: {', '.join(alike[:3])}"
        return None

    def _refuse_nothing(self, left: Left, value: Value, start: int, stop: int, is_not: bool) -> None:
        accepted = f"{left.text} IS {'NOT ' if is_not else ''}NULL"
        quoted = f"{left.text} {'<>' if is_not else '='} '{value.text}'"
        step = f"if the text is meant: {quoted}" if pa.types.is_string(left.type) else None
        if value.text.lower() != "null":
            self.refuse(
                start,
                stop,
                f"there is no field {value.text}, and a value that is missing is found by IS NULL",
                accepted,
                step,
            )

    def _refuse_unknown_value(
        self, left: Left, values: Sequence[Value], fixed: Sequence[str | None], start: int, stop: int
    ) -> None:
        strange = next(value.text for value, text in zip(values, fixed, strict=True) if text is None)
        if re.fullmatch(r"nan|inf|infinity", strange, re.IGNORECASE):
            return
        if pa.types.is_boolean(left.type):
            accepted = f"{left.text} = true, {left.text} = false"
        elif left.described is not None and left.described.values:
            accepted = left.described.values_in_words
        else:
            return
        if self._operands.is_field(strange):
            return
        self.refuse(start, stop, f"there is no field {strange[:60]}, and {left.text} is a {left.kind}", accepted)

    def refuse(self, start: int, stop: int, message: str, accepted: str, next_step: str | None = None) -> None:
        """Refuse what stands at a place of the text."""
        refuse_at(self._text, start, stop, message, accepted=accepted[:300], next_step=next_step)
