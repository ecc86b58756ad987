"""Computing what enrichments add, where a file lacks it, out of leaves that are read beside what else is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa

from engine.enrichment import Enrichment
from engine.schema import compute_leaves, split_leaf

__all__ = ["compute_added", "enrichments_for", "leaf_of", "leaves_needed", "root_of"]


def root_of(leaf: str, columns: Collection[str]) -> str | None:
    """Return the root column that a leaf lies in, derived ones too, if it is one of these."""
    _, path = split_leaf(leaf)
    return next((column for column in columns if path == column or path.startswith(f"{column}.")), None)


def enrichments_for(enrichments: Sequence[Enrichment], columns: Collection[str]) -> list[Enrichment]:
    """Return those enrichments that add one of some root columns."""
    return [enrichment for enrichment in enrichments if not set(columns).isdisjoint(enrichment.adds.names)]


def leaves_needed(enrichments: Sequence[Enrichment]) -> list[pa.Field]:
    """Return the leaves that enrichments need, each once in each type in which it is needed."""
    return list(dict.fromkeys(field for enrichment in enrichments for field in enrichment.needs))


def compute_added(
    enrichments: Sequence[Enrichment], leaves: Callable[[pa.Field], pa.Array], num_alerts: int
) -> dict[str, pa.Array]:
    """Return the root columns that enrichments add, computed, shape (num_alerts,) each.

    Parameters
    ----------
    enrichments
        From `enrichments_for`.
    leaves
        Returns one of `leaves_needed`, shape (num_alerts,).
    num_alerts
        How many they are.
    """
    nothing = pa.record_batch([pa.nulls(num_alerts)], names=[""]).select([])
    found: dict[str, pa.Array] = {}
    for enrichment in enrichments:
        arrays = [leaves(field) for field in enrichment.needs]
        # A batch made of no column would have no rows.
        added = enrichment(pa.record_batch(arrays, schema=enrichment.needs) if arrays else nothing)
        found |= {name: added.column(name) for name in enrichment.adds.names}
    return found


def leaf_of(block: pa.RecordBatch, leaf: str, type_: pa.DataType, file: str) -> pa.Array:
    """Return a leaf of root columns, derived ones too, in a type; null where there is none.

    Raises
    ------
    ArchiveError
        If a value of the file has no place in the type.
    """
    columns = dict(zip(block.schema.names, block.columns, strict=True))
    return compute_leaves(columns, [leaf], [type_], block.num_rows, file)[0]
