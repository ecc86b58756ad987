"""From the bytes of a message to JSON, and no further than its bytes can justify."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from consumer.errors import WireError
from consumer.settings import one_line, shown

__all__ = ["PassedOver", "json_object"]

# A record is 16 MB at most, a message of the topics that jobs make.
_MOST_NBYTES = 32 * 1024 * 1024
# Each takes some 64 bytes of memory. A part of 2,000 fragments has 50,000.
_MOST_ITEMS = 2_000_000
_TOLD_CHARACTERS = 200


@dataclass(kw_only=True)
class PassedOver:
    """Messages that are not of the contract, and so were passed over."""

    count: int = 0
    first: str = ""
    """What is wrong with the first of them."""

    def add(self, reason: str) -> None:
        """Count one more."""
        self.count += 1
        self.first = self.first or one_line(reason, _TOLD_CHARACTERS)

    def text(self, of: str) -> str:
        """Return how many there are and what is wrong with the first; nothing if there is none.

        Parameters
        ----------
        of
            What they stand in.
        """
        if not self.count:
            return ""
        if self.count == 1:
            return f"1 record of {of} can't be read and is passed over: {self.first}"
        return f"{self.count:,} records of {of} can't be read and are passed over; the first: {self.first}"


def json_object(value: bytes | None, what: str) -> dict[str, Any]:
    """Return the JSON object in a message.

    Parameters
    ----------
    value
        The message's value.
    what
        What the message should be, for the error.

    Raises
    ------
    WireError
        If it is none; if it is larger, or has more items, than a record can have; or if it holds NaN, infinity, or
        numbers of thousands of digits, which are no JSON.
    """
    if not value:
        raise WireError(f"{what} is empty")
    if len(value) > _MOST_NBYTES:
        raise WireError(f"{what} has {len(value):,} bytes", accepted=f"{_MOST_NBYTES:,} at most")
    if (items := sum(map(value.count, (b",", b"[", b"{")))) > _MOST_ITEMS:
        raise WireError(f"{what} has some {items:,} items", accepted=f"{_MOST_ITEMS:,} at most")
    try:
        found = _DECODER.decode(str(value, "utf-8"))
    except (ValueError, RecursionError) as exc:
        why = "it is nested too deep" if isinstance(exc, RecursionError) else "it is no JSON"
        raise WireError(f"{what} can't be read, {why}: {shown(value)}") from exc
    if not isinstance(found, dict):
        raise WireError(f"{what} is no JSON object: {shown(value)}")
    return found


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is out of bounds")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)
