"""Changes of type as Spark 3.5 makes them where it is not in its ANSI mode: what can't be changed becomes null."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from engine.conditions.functions.rounding import float_to_integer

__all__ = [
    "DTYPES",
    "Column",
    "Computation",
    "Texts",
    "Values",
    "cast",
    "float_to_text",
    "map_texts",
]

Texts: TypeAlias = pa.Array | pa.Scalar
"""Texts of one length, or a constant."""
Values: TypeAlias = np.ndarray | Texts
"""Values of one length, or a constant: an array of no dimension, or a scalar of pyarrow."""


class _Dtypes(Mapping[str, Any]):
    """Pandas' dtypes by Spark's types. Who only plans asks for none of them, and does not wait for pandas."""

    _NAMES: ClassVar[dict[str, str]] = {
        "boolean": "BooleanDtype",
        "tinyint": "Int8Dtype",
        "smallint": "Int16Dtype",
        "int": "Int32Dtype",
        "bigint": "Int64Dtype",
        "float": "Float64Dtype",
        "double": "Float64Dtype",
        "string": "StringDtype",
    }

    def __getitem__(self, name: str) -> Any:
        import pandas as pd

        return getattr(pd, self._NAMES[name])(*(["pyarrow"] if name == "string" else []))

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


DTYPES: Mapping[str, Any] = _Dtypes()
"""The dtype of a column of each of Spark's types."""

_INTEGERS: dict[str, type[np.signedinteger]] = {
    "tinyint": np.int8,
    "smallint": np.int16,
    "int": np.int32,
    "bigint": np.int64,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?", re.ASCII)
_NAMED = {"inf": np.inf, "infinity": np.inf, "nan": np.nan}
_WHOLE = re.compile(r"([+-]?)(\d*)(\.\d*)?", re.ASCII)
_TRUE = frozenset({"t", "true", "y", "yes", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "0"})
# What Spark trims off a text before it reads a number in it: white space and control characters; Java, which reads the
# fractions, knows one fewer.
_BLANK_OF_FLOATS = "".join(map(chr, range(33)))
_BLANK = _BLANK_OF_FLOATS + "\x7f"


@dataclass(frozen=True)
class Column:
    """Values beside a mask of nulls; arrays of one length, or of no dimension for a constant.

    Texts are a pyarrow array (or scalar) in `values`, whose own nulls `null` repeats.
    """

    values: Values
    null: np.ndarray

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return isinstance(self.values, (pa.Array, pa.Scalar))


Computation: TypeAlias = Callable[..., Column | Values]
"""What computes a function or an operator: (type of the result, operands, as many as there are) -> values."""


def map_texts(function: Callable[..., Any], *operands: Values, result: type | None = None, missing: Any = 0) -> Values:
    """Return what a function of Python texts gives for each row.

    Parameters
    ----------
    function
        Called once for each distinct combination of operands; never with a null.
    operands
        pyarrow texts (arrays or scalars) and numpy numbers, of one length n or constants.
    result
        numpy type of the result, or None where it is text.
    missing
        What stands in a numpy result for a null.

    Returns
    -------
    Array
        Shape (n,), pyarrow text or numpy; any value, or null, where an operand is null.
    """
    lists: list[Any] = []
    length: int | None = None
    for operand in operands:
        if isinstance(operand, pa.Scalar):
            lists.append(operand.as_py())
        elif isinstance(operand, pa.Array) or operand.ndim:
            lists.append(operand.to_pylist() if isinstance(operand, pa.Array) else operand.tolist())
            length = len(operand)
        else:
            lists.append(operand.item())
    rows = [(x if isinstance(x, list) else [x] * (1 if length is None else length)) for x in lists]
    known: dict[tuple[Any, ...], Any] = {}
    out = []
    for row in zip(*rows, strict=True):
        if row not in known:
            known[row] = None if None in row else function(*row)
        out.append(known[row])
    if result is None:
        return pa.scalar(out[0], pa.large_string()) if length is None else pa.array(out, pa.large_string())
    values: np.ndarray = np.array([missing if x is None else x for x in out], dtype=result)
    return values.reshape(()) if length is None else values


def cast(result: str, values: Values) -> Column:
    """Return a column in another of Spark's types.

    Parameters
    ----------
    result
        `boolean`, `tinyint`, `smallint`, `int`, `bigint`, `float`, `double` or `string`.
    values
        pyarrow texts or a numpy array, shape (n,), or a constant of no dimension.
    """
    if isinstance(values, (pa.Array, pa.Scalar)):
        return _cast_texts(result, values)
    kind = values.dtype.kind
    no_null = np.zeros(np.shape(values), bool)
    if result == "string":
        rows = np.atleast_1d(values)
        if kind == "f":
            # The digits that tell a float from its neighbours are fewer than those of the same number as a double.
            numbers = map(float, map(str, rows)) if values.dtype == np.float32 else rows.tolist()
            texts = list(map(float_to_text, numbers))
        elif kind == "b":
            texts = ["true" if x else "false" for x in rows.tolist()]
        else:
            texts = list(map(str, rows.tolist()))
        return Column(pa.array(texts, pa.large_string()) if np.ndim(values) else pa.scalar(texts[0]), no_null)
    if result == "boolean":
        return Column(values != 0, no_null)
    if result in _INTEGERS:
        dtype = np.dtype(_INTEGERS[result])
        return Column(float_to_integer(values, dtype) if kind == "f" else values.astype(dtype), no_null)
    return Column(values.astype(np.float32 if result == "float" else np.float64).astype(np.float64), no_null)


def _cast_texts(result: str, texts: Texts) -> Column:
    if result == "string":
        return Column(texts, np.zeros(() if isinstance(texts, pa.Scalar) else len(texts), bool))
    read: Callable[[str], bool | int | float | None]
    if result == "boolean":
        read = text_to_boolean
    elif result in _INTEGERS:
        limits = np.iinfo(_INTEGERS[result])
        read = partial(text_to_integer, lowest=int(limits.min), highest=int(limits.max))
    else:
        read = text_to_float
    dtypes: dict[str, type[np.generic]] = {"boolean": np.bool_, "float": np.float32, **_INTEGERS}
    dtype = dtypes.get(result, np.float64)
    found = map_texts(read, texts, result=np.object_, missing=None)
    null = np.equal(found, np.array(None))
    values = np.where(null, 0, found).astype(dtype)
    return Column(values.astype(np.float64) if result == "float" else values, null.astype(bool))


def text_to_float(text: str) -> float | None:
    """Return the number in a text, or None; `inf`, `infinity` and `nan` are numbers, in any case."""
    text = text.strip(_BLANK_OF_FLOATS)
    if _NUMBER.fullmatch(text):
        return float(text.rstrip("dDfF"))
    sign = -1.0 if text.startswith("-") else 1.0
    name = text[1:] if text[:1] in ("+", "-") else text
    if name.lower() == "nan":
        return np.nan if name in (text, "NaN") else None
    value = _NAMED.get(name.lower())
    return None if value is None else sign * value


def text_to_integer(text: str, lowest: int, highest: int) -> int | None:
    """Return the whole number in a text, what follows its decimal point dropped, or None where it is out of range."""
    match = _WHOLE.fullmatch(text.strip(_BLANK))
    if not match or not (match[2] or match[3]):
        return None
    value = int(match[1] + (match[2] or "0"))
    return value if lowest <= value <= highest else None


def text_to_boolean(text: str) -> bool | None:
    """Return the truth value that a text names, or None."""
    text = text.strip(_BLANK).lower()
    return True if text in _TRUE else False if text in _FALSE else None


def float_to_text(value: float) -> str:
    """Return a number as Java's Double.toString writes it: `1.0`, `1.0E10`, `1.0E-5`, `NaN`, `Infinity`."""
    if value != value:
        return "NaN"
    if value in (np.inf, -np.inf):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    number = Decimal(repr(value))
    sign, digits, _ = number.as_tuple()
    mantissa = "".join(map(str, digits)).rstrip("0") or "0"
    return f"{'-' if sign else ''}{mantissa[0]}.{mantissa[1:] or '0'}E{number.adjusted()}"
