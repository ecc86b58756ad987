"""Parquet's hybrid of runs and packed numbers, in which levels and dictionary indices are written."""

from __future__ import annotations

import numpy as np

from engine.storage.thrift import varint_at

__all__ = ["hybrid_numbers"]

_WIDEST = 32


def hybrid_numbers(data: bytes | memoryview, width: int, num_values: int) -> np.ndarray:
    """Return numbers, int32, shape (num_values,).

    Parameters
    ----------
    data
        Begins with the first run; what follows the last number is passed over.
    width
        Bits of a number.
    num_values
        How many there are.

    Raises
    ------
    IndexError, ValueError
        If the bytes end too early, or the width is none.
    """
    if not 0 <= width <= _WIDEST:
        raise ValueError(f"numbers of {width} bits")
    found = np.empty(num_values, np.int32)
    at = done = 0
    while done < num_values:
        header, at = varint_at(data, at)
        if header & 1:
            nbytes = (header >> 1) * width
            packed = np.frombuffer(data[at : at + nbytes], np.uint8)
            at += nbytes
            numbers = _unpacked(packed, width, min(8 * (header >> 1), num_values - done))
        else:
            nbytes = (width + 7) // 8
            number = int.from_bytes(data[at : at + nbytes], "little")
            if at + nbytes > len(data) or number >> width:
                raise ValueError("a run of no number")
            at += nbytes
            numbers = np.full(min(header >> 1, num_values - done), number, np.uint32).view(np.int32)
        if not len(numbers):
            raise ValueError("an empty run")
        found[done : done + len(numbers)] = numbers
        done += len(numbers)
    return found


def _unpacked(packed: np.ndarray, width: int, num_values: int) -> np.ndarray:
    """Return the first of the numbers that are packed, lowest bit first, one after the other."""
    if not width:
        return np.zeros(num_values, np.int32)
    bits = np.unpackbits(packed, count=num_values * width, bitorder="little").reshape(num_values, width)
    if packed.size * 8 < num_values * width:
        raise ValueError("packed numbers end too early")
    padded = np.zeros((num_values, _WIDEST), np.uint8)
    padded[:, :width] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<i4")[:, 0]
