"""Users' conditions: several boolean expressions in Spark's SQL, checked, and written as one for dask-sql.

sqlglot splits and parses them (a `;` in a text or a comment separates nothing), translator.py checks and
translates. A text can name fields of one alert and functions of a fixed list, and nothing else: no table, no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pyarrow as pa
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import Token

from engine.conditions.bare_words import refuse_bare_words
from engine.conditions.dialect import Dialect
from engine.conditions.error_location import refuse_at
from engine.conditions.label_notes import ClassLabels
from engine.conditions.notes import notes_on_conditions
from engine.conditions.portal_names import refuse_portal_names
from engine.conditions.scalar_leaves import nearest
from engine.conditions.scopes import AlertScope
from engine.conditions.tokens import NARROWER, check_written, limit, split, unlike_spark
from engine.conditions.translator import Translator
from engine.conditions.trees import depth
from engine.errors import ConditionError
from engine.surveys import Description, Survey, read_descriptions

__all__ = ["Conditions", "all_of", "parse_conditions"]

MAX_NODES = 2_000
MAX_TREE_DEPTH = 50


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Checked conditions."""

    text: str
    """The user's conditions without their comments, one a line, each ending in `;`."""
    sql: str | None
    """One boolean expression in dask-sql's dialect over the leaves as quoted columns; None holds for every alert."""
    leaves: tuple[str, ...]
    """Full paths of the leaves it needs, and derived ones: `size(prv_candidates)`, `present(mangrove)`,
    predicates of lists' items; never empty if there is SQL."""
    notes: tuple[str, ...] = ()
    """What runs as Spark runs it, and is hardly meant: what is never true, or always."""


def parse_conditions(
    text: str | None,
    schema: pa.Schema,
    position: tuple[str, str] | None = None,
    survey: Survey | None = None,
) -> Conditions:
    """Return conditions in Spark 3.5's SQL, checked against a schema and translated.

    Parameters
    ----------
    text
        Conditions separated by `;`, all of which must hold; comments allowed. None or blank: every alert.
    schema
        The job's union schema.
    position
        Full paths of the leaves that hold an alert's right ascension and declination, in degrees, for `cone`.
    survey
        Whose alerts they are: it tells what values stand for, and how its portal names the fields.

    Raises
    ------
    ConditionError
        If one doesn't parse, is not a condition on single alerts, names an unknown field or function, or is too large.
    """
    text = text or ""
    if survey is not None:
        refuse_portal_names(text, schema, survey)
    descriptions = read_descriptions(survey.name) if survey is not None else {}
    labels = ClassLabels(survey, schema.names)
    ra_field = survey.ra_field if survey is not None else None
    try:
        return _parsed(text, schema, position, descriptions, labels, ra_field)
    except ConditionError:
        refuse_bare_words(text, schema, descriptions, labels)
        raise


def _parsed(
    text: str,
    schema: pa.Schema,
    position: tuple[str, str] | None,
    descriptions: Mapping[str, Description],
    labels: ClassLabels,
    ra_field: str | None,
) -> Conditions:
    parts = split(text)
    parsed = [
        _Part(text, tokens, f"condition {number}" if len(parts) > 1 else "the condition", schema, position)
        for number, tokens in enumerate(parts, 1)
    ]
    leaves: dict[str, pa.DataType] = {}
    translated = [part.translate(leaves) for part in parsed]
    sql = _and([condition for condition, _, _ in translated])
    check_written(sql or "")
    pairs = [(tree, translator) for _, tree, translator in translated]
    return Conditions(
        text="\n".join(f"{part.normalised};" for part in parsed),
        sql=sql,
        leaves=tuple(leaves),
        notes=tuple(notes_on_conditions(pairs, schema, descriptions, labels, ra_field)),
    )


def all_of(*conditions: Conditions) -> Conditions:
    """Return the conditions that hold where all of several do."""
    return Conditions(
        text="\n".join(c.text for c in conditions if c.text),
        sql=_and([c.sql for c in conditions if c.sql is not None]),
        leaves=tuple(dict.fromkeys(leaf for c in conditions for leaf in c.leaves)),
        notes=tuple(dict.fromkeys(note for c in conditions for note in c.notes)),
    )


def _and(sqls: Sequence[str]) -> str | None:
    if len(sqls) <= 1:
        return sqls[0] if sqls else None
    middle = len(sqls) // 2
    return f"({_and(sqls[:middle])} AND {_and(sqls[middle:])})"


class _Part:
    """One condition of a text, and where in the text it stands."""

    def __init__(self, text: str, tokens: list[Token], name: str, schema: pa.Schema, position: tuple[str, str] | None):
        self._text, self._tokens, self._name = text, tokens, name
        self._schema, self._position = schema, position

    @property
    def normalised(self) -> str:
        """The condition's text, comments left out, on one line."""
        words, end = [], self._tokens[0].start
        for token in self._tokens:
            if token.end < end:  # 1.5D is one word and three tokens
                continue
            words += [" " if token.start > end else "", self._text[token.start : token.end + 1]]
            end = token.end + 1
        return "".join(words)

    def translate(self, leaves: dict[str, pa.DataType]) -> tuple[str, exp.Expr, Translator]:
        """Return the condition for dask-sql, its tree, and what translates that; adds the leaves that it names."""
        tree = self._parse()
        limit("levels of nesting", depth(tree), MAX_TREE_DEPTH)
        limit("parts", sum(not isinstance(n, exp.Literal | exp.Identifier) for n in tree.bfs()), MAX_NODES)
        scope = AlertScope(self._schema, self._fail, leaves, self._position)
        translator = Translator(scope=scope, fail=self._fail)
        return translator.condition(tree).sql, tree, translator

    def _parse(self) -> exp.Expr:
        parser = Dialect.Parser(dialect=Dialect(), error_level=ErrorLevel.IMMEDIATE)
        try:
            trees = parser.parse(self._tokens, self._text)
        except ParseError as exc:
            details = exc.errors[0] if exc.errors else {}
            at = self._token_at(details.get("line"), details.get("col"))
            refuse_at(
                self._text,
                (at or self._tokens[0]).start,
                (at or self._tokens[-1]).end + 1,
                f"{self._name} doesn't parse: {_readable(details.get('description') or str(exc))}",
                next_step=unlike_spark(self._tokens, at)
                or "each condition ends in ; — check parentheses, quotes and operators",
            )
        except (SqlglotError, RecursionError) as exc:
            raise ConditionError(f"{self._name} doesn't parse: {str(exc)[:200]}", next_step=NARROWER) from exc
        if len(trees) != 1 or trees[0] is None:  # a word of procedural SQL alone, such as ELSE or END
            refuse_at(
                self._text,
                self._tokens[0].start,
                self._tokens[-1].end + 1,
                f"{self._name} is no expression",
                accepted="candidate.magpsf > 19.5; objectId LIKE 'ZTF21%'",
            )
        return trees[0]

    def _token_at(self, line: int | None, column: int | None) -> Token | None:
        # sqlglot gives the line and the column of the token's last character, as the token has them.
        return next((token for token in self._tokens if (token.line, token.col) == (line, column)), None)

    def _fail(
        self,
        node: exp.Expr,
        message: str,
        *,
        accepted: str | None = None,
        next_step: str | None = None,
        names: tuple[str, Sequence[str]] | None = None,
    ) -> NoReturn:
        if names is not None:
            alike = nearest(*names)
            accepted = ", ".join(alike or names[1])
        spans = [(n.meta["start"], n.meta["end"] + 1) for n in node.walk() if "start" in n.meta and "end" in n.meta]
        if spans:
            start, end = min(s for s, _ in spans), max(e for _, e in spans)
        else:
            start, end = self._tokens[0].start, self._tokens[-1].end + 1
        refuse_at(self._text, start, end, f"{self._name}: {message}", accepted=accepted, next_step=next_step)


def _readable(message: str) -> str:
    # sqlglot names its own classes in some messages.
    if message.startswith("Invalid expression"):
        return "this was not expected here"
    if message.startswith(("Required keyword: 'this'", "Required keyword: 'expression'")):
        return "an expression is missing here"  # of an operator that lacks both sides, sqlglot names either
    if message.startswith("Required keyword"):
        return "something is missing here"
    return message.rstrip(".")
