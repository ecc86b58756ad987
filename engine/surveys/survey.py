"""What is particular to a survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from engine.enrichment import Enrichment
from engine.schema import has_path, once_a_schema
from engine.surveys.classes import Classes
from engine.surveys.looks import Photometry

__all__ = ["Survey"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Names of the fields that mean something to the engine."""

    name: str
    candidate: str
    """Struct with the properties of the detection, whose leaves come out under their own names; empty if the survey has
    none."""
    identity: tuple[str, ...]
    """Paths that let an alert be known and put into its night, in every content."""
    id_field: str
    """The alert's identifier: int64, unique."""
    object_field: str | None
    """The object that it is of; null where the survey names none."""
    band_field: str | None
    """The filter that it was seen through."""
    time_field: str
    """Days, counted as `time_scale` says."""
    time_scale: str
    """One of `consumer.wire.TIME_SCALES`."""
    ra_field: str
    """Right ascension, ICRS, degrees."""
    dec_field: str
    """Declination, ICRS, degrees."""
    lightcurve_leaves: tuple[str, ...]
    """What the lightcurve content takes to the top level, beside the identity."""
    lightcurve_without: tuple[str, ...]
    """Root columns that the lightcurve content leaves out, beside candidate, history, stamps and night columns."""
    history: tuple[str, ...]
    """Lists of the object's earlier detections."""
    stamps: tuple[str, ...]
    night_columns: tuple[str, ...]
    """Root columns that repeat the folder's name."""
    instead: Mapping[str, str]
    """Path of the identity -> where files of another schema have it: taken for all if only so all have one."""
    portal_prefixes: Mapping[str, tuple[str, ...]]
    """Prefix of names in the portal's REST interface (`i` of `i:magpsf`) -> where the fields stand that it names, each
    as the beginning of a path."""
    portal_computed: Mapping[str, str | None]
    """Names there of what the portal computes -> what comes near it in a condition, None where nothing does."""
    classes: Classes = field(default_factory=Classes)
    """The labels that a request may name, and where they stand."""
    enrichments: tuple[Enrichment, ...] = ()
    """What is computed where a file lacks it; what they add goes out with every content."""
    brightness_field: str | None = None
    """How bright the detection is, a magnitude or a flux, for those who look at what an archive holds."""
    photometry: Photometry | None = None
    """What a light curve is drawn of; None where only `brightness_field` is known."""
    stamp_pixel_arcsec: float | None = None
    """Size of a pixel of stamps that have no world coordinates; their first row is the northernmost, east is left."""
    object_page: str | None = None
    """Where the broker's portal shows an object: a URL with `{object}` in the place of the object field's value."""
    title: str = ""
    """Its name in full."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """What is looked for -> conditions that do it, for those who write their first ones."""
    example: str = ""
    """A condition that a few of its alerts meet, for hints."""
    is_described: bool = False
    """By a file of the user's: what is missing in the archive may be misspelt there."""

    @property
    def class_columns(self) -> tuple[str, ...]:
        """The columns in which labels of requests are sought."""
        return tuple(dict.fromkeys(form.column for form in self.classes.forms))

    def among(self, schemas: Sequence[pa.Schema]) -> Survey:
        """Return the survey with its identity where the files of a request have it.

        Parameters
        ----------
        schemas
            Of the files. A path that some lack gives way to the one that stands for it, if more of them have that.
        """

        def number_with(path: str) -> int:
            return sum(map(once_a_schema(partial(has_path, path=path)), schemas))

        moved = {path: other for path, other in self.instead.items() if number_with(other) > number_with(path)}
        return replace(
            self,
            identity=tuple(moved.get(path, path) for path in self.identity),
            id_field=moved.get(self.id_field, self.id_field),
            object_field=self.object_field and moved.get(self.object_field, self.object_field),
            band_field=self.band_field and moved.get(self.band_field, self.band_field),
        )
