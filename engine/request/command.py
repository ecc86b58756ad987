"""A request as a command of `alert-transfer`, quoted for the shell, and a command's text as its words.

Every value comes out as one word in quotes, ends of lines in it included. What a terminal would obey or not show
is written by its number, in `$'…'`, which bash, zsh, ksh and POSIX of 2024 read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from consumer.settings import shown
from consumer.words import printable
from engine.errors import RequestError

__all__ = ["VERBS", "to_command", "words_of"]

VERBS = ("plan", "estimate", "preview", "submit", "request")
"""Commands that take a request."""

_OPTIONS = {
    "archive": "--archive",
    "survey": "--survey",
    "nights": "--nights",
    "classes": "--class",
    "exclude_classes": "--exclude-class",
    "where": "--where",
    "content": "--content",
    "fields": "--field",
    "limit": "--limit",
    "topic": "--topic",
    "tns_catalogue": "--tns-catalogue",
    "skip_unreadable": "--skip-unreadable",
    "widen": "--widen",
}
_WIDTH = 100
_MOST_NBYTES = 100_000
"""Of a command; Linux takes 128 KB of one word, other systems less."""


def to_command(values: Mapping[str, Any], verb: str = "submit") -> str:
    """Return a request's table as a command.

    Parameters
    ----------
    values
        The table.
    verb
        plan, estimate, preview, submit or request.

    Raises
    ------
    RequestError
        If there is no such command, or the request fits into none: it is too long, or has a character of number 0.
    """
    if verb not in VERBS:
        raise RequestError(f"{shown(verb)} is no command that takes a request", accepted=", ".join(VERBS))
    words = list(_options(values))
    start = f"alert-transfer {verb}"
    command = " ".join([start, *words])
    if len(command) > _WIDTH or "\n" in command:
        command = " \\\n    ".join([start, *words])
    if "\0" in command or len(command.encode()) > _MOST_NBYTES:
        said = "has the character U+0000" if "\0" in command else f"takes {len(command.encode()):,} bytes as a command"
        raise RequestError(
            f"the request {said}, which no shell passes on",
            accepted=f"{_MOST_NBYTES:,} bytes, none of them 0",
            next_step="hand over its YAML instead, and submit it by --request request.yaml",
        )
    return command


def _options(values: Mapping[str, Any]) -> Iterator[str]:
    for name, option in _OPTIONS.items():
        value = values.get(name)
        if name == "skip_unreadable":
            if value:
                yield option
        elif name != "content" or value != "fields":  # --field stands for it
            for item in value if isinstance(value, list) else [] if value is None else [value]:
                text = str(item)
                # Behind a blank, a value that begins with - would be an option.
                yield f"{option}{'=' if text.startswith('-') else ' '}{_quoted(text)}"


def _quoted(text: str) -> str:
    if "\0" in text or printable(text) == text:
        # Conditions have apostrophes more often than what double quotes don't keep.
        return f'"{text}"' if "'" in text and not re.search(r'["$`\\!]', text) else shlex.quote(text)
    return "$'" + re.sub(r"[\\']|[^\n -~]", _by_number, text) + "'"


def _by_number(found: re.Match[str]) -> str:
    text = found[0]
    if text in "\\'":
        return f"\\{text}"
    if printable(text) == text:
        return text
    return f"\\u{ord(text):04x}" if text >= "\x80" and ord(text) < 0x10000 else _long_or_short(ord(text))


def _long_or_short(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x80 else f"\\U{number:08x}"


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
