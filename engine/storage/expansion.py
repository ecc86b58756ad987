"""Files that expand without bound: a few kilobytes of Parquet that decode to many gigabytes.

Three ways are known. Zeros compress to a thousandth, and the footer says so. A run of one number, or of nulls, takes a
few bytes whatever its length: the footer says how many there are. A dictionary holds a value once, however often a
column has it, and DELTA_BYTE_ARRAY what a value shares with the one before; no footer says how long such values are: so
no more rows of these columns are decoded at once than fit if each holds the longest value that can be, and what comes
out is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["FACTOR", "FREE_NBYTES", "Expansion", "ExpansionError", "check_rows"]

FREE_NBYTES = 1 << 29
"""So much any row groups that are read together may come to; Arrow and numpy hold it up to four times."""
FACTOR = 100
"""So many times what lies in the file they may come to besides. Alerts compress to a third, labels to a fiftieth."""
_BATCH_NBYTES = 1 << 28
"""So much what is decoded at once may come to, by the dictionaries; Arrow takes twice as much while it does."""
_BLOCK_NBYTES = 1 << 26
"""What was decoded in smaller batches than wanted is put together up to this; blocks are planned with 24 MiB."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 8, "BYTE_ARRAY": 4}
"""Bytes of a decoded value; of texts those of its offset."""
_POSITION_NBYTES = 8
"""Of each row its position is kept."""
_HEADER_NBYTES = 64


class ExpansionError(pa.ArrowInvalid):
    """Row groups come to more than they may."""


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
    """

    def __init__(
        self,
        parquet: pq.ParquetFile,
        row_groups: Sequence[int],
        columns: Sequence[str],
        file_nbytes: int,
        read_at: Callable[[int, int], bytes],
    ):
        metadata = parquet.metadata
        prefixes = tuple(f"{column}." for column in columns)
        paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
        wanted = [i for i, path in enumerate(paths) if path in columns or path.startswith(prefixes)]
        groups = [metadata.row_group(group) for group in row_groups]
        chunks = [[group.column(i) for i in wanted] for group in groups]
        stored = sum(max(0, chunk.total_compressed_size) for of_group in chunks for chunk in of_group)
        self._allowed = _allowed(min(stored, file_nbytes))
        self._claimed = sum(group.num_rows * _POSITION_NBYTES for group in groups)
        self._num_rows = sum(group.num_rows for group in groups)
        self._come_to = 0
        self._row_nbytes = 1
        for group, of_group in zip(groups, chunks, strict=True):
            longest = 0
            for i, chunk in zip(wanted, of_group, strict=True):
                width = _WIDTHS.get(chunk.physical_type, metadata.schema.column(i).length)
                self._claimed += max(0, chunk.total_uncompressed_size) + max(0, chunk.num_values) * max(0, width)
                if chunk.physical_type == "BYTE_ARRAY":
                    a_row = -(-chunk.num_values // max(1, group.num_rows))
                    longest += a_row * _longest_nbytes(chunk, read_at)
            self._row_nbytes = max(self._row_nbytes, longest)

    def check_claimed(self) -> None:
        """Raise if they claim to come to more than they may.

        Raises
        ------
        ExpansionError
            Saying to how much.
        """
        self._check(self._claimed)

    def rows_at_once(self, wanted: int) -> int:
        """Return how many rows may be decoded at once, `wanted` at most."""
        return max(1, min(wanted, _BATCH_NBYTES // self._row_nbytes))

    def rows_within(self, nbytes: int) -> int:
        """Return how many rows come to so many bytes, by what they claim to come to."""
        return max(1, nbytes * self._num_rows // max(1, self._claimed))

    def batches(self, wanted: int, read: Callable[[int], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        """Yield batches of `wanted` rows, or fewer of long ones, as long as they come to no more than they may.

        Parameters
        ----------
        wanted
            Rows of a batch at most.
        read
            Decodes so many rows at once.

        Raises
        ------
        ExpansionError
            If they do.
        """
        at_once = self.rows_at_once(wanted)
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


def _longest_nbytes(chunk: pq.ColumnChunkMetaData, read_at: Callable[[int, int], bytes]) -> int:
    """Return the bytes of the longest value that can stand more often in a column chunk than its bytes are there."""
    dictionary = _dictionary_nbytes(chunk, read_at) if chunk.has_dictionary_page else 0
    shared = chunk.total_uncompressed_size if "DELTA_BYTE_ARRAY" in chunk.encodings else 0
    return max(dictionary, shared)


def _dictionary_nbytes(chunk: pq.ColumnChunkMetaData, read_at: Callable[[int, int], bytes]) -> int:
    """Return the bytes of a column chunk's dictionary, by the header of its page; none of its values is longer."""
    header = read_at(chunk.dictionary_page_offset or 0, _HEADER_NBYTES)
    # Thrift's compact protocol: field 1 (a page's type), field 2 (bytes once uncompressed), each an i32 as zigzag.
    if len(header) < 3 or header[0] != 0x15 or header[2] != 0x15:
        return max(1, chunk.total_uncompressed_size)
    number = 0
    for place, byte in enumerate(header[3:13]):
        number |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            break
    return max(1, number >> 1)
