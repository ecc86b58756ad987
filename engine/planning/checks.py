"""What a plan is refused for: fields of the survey that are not what they must be, nights without data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa

from engine.archive import Archive, Footer, Listing, unite
from engine.enrichment import FINKCLASS_INPUTS
from engine.errors import ArchiveError, RequestError
from engine.pipeline import CLASS_COLUMNS
from engine.planning.notes import notes_on_listing
from engine.schema import check_settled, field_at, kept_exact, origin_of, type_at
from engine.surveys import Survey

__all__ = ["check_class_columns", "check_survey_fields", "no_data"]


def check_survey_fields(union: pa.Schema, survey: Survey, widen: Sequence[str], url: str) -> pa.Schema:
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


def check_class_columns(union: pa.Schema, footers: Sequence[Footer], url: str) -> None:
    """Raise if the class columns, or what `finkclass` is computed of where files lack it, are not what they must be."""
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


def no_data(archive: Archive, wanted: Sequence[dt.date], listing: Listing) -> ArchiveError:
    """Return the error that says that the archive has none of the nights."""
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
