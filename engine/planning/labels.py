"""A request's class labels held against the known lists, and, where a label is in none, against the archive itself."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import shown
from engine.archive import Archive, Footer, Fragment
from engine.enrichment import CATALOGUE_FORMS, CatalogueFile, load_tns_catalogue
from engine.errors import RequestError, UnreadableError
from engine.planning.class_filter import ALL_CLASSES, column_and_names
from engine.schema import type_at
from engine.surveys import known_labels, nearest_labels

__all__ = ["check_labels", "check_tns"]

MOST_FRAGMENTS = 2_000
"""Fragments of which the class column is read before a label is taken as it stands."""

_AT_ONCE = 16

TNS_COLUMN = "tns"
"""Where alerts bear the TNS type that the broker itself matched, without `(TNS) `; empty where it found none."""


def check_labels(
    labels: Sequence[str],
    survey: str,
    archive: Archive,
    fragments: Sequence[Fragment],
    tns_catalogue: CatalogueFile | None,
    *,
    skip_unreadable: bool = False,
    most_fragments: int = MOST_FRAGMENTS,
) -> list[str]:
    """Refuse labels that are nowhere; return notes on those of which that could not be told.

    Labels of the known lists pass unread. Of others, the class columns of the chosen nights are read, until each is
    found; one that the archive has is never refused.

    Parameters
    ----------
    labels
        Chosen and excluded, as the request has them.
    survey
        Whose lists count.
    archive, fragments
        The chosen nights.
    tns_catalogue
        Its types count too.
    skip_unreadable
        Whether the job leaves out what can't be read.
    most_fragments
        How many fragments are read at most.

    Raises
    ------
    RequestError
        If a label is in no list and not in the nights, naming the nearest.
    """
    known = known_labels(survey)
    wanted = {label.strip(): column_and_names(label) for label in labels if label.strip() != ALL_CLASSES}
    strange = {label: (column, names) for label, (column, names) in wanted.items() if known.keys().isdisjoint(names)}
    if not strange:
        return []
    seen = {"finkclass": set[str](), "tnsclass": set[str]()}
    if tns_catalogue:
        seen["tnsclass"].update(load_tns_catalogue(tns_catalogue).types)

    def missing() -> list[str]:
        return [label for label, (column, names) in strange.items() if seen[column].isdisjoint(names)]

    read = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while missing() and read < min(len(fragments), most_fragments):
            columns = {strange[label][0] for label in missing()}
            some = fragments[read : min(read + _AT_ONCE, most_fragments)]
            for found in pool.map(partial(_labels_of, archive, columns, skip_unreadable), some):
                for column, values in found.items():
                    seen[column] |= values
            read += len(some)
    lost = missing()
    if lost and read == len(fragments):
        raise _no_such_class(lost[0], {*known, *seen["finkclass"], *seen["tnsclass"], ALL_CLASSES})
    return [
        f"the class {shown(label)} is in no list and not in the first {read:,} of {len(fragments):,} fragments: "
        f"asked for as it stands{_did_you_mean(label, known)}"
        for label in lost
    ]


def _labels_of(archive: Archive, columns: set[str], skip_unreadable: bool, fragment: Fragment) -> dict[str, set[str]]:
    """Return column -> labels that a fragment's alerts have; computed ones are the rules' own, or SIMBAD's type."""
    leaves = {}
    for column in columns:
        if column not in fragment.lacking:
            leaves[column] = column
        elif column == "finkclass":
            leaves[column] = "cdsxmatch"
    if not leaves:
        return {}
    try:
        table = archive.read_leaves(fragment, list(leaves.values()), [pa.string()] * len(leaves))
    except UnreadableError:
        if not skip_unreadable:
            raise
        return {}
    return {column: set(pc.unique(table[leaf]).drop_null().to_pylist()) for column, leaf in leaves.items()}


def _did_you_mean(label: str, labels) -> str:
    near = nearest_labels(label, labels)
    return f"; did you mean {near[0]!r}?" if near else ""


def _no_such_class(label: str, labels: set[str]) -> RequestError:
    near = nearest_labels(label, sorted(labels, key=str.lower))
    accepted = "Fink's labels, SIMBAD's types, TNS's types as '(TNS) SN Ia', and what the nights hold"
    return RequestError(
        f"there is no class {shown(label)}: it is in no list of labels, and no alert of these nights has it",
        accepted=accepted + (f"; near it: {', '.join(map(repr, near))}" if near else ""),
        next_step=f"did you mean {near[0]!r}?" if near else "leave it out, or choose other nights",
    )


def check_tns(
    leaves: Sequence[str],
    labels: Sequence[str],
    fragments: Sequence[Fragment],
    footers: Sequence[Footer],
    tns_catalogue: CatalogueFile | None,
) -> None:
    """Refuse a question that asks for TNS types where nothing gives them.

    Parameters
    ----------
    leaves
        What the question reads.
    labels
        Chosen and excluded, as the request has them.
    fragments, footers
        The chosen nights; the footers of the fragments' files.
    tns_catalogue
        The job's catalogue.

    Raises
    ------
    RequestError
        If the question names `tnsclass`, a file lacks it, and there is no catalogue to match. It names the column
        `tns`, the broker's own match, where files without `tnsclass` have that.
    """
    if "tnsclass" not in leaves or tns_catalogue:
        return
    lacking = sorted({fragment.file.night for fragment in fragments if "tnsclass" in fragment.lacking})
    if lacking:
        nights = len({fragment.file.night for fragment in fragments})
        way_out = "give --tns-catalogue FILE, or leave the (TNS) labels and tnsclass out"
        files = {fragment.file for fragment in fragments if "tnsclass" in fragment.lacking}
        with_tns = {f.file.night for f in footers if f.file in files and _is_text(type_at(f.schema, TNS_COLUMN))}
        if with_tns:
            where = "them" if len(with_tns) == len(lacking) else f"{len(with_tns)} of these {len(lacking)} nights"
            way_out += (
                f"; or ask for the type in the column {TNS_COLUMN}, which the alerts of {where} have: "
                f'--where "{_in_column(labels)}"'
            )
        raise RequestError(
            f"the request asks for types of the Transient Name Server, but {len(lacking)} of {nights} nights have no "
            f"tnsclass ({lacking[0]}{', …' if len(lacking) > 1 else ''}), and no TNS catalogue is given",
            accepted=f"a catalogue: {CATALOGUE_FORMS}",
            next_step=way_out,
        )


def _is_text(type_: pa.DataType | None) -> bool:
    if type_ is not None and pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return type_ is not None and (pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _in_column(labels: Sequence[str]) -> str:
    """Return a condition on the column `tns` that takes the TNS types among some labels."""
    names = [names[0] for column, names in map(column_and_names, labels) if column == "tnsclass"]
    types = list(dict.fromkeys(name.removeprefix("(TNS)").strip() for name in names)) or ["SN Ia"]
    quoted = ", ".join(f"'{name}'" for name in types)
    return f"{TNS_COLUMN} = {quoted}" if len(types) == 1 else f"{TNS_COLUMN} IN ({quoted})"
