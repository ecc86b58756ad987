"""A request's class labels held against the known lists, and, where a label is in none, against the archive itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import shown
from engine.archive import Archive, Fragment
from engine.enrichment import ClassEnrichment, Enrichment
from engine.errors import RequestError, UnreadableError
from engine.planning.class_filter import ALL_CLASSES, kinds_of_labels
from engine.surveys import Classes, Survey, known_labels, nearest_labels

__all__ = ["check_labels"]

MOST_FRAGMENTS = 2_000
"""Fragments of which the class column is read before a label is taken as it stands."""

_AT_ONCE = 16


def check_labels(
    labels: Sequence[str],
    survey: Survey,
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
    labels
        Chosen and excluded, as the request has them.
    survey
        Whose lists count.
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
    known = known_labels(survey.name)
    classes = survey.classes
    wanted = {label.strip(): classes.column_and_names(label) for label in labels if label.strip() != ALL_CLASSES}
    strange = {
        label: (column, names)
        for label, (column, names) in wanted.items()
        if not _is_known(label, names, known, classes)
    }
    if not strange:
        return []
    computed = {column: _computing(column, enrichments) for column in survey.class_columns}
    seen = {column: set(by.own_labels()) if by else set[str]() for column, by in computed.items()}

    def missing() -> list[str]:
        return [label for label, (column, names) in strange.items() if seen[column].isdisjoint(names)]

    read = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while missing() and read < min(len(fragments), most_fragments):
            columns = {column: computed[column] for label in missing() for column in [strange[label][0]]}
            some = fragments[read : min(read + _AT_ONCE, most_fragments)]
            for found in pool.map(partial(_labels_of, archive, columns, skip_unreadable), some):
                for column, values in found.items():
                    seen[column] |= values
            read += len(some)
    lost = missing()
    # Which labels a column holds that is computed without knowing of classes, nobody can tell beforehand.
    lacking = {name for fragment in fragments for name in fragment.lacking}
    open_ = [label for label in lost if not computed[strange[label][0]] and strange[label][0] in lacking]
    refused = [label for label in lost if label not in open_] if read == len(fragments) else []
    if refused:
        every = {*known, *(label for found in seen.values() for label in found), ALL_CLASSES}
        raise _no_such_class(refused[0], every, classes)
    return [
        f"the class {shown(label)} is in no list and not in "
        + (
            f"what the nights have of {strange[label][0]}, which is computed for the others"
            if label in open_
            else f"the first {read:,} of {len(fragments):,} fragments"
        )
        + f": asked for as it stands{_did_you_mean(label, known)}"
        for label in lost
    ]


def _is_known(label: str, names: Sequence[str], known: Collection[str], classes: Classes) -> bool:
    """Return whether a label is in one of the lists, or needs none: a flag's own name."""
    form = classes.form_of(label)
    if form is not None and form.is_flag:
        return True
    # A column may have the labels of a list without the prefix that they have there.
    prefix = f"{form.prefix} " if form is not None and form.prefix else ""
    return any(name in known or prefix + name in known for name in names)


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


def _no_such_class(label: str, labels: set[str], classes: Classes) -> RequestError:
    near = nearest_labels(label, sorted(labels, key=str.lower))
    accepted = f"{kinds_of_labels(classes)}; and what the nights hold"
    return RequestError(
        f"there is no class {shown(label)}: it is in no list of labels, and no alert of these nights has it",
        accepted=accepted + (f"; near it: {', '.join(map(repr, near))}" if near else ""),
        next_step=f"did you mean {near[0]!r}?" if near else "leave it out, or choose other nights",
    )
