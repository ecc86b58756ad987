"""Alerts of each class and night, out of rows of the catalogue."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["COUNT_COLUMNS", "ClassCounts", "NightSum", "count_classes"]

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

    def add(self, *, nbytes: int, num_alerts: int) -> None:
        """Add a file."""
        self.num_files += 1
        self.nbytes += nbytes
        self.num_alerts += num_alerts


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
    known: dict[tuple[dt.date, str], int] = defaultdict(int)
    alerts: dict[tuple[dt.date, str, str], int] = defaultdict(int)
    for part in parts:
        nights = part["night"].to_pylist()
        columns = part["columns"].combine_chunks()
        rows, (names, versions) = _flat(columns, "column", "tns")
        for row, name, version in zip(rows, names, versions, strict=True):
            if version is None or version == tns:
                known[nights[row], name] += 1
        rows, (names, labels, counts) = _flat(part["labels"].combine_chunks(), "column", "label", "alerts")
        for row, name, label, count in zip(rows, names, labels, counts, strict=True):
            alerts[nights[row], name, label] += count
    whole = {key for key, files in known.items() if files == num_files.get(key[0])}
    found: dict[dt.date, dict[str, Counter[str]]] = defaultdict(dict)
    for night, name in sorted(whole):
        found[night][name] = Counter()
    for (night, name, label), count in alerts.items():
        if (night, name) in whole:
            found[night][name][label] += count
    return {
        night: {name: dict(labels.most_common()) for name, labels in columns.items()}
        for night, columns in sorted(found.items())
    }


def _flat(column: pa.ListArray | pa.ChunkedArray, *names: str) -> tuple[list[int], list[list[Any]]]:
    """Return of lists of structs the row of each item, and the items' fields."""
    arrays = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    rows: list[int] = []
    fields: list[list[Any]] = [[] for _ in names]
    start = 0
    for array in arrays:
        rows += (np.asarray(array.value_parent_indices()) + start).tolist()
        items = array.flatten()
        for name, values in zip(names, fields, strict=True):
            values += items.field(name).to_pylist()
        start += len(array)
    return rows, fields
