"""Decided: what planning has found out and decided of a request, and the notes that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from engine.archive import Fragment
from engine.enrichment import ClassEnrichment, added_by, catalogue_of
from engine.pipeline import Selection
from engine.planning.asking import Asked
from engine.planning.class_notes import notes_on_class_names, notes_on_contradictions, notes_on_literal_names
from engine.planning.nights import ChosenNights
from engine.planning.notes import (
    notes_on_description,
    notes_on_enrichments,
    notes_on_leaves,
    notes_on_listing,
    notes_on_names,
    notes_on_nights,
    notes_on_units,
)
from engine.request import TransferRequest

__all__ = ["Decided", "notes_on"]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What planning has found out and decided of a request."""

    request: TransferRequest
    nights: ChosenNights
    union: pa.Schema
    """The schema union, checked, with what enrichments add."""
    asked: Asked
    selection: Selection
    fragments: tuple[Fragment, ...]
    label_notes: tuple[str, ...]
    """On labels of which it could not be told whether any alert has them."""


def notes_on(decided: Decided) -> tuple[str, ...]:
    """Return what the user should know before the job starts, in the order in which it is told."""
    return tuple(_notes(decided))


def _notes(decided: Decided) -> Iterator[str]:
    request, nights, selection, asked = decided.request, decided.nights, decided.selection, decided.asked
    classes = (request.classes, request.exclude_classes, selection.survey.classes)
    catalogue = catalogue_of(selection.enrichments)
    yield from asked.notes
    yield from notes_on_nights(nights.without_data)
    yield from notes_on_listing(nights.listing)
    yield from notes_on_description(decided.union, selection.survey)
    if request.content == "lightcurve":
        yield from notes_on_names(decided.union, selection.projection, selection.survey.instead)
    yield from notes_on_units(selection.projection.schema)
    yield from notes_on_leaves(nights.footers, asked.predicate.leaves, added_by(selection.enrichments).names)
    yield from notes_on_enrichments(nights.footers, selection.enrichments)
    lacking = {name for fragment in decided.fragments for name in fragment.lacking}
    for enrichment in selection.enrichments:
        if isinstance(enrichment, ClassEnrichment) and not lacking.isdisjoint(enrichment.adds.names):
            yield from enrichment.notes()
    yield from decided.label_notes
    yield from notes_on_class_names(*classes)
    yield from notes_on_contradictions(*classes)
    yield from notes_on_literal_names(asked.where.sql, asked.where.leaves, selection.survey.classes)
    if request.tns_catalogue and catalogue is None:
        yield f"the TNS catalogue is not used: nothing of the survey {selection.survey.name} is matched with one"
    yield from (f"left out: {reason}" for _, reason in nights.unreadable)
