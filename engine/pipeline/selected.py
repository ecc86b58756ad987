"""The selected alerts of a fragment, read in the content that was asked for, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa

from engine.archive import Fragment, OpenFragment
from engine.pipeline.enrich import compute_added, enrichments_for, leaf_of, leaves_needed, root_of
from engine.pipeline.selection import Selection
from engine.schema import split_leaf

__all__ = ["SelectedContent", "read_content", "read_together"]

_Head = TypeVar("_Head")

_BLOCK_NBYTES = 1 << 26
"""What is gathered comes to no more than this; blocks are planned with 16 MiB."""


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
    with selection.archive.open(fragment) as opened:
        yield from SelectedContent(selection, opened, positions).blocks()


def read_together(
    contents: Sequence[SelectedContent],
) -> Iterator[tuple[list[tuple[int, np.ndarray]], pa.RecordBatch]]:
    """Yield the selected alerts of several fragments together: what is done to a block costs much for a few alerts.

    Parameters
    ----------
    contents
        Of one selection; their files lack the same columns.

    Yields
    ------
    parts, block
        Whose alerts the block has, one after another: position among the contents, and positions of the alerts in their
        fragment, shape (n,). And the alerts, as `SelectedContent.blocks` has them. Files whose columns differ are not
        in one block.
    """
    first = contents[0]
    raw = (((at, here), block) for at, content in enumerate(contents) for here, block in content.stored())
    for heads, block in _gathered(raw, first.most_alerts):
        by_content: dict[int, list[np.ndarray]] = {}
        for at, here in heads:
            by_content.setdefault(at, []).append(here)
        yield [(at, np.concatenate(rows)) for at, rows in by_content.items()], first.completed(block)


class SelectedContent:
    """The selected alerts of a fragment whose file is open; see `read_content`.

    Parameters
    ----------
    selection
        What to read, and as what.
    opened
        Where.
    positions
        Positions of the selected alerts in the fragment, ascending, shape (k,); None selects all.

    Raises
    ------
    UnreadableError
        If the fragment claims more rows than its file can hold.
    """

    def __init__(self, selection: Selection, opened: OpenFragment, positions: np.ndarray | None):
        opened.check_rows()
        fragment = opened.fragment
        self._selection = selection
        self._opened = opened
        self._positions = np.arange(fragment.num_alerts) if positions is None else positions
        columns = selection.projection.columns()
        self._lacking = {root for column in columns if (root := root_of(column, fragment.lacking))}
        self._enrichments = enrichments_for(selection.enrichments, self._lacking)
        self._columns = [*columns, *(split_leaf(field.name)[1] for field in leaves_needed(self._enrichments))]
        starts = np.concatenate([[0], np.cumsum(fragment.row_group_alerts)])
        touched = np.unique(np.searchsorted(starts, self._positions, side="right") - 1)
        # Row groups without a selected alert are never opened.
        self._row_groups = [fragment.row_groups[group] for group in touched]

    def fetch(self) -> None:
        """Begin to fetch what `blocks` reads."""
        self._opened.fetch(self._row_groups, self._columns)

    @property
    def most_alerts(self) -> int:
        """Most alerts of a block."""
        return self._selection.block_alerts

    def blocks(self) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Yield positions, shape (n,), and the alerts in the content of the selection, n rows."""
        for heads, block in _gathered(self.stored(), self.most_alerts):
            yield heads[0] if len(heads) == 1 else np.concatenate(heads), self.completed(block)

    def stored(self) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Yield positions, and the alerts as the file has them, for `completed`."""
        if self._row_groups:
            yield from self._opened.read_chosen(self._columns, self._row_groups, self._positions, self.most_alerts)

    def completed(self, block: pa.RecordBatch) -> pa.RecordBatch:
        """Return alerts in the content of the selection, with what the file lacks."""
        selection, file = self._selection, self._opened.fragment.file.path
        added = compute_added(
            self._enrichments, lambda field: leaf_of(block, field.name, field.type, file), block.num_rows
        )
        whole = block
        for name in self._lacking:
            whole = _with_column(whole, name, added[name])
        return selection.projection.apply(whole, file)


def _gathered(
    parts: Iterator[tuple[_Head, pa.RecordBatch]], block_alerts: int
) -> Iterator[tuple[list[_Head], pa.RecordBatch]]:
    """Yield alerts in blocks that are full, but for the last: what is done to a block costs much for a few."""
    heads: list[_Head] = []
    blocks: list[pa.RecordBatch] = []
    num_held = nbytes = 0
    for head, block in parts:
        is_full = num_held + block.num_rows > block_alerts or nbytes + block.nbytes > _BLOCK_NBYTES
        if blocks and (is_full or not blocks[0].schema.equals(block.schema)):
            yield heads, _joined(blocks)
            heads, blocks, num_held, nbytes = [], [], 0, 0
        heads.append(head)
        blocks.append(block)
        num_held, nbytes = num_held + block.num_rows, nbytes + block.nbytes
        if num_held >= block_alerts:  # none is read before this one is used
            yield heads, _joined(blocks)
            heads, blocks, num_held, nbytes = [], [], 0, 0
    if blocks:
        yield heads, _joined(blocks)


def _joined(blocks: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(blocks) == 1:
        return blocks[0]
    (block,) = pa.Table.from_batches(blocks).combine_chunks().to_batches()
    return block


def _with_column(block: pa.RecordBatch, name: str, array: pa.Array) -> pa.RecordBatch:
    """Return a block with a column that the file lacks, or has as one of type null."""
    index = block.schema.get_field_index(name)
    return block.append_column(name, array) if index < 0 else block.set_column(index, name, array)
