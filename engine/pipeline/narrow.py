"""The narrow table of a fragment: the few leaves that the filter reads, what a file lacks of them computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.archive import Fragment
from engine.conditions import input_schema, with_predicates
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
        try:
            return self._read(fragment, rows)
        except Exception:
            self.selection.archive.check_unchanged(fragment.file)  # a changed file explains best whatever went wrong
            raise

    def _read(self, fragment: Fragment, rows: np.ndarray | None) -> pa.Table:
        """Read what the predicate needs and what enrichments need for it, both in one go.

        A condition on a column that is computed has it computed for every alert: which are selected is not known yet.
        """
        needed = input_schema(self.selection.predicate.schema)
        asked = list(needed)
        computed = {field.name: root for field in asked if (root := root_of(field.name, fragment.lacking))}
        enrichments = enrichments_for(self.selection.enrichments, set(computed.values()))
        stored = [field for field in asked if field.name not in computed]
        read = list(dict.fromkeys([*stored, *leaves_needed(enrichments)]))
        table = self.selection.archive.read_leaves(
            fragment, [field.name for field in read], [field.type for field in read]
        )
        num_alerts = fragment.num_alerts if rows is None else len(rows)
        if rows is not None:
            table = table.take(pa.array(rows))
        arrays = dict(zip(read, map(combined, table.columns), strict=True))
        added = compute_added(enrichments, arrays.__getitem__, num_alerts)
        block = pa.record_batch(list(added.values()), names=list(added))
        arrays |= {
            field: leaf_of(block, field.name, field.type, fragment.file.path)
            for field in asked
            if field.name in computed
        }
        table = pa.table([arrays[field] for field in asked], schema=needed)
        return with_predicates(table, self.selection.predicate.schema)
