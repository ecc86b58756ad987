"""What a user should know of a plan before it runs: nights and fields that are missing, and what follows from that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from engine.archive import Footer
from engine.enrichment import Gap
from engine.pipeline import Projection
from engine.schema import unit_of

__all__ = [
    "notes_on_description",
    "notes_on_gaps",
    "notes_on_leaves",
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
    shown = ", ".join(map(str, without[:10])) + (f" and {len(without) - 10:,} more" if len(without) > 10 else "")
    return [f"no data in {len(without):,} of the nights: {shown}"]


def notes_on_names(archive: pa.Schema, projection: Projection, same: Mapping[str, str]) -> list[str]:
    """Return a note on each root column that is left out since a field of the candidate comes out under its name.

    None on those that `same` says to hold what the field holds: path -> root column.
    """
    return [
        f"the column {name} is left out: {source} comes out as {name}"
        for name, source in zip(projection.schema.names, projection.sources, strict=True)
        if source not in (name, *projection.schema.names) and name in archive.names and same.get(source) != name
    ]


def notes_on_description(missing: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a note on what the user's description of a survey names and no file has: path -> the keys that name it."""
    named = [f"{path} ({', '.join(keys)})" for path, keys in missing.items()]
    if not named:
        return []
    more = len(named) - _MOST_NAMES
    some = ", ".join(named[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return [f"the survey's description names what no file of these nights has: {some}"]


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


def notes_on_leaves(
    footers: Sequence[Footer],
    reads: Mapping[str, str],
    held: Mapping[str, Sequence[pa.DataType | None]],
    computed: Sequence[str],
) -> list[str]:
    """Return a note on each leaf of the predicate that files lack, or have as a column of type null.

    Parameters
    ----------
    footers
        Of the files.
    reads
        What the predicate reads, as it is told -> the path in the files.
    held
        Path -> the type that the file of each footer has there.
    computed
        Root columns that are computed, and so are missing nowhere.
    """
    nights = [footer.file.night for footer in footers]
    num_nights = len(set(nights))
    notes: dict[str, None] = {}
    for shown, path in reads.items():
        if path.partition(".")[0] in computed:
            continue
        lacking = {night for night, type_ in zip(nights, held[path], strict=True) if type_ is None}
        having = {night for night, type_ in zip(nights, held[path], strict=True) if type_ is not None}
        places = []
        if lacking - having:
            places.append(f"{len(lacking - having)} of {num_nights} nights")
        if lacking & having:
            places.append(f"some files of {len(lacking & having)} {'more' if places else f'of {num_nights} nights'}")
        if places:
            notes[f"{shown} is missing in {' and in '.join(places)}: null there"] = None
    return list(notes)


def notes_on_gaps(footers: Sequence[Footer], gaps: Sequence[Gap]) -> list[str]:
    """Return a note on each set of leaves without which an enrichment is computed; of many sets, on the first few."""
    nights = {footer.file.path: footer.file.night for footer in footers}
    num_nights = len(set(nights.values()))
    notes = []
    for names in dict.fromkeys(gap.names for gap in gaps):
        what = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} computed without"
        groups = [(gap, len({nights[file] for file in gap.files})) for gap in gaps if gap.names == names]
        groups.sort(key=lambda group: (-group[1], group[0].missing))
        for gap, num_lacking in groups[:_MOST_GROUPS]:
            note = f"{what} {', '.join(gap.missing)} in {num_lacking} of {num_nights} nights"
            notes.append(f"{note}: {gap.outcome}" if gap.outcome else note)
        if len(groups) > _MOST_GROUPS:
            notes.append(f"{what} other inputs in {len(groups) - _MOST_GROUPS} more ways")
    return notes
