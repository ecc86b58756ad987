"""Conditions that were refused, read once more for texts without their quotes: `cdsxmatch = Unknown`.

What people mean is told by what stands before the word: a field and a comparison. Where that makes no sense of the
condition either, the first refusal stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot.dialects.spark import Spark
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType

from engine.conditions.error_location import refuse_at
from engine.conditions.fields import FieldError, find_leaf, nearest, scalar_leaves
from engine.conditions.functions import function_named
from engine.conditions.label_notes import ClassLabels
from engine.conditions.tokens import MAX_CHARACTERS
from engine.sky import is_date
from engine.surveys import Description

__all__ = ["refuse_bare_words"]

_NAME = r"(?:`[^`]+`|[A-Za-z_]\w*)"
_FIELD = re.compile(rf"{_NAME}(?:\s*\.\s*(?:`[^`]+`|\w+))*", re.ASCII)
_KEY = r"(?:\[\s*(?:'[^']*'|\"[^\"]*\")\s*\])?"
_OPERAND = re.compile(rf"({_FIELD.pattern}{_KEY})\s*$|(?<!\w)(\w+)\(([^()]*)\)\s*$", re.ASCII)
_COMPARISONS = {"=", "==", "<>", "!=", "<=>", "<", "<=", ">", ">="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", **{sign: sign for sign in ("=", "==", "<>", "!=", "<=>")}}
_PATTERNS = {"LIKE", "ILIKE", "RLIKE", "REGEXP"}
_NEGATED = {"=": "<>", "==": "<>", "IN": "NOT IN", **{word: f"NOT {word}" for word in _PATTERNS}}
_JOINING = {"AND", "OR", "THEN", "WHEN", "ELSE", "END"}
_KEYWORDS = {"IS", "IN", "BETWEEN", "CASE", "NOT", "DIV", *_PATTERNS}
_NOTHING = {"null", "none", "na", "missing"}
_CONSTANTS = ("true", "false", "null")
_TRUTHS = {"t": "true", "true": "true", "yes": "true", "f": "false", "false": "false", "no": "false"}
_MOST_TOKENS = 3_000
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What is compared: a field, or a call of a function of one."""

    text: str
    path: str | None
    type: pa.DataType
    time: str | None
    described: Description | None


@dataclass(frozen=True, kw_only=True)
class _Value:
    """One of the values that it is compared with."""

    text: str
    is_bare: bool


def refuse_bare_words(
    text: str, schema: pa.Schema, descriptions: Mapping[str, Description], labels: ClassLabels
) -> None:
    """Refuse conditions in which a text lacks its quotes, or a list its parentheses, with what to write.

    Parameters
    ----------
    text
        Conditions that were refused for something.
    schema
        The job's union schema.
    descriptions
        Path -> what the field means, for those whose values stand for something.
    labels
        Those of the class columns, which are offered as the lists spell them.

    Raises
    ------
    ConditionError
        If there is such a word; else the conditions are wrong in another way.
    """
    if len(text) > MAX_CHARACTERS:
        return
    try:
        tokens = Spark().tokenize(text)
    except TokenError:
        return
    if len(tokens) > _MOST_TOKENS:  # nested lists are looked through at each level
        return
    reading = _Reading(text, schema, descriptions, labels)
    part: list[Token] = []
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            reading.check(part)
            part = []
        else:
            part.append(token)
    reading.check(part)


class _Reading:
    def __init__(self, text: str, schema: pa.Schema, descriptions: Mapping[str, Description], labels: ClassLabels):
        self._text, self._schema, self._descriptions, self._labels = text, schema, descriptions, labels

    def check(self, tokens: list[Token]) -> None:
        """Refuse the first comparison of one condition that a value without quotes stands in."""
        sources = [self._source([token]) for token in tokens]
        for at, operator, after in _operators(sources):
            if after >= len(tokens):
                continue
            if (left := self._left(tokens[at].start)) is None:
                self._check_mirrored(tokens, sources, at, operator, after)
                continue
            if operator.endswith("BETWEEN"):
                self._check_between(left, tokens, sources, operator, after)
                continue
            end = _end_of_operand(sources, after, in_list=operator.endswith("IN"))
            values, others_end = self._values(tokens, sources, after, end, operator)
            if values is None:
                continue
            start, stop = tokens[after].start, tokens[others_end - 1].end + 1
            if _is_search(operator):
                if len(values) == 1 and not self._source(tokens[after:end]).startswith("("):
                    self._refuse(start, stop, f"{operator} is a function", f"{operator}({left.text}, {values[0].text})")
                continue
            self._answer(left, operator, values, start, stop, repeated=others_end != end)

    def _check_mirrored(self, tokens: list[Token], sources: list[str], at: int, operator: str, after: int) -> None:
        """Refuse `Unknown = cdsxmatch`, where the field stands behind the word."""
        start, end = _start_of_operand(sources, at), _end_of_operand(sources, after, in_list=False)
        if operator not in _MIRRORED or start == at or end == after:
            return
        left, value = self._left(tokens[end - 1].end + 1), self._value(tokens[start:at])
        if left is not None and left.text == self._source(tokens[after:end]) and value is not None and value.is_bare:
            if value.text.lower() in _CONSTANTS:
                return
            span = tokens[start].start, tokens[at - 1].end + 1
            self._answer(left, _MIRRORED[operator], [value], *span, repeated=False)

    def _check_between(self, left: _Left, tokens: list[Token], sources: list[str], operator: str, after: int) -> None:
        middle = _end_of_operand(sources, after, in_list=False)
        if sources[middle : middle + 1] not in (["AND"], ["and"]):
            return
        end = _end_of_operand(sources, middle + 1, in_list=False)
        low, high = self._value(tokens[after:middle]), self._value(tokens[middle + 1 : end])
        if low is None or high is None or not (low.is_bare or high.is_bare):
            return
        if not {low.text.lower(), high.text.lower()}.isdisjoint(_CONSTANTS):
            return
        start, stop = tokens[after].start, tokens[end - 1].end + 1
        fixed = [self._fixed(left, value) for value in (low, high)]
        if None in fixed:
            self._refuse_unknown_value(left, [low, high], fixed, start, stop)
            return
        accepted = f"{left.text} {operator} {fixed[0]} AND {fixed[1]}"
        values = [low, high]
        self._refuse(start, stop, self._why(left, values), accepted, self._next_step(left, values))

    # --- What stands there --------------------------------------------------------------------------------------

    def _source(self, tokens: Sequence[Token]) -> str:
        return self._text[tokens[0].start : tokens[-1].end + 1] if tokens else ""

    def _left(self, end: int) -> _Left | None:
        match = _OPERAND.search(self._text[max(end - 300, 0) : end])
        if match is None:
            return None
        name, function, _ = match.groups()
        if function is not None:
            called = function_named(function)
            if called is None or called.result != "string":
                return None
            return _Left(text=match[0].strip(), path=None, type=pa.string(), time=None, described=None)
        try:
            path, type_, time = find_leaf(self._schema, _parts(name))
        except FieldError:
            return None
        return _Left(text=name, path=path, type=type_, time=time, described=self._descriptions.get(path))

    def _values(
        self, tokens: list[Token], sources: list[str], start: int, end: int, operator: str
    ) -> tuple[list[_Value] | None, int]:
        """Return the values from start to end and those that follow as in `= 1 OR 2`; None where one is neither."""
        inner = range(start, end)
        if end - start > 1 and sources[start] in _OPENING and _closing(sources, start) == end - 1:
            inner = range(start + 1, end - 1)
        items: list[list[Token]] = [[]]
        depth = 0
        for i in inner:
            depth += (sources[i] in _OPENING) - (sources[i] in _CLOSING)
            if depth == 0 and sources[i].upper() in (",", "OR"):
                items.append([])
            else:
                items[-1].append(tokens[i])
        values = [self._value(item) for item in items]
        while end < len(tokens) and sources[end].upper() in ("OR", "AND") and operator.split()[-1] != "IS":
            stop = _end_of_operand(sources, end + 1, in_list=False)
            more = self._value(tokens[end + 1 : stop])
            if more is None or sources[stop : stop + 1] not in ([], ["OR"], ["AND"], ["or"], ["and"], [")"]):
                break
            if more.is_bare and more.text.lower() in _CONSTANTS:
                break
            values.append(more)
            end = stop
        if any(value is None for value in values):
            return None, end
        return [value for value in values if value is not None], end

    def _value(self, tokens: list[Token]) -> _Value | None:
        """Return the value that some words are; None where they are a field, a call, or something computed."""
        source = " ".join(self._source(tokens).split())
        kinds = [token.token_type for token in tokens]
        if not tokens or source.upper().startswith("NOT "):
            return None
        if kinds == [TokenType.STRING] or re.fullmatch(r"[+-]?\s?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", source, re.I | re.A):
            return _Value(text=source, is_bare=False)
        if TokenType.STRING in kinds or any(kind == TokenType.SEMICOLON for kind in kinds):
            return None
        if re.search(r"[=<>‘’‚‛′´“”„‟″«»]", source):
            return None
        words = source.upper().split()
        if len(words) > 1 and not _KEYWORDS.intersection(words) and re.search(r"[\w)*] +[\w(]", source):
            return _Value(text=source.strip("`"), is_bare=True)  # two words in a row compute nothing
        for match in _FIELD.finditer(source):
            if match.end() < len(source) and source[match.end()] == "(" and function_named(match[0]) is not None:
                return None
            if "." in match[0] or self._is_field(match[0]):
                return None
        return _Value(text=source.strip("`"), is_bare=True)

    def _is_field(self, name: str) -> bool:
        try:
            find_leaf(self._schema, _parts(name))
        except FieldError as exc:
            return "there is no field" not in exc.message
        return True

    # --- What is meant ------------------------------------------------------------------------------------------

    def _answer(
        self, left: _Left, operator: str, values: list[_Value], start: int, stop: int, *, repeated: bool
    ) -> None:
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
            why = f"UNKNOWN is asked of truth values, and {left.text} is a {_kind(left)}"
            self._refuse(start, stop, why, f"{left.text} {operator} NULL")
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
            why = "IS asks for NULL, TRUE or FALSE, not for a value" if operator.startswith("IS") else why
        self._refuse(start, stop, why, accepted, self._next_step(left, values))

    def _fixed(self, left: _Left, value: _Value) -> str | None:
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

    def _why(self, left: _Left, values: Sequence[_Value]) -> str:
        bare = [value.text for value in values if value.is_bare] or [""]
        if pa.types.is_string(left.type):
            return f"a text stands in quotes, and there is no field {bare[0][:60]}"
        return f"there is no field {bare[0][:60]}, and {left.text} is a {_kind(left)}"

    def _next_step(self, left: _Left, values: Sequence[_Value]) -> str | None:
        if left.described is not None and left.described.values:
            return f"{left.text}: {left.described.values_in_words}"
        bare = [value.text for value in values if value.is_bare]
        alike = nearest(bare[0], list(scalar_leaves(self._schema))) if bare else []
        if alike:
            return f"if a field was meant: {', '.join(alike[:3])}"
        return None

    def _refuse_nothing(self, left: _Left, value: _Value, start: int, stop: int, is_not: bool) -> None:
        accepted = f"{left.text} IS {'NOT ' if is_not else ''}NULL"
        quoted = f"{left.text} {'<>' if is_not else '='} '{value.text}'"
        step = f"if the text is meant: {quoted}" if pa.types.is_string(left.type) else None
        if value.text.lower() != "null":
            self._refuse(
                start, stop, f"there is no field {value.text}, and nothing is asked for by IS NULL", accepted, step
            )

    def _refuse_unknown_value(
        self, left: _Left, values: Sequence[_Value], fixed: Sequence[str | None], start: int, stop: int
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
        if self._is_field(strange):
            return
        self._refuse(start, stop, f"there is no field {strange[:60]}, and {left.text} is a {_kind(left)}", accepted)

    def _refuse(self, start: int, stop: int, message: str, accepted: str, next_step: str | None = None) -> None:
        refuse_at(self._text, start, stop, message, accepted=accepted[:300], next_step=next_step)


def _operators(sources: list[str]) -> Iterator[tuple[int, str, int]]:
    """Yield (where an operator begins, its words, where what follows it begins)."""
    upper = [source.upper() for source in sources]
    i = 0
    while i < len(upper):
        words = upper[i : i + 2]
        if words[0] == "IS":
            length = 2 if words[1:] == ["NOT"] else 1
            if upper[i + length : i + length + 1] != ["DISTINCT"]:
                yield i, " ".join(upper[i : i + length]), i + length
        elif words[0] == "NOT" and words[1:] and words[1] in {*_PATTERNS, "IN", "BETWEEN", "=", "=="}:
            length = 2
            yield i, f"NOT {'=' if words[1] == '==' else words[1]}", i + length
        elif words[0] in _COMPARISONS and words[1:] == ["NOT"]:
            length = 2
            yield i, "NOT =", i + length
        elif words[0] in _COMPARISONS | _PATTERNS | {"IN", "BETWEEN"}:
            length = 1
            yield i, words[0], i + length
        elif _is_search(sources[i]):
            length = 1
            yield i, sources[i].lower(), i + length
        else:
            length = 1
        i += length


def _end_of_operand(sources: list[str], start: int, *, in_list: bool) -> int:
    """Return where what is compared ends: at AND, OR, a comma or a closing parenthesis that it did not open."""
    depth = 0
    for i in range(start, len(sources)):
        source = sources[i]
        if depth == 0 and (source.upper() in _JOINING or source in _CLOSING or (source == "," and not in_list)):
            return i
        depth += (source in _OPENING) - (source in _CLOSING)
    return len(sources)


def _start_of_operand(sources: list[str], end: int) -> int:
    """Return where what stands before an operator begins."""
    start = end
    while start and sources[start - 1].upper() not in {*_JOINING, "NOT", ",", *_OPENING}:
        start -= 1
    return start


def _closing(sources: list[str], start: int) -> int:
    depth = 0
    for i in range(start, len(sources)):
        depth += (sources[i] in _OPENING) - (sources[i] in _CLOSING)
        if depth == 0:
            return i
    return len(sources)


def _is_search(word: str) -> bool:
    function = function_named(word)
    return function is not None and function.is_search


def _parts(name: str) -> list[str]:
    return [part.strip("`'\"") for part in re.findall(r"`[^`]+`|'[^']*'|\"[^\"]*\"|[^\s.`\[\]'\"]+", name)]


def _kind(left: _Left) -> str:
    return "truth value" if pa.types.is_boolean(left.type) else "text" if pa.types.is_string(left.type) else "number"
