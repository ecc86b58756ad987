"""What the operators of a condition compute on whole columns, and what the functions share: comparing, choosing.

A column of numbers is a pair (values, null). NaN is a number like any other here, never a null, and no global option
of pandas plays a part: nullable arrays are taken apart and put together by their two halves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.conditions.functions import casts
from engine.conditions.functions.casts import DTYPES, Column, Computation, Texts, Values

__all__ = ["OPERATORS", "choose", "equal", "is_nothing", "less", "nothing"]


# --- Comparison: NaN equals itself and is greater than any other number -----------------------------------------


def _compare(
    on_texts: Callable[[Texts, Texts], Texts],
    on_numbers: Callable[[np.ndarray, np.ndarray], np.ndarray],
    on_floats: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Callable[[str, Values, Values], np.ndarray]:
    def compare(result: str, a: Values, b: Values) -> np.ndarray:
        if isinstance(a, (pa.Array, pa.Scalar)):
            compared = on_texts(a, b)
            if isinstance(compared, pa.Scalar):
                return np.array(bool(compared.as_py()))
            return pc.fill_null(compared, False).to_numpy(zero_copy_only=False)
        is_float = a.dtype.kind == "f" or b.dtype.kind == "f"
        return on_floats(a, b) if is_float else on_numbers(a, b)

    return compare


equal = _compare(pc.equal, np.equal, lambda a, b: (a == b) | (np.isnan(a) & np.isnan(b)))
less = _compare(pc.less, np.less, lambda a, b: (a < b) | (np.isnan(b) & ~np.isnan(a)))
_less_equal = _compare(pc.less_equal, np.less_equal, lambda a, b: (a <= b) | np.isnan(b))


def _same(result: str, a: Column, b: Column) -> Column:
    # `<=>`: two nulls are the same, and nothing is unknown.
    both = a.null & b.null
    if a.is_text == b.is_text:
        both = both | (~a.null & ~b.null & equal("boolean", a.values, b.values))
    return Column(both, np.zeros_like(both))


# --- Arithmetic -------------------------------------------------------------------------------------------------


def _arithmetic(operation: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Computation:
    def compute(result: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        dtype = DTYPES[result].numpy_dtype  # whole numbers overflow by wrapping round, as Java's do
        return operation(a.astype(dtype), b.astype(dtype))

    return compute


def _divide(result: str, a: np.ndarray, b: np.ndarray) -> Column:
    zero = b == 0
    return Column(a / np.where(zero, 1.0, b), zero)


def _quotient(result: str, a: np.ndarray, b: np.ndarray) -> Column:
    zero = b == 0
    a, b = a.astype(np.int64), np.where(zero, 1, b).astype(np.int64)
    floor = a // b
    return Column(floor + ((a % b != 0) & ((a < 0) != (b < 0))), zero)  # towards zero, as Java


def _modulo(result: str, a: np.ndarray, b: np.ndarray) -> Column:
    zero = b == 0
    return Column(np.fmod(a, np.where(zero, b.dtype.type(1), b)), zero)  # the sign of the dividend, as Java


# --- Nulls and choices ------------------------------------------------------------------------------------------


def choose(take: np.ndarray, a: Column, b: Column) -> Column:
    """Return a where `take`, else b."""
    null = np.where(take, a.null, b.null)
    if a.is_text or b.is_text:
        nothing = pa.scalar(None, pa.large_string())
        values = [c.values if c.is_text else nothing for c in (a, b)]
        if take.ndim:
            return Column(pc.if_else(pa.array(take), *values), null)
        # A constant condition: pyarrow would make a scalar of two scalars and an array of anything else, and so do we.
        return Column(values[0] if take else values[1], null)
    return Column(np.where(take, a.values, b.values), null)


def _case(result: str, *operands: Column) -> Column:
    # condition, value, condition, value, …, and the value where none holds
    chosen = operands[-1]
    for condition, value in reversed(list(zip(operands[:-1:2], operands[1:-1:2], strict=True))):
        chosen = choose(condition.values.astype(bool) & ~condition.null, value, chosen)
    return chosen


def is_nothing(column: Column) -> bool:
    return not column.null.ndim and bool(column.null)


def nothing(result: str, *_: Column) -> Column:
    values = pa.scalar(None, pa.large_string()) if result == "string" else np.array(0)
    return Column(values, np.array(True))


def _everywhere(result: str, over: Column, constant: Column) -> Column:
    return Column(constant.values, np.broadcast_to(constant.null, over.null.shape))


def _matches(result: str, subject: Texts, pattern: pa.Scalar) -> np.ndarray:
    # RE2, whose time is linear in the text whatever the pattern.
    found = pc.match_substring_regex(subject, pattern.as_py())
    if isinstance(found, pa.Scalar):
        return np.asarray(found.as_py() or False)
    return pc.fill_null(found, False).to_numpy(zero_copy_only=False)


OPERATORS: dict[str, tuple[Computation, bool]] = {
    "equal": (equal, True),
    "less": (less, True),
    "less_equal": (_less_equal, True),
    "same": (_same, False),
    "add": (_arithmetic(np.add), True),
    "subtract": (_arithmetic(np.subtract), True),
    "multiply": (_arithmetic(np.multiply), True),
    "divide": (_divide, True),
    "quotient": (_quotient, True),
    "mod": (_modulo, True),
    "negate": (lambda result, x: -x, True),
    "cast": (lambda result, x: casts.cast(result, x), True),
    "floattext": (lambda result, x: casts.cast("string", x.astype(np.float32)), True),
    "case": (_case, False),
    "isnull": (lambda result, x: Column(x.null, np.zeros_like(x.null)), False),
    "not": (lambda result, x: ~x.astype(bool), True),
    "null": (nothing, False),
    "never": (lambda result, x: Column(np.zeros(x.null.shape, bool), x.null), False),
    "everywhere": (_everywhere, False),
    "unescape": (lambda result, text: pc.utf8_slice_codeunits(text, 1), True),
    "matches": (_matches, True),
}
"""Each operator: what computes it, and whether it is strict: null wherever an operand is (then it is given bare
values, and anything may stand where a null is), or is given whole columns."""
