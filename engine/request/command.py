"""A request as a command of `alert-transfer`, quoted for the shell.

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

__all__ = ["to_command"]

_VERBS = ("plan", "estimate", "preview", "submit", "request")
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
    if verb not in _VERBS:
        raise RequestError(f"{shown(verb)} is no command that takes a request", accepted=", ".join(_VERBS))
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
            next_step="hand over its YAML instead: alert-transfer request --as yaml > request.yaml",
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
