"""What a plan is refused for: fields of the survey, or of its enrichments, that are not what they must be."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from engine.archive import Footer, unite
from engine.enrichment import Enrichment, with_added
from engine.errors import ArchiveError, RequestError
from engine.planning.nights import ChosenNights
from engine.schema import check_settled, field_at, kept_exact, names_along, origin_of, split_leaf, type_at
from engine.surveys import Survey

__all__ = ["check_archive"]


def check_archive(
    nights: ChosenNights, survey: Survey, enrichments: Sequence[Enrichment], widen: Sequence[str]
) -> pa.Schema:
    """Return the schema union that the job is planned with: its identifier is int64, and it has what enrichments add.

    Raises
    ------
    ArchiveError
        If a field that the survey or an enrichment needs is missing or of a type that can't be taken.
    RequestError
        If the request widens the identifier.
    """
    union = _check_survey_fields(nights.union, survey, widen, nights.archive.shown)
    _check_enrichments(union, nights.footers, enrichments, nights.archive.shown)
    return with_added(union, enrichments)


def _check_survey_fields(union: pa.Schema, survey: Survey, widen: Sequence[str], url: str) -> pa.Schema:
    """Return the union with the identifier as int64; raise if the survey's fields are not what they must be."""
    for key, path in (("identifier", survey.id_field), ("time", survey.time_field)):
        parent = path.rpartition(".")[0]
        field = field_at(union, path)
        if field is not None:
            check_settled(field.type)
        type_ = type_at(union, path)
        if field is None or type_ is None or (parent and not pa.types.is_struct(type_at(union, parent))):
            raise ArchiveError(
                f"the alerts of {url!r} have no {path}",
                accepted=f"alerts of the survey {survey.name!r}",
                next_step=f"check the archive, and {key} in the survey's description"
                if survey.is_described
                else "check the archive and --survey",
            )
        if not (pa.types.is_integer(type_) or pa.types.is_floating(type_)) or origin_of(field):
            raise ArchiveError(
                f"{path} is {origin_of(field) or str(type_).partition('<')[0]} in the files of {url!r}",
                accepted="a whole number, of which the digest is made that proves a transfer whole"
                if path == survey.id_field
                else "an integer or a float",
                next_step=f"name another field as {key} in the survey's description"
                if survey.is_described
                else "choose other nights, or have the archive reprocessed",
            )
    if survey.id_field in widen:
        raise RequestError(
            f"--widen names {survey.id_field}, the alerts' identifier, which as double would lose its last digits",
            accepted="other fields in which integers and floats meet",
            next_step="take it out of the request",
        )
    if pa.types.is_floating(type_at(union, survey.id_field)):
        # Nights that were turned into floats altogether: the same alert is to have the same identifier in any job.
        union = pa.schema(_with_int64(list(union), names_along(union, survey.id_field)))
    return union


def _with_int64(fields: Sequence[pa.Field], names: Sequence[str]) -> list[pa.Field]:
    """Return fields of which the one that names lead to, through structs, is int64."""
    name, *rest = names
    return [
        field
        if field.name != name
        else field.with_type(pa.struct(_with_int64(list(field.type), rest)) if rest else pa.int64())
        for field in fields
    ]


def _check_enrichments(
    union: pa.Schema, footers: Sequence[Footer], enrichments: Sequence[Enrichment], url: str
) -> None:
    """Raise if the columns that enrichments add, or what files that lack them have of their needs, can't be taken.

    What an enrichment needs counts in the files that lack its columns alone.
    """
    unions: dict[tuple[int, ...], pa.Schema] = {}
    for enrichment in enrichments:
        for field in enrichment.adds:
            accepted = "text" if pa.types.is_string(field.type) else str(field.type)
            _check_leaf(union, field, accepted, url)
        lacking = tuple(
            index
            for index, footer in enumerate(footers)
            if any(type_at(footer.schema, name) is None for name in enrichment.adds.names)
        )
        if not lacking or not enrichment.needs.names:
            continue
        if lacking not in unions:
            unions[lacking] = union if len(lacking) == len(footers) else unite([footers[index] for index in lacking])
        accepted = f"a number or a text, of which {' and '.join(enrichment.adds.names)} is computed"
        for field in enrichment.needs:
            if split_leaf(field.name)[0] is None:
                _check_leaf(unions[lacking], field, accepted, url)


def _check_leaf(union: pa.Schema, wanted: pa.Field, accepted: str, url: str) -> None:
    field = field_at(union, wanted.name)
    if field is None:
        return
    check_settled(field.type)
    exact = kept_exact(field) in ("time of day", "duration")
    if exact or (pa.types.is_nested(field.type) and not pa.types.is_nested(wanted.type)):
        raise ArchiveError(
            f"{wanted.name} is {origin_of(field) or field.type} in the files of {url!r}",
            accepted=accepted,
            next_step="choose other nights, or have the archive reprocessed",
        )
