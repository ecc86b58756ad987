"""A text of conditions as the words of each; what is too large for a parser, or no SQL at all, is refused here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NoReturn

from sqlglot.dialects.spark import Spark
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType

from engine.conditions.error_location import refuse_at
from engine.errors import ConditionError

__all__ = ["check_written", "limit", "pieces", "split", "unlike_spark"]

MAX_CHARACTERS = 500_000
MAX_VALUES = 20_000
MAX_WORDS = 4_000
# sqlglot takes some 24 of Python's 1,000 frames for a level, and is not called from the bottom of the stack.
MAX_DEPTH = 25

# dask-sql's parser gives up at 47 levels; all_of adds some to what is measured here.
MAX_SQL_DEPTH = 40
# Some forms write an operand several times: BETWEEN, IN, NULLIF, CASE x WHEN.
MAX_SQL_PARTS = 5_000

_VALUES = {TokenType.NUMBER, TokenType.STRING, TokenType.COMMA}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}
_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
NARROWER = "select fewer things, or make several jobs of it; x IN (…) is the short form of x = … OR x = …"
# A comment (sqlglot ends it at either sign that ends a line; ended or not), a text, a quoted name, or anything else;
# what opens and never closes is left as one sign.
_PIECE = re.compile(r"--[^\r\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|/\*|.", re.DOTALL)
_PLAIN = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "≤": "<=",
    "≥": ">=",
    "≠": "<>",
    "×": "*",
    "÷": "/",
    "；": ";",
    "，": ",",
    "（": "(",
    "）": ")",
    "∧": "AND",
    "→": "->",
}
_INVISIBLE = {"Cf", "Cc"}
_FOREIGN = {
    "&&": "AND",
    "&": "AND",
    "|": "OR",
    "~": "NOT",
    "^": "power(x, 2)",
    "**": "power(x, 2)",
    "=>": ">=, or -> after the name of an item",
    "=<": "<=",
    "===": "=",
    "#": "-- for a comment",
    "//": "-- for a comment, / for a division",
}


def split(text: str) -> list[list[Token]]:
    """Return the tokens of each condition of a text, those without any left out.

    Raises
    ------
    ConditionError
        If the text is too large, has a quotation mark that is never closed, or characters that SQL does not have.
    """
    _encodable(text)
    limit("characters", len(text), MAX_CHARACTERS)
    try:
        tokens = Spark().tokenize(text)
    except TokenError as exc:
        _refuse_unclosed(text, exc)
    limit("values", sum(t.token_type in (TokenType.NUMBER, TokenType.STRING) for t in tokens), MAX_VALUES)
    limit("words", sum(t.token_type not in _VALUES for t in tokens), MAX_WORDS)
    _check_characters(text, tokens)
    _check_operators(text, tokens)
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
        depth = max(depth + (kind in _OPENING) - (kind in _CLOSING), 0)
        limit("levels of nesting", depth + prefixes, MAX_DEPTH)
    return [part for part in parts if part]


def pieces(text: str) -> Iterator[re.Match[str]]:
    """Yield the comments, texts in quotes and quoted names of a text, each whole, and the other characters singly."""
    return _PIECE.finditer(text)


def limit(what: str, number: int, most: int) -> None:
    """Refuse conditions that have too many of something.

    Raises
    ------
    ConditionError
        If there are more than `most`.
    """
    if number > most:
        raise ConditionError(f"the conditions have {number:,} {what}", accepted=f"at most {most:,}", next_step=NARROWER)


def check_written(sql: str) -> None:
    """Refuse conditions that are too large or too deep once they are written for dask-sql.

    Raises
    ------
    ConditionError
        If they have too many parts or levels.
    """
    num_parts, depth = _measure(sql)
    limit("levels of nesting", depth, MAX_SQL_DEPTH)
    limit("parts once they are written out", num_parts, MAX_SQL_PARTS)


def _measure(sql: str) -> tuple[int, int]:
    """Return how many parentheses there are, and how deep they are nested, those in quotes not counted."""
    opened = depth = deepest = 0
    for token in re.findall(r"\"[^\"]*\"|'[^']*'|[()]", sql):
        opened += token == "("
        depth += (token == "(") - (token == ")")
        deepest = max(deepest, depth)
    return opened, deepest


def unlike_spark(tokens: list[Token], at: Token | None) -> str | None:
    """Return what to do about a condition that doesn't parse, where a habit explains it; `at` is where it fails."""
    words = [token.text.upper() for token in tokens]
    if words[0] in ("WHERE", "SELECT", "FILTER"):
        return "write the conditions alone: candidate.rb > 0.55 AND candidate.fid = 1"
    if "LAMBDA" in words:
        return "write a predicate of items without that word: exists(prv_candidates, x -> x.magpsf < 18)"
    if any(words[i : i + 2] == ["[", "]"] for i in range(len(words) - 1)):
        return "write the number of an item, prv_candidates[0].magpsf, or exists(prv_candidates, x -> x.magpsf < 18)"
    if "XOR" in words:
        return "of two truth values, one alone holds where they differ: (a) <> (b)"
    if "FROM" in words:
        return "write a call with commas: trim(x), substring(x, 2, 3)"
    if at is None:
        return None
    if at.text == ",":
        return "join conditions with AND, or end each with ; — and decimals have a point: 0.5"
    on_its_line = [token for token in tokens if token.line == at.line]
    if at.line > tokens[0].line and at in on_its_line[:4]:
        return "if a new condition begins on this line, the one before it has to end in ;"
    return None


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ConditionError(
            f"the conditions have a character that can't be written: {text[exc.start]!r} at position {exc.start}",
            accepted="text that can be written as UTF-8",
        ) from exc


def _refuse_unclosed(text: str, cause: TokenError) -> NoReturn:
    opened = next((m for m in pieces(text) if m[0] in ("'", '"', "`", "/*")), None)
    try:
        refuse_at(
            text,
            opened.start() if opened else 0,
            opened.end() if opened else 1,
            "a quotation mark or a comment is opened and never closed",
            accepted="'text', \"text\", `name`, /* comment */",
            next_step="close it; inside a text in single quotes, write \\' for a quotation mark",
        )
    except ConditionError as exc:
        raise exc from cause


def _check_characters(text: str, tokens: list[Token]) -> None:
    """Refuse what isn't ASCII outside of texts, quoted names and comments: quotes and dashes of typesetting, mostly."""
    for token in tokens:
        source = text[token.start : token.end + 1]
        if (source.isascii() and source.isprintable()) or any(quote in source for quote in "'\"`"):
            continue
        at, odd = next((i, c) for i, c in enumerate(source, token.start) if not (c.isascii() and c.isprintable()))
        name = unicodedata.name(odd, f"U+{ord(odd):04X}").lower()
        shown = name if unicodedata.category(odd) in _INVISIBLE else f"{odd} ({name})"
        plain = _PLAIN.get(odd)
        refuse_at(
            text,
            at,
            at + 1,
            f"the character {shown} has no meaning here",
            accepted=plain or "ASCII characters; others in texts 'é', quoted names `é` and comments",
            next_step=f"type {plain} in its place" if plain else "leave it out, or quote what it is part of",
        )


def _check_operators(text: str, tokens: list[Token]) -> None:
    """Refuse operators that other languages have, with SQL's."""
    for i, token in enumerate(tokens):
        for length in (3, 2, 1):
            start, end = token.start, tokens[min(i + length, len(tokens)) - 1].end + 1
            written = text[start:end]
            if written in _FOREIGN:
                refuse_at(
                    text,
                    start,
                    end,
                    f"{written} is not an operator of conditions",
                    accepted=_FOREIGN[written],
                    next_step="there are AND, OR, NOT, =, <>, <, <=, >, >=, <=>, +, -, *, /, %",
                )
