"""TransferPlan: a request held against the archive. Everything is decided and checked here; nothing is started."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.archive import Archive
from engine.avro import avro_schema
from engine.class_notes import notes_on_class_names, notes_on_contradictions, notes_on_literal_names
from engine.classes import CatalogueFile, class_filter, find_catalogue, load_tns_catalogue
from engine.condition_texts import notes_on_comments, one_text
from engine.conditions import all_of, leaf_type, parse_conditions
from engine.config import Settings
from engine.contents import CLASS_COLUMNS, Projection, project_schema
from engine.errors import ArchiveError, RequestError
from engine.exact import kept_exact, origin_of
from engine.fink_rules import FINKCLASS_INPUTS
from engine.fragments import ArchiveFile, Footer, Fragment, cut_fragments, unite, with_alerts
from engine.labelling import check_labels, check_tns
from engine.leaves import type_at
from engine.listing import Listing
from engine.plan_notes import (
    notes_on_classes,
    notes_on_leaves,
    notes_on_listing,
    notes_on_names,
    notes_on_nights,
    notes_on_passwords,
    notes_on_units,
)
from engine.request import TransferRequest
from engine.survey import Survey, survey_named
from engine.unsettled import check_settled, field_at

__all__ = ["NarrowQuestion", "TransferPlan", "make_plan", "new_topic"]

FRAGMENT_NBYTES = 32 * 1024 * 1024
FRAGMENT_MAX_ALERTS = 50_000
BLOCK_NBYTES = 24 * 1024 * 1024
_MOST_PASSED_OVER = 100


@dataclass(frozen=True, kw_only=True)
class NarrowQuestion:
    """The filter of a job: the few leaves it reads and the question that dask-sql answers on them."""

    sql: str | None
    """None: every alert is selected."""
    leaves: tuple[str, ...]
    types: tuple[pa.DataType, ...]

    @property
    def schema(self) -> pa.Schema:
        """Return the schema of the narrow table."""
        return pa.schema(list(zip(self.leaves, self.types, strict=True)))


@dataclass(frozen=True, kw_only=True)
class TransferPlan:
    """What a transfer would do, in full; `print(plan)` tells it to people."""

    request: TransferRequest
    survey: Survey
    archive: Archive
    tns_catalogue: CatalogueFile | None
    files: tuple[ArchiveFile, ...]
    unreadable: tuple[tuple[ArchiveFile, str], ...]
    """Files that are left out because they are not Parquet, and why."""
    fragments: tuple[Fragment, ...]
    nights_without_data: tuple[dt.date, ...]
    listing: Listing
    """What lies in the chosen nights, with what is passed over."""
    archive_schema: pa.Schema
    """The schema union of the chosen nights, with the two class columns; what the job does not use may be unsettled."""
    question: NarrowQuestion
    projection: Projection
    schema: dict
    """Avro schema of the datums."""
    alert_nbytes: int
    """Uncompressed bytes of the content of an alert in the archive, on average."""
    notes: tuple[str, ...]
    """What the user should know before the job starts."""

    @property
    def num_archive_alerts(self) -> int:
        """Alerts in the chosen nights."""
        return sum(fragment.num_alerts for fragment in self.fragments)

    @property
    def num_alerts(self) -> int | None:
        """Alerts that the job will send, or None where only the filter can tell."""
        if self.question.sql is not None:
            return None
        return min(self.num_archive_alerts, self.request.limit or self.num_archive_alerts)

    @property
    def block_alerts(self) -> int:
        """Alerts that are read and encoded at once."""
        return max(64, min(16_384, BLOCK_NBYTES // max(self.alert_nbytes, 1)))

    @property
    def nights(self) -> list[dt.date]:
        """Nights with data."""
        return sorted({file.night for file in self.files})

    def to_dict(self) -> dict:
        """Return the plan's figures as plain values, for `--json`."""
        return {
            "request": self.request.to_dict(),
            "archive": self.archive.url,
            "nights": [night.isoformat() for night in self.nights],
            "nights_without_data": [night.isoformat() for night in self.nights_without_data],
            "num_archive_alerts": self.num_archive_alerts,
            "num_alerts": self.num_alerts,
            "num_files": len(self.files),
            "unreadable_files": [file.path for file, _ in self.unreadable],
            **self._passed_over(),
            "num_fragments": len(self.fragments),
            "sql": self.question.sql,
            "leaves": list(self.question.leaves),
            "columns": self.projection.schema.names,
            "notes": list(self.notes),
        }

    def _passed_over(self) -> dict:
        names = [*self.listing.passed_over, *self.listing.repeated, *self.listing.beside]
        return {
            "num_passed_over": len(names),
            "passed_over": names[:_MOST_PASSED_OVER],
            "num_hidden": self.listing.num_hidden,
        }

    def __str__(self) -> str:
        nights = self.nights
        span = nights[0].isoformat() if len(nights) == 1 else f"{nights[0]} to {nights[-1]}"
        lines = [
            f"archive     {self.archive.shown}",
            f"nights      {len(nights)} with data, {span}",
            f"alerts      {self.num_archive_alerts:,} in {len(self.files):,} files, {len(self.fragments):,} fragments",
            f"conditions  {one_text(self.request.where).strip() or 'none'}".replace("\n", "\n            "),
            f"classes     {self._classes()}",
            f"asks        {self.question.sql or 'every alert'}",
            f"reads       {', '.join(self.question.leaves) or 'nothing before the content'}",
            f"content     {self.request.content}: {len(self.projection.schema)} columns",
        ]
        if self.request.limit:
            lines.append(f"limit       {self.request.limit:,}")
        lines += [f"note        {note}" for note in self.notes]
        return "\n".join(lines)

    def _classes(self) -> str:
        kept = ", ".join(self.request.classes) or "all"
        return kept + (f"; without {', '.join(self.request.exclude_classes)}" if self.request.exclude_classes else "")


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
        raise _no_data(archive, wanted, listing)
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
    union = _checked(union, survey, request.widen, archive.shown)
    _check_classes(union, footers, archive.shown)
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
    held = {file.night for file in files}
    without = tuple(night for night in wanted if night not in held)
    return TransferPlan(
        request=request,
        survey=survey,
        archive=archive,
        tns_catalogue=tns_catalogue,
        files=files_read,
        unreadable=tuple(unreadable),
        fragments=tuple(fragments),
        nights_without_data=without,
        listing=listing,
        archive_schema=union,
        question=NarrowQuestion(
            sql=conditions.sql,
            leaves=conditions.leaves,
            types=tuple(leaf_type(union, leaf) for leaf in conditions.leaves),
        ),
        projection=projection,
        schema=avro_schema(projection.schema),
        alert_nbytes=_alert_nbytes(footers, projection.columns()),
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


def new_topic(survey: str, now: dt.datetime) -> str:
    """Return a topic name that nobody else makes and nobody guesses."""
    return f"ftransfer_{survey}_{now:%Y-%m-%d}_{secrets.token_hex(6)}"


def _checked(union: pa.Schema, survey: Survey, widen: Sequence[str], url: str) -> pa.Schema:
    """Return the union with the identifier as int64; raise if the survey's fields are not what they must be."""
    for path in (survey.id_field, survey.time_field):
        parent = path.rpartition(".")[0]
        field = field_at(union, path)
        if field is not None:
            check_settled(field.type)
        type_ = type_at(union, path)
        if field is None or type_ is None or (parent and not pa.types.is_struct(type_at(union, parent))):
            raise ArchiveError(
                f"the alerts of {url!r} have no {path}",
                accepted=f"alerts of the survey {survey.name!r}",
                next_step="check the archive and --survey",
            )
        if not (pa.types.is_integer(type_) or pa.types.is_floating(type_)) or origin_of(field):
            raise ArchiveError(
                f"{path} is {origin_of(field) or type_} in the files of {url!r}",
                accepted="an integer or a float",
                next_step="choose other nights, or have the archive reprocessed",
            )
    if survey.id_field in widen:
        raise RequestError(
            f"--widen names {survey.id_field}, the alerts' identifier, which as double would lose its last digits",
            accepted="other fields in which integers and floats meet",
            next_step="take it out of the request",
        )
    index = union.get_field_index(survey.id_field)
    if pa.types.is_floating(union.field(index).type):
        # Nights that were turned into floats altogether: the same alert is to have the same identifier in any job.
        union = union.set(index, pa.field(survey.id_field, pa.int64()))
    return union


def _check_classes(union: pa.Schema, footers: Sequence[Footer], url: str) -> None:
    lacking = [footer for footer in footers if type_at(footer.schema, "finkclass") is None]
    # What finkclass is computed of counts in the files that lack it alone.
    inputs = union if len(lacking) in (0, len(footers)) else unite(lacking)
    checked = [(path, field_at(union, path)) for path in CLASS_COLUMNS]
    checked += [(path, field_at(inputs, path)) for path in (FINKCLASS_INPUTS if lacking else ())]
    for path, field in checked:
        if field is None:
            continue
        check_settled(field.type)
        if pa.types.is_nested(field.type) or kept_exact(field) in ("time of day", "duration"):
            raise ArchiveError(
                f"{path} is {origin_of(field) or field.type} in the files of {url!r}",
                accepted="text" if path in CLASS_COLUMNS else "a number or a text, of which finkclass is computed",
                next_step="choose other nights, or have the archive reprocessed",
            )


def _no_data(archive: Archive, wanted: Sequence[dt.date], listing: Listing) -> ArchiveError:
    nights = archive.nights()
    asked = wanted[0].isoformat() if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
    asked = "; ".join([asked, *notes_on_listing(listing)])
    if not nights:
        return ArchiveError(f"the archive at {archive.shown!r} is empty: it has no night")
    near = sorted(sorted(nights, key=lambda night: abs((night - wanted[0]).days))[:5])
    return ArchiveError(
        f"the archive has no data of {asked}",
        accepted=f"nights from {nights[0]} to {nights[-1]}, {len(nights)} in all; near it: {', '.join(map(str, near))}",
        next_step="choose among them; list them with: alert-transfer archive info",
    )


def _left_out(unreadable: Sequence[tuple[ArchiveFile, str]]) -> list[str]:
    return [f"left out: {reason}" for _, reason in unreadable]


def _alert_nbytes(footers: Sequence[Footer], columns: Sequence[str]) -> int:
    total = sum(footer.nbytes_of(columns, group) for footer in footers for group in range(len(footer.row_groups)))
    return total // max(sum(sum(footer.row_groups) for footer in footers), 1)
