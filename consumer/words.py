"""Numbers and lists in sentences: `1 file`, `2,000 files`, `a, b and 3 more`; and texts of others, made harmless.

Labels, errors, names of files, whatever stands in a topic: others wrote it, and a terminal obeys what it holds. So
everything that is shown to people goes through `printable`, whole, where it leaves this program. A text that others
wrote goes through `on_one_line` before it is put into a sentence or a table: it begins no line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["age_text", "count_text", "on_one_line", "printable", "some_text", "verb_text"]

# Control characters (C0, but for tab and line feed; C1), lone surrogates, ends of lines that few know, and what turns
# the direction of writing, is not seen, or hides what stands beside it.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_NOT_PRINTABLE = re.compile(f"[{_HIDDEN}]")
_BREAKING = re.compile(f"[\t\n{_HIDDEN}]")


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or not show, written as Python writes it: `\\x1b`, `\\u202e`.

    Tabs and line feeds stay.
    """
    return _NOT_PRINTABLE.sub(_escaped, text)


def on_one_line(text: str) -> str:
    """Return a text that others wrote as `printable` does, tabs and line feeds written likewise."""
    return _BREAKING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def count_text(number: int, what: str, several: str | None = None) -> str:
    """Return a number with what it counts: `1 file`, `2,000 files`."""
    return f"{number:,} {verb_text(number, what, several or what + 's')}"


def verb_text(number: int, one: str, several: str) -> str:
    """Return the word that goes with a number: `is` or `are`, `night has` or `nights have`."""
    return one if number == 1 else several


def age_text(seconds: float) -> str:
    """Return how long ago something was, in its largest unit: `2 days`."""
    for unit, length_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length_s:
            return count_text(int(seconds // length_s), unit)
    return count_text(int(seconds), "second")


def some_text(items: Sequence[object], most: int) -> str:
    """Return the first items of a list, with commas, and how many are left: `a, b and 3 more`."""
    left = len(items) - most
    return ", ".join(map(str, items[:most])) + (f" and {left:,} more" if left > 0 else "")
