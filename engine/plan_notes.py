"""What a user should know of a plan before it runs: nights and fields that are missing, and what follows from that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa

from engine.contents import CLASS_COLUMNS, Projection
from engine.derived_leaves import split_leaf
from engine.fink_rules import FINKCLASS_INPUTS, impossible_labels
from engine.fragments import Footer
from engine.leaves import type_at

__all__ = ["notes_on_classes", "notes_on_leaves", "notes_on_names", "notes_on_nights"]

_MOST_GROUPS = 3


def notes_on_nights(without: Sequence[dt.date]) -> list[str]:
    """Return a note on nights that have no data."""
    if not without:
        return []
    shown = ", ".join(map(str, without[:10])) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
    return [f"no data in {len(without)} of the nights: {shown}"]


def notes_on_names(archive: pa.Schema, projection: Projection) -> list[str]:
    """Return a note on each root column that is left out since a field of the candidate comes out under its name."""
    return [
        f"the column {name} is left out: {source} comes out as {name}"
        for name, source in zip(projection.schema.names, projection.sources, strict=True)
        if source not in (name, *projection.schema.names) and name in archive.names
    ]


def notes_on_leaves(footers: Sequence[Footer], leaves: Sequence[str]) -> list[str]:
    """Return a note on each leaf of the question that files lack, or have as a column of type null."""
    num_nights = len({footer.file.night for footer in footers})
    notes = []
    for leaf in leaves:
        function, path = split_leaf(leaf)
        if path in CLASS_COLUMNS:
            continue
        lacking = {footer.file.night for footer in footers if type_at(footer.schema, path) is None}
        having = {footer.file.night for footer in footers if type_at(footer.schema, path) is not None}
        places = []
        if lacking - having:
            places.append(f"{len(lacking - having)} of {num_nights} nights")
        if lacking & having:
            places.append(f"some files of {len(lacking & having)} {'more' if places else f'of {num_nights} nights'}")
        if places:
            notes.append(
                f"{path if function == 'present' else leaf} is missing in {' and in '.join(places)}: null there"
            )
    return notes


def notes_on_classes(footers: Sequence[Footer]) -> list[str]:
    """Return a note for each set of inputs that files lack of which `finkclass` is computed."""
    num_nights = len({footer.file.night for footer in footers})
    groups: dict[tuple[str, ...], set[dt.date]] = {}
    for footer in footers:
        if type_at(footer.schema, "finkclass") is None:
            missing = tuple(leaf for leaf in FINKCLASS_INPUTS if type_at(footer.schema, leaf) is None)
            groups.setdefault(missing, set()).add(footer.file.night)
    groups.pop((), None)
    largest_first = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    notes = []
    for missing, nights in largest_first[:_MOST_GROUPS]:
        labels = impossible_labels(missing)
        outcome = f"no alert of them becomes {', '.join(labels)}" if labels else "rules on them are false"
        notes.append(
            f"finkclass is computed without {', '.join(missing)} in {len(nights)} of {num_nights} nights: {outcome}"
        )
    if len(largest_first) > _MOST_GROUPS:
        notes.append(f"finkclass is computed without other inputs in {len(largest_first) - _MOST_GROUPS} more ways")
    return notes
