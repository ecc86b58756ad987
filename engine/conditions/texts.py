"""What users write as conditions, before it is parsed: several texts as one, and what their comments hide.

A comment ends with its line. Where a text has lost its lines (YAML folds those of a `>`, a shell's argument is often
one line) a comment takes with it whatever follows, and fewer conditions hold than were written. So what looks like a
condition in a comment is told. Prose isn't: it has no comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokens import TokenType

from engine.conditions.tokens import split

__all__ = ["looks_like_condition", "notes_on_comments", "one_text"]

_MOST_NOTES = 3
_SHOWN = 200
_AROUND = 500
_MOST_WORDS = 60
_COMMENT = re.compile(r"--[^\r\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_ENDS = re.compile(r"^(--+|/\*+|\{#|#+)|(\*/|#\})$")
# Lines and arrows that people draw.
_DRAWN = re.compile(r"(?<![<!=-])[-=]+>|<--+|[=*#~_-]{3,}")
_OPERATOR = re.compile(
    r"""[<>=]|!=
    | \b(not\s+)?r?like\s*['"] | \bin\s*\(\s*['"\d+-] | \bbetween\s+[-+.\w]+\s+and\b
    | \bis\s+(not\s+)?(null|true|false|unknown|distinct)\b
    | \b(isnan|isnull|isnotnull|cone|startswith|endswith|contains)\s*\(""",
    re.VERBOSE | re.IGNORECASE,
)


def one_text(where: str | Sequence[str] | None) -> str:
    """Return conditions as one text in which each of several stands alone: none reaches into the next.

    Raises
    ------
    ConditionError
        If one of several has a quotation mark or a comment that is never closed.
    """
    if where is None or isinstance(where, str):
        return where or ""
    if len(where) == 1:
        return where[0]
    texts = [text.rstrip() for text in where]
    for text in texts:
        split(text)  # raises where something in it is never closed, and would close in the next
    return "\n".join(map(_ended, texts))


def _ended(text: str) -> str:
    """Return a condition that a semicolon ends, which stands on a line of its own behind a comment."""
    if _ends_with_semicolon(text):
        return text
    return f"{text};" if _ends_with_semicolon(f"{text};") else f"{text}\n;"


def _ends_with_semicolon(text: str) -> bool:
    tokens = Spark().tokenize(text)
    return bool(tokens) and tokens[-1].token_type == TokenType.SEMICOLON and tokens[-1].end == len(text) - 1


def notes_on_comments(text: str) -> list[str]:
    """Return a note on each comment that has a condition in it, and on a text that has nothing but comments."""
    try:
        comments, num_tokens = _comments(text)
    except TokenError:  # the parser says where it is
        return []
    notes = []
    if comments and not num_tokens:
        notes.append(f"the conditions are all comment, and select every alert: {_short(comments[0])}")
    telling = [comment for comment in comments if _tells(comment)]
    for comment in telling[:_MOST_NOTES]:
        found = _condition_in(comment)
        notes.append(f"the comment {_short(comment)} was left out" + (f", and {found} with it" if found else ""))
    if len(telling) > _MOST_NOTES:
        notes.append(f"{len(telling) - _MOST_NOTES} more comments with conditions in them were left out")
    return notes


def looks_like_condition(comment: str) -> bool:
    """Return whether a comment, of SQL or of YAML, has a comparison in it: prose has none."""
    return _OPERATOR.search(_body(comment)) is not None


def _comments(text: str) -> tuple[list[str], int]:
    """Return the comments of a text, and how many tokens it has beside them: what is between tokens is comment."""
    tokens = Spark().tokenize(text)
    gaps, end = [], 0
    for token in tokens:
        gaps.append(text[end : token.start])
        end = max(token.end + 1, end)
    gaps.append(text[end:])
    num_words = sum(token.token_type != TokenType.SEMICOLON for token in tokens)
    return [match[0].strip() for gap in gaps for match in _COMMENT.finditer(gap)], num_words


def _body(comment: str) -> str:
    return _DRAWN.sub(" ", _ENDS.sub("", comment))


def _tells(comment: str) -> bool:
    body = _body(comment)
    return ";" in body or _OPERATOR.search(body) is not None


def _condition_in(comment: str) -> str | None:
    """Return the first condition that stands in a comment, or None if it can't be made out."""
    for piece in re.split(r";|\n|--", _body(comment)):
        if match := _OPERATOR.search(piece):
            near = piece[max(match.start() - _AROUND, 0) : match.end() + _AROUND]
            return next(filter(_is_condition, _endings(near)), None)
    return None


def _endings(piece: str) -> Iterator[str]:
    """Yield a text without its first words, one more each time: prose stands before what it explains."""
    for word in list(re.finditer(r"\S+", piece))[:_MOST_WORDS]:
        yield " ".join(piece[word.start() :].split())


def _is_condition(text: str) -> bool:
    if not _OPERATOR.search(text):
        return False
    try:
        trees = Spark().parse(text)
    except (SqlglotError, RecursionError):
        return False
    return len(trees) == 1 and isinstance(trees[0], exp.Predicate | exp.Connector | exp.Not | exp.Paren | exp.Func)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"'{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}'"
