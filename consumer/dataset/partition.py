"""Into which hive folder each alert goes, and what its file then leaves out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.dataset.folder_names import NULL_FOLDER, NameRule
from consumer.errors import InputError, WireError
from consumer.wire import FIRST_TIME_SCALE, utc_days

__all__ = ["PARTITIONINGS", "Partitioning", "check_fields", "column_at"]

PARTITIONINGS = ("time", "finkclass", "tnsclass", "none")
_TIME_COLUMNS = ("year", "month", "day")
_NO_DAY = np.iinfo(np.int64).min
_FIRST_DAY = np.datetime64("0001-01-01", "D").astype(np.int64)
_LAST_DAY = np.datetime64("9999-12-31", "D").astype(np.int64)


class Partitioning:
    """One way of spreading a job's alerts over folders.

    Parameters
    ----------
    by
        One of `PARTITIONINGS`.
    schema
        Schema of the job's alerts.
    time_field
        Path of the time (days) that puts an alert into its day.
    time_scale
        How it is counted: one of `consumer.wire.TIME_SCALES`.
    names
        How labels are named as folders; None: as a new folder does where the disk tells capitals apart.

    Raises
    ------
    InputError
        If `by` is not one of `PARTITIONINGS`, or the job's content lacks the column it needs.
    """

    def __init__(
        self,
        by: str,
        schema: pa.Schema,
        time_field: str,
        names: NameRule | None = None,
        *,
        time_scale: str = FIRST_TIME_SCALE,
    ):
        if by not in PARTITIONINGS:
            raise InputError(f"can't partition by {by!r}", accepted=", ".join(PARTITIONINGS))
        self.by = by
        self._names = names or NameRule()
        self._time_scale = time_scale
        self._job_schema = schema
        self._field = time_field if by == "time" else by
        if by != "none" and not _has(schema, self._field):
            raise InputError(
                f"can't partition by {by}: the alerts of this topic have no field {self._field!r}",
                accepted=", ".join(
                    name
                    for name in PARTITIONINGS
                    if name == "none" or _has(schema, time_field if name == "time" else name)
                ),
                next_step="choose another with --partitionby",
            )
        self._dropped = {"time": _TIME_COLUMNS, "none": ()}.get(by, (by,))
        self.schema = pa.schema([field for field in schema if field.name not in self._dropped])
        """What the files hold: the job's schema without the columns that form the path."""

    @property
    def has_many_folders(self) -> bool:
        """Whether any stretch of the topic may hold a little of every folder: alerts come by night, not by class."""
        return self.by not in ("time", "none")

    def empty_table(self) -> pa.Table:
        """Return a table without alerts, with all columns that readers show, for a file that lies in no folder."""
        fields = [field for field in self._job_schema if self.by != "time" or field.name not in _TIME_COLUMNS]
        if self.by == "time":
            fields += [pa.field(name, pa.int32()) for name in _TIME_COLUMNS]
        return pa.schema(fields).empty_table()

    def split(self, table: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each folder and the positions of its alerts, ascending; the order depends on the table alone.

        Parameters
        ----------
        table
            Alerts with the job's schema.
        """
        if self.by == "none":
            yield "", np.arange(table.num_rows)
            return
        column = column_at(table, self._field)
        if self.by == "time":
            codes, values = _days(column, self._time_scale), None
        else:
            # A path has no empty values: as in Hive, an empty text goes where null goes.
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
            encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
            codes, values = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
        order = np.argsort(codes, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
        for group in groups if table.num_rows else ():
            code = int(codes[group[0]])
            yield self._folder(code if values is None else values[code]), group

    def without_path_columns(self, table: pa.Table) -> pa.Table:
        """Return the table as its files hold it."""
        return table.select(self.schema.names)

    def _folder(self, value: int | str | None) -> str:
        if self.by == "none":
            return ""
        if self.by != "time":
            return f"{self.by}={self._names.name(None if value is None else str(value))}"
        if value == _NO_DAY:
            return "/".join(f"{name}={NULL_FOLDER}" for name in _TIME_COLUMNS)
        year, month, day = str(np.datetime64(value, "D")).split("-")
        return f"year={year}/month={month}/day={day}"


def check_fields(schema: pa.Schema, *, time_field: str, id_field: str) -> None:
    """Raise unless the fields that a plan names for time and identity hold numbers.

    Raises
    ------
    WireError
        If one is not there, or holds something else.
    """
    numbers = ((time_field, "time", pa.types.is_floating), (id_field, "identifier", pa.types.is_integer))
    for path, what, is_number in numbers:
        if not _has(schema, path):
            continue  # told once it is needed: a content may lack it
        found = column_at(schema.empty_table(), path).type
        if not is_number(found) and not pa.types.is_integer(found):
            raise WireError(f"the plan names {path!r} as the {what} of an alert, and that is {found}")


def column_at(table: pa.Table, path: str) -> pa.ChunkedArray:
    """Return the column at a path such as `candid` or `candidate.candid`; null where a parent is null.

    Raises
    ------
    WireError
        If the table has no such column.
    """
    if not _has(table.schema, path):
        raise WireError(f"the alerts of this topic have no field {path!r}, which its plan names")
    root, *rest = path.split(".")
    column = table.column(root)
    return pc.struct_field(column, rest) if rest else column


def _has(schema: pa.Schema, path: str) -> bool:
    root, *rest = path.split(".")
    if root not in schema.names:
        return False
    kind = schema.field(root).type
    for name in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return False
        kind = kind.field(name).type
    return True


def _days(times: pa.ChunkedArray, time_scale: str) -> np.ndarray:
    """Return days since 1970-01-01 (UTC), int64, shape (n,); `_NO_DAY` where there is no date in years 1 to 9999."""
    days = utc_days(times.cast(pa.float64()).to_numpy(zero_copy_only=False), time_scale)
    has_date = (days >= _FIRST_DAY) & (days <= _LAST_DAY)
    return np.where(has_date, np.where(has_date, days, 0).astype(np.int64), _NO_DAY)
