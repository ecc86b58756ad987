"""Encoded alerts that wait until all of their fragment was read: in memory, and beyond a bound in a file of no name."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa

__all__ = ["MOST_HELD_NBYTES", "Spool"]

MOST_HELD_NBYTES = 128 * 1024 * 1024
"""A fragment decodes to no more, unless one row group does; its file is then read on with the datums on a disk."""
_SCHEMA = pa.schema([("row", pa.int64()), ("datum", pa.large_binary())])


class Spool:
    """Blocks of datums, first in, first out.

    Parameters
    ----------
    folder
        Where a file may be; None: where the system keeps temporary ones.
    most_nbytes
        Bytes of datums that are held in memory.
    """

    def __init__(self, folder: str | None = None, most_nbytes: int = MOST_HELD_NBYTES):
        self._folder = folder
        self._most_nbytes = most_nbytes
        self._held: deque[tuple[np.ndarray, pa.Array]] = deque()
        self._nbytes = 0
        self._file: IO[bytes] | None = None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def put(self, rows: np.ndarray, datums: pa.LargeBinaryArray) -> None:
        """Add a block: positions in the fragment, int64, shape (n,), and n datums."""
        if self._writer is None and self._nbytes + datums.nbytes <= self._most_nbytes:
            self._held.append((rows, datums))
            self._nbytes += datums.nbytes
            return
        if self._writer is None:
            # It has no name, so nothing of it is left however this process ends.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  open until all is taken
            self._writer = pa.ipc.new_stream(self._file, _SCHEMA)
        self._writer.write_batch(pa.record_batch([pa.array(rows, pa.int64()), datums], schema=_SCHEMA))

    def take(self) -> Iterator[tuple[np.ndarray, pa.Array]]:
        """Yield the blocks in the order in which they came, and let go of each."""
        while self._held:
            yield self._held.popleft()
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.seek(0)
            for batch in pa.ipc.open_stream(self._file):
                yield batch.column(0).to_numpy(), batch.column(1)
            self._file.close()
            self._writer = self._file = None
