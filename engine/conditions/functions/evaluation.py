"""What the functions of a condition compute: Spark 3.5's results (not its ANSI mode), on whole columns.

dask-sql does the logic of a question; every value that Spark computes differently from pandas is computed here. A
call names its function and the type of its result, `log10_double`, so that one implementation serves many types.

A column of numbers is a pair (values, null). NaN is a number like any other here, never a null, and no global option
of pandas plays a part: nullable arrays are taken apart and put together by their two halves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.conditions.functions import casts
from engine.conditions.functions.casts import Column
from engine.sky import within

__all__ = ["CALL", "DTYPES", "FUNCTIONS", "evaluate", "parse_call"]

DTYPES: dict[str, Any] = {
    "boolean": pd.BooleanDtype(),
    "tinyint": pd.Int8Dtype(),
    "smallint": pd.Int16Dtype(),
    "int": pd.Int32Dtype(),
    "bigint": pd.Int64Dtype(),
    "float": pd.Float64Dtype(),
    "double": pd.Float64Dtype(),
    "string": pd.StringDtype("pyarrow"),
}
"""The dtype of a column of each of Spark's types."""

CALL = re.compile(r"\b([a-z0-9_]+)_(" + "|".join(DTYPES) + r")\(")
"""A call in the SQL that goes to dask-sql: the function and the type of its result."""


def parse_call(name: str) -> tuple[str, str]:
    """Return (function, type of the result) of the name of a call, such as `log10_double`."""
    function, _, result = name.rpartition("_")
    return function, result


def evaluate(function: str, result: str, *operands: Any) -> Any:
    """Return what a function gives for one partition.

    Parameters
    ----------
    function
        A key of `FUNCTIONS`.
    result
        A key of `DTYPES`.
    operands
        Nullable pandas Series of one length n, and constants.

    Returns
    -------
    Series or scalar
        Shape (n,); a constant if all operands are.
    """
    index = next((x.index for x in operands if isinstance(x, pd.Series)), None)
    columns = [_column(x) for x in operands]
    implementation, strict = FUNCTIONS[function]
    with np.errstate(all="ignore"):
        if strict and any(_is_nothing(c) for c in columns):
            out = _null(result)
        elif strict:
            null = np.logical_or.reduce(np.broadcast_arrays(*(c.null for c in columns)))
            out = implementation(result, *(c.values for c in columns))
            out = Column(out.values, null | out.null) if isinstance(out, Column) else Column(out, null)
        else:
            out = implementation(result, *columns)
    return _scalar(out, result) if index is None else _series(out, result, index)


def _column(operand: Any) -> Column:
    if isinstance(operand, pd.Series):
        null = operand.isna().to_numpy(dtype=bool)
        if isinstance(operand.dtype, pd.StringDtype):
            texts = pa.array(operand.array, pa.large_string())
            return Column(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts, null)
        if isinstance(operand.dtype, np.dtype):
            return Column(operand.to_numpy(), null)
        dtype = operand.dtype.numpy_dtype
        return Column(operand.to_numpy(dtype=dtype, na_value=dtype.type(0)), null)
    if operand is None or operand is pd.NA:
        return Column(np.array(0), np.array(True))
    if isinstance(operand, str):
        return Column(pa.scalar(operand, pa.large_string()), np.array(False))
    return Column(np.asarray(operand), np.array(False))


def _series(column: Column, result: str, index: pd.Index) -> pd.Series:
    dtype = DTYPES[result]
    null = np.broadcast_to(column.null, len(index))
    if result == "string":
        values = column.values
        if not column.is_text:  # a null that has no type of its own
            values = pa.nulls(len(index), pa.large_string())
        elif isinstance(values, pa.Scalar):
            values = pa.repeat(values, len(index))
        values = pc.if_else(pa.array(null), pa.scalar(None, pa.large_string()), values)
        return pd.Series(dtype.__from_arrow__(values), index=index)
    values = np.broadcast_to(_of_type(column.values, result), len(index)).copy()
    array = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}.get(values.dtype.kind, pd.arrays.IntegerArray)
    return pd.Series(array(values, null.copy()), index=index)


def _scalar(column: Column, result: str) -> Any:
    if column.null:
        return pd.NA
    return column.values.as_py() if column.is_text else _of_type(column.values, result)[()]


def _of_type(values: np.ndarray, result: str) -> np.ndarray:
    if result == "float":  # kept as doubles, with the digits of a float
        values = values.astype(np.float32)
    return values.astype(DTYPES[result].numpy_dtype, copy=False)


# --- Comparison: NaN equals itself and is greater than any other number -----------------------------------------


def _compare(on_texts: Callable, on_numbers: Callable, on_floats: Callable) -> Callable:
    def compare(result: str, a: Any, b: Any) -> np.ndarray:
        if isinstance(a, (pa.Array, pa.Scalar)):
            compared = on_texts(a, b)
            if isinstance(compared, pa.Scalar):
                return np.array(bool(compared.as_py()))
            return pc.fill_null(compared, False).to_numpy(zero_copy_only=False)
        is_float = a.dtype.kind == "f" or b.dtype.kind == "f"
        return on_floats(a, b) if is_float else on_numbers(a, b)

    return compare


_equal = _compare(pc.equal, np.equal, lambda a, b: (a == b) | (np.isnan(a) & np.isnan(b)))
_less = _compare(pc.less, np.less, lambda a, b: (a < b) | (np.isnan(b) & ~np.isnan(a)))
_less_equal = _compare(pc.less_equal, np.less_equal, lambda a, b: (a <= b) | np.isnan(b))


def _same(result: str, a: Column, b: Column) -> Column:
    # `<=>`: two nulls are the same, and nothing is unknown.
    both = a.null & b.null
    if a.is_text == b.is_text:
        both = both | (~a.null & ~b.null & _equal("boolean", a.values, b.values))
    return Column(both, np.zeros_like(both))


# --- Arithmetic -------------------------------------------------------------------------------------------------


def _arithmetic(operation: Callable) -> Callable:
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


def _power(result: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # Java differs from C where the exponent is NaN, or infinite and the base is 1 or -1.
    undefined = np.isnan(b) | (np.isinf(b) & (np.abs(a) == 1))
    # numpy takes a root where the exponent is 0.5, which of minus infinity is NaN.
    return np.where(undefined, np.nan, np.where(np.isneginf(a) & (b == 0.5), np.inf, np.power(a, b)))


def _logarithm(logarithm: Callable) -> Callable:
    return lambda result, x: Column(logarithm(np.where(x <= 0, 1.0, x)), x <= 0)


def _log(result: str, base: np.ndarray, x: np.ndarray) -> Column:
    null = (base <= 0) | (x <= 0)
    return Column(np.log(np.where(x <= 0, 1.0, x)) / np.log(np.where(base <= 0, 2.0, base)), null)


def _log1p(result: str, x: np.ndarray) -> Column:
    return Column(np.log1p(np.where(x <= -1, 0.0, x)), x <= -1)


def _to_whole(rounding: Callable) -> Callable:
    return lambda result, x: casts.float_to_integer(rounding(x), np.dtype(np.int64)) if x.dtype.kind == "f" else x


# --- Nulls and choices ------------------------------------------------------------------------------------------


def _choose(take: np.ndarray, a: Column, b: Column) -> Column:
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


def _coalesce(result: str, first: Column, *others: Column) -> Column:
    for other in others:
        first = _choose(~first.null, first, other)
    return first


def _case(result: str, *operands: Column) -> Column:
    # condition, value, condition, value, …, and the value where none holds
    chosen = operands[-1]
    for condition, value in reversed(list(zip(operands[:-1:2], operands[1:-1:2], strict=True))):
        chosen = _choose(condition.values.astype(bool) & ~condition.null, value, chosen)
    return chosen


def _nullif(result: str, a: Column, b: Column) -> Column:
    equal = ~a.null & ~b.null & _equal("boolean", a.values, b.values)
    return Column(a.values, a.null | equal)


def _nanvl(result: str, a: Column, b: Column) -> Column:
    return _choose(a.null | ~np.isnan(a.values), a, b)


def _extreme(prefer: Callable) -> Callable:
    def extreme(result: str, first: Column, *others: Column) -> Column:
        for other in others:
            if _is_nothing(other):
                continue
            if _is_nothing(first):  # nor is it of a type that could be compared
                first = other
                continue
            better = ~other.null & (first.null | prefer("boolean", other.values, first.values))
            first = _choose(better, other, first)
        return first

    return extreme


def _is_nothing(column: Column) -> bool:
    return not column.null.ndim and bool(column.null)


def _null(result: str, *_: Column) -> Column:
    values = pa.scalar(None, pa.large_string()) if result == "string" else np.array(0)
    return Column(values, np.array(True))


def _everywhere(result: str, over: Column, constant: Column) -> Column:
    return Column(constant.values, np.broadcast_to(constant.null, over.null.shape))


# --- Texts ------------------------------------------------------------------------------------------------------


def _text_function(compute: Callable) -> Callable:
    def apply(result: str, *operands: Any) -> Any:
        out = compute(*operands)
        if result == "string":
            return out
        if isinstance(out, pa.Scalar):
            return np.asarray(out.as_py() or 0)
        return pc.fill_null(out, False if result == "boolean" else 0).to_numpy(zero_copy_only=False)

    return apply


def _matches(subject: Any, pattern: pa.Scalar) -> Any:
    # RE2, whose time is linear in the text whatever the pattern.
    return pc.match_substring_regex(subject, pattern.as_py())


def _substring(result: str, text: Any, start: np.ndarray, length: np.ndarray | None = None) -> Any:
    def cut(value: str, start: int, length: int) -> str:
        # Spark counts from 1, from the end where negative, and lets a length begin before the text does.
        begin = start - 1 if start > 0 else (len(value) + start if start < 0 else 0)
        return value[max(begin, 0) : max(begin + length, 0)]

    return casts.map_texts(cut, text, start, np.array(2**31 - 1) if length is None else length)


def _trim(side: str) -> Callable:
    strip = {"both": str.strip, "leading": str.lstrip, "trailing": str.rstrip}[side]
    return lambda result, text, chars=None: casts.map_texts(
        lambda value, chars: strip(value, chars), text, chars if chars is not None else pa.scalar(" ")
    )


def _concat(result: str, *texts: Any) -> Any:
    return pc.binary_join_element_wise(*texts, pa.scalar("", pa.large_string()))


def _search(find: Callable) -> Callable:
    return lambda result, text, part: casts.map_texts(find, text, part, result=np.bool_)


def _length(value: str) -> int:
    return len(value)


# --- The sky ----------------------------------------------------------------------------------------------------


def _cone(result: str, ra: np.ndarray, dec: np.ndarray, *cone: np.ndarray) -> Column:
    return Column(*within(ra, dec, *cone))


FUNCTIONS: dict[str, tuple[Callable, bool]] = {
    "equal": (_equal, True),
    "less": (_less, True),
    "less_equal": (_less_equal, True),
    "same": (_same, False),
    "add": (_arithmetic(np.add), True),
    "subtract": (_arithmetic(np.subtract), True),
    "multiply": (_arithmetic(np.multiply), True),
    "divide": (_divide, True),
    "quotient": (_quotient, True),
    "mod": (_modulo, True),
    "negate": (lambda result, x: -x, True),
    "abs": (lambda result, x: np.abs(x), True),
    "sign": (lambda result, x: np.sign(x), True),
    "sqrt": (lambda result, x: np.sqrt(x), True),
    "cbrt": (lambda result, x: np.cbrt(x), True),
    "exp": (lambda result, x: np.exp(x), True),
    "power": (_power, True),
    "ln": (_logarithm(np.log), True),
    "log10": (_logarithm(np.log10), True),
    "log2": (_logarithm(np.log2), True),
    "log1p": (_log1p, True),
    "log": (_log, True),
    "sin": (lambda result, x: np.sin(x), True),
    "cos": (lambda result, x: np.cos(x), True),
    "tan": (lambda result, x: np.tan(x), True),
    "asin": (lambda result, x: np.arcsin(x), True),
    "acos": (lambda result, x: np.arccos(x), True),
    "atan": (lambda result, x: np.arctan(x), True),
    "atan2": (lambda result, y, x: np.arctan2(y + 0.0, x + 0.0), True),  # Spark knows no negative zero here
    "radians": (lambda result, x: np.radians(x), True),
    "degrees": (lambda result, x: np.degrees(x), True),
    "floor": (_to_whole(np.floor), True),
    "ceil": (_to_whole(np.ceil), True),
    "round": (lambda result, x, digits: casts.round_half_up(x, int(digits)), True),
    "cast": (lambda result, x: casts.cast(result, x), True),
    "floattext": (lambda result, x: casts.cast("string", x.astype(np.float32)), True),
    "coalesce": (_coalesce, False),
    "case": (_case, False),
    "nullif": (_nullif, False),
    "nanvl": (_nanvl, False),
    "greatest": (_extreme(lambda result, a, b: _less(result, b, a)), False),
    "least": (_extreme(_less), False),
    "isnan": (lambda result, x: Column(~x.null & np.isnan(x.values), np.zeros_like(x.null)), False),
    "isnull": (lambda result, x: Column(x.null, np.zeros_like(x.null)), False),
    "not": (lambda result, x: ~x.astype(bool), True),
    "null": (_null, False),
    "never": (lambda result, x: Column(np.zeros(x.null.shape, bool), x.null), False),
    "everywhere": (_everywhere, False),
    "unescape": (lambda result, text: pc.utf8_slice_codeunits(text, 1), True),
    "matches": (_text_function(_matches), True),
    "length": (lambda result, text: casts.map_texts(_length, text, result=np.int32), True),
    "lower": (lambda result, text: casts.map_texts(str.lower, text), True),
    "upper": (lambda result, text: casts.map_texts(str.upper, text), True),
    "trim": (_trim("both"), True),
    "ltrim": (_trim("leading"), True),
    "rtrim": (_trim("trailing"), True),
    "substring": (_substring, True),
    "concat": (_concat, True),
    "startswith": (_search(str.startswith), True),
    "endswith": (_search(str.endswith), True),
    "contains": (_search(str.__contains__), True),
    "cone": (_cone, True),
}
"""Each function: what computes it, and whether it is strict: null wherever an operand is (then it is given bare
values, and anything may stand where a null is), or is given whole columns."""
