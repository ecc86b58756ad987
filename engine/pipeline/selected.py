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
    done = 0
    for block in selection.archive.read_blocks(fragment, [*columns, *needed], row_groups, selection.block_alerts):
        here = read[done : done + block.num_rows]
        done += block.num_rows
        keep = np.isin(here, positions, assume_unique=True)
        if not keep.any():
            continue
        if not keep.all():
            block, here = block.filter(pa.array(keep)), here[keep]

        def leaf(field: pa.Field, block: pa.RecordBatch = block) -> pa.Array:
            return leaf_of(block, field.name, field.type, fragment.file.path)

        added = compute_added(enrichments, leaf, block.num_rows)
        for name in lacking:
            block = _with_column(block, name, added[name])
        yield here, selection.projection.apply(block, fragment.file.path)


def _with_column(block: pa.RecordBatch, name: str, array: pa.Array) -> pa.RecordBatch:
    """Return a block with a column that the file lacks, or has as one of type null."""
    index = block.schema.get_field_index(name)
    return block.append_column(name, array) if index < 0 else block.set_column(index, name, array)
