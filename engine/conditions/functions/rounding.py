"""Numbers made whole, or rounded to some digits, as Java does it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import numpy as np

__all__ = ["float_to_integer", "round_half_up"]

_WIDE = Context(prec=400)
_MOST_PLACES = 400
"""No double has a digit so far from its point."""


def float_to_integer(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers without their fractions, as Java narrows them: NaN is 0, what is too large is the largest.

    To 8 and 16 bits Java goes by way of 32.
    """
    wide: type[np.signedinteger] = np.int64 if dtype.itemsize == 8 else np.int32
    limits = np.iinfo(wide)
    whole = np.trunc(np.where(np.isnan(values), 0.0, values))
    top, bottom = whole >= float(limits.max), whole <= float(limits.min)
    inside = np.where(top | bottom, 0.0, whole).astype(wide)
    return np.where(top, limits.max, np.where(bottom, limits.min, inside)).astype(wide).astype(dtype)


def round_half_up(values: np.ndarray, digits: int) -> np.ndarray:
    """Return numbers rounded to so many decimal digits, halves away from zero.

    What is rounded is the shortest decimal that stands for a float, so 2.675 gives 2.68, although the float is less.

    Parameters
    ----------
    values
        Floats or whole numbers, shape (n,) or ().
    digits
        Digits kept behind the point; negative ones are before it.
    """
    if values.dtype.kind != "f":
        if digits >= 0:
            return values
        bits = 8 * values.dtype.itemsize  # what overflows wraps round, as Java's numbers do
        rounded = [(x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for x in _by_decimals(values, digits)]
        return np.array(rounded, dtype=values.dtype).reshape(np.shape(values))
    digits = max(-_MOST_PLACES, min(digits, _MOST_PLACES))
    scale = np.float64(10.0) ** abs(digits)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.abs(values) * scale if digits >= 0 else np.abs(values) / scale
        whole = np.floor(scaled + 0.5)
        rounded = np.copysign(whole / scale if digits >= 0 else whole * scale, values)
        # Next to a half, and where a float's own steps are coarse, only decimals tell.
        doubtful = np.isfinite(values) & ((np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6) | (scaled > 1e9))
    out = np.where(np.isfinite(values), rounded, values)
    doubtful |= ~np.isfinite(out) & np.isfinite(values) | bool(abs(digits) > 15)
    doubtful &= np.isfinite(values)
    if np.any(doubtful):
        out = np.array(out)
        out[doubtful] = _by_decimals(np.asarray(values)[doubtful], digits)
    return out + 0.0  # Spark rounds decimals, of which none is a negative zero


def _by_decimals(values: np.ndarray, digits: int) -> list[Any]:
    unit = Decimal(1).scaleb(-digits)

    def one(value: Any) -> Any:
        exact = Decimal(repr(value))
        if int(exact.as_tuple().exponent) >= -digits:
            return value
        if exact.adjusted() < -digits - 1:
            return type(value)(0)
        return type(value)(exact.quantize(unit, ROUND_HALF_UP, _WIDE))

    return [one(x) for x in np.atleast_1d(values).tolist()]
