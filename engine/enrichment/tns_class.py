"""TnsClass: the column `tnsclass`, matched by position against a catalogue of the Transient Name Server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from engine.enrichment.enrichment import ClassEnrichment, Enrichment, Lack
from engine.enrichment.tns_catalogue import CATALOGUE_FORMS, CatalogueFile, load_tns_catalogue
from engine.enrichment.tns_match import tnsclass

__all__ = ["TnsClass", "catalogue_of", "with_catalogue"]

_ADDS = pa.schema([("tnsclass", pa.string())])
_LACK = Lack(
    asked="types of the Transient Name Server",
    missing="no TNS catalogue is given",
    accepted=f"a catalogue: {CATALOGUE_FORMS}",
    next_step="give --tns-catalogue FILE",
)


@dataclass(frozen=True, kw_only=True)
class TnsClass(ClassEnrichment):
    """The type that the Transient Name Server gives to what lies at an alert's position; `Unknown` without any."""

    catalogue: CatalogueFile | None = None
    """What is matched; without one nothing is read, and every alert is `Unknown`."""
    ra_field: str
    """Leaf that holds the right ascension, ICRS, degrees."""
    dec_field: str
    """Leaf that holds the declination, ICRS, degrees."""

    name = "tnsclass"
    adds = _ADDS

    @property
    def needs(self) -> pa.Schema:
        """The position, if there is a catalogue to match it with."""
        position = [(self.ra_field, pa.float64()), (self.dec_field, pa.float64())]
        return pa.schema(position if self.catalogue else [])

    @property
    def lack(self) -> Lack | None:
        """The catalogue, where none is given."""
        return None if self.catalogue else _LACK

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the types of alerts; see `engine.enrichment.Enrichment`.

        Raises
        ------
        JobError
            If the catalogue is no longer the one that was found.
        """
        if self.catalogue is None:
            types = pa.repeat("Unknown", batch.num_rows)
        else:
            ra, dec = (batch.column(leaf).to_numpy(zero_copy_only=False) for leaf in (self.ra_field, self.dec_field))
            types = tnsclass(ra, dec, load_tns_catalogue(self.catalogue))
        return pa.record_batch([types], schema=self.adds)

    def own_labels(self) -> frozenset[str]:
        """Return the types of the catalogue."""
        return frozenset(load_tns_catalogue(self.catalogue).types) if self.catalogue else frozenset()

    def notes(self) -> tuple[str, ...]:
        """Return what is odd about the catalogue."""
        return load_tns_catalogue(self.catalogue).notes if self.catalogue else ()

    def outcome_without(self, missing: Collection[str]) -> str:
        """Return what follows for alerts without a position, as the end of a sentence."""
        return "every alert of them becomes Unknown"


def with_catalogue(enrichments: Sequence[Enrichment], catalogue: CatalogueFile | None) -> tuple[Enrichment, ...]:
    """Return enrichments with a TNS catalogue for those that match one."""
    return tuple(
        replace(enrichment, catalogue=catalogue) if isinstance(enrichment, TnsClass) else enrichment
        for enrichment in enrichments
    )


def catalogue_of(enrichments: Sequence[Enrichment]) -> CatalogueFile | None:
    """Return the TNS catalogue that enrichments match, if any does."""
    found = [enrichment.catalogue for enrichment in enrichments if isinstance(enrichment, TnsClass)]
    return next(filter(None, found), None)
