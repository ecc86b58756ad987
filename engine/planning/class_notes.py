"""What a plan says of the classes that a request names: types that SIMBAD renamed, and classes kept and left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from consumer.settings import shown
from engine.planning.class_filter import ALL_CLASSES, column_and_names
from engine.surveys import names_of

__all__ = ["counted_names", "notes_on_class_names", "notes_on_contradictions", "notes_on_literal_names"]

_MOST_NOTES = 5
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def counted_names(classes: Sequence[str]) -> list[str]:
    """Return the names of the chosen classes, as the class columns hold them; none if every class is chosen."""
    chosen = _chosen(classes)
    return list(dict.fromkeys(name for label in chosen for name in column_and_names(label)[1]))


def notes_on_class_names(classes: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Return a note for each class of which the request does not name all names; of many, the first few.

    Nothing is read for it: what the archive has of each, the job's receipt counts.
    """
    notes = []
    of_one = {"kept": "finkclass = '{0}'", "left out": "finkclass IS NULL OR finkclass <> '{0}'"}
    for labels, outcome in ((_chosen(classes), "kept"), (exclude, "left out")):
        types = [column_and_names(label)[1] for label in labels]
        given = {names[0] for names in types}
        several = list(dict.fromkeys(names for names in types if not given.issuperset(names)))
        notes += [
            f"{_listed(names)} are one class (SIMBAD renamed its types in 2022): alerts of {_each(names)} name are "
            f"{outcome}; for {names[0]} alone: where {of_one[outcome].format(names[0])}"
            for names in several[:_MOST_NOTES]
        ]
        if len(several) > _MOST_NOTES:
            notes.append(
                f"{len(several) - _MOST_NOTES} more of the classes that are {outcome} have other names too (SIMBAD "
                f"renamed its types in 2022): alerts of each name are {outcome}"
            )
    return notes


def notes_on_contradictions(classes: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Return a note for each class that is asked for and left out at once, under the same name or another."""
    left_out = {name: names[0] for _, names in map(column_and_names, exclude) for name in names}
    notes = []
    for label in _chosen(classes):
        name = column_and_names(label)[1][0]
        if name in left_out:
            other = "" if left_out[name] == name else f", under its other name {left_out[name]}"
            notes.append(f"the class {shown(label)} is asked for and left out at once{other}: no alert of it is sent")
    return notes


def notes_on_literal_names(sql: str | None, leaves: Sequence[str]) -> list[str]:
    """Return a note on names in a condition on a class column that are not the only ones of their type.

    Parameters
    ----------
    sql, leaves
        The user's own conditions, as `engine.conditions.parse_conditions` has them.
    """
    if sql is None or not {"finkclass", "cdsxmatch"}.intersection(leaves):
        return []
    literals = list(dict.fromkeys(text.replace("''", "'") for text in _TEXT.findall(sql)))
    notes = []
    for name in literals:
        others = [other for other in names_of(name)[1:] if other not in literals]
        if others:
            notes.append(
                f"the conditions name {name} and not {' and '.join(others)}, which are the same class (SIMBAD renamed "
                f"its types in 2022); asked for as a class, {name} stands for every name"
            )
    return notes[:_MOST_NOTES]


def _chosen(classes: Sequence[str]) -> list[str]:
    chosen = [label.strip() for label in classes]
    return [] if ALL_CLASSES in chosen else chosen


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _each(names: Sequence[str]) -> str:
    return "either" if len(names) == 2 else "each"
