"""Users' conditions: several boolean expressions in Spark's SQL, checked, and written as one for dask-sql.

sqlglot splits and parses them (a `;` in a text or a comment separates nothing), engine/dialect.py checks and
translates. A text can name fields of one alert and functions of a fixed list, and nothing else: no table, no file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import pyarrow as pa
from sqlglot import ErrorLevel, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokens import Token, TokenType

from engine.dialect import Translator
from engine.errors import ConditionError
from engine.fields import FieldError, find_leaf, find_list, leaf_type, nearest, scalar_leaves
from engine.terms import Term

__all__ = ["Conditions", "all_of", "leaf_type", "parse_conditions"]

MAX_CHARACTERS = 500_000
MAX_VALUES = 20_000
MAX_WORDS = 4_000
MAX_NODES = 2_000
# sqlglot takes some 24 of Python's 1,000 frames for a level, and is not called from the bottom of the stack.
MAX_DEPTH = 25
MAX_TREE_DEPTH = 50
# dask-sql's parser gives up at 47 levels; all_of adds some to what is measured here.
MAX_SQL_DEPTH = 40

_VALUES = {TokenType.NUMBER, TokenType.STRING, TokenType.COMMA}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}
_NARROWER = "select fewer things, or make several jobs of it; x IN (…) is the short form of x = … OR x = …"


class _Dialect(Spark):
    """Spark's SQL whose functions all are what they are called, and known to engine/dialect.py alone."""

    class Parser(Spark.Parser):
        FUNCTIONS = {}  # noqa: RUF012
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser for name, parser in Spark.Parser.FUNCTION_PARSERS.items() if name in ("CAST", "TRY_CAST")
        }
        NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser for name, parser in Spark.Parser.NO_PAREN_FUNCTION_PARSERS.items() if name == "CASE"
        }


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Checked conditions."""

    text: str
    """The user's conditions without their comments, one a line, each ending in `;`."""
    sql: str | None
    """One boolean expression in dask-sql's dialect over the leaves as quoted columns; None holds for every alert."""
    leaves: tuple[str, ...]
    """Full paths of the leaves it needs, and of list lengths as `size(prv_candidates)`; never empty if there is SQL."""


def parse_conditions(text: str | None, schema: pa.Schema) -> Conditions:
    """Return conditions in Spark 3.5's SQL, checked against a schema and translated.

    Parameters
    ----------
    text
        Conditions separated by `;`, all of which must hold; comments allowed. None or blank: every alert.
    schema
        The job's union schema.

    Raises
    ------
    ConditionError
        If one doesn't parse, is not a condition on single alerts, names an unknown field or function, or is too large.
    """
    text = text or ""
    parts = _split(_encodable(text))
    parsed = [(_Part(text, tokens, number, len(parts), schema)) for number, tokens in enumerate(parts, 1)]
    leaves: dict[str, None] = {}
    sql = _and([part.translate(leaves) for part in parsed])
    _limit("levels of nesting", _depth_of_sql(sql or ""), MAX_SQL_DEPTH)
    return Conditions(
        text="\n".join(f"{part.normalised};" for part in parsed),
        sql=sql,
        leaves=tuple(leaves),
    )


def all_of(*conditions: Conditions) -> Conditions:
    """Return the conditions that hold where all of several do."""
    return Conditions(
        text="\n".join(c.text for c in conditions if c.text),
        sql=_and([c.sql for c in conditions if c.sql is not None]),
        leaves=tuple(dict.fromkeys(leaf for c in conditions for leaf in c.leaves)),
    )


def _and(sqls: Sequence[str]) -> str | None:
    if len(sqls) <= 1:
        return sqls[0] if sqls else None
    middle = len(sqls) // 2
    return f"({_and(sqls[:middle])} AND {_and(sqls[middle:])})"


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ConditionError(
            f"the conditions have a character that is none: {text[exc.start]!r} at position {exc.start}",
            accepted="text that can be written as UTF-8",
        ) from exc
    return text


def _depth_of_sql(sql: str) -> int:
    """Return how deep the parentheses are nested, those in quotes not counted."""
    depth = deepest = 0
    for token in re.findall(r"\"[^\"]*\"|'[^']*'|[()]", sql):
        depth += (token == "(") - (token == ")")
        deepest = max(deepest, depth)
    return deepest


def _depth_of_tree(tree: exp.Expression) -> int:
    """Return how deep a tree is, a chain of AND, OR or || counted once; without recursion."""
    deepest, rest = 0, [(tree, 1)]
    while rest:
        node, depth = rest.pop()
        deepest = max(deepest, depth)
        flat = type(node) if isinstance(node, exp.And | exp.Or | exp.DPipe) else None
        rest += [(child, depth + (type(child) is not flat)) for child in node.iter_expressions()]
    return deepest


def _split(text: str) -> list[list[Token]]:
    """Return the tokens of each condition; what is too large for a parser is refused here."""
    _limit("characters", len(text), MAX_CHARACTERS)
    try:
        tokens = Spark().tokenize(text)
    except TokenError as exc:
        raise ConditionError(
            "a condition has a quotation mark or a comment that is opened and never closed",
            accepted="'text', \"text\", `name`, /* comment */",
            next_step=f"close it; the text is: {text.strip()[:200]}",
        ) from exc
    _limit("values", sum(t.token_type in (TokenType.NUMBER, TokenType.STRING) for t in tokens), MAX_VALUES)
    _limit("words", sum(t.token_type not in _VALUES for t in tokens), MAX_WORDS)
    parts: list[list[Token]] = [[]]
    depth = prefixes = 0
    for token in tokens:
        kind = token.token_type
        if kind == TokenType.SEMICOLON:
            parts.append([])
            depth = 0
            continue
        parts[-1].append(token)
        prefixes = prefixes + 1 if kind in _PREFIXES else 0
        opens = kind in (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
        closes = kind in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
        depth = max(depth + opens - closes, 0)
        _limit("levels of nesting", depth + prefixes, MAX_DEPTH)
    return [part for part in parts if part]


def _limit(what: str, number: int, most: int) -> None:
    if number > most:
        raise ConditionError(
            f"the conditions have {number:,} {what}", accepted=f"at most {most:,}", next_step=_NARROWER
        )


class _Part:
    """One condition of a text, and where in the text it stands."""

    def __init__(self, text: str, tokens: list[Token], number: int, num_parts: int, schema: pa.Schema):
        self._text, self._tokens, self._schema = text, tokens, schema
        self._name = f"condition {number}" if num_parts > 1 else "the condition"
        self._leaves: dict[str, None] = {}

    @property
    def normalised(self) -> str:
        """The condition's text, comments left out, on one line."""
        words = [self._tokens[0].text and self._source(self._tokens[0])]
        for before, token in zip(self._tokens, self._tokens[1:], strict=False):
            words.append(" " if token.start > before.end + 1 else "")
            words.append(self._source(token))
        return "".join(words)

    def _source(self, token: Token) -> str:
        return self._text[token.start : token.end + 1]

    def translate(self, leaves: dict[str, None]) -> str:
        """Return the condition for dask-sql; adds the leaves that it names."""
        self._leaves = leaves
        tree = self._parse()
        _limit("levels of nesting", _depth_of_tree(tree), MAX_TREE_DEPTH)
        _limit("parts", sum(not isinstance(n, exp.Literal | exp.Identifier) for n in tree.bfs()), MAX_NODES)
        translator = Translator(field=self._field, size=self._size, fail=self._fail, anchor=self._anchor)
        return translator.condition(tree).sql

    def _parse(self) -> exp.Expression:
        parser = _Dialect.Parser(dialect=_Dialect(), error_level=ErrorLevel.IMMEDIATE)
        try:
            trees = parser.parse(self._tokens, self._text)
        except ParseError as exc:
            details = exc.errors[0] if exc.errors else {}
            line, column = details.get("line"), details.get("col")
            start = self._offset(line, column, details.get("highlight") or "")
            what = details.get("description") or str(exc)
            self._fail_at(
                start,
                start + max(len(details.get("highlight") or ""), 1),
                f"{self._name} doesn't parse: {_readable(what)}",
                next_step="each condition ends in ; — check parentheses, quotes and operators",
            )
        except (SqlglotError, RecursionError) as exc:
            raise ConditionError(f"{self._name} doesn't parse: {str(exc)[:200]}", next_step=_NARROWER) from exc
        if len(trees) != 1 or trees[0] is None:  # a word of procedural SQL alone, such as ELSE or END
            start, end = self._tokens[0].start, self._tokens[-1].end + 1
            self._fail_at(
                start, end, f"{self._name} is none", accepted="candidate.magpsf > 19.5; objectId LIKE 'ZTF21%'"
            )
        return trees[0]

    def _offset(self, line: int | None, column: int | None, highlight: str) -> int:
        # sqlglot gives the line and the column of the token's last character.
        if line is None or column is None:
            return self._tokens[0].start
        lines = self._text.splitlines(keepends=True)
        return max(sum(map(len, lines[: line - 1])) + column - max(len(highlight), 1), 0)

    # --- What a name stands for ---------------------------------------------------------------------------------

    def _field(self, node: exp.Expression) -> Term:
        parts = self._path(node)
        try:
            path, type_ = find_leaf(self._schema, parts)
        except FieldError as exc:
            self._fail_field(node, exc)
        return self._column(path, type_)

    def _size(self, node: exp.Expression) -> Term:
        if not isinstance(node, exp.Column | exp.Dot):
            self._fail(node, "size takes the name of a list", accepted="size(prv_candidates)")
        try:
            path = find_list(self._schema, self._path(node))
        except FieldError as exc:
            self._fail_field(node, exc)
        return self._column(f"size({path})", pa.int32())

    def _column(self, leaf: str, type_: pa.DataType) -> Term:
        self._leaves[leaf] = None
        quoted = leaf.replace('"', '""')
        return Term(sql=f'"{quoted}"', type=_SPARK_TYPES[type_], is_field=True)

    def _anchor(self) -> Term:
        # A condition without a field, such as 1 = 1, still needs rows to hold on: those of the first scalar column.
        leaf = next(iter(self._leaves or scalar_leaves(self._schema)))
        return self._column(leaf, leaf_type(self._schema, leaf))

    def _path(self, node: exp.Expression) -> list[str]:
        if isinstance(node, exp.Bracket):
            (key,) = node.expressions if len(node.expressions) == 1 else (None,)
            if not (isinstance(key, exp.Literal) and key.is_string):
                self._fail(node, "square brackets take a key in quotes", accepted="mangrove['HyperLEDA_name']")
            return [*self._path(node.this), key.this]
        if isinstance(node, exp.Dot):
            return [*self._path(node.this), *self._path(node.expression)]
        if isinstance(node, exp.Identifier):
            return [node.this]
        if isinstance(node, exp.Column) and all(isinstance(part, exp.Identifier) for part in node.parts):
            return [part.this for part in node.parts]
        self._fail(node, "this is not the name of a field", accepted="candidate.magpsf, `2MASS_name`, mangrove['key']")

    # --- Errors that point at their place -----------------------------------------------------------------------

    def _fail_field(self, node: exp.Expression, exc: FieldError) -> NoReturn:
        accepted = ", ".join(exc.names) or None
        self._fail(node, exc.message, accepted=accepted, next_step=exc.next_step)

    def _fail(
        self,
        node: exp.Expression,
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
        self._fail_at(start, end, f"{self._name}: {message}", accepted=accepted, next_step=next_step)

    def _fail_at(
        self, start: int, end: int, message: str, *, accepted: str | None = None, next_step: str | None = None
    ) -> NoReturn:
        start = min(start, max(len(self._text) - 1, 0))
        line_start = self._text.rfind("\n", 0, start) + 1
        line_end = self._text.find("\n", start)
        line = self._text[line_start : len(self._text) if line_end < 0 else line_end]
        number, column = self._text.count("\n", 0, start) + 1, start - line_start + 1
        left = max(column - 61, 0)
        shown = line[left : left + 120].replace("\t", " ")
        carets = "^" * max(min(end, line_start + len(line)) - start, 1)
        carets = carets[: max(len(shown) - (column - 1 - left), 1)]
        place = f"(line {number}, column {column})"
        raise ConditionError(
            f"{message} {place}\n  {shown}\n  {' ' * (column - 1 - left)}{carets}",
            accepted=accepted,
            next_step=next_step,
        )


_SPARK_TYPES = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "string",
}


def _readable(message: str) -> str:
    # sqlglot names its own classes in some messages.
    if message.startswith("Required keyword: 'expression'"):
        return "an operator lacks its right-hand side"
    if message.startswith("Required keyword"):
        return "something is missing here"
    return message.rstrip(".")
