"""A request held against the archive: everything is decided and checked here, and nothing is started.

Each room comes in once: the archive, its survey and enrichments, the conditions, the content, the fragments,
the labels. What a user should know is told at the end, of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from consumer.settings import Settings, load_settings
from engine.archive import Footer, cut_fragments
from engine.enrichment import ClassEnrichment, Enrichment, added_by, find_catalogue, with_catalogue
from engine.pipeline import Selection, project_schema
from engine.planning.asking import ask
from engine.planning.checks import check_archive
from engine.planning.class_sources import check_sources
from engine.planning.decided import Decided, notes_on
from engine.planning.labels import check_labels
from engine.planning.nights import read_nights
from engine.planning.transfer_plan import TransferPlan
from engine.request import TransferRequest
from engine.schema import avro_schema
from engine.surveys import Survey, survey_named

__all__ = ["make_plan", "plan"]

FRAGMENT_NBYTES = 32 * 1024 * 1024
FRAGMENT_MAX_ALERTS = 50_000
BLOCK_NBYTES = 24 * 1024 * 1024


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
    request: TransferRequest, settings: Settings, progress: Callable[[int, int], None] | None = None
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

    Raises
    ------
    InputError
        If the archive, a night, a field or a condition is not what it should be.
    """
    survey = survey_named(request.survey)
    nights = read_nights(request, settings, survey, progress)
    survey = survey.among([footer.schema for footer in nights.footers])
    enrichments = _enrichments(survey, request.tns_catalogue or settings.tns_catalogue)
    union = check_archive(nights, survey, enrichments, request.widen)
    asked = ask(request, union, survey)
    projection = project_schema(union, request.content, survey, request.fields)
    columns = projection.columns()
    alert_nbytes = _alert_nbytes(nights.footers, columns)
    fragments = cut_fragments(
        nights.footers,
        columns,
        target_nbytes=FRAGMENT_NBYTES,
        max_alerts=FRAGMENT_MAX_ALERTS,
        # What can't be read is left out fragment by fragment: nothing else may go with it.
        max_row_groups=1 if request.skip_unreadable else None,
        class_columns=added_by(enrichments).names,
    )
    labels = [*request.classes, *request.exclude_classes]
    check_sources(asked.predicate.leaves, labels, fragments, nights.footers, enrichments, survey.classes)
    label_notes = check_labels(
        labels, survey, nights.archive, fragments, enrichments, skip_unreadable=request.skip_unreadable
    )
    decided = Decided(
        request=request,
        nights=nights,
        union=union,
        asked=asked,
        selection=Selection(
            archive=nights.archive,
            survey=survey,
            predicate=asked.predicate,
            projection=projection,
            enrichments=enrichments,
            block_alerts=max(64, min(16_384, BLOCK_NBYTES // max(alert_nbytes, 1))),
        ),
        fragments=tuple(fragments),
        label_notes=tuple(label_notes),
    )
    return TransferPlan(
        request=request,
        selection=decided.selection,
        files=nights.files,
        unreadable=nights.unreadable,
        fragments=decided.fragments,
        nights_without_data=nights.without_data,
        listing=nights.listing,
        archive_schema=union,
        schema=avro_schema(projection.schema),
        alert_nbytes=alert_nbytes,
        notes=notes_on(decided),
    )


def _enrichments(survey: Survey, tns_catalogue: str | None) -> tuple[Enrichment, ...]:
    """Return the survey's enrichments, with the catalogue as it is now."""
    enrichments = with_catalogue(survey.enrichments, find_catalogue(tns_catalogue) if tns_catalogue else None)
    for enrichment in enrichments:
        if isinstance(enrichment, ClassEnrichment):
            enrichment.notes()  # reads the catalogue: a bad one is refused, whether these nights need it or not
    return enrichments


def _alert_nbytes(footers: Sequence[Footer], columns: Sequence[str]) -> int:
    total = sum(footer.nbytes_of(columns, group) for footer in footers for group in range(len(footer.row_groups)))
    return total // max(sum(sum(footer.row_groups) for footer in footers), 1)
