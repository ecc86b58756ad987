"""Parquet files that carry their own proof: which fragments' alerts they hold, and of which job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumer.dataset.for_pandas import pandas_metadata
from consumer.dataset.leaves import leaf_options

__all__ = ["Receipt", "fragments_of", "is_ours", "is_parquet", "read_receipt", "write_parquet", "write_pieces"]

_PREFIX = "alert_transfer."
# A row group is held in memory until it is whole; readers, too, take one at a time.
_GROUP_NBYTES = 64 * 1024 * 1024
# Texts of more different values than a dictionary of this size holds are names of objects, and the like.
_DICTIONARY_NBYTES = 64 * 1024
_BUFFER_NBYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a file's key-value metadata says of the file; each field is a key `alert_transfer.<field>`."""

    topic: str
    job_id: str
    request: dict[str, Any]
    fragments: dict[int, tuple[int, str]]
    """Alerts in the file and their digest (`wire.digest_candids`, hexadecimal), per fragment."""


def write_parquet(
    path: Path, table: pa.Table, receipt: Receipt, *, id_field: str = "", go_on: Callable[[], None] = lambda: None
) -> None:
    """Write a table and its receipt to a new file.

    Parameters
    ----------
    path
        The new file.
    table
        The rows.
    receipt
        What the file says of itself.
    id_field
        The plan's: where the alerts' identifiers are.
    go_on
        Called before each row group; may raise.
    """
    with _writer(path, table.schema, id_field, table) as writer:
        most = max(1, _GROUP_NBYTES * table.num_rows // max(1, table.nbytes))
        for start in range(0, max(1, table.num_rows), most):
            go_on()
            writer.write_table(table.slice(start, most), row_group_size=most)
        writer.add_key_value_metadata(_metadata(receipt))


def write_pieces(
    path: Path,
    schema: pa.Schema,
    pieces: Iterable[pa.RecordBatch],
    receipt: Callable[[], Receipt],
    *,
    id_field: str = "",
) -> None:
    """Write batches that come one by one to a new file, a row group of them in memory at a time.

    Parameters
    ----------
    path
        The new file.
    schema
        Of every piece.
    pieces
        The rows.
    receipt
        Called when all pieces have been taken.
    id_field
        The plan's: where the alerts' identifiers are.
    """
    groups = _grouped(schema, pieces)
    first = next(groups, schema.empty_table())
    with _writer(path, schema, id_field, first) as writer:
        for group in chain((first,), groups):
            writer.write_table(group, row_group_size=max(1, group.num_rows))
        writer.add_key_value_metadata(_metadata(receipt()))


def _grouped(schema: pa.Schema, pieces: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows of pieces, a row group at a time."""
    waiting: list[pa.RecordBatch] = []
    nbytes = 0
    for piece in pieces:
        waiting.append(piece)
        nbytes += piece.get_total_buffer_size()
        if nbytes >= _GROUP_NBYTES:
            yield pa.Table.from_batches(waiting, schema=schema).combine_chunks()
            waiting, nbytes = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema=schema).combine_chunks()


@contextmanager
def _writer(path: Path, schema: pa.Schema, id_field: str, first: pa.Table) -> Iterator[pq.ParquetWriter]:
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = schema.with_metadata(pandas_metadata(schema, id_field))
    options = leaf_options(schema, first)
    # Buffered: each page, and what stands before it, would be a call of the system's of its own.
    with (
        pa.output_stream(str(path), compression=None, buffer_size=_BUFFER_NBYTES) as sink,
        pq.ParquetWriter(
            sink, schema, write_page_checksum=True, dictionary_pagesize_limit=_DICTIONARY_NBYTES, **options
        ) as writer,
    ):
        yield writer


def _metadata(receipt: Receipt) -> dict[str, str]:
    return {
        f"{_PREFIX}topic": receipt.topic,
        f"{_PREFIX}job_id": receipt.job_id,
        f"{_PREFIX}request": json.dumps(receipt.request),
        f"{_PREFIX}fragments": json.dumps(receipt.fragments, separators=(",", ":")),
    }


def read_receipt(metadata: pq.FileMetaData) -> Receipt | None:
    """Return the receipt in a file's metadata, or None if this program did not write the file."""
    texts: Mapping[bytes, bytes] = metadata.metadata or {}
    found = {
        name: texts[f"{_PREFIX}{name}".encode()].decode()
        for name in Receipt.__dataclass_fields__
        if f"{_PREFIX}{name}".encode() in texts
    }
    if len(found) != len(Receipt.__dataclass_fields__):
        return None
    fragments = {int(fragment): (num, digest) for fragment, (num, digest) in json.loads(found["fragments"]).items()}
    return Receipt(
        topic=found["topic"], job_id=found["job_id"], request=json.loads(found["request"]), fragments=fragments
    )


def fragments_of(path: Path) -> dict[int, tuple[int, str]] | None:
    """Return what a file's receipt says of each fragment (alerts, digest), or None if it has none or can't be read."""
    if not path.is_file():  # a pipe would be waited for
        return None
    try:
        with pq.ParquetFile(path) as file:  # closed, so that Windows can remove it
            receipt = read_receipt(file.metadata)
    except (OSError, pa.ArrowException, ValueError):
        return None
    return None if receipt is None else receipt.fragments


def is_ours(path: Path) -> bool:
    """Whether this program wrote a Parquet file; a file that can't be read is not."""
    return fragments_of(path) is not None


def is_parquet(path: Path) -> bool:
    """Whether a file has a Parquet footer that can be read."""
    if not path.is_file():
        return False
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True
