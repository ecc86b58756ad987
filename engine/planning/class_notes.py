"""What a plan says of the classes that a request names: types that SIMBAD renamed, and classes kept and left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from consumer.settings import shown
from engine.surveys import Classes, RequestedClasses, names_of

__all__ = ["notes_on_class_names", "notes_on_contradictions", "notes_on_literal_names"]

_MOST_NOTES = 5
_SIMBAD = "simbad"
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def notes_on_class_names(classes: RequestedClasses) -> list[str]:
    """Return a note for each class of which the request does not name all names; of many, the first few.

    Nothing is read for it: what the archive has of each, the job's receipt counts.
    """
    notes = []
    of_one = {"kept": "{0} = '{1}'", "left out": "{0} IS NULL OR {0} <> '{1}'"}
    for requested, outcome in ((classes.kept, "kept"), (classes.left_out, "left out")):
        types = [(class_.column, class_.names) for class_ in requested]
        given = {(column, names[0]) for column, names in types}
        several = list(
            dict.fromkeys(
                (column, names) for column, names in types if not given.issuperset((column, name) for name in names)
            )
        )
        notes += [
            f"{_listed(names)} are one class (SIMBAD renamed its types in 2022): alerts of {_each(names)} name are "
            f"{outcome}; for {names[0]} alone: where {of_one[outcome].format(column, names[0])}"
            for column, names in several[:_MOST_NOTES]
        ]
        if len(several) > _MOST_NOTES:
            notes.append(
                f"{len(several) - _MOST_NOTES} more of the classes that are {outcome} have other names too (SIMBAD "
                f"renamed its types in 2022): alerts of each name are {outcome}"
            )
    return notes


def notes_on_contradictions(classes: RequestedClasses) -> list[str]:
    """Return a note for each class that is asked for and left out at once, under the same name or another."""
    left_out = {(class_.column, name): class_.names[0] for class_ in classes.left_out for name in class_.names}
    notes = []
    for class_ in classes.kept:
        name = class_.names[0]
        if (other_name := left_out.get((class_.column, name))) is not None:
            other = "" if other_name == name else f", under its other name {other_name}"
            notes.append(
                f"the class {shown(class_.label)} is asked for and left out at once{other}: no alert of it is sent"
            )
    return notes


def notes_on_literal_names(sql: str | None, leaves: Sequence[str], known: Classes) -> list[str]:
    """Return a note on names in a condition on a class column that are not the only ones of their type.

    Parameters
    ----------
    sql, leaves
        The user's own conditions, as `engine.conditions.parse_conditions` has them.
    known
        The survey's classes.
    """
    if sql is None or not any(column.name in leaves for column in known.columns if _SIMBAD in column.lists):
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


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _each(names: Sequence[str]) -> str:
    return "either" if len(names) == 2 else "each"
