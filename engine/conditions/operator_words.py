"""Where operators and what they compare stand among the words of a condition that doesn't parse."""

from __future__ import annotations

from collections.abc import Iterator

from engine.conditions.functions import function_named

__all__ = ["CLOSING", "OPENING", "PATTERNS", "closing", "end_of_operand", "is_search", "operators", "start_of_operand"]

OPENING, CLOSING = "([{", ")]}"
PATTERNS = {"LIKE", "ILIKE", "RLIKE", "REGEXP"}
_COMPARISONS = {"=", "==", "<>", "!=", "<=>", "<", "<=", ">", ">="}
_JOINING = {"AND", "OR", "THEN", "WHEN", "ELSE", "END"}


def operators(sources: list[str]) -> Iterator[tuple[int, str, int]]:
    """Yield (where an operator begins, its words, where what follows it begins)."""
    upper = [source.upper() for source in sources]
    i = 0
    while i < len(upper):
        words = upper[i : i + 2]
        if words[0] == "IS":
            length = 2 if words[1:] == ["NOT"] else 1
            if upper[i + length : i + length + 1] != ["DISTINCT"]:
                yield i, " ".join(upper[i : i + length]), i + length
        elif words[0] == "NOT" and words[1:] and words[1] in {*PATTERNS, "IN", "BETWEEN", "=", "=="}:
            length = 2
            yield i, f"NOT {'=' if words[1] == '==' else words[1]}", i + length
        elif words[0] in _COMPARISONS and words[1:] == ["NOT"]:
            length = 2
            yield i, "NOT =", i + length
        elif words[0] in _COMPARISONS | PATTERNS | {"IN", "BETWEEN"}:
            length = 1
            yield i, words[0], i + length
        elif is_search(sources[i]):
            length = 1
            yield i, sources[i].lower(), i + length
        else:
            length = 1
        i += length


def end_of_operand(sources: list[str], start: int, *, in_list: bool) -> int:
    """Return where what is compared ends: at AND, OR, a comma or a closing parenthesis that it did not open."""
    depth = 0
    for i in range(start, len(sources)):
        source = sources[i]
        if depth == 0 and (source.upper() in _JOINING or source in CLOSING or (source == "," and not in_list)):
            return i
        depth += (source in OPENING) - (source in CLOSING)
    return len(sources)


def start_of_operand(sources: list[str], end: int) -> int:
    """Return where what stands before an operator begins."""
    start = end
    while start and sources[start - 1].upper() not in {*_JOINING, "NOT", ",", *OPENING}:
        start -= 1
    return start


def closing(sources: list[str], start: int) -> int:
    """Return where the parenthesis or bracket is closed that is opened at a place."""
    depth = 0
    for i in range(start, len(sources)):
        depth += (sources[i] in OPENING) - (sources[i] in CLOSING)
        if depth == 0:
            return i
    return len(sources)


def is_search(word: str) -> bool:
    """Return whether a word is a function that people write as an operator: cdsxmatch CONTAINS 'Star'."""
    function = function_named(word)
    return function is not None and function.is_search
