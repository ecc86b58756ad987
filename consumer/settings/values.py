"""Values that users hand over, as plain Python: numbers, and texts out of lists, arrays, series and sets.

numpy's and pandas' values count as Python's do. Neither is imported for that: a user who hands over such a value has
loaded its module.
"""

from __future__ import annotations

import datetime as dt
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from consumer.errors import InputError

__all__ = ["items_of", "one_line", "shown", "truth_value", "whole_number"]

MOST_ITEMS = 100_000
"""Items of one list; a generator may have no end."""

_SHOWN = 60
_TOO_MANY = 2**63
_SINGLE = (str, bytes, bytearray, memoryview, dt.date, int, float, Mapping)


def shown(value: Any, most: int = _SHOWN) -> str:
    """Return a short part of a value on one line, as Python writes it, for a message."""
    if isinstance(value, np.number | np.bool_):
        value = value.item()
    if isinstance(value, str):
        text = str(value)
        return repr(text) if len(text) <= most else f"{text[:most]!r}… ({len(text):,} characters)"
    if isinstance(value, bytes | bytearray):
        return repr(bytes(value[:most])) + ("…" if len(value) > most else "")
    if isinstance(value, int) and value.bit_length() > 200:  # Python itself refuses to write very long ones
        return f"a number of some {int(value.bit_length() * 0.30103):,} digits"
    if isinstance(value, Mapping | list | tuple | set | frozenset) and len(value) > 10:
        return f"a {type(value).__name__} of {len(value):,}"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # a very long number somewhere inside
        text = f"a {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}…"


def one_line(text: str, most: int = 300) -> str:
    """Return a text on one line, cut if it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"


def whole_number(
    name: str,
    value: Any,
    *,
    least: int = 1,
    otherwise: str = "",
    error: type[InputError] = InputError,
) -> int:
    """Return a whole number as Python's.

    Parameters
    ----------
    name
        What it is, for the message.
    value
        An integer, of numpy's kinds as well. Truth values, texts and floats are refused.
    least
        The smallest that is accepted.
    otherwise
        What else is accepted, for the message.
    error
        What is raised.

    Raises
    ------
    InputError
        If it is not one, or smaller.
    """
    accepted = f"a whole number of {least:,} or more{otherwise}"
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        meant = _meant(value)
        raise error(
            f"{name} is {shown(value)}",
            accepted=accepted,
            next_step="give a whole number" if meant is None or meant < least else f"did you mean {meant}?",
        )
    if number >= _TOO_MANY:
        accepted = f"a whole number from {least:,} to {_TOO_MANY - 1:,}{otherwise}"
    if not least <= number < _TOO_MANY:
        raise error(f"{name} is {shown(number)}", accepted=accepted, next_step="choose a number in this range")
    return number


def _meant(value: Any) -> int | None:
    if isinstance(value, bool | np.bool_) or not isinstance(value, str | float | np.floating):
        return None
    try:
        number = float(str(value).replace("_", "").replace(",", "")) if len(str(value)) < 20 else float("nan")
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def truth_value(name: str, value: Any, *, error: type[InputError] = InputError) -> bool:
    """Return a truth value as Python's, numpy's taken as well.

    Raises
    ------
    InputError
        If it is no truth value.
    """
    if not isinstance(value, bool | np.bool_):
        raise error(f"{name} is {shown(value)}", accepted="true or false")
    return bool(value)


def items_of(name: str, value: Any, text_of: Callable[[Any], str], *, error: type[InputError]) -> tuple[str, ...]:
    """Return the texts that a value stands for: one, or those of a list, an array, a series, a generator, a set.

    A set has no order: its texts are sorted, so that the same set always gives the same.

    Parameters
    ----------
    name
        What they are, for the message.
    value
        None stands for no text.
    text_of
        Gives the text of one item, or raises.
    error
        What is raised.

    Raises
    ------
    InputError
        If the value is neither, or has too many items.
    """
    if value is None:
        return ()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.generic):
        return (text_of(value),)
    if getattr(value, "ndim", 1) != 1 or isinstance(value, Mapping | bytes | bytearray | memoryview):
        raise error(f"{name} is {shown(value)}", accepted="text, or a list of texts")
    if isinstance(value, _SINGLE) or not isinstance(value, Iterable):
        return (text_of(value),)
    texts = tuple(text_of(item) for item in itertools.islice(value, MOST_ITEMS + 1))
    if len(texts) > MOST_ITEMS:
        raise error(f"{name} has more than {MOST_ITEMS:,} items", accepted="text, or a list of texts")
    return tuple(sorted(texts)) if isinstance(value, set | frozenset) else texts
