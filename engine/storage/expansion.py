"""Files that expand without bound: a few kilobytes of Parquet that decode to many gigabytes.

Three ways are known. Zeros compress to a thousandth, and the footer says so. A run of one number, or of nulls, takes a
few bytes whatever its length: the footer says how many there are. A dictionary holds a value once, however often a
column has it, and DELTA_BYTE_ARRAY what a value shares with the one before; no footer says how long such values are: so
no more rows of these columns are decoded at once than fit if each holds the longest value that can be, and what comes
out is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.dictionaries import dictionary_nbytes, longest_in_dictionary
from engine.storage.layout import Layout

__all__ = ["FACTOR", "FREE_NBYTES", "Expansion", "ExpansionError", "check_rows"]

FREE_NBYTES = 1 << 29
"""So much any row groups that are read together may come to; Arrow and numpy hold it up to four times."""
FACTOR = 100
"""So many times what lies in the file they may come to besides. Alerts compress to a third, labels to a fiftieth."""
_BATCH_NBYTES = 1 << 28
"""So much what is decoded at once may come to, by the dictionaries; Arrow takes twice as much while it does."""
_BLOCK_NBYTES = 1 << 26
"""What was decoded in smaller batches than wanted is put together up to this; blocks are planned with 16 MiB."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 8, "BYTE_ARRAY": 4}
"""Bytes of a decoded value; of texts those of its offset."""
_POSITION_NBYTES = 8
"""Of each row its position is kept."""


class ExpansionError(pa.ArrowInvalid):
    """Row groups come to more than they may."""


class _Parquet(Protocol):
    @property
    def metadata(self) -> pq.FileMetaData: ...


class Expansion:
    """What columns of some row groups come to when they are decoded.

    Parameters
    ----------
    parquet
        The file.
    row_groups, columns
        What is read of it: root columns, or paths inside them.
    file_nbytes
        Its size.
    read_at
        Returns so many bytes of the file from an offset on, or what there is.
    layout
        The file's, if it is known.
    """

    def __init__(
        self,
        parquet: _Parquet,
        row_groups: Sequence[int],
        columns: Sequence[str],
        file_nbytes: int,
        read_at: Callable[[int, int], bytes],
        layout: Layout | None = None,
    ):
        metadata = parquet.metadata
        layout = layout or Layout(b"", b"", pa.schema([]), metadata.schema)
        places = layout.places(columns)
        widths = [_WIDTHS.get(layout.kinds[place], layout.lengths[place]) for place in places]
        self._read_at = read_at
        self._come_to = 0
        self._num_rows = self._claimed = stored = 0
        self._texts: dict[int, tuple[int, list[pq.ColumnChunkMetaData]]] = {}
        """Of each row group its rows, and the chunks whose values are of any length."""
        for row_group in row_groups:
            group = metadata.row_group(row_group)
            num_rows, texts = group.num_rows, []
            for place, width in zip(places, widths, strict=True):
                chunk = group.column(place)
                stored += max(0, chunk.total_compressed_size)
                self._claimed += max(0, chunk.total_uncompressed_size) + max(0, chunk.num_values) * max(0, width)
                if layout.kinds[place] == "BYTE_ARRAY":
                    texts.append(chunk)
            self._texts[row_group] = (num_rows, texts)
            self._num_rows += num_rows
        self._claimed += self._num_rows * _POSITION_NBYTES
        self._allowed = _allowed(min(stored, file_nbytes))
        self._row_nbytes: dict[int, list[_Values]] = {}

    def check_claimed(self) -> None:
        """Raise if they claim to come to more than they may.

        Raises
        ------
        ExpansionError
            Saying to how much.
        """
        self._check(self._claimed)

    def rows_at_once(self, wanted: int, row_groups: Sequence[int] | None = None) -> int:
        """Return how many rows of some of the row groups, or of any, may be decoded at once, `wanted` at most.

        The dictionaries of these row groups are looked at, and have to be here for it.
        """
        most_nbytes = _BATCH_NBYTES // max(1, wanted)
        groups = self._texts if row_groups is None else row_groups
        longest = max((self._longest_row(group, most_nbytes) for group in groups), default=1)
        return max(1, min(wanted, _BATCH_NBYTES // longest))

    def _longest_row(self, row_group: int, most_nbytes: int) -> int:
        """Return the bytes that a row may have if each of its values is the longest that can be.

        Dictionaries are looked into as far as it takes to say that these are no more than `most_nbytes`.
        """
        num_rows, texts = self._texts[row_group]
        values = self._row_nbytes.get(row_group)
        if values is None:
            values = self._row_nbytes[row_group] = [
                _Values(chunk, -(-chunk.num_values // max(1, num_rows)), self._read_at) for chunk in texts
            ]
        nbytes = sum(value.nbytes for value in values)
        for value in sorted(values, key=lambda value: -value.nbytes):
            if nbytes <= most_nbytes:
                break
            nbytes -= value.nbytes
            value.look_into()
            nbytes += value.nbytes
        return max(1, nbytes)

    def rows_within(self, nbytes: int) -> int:
        """Return how many rows come to so many bytes, by what they claim to come to."""
        return max(1, nbytes * self._num_rows // max(1, self._claimed))

    def batches(
        self,
        wanted: int,
        read: Callable[[int], Iterator[pa.RecordBatch]],
        row_groups: Sequence[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield batches of `wanted` rows, or fewer of long ones, as long as they come to no more than they may.

        Parameters
        ----------
        wanted
            Rows of a batch at most.
        read
            Decodes so many rows at once.
        row_groups
            Those that it reads; None: all.

        Raises
        ------
        ExpansionError
            If they do.
        """
        at_once = self.rows_at_once(wanted, row_groups)
        held: list[pa.RecordBatch] = []
        num_rows = nbytes = 0
        for batch in read(at_once):
            self._come_to += batch.nbytes
            self._check(self._come_to)
            if held and (num_rows + batch.num_rows > wanted or nbytes + batch.nbytes > _BLOCK_NBYTES):
                yield _joined(held)
                held, num_rows, nbytes = [], 0, 0
            held.append(batch)
            num_rows, nbytes = num_rows + batch.num_rows, nbytes + batch.nbytes
            if num_rows >= wanted:  # none is decoded before this one is used
                yield _joined(held)
                held, num_rows, nbytes = [], 0, 0
        if held:
            yield _joined(held)

    def _check(self, nbytes: int) -> None:
        _check(nbytes, self._allowed)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def check_rows(num_rows: int, file_nbytes: int) -> None:
    """Raise if the positions of so many rows come to more than a file of some size may.

    Raises
    ------
    ExpansionError
        Saying to how much.
    """
    _check(num_rows * _POSITION_NBYTES, _allowed(file_nbytes))


def _allowed(stored_nbytes: int) -> int:
    return max(FREE_NBYTES, FACTOR * stored_nbytes)


def _check(nbytes: int, allowed: int) -> None:
    if nbytes > allowed:
        raise ExpansionError(
            f"what is read of it expands to {nbytes / 1e9:,.1f} GB or more, "
            f"and {allowed / 1e9:,.1f} GB are the most for its size"
        )


class _Values:
    """What the values of a column chunk come to in a row, if each is the longest that can stand there again and again.

    Parameters
    ----------
    chunk
        The chunk, of texts or bytes.
    a_row
        Values that a row has.
    read_at
        Returns so many bytes of the file from an offset on.
    """

    def __init__(self, chunk: pq.ColumnChunkMetaData, a_row: int, read_at: Callable[[int, int], bytes]):
        self._chunk = chunk
        self._a_row = a_row
        self._read_at = read_at
        self._is_known = not chunk.has_dictionary_page
        self._shared = chunk.total_uncompressed_size if "DELTA_BYTE_ARRAY" in chunk.encodings else 0
        self._set(0 if self._is_known else dictionary_nbytes(chunk, read_at))

    def _set(self, longest: int) -> None:
        self.nbytes = self._a_row * max(longest, self._shared)

    def look_into(self) -> None:
        """Find out how long the dictionary's longest value is."""
        if not self._is_known:
            self._is_known = True
            self._set(longest_in_dictionary(self._chunk, self._read_at))
