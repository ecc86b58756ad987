"""What the functions of a condition compute: Spark 3.5's results (not its ANSI mode), on whole columns.

dask-sql does the logic of a predicate; every value that Spark computes differently from pandas is computed here. A
call names its function and the type of its result, `log10_double`, so that one implementation serves many types.

A column of numbers is a pair (values, null). NaN is a number like any other here, never a null, and no global option
of pandas plays a part: nullable arrays are taken apart and put together by their two halves.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.conditions.functions.casts import DTYPES, Column
from engine.conditions.functions.operators import is_nothing, nothing
from engine.conditions.functions.registry import computation

__all__ = ["CALL", "evaluate", "parse_call"]

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
        Name of an operator or a function, which `computation` knows.
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
    implementation, strict = computation(function)
    with np.errstate(all="ignore"):
        if strict and any(is_nothing(c) for c in columns):
            out = nothing(result)
        elif strict:
            null = np.logical_or.reduce(np.broadcast_arrays(*(c.null for c in columns)))
            found = implementation(result, *(c.values for c in columns))
            out = Column(found.values, null | found.null) if isinstance(found, Column) else Column(found, null)
        else:
            found = implementation(result, *columns)
            if not isinstance(found, Column):
                raise TypeError(f"{function} is given columns, so it has to say where its result is null")
            out = found
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
    return column.values.as_py() if isinstance(column.values, pa.Scalar) else _of_type(column.values, result)[()]


def _of_type(values: np.ndarray, result: str) -> np.ndarray:
    if result == "float":  # kept as doubles, with the digits of a float
        values = values.astype(np.float32)
    return values.astype(DTYPES[result].numpy_dtype, copy=False)
