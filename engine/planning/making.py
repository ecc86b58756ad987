"""A request held against the archive: everything is decided and checked here, and nothing is started.

In steps, each of which takes what those before it found: where the alerts come from, the predicate, the content, the
fragments, the labels. What a user should know is told at the end, of all of it.
"""

from __future__ import annotations

from collections.abc import Callable

from consumer.settings import Settings, load_settings
from engine.archive import FooterSource, average_nbytes, cut_fragments
from engine.pipeline import Selection, project_schema
from engine.planning.class_sources import check_sources
from engine.planning.labels import check_labels
from engine.planning.predicates import predicate_of
from engine.planning.sources import find_sources
from engine.planning.telling import notes_on
from engine.planning.transfer_plan import TransferPlan
from engine.request import TransferRequest
from engine.schema import avro_schema

__all__ = ["make_plan", "plan"]

FRAGMENT_NBYTES = 32 * 1024 * 1024
FRAGMENT_MAX_ALERTS = 50_000
BLOCK_NBYTES = 16 * 1024 * 1024


def plan(
    request: TransferRequest, *, settings: Settings | None = None, progress: Callable[[int, int], None] | None = None
) -> TransferPlan:
    """Return what a transfer would do; starts nothing.

    Raises
    ------
    InputError
        If the archive, a night, a field or a condition is not what it should be.
    """
    return make_plan(request, settings or load_settings(), progress)


def make_plan(
    request: TransferRequest,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
    source: FooterSource | None = None,
) -> TransferPlan:
    """Hold a request against the archive.

    Reads the footers of the chosen nights' files; of the alerts, the class columns if a label is in no known list.

    Parameters
    ----------
    request
        What is asked for.
    settings
        Where the archive is, if the request does not say.
    progress
        Called as `progress(done, total)` while footers are read.
    source
        What knows some of the footers; None: the catalogue of the archive.

    Raises
    ------
    InputError
        If the archive, a night, a field or a condition is not what it should be.
    """
    sources = find_sources(request, settings, progress, source)
    nights, enrichments = sources.nights, sources.enrichments
    survey = sources.here.survey
    predicate = predicate_of(request, sources.union, survey)
    projection = project_schema(sources.union, request.content, survey, request.fields)
    columns = projection.columns()
    alert_nbytes = average_nbytes(nights.footers, columns)
    fragments = cut_fragments(
        nights.footers,
        columns,
        target_nbytes=FRAGMENT_NBYTES,
        max_alerts=FRAGMENT_MAX_ALERTS,
        # What can't be read is left out fragment by fragment: nothing else may go with it.
        max_row_groups=1 if request.skip_unreadable else None,
        class_columns=enrichments.names,
    )
    held = nights.types_at([*predicate.reads.values(), *(column.name for column in survey.classes.columns)])
    check_sources(
        predicate.whole.leaves, predicate.classes, fragments, nights.footers, held, enrichments.each, survey.classes
    )
    label_notes = check_labels(
        predicate.classes, nights.archive, fragments, enrichments.each, skip_unreadable=request.skip_unreadable
    )
    selection = Selection(
        archive=nights.archive,
        survey=survey,
        predicate=predicate.whole,
        projection=projection,
        enrichments=enrichments.each,
        block_alerts=max(64, min(16_384, BLOCK_NBYTES // max(alert_nbytes, 1))),
    )
    notes = notes_on(request, sources, predicate, held, projection, fragments, label_notes)
    return TransferPlan(
        request=request,
        selection=selection,
        notes=tuple(notes),
        labels=tuple(predicate.classes.names_in(selection.class_columns)),
        files=nights.files,
        unreadable=nights.unreadable,
        fragments=tuple(fragments),
        nights_without_data=nights.without_data,
        listing=nights.listing,
        archive_schema=sources.union,
        schema=avro_schema(projection.schema),
        alert_nbytes=alert_nbytes,
    )
