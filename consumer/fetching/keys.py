"""Message keys, many at a time: which fragment and row each names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consumer.errors import WireError
from consumer.wire import decode_key

__all__ = ["decode_keys"]

_COLON, _COMMA, _ZERO, _NINE = b":,09"
# So many digits always fit int64; longer numbers are decoded one by one, which rejects them.
_MOST_DIGITS = 18


def decode_keys(keys: Sequence[bytes | None]) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Return fragment and row of each key (int64, shape (n,); -1 where it is none), and why a key is none, by position.

    Parameters
    ----------
    keys
        Message keys.
    """
    numbers = _numbers(keys)
    bad: dict[int, str] = {}
    if numbers is None:
        numbers = np.full((len(keys), 2), -1, dtype=np.int64)
        for at, key in enumerate(keys):
            try:
                numbers[at] = decode_key(key)
            except WireError as exc:
                bad[at] = exc.message
            except OverflowError:
                bad[at] = f"the key {key!r} is of no fragment of the plan"
    return numbers[:, 0], numbers[:, 1], bad


def _numbers(keys: Sequence[bytes | None]) -> np.ndarray | None:
    """Return the numbers of keys `<digits>:<digits>`, shape (n, 2), or None where a key is anything else."""
    try:
        joined = b",".join([*keys, b""])  # type: ignore[list-item]  # a key that is None is what the except is for
    except TypeError:
        return None
    text = np.frombuffer(joined, dtype=np.uint8)
    ends = np.flatnonzero((text < _ZERO) | (text > _NINE))
    if len(ends) != 2 * len(keys) or (text[ends[::2]] != _COLON).any() or (text[ends[1::2]] != _COMMA).any():
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    lengths = ends - starts
    if not len(ends):
        return np.empty((0, 2), dtype=np.int64)
    longest = int(lengths.max())
    if longest > _MOST_DIGITS or not lengths.min():
        return None
    numbers = np.zeros(len(ends), dtype=np.int64)
    for place in range(longest, 0, -1):
        is_there = lengths >= place
        # Where a number has no such digit, any byte of the text will do.
        digits = text[np.where(is_there, ends - place, 0)].astype(np.int64) - _ZERO
        numbers = numbers * 10 + np.where(is_there, digits, 0)
    return numbers.reshape(-1, 2)
