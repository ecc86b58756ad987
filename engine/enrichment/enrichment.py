"""What an enrichment is: columns that are computed out of leaves of an alert, where its file does not have them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import pyarrow as pa

__all__ = ["ClassEnrichment", "Enrichment", "Lack", "added_by", "with_added"]


class Enrichment(Protocol):
    """Columns that are computed out of leaves of an alert, where its file does not have them.

    It travels with every task, so it is frozen, small and picklable: what is large it loads on first use. It is called
    on the alerts that are selected, block by block; on all alerts of a fragment only if a condition names a column that
    it adds. A file's own column is always kept.
    """

    @property
    def name(self) -> str:
        """For messages; no two enrichments of a survey have the same."""
        ...

    @property
    def needs(self) -> pa.Schema:
        """Leaves of the archive (`candidate.ra`, `size(prv_candidates)`), and the type in which each is handed over."""
        ...

    @property
    def adds(self) -> pa.Schema:
        """Root columns that it computes; each goes out with every content."""
        ...

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the columns of `adds` for n alerts.

        Parameters
        ----------
        batch
            The columns of `needs`, n rows; a leaf that the file lacks is null.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What is missing for an enrichment to find any label, as its parts of a message."""

    asked: str
    """What a request asks for that names its labels: `types of the Transient Name Server`."""
    missing: str
    """`no TNS catalogue is given`."""
    accepted: str
    """What may be given."""
    next_step: str
    """How."""


class ClassEnrichment:
    """What planning asks an enrichment whose columns hold class labels, beyond `Enrichment`; each has a default."""

    label_leaves: ClassVar[tuple[str, ...]] = ()
    """Leaves of the archive whose texts come out as labels."""

    @property
    def lack(self) -> Lack | None:
        """What is missing for it to find any label; None if nothing is."""
        return None

    def own_labels(self) -> frozenset[str]:
        """Return labels that it can find and that may be in no list; reads what it is computed with."""
        return frozenset()

    def notes(self) -> tuple[str, ...]:
        """Return what is odd about what it is computed with, for users who need its labels; reads that."""
        return ()

    def outcome_without(self, missing: Collection[str]) -> str | None:
        """Return what follows for alerts that lack some of its needs, as the end of a sentence, if more than that."""
        return None


def added_by(enrichments: Sequence[Enrichment]) -> pa.Schema:
    """Return the columns that enrichments add, in their order."""
    return pa.schema([field for enrichment in enrichments for field in enrichment.adds])


def with_added(schema: pa.Schema, enrichments: Sequence[Enrichment]) -> pa.Schema:
    """Return a schema union with the columns that enrichments add, where no file has them itself."""
    for field in added_by(enrichments):
        if field.name not in schema.names:
            schema = schema.append(field)
    return schema
