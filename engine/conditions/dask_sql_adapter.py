"""Which rows fulfil a condition: computed by dask-sql, on narrow tables of the leaves that the condition names.

The project's only importer of dask_sql, which is no longer maintained: docs/decisions/0002-dask-sql-adapter.md tells
how it is used and why so.
"""

from __future__ import annotations

import logging
import threading
import uuid
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
from dask.delayed import Delayed

from engine.conditions.frames import narrow_frame
from engine.conditions.functions import CALL, DTYPES, evaluate, is_computed
from engine.conditions.lean_import import lean_import

with warnings.catch_warnings(), lean_import():
    # dask-sql's own imports warn of what later versions of their libraries changed.
    warnings.simplefilter("ignore")
    import dask_sql
    from dask_sql.datacontainer import ColumnContainer, DataContainer, Statistics

__all__ = ["filter_fragments", "filter_table"]

F = TypeVar("F")

_TABLE = "alerts"
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
    (positions,) = dask.compute(*filter_fragments(_itself, [table], table.schema, sql), scheduler="synchronous")
    return positions


def _itself(table: pa.Table) -> pa.Table:
    return table


def filter_fragments(
    read: Callable[[F], pa.Table], fragments: Sequence[F], schema: pa.Schema, sql: str
) -> list[Delayed]:
    """Return, for each fragment, the task that gives the positions of its rows that fulfil a condition.

    One query of dask-sql for all of them; nothing is read until the tasks are computed, on whatever scheduler.

    Parameters
    ----------
    read
        Gives a fragment's narrow table, of the given schema; picklable.
    fragments
        What `read` is called with, one task each, in this order.
    schema
        Columns named by the leaves' paths, with the leaves' types.
    sql
        `Conditions.sql`.

    Returns
    -------
    list of Delayed
        One for each fragment, each an ndarray of int64, ascending, in the fragment's own count. Their keys are new at
        each call, so that two jobs don't take each other's results.
    """
    if not fragments:
        return []
    reader = _Reader(read=read, schema=schema)
    meta = reader.frame(schema.empty_table())
    frame = dd.from_map(reader, [_Opaque(f) for f in fragments], meta=meta, enforce_metadata=False)
    chosen = _filtered(frame, sql)
    rows = chosen.map_partitions(_positions, meta=pd.Series([], dtype=np.int64), enforce_metadata=False)
    return rows.to_delayed()


@dataclass(frozen=True)
class _Opaque:
    """A fragment that Dask neither unpacks nor tokenizes: the reader's token makes keys that are new."""

    fragment: Any

    def __dask_tokenize__(self) -> str:
        return "fragment"


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads a fragment into the frame that the query is made on; every instance has a token of its own."""

    read: Callable[[Any], pa.Table]
    schema: pa.Schema
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    __name__: ClassVar[str] = "read_leaves"  # how Dask names the tasks

    def __dask_tokenize__(self) -> str:
        return self.token

    def __call__(self, opaque: _Opaque) -> pd.DataFrame:
        table = self.read(opaque.fragment)
        return self.frame(table.select(self.schema.names).cast(self.schema))

    def frame(self, table: pa.Table) -> pd.DataFrame:
        frame = narrow_frame(table)
        frame[_ROW] = np.arange(table.num_rows, dtype=np.int64)
        return frame


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
