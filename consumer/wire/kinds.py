"""What a value of a record may be: one small rule each, held against what JSON gave before anything uses it.

Whoever may write to a topic may write anything. So a reader takes no value for what the contract says it is: numbers
have bounds, texts have lengths, lists have items of one kind, and what may hold anything (a request) has a depth.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = [
    "COUNT",
    "DATE",
    "DIGEST",
    "LABEL",
    "MOST",
    "MOST_PARTITIONS",
    "PARTITION",
    "SCHEMA",
    "TEXT",
    "TIME",
    "TREE",
    "Kind",
    "choice",
    "list_of",
    "mapping_of",
    "matching",
    "optional",
    "record_of",
    "tells",
    "tree",
    "whole",
]

MOST = 2**53 - 1
"""Counts, so that every reader of JSON has them exactly."""
MOST_PARTITIONS = 100_000
"""Of a topic; a whole Kafka has about as many."""
_MOST_CHARACTERS = 10_000
_YEAR_10000 = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Kind:
    """A rule for a value."""

    accepted: str
    """What it accepts, in words."""
    holds: Callable[[Any], bool]
    each: Callable[[Collection[Any]], bool] | None = None
    """Whether it holds of all of some values, where that is quicker than one by one."""

    def holds_of_all(self, values: Collection[Any]) -> bool:
        """Return whether it holds of each of some values."""
        return all(map(self.holds, values)) if self.each is None else self.each(values)


def whole(least: int, most: int) -> Kind:
    """Return the rule for whole numbers within bounds; true and false are none."""

    def each(values: Collection[Any]) -> bool:
        # A manifest has hundreds of thousands of counts.
        return not values or (set(map(type, values)) == {int} and least <= min(values) and max(values) <= most)

    accepted = f"a whole number from {least:,} to {most:,}"
    return Kind(accepted, lambda value: type(value) is int and least <= value <= most, each)


def matching(pattern: str, accepted: str) -> Kind:
    """Return the rule for texts that a pattern matches in full."""
    fullmatch = re.compile(pattern).fullmatch
    return Kind(accepted, lambda value: type(value) is str and fullmatch(value) is not None)


def choice(*values: str) -> Kind:
    """Return the rule for one of some texts."""
    known = frozenset(values)
    return Kind(", ".join(sorted(known)), lambda value: type(value) is str and value in known)


def optional(kind: Kind) -> Kind:
    """Return the rule for null or a value of a kind."""
    return Kind(f"{kind.accepted}, or null", lambda value: value is None or kind.holds(value))


def list_of(kind: Kind) -> Kind:
    """Return the rule for lists of values of one kind."""
    return Kind(f"a list, each of it {kind.accepted}", lambda value: type(value) is list and kind.holds_of_all(value))


def mapping_of(key: Kind, kind: Kind) -> Kind:
    """Return the rule for objects whose keys are of one kind and whose values of another."""

    def holds(value: Any) -> bool:
        return type(value) is dict and key.holds_of_all(value) and kind.holds_of_all(value.values())

    return Kind(f"an object, each of its values {kind.accepted}", holds)


def record_of(kinds: Mapping[str, Kind], lacking: Mapping[str, Kind] | None = None) -> Kind:
    """Return the rule for objects with these keys; those of `lacking` may not be there, and others may be."""
    needed = [(name, kind.holds) for name, kind in kinds.items()]
    further = [(name, kind.holds) for name, kind in (lacking or {}).items()]

    def holds(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name, rule in needed:
            if name not in value or not rule(value[name]):
                return False
        return all(name not in value or rule(value[name]) for name, rule in further)

    return Kind(f"an object with {', '.join(kinds)}", holds)


def tells(kinds: Mapping[str, Kind], value: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the first name whose value breaks its rule, and what is accepted; None if all values hold."""
    for name, kind in kinds.items():
        if name in value and not kind.holds(value[name]):
            return name, kind.accepted
    return None


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _YEAR_10000


@functools.lru_cache(maxsize=10_000)
def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def tree(depth: int) -> Kind:
    """Return the rule for objects of any content, nested no deeper than what writes, copies and shows them follows."""

    def holds(value: Any) -> bool:
        if type(value) is not dict:
            return False
        level: list[Any] = [value]
        for _ in range(depth):
            below: list[Any] = []
            for item in level:
                below += item.values() if type(item) is dict else item
            if any(type(item) is int and not -(2**63) <= item < 2**64 for item in below):
                return False
            level = [item for item in below if type(item) is dict or type(item) is list]
            if not level:
                return True
        return False

    return Kind(f"an object that is nested {depth} deep at most, with numbers of 64 bits", holds)


COUNT = whole(0, MOST)
_PARTITION = matching(r"0|[1-9][0-9]{0,5}", "the number of a partition")
_FEW_PARTITIONS = frozenset(map(str, range(200)))
PARTITION = replace(
    _PARTITION,
    each=lambda keys: _FEW_PARTITIONS.issuperset(keys) or all(map(_PARTITION.holds, keys)),
)
TIME = Kind("a Unix time in seconds, before the year 10,000", _is_time)
DATE = Kind("a date, 2021-11-22", lambda value: type(value) is str and _is_date(value))
DIGEST = matching(r"[0-9a-f]{1,32}", "up to 32 hexadecimal digits")
TEXT = Kind("a text", lambda value: type(value) is str)
LABEL = Kind(
    f"a text of {_MOST_CHARACTERS:,} characters at most",
    lambda value: type(value) is str and len(value) <= _MOST_CHARACTERS,
)
TREE = tree(100)
SCHEMA = tree(300)
"""An Avro schema: each record inside another one is four deep. What it describes, its reader checks."""
