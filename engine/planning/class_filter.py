"""Class labels of a request: the column each is looked for in, and the condition that they amount to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from consumer.settings import shown
from engine.errors import RequestError
from engine.surveys import Classes

__all__ = ["ALL_CLASSES", "class_filter", "kinds_of_labels"]

ALL_CLASSES = "allclasses"
"""The label that chooses every alert."""


def class_filter(classes: Sequence[str], exclude: Sequence[str], known: Classes) -> str | None:
    """Return the condition, in Spark's SQL, that labels chosen and labels excluded amount to; None keeps every alert.

    By its prefix a label is compared with a column of the survey, with each of its names. An alert is kept if any
    chosen label is its own; none chosen, or `allclasses`, keeps all. It is dropped if any excluded label is its own: a
    null label is in no list.

    Parameters
    ----------
    classes, exclude
        Labels chosen and excluded, as the request has them.
    known
        The survey's classes.

    Raises
    ------
    RequestError
        If a label is blank, has two prefixes or no form of the survey's, or `allclasses` is excluded.
    """
    chosen = [_label(label, "classes", known) for label in classes]
    dropped = [_label(label, "exclude_classes", known) for label in exclude]
    if ALL_CLASSES in dropped:
        raise RequestError(
            f"exclude_classes has {ALL_CLASSES!r}, which would leave no alert",
            accepted=kinds_of_labels(known),
        )
    parts = []
    if chosen and ALL_CLASSES not in chosen:
        by_column = _by_column(chosen, known)
        sought = ((_as_text(column, known), labels) for column, labels in by_column)
        parts.append(" OR ".join(f"{column} IN ({_quoted(labels)})" for column, labels in sought))
    for column, labels in _by_column(dropped, known):
        parts.append(f"{column} IS NULL OR {_as_text(column, known)} NOT IN ({_quoted(labels)})")
    return " AND ".join(f"({part})" for part in parts) or None


def kinds_of_labels(known: Classes) -> str:
    """Return which labels a survey's requests may have, for messages."""
    examples: dict[str, list[str]] = {}
    for form in known.forms:
        examples.setdefault(form.kind, []).append(repr(form.example))
    return "; ".join([*(f"{kind}: {', '.join(some)}" for kind, some in examples.items()), repr(ALL_CLASSES)])


def _label(label: str, key: str, known: Classes) -> str:
    stripped = label.strip() if isinstance(label, str) else ""
    if stripped == ALL_CLASSES:
        return stripped
    form = known.form_of(stripped)
    if form is not None and form.is_flag and stripped != form.prefix:
        form = None
    bare = stripped if form is None or form.is_flag else stripped.removeprefix(form.prefix).strip()
    if not bare:
        raise RequestError(
            f"{key} has the label {shown(label)}, which names no class",
            accepted=kinds_of_labels(known),
            next_step="leave the label out to take alerts of every class",
        )
    if form is None:
        raise RequestError(
            f"{key} has the label {shown(label)}, and the survey has no classes of that form",
            accepted=kinds_of_labels(known),
            next_step=f"ask for it in a condition{_in_condition(stripped)}",
        )
    prefixes = "|".join(re.escape(form.prefix) for form in known.forms if form.prefix)
    if prefixes and (two := re.match(rf"(({prefixes})\s*){{2}}", stripped)):
        bare = stripped[two.end() :]
        raise RequestError(
            f"{key} has the label {label!r}, which begins with two prefixes; a class is looked for by one",
            accepted=kinds_of_labels(known),
            next_step=f"did you mean {f'{two[2]} {bare}'!r}?" if bare else None,
        )
    return stripped


def _as_text(column: str, known: Classes) -> str:
    flags = {form.column for form in known.forms if form.is_flag}
    return f"CAST({column} AS STRING)" if column in flags else column


def _in_condition(label: str) -> str:
    """Return the option that a label without a form may be meant as, if it names a leaf."""
    path, equals, value = (part.strip() for part in label.partition("="))
    if not re.fullmatch(r"\w+(\.\w+)+", path):
        return ""
    return f": --where \"{path} = '{value}'\"" if equals else f': --where "{path} > 0.5"'


def _by_column(labels: Sequence[str], known: Classes) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for column, names in sorted(map(known.column_and_names, labels), key=lambda place: place[0]):
        found.setdefault(column, []).extend(names)
    return list(found.items())


def _quoted(labels: Sequence[str]) -> str:
    escaped = (label.replace("\\", "\\\\").replace("'", "\\'") for label in dict.fromkeys(labels))
    return ", ".join(f"'{label}'" for label in escaped)
