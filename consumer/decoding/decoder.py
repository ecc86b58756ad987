"""Datums of one schema to batches: the walk through all of them at once, and what of them was bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.cursors import Cursors, Pass
from consumer.decoding.datums import Datums
from consumer.decoding.schema import record_of
from consumer.decoding.types import positions

__all__ = ["Decoded", "Decoder"]


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What became of some datums."""

    batch: pa.RecordBatch
    """The good ones, in their order."""
    good: np.ndarray
    """Positions of the good ones in the input, int64, shape (batch.num_rows,)."""
    bad: dict[int, str]
    """Reason per position of a datum that could not be decoded."""


class Decoder:
    """Decodes datums of one Avro schema; threads may share it.

    Parameters
    ----------
    schema
        Avro schema of a record.

    Raises
    ------
    WireError
        If it is not a record, has a type that this program has no column for, or is not valid.
    """

    def __init__(self, schema: Mapping[str, Any]):
        self._record = record_of(schema)
        self.schema = pa.schema(list(self._record.arrow))
        """Of the batches."""

    def decode(self, datums: Datums) -> Decoded:
        """Return a batch of the good datums and, per bad one, the reason.

        A datum is bad if it ends early, if bytes are left after it, if a value has no place in its type, or if it
        claims far more memory than it has bytes.

        Parameters
        ----------
        datums
            Avro datums in a buffer, some thousands at once, less than 2 GB. What comes back holds no reference to the
            buffer, so it can be used again.
        """
        work = Pass(datums)
        sizes = work.ends - work.starts
        everything = np.arange(len(datums))
        work.reject_rows(everything[sizes < self._record.min_nbytes], "it has fewer bytes than any datum of the schema")
        # What the columns of a row take in any case is claimed like the items of its lists.
        too_wide = work.claim(everything, np.ones(len(datums), dtype=np.int64), self._record.nbytes)
        work.reject_rows(everything[too_wide], "it takes far more memory than it has bytes")
        rows = np.flatnonzero(work.alive)
        cursors = Cursors(work.starts[rows], work.ends[rows], rows)
        column = self._record.column(len(rows))
        if len(rows):
            self._record.read_fields(work, cursors, column, None)
        left = cursors.end - cursors.pos
        for at in np.flatnonzero((left != 0) & work.alive[rows]).tolist():
            row = int(rows[at])
            work.reject_rows(rows[at : at + 1], f"{left[at]} bytes of {sizes[row]} are left after the datum")
        arrays = self._record.finish_fields(work, column, lambda: rows)
        batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        good = np.flatnonzero(work.alive)
        if len(good) < len(rows):
            batch = batch.take(positions(np.flatnonzero(work.alive[rows])))
        bad = {row: work.reasons[row] for row in sorted(work.reasons)}
        return Decoded(batch=batch, good=good, bad=bad)
