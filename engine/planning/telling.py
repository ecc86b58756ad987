"""What the user should know of a request before its job starts: every note, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from engine.archive import Fragment
from engine.pipeline import Projection
from engine.planning.class_notes import notes_on_class_names, notes_on_contradictions, notes_on_literal_names
from engine.planning.notes import (
    notes_on_description,
    notes_on_gaps,
    notes_on_leaves,
    notes_on_names,
    notes_on_nights,
    notes_on_units,
)
from engine.planning.predicates import RequestPredicate
from engine.planning.sources import Sources
from engine.planning.time_notes import notes_on_times
from engine.request import TransferRequest

__all__ = ["notes_on"]


def notes_on(
    request: TransferRequest,
    sources: Sources,
    predicate: RequestPredicate,
    held: Mapping[str, Sequence[pa.DataType | None]],
    projection: Projection,
    fragments: Sequence[Fragment],
    label_notes: Sequence[str],
) -> Iterator[str]:
    """Yield what the user should know, in the order in which it is told.

    Parameters
    ----------
    request
        What is asked for.
    sources, predicate, held, projection, fragments
        What was found out and decided of it.
    label_notes
        From `check_labels`.
    """
    nights, survey, enrichments = sources.nights, sources.here.survey, sources.enrichments
    yield from predicate.notes
    yield from notes_on_nights(nights.without_data)
    yield from nights.listing.notes
    yield from notes_on_description(sources.here.missing)
    if survey.is_described:  # a source of footers may have ranges of others, too
        yield from notes_on_times(nights.footers, survey.time_field, survey.time_scale)
    if request.content == "lightcurve":
        yield from notes_on_names(sources.union, projection, survey.instead)
    yield from notes_on_units(projection.schema)
    yield from notes_on_leaves(nights.footers, predicate.reads, held, enrichments.names)
    yield from notes_on_gaps(nights.footers, enrichments.gaps)
    lacking = {name for fragment in fragments for name in fragment.lacking}
    for names, notes in enrichments.notes.items():
        if not lacking.isdisjoint(names):
            yield from notes
    yield from label_notes
    yield from notes_on_class_names(predicate.classes)
    yield from notes_on_contradictions(predicate.classes)
    yield from notes_on_literal_names(predicate.where_sql, predicate.where_leaves, survey.classes)
    catalogue = enrichments.catalogue
    if request.tns_catalogue and catalogue is None:
        yield f"the TNS catalogue is not used: nothing of the survey {survey.name} is matched with one"
    yield from (f"left out: {reason}" for _, reason in nights.unreadable)
