"""The words of a command that somebody hands over as text, as a shell passes them on.

Python's shlex knows neither `$'…'`, in which a request's command has control characters, nor what a shell would expand.
"""

from __future__ import annotations

import re

from consumer.cli import shown
from engine import RequestError

__all__ = ["words_of"]

_PIECE = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<joined>\\\r?\n)
    |'(?P<single>[^']*)'
    |\$'(?P<ansi>(?:[^'\\]|\\.)*)'
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |\\(?P<escaped>.)
    |(?P<plain>[^ \t\r\n'"\\$`;&|<>()]+)""",
    re.VERBOSE | re.DOTALL,
)
_ANSI = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL)
_ANSI_LETTERS = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def words_of(command: str) -> list[str]:
    """Return the words of a command as a shell would pass them on.

    Comments are left out. Nothing is expanded: variables, other commands and whatever else a shell would do is refused.

    Raises
    ------
    RequestError
        If a quotation mark is not closed, or a shell would do more than pass words on.
    """
    if not isinstance(command, str):
        raise RequestError(f"the command is {shown(command)}", accepted="text")
    words: list[str] = []
    word: str | None = None
    position = 0
    while position < len(command):
        if word is None and command[position] == "#":
            end = command.find("\n", position)
            position = len(command) if end < 0 else end
            continue
        piece = _PIECE.match(command, position)
        if piece is None:
            raise _refused(command, position)
        position = piece.end()
        if piece["joined"]:
            continue
        if piece["blank"] is None:
            word = (word or "") + _text_of(piece, command)
        elif word is not None:
            words.append(word)
            word = None
    return words if word is None else [*words, word]


def _text_of(piece: re.Match[str], command: str) -> str:
    if piece["ansi"] is not None:
        return _ANSI.sub(_ansi, piece["ansi"])
    if piece["double"] is not None:
        if expanded := re.search(r"(?<!\\)(?:\\\\)*([$`])", piece["double"]):
            raise _refused(command, piece.start("double") + expanded.start(1))
        return re.sub(r"\\([$`\"\\]|\n)", lambda found: found[1].strip("\n"), piece["double"])
    return next(text for text in (piece["single"], piece["escaped"], piece["plain"]) if text is not None)


def _ansi(found: re.Match[str]) -> str:
    for digits, base in ((found[1], 16), (found[2], 16), (found[3], 16), (found[4], 8)):
        if digits:
            number = int(digits, base)
            if number > 0x10FFFF:
                raise RequestError(f"the command has the character {found[0]}, which there is not", accepted="U+10FFFF")
            return chr(number)
    return _ANSI_LETTERS.get(found[5], found[5] if found[5] in "\\'\"?" else found[0])


def _refused(command: str, position: int) -> RequestError:
    sign = command[position]
    if sign in "'\"":
        return RequestError(
            f"the command has a {sign} that is not closed: {shown(command[position:])}",
            accepted="quotation marks in pairs",
        )
    return RequestError(
        f"the command has {shown(command[position : position + 30])} in it, with which a shell does more than pass "
        "on a word",
        accepted="one command, its words in single quotes where they have signs of the shell",
        next_step="put single quotes around the value",
    )
