"""A file of the archive as a row of the catalogue, there and back."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from engine.archive import ArchiveFile, Footer, Leaves

__all__ = [
    "FOOTER_COLUMNS",
    "ROWS",
    "SCHEMAS",
    "Content",
    "FileRow",
    "HeldSchema",
    "UnusableError",
    "footers_in",
    "held_schema",
    "month_of",
    "table_of",
]

_LABEL = pa.struct([("column", pa.string()), ("label", pa.string()), ("alerts", pa.int64())])
_COLUMN = pa.struct([("column", pa.string()), ("tns", pa.string())])
_RANGE = pa.struct([("leaf", pa.string()), ("least", pa.float64()), ("greatest", pa.float64())])

ROWS = pa.schema(
    [
        ("path", pa.string()),  # below the root
        ("night", pa.date32()),
        ("size", pa.int64()),
        ("etag", pa.string()),
        ("footer_crc", pa.string()),
        ("footer_nbytes", pa.int64()),
        ("schema", pa.string()),  # fingerprint
        ("num_alerts", pa.int64()),
        ("row_groups", pa.list_(pa.int64())),  # alerts
        ("nbytes", pa.list_(pa.int64())),  # uncompressed: for each row group a number for each leaf
        ("nulls", pa.list_(pa.int64())),  # of each leaf, -1: unknown; null: nobody asked
        ("ranged", pa.list_(pa.string())),  # leaves whose statistics were looked at
        ("ranges", pa.list_(_RANGE)),  # what they say
        ("survey", pa.string()),  # as what survey the alerts were read; null: the footer alone was
        *((f"{what}_{end}", pa.float64()) for what in ("time", "brightness", "ra", "dec") for end in ("min", "max")),
        ("sky", pa.list_(pa.int32())),  # HEALPix of nside 64, nested, in which alerts lie
        ("columns", pa.list_(_COLUMN)),  # class columns whose labels are counted; tns: of what TNS catalogue
        ("labels", pa.list_(_LABEL)),
        ("read_at", pa.timestamp("us", "UTC")),
    ]
)
"""The columns of a month's part."""

LATER = ("footer_nbytes",)
"""Those that parts of earlier versions lack."""

FOOTER_COLUMNS = (
    *("path", "night", "size", "etag", "footer_crc", "footer_nbytes", "schema", "num_alerts", "row_groups", "nbytes"),
    *("ranged", "ranges"),
)
"""Those that a footer is made of, but for `nulls`, which few ask for."""

SCHEMAS = pa.schema([("schema", pa.string()), ("arrow", pa.binary()), ("leaves", pa.list_(pa.string()))])
"""The columns of the part with the distinct schemas: fingerprint, IPC message, paths of the Parquet leaves."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the alerts of a file are."""

    survey: str
    """Key of the survey as which they were read."""
    bounds: Mapping[str, float | None]
    """`time_min` and the like -> value; None where no alert has one."""
    sky: tuple[int, ...]
    columns: Mapping[str, str | None]
    """Class column -> version of the TNS catalogue that it was computed with, None where none was needed."""
    labels: Mapping[str, Mapping[str, int]]
    """Class column -> label -> alerts."""


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """What the catalogue shall hold of a file."""

    path: str
    """Below the root."""
    footer: Footer
    ranged: tuple[str, ...]
    """Leaves whose statistics were looked at."""
    content: Content | None = None
    """None: the footer alone was read."""


@dataclass(frozen=True, kw_only=True)
class HeldSchema:
    """A schema that files have."""

    schema: pa.Schema
    """Without metadata."""
    leaves: Leaves
    fingerprint: str = field(default="")


def held_schema(schema: pa.Schema, leaves: Leaves) -> HeldSchema:
    """Return a schema with its fingerprint."""
    # As it comes out of IPC, which names the entries of maps in its own way.
    bare = pa.ipc.read_schema(schema.remove_metadata().serialize())
    held = HeldSchema(schema=bare, leaves=leaves)
    digest = hashlib.sha256(bare.serialize().to_pybytes())
    digest.update("\n".join(leaves.paths).encode())
    return replace(held, fingerprint=digest.hexdigest()[:20])


def month_of(night: dt.date) -> str:
    """Return the month whose part holds a night."""
    return f"{night.year:04d}-{night.month:02d}"


def table_of(rows: Iterable[FileRow], fingerprint_of: Any, read_at: dt.datetime) -> pa.Table:
    """Return rows as the catalogue holds them.

    Parameters
    ----------
    rows
        Of files.
    fingerprint_of
        Returns the fingerprint of a footer's schema.
    read_at
        When they were read.
    """
    return pa.Table.from_pylist([_values(row, fingerprint_of(row.footer), read_at) for row in rows], schema=ROWS)


def _values(row: FileRow, fingerprint: str, read_at: dt.datetime) -> dict[str, Any]:
    footer, content = row.footer, row.content
    values: dict[str, Any] = {
        "path": row.path,
        "night": footer.file.night,
        "size": footer.file.nbytes,
        "etag": footer.file.etag,
        "footer_crc": footer.file.footer_crc,
        "footer_nbytes": footer.file.footer_nbytes,
        "schema": fingerprint,
        "num_alerts": sum(footer.row_groups),
        "row_groups": list(footer.row_groups),
        "nbytes": footer.column_nbytes.ravel(),
        "nulls": footer.column_nulls,
        "ranged": list(row.ranged),
        "ranges": [{"leaf": leaf, "least": a, "greatest": b} for leaf, (a, b) in footer.ranges.items()],
        "read_at": read_at,
    }
    if content is None:
        return values
    return values | {
        "survey": content.survey,
        **content.bounds,
        "sky": list(content.sky),
        "columns": [{"column": name, "tns": tns} for name, tns in content.columns.items()],
        "labels": [
            {"column": name, "label": label, "alerts": alerts}
            for name, counts in content.labels.items()
            for label, alerts in counts.items()
        ],
    }


class UnusableError(Exception):
    """A catalogue, or a part of it, is not what we write."""


def footers_in(
    table: pa.Table,
    places: Sequence[int],
    files: Sequence[ArchiveFile],
    schemas: Mapping[str, HeldSchema],
    ranges_of: Sequence[str] = (),
) -> dict[str, Footer]:
    """Return path -> footer of files that rows of a table describe; a row that contradicts itself describes none.

    Parameters
    ----------
    table
        With the columns of `FOOTER_COLUMNS`, and `nulls` if they are wanted.
    places, files
        The rows, and the files as a listing has them.
    schemas
        Fingerprint -> schema.
    ranges_of
        Leaves whose ranges are asked for.
    """
    table = table.take(pa.array(places, pa.int64()))
    crcs, footers = table["footer_crc"].to_pylist(), table["footer_nbytes"].to_pylist()
    fingerprints = table["schema"].to_pylist()
    alerts, nbytes = (_Lists(table[name]) for name in ("row_groups", "nbytes"))
    nulls = _Lists(table["nulls"]) if "nulls" in table.column_names else None
    ranges = table["ranges"].to_pylist() if ranges_of else [()] * len(files)
    totals = table["num_alerts"].to_pylist()
    found = {}
    for row, file in enumerate(files):
        held = schemas.get(fingerprints[row])
        groups, sizes, missing = alerts[row], nbytes[row], nulls[row] if nulls else None
        if (
            held is None
            or groups is None
            or sizes is None
            or len(sizes) != len(groups) * len(held.leaves.paths)
            or (missing is not None and len(missing) != len(held.leaves.paths))
            or int(groups.sum()) != totals[row]
            or (len(groups) and int(groups.min()) < 0)
        ):
            continue
        found[file.path] = Footer.of(
            replace(file, footer_crc=crcs[row], footer_nbytes=footers[row]),
            held.schema,
            groups.tolist(),
            held.leaves,
            sizes,
            missing,
            {
                item["leaf"]: (item["least"], item["greatest"])
                for item in ranges[row] or ()
                if item["leaf"] in ranges_of
            },
        )
    return found


def _tells(item: Mapping[str, Any] | None, leaves: Sequence[str]) -> bool:
    return item is not None and item["leaf"] in leaves and None not in item.values()


class _Lists:
    """Lists of whole numbers in a column, each as an array, None where there is none.

    Raises
    ------
    UnusableError
        If a number is missing in a list.
    """

    def __init__(self, column: pa.ChunkedArray):
        lists = column.combine_chunks()
        if isinstance(lists, pa.ChunkedArray):
            lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], lists.type)
        if lists.values.null_count:
            raise UnusableError("a list has nothing where a number should be")
        self._offsets = lists.offsets.to_numpy()
        self._values = lists.values.to_numpy(zero_copy_only=False)
        self._are_null = np.asarray(lists.is_null()) if lists.null_count else None

    def __getitem__(self, row: int) -> np.ndarray | None:
        if self._are_null is not None and self._are_null[row]:
            return None
        return self._values[self._offsets[row] : self._offsets[row + 1]]
