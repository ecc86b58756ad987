"""A request held against the archive: everything is decided and checked here, and nothing is started."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from consumer.settings import Settings, load_settings
from engine.archive import Archive, ArchiveFile, Footer, cut_fragments, unite, with_alerts
from engine.conditions import all_of, leaf_type, notes_on_comments, one_text, parse_conditions
from engine.enrichment import find_catalogue, load_tns_catalogue
from engine.errors import ArchiveError, RequestError
from engine.pipeline import CLASS_COLUMNS, Predicate, Selection, project_schema
from engine.planning.checks import check_class_columns, check_survey_fields, no_data
from engine.planning.class_filter import class_filter
from engine.planning.class_notes import notes_on_class_names, notes_on_contradictions, notes_on_literal_names
from engine.planning.labels import check_labels, check_tns
from engine.planning.notes import (
    notes_on_classes,
    notes_on_leaves,
    notes_on_listing,
    notes_on_names,
    notes_on_nights,
    notes_on_passwords,
    notes_on_units,
)
from engine.planning.transfer_plan import TransferPlan
from engine.request import TransferRequest
from engine.schema import avro_schema
from engine.surveys import survey_named

__all__ = ["make_plan", "plan"]

FRAGMENT_NBYTES = 32 * 1024 * 1024
FRAGMENT_MAX_ALERTS = 50_000
BLOCK_NBYTES = 24 * 1024 * 1024


def plan(request: TransferRequest, *, settings: Settings | None = None, progress=None) -> TransferPlan:
    """Return what a transfer would do; starts nothing.

    Raises
    ------
    InputError
        If the archive, a night, a field or a condition is not what it should be.
    """
    return make_plan(request, settings or load_settings(), progress)


def make_plan(request: TransferRequest, settings: Settings, progress=None) -> TransferPlan:
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
    url = request.archive or settings.archive
    if url is None:
        raise RequestError(
            "the request names no archive",
            accepted="the root that holds year=…/month=…/day=…, a path or a URL",
            next_step="give --archive URL, or set it in the configuration",
        )
    archive = Archive(url, settings.storage_options)
    wanted = request.dates()
    listing = archive.listing(wanted)
    files = listing.files
    if not files:
        raise no_data(archive, wanted, listing)
    unreadable: list[tuple[ArchiveFile, str]] = []
    footers = archive.footers(files, progress, unreadable if request.skip_unreadable else None)
    if not footers:
        raise ArchiveError(
            f"none of the {len(files)} files of these nights can be read; the first: {unreadable[0][1]}",
            next_step="repair them, or choose other nights",
        )
    files_read = tuple(footer.file for footer in footers)
    footers = with_alerts(footers)
    union = unite(footers, widen=request.widen, as_text=survey.night_columns)
    union = check_survey_fields(union, survey, request.widen, archive.shown)
    check_class_columns(union, footers, archive.shown)
    for name in CLASS_COLUMNS:
        if name not in union.names:
            union = union.append(pa.field(name, pa.string()))
    projection = project_schema(
        union,
        request.content,
        fields=request.fields,
        candidate=survey.candidate,
        identity=survey.identity,
        lightcurve_leaves=survey.lightcurve_leaves,
        history=survey.history,
        stamps=survey.stamps,
        night_columns=survey.night_columns,
    )
    catalogue = request.tns_catalogue or settings.tns_catalogue
    tns_catalogue = find_catalogue(catalogue) if catalogue else None
    notes_on_catalogue = load_tns_catalogue(tns_catalogue).notes if tns_catalogue else ()
    where = parse_conditions(one_text(request.where), union, (survey.ra_field, survey.dec_field), survey)
    conditions = all_of(where, parse_conditions(class_filter(request.classes, request.exclude_classes), union))
    fragments = cut_fragments(
        footers,
        projection.columns(),
        target_nbytes=FRAGMENT_NBYTES,
        max_alerts=FRAGMENT_MAX_ALERTS,
        # What can't be read is left out fragment by fragment: nothing else may go with it.
        max_row_groups=1 if request.skip_unreadable else None,
        class_columns=CLASS_COLUMNS,
    )
    labels = [*request.classes, *request.exclude_classes]
    check_tns(conditions.leaves, labels, fragments, footers, tns_catalogue)
    notes_on_labels = check_labels(
        labels,
        survey.name,
        archive,
        fragments,
        tns_catalogue,
        skip_unreadable=request.skip_unreadable,
    )
    alert_nbytes = _alert_nbytes(footers, projection.columns())
    held = {file.night for file in files}
    without = tuple(night for night in wanted if night not in held)
    return TransferPlan(
        request=request,
        selection=Selection(
            archive=archive,
            survey=survey,
            predicate=Predicate(
                sql=conditions.sql,
                leaves=conditions.leaves,
                types=tuple(leaf_type(union, leaf) for leaf in conditions.leaves),
            ),
            projection=projection,
            tns_catalogue=tns_catalogue,
            block_alerts=max(64, min(16_384, BLOCK_NBYTES // max(alert_nbytes, 1))),
        ),
        files=files_read,
        unreadable=tuple(unreadable),
        fragments=tuple(fragments),
        nights_without_data=without,
        listing=listing,
        archive_schema=union,
        schema=avro_schema(projection.schema),
        alert_nbytes=alert_nbytes,
        notes=(
            *notes_on_comments(one_text(request.where)),
            *conditions.notes,
            *notes_on_nights(without),
            *notes_on_listing(listing),
            *(notes_on_names(union, projection) if request.content == "lightcurve" else []),
            *notes_on_units(projection.schema),
            *notes_on_leaves(footers, conditions.leaves),
            *notes_on_classes(footers),
            *(notes_on_catalogue if any("tnsclass" in fragment.lacking for fragment in fragments) else ()),
            *notes_on_labels,
            *notes_on_class_names(request.classes, request.exclude_classes),
            *notes_on_contradictions(request.classes, request.exclude_classes),
            *notes_on_literal_names(where.sql, where.leaves),
            *notes_on_passwords(url, catalogue),
            *_left_out(unreadable),
        ),
    )


def _left_out(unreadable: Sequence[tuple[ArchiveFile, str]]) -> list[str]:
    return [f"left out: {reason}" for _, reason in unreadable]


def _alert_nbytes(footers: Sequence[Footer], columns: Sequence[str]) -> int:
    total = sum(footer.nbytes_of(columns, group) for footer in footers for group in range(len(footer.row_groups)))
    return total // max(sum(sum(footer.row_groups) for footer in footers), 1)
