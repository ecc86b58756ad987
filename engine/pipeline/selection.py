"""What a request selects out of an archive, and what of it: made once by the plan, and the same on every worker."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from engine.archive import Archive
from engine.enrichment import Enrichment
from engine.pipeline.contents import Projection
from engine.surveys import Survey

__all__ = ["Predicate", "Selection"]


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """Which alerts are selected: the few leaves that tell it, and the condition on them that dask-sql answers."""

    sql: str | None
    """None: every alert is selected."""
    leaves: tuple[str, ...]
    types: tuple[pa.DataType, ...]

    @property
    def schema(self) -> pa.Schema:
        """Return the schema of the narrow table."""
        return pa.schema(list(zip(self.leaves, self.types, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is selected out of an archive, and in which content. Picklable and small."""

    archive: Archive
    survey: Survey
    predicate: Predicate
    """Which alerts."""
    projection: Projection
    """Which columns of them."""
    enrichments: tuple[Enrichment, ...]
    """What is computed of them, where a file lacks it."""
    block_alerts: int
    """Alerts that are read and encoded at once."""

    @property
    def class_columns(self) -> tuple[str, ...]:
        """Columns of the content that hold class labels: a survey's may also be leaves that no content has as such."""
        return tuple(name for name in self.survey.class_columns if name in self.projection.schema.names)
