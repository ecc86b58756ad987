"""A survey in the files of a request: where they have its fields, and whether those are what they must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.errors import ArchiveError, RequestError
from engine.schema import check_settled, field_at, origin_of, type_at, with_type
from engine.surveys.own import missing_in
from engine.surveys.survey import Survey

__all__ = ["SurveyInFiles", "find_survey"]


@dataclass(frozen=True, kw_only=True)
class SurveyInFiles:
    """A survey as the files of a request have it."""

    survey: Survey
    """With its identity where the files have it."""
    union: pa.Schema
    """The schema union, in which the identifier is int64."""
    missing: Mapping[str, Sequence[str]]
    """What the user's description of it names and no file has: path -> the keys that name it."""


def find_survey(
    survey: Survey, schemas: Sequence[pa.Schema], union: pa.Schema, *, widen: Collection[str], url: str
) -> SurveyInFiles:
    """Return a survey as files have it.

    Parameters
    ----------
    survey
        As it is known.
    schemas, union
        Of the files, and what they meet in.
    widen
        The fields in which a request wants integers and floats to meet as double.
    url
        Of the archive, for messages.

    Raises
    ------
    ArchiveError
        If the identifier or the time is missing, or of a type that can't be taken.
    RequestError
        If the request widens the identifier.
    """
    survey = survey.among(schemas)
    for key, path in (("identifier", survey.id_field), ("time", survey.time_field)):
        _check_field(survey, key, path, union, url)
    if survey.id_field in widen:
        raise RequestError(
            f"--widen names {survey.id_field}, the alerts' identifier, which as double would lose its last digits",
            accepted="other fields in which integers and floats meet",
            next_step="take it out of the request",
        )
    if pa.types.is_floating(type_at(union, survey.id_field)):
        # Nights that were turned into floats altogether: the same alert is to have the same identifier in any job.
        union = with_type(union, survey.id_field, pa.int64())
    return SurveyInFiles(survey=survey, union=union, missing=missing_in(union, survey))


def _check_field(survey: Survey, key: str, path: str, union: pa.Schema, url: str) -> None:
    """Raise if a field is missing, or no number."""
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
