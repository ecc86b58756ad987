"""What a user should know of a plan before it runs: nights and fields that are missing, and what follows from that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from engine.archive import Footer, Listing
from engine.enrichment import ClassEnrichment, Enrichment
from engine.pipeline import Projection
from engine.schema import paths_read, split_leaf, type_at, unit_of
from engine.surveys import Survey, missing_in

__all__ = [
    "notes_on_description",
    "notes_on_enrichments",
    "notes_on_leaves",
    "notes_on_listing",
    "notes_on_names",
    "notes_on_nights",
    "notes_on_units",
]

_MOST_GROUPS = 3
_MOST_NAMES = 5


def notes_on_nights(without: Sequence[dt.date]) -> list[str]:
    """Return a note on nights that have no data."""
    if not without:
        return []
    shown = ", ".join(map(str, without[:10])) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
    return [f"no data in {len(without)} of the nights: {shown}"]


def notes_on_listing(listing: Listing) -> list[str]:
    """Return notes on what was found in the nights, or on the way to them, and is not read."""
    said = {
        "passed over in these nights, since they are no Parquet files by name or were put aside": listing.passed_over,
        "passed over in these nights, since they are links to what is read already": listing.repeated,
        "passed over, since they are in no year=…/month=…/day=…": listing.beside,
    }
    return [f"{what}: {len(names)} ({_some(names)})" for what, names in said.items() if names]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def notes_on_names(archive: pa.Schema, projection: Projection, same: Mapping[str, str]) -> list[str]:
    """Return a note on each root column that is left out since a field of the candidate comes out under its name.

    None on those that `same` says to hold what the field holds: path -> root column.
    """
    return [
        f"the column {name} is left out: {source} comes out as {name}"
        for name, source in zip(projection.schema.names, projection.sources, strict=True)
        if source not in (name, *projection.schema.names) and name in archive.names and same.get(source) != name
    ]


def notes_on_description(archive: pa.Schema, survey: Survey) -> list[str]:
    """Return a note on what the user's description of a survey names, and none of the files has."""
    missing = missing_in(archive, survey)
    named = [f"{path} ({', '.join(keys)})" for path, keys in missing.items()]
    return [f"the survey's description names what no file of these nights has: {_some(named)}"] if named else []


def notes_on_units(content: pa.Schema) -> list[str]:
    """Return a note on each duration of the content: the number that leaves does not tell its unit."""

    def walk(fields: Iterable[pa.Field], prefix: str) -> Iterator[str]:
        for field in fields:
            path = prefix + field.name
            unit = unit_of(field)
            if unit:
                yield f"{path} is a duration and comes out as a whole number of {unit}"
            inside = (field.type.field(i) for i in range(field.type.num_fields))
            yield from walk(inside, f"{path}.")

    return list(walk(content, ""))


def notes_on_leaves(footers: Sequence[Footer], leaves: Sequence[str], computed: Sequence[str]) -> list[str]:
    """Return a note on each leaf of the predicate that files lack, or have as a column of type null.

    Root columns that are computed then are missing nowhere.
    """
    num_nights = len({footer.file.night for footer in footers})
    notes: dict[str, None] = {}
    for shown, path in ((shown, path) for leaf in leaves for shown, path in paths_read(leaf).items()):
        if path.partition(".")[0] in computed:
            continue
        lacking = {footer.file.night for footer in footers if type_at(footer.schema, path) is None}
        having = {footer.file.night for footer in footers if type_at(footer.schema, path) is not None}
        places = []
        if lacking - having:
            places.append(f"{len(lacking - having)} of {num_nights} nights")
        if lacking & having:
            places.append(f"some files of {len(lacking & having)} {'more' if places else f'of {num_nights} nights'}")
        if places:
            notes[f"{shown} is missing in {' and in '.join(places)}: null there"] = None
    return list(notes)


def notes_on_enrichments(footers: Sequence[Footer], enrichments: Sequence[Enrichment]) -> list[str]:
    """Return a note for each set of leaves that an enrichment needs and files lack that lack its columns too."""
    num_nights = len({footer.file.night for footer in footers})
    notes = []
    for enrichment in enrichments:
        names = enrichment.adds.names
        what = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} computed without"
        groups = sorted(_missing_needs(footers, enrichment).items(), key=lambda group: (-len(group[1]), group[0]))
        for missing, nights in groups[:_MOST_GROUPS]:
            note = f"{what} {', '.join(missing)} in {len(nights)} of {num_nights} nights"
            outcome = enrichment.outcome_without(missing) if isinstance(enrichment, ClassEnrichment) else None
            notes.append(f"{note}: {outcome}" if outcome else note)
        if len(groups) > _MOST_GROUPS:
            notes.append(f"{what} other inputs in {len(groups) - _MOST_GROUPS} more ways")
    return notes


def _missing_needs(footers: Sequence[Footer], enrichment: Enrichment) -> dict[tuple[str, ...], set[dt.date]]:
    """Return sets of leaves that files lack -> the nights in which a file lacks those."""
    groups: dict[tuple[str, ...], set[dt.date]] = {}
    for footer in footers:
        if any(type_at(footer.schema, name) is None for name in enrichment.adds.names):
            needs = enrichment.needs.names
            missing = tuple(leaf for leaf in needs if type_at(footer.schema, split_leaf(leaf)[1]) is None)
            groups.setdefault(missing, set()).add(footer.file.night)
    groups.pop((), None)
    return groups
