"""Alerts of each class and night, out of rows of the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["COUNT_COLUMNS", "ClassCounts", "NightSum", "add_up", "count_classes"]

COUNT_COLUMNS = ("survey", "columns", "labels")
"""Columns of rows that counts are made of, beside the night."""

ClassCounts = dict[dt.date, dict[str, dict[str, int]]]
"""Night -> class column -> label -> alerts."""


@dataclass(kw_only=True)
class NightSum:
    """What a night has, added up."""

    num_files: int = 0
    nbytes: int = 0
    num_alerts: int = 0
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Class column -> label -> alerts."""


def count_classes(parts: Sequence[pa.Table], num_files: Mapping[dt.date, int], tns: str | None) -> ClassCounts:
    """Return night -> class column -> label -> alerts, of columns that are known for all files of a night.

    Parameters
    ----------
    parts
        Rows of files, each once, with the columns night and `COUNT_COLUMNS`, all read as one survey.
    num_files
        Night -> files that it has.
    tns
        Version of the TNS catalogue; columns that were computed with another are not known.
    """
    known = _grouped([_columns_of(part, tns) for part in parts], ["night", "column"], ("column", "count"))
    whole = {(night, column) for night, column, files in zip(*known, strict=True) if files == num_files.get(night)}
    found: ClassCounts = {night: {} for night in sorted({night for night, _ in whole})}
    for night, column in sorted(whole):
        found[night][column] = {}
    alerts = _grouped([_labels_of(part) for part in parts], ["night", "column", "label"], ("alerts", "sum"))
    for night, column, label, count in zip(*alerts, strict=True):
        if (night, column) in whole and label:  # an empty text is no label either
            found[night][column][label] = count
    return found


def add_up(parts: Sequence[pa.Table], nights: dict[dt.date, NightSum], *, files: bool = False) -> None:
    """Add the alerts of rows to their nights; with `files` also the files and their bytes.

    Parameters
    ----------
    parts
        With the columns night and num_alerts, with `files` also size.
    nights
        Night -> what is added to.
    files
        Whether the rows' files are not counted yet.
    """
    wanted = ["night", "num_alerts", *(["size"] if files else [])]
    for part in parts:
        sums = [("num_alerts", "sum"), ("night", "count"), *([("size", "sum")] if files else [])]
        for row in part.select(wanted).group_by("night").aggregate(sums).to_pylist():
            night = nights.setdefault(row["night"], NightSum())
            night.num_alerts += row["num_alerts_sum"]
            if files:
                night.num_files += row["night_count"]
                night.nbytes += row["size_sum"]


def _columns_of(part: pa.Table, tns: str | None) -> pa.Table:
    """Return night and class column, a row for each file and column that is known."""
    rows, (columns, versions) = _flat(part["columns"], "column", "tns")
    known = pc.is_null(versions)
    if tns is not None:
        known = pc.or_kleene(known, pc.equal(versions, tns))
    return pa.table({"night": part["night"].take(rows), "column": columns}).filter(pc.fill_null(known, False))


def _labels_of(part: pa.Table) -> pa.Table:
    """Return night, class column, label and alerts, a row for each file and label."""
    rows, (columns, labels, alerts) = _flat(part["labels"], "column", "label", "alerts")
    return pa.table(
        {"night": part["night"].take(rows), "column": columns, "label": labels, "alerts": pc.fill_null(alerts, 0)}
    )


def _grouped(tables: Sequence[pa.Table], keys: list[str], sum_: tuple[str, str]) -> list[list[Any]]:
    """Return the columns of keys and what is aggregated for each, the greatest first."""
    if not tables:
        return [[] for _ in [*keys, sum_]]
    # Part by part, since a part has few nights: what comes out is small.
    of_parts = [table.group_by(keys).aggregate([sum_]) for table in tables]
    name = "_".join(sum_)
    whole = pa.concat_tables(of_parts).group_by(keys).aggregate([(name, "sum")])
    whole = whole.sort_by([(f"{name}_sum", "descending"), *((key, "ascending") for key in keys)])
    return [whole[column].to_pylist() for column in [*keys, f"{name}_sum"]]


def _flat(column: pa.ChunkedArray, *names: str) -> tuple[pa.Array, list[pa.Array]]:
    """Return of lists of structs the row of each item, and the items' fields."""
    lists = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    items = lists.flatten()
    return lists.value_parent_indices(), [items.field(name) for name in names]
