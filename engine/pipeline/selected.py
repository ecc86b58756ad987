"""The selected alerts of a fragment, read in the content that was asked for, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from engine.archive import Fragment
from engine.pipeline.enrich import compute_added, enrichments_for, leaf_of, leaves_needed, root_of
from engine.pipeline.selection import Selection
from engine.schema import split_leaf

__all__ = ["read_content"]

_BLOCK_NBYTES = 1 << 26
"""What is gathered comes to no more than this; blocks are planned with 24 MiB."""


def read_content(
    selection: Selection, fragment: Fragment, positions: np.ndarray | None
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Yield the selected alerts of a fragment in the content of the selection, block by block.

    What the file lacks of the enrichments' columns is computed for these alerts alone.

    Parameters
    ----------
    selection
        What to read, and as what.
    fragment
        Where.
    positions
        Positions of the selected alerts in the fragment, ascending, shape (k,); None selects all.

    Yields
    ------
    positions, block
        Positions of the block's alerts, shape (n,), and the alerts, n rows.
    """
    selection.archive.check_rows(fragment)
    starts = np.concatenate([[0], np.cumsum(fragment.row_group_alerts)])
    if positions is None:
        positions = np.arange(fragment.num_alerts)
    owners = np.searchsorted(starts, positions, side="right") - 1
    touched = np.unique(owners)
    if not len(touched):
        return
    columns = selection.projection.columns()
    lacking = {root for column in columns if (root := root_of(column, fragment.lacking))}
    enrichments = enrichments_for(selection.enrichments, lacking)
    needed = [split_leaf(field.name)[1] for field in leaves_needed(enrichments)]
    # Row groups without a selected alert are never opened.
    read = np.concatenate([np.arange(starts[group], starts[group + 1]) for group in touched])
    row_groups = [fragment.row_groups[group] for group in touched]
    blocks = selection.archive.read_blocks(fragment, [*columns, *needed], row_groups, selection.block_alerts)
    for here, block in _gathered(_kept(blocks, read, positions), selection.block_alerts):

        def leaf(field: pa.Field, block: pa.RecordBatch = block) -> pa.Array:
            return leaf_of(block, field.name, field.type, fragment.file.path)

        added = compute_added(enrichments, leaf, block.num_rows)
        for name in lacking:
            block = _with_column(block, name, added[name])
        yield here, selection.projection.apply(block, fragment.file.path)


def _kept(
    blocks: Iterator[pa.RecordBatch], rows: np.ndarray, positions: np.ndarray
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Yield those alerts of blocks that are selected, and their positions; `rows` are the positions of all."""
    done = 0
    for block in blocks:
        here = rows[done : done + block.num_rows]
        done += block.num_rows
        kept = positions[np.searchsorted(positions, here[0]) : np.searchsorted(positions, here[-1], side="right")]
        if len(kept) == block.num_rows:
            yield here, block
        elif len(kept):
            yield kept, block.take(pa.array(np.searchsorted(here, kept)))


def _gathered(
    parts: Iterator[tuple[np.ndarray, pa.RecordBatch]], block_alerts: int
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Yield alerts in blocks that are full, but for the last: what is done to a block costs much for a few."""
    held: list[tuple[np.ndarray, pa.RecordBatch]] = []
    num_held = nbytes = 0
    for here, block in parts:
        if held and (num_held + block.num_rows > block_alerts or nbytes + block.nbytes > _BLOCK_NBYTES):
            yield _joined(held)
            held, num_held, nbytes = [], 0, 0
        held.append((here, block))
        num_held, nbytes = num_held + block.num_rows, nbytes + block.nbytes
    if held:
        yield _joined(held)


def _joined(parts: list[tuple[np.ndarray, pa.RecordBatch]]) -> tuple[np.ndarray, pa.RecordBatch]:
    if len(parts) == 1:
        return parts[0]
    positions, blocks = zip(*parts, strict=True)
    (block,) = pa.Table.from_batches(blocks).combine_chunks().to_batches()
    return np.concatenate(positions), block


def _with_column(block: pa.RecordBatch, name: str, array: pa.Array) -> pa.RecordBatch:
    """Return a block with a column that the file lacks, or has as one of type null."""
    index = block.schema.get_field_index(name)
    return block.append_column(name, array) if index < 0 else block.set_column(index, name, array)
