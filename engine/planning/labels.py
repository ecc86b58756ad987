"""A request's class labels held against the known lists, and, where a label is in none, against the archive itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import shown
from consumer.words import some_text
from engine.archive import Archive, Fragment
from engine.enrichment import ClassEnrichment, Enrichment
from engine.errors import RequestError, UnreadableError
from engine.surveys import ALL_CLASSES, RequestedClass, RequestedClasses, nearest_labels

__all__ = ["check_labels"]

MOST_FRAGMENTS = 2_000
"""Fragments of which the class column is read before a label is taken as it stands."""

_AT_ONCE = 16
_MOST_HELD = 10


def check_labels(
    requested: RequestedClasses,
    archive: Archive,
    fragments: Sequence[Fragment],
    enrichments: Sequence[Enrichment],
    *,
    skip_unreadable: bool = False,
    most_fragments: int = MOST_FRAGMENTS,
) -> list[str]:
    """Refuse labels that no alert has; return a note on each label for which that could not be found out.

    Labels of the known lists pass unread. Of others, the class columns of the chosen nights are read, until each is
    found; one that the archive has is never refused.

    Parameters
    ----------
    requested
        The classes of the request.
    archive, fragments
        The chosen nights.
    enrichments
        What computes the class columns that files lack; labels of their own count too.
    skip_unreadable
        Whether the job leaves out what can't be read.
    most_fragments
        How many fragments are read at most.

    Raises
    ------
    RequestError
        If a label is in no list and not in the nights, naming the nearest.
    """
    strange = [class_ for class_ in requested.named if not class_.is_listed]
    if not strange:
        return []
    computed = {column: _computing(column, enrichments) for column in requested.columns}
    seen = {column: set(by.own_labels()) if by else set[str]() for column, by in computed.items()}

    def missing() -> list[RequestedClass]:
        return [class_ for class_ in strange if seen[class_.column].isdisjoint(class_.names)]

    read = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while missing() and read < min(len(fragments), most_fragments):
            columns = {class_.column: computed[class_.column] for class_ in missing()}
            some = fragments[read : min(read + _AT_ONCE, most_fragments)]
            for found in pool.map(partial(_labels_of, archive, columns, skip_unreadable), some):
                for column, values in found.items():
                    seen[column] |= values
            read += len(some)
    lost = missing()
    # Which labels a column holds that is computed without knowing of classes, nobody can tell beforehand.
    lacking = {name for fragment in fragments for name in fragment.lacking}
    open_ = [class_ for class_ in lost if not computed[class_.column] and class_.column in lacking]
    refused = [class_ for class_ in lost if class_ not in open_] if read == len(fragments) else []
    if refused:
        raise _no_such_class(refused[0], requested, seen)
    return [
        f"the class {shown(class_.label)} is in no list and not in "
        + (
            f"what the nights have of {class_.column}, which is computed for the others"
            if class_ in open_
            else f"the first {read:,} of {len(fragments):,} fragments"
        )
        + f": asked for as it stands{_did_you_mean(class_.label, requested.listed)}"
        for class_ in lost
    ]


def _computing(column: str, enrichments: Sequence[Enrichment]) -> ClassEnrichment | None:
    """Return what computes a class column where a file lacks it, if anything does."""
    for enrichment in enrichments:
        if isinstance(enrichment, ClassEnrichment) and column in enrichment.adds.names:
            return enrichment
    return None


def _labels_of(
    archive: Archive, columns: Mapping[str, ClassEnrichment | None], skip_unreadable: bool, fragment: Fragment
) -> dict[str, set[str]]:
    """Return column -> labels that a fragment's alerts have; of a computed one, those that come out of other leaves."""
    leaves: dict[str, tuple[str, ...]] = {column: (column,) for column in columns if column not in fragment.lacking}
    leaves |= {column: by.label_leaves for column, by in columns.items() if by and column in fragment.lacking}
    leaves = {column: among for column, among in leaves.items() if among}
    if not leaves:
        return {}
    read = list(dict.fromkeys(leaf for among in leaves.values() for leaf in among))
    try:
        table = archive.read_leaves(fragment, read, [pa.string()] * len(read))
    except UnreadableError:
        if not skip_unreadable:
            raise
        return {}
    found = {leaf: set(pc.unique(table[leaf]).drop_null().to_pylist()) for leaf in read}
    return {column: set().union(*(found[leaf] for leaf in among)) for column, among in leaves.items()}


def _did_you_mean(label: str, labels: Collection[str]) -> str:
    near = nearest_labels(label, labels)
    return f"; did you mean {near[0]!r}?" if near else ""


def _no_such_class(
    class_: RequestedClass, requested: RequestedClasses, seen: Mapping[str, Collection[str]]
) -> RequestError:
    every = {*requested.listed, *(label for found in seen.values() for label in found), ALL_CLASSES}
    near = nearest_labels(class_.label, sorted(every, key=str.lower))
    accepted = f"{requested.accepted}; and what the nights hold"
    if near:
        accepted += f"; near it: {', '.join(map(repr, near))}"
    elif held := sorted(seen[class_.column]):
        accepted += f" in {class_.column}: {some_text(list(map(repr, held)), _MOST_HELD)}"
    return RequestError(
        f"there is no class {shown(class_.label)}: it is in no list of labels, and no alert of these nights has it",
        accepted=accepted,
        next_step=f"did you mean {near[0]!r}?" if near else "leave it out, or choose other nights",
    )
