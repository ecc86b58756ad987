"""A fragment whose file is open: one opened file, one footer, and ranges of it that are fetched ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TypeVar

import numpy as np
import pyarrow as pa

from engine.archive.chosen_rows import chosen_of, chosen_rows, large_leaves
from engine.archive.footer import ArchiveFile
from engine.archive.fragments import Fragment
from engine.archive.guarding import Reading, guarded
from engine.errors import ArchiveError
from engine.schema import (
    columns_for,
    combined,
    compute_leaves,
    existing,
    names_along,
    readable_together,
    split_leaf,
    type_at,
)
from engine.storage import Expansion, OpenParquet, PageError, Store, check_rows, without_password

__all__ = ["OpenFragment"]

_T = TypeVar("_T")
_AS_INDEXED = "a file that is as it was when the archive was listed or indexed"
_INDEX_ANEW = "have every file read once more, alert-transfer archive index --anew, and submit the request again"


class OpenFragment:
    """A fragment whose file is open; made by `Archive.open`, and closed by leaving its `with`.

    For one thread at a time; another thread may open it and have it fetch ahead before it hands it over.

    Parameters
    ----------
    store
        Where it lies.
    fragment
        Row groups of a file.
    opened
        The file.
    check_unchanged
        Raises if a file is not the one that was planned.
    """

    def __init__(
        self, store: Store, fragment: Fragment, opened: OpenParquet, check_unchanged: Callable[[ArchiveFile], None]
    ):
        self._store = store
        self._check_unchanged = check_unchanged
        self.fragment = fragment
        self._opened = opened
        self._layout = opened.layout
        self._schema = opened.layout.schema
        self._failed = False
        _check_as_planned(fragment, opened)

    def __enter__(self) -> OpenFragment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what is fetched of it and was not read is dropped."""
        self._opened.close()

    def fetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch what some columns have in row groups, and return at once; reads wait for what they need.

        Parameters
        ----------
        row_groups
            Of the fragment, in the order in which they will be read.
        columns
            Root columns, paths inside them, and leaves as `read_leaves` takes them.
        """
        self._opened.fetch(row_groups, self._columns_for(columns))

    def read_leaves(self, leaves: Sequence[str], types: Sequence[pa.DataType]) -> pa.Table:
        """Return leaves of the fragment as a flat table, columns named by their paths.

        Parameters
        ----------
        leaves
            Paths (`candidate.magpsf`), or derived leaves: `size(prv_candidates)`, `present(lc_features_g)`; of
            predicates of lists, their inputs.
        types
            Type that each comes out in; a leaf that the file lacks is null.

        Returns
        -------
        pyarrow.Table
            With the fragment's `num_alerts` rows, in the order of the source.

        Raises
        ------
        UnreadableError
            If a row group is not the Parquet it should be, naming it.
        ArchiveError
            If the file can't be read, or holds a value that its type has no place for.
        """
        fragment = self.fragment
        roots = dict.fromkeys(names_along(self._schema, split_leaf(leaf)[1])[0] for leaf in leaves)
        columns = self._columns_for(leaves)
        expansion = self._expansion(fragment.row_groups, columns)
        parts = []
        for groups in self._together(columns, fragment.row_groups):
            read = Reading(self._opened, groups, columns)
            num_alerts = self._num_alerts(groups)
            table = self._guarded(partial(_read_groups, self._opened, groups, columns, expansion, num_alerts), read)
            sources = {name: combined(table[name]) for name in roots if name in table.column_names}
            arrays = compute_leaves(sources, leaves, types, num_alerts, fragment.file.path)
            parts.append(pa.table(arrays, schema=pa.schema(list(zip(leaves, types, strict=True)))))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()

    def read_leaf_blocks(
        self, leaves: Sequence[str], types: Sequence[pa.DataType], block_nbytes: int
    ) -> Iterator[pa.Table]:
        """Yield what `read_leaves` returns in blocks: of a large row group, too, little is in memory.

        Parameters
        ----------
        leaves, types
            As for `read_leaves`.
        block_nbytes
            What the columns that are read come to in a block, by the footer.
        """
        fragment = self.fragment
        schema = pa.schema(list(zip(leaves, types, strict=True)))
        columns = self._columns_for(leaves)
        if not columns:
            nothing = compute_leaves({}, leaves, types, fragment.num_alerts, fragment.file.path)
            yield pa.table(nothing, schema=schema)
            return
        expansion = self._expansion(fragment.row_groups, columns)
        for batch in self._batches(fragment.row_groups, columns, expansion, expansion.rows_within(block_nbytes)):
            sources = dict(zip(batch.schema.names, batch.columns, strict=True))
            arrays = compute_leaves(sources, leaves, types, batch.num_rows, fragment.file.path)
            yield pa.table(arrays, schema=schema)

    def read_blocks(
        self, columns: Sequence[str], row_groups: Sequence[int], block_alerts: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield the alerts of some row groups of the fragment in blocks, as the file has them.

        Parameters
        ----------
        columns
            Root columns or paths inside them; those that the file lacks are left out.
        row_groups
            Row groups of the fragment, in order.
        block_alerts
            Alerts a block at most.

        Raises
        ------
        UnreadableError
            If a row group is not the Parquet it should be, naming it.
        ArchiveError
            If the file can't be read.
        """
        names = self._layout.once(("existing", *columns), lambda: existing(self._schema, columns))
        if not names:
            for row_group in row_groups:
                n = self.fragment.row_group_alerts[self.fragment.row_groups.index(row_group)]
                yield pa.record_batch([pa.nulls(n)], names=[""]).select([])
            return
        yield from self._batches(row_groups, names, self._expansion(row_groups, names), block_alerts)

    def read_chosen(
        self, columns: Sequence[str], row_groups: Sequence[int], positions: np.ndarray, block_alerts: int
    ) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Yield chosen alerts of some row groups, and their positions in the fragment, shape (n,), in blocks.

        Where they are few, large values such as stamps are taken from their pages, and the others' are not decoded.

        Parameters
        ----------
        columns, row_groups, block_alerts
            As for `read_blocks`.
        positions
            Of the alerts in the fragment, ascending, shape (k,); all stand in these row groups.

        Raises
        ------
        UnreadableError, ArchiveError
            As `read_blocks` does.
        """
        starts = np.concatenate([[0], np.cumsum(self.fragment.row_group_alerts)])
        rows = {
            group: np.arange(starts[at], starts[at + 1])
            for at, group in enumerate(self.fragment.row_groups)
            if group in row_groups
        }
        names = self._layout.once(("existing", *columns), lambda: existing(self._schema, columns))
        picked = large_leaves(self._opened, row_groups, names, len(positions))
        if not picked:
            blocks = self.read_blocks(columns, row_groups, block_alerts)
            all_ = np.concatenate([np.empty(0, np.int64), *(rows[group] for group in row_groups)])
            yield from chosen_of(blocks, all_, positions)
            return
        expansion = self._expansion(row_groups, names)
        for group in row_groups:
            here = rows[group]
            chosen = positions[slice(*np.searchsorted(positions, [here[0], here[-1] + 1]))] if len(here) else here
            found = self._picked(group, names, picked, chosen - here[:1], block_alerts, expansion)
            yield from ((some + here[0], block) for some, block in found)

    def _picked(
        self,
        group: int,
        columns: Sequence[str],
        picked: Sequence[int],
        chosen: np.ndarray,
        block_alerts: int,
        expansion: Expansion,
    ) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Yield chosen rows of a row group, and their positions in it."""

        def bounded(read: Callable[[int], Iterator[pa.RecordBatch]], wanted: int) -> Iterator[pa.RecordBatch]:
            return _whole(expansion.batches(wanted, read, [group]), self._num_alerts([group]))

        found = chosen_rows(self._opened, group, columns, picked, chosen, block_alerts, bounded)
        read, num_done = Reading(self._opened, [group], columns), 0
        while isinstance(part := self._guarded(partial(_next_of, found), read), tuple):
            num_done += len(part[0])
            yield part
        if isinstance(part, PageError):
            # Arrow reads pages of all kinds, and says what ails those that can't be read.
            blocks = self._batches([group], columns, expansion, block_alerts)
            num_rows = self._opened.metadata.row_group(group).num_rows
            yield from chosen_of(blocks, np.arange(num_rows), chosen[num_done:])

    def check_rows(self) -> None:
        """Raise if the fragment claims more rows than a file of its size can hold.

        Raises
        ------
        UnreadableError
            Naming the file.
        """
        self._guarded(lambda: check_rows(self.fragment.num_alerts, self.fragment.file.nbytes))

    def check_unchanged(self) -> None:
        """Raise if the file is gone, or is not the one that was planned; to be asked once all was read.

        Raises
        ------
        ArchiveError
            Naming the file.
        """
        if self._failed or not self._opened.is_one_version:
            self._check_unchanged(self.fragment.file)

    def _batches(
        self, row_groups: Sequence[int], columns: Sequence[str], expansion: Expansion, block_alerts: int
    ) -> Iterator[pa.RecordBatch]:
        for groups in self._together(columns, row_groups):
            found = expansion.batches(block_alerts, partial(self._opened.batches, groups, columns), groups)
            batches = _whole(found, self._num_alerts(groups))
            read = Reading(self._opened, groups, columns)
            while (batch := self._guarded(partial(next, batches, None), read)) is not None:
                yield batch

    def _num_alerts(self, row_groups: Sequence[int]) -> int:
        alerts = dict(zip(self.fragment.row_groups, self.fragment.row_group_alerts, strict=True))
        return sum(alerts[group] for group in row_groups)

    def _columns_for(self, leaves: Sequence[str]) -> list[str]:
        return self._layout.once(("columns", *leaves), lambda: columns_for(self._schema, self._layout.parquet, leaves))

    def _together(self, columns: Sequence[str], row_groups: Sequence[int]) -> list[list[int]]:
        """Return the row groups in parts, each of which is read in one go."""
        # Of a remote file what comes first is decoded while the rest is on its way.
        if self._opened.source is not None:
            return [[group] for group in row_groups]
        are_together = self._layout.once(
            ("together", *columns), lambda: len(readable_together(self._schema, columns, [0, 1])) == 1
        )
        return [list(row_groups)] if are_together else [[group] for group in row_groups]

    def _expansion(self, row_groups: Sequence[int], columns: Sequence[str]) -> Expansion:
        def checked() -> Expansion:
            self._opened.fetch(row_groups, columns)
            expansion = self._opened.expansion(row_groups, columns, self.fragment.file.nbytes)
            expansion.check_claimed()
            return expansion

        return self._guarded(checked)

    def _guarded(self, action: Callable[[], _T], read: Reading | None = None) -> _T:
        try:
            return guarded(self._store, self.fragment.file, action, read)
        except Exception:
            self._failed = True
            raise


def _next_of(found: Iterator[_T]) -> _T | PageError | None:
    """Return what comes next, None after the last, or why the rest is left to Arrow."""
    try:
        return next(found, None)
    except PageError as exc:
        return exc


def _read_groups(
    opened: OpenParquet, groups: Sequence[int], columns: Sequence[str], expansion: Expansion, num_rows: int
) -> pa.Table:
    """Return columns of row groups; in batches where a value may be so long that all at once are too much."""
    if not columns or expansion.rows_at_once(num_rows, groups) >= num_rows:
        table = opened.read(groups, columns)
        _check_came(table.num_rows, num_rows)
        return table
    batches = expansion.batches(num_rows, partial(opened.batches, groups, columns), groups)
    return pa.Table.from_batches(list(_whole(batches, num_rows)))


def _whole(batches: Iterator[pa.RecordBatch], num_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches that come to so many rows; raise at the end, or before what goes beyond, if they don't."""
    num_came = 0
    for batch in batches:
        num_came += batch.num_rows
        if num_came > num_rows:
            break
        yield batch
    _check_came(num_came, num_rows)


def _check_came(num_came: int, num_rows: int) -> None:
    """Raise if pages have other rows than the footer says: of some damaged pages Arrow gives fewer, and no error."""
    if num_came != num_rows:
        raise pa.ArrowInvalid(f"its pages have {num_came:,} alerts, where {num_rows:,} were expected")


def _check_as_planned(fragment: Fragment, opened: OpenParquet) -> None:
    """Raise if a file has other row groups, or other alerts in all, than the plan has of it, or lacks what it has.

    A plan may be made of what a catalogue says. That each fragment's row groups are as planned, and that all of the
    file's together are all that it has, proves that nothing of it is missed.
    """
    metadata, layout = opened.metadata, opened.layout
    there = [metadata.row_group(group).num_rows for group in fragment.row_groups if group < metadata.num_row_groups]
    has = layout.once(
        ("has", *fragment.lacking),
        lambda: [name for name in fragment.lacking if type_at(layout.schema, name) is not None],
    )
    if tuple(there) == fragment.row_group_alerts and fragment.file_alerts in (None, metadata.num_rows) and not has:
        return
    if has:
        raise ArchiveError(
            f"{without_password(fragment.file.path)} has {', '.join(has)}, which it lacked when the job was planned",
            accepted=_AS_INDEXED,
            next_step=_INDEX_ANEW,
        )
    raise ArchiveError(
        f"{without_password(fragment.file.path)} has other row groups than were planned: {metadata.num_rows:,} alerts "
        f"in {metadata.num_row_groups:,} row groups, with {there} where {list(fragment.row_group_alerts)} were expected"
        + ("" if fragment.file_alerts is None else f" of {fragment.file_alerts:,}"),
        accepted=_AS_INDEXED,
        next_step=_INDEX_ANEW,
    )
