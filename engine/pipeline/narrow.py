"""The narrow table of a fragment: the few leaves that the filter reads, what a file lacks of them computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.archive import Fragment
from engine.conditions import input_schema, with_predicates
from engine.pipeline.enrich import compute_added, enrichments_for, leaf_of, leaves_needed, root_of
from engine.pipeline.selection import Selection
from engine.schema import combined

__all__ = ["NarrowReader"]

_Read = Callable[[Sequence[str], Sequence[pa.DataType]], Iterator[pa.Table]]


@dataclass(frozen=True, kw_only=True)
class NarrowReader:
    """Reads the few leaves of a fragment that the predicate needs. Callable, picklable, small."""

    selection: Selection

    def __call__(self, fragment: Fragment, rows: np.ndarray | None = None) -> pa.Table:
        """Return the leaves of a fragment, one row an alert; of columns that the file lacks the enrichments' values.

        Parameters
        ----------
        fragment
            What to read.
        rows
            Positions of alerts in the fragment, shape (n,): only these are read on after the file's columns. None: all.
        """
        ((table, _),) = self._read(fragment, self._whole(fragment), rows)
        return table

    def with_identifiers(self, fragment: Fragment) -> tuple[pa.Table, pa.Array]:
        """Return the same, and the identifiers of all alerts, int64, one row an alert, read along with it."""
        identifier = pa.field(self.selection.survey.id_field, pa.int64())
        ((table, further),) = self._read(fragment, self._whole(fragment), further=[identifier])
        return table, further[identifier]

    def blocks(self, fragment: Fragment, block_nbytes: int) -> Iterator[pa.Table]:
        """Yield the same in blocks, for which so many bytes are read at most."""

        def read(leaves: Sequence[str], types: Sequence[pa.DataType]) -> Iterator[pa.Table]:
            return self.selection.archive.read_leaf_blocks(fragment, leaves, types, block_nbytes)

        return (table for table, _ in self._read(fragment, read))

    def _whole(self, fragment: Fragment) -> _Read:
        def read(leaves: Sequence[str], types: Sequence[pa.DataType]) -> Iterator[pa.Table]:
            yield self.selection.archive.read_leaves(fragment, leaves, types)

        return read

    def _read(
        self, fragment: Fragment, read: _Read, rows: np.ndarray | None = None, further: Sequence[pa.Field] = ()
    ) -> Iterator[tuple[pa.Table, dict[pa.Field, pa.Array]]]:
        """Read what the predicate needs and what enrichments need for it, and further leaves, all in one go.

        A condition on a column that is computed has it computed for every alert: which are selected is not known yet.
        """
        needed = input_schema(self.selection.predicate.schema)
        asked = list(needed)
        computed = {field.name: root for field in asked if (root := root_of(field.name, fragment.lacking))}
        enrichments = enrichments_for(self.selection.enrichments, set(computed.values()))
        stored = [field for field in asked if field.name not in computed]
        wanted = list(dict.fromkeys([*stored, *leaves_needed(enrichments), *further]))
        try:
            for table in read([field.name for field in wanted], [field.type for field in wanted]):
                # A table without a column has no rows.
                num_rows = table.num_rows if wanted else fragment.num_alerts
                if rows is not None:
                    table, num_rows = table.take(pa.array(rows)), len(rows)
                arrays = dict(zip(wanted, map(combined, table.columns), strict=True))
                added = compute_added(enrichments, arrays.__getitem__, num_rows)
                block = pa.record_batch(list(added.values()), names=list(added))
                arrays |= {
                    field: leaf_of(block, field.name, field.type, fragment.file.path)
                    for field in asked
                    if field.name in computed
                }
                narrow = pa.table([arrays[field] for field in asked], schema=needed)
                yield with_predicates(narrow, self.selection.predicate.schema), {leaf: arrays[leaf] for leaf in further}
        except Exception:
            self.selection.archive.check_unchanged(fragment.file)  # a changed file explains best whatever went wrong
            raise
