"""The narrow table of a fragment: the few leaves that the filter reads, classes computed where the file lacks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.archive import Fragment
from engine.conditions import input_schema, with_predicates
from engine.enrichment import FINKCLASS_INPUTS, finkclass, load_tns_catalogue, tnsclass
from engine.pipeline.selection import Selection

__all__ = ["NarrowReader"]


@dataclass(frozen=True, kw_only=True)
class NarrowReader:
    """Reads the few leaves of a fragment that the filter asks for. Callable, picklable, small."""

    selection: Selection

    def __call__(self, fragment: Fragment) -> pa.Table:
        """Return the leaves of a fragment, one row an alert, the classes computed where the file lacks them."""
        try:
            return self._read(fragment)
        except Exception:
            self.selection.archive.check_unchanged(fragment.file)  # a changed file explains best whatever went wrong
            raise

    def _read(self, fragment: Fragment) -> pa.Table:
        predicate = self.selection.predicate
        needed = input_schema(predicate.schema)
        computed = [name for name in needed.names if name in fragment.lacking]
        stored = [(field.name, field.type) for field in needed if field.name not in computed]
        table = self.selection.archive.read_leaves(
            fragment, [leaf for leaf, _ in stored], [type_ for _, type_ in stored]
        )
        classes = self.classes(fragment, computed)
        arrays = [classes[leaf] if leaf in classes else table[leaf] for leaf in needed.names]
        return with_predicates(pa.table(arrays, schema=needed), predicate.schema)

    def classes(self, fragment: Fragment, names: Sequence[str]) -> dict[str, pa.Array]:
        """Return computed class columns of a fragment, shape (num_alerts,) each."""
        found = {}
        if "finkclass" in names:
            types = [_INPUT_TYPES.get(leaf, pa.float64()) for leaf in FINKCLASS_INPUTS]
            found["finkclass"] = finkclass(self.selection.archive.read_leaves(fragment, FINKCLASS_INPUTS, types))
        if "tnsclass" in names:
            found["tnsclass"] = self._tnsclass(fragment)
        return found

    def _tnsclass(self, fragment: Fragment) -> pa.Array:
        if self.selection.tns_catalogue is None:
            return pa.repeat("Unknown", fragment.num_alerts)
        position = [self.selection.survey.ra_field, self.selection.survey.dec_field]
        table = self.selection.archive.read_leaves(fragment, position, [pa.float64(), pa.float64()])
        ra, dec = (table[leaf].to_numpy() for leaf in position)
        return tnsclass(ra, dec, load_tns_catalogue(self.selection.tns_catalogue))


_INPUT_TYPES = {"cdsxmatch": pa.string(), "tracklet": pa.string()}
