"""FinkClass: the column `finkclass`, computed by the broker's rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from engine.enrichment.enrichment import ClassEnrichment
from engine.enrichment.fink_rules import FINKCLASS_INPUTS, TEXT_INPUTS, finkclass, impossible_labels

__all__ = ["FinkClass"]

_NEEDS = pa.schema([(leaf, pa.string() if leaf in TEXT_INPUTS else pa.float64()) for leaf in FINKCLASS_INPUTS])
_ADDS = pa.schema([("finkclass", pa.string())])


@dataclass(frozen=True)
class FinkClass(ClassEnrichment):
    """Fink's label of an alert of ZTF, or the type that SIMBAD gives its object."""

    name = "finkclass"
    needs = _NEEDS
    adds = _ADDS
    label_leaves = ("cdsxmatch",)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the labels of alerts; see `engine.enrichment.Enrichment`."""
        return pa.record_batch([finkclass(batch)], schema=self.adds)

    def outcome_without(self, missing: Collection[str]) -> str:
        """Return which labels no alert without these inputs can get, as the end of a sentence."""
        labels = impossible_labels(missing)
        return f"no alert of them becomes {', '.join(labels)}" if labels else "rules on them are false"
