"""Numbers and lists in sentences: `1 file`, `2,000 files`, `a, b and 3 more`."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count_text", "some_text", "verb_text"]


def count_text(number: int, what: str, several: str | None = None) -> str:
    """Return a number with what it counts: `1 file`, `2,000 files`."""
    return f"{number:,} {verb_text(number, what, several or what + 's')}"


def verb_text(number: int, one: str, several: str) -> str:
    """Return the word that goes with a number: `is` or `are`, `night has` or `nights have`."""
    return one if number == 1 else several


def some_text(items: Sequence[object], most: int) -> str:
    """Return the first items of a list, with commas, and how many are left: `a, b and 3 more`."""
    left = len(items) - most
    return ", ".join(map(str, items[:most])) + (f" and {left:,} more" if left > 0 else "")
