"""What is particular to a survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from engine.enrichment import Enrichment
from engine.schema import names_along
from engine.surveys.classes import Classes

__all__ = ["Survey", "has_path"]


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
        here = self
        for path, other in self.instead.items():
            if sum(has_path(schema, other) for schema in schemas) > sum(has_path(schema, path) for schema in schemas):
                here = here._with(path, other)
        return here

    def _with(self, path: str, other: str) -> Survey:
        def here(known: str) -> str:
            return other if known == path else known

        return replace(
            self,
            identity=tuple(map(here, self.identity)),
            id_field=here(self.id_field),
            object_field=self.object_field and here(self.object_field),
            band_field=self.band_field and here(self.band_field),
        )


def has_path(schema: pa.Schema, path: str) -> bool:
    """Return whether files of a schema have a root column, or what lies in structs of it."""
    root, *rest = names_along(schema, path)
    type_ = schema.field(root).type if root in schema.names else None
    for name in rest:
        if type_ is None or pa.types.is_null(type_):  # null in every alert: there, and of no type
            break
        type_ = type_.field(name).type if pa.types.is_struct(type_) and type_.get_field_index(name) >= 0 else None
    return type_ is not None
