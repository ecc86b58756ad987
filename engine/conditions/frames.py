"""Narrow tables as pandas frames, in which NaN and null stay two things."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.conditions.functions import DTYPES

__all__ = ["narrow_frame"]


def narrow_frame(table: pa.Table, **more: np.ndarray) -> pd.DataFrame:
    """Return a flat table as a pandas frame of nullable types, in which NaN and null stay two things.

    The arrays are made of values and mask, which no option of pandas touches.

    Parameters
    ----------
    table
        Columns of the types that `engine.conditions.leaf_type` gives; n rows.
    more
        Further columns, shape (n,) each, by name; they come last.
    """
    columns = {name: _array(table.column(name)) for name in table.column_names} | more
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def _array(column: pa.ChunkedArray) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type):
        return DTYPES["string"].__from_arrow__(column.cast(pa.large_string()))
    null = column.is_null().to_numpy().astype(bool)
    if pa.types.is_boolean(column.type):
        return pd.arrays.BooleanArray(pc.fill_null(column, False).to_numpy().astype(bool), null)
    values = (pc.fill_null(column, 0) if column.null_count else column).to_numpy()
    if pa.types.is_floating(column.type):
        return pd.arrays.FloatingArray(values.astype(np.float64), null)
    if pa.types.is_signed_integer(column.type):
        return pd.arrays.IntegerArray(values.copy(), null)
    raise TypeError(f"a narrow table has no place for a column of type {column.type}")
