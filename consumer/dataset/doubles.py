"""Alerts that the archive itself holds twice, counted from the fetched files, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from consumer.dataset.partition import column_at

__all__ = ["count_doubles"]

_IDS_AT_ONCE = 16_000_000
_ROWS_AT_ONCE = 65_536


def count_doubles(
    paths: Sequence[Path], id_field: str, *, num_alerts: int | None = None, ids_at_once: int = _IDS_AT_ONCE
) -> int:
    """Return how many alerts bear an identifier that an alert before them has already; null counts for none.

    Where each row of the archive is there exactly once, these are alerts that the archive holds in several rows.
    Identifiers are counted in as many passes as it takes, each over those that leave one remainder, so that about
    `ids_at_once` of them (8 bytes each) are held.

    Parameters
    ----------
    paths
        Parquet files.
    id_field
        Path of the identifier (int64) in them.
    num_alerts
        How many alerts they hold; None where that isn't known.
    ids_at_once
        Bound on the identifiers that are held at once.

    Raises
    ------
    OSError, ArrowException
        If a file can't be read.
    """
    if num_alerts is None:
        num_alerts = sum(pq.read_metadata(path).num_rows for path in paths)
    num_passes = max(1, -(-num_alerts // ids_at_once))
    num_doubles = 0
    for remainder in range(num_passes):
        kept = [np.empty(0, dtype=np.int64)]
        for ids in _identifiers(paths, id_field):
            kept.append(ids if num_passes == 1 else ids[ids % num_passes == remainder])
        held = np.concatenate(kept)
        held.sort()
        num_doubles += int(np.count_nonzero(held[1:] == held[:-1]))
    return num_doubles


def _identifiers(paths: Sequence[Path], id_field: str) -> Iterator[np.ndarray]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[id_field]):
                yield column_at(pa.Table.from_batches([batch]), id_field).drop_null().to_numpy()
