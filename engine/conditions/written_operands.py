"""Operands of a condition that doesn't parse, as they were written: fields on the left, and values, bare or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot.tokens import Token, TokenType

from engine.conditions.field_errors import FieldError
from engine.conditions.fields import find_leaf
from engine.conditions.functions import function_named
from engine.conditions.operator_words import CLOSING, OPENING, PATTERNS, closing, end_of_operand
from engine.surveys import Description

__all__ = ["CONSTANTS", "Left", "Operands", "Value"]

CONSTANTS = ("true", "false", "null")
"""Bare words that are values as they stand."""

_NAME = r"(?:`[^`]+`|[A-Za-z_]\w*)"
_FIELD = re.compile(rf"{_NAME}(?:\s*\.\s*(?:`[^`]+`|\w+))*", re.ASCII)
_KEY = r"(?:\[\s*(?:'[^']*'|\"[^\"]*\")\s*\])?"
_OPERAND = re.compile(rf"({_FIELD.pattern}{_KEY})\s*$|(?<!\w)(\w+)\(([^()]*)\)\s*$", re.ASCII)
_KEYWORDS = {"IS", "IN", "BETWEEN", "CASE", "NOT", "DIV", *PATTERNS}


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is compared: a field, or a call of a function of one."""

    text: str
    path: str | None
    type: pa.DataType
    time: str | None
    described: Description | None

    @property
    def kind(self) -> str:
        """What its values are, in a word."""
        if pa.types.is_boolean(self.type):
            return "truth value"
        return "text" if pa.types.is_string(self.type) else "number"


@dataclass(frozen=True, kw_only=True)
class Value:
    """One of the values that it is compared with."""

    text: str
    is_bare: bool


class Operands:
    """Finds the operands in a text.

    Parameters
    ----------
    text
        Conditions that were refused for something.
    schema
        The job's union schema.
    descriptions
        Path -> what the field means.
    """

    def __init__(self, text: str, schema: pa.Schema, descriptions: Mapping[str, Description]):
        self._text, self._schema, self._descriptions = text, schema, descriptions

    def source(self, tokens: Sequence[Token]) -> str:
        """Return the text of several words in a row, as it was written."""
        return self._text[tokens[0].start : tokens[-1].end + 1] if tokens else ""

    def left(self, end: int) -> Left | None:
        """Return the field, or the call of a function, that ends at a place of the text; None of anything else."""
        match = _OPERAND.search(self._text[max(end - 300, 0) : end])
        if match is None:
            return None
        name, function, _ = match.groups()
        if function is not None:
            called = function_named(function)
            if called is None or called.result != "string":
                return None
            return Left(text=match[0].strip(), path=None, type=pa.string(), time=None, described=None)
        try:
            path, type_, time = find_leaf(self._schema, _parts(name))
        except FieldError:
            return None
        return Left(text=name, path=path, type=type_, time=time, described=self._descriptions.get(path))

    def values(
        self, tokens: list[Token], sources: list[str], start: int, end: int, operator: str
    ) -> tuple[list[Value] | None, int]:
        """Return the values from start to end and those that follow as in `= 1 OR 2`; None where one is neither."""
        inner = range(start, end)
        if end - start > 1 and sources[start] in OPENING and closing(sources, start) == end - 1:
            inner = range(start + 1, end - 1)
        items: list[list[Token]] = [[]]
        depth = 0
        for i in inner:
            depth += (sources[i] in OPENING) - (sources[i] in CLOSING)
            if depth == 0 and sources[i].upper() in (",", "OR"):
                items.append([])
            else:
                items[-1].append(tokens[i])
        values = [self.value(item) for item in items]
        while end < len(tokens) and sources[end].upper() in ("OR", "AND") and operator.split()[-1] != "IS":
            stop = end_of_operand(sources, end + 1, in_list=False)
            more = self.value(tokens[end + 1 : stop])
            if more is None or sources[stop : stop + 1] not in ([], ["OR"], ["AND"], ["or"], ["and"], [")"]):
                break
            if more.is_bare and more.text.lower() in CONSTANTS:
                break
            values.append(more)
            end = stop
        if any(value is None for value in values):
            return None, end
        return [value for value in values if value is not None], end

    def value(self, tokens: list[Token]) -> Value | None:
        """Return the value that some words are; None where they are a field, a call, or something computed."""
        source = " ".join(self.source(tokens).split())
        kinds = [token.token_type for token in tokens]
        if not tokens or source.upper().startswith("NOT "):
            return None
        if kinds == [TokenType.STRING] or re.fullmatch(r"[+-]?\s?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", source, re.I | re.A):
            return Value(text=source, is_bare=False)
        if TokenType.STRING in kinds or any(kind == TokenType.SEMICOLON for kind in kinds):
            return None
        if re.search(r"[=<>‘’‚‛′´“”„‟″«»]", source):
            return None
        words = source.upper().split()
        if len(words) > 1 and not _KEYWORDS.intersection(words) and re.search(r"[\w)*] +[\w(]", source):
            return Value(text=source.strip("`"), is_bare=True)  # two words in a row compute nothing
        for match in _FIELD.finditer(source):
            if match.end() < len(source) and source[match.end()] == "(" and function_named(match[0]) is not None:
                return None
            if "." in match[0] or self.is_field(match[0]):
                return None
        return Value(text=source.strip("`"), is_bare=True)

    def is_field(self, name: str) -> bool:
        """Return whether a word names a field, be it one that can't be compared."""
        try:
            find_leaf(self._schema, _parts(name))
        except FieldError as exc:
            return "there is no field" not in exc.message
        return True


def _parts(name: str) -> list[str]:
    return [part.strip("`'\"") for part in re.findall(r"`[^`]+`|'[^']*'|\"[^\"]*\"|[^\s.`\[\]'\"]+", name)]
