"""The narrow table of a fragment: the few leaves that the filter reads, what a file lacks of them computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.archive import Fragment, OpenFragment
from engine.conditions import input_schema, with_predicates
from engine.enrichment import Enrichment
from engine.pipeline.enrich import compute_added, enrichments_for, leaf_of, leaves_needed, root_of
from engine.pipeline.selection import Selection
from engine.schema import combined

__all__ = ["NarrowReader"]


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
        with self.selection.archive.open(fragment) as opened:
            ((table, _),) = self._read(opened, rows)
        return table

    def of(self, opened: OpenFragment) -> pa.Table:
        """Return the leaves of a fragment that is open, one row an alert."""
        ((table, _),) = self._read(opened)
        return table

    def with_identifiers(self, opened: OpenFragment) -> tuple[pa.Table, pa.Array]:
        """Return the same, and the identifiers of all alerts, int64, one row an alert, read along with it."""
        identifier = pa.field(self.selection.survey.id_field, pa.int64())
        ((table, further),) = self._read(opened, further=[identifier])
        return table, further[identifier]

    def blocks(self, fragment: Fragment, block_nbytes: int) -> Iterator[pa.Table]:
        """Yield the same in blocks, for which so many bytes are read at most."""
        with self.selection.archive.open(fragment) as opened:
            yield from (table for table, _ in self._read(opened, block_nbytes=block_nbytes))

    def leaves(self, fragments: Iterable[Fragment], *, with_identifiers: bool = False) -> list[str]:
        """Return the leaves that are read of fragments, of any of them."""
        further = [self.selection.survey.id_field] if with_identifiers else []
        by_lack = {fragment.lacking: fragment for fragment in fragments}
        wanted = [field.name for fragment in by_lack.values() for field in self._wanted(fragment, ())[2]]
        return list(dict.fromkeys([*wanted, *further]))

    def _wanted(
        self, fragment: Fragment, further: Sequence[pa.Field]
    ) -> tuple[dict[str, str], list[Enrichment], list[pa.Field]]:
        """Return which leaves are computed, of which root columns; by what; and all that is read for it."""
        asked = list(input_schema(self.selection.predicate.schema))
        computed = {field.name: root for field in asked if (root := root_of(field.name, fragment.lacking))}
        enrichments = enrichments_for(self.selection.enrichments, set(computed.values()))
        stored = [field for field in asked if field.name not in computed]
        return computed, enrichments, list(dict.fromkeys([*stored, *leaves_needed(enrichments), *further]))

    def _read(
        self,
        opened: OpenFragment,
        rows: np.ndarray | None = None,
        further: Sequence[pa.Field] = (),
        block_nbytes: int | None = None,
    ) -> Iterator[tuple[pa.Table, dict[pa.Field, pa.Array]]]:
        """Read what the predicate needs and what enrichments need for it, and further leaves, all in one go.

        A condition on a column that is computed has it computed for every alert: which are selected is not known yet.
        """
        fragment, needed = opened.fragment, input_schema(self.selection.predicate.schema)
        computed, enrichments, wanted = self._wanted(fragment, further)
        leaves, types = [field.name for field in wanted], [field.type for field in wanted]
        try:
            tables = (
                iter([opened.read_leaves(leaves, types)])
                if block_nbytes is None
                else opened.read_leaf_blocks(leaves, types, block_nbytes)
            )
            for table in tables:
                # A table without a column has no rows.
                num_rows = table.num_rows if wanted else fragment.num_alerts
                if rows is not None:
                    table, num_rows = table.take(pa.array(rows)), len(rows)
                arrays = dict(zip(wanted, map(combined, table.columns), strict=True))
                added = compute_added(enrichments, arrays.__getitem__, num_rows)
                block = pa.record_batch(list(added.values()), names=list(added))
                arrays |= {
                    field: leaf_of(block, field.name, field.type, fragment.file.path)
                    for field in needed
                    if field.name in computed
                }
                narrow = pa.table([arrays[field] for field in needed], schema=needed)
                yield with_predicates(narrow, self.selection.predicate.schema), {leaf: arrays[leaf] for leaf in further}
        except Exception:
            opened.check_unchanged()  # a changed file explains best whatever went wrong
            raise
