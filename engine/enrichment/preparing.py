"""Enrichments made ready for the files of a request: with their catalogue, and held against what the files have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.enrichment.enrichment import ClassEnrichment, Enrichment, added_by, with_added
from engine.enrichment.tns_catalogue import CatalogueFile, find_catalogue
from engine.enrichment.tns_class import catalogue_of, with_catalogue
from engine.errors import ArchiveError
from engine.schema import (
    check_settled,
    field_at,
    kept_exact,
    once_a_schema,
    origin_of,
    split_leaf,
    type_at,
    union_schemas,
)

__all__ = ["Gap", "PreparedEnrichments", "prepare_enrichments"]

_Files = Sequence[tuple[str, pa.Schema]]
"""(file, its schema), the newest night first."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Leaves without which an enrichment is computed in some files."""

    names: tuple[str, ...]
    """The columns that it adds."""
    missing: tuple[str, ...]
    files: tuple[str, ...]
    """Those that lack these of its needs, and its columns."""
    outcome: str | None
    """What follows for their alerts, as the end of a sentence, if more than nulls."""


@dataclass(frozen=True, kw_only=True)
class PreparedEnrichments:
    """What is computed of the alerts of a request, where a file lacks it."""

    each: tuple[Enrichment, ...]
    catalogue: CatalogueFile | None
    """The TNS catalogue that is matched, if any is."""
    union: pa.Schema
    """The schema union, with what they add."""
    notes: Mapping[tuple[str, ...], Sequence[str]]
    """The columns that one adds -> what is odd about what they are computed with, for users who need them."""
    gaps: tuple[Gap, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The root columns that are added."""
        return tuple(added_by(self.each).names)


def prepare_enrichments(
    enrichments: Sequence[Enrichment],
    tns_catalogue: str | None,
    files: _Files,
    union: pa.Schema,
    *,
    url: str,
) -> PreparedEnrichments:
    """Return enrichments with the catalogue as it is now.

    Parameters
    ----------
    enrichments
        The survey's.
    tns_catalogue
        Where the catalogue is, if one is given.
    files, union
        (file, its schema), the newest night first; and what they meet in.
    url
        Of the archive, for messages.

    Raises
    ------
    RequestError
        If the catalogue can't be read, whether these files need it or not.
    ArchiveError
        If a column that they add, or what files that lack it have of their needs, can't be taken.
    """
    each = with_catalogue(enrichments, find_catalogue(tns_catalogue) if tns_catalogue else None)
    notes = {tuple(some.adds.names): some.notes() for some in each if isinstance(some, ClassEnrichment)}
    lacking = [_lacking(some, files) for some in each]
    _check(list(zip(each, lacking, strict=True)), union, len(files), url)
    return PreparedEnrichments(
        each=each,
        catalogue=catalogue_of(each),
        union=with_added(union, each),
        notes=notes,
        gaps=tuple(gap for some, among in zip(each, lacking, strict=True) for gap in _gaps(some, among)),
    )


def _lacking(enrichment: Enrichment, files: _Files) -> _Files:
    """Return those files that do not have every column that an enrichment adds."""
    names = enrichment.adds.names
    lacks = once_a_schema(lambda schema: any(type_at(schema, name) is None for name in names))
    return tuple((file, schema) for file, schema in files if lacks(schema))


def _check(lacking: Sequence[tuple[Enrichment, _Files]], union: pa.Schema, num_files: int, url: str) -> None:
    """Raise if what is added or needed can't be taken; a need counts in the files that lack the columns alone."""
    unions: dict[tuple[str, ...], pa.Schema] = {}
    for enrichment, files in lacking:
        for field in enrichment.adds:
            accepted = "text" if pa.types.is_string(field.type) else str(field.type)
            _check_leaf(union, field, accepted, url)
        if not files or not enrichment.needs.names:
            continue
        paths = tuple(file for file, _ in files)
        if paths not in unions:
            unions[paths] = union if len(files) == num_files else union_schemas(files)
        accepted = f"a number or a text, of which {' and '.join(enrichment.adds.names)} is computed"
        for field in enrichment.needs:
            if split_leaf(field.name)[0] is None:
                _check_leaf(unions[paths], field, accepted, url)


def _gaps(enrichment: Enrichment, lacking: _Files) -> list[Gap]:
    needs = enrichment.needs.names
    found: dict[tuple[str, ...], list[str]] = {}
    missing_in = once_a_schema(lambda s: tuple(leaf for leaf in needs if type_at(s, split_leaf(leaf)[1]) is None))
    for file, schema in lacking:
        found.setdefault(missing_in(schema), []).append(file)
    found.pop((), None)
    return [
        Gap(
            names=tuple(enrichment.adds.names),
            missing=missing,
            files=tuple(files),
            outcome=enrichment.outcome_without(missing) if isinstance(enrichment, ClassEnrichment) else None,
        )
        for missing, files in found.items()
    ]


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
