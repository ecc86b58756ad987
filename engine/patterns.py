"""Patterns of LIKE and RLIKE as regular expressions of RE2, whose time is linear in the text whatever the pattern."""

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PatternError", "check_regex", "regex_of_like"]


class PatternError(ValueError):
    """A pattern that is none."""

    def __init__(self, message: str, *, accepted: str):
        super().__init__(message)
        self.accepted = accepted


def regex_of_like(pattern: str, escape: str = "\\") -> str:
    """Return the regular expression of a pattern of LIKE: `%` is any text, `_` any character, the whole text matches.

    Raises
    ------
    PatternError
        If the escape character stands before something that needs no escape.
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
    return r"(?s)\A" + "".join(parts) + r"\z"


def check_regex(pattern: str) -> str:
    """Return a regular expression if it is one.

    Raises
    ------
    PatternError
        If RE2 can't read it.
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as exc:
        message = str(exc).removeprefix("Invalid regular expression: ")
        raise PatternError(
            f"this is not a regular expression: {message[:200]}",
            accepted="RE2's syntax, which has neither look-around nor back references",
        ) from exc
    return pattern


def _literally(character: str) -> str:
    return character if character.isalnum() or character in "_ " else f"\\x{{{ord(character):x}}}"
