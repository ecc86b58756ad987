"""Which rows fulfil a condition: computed by dask-sql, on narrow tables of the leaves that the condition names.

The project's only importer of dask_sql, which is no longer maintained: docs/decisions/0002-dask-sql-adapter.md tells
how it is used and why so.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
from dask._task_spec import execute_graph

from engine.conditions.frames import narrow_frame
from engine.conditions.functions import CALL, DTYPES, evaluate, is_computed
from engine.conditions.lean_import import lean_import

with warnings.catch_warnings(), lean_import():
    # dask-sql's own imports warn of what later versions of their libraries changed.
    warnings.simplefilter("ignore")
    import dask_sql
    from dask_sql.datacontainer import ColumnContainer, DataContainer, Statistics

__all__ = ["filter_table"]

_TABLE = "alerts"
_FILTERS = 32
"""Conditions whose plans are kept: a worker has those of a few jobs at a time."""
_ROW = "#row"  # no leaf has this name: a path has no '#'
_SELECT = f'SELECT "{_ROW}" FROM {_TABLE} WHERE '
# The predicate is computed as it was written: dask-sql's optimizer would rewrite comparisons with NaN in its own
# sense, and insert casts that turn nulls into NaN.
_OPTIONS = {"sql.optimize": False, "sql.identifier.case_sensitive": True}
_NUMPY_TO_SQL = {"boolean": np.bool_, "string": np.object_, "float": np.float64, "double": np.float64}
# dask-sql reads process-wide settings, and sets up logging, while it plans.
_PLANNING = threading.Lock()


def filter_table(table: pa.Table, sql: str | None) -> np.ndarray:
    """Return the positions of the rows of a table that fulfil a condition, in order.

    dask-sql plans a condition once in a process; the graph that it makes of it is run on each table.

    Parameters
    ----------
    table
        Flat: the columns are named by the leaves' paths, and have the leaves' types.
    sql
        `Conditions.sql`; None keeps every row.

    Returns
    -------
    ndarray of int64, shape (k,)
    """
    if sql is None:
        return np.arange(table.num_rows, dtype=np.int64)
    return _filter_of(table.schema.remove_metadata(), sql)(table)


@lru_cache(maxsize=_FILTERS)
def _filter_of(schema: pa.Schema, sql: str) -> _Filter:
    return _Filter(schema, sql)


class _Filter:
    """A condition as dask-sql has planned it: a graph of tasks, the first of which takes the table of its thread.

    Parameters
    ----------
    schema
        Columns named by the leaves' paths, with the leaves' types.
    sql
        `Conditions.sql`.
    """

    def __init__(self, schema: pa.Schema, sql: str):
        self._current = _CurrentTable()
        frame = dd.from_map(self._current, [0], meta=_frame(schema.empty_table()), enforce_metadata=False)
        meta = pd.Series([], dtype=np.int64)
        rows = _filtered(frame, sql).map_partitions(_positions, meta=meta, enforce_metadata=False)
        (delayed,) = rows.to_delayed()
        self._graph, self._key = dict(delayed.__dask_graph__()), delayed.key

    def __call__(self, table: pa.Table) -> np.ndarray:
        """Return the positions of the rows that fulfil it, int64, shape (k,), ascending."""
        self._current.table = table
        try:
            # In this thread: a scheduler of Dask's takes longer than the tasks themselves.
            results: Mapping[Any, Any] = execute_graph(self._graph, keys={self._key})
        finally:
            del self._current.table
        positions: np.ndarray = results[self._key]
        return positions


class _CurrentTable(threading.local):
    """Gives the table that its thread filters now, as the first task of a graph."""

    __name__ = "read_leaves"  # how Dask names the task
    table: pa.Table

    def __call__(self, _: int) -> pd.DataFrame:
        return _frame(self.table)

    def __dask_tokenize__(self) -> int:
        return id(self)


def _frame(table: pa.Table) -> pd.DataFrame:
    return narrow_frame(table, **{_ROW: np.arange(table.num_rows, dtype=np.int64)})


def _positions(frame: pd.DataFrame) -> np.ndarray:
    return frame[_ROW].to_numpy(dtype=np.int64)


def _filtered(frame: dd.DataFrame, sql: str) -> dd.DataFrame:
    with _PLANNING:
        context = _context()
        container = DataContainer(frame, ColumnContainer(list(frame.columns)))
        container.statistics = Statistics(float("nan"))
        root = context.schema["root"]
        root.tables[_TABLE] = container
        root.statistics[_TABLE] = container.statistics
        for function, result in set(CALL.findall(sql)):
            if is_computed(function):
                call = _Call(function=function, result=result)
                returns = _NUMPY_TO_SQL.get(result, np.int64)
                context.register_function(call, f"{function}_{result}", [("x", np.float64)], returns)
        return context.sql(_SELECT + sql, config_options=_OPTIONS)


def _context() -> dask_sql.Context:
    # It calls logging.basicConfig: in somebody's notebook the root logger is not ours to set up.
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return dask_sql.Context(logging_level=level)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A function as dask-sql calls it while it plans: with Dask's columns, and constants."""

    function: str
    result: str

    def __call__(self, *operands: Any) -> Any:
        if not any(isinstance(x, dd.Series) for x in operands):
            return evaluate(self.function, self.result, *operands)
        return dd.map_partitions(
            evaluate,
            self.function,
            self.result,
            *operands,
            meta=pd.Series([], dtype=DTYPES[self.result]),
            align_dataframes=False,
            enforce_metadata=False,
        )
