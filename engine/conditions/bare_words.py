"""Conditions that were refused, read once more for texts without their quotes: `cdsxmatch = Unknown`.

What stands before the word shows what was meant: a field and a comparison. Where that makes no sense of the condition
either, the first refusal stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from sqlglot.dialects.spark import Spark
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType

from engine.conditions.bare_word_answers import Answers
from engine.conditions.label_notes import ClassLabels
from engine.conditions.operator_words import end_of_operand, is_search, operators, start_of_operand
from engine.conditions.tokens import MAX_CHARACTERS
from engine.conditions.written_operands import CONSTANTS, Left, Operands
from engine.surveys import Description

__all__ = ["refuse_bare_words"]

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", **{sign: sign for sign in ("=", "==", "<>", "!=", "<=>")}}
_MOST_TOKENS = 3_000


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
        self._operands = Operands(text, schema, descriptions)
        self._answers = Answers(text, schema, self._operands, labels)

    def check(self, tokens: list[Token]) -> None:
        """Refuse the first comparison of one condition that a value without quotes stands in."""
        sources = [self._operands.source([token]) for token in tokens]
        for at, operator, after in operators(sources):
            if after >= len(tokens):
                continue
            if (left := self._operands.left(tokens[at].start)) is None:
                self._check_mirrored(tokens, sources, at, operator, after)
                continue
            if operator.endswith("BETWEEN"):
                self._check_between(left, tokens, sources, operator, after)
                continue
            end = end_of_operand(sources, after, in_list=operator.endswith("IN"))
            values, others_end = self._operands.values(tokens, sources, after, end, operator)
            if values is None:
                continue
            start, stop = tokens[after].start, tokens[others_end - 1].end + 1
            if is_search(operator):
                if len(values) == 1 and not self._operands.source(tokens[after:end]).startswith("("):
                    self._answers.refuse(
                        start, stop, f"{operator} is a function", f"{operator}({left.text}, {values[0].text})"
                    )
                continue
            self._answers.answer(left, operator, values, start, stop, repeated=others_end != end)

    def _check_mirrored(self, tokens: list[Token], sources: list[str], at: int, operator: str, after: int) -> None:
        """Refuse `Unknown = cdsxmatch`, where the field stands behind the word."""
        start, end = start_of_operand(sources, at), end_of_operand(sources, after, in_list=False)
        if operator not in _MIRRORED or start == at or end == after:
            return
        left, value = self._operands.left(tokens[end - 1].end + 1), self._operands.value(tokens[start:at])
        if left is None or left.text != self._operands.source(tokens[after:end]):
            return
        if value is None or not value.is_bare or value.text.lower() in CONSTANTS:
            return
        span = tokens[start].start, tokens[at - 1].end + 1
        self._answers.answer(left, _MIRRORED[operator], [value], *span, repeated=False)

    def _check_between(self, left: Left, tokens: list[Token], sources: list[str], operator: str, after: int) -> None:
        middle = end_of_operand(sources, after, in_list=False)
        if sources[middle : middle + 1] not in (["AND"], ["and"]):
            return
        end = end_of_operand(sources, middle + 1, in_list=False)
        low, high = self._operands.value(tokens[after:middle]), self._operands.value(tokens[middle + 1 : end])
        if low is None or high is None or not (low.is_bare or high.is_bare):
            return
        if not {low.text.lower(), high.text.lower()}.isdisjoint(CONSTANTS):
            return
        self._answers.between(left, operator, low, high, tokens[after].start, tokens[end - 1].end + 1)
