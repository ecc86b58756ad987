"""Patterns of LIKE and RLIKE as regular expressions of RE2, whose time is linear in the text whatever the pattern."""

import re
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PatternError", "check_regex", "regex_of_like"]


class PatternError(ValueError):
    """A pattern that can't be read."""

    def __init__(self, message: str, *, accepted: str):
        super().__init__(message)
        self.accepted = accepted


def regex_of_like(pattern: str, escape: str = "\\") -> str:
    """Return the regular expression of a pattern of LIKE: `%` is any text, `_` any character, the whole text matches.

    Raises
    ------
    PatternError
        If the escape character stands before something that needs no escape, or the pattern is too long.
    """
    parts, characters = [], iter(pattern)
    for character in characters:
        if character == escape:
            character = next(characters, "")
            if not character or character not in ("%", "_", escape):
                raise PatternError(
                    f"in a pattern, {escape} stands alone", accepted=f"{escape}%, {escape}_ and {escape}{escape}"
                )
            parts.append(_literally(character))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or _literally(character))
    return _compiled(r"(?s)\A" + "".join(parts) + r"\z", "this pattern is too long for LIKE", "contains(x, 'text')")


def check_regex(pattern: str) -> str:
    """Return a regular expression of Java's as one of RE2 that finds the same.

    Raises
    ------
    PatternError
        If RE2 can't read it, or means something else by it.
    """
    accepted = "RE2's syntax, which has neither look-around nor back references"
    return _compiled(_as_java_means_it(pattern), "this is not a regular expression", accepted)


def _compiled(pattern: str, complaint: str, accepted: str) -> str:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as exc:
        message = str(exc).removeprefix("Invalid regular expression: ")
        raise PatternError(f"{complaint}: {message[:200]}", accepted=accepted) from exc
    return pattern


# An escape (a quotation, a character by its kind or number, or one character), a count, a group's flags, or anything.
_PIECE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\[pPx]\{[^}]*\}|\\.?|\{\d+(?:,\d*)?\}|\(\?[a-zA-Z-]+[:)]|&&|.", re.DOTALL)
_LINE_ENDS = r"\n\r\x{85}\x{2028}\x{2029}"
_AT_THE_END = rf"(?:(?:\r\n|[{_LINE_ENDS}])?\z)"


def _as_java_means_it(pattern: str) -> str:
    pieces = _PIECE.findall(pattern)
    flags = {flag for piece in pieces if piece.startswith("(?") for flag in piece.split("-")[0]}
    if "U" in flags or ("i" in flags and not pattern.isascii()):
        _differs("(?U)" if "U" in flags else "(?i) with a letter beyond ASCII", "[Éé] for a letter in either case")
    in_class, parts = False, []
    for i, piece in enumerate(pieces):
        if piece[0] == "\\" and piece[1:] and piece[1] in "v0123456789C":
            _differs(piece, "\\x41 for a character by its number, [\\n\\r] for the end of a line")
        if piece == "\\Z" and not in_class:
            piece = _AT_THE_END
        elif in_class and piece in ("[", "&&"):
            _differs(f"{piece} inside of square brackets", "\\d, \\p{L}, [A-Za-z], or \\[ for the sign itself")
        elif not in_class and piece == "{":
            _differs("{ without a count", "a{2}, a{0,2}, or \\{ for the sign itself")
        elif not in_class and piece == "$" and "m" not in flags:
            piece = _AT_THE_END
        elif not in_class and piece == "." and "s" not in flags:
            piece = f"[^{_LINE_ENDS}]"
        elif piece == "[":
            in_class = True
        elif piece == "]" and pieces[i - 1] != "[" and pieces[i - 2 : i] != ["[", "^"]:
            in_class = False
        parts.append(piece)
    return "".join(parts)


def _differs(what: str, accepted: str) -> NoReturn:
    raise PatternError(f"in a regular expression, {what} is not available", accepted=accepted)


def _literally(character: str) -> str:
    return character if character.isalnum() or character in "_ " else f"\\x{{{ord(character):x}}}"
