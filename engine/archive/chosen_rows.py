"""Chosen rows of a row group: large leaves of bytes taken from their pages, all else read by Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage import CODECS, ChunkValues, OpenParquet, pickable, put_together

__all__ = ["chosen_of", "chosen_rows", "large_leaves"]

_MOST_CHOSEN = 0.25
"""Of the rows; of half of them Arrow decodes all as fast."""
_READ_NBYTES = 1 << 25
"""Without its large leaves an alert is small: as many as come to this are read at once, which costs Arrow less."""
_VALUE_NBYTES = 8


def large_leaves(
    opened: OpenParquet, row_groups: Sequence[int], columns: Sequence[str], num_chosen: int
) -> tuple[int, ...]:
    """Return the places of the leaves that are taken from their pages, if so many rows are chosen of the row groups."""
    num_rows = sum(opened.metadata.row_group(group).num_rows for group in row_groups)
    if not columns or num_chosen > _MOST_CHOSEN * num_rows:
        return ()
    return pickable(opened.layout, opened.metadata, row_groups, opened.layout.places(columns))


def chosen_of(
    blocks: Iterator[pa.RecordBatch], rows: np.ndarray, chosen: np.ndarray
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Yield those rows of blocks that are chosen, and their positions.

    Parameters
    ----------
    blocks
        All rows.
    rows
        Their positions, shape (n,), ascending.
    chosen
        Those of the chosen rows, shape (k,), ascending.
    """
    done = 0
    for block in blocks:
        here = rows[done : done + block.num_rows]
        done += block.num_rows
        kept = chosen[np.searchsorted(chosen, here[0]) : np.searchsorted(chosen, here[-1], side="right")]
        if len(kept) == block.num_rows:
            yield here, block
        elif len(kept):
            yield kept, block.take(pa.array(np.searchsorted(here, kept)))


def chosen_rows(
    opened: OpenParquet,
    row_group: int,
    columns: Sequence[str],
    picked: Sequence[int],
    chosen: np.ndarray,
    block_alerts: int,
    batches: Callable[[Callable[[int], Iterator[pa.RecordBatch]], int], Iterator[pa.RecordBatch]],
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Yield chosen rows of a row group, and their positions in it.

    Parameters
    ----------
    opened
        The file.
    row_group, columns
        What is read of it.
    picked
        Places of the leaves that are taken from their pages.
    chosen
        Positions of the rows, ascending, shape (k,).
    block_alerts
        Rows of a block at most.
    batches
        Given what reads batches of so many rows, and how many are wanted, yields them within what memory allows.

    Raises
    ------
    PageError
        If a page has to be left to Arrow. What was yielded before is right.
    """
    metadata = opened.metadata.row_group(row_group)
    places = opened.layout.places(columns)
    rest = [place for place in places if place not in picked]

    def read(num_rows: int) -> Iterator[pa.RecordBatch]:
        return opened.batches_of([row_group], rest, num_rows)

    alone: Iterator[tuple[np.ndarray, pa.RecordBatch | None]] = iter([(chosen, None)])
    if rest:
        blocks = batches(read, max(block_alerts, _rows_within(_READ_NBYTES, metadata, rest)))
        alone = chosen_of(blocks, np.arange(metadata.num_rows), chosen)
    values: dict[int, ChunkValues] = {}
    for rows, block in alone:
        for start in range(0, len(rows), block_alerts):
            here = rows[start : start + block_alerts]
            # Arrow is first to read: once it has begun with a row group, the rest of it is fetched.
            values = values or {place: _values(opened, row_group, place) for place in picked}
            found = {place: values[place].pick(here) for place in picked}
            some = None if block is None else block.slice(start, len(here))
            yield here, put_together(opened.layout.schema, places, some, found)
            opened.let_go_of_pages()
    for one in values.values():
        one.finish()
    opened.let_go_of_pages()


def _rows_within(nbytes: int, group: pq.RowGroupMetaData, places: Sequence[int]) -> int:
    """Return how many rows of some leaves come to so many bytes, by the footer, or all."""
    chunks = [group.column(place) for place in places]
    claimed = sum(max(chunk.total_uncompressed_size, _VALUE_NBYTES * chunk.num_values) for chunk in chunks)
    return max(1, min(group.num_rows, nbytes * group.num_rows // max(1, claimed)))


def _values(opened: OpenParquet, row_group: int, place: int) -> ChunkValues:
    group = opened.metadata.row_group(row_group)
    codec = CODECS[group.column(place).compression]
    deepest = opened.layout.parquet.column(place).max_definition_level
    return ChunkValues(opened.chunk(row_group, place), codec, group.num_rows, deepest)
