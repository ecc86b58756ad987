"""What is particular to a survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.enrichment import Enrichment
from engine.surveys.classes import Classes

__all__ = ["Survey"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Names of the fields that mean something to the engine."""

    name: str
    candidate: str
    """Struct with the properties of the detection."""
    identity: tuple[str, ...]
    """Paths that let an alert be known and put into its night, in every content."""
    id_field: str
    """The alert's identifier: int64, unique."""
    time_field: str
    """Julian date, UTC, days."""
    ra_field: str
    """Right ascension, ICRS, degrees."""
    dec_field: str
    """Declination, ICRS, degrees."""
    lightcurve_leaves: tuple[str, ...]
    """What the lightcurve content takes out of the candidate to the top level."""
    history: str
    """List of the object's earlier detections."""
    stamps: tuple[str, ...]
    night_columns: tuple[str, ...]
    """Root columns that repeat the folder's name."""
    portal_prefixes: Mapping[str, tuple[str, ...]]
    """Prefix of names in the portal's REST interface (`i` of `i:magpsf`) -> where the fields stand that it names, each
    as the beginning of a path."""
    portal_computed: Mapping[str, str | None]
    """Names there of what the portal computes -> what comes near it in a condition, None where nothing does."""
    classes: Classes = field(default_factory=Classes)
    """The labels that a request may name, and where they stand."""
    enrichments: tuple[Enrichment, ...] = ()
    """What is computed where a file lacks it; what they add goes out with every content."""

    @property
    def class_columns(self) -> tuple[str, ...]:
        """The columns in which labels of requests are sought."""
        return tuple(dict.fromkeys(form.column for form in self.classes.forms))
