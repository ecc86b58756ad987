"""Class labels of a request: the column in which each is sought under which names, and the condition they amount to."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from consumer.settings import shown
from engine.errors import RequestError
from engine.surveys.classes import Classes
from engine.surveys.labels import known_labels
from engine.surveys.survey import Survey

__all__ = ["ALL_CLASSES", "RequestedClass", "RequestedClasses", "requested_classes"]

ALL_CLASSES = "allclasses"
"""The label that chooses every alert."""


@dataclass(frozen=True, kw_only=True)
class RequestedClass:
    """A label of a request, and where its alerts are sought."""

    label: str
    column: str
    names: tuple[str, ...]
    """The names that the class has in the column, that of the label first."""
    is_listed: bool
    """Whether one of the survey's lists has it, or it needs none, being a flag's own name."""


@dataclass(frozen=True, kw_only=True)
class RequestedClasses:
    """The classes that a request keeps and leaves out."""

    kept: tuple[RequestedClass, ...]
    """None where every class is kept."""
    left_out: tuple[RequestedClass, ...]
    named: tuple[RequestedClass, ...]
    """Each label of the request once, `allclasses` apart, also those that are kept with every other."""
    condition: str | None
    """What they amount to, in Spark's SQL; None keeps every alert."""
    accepted: str
    """Which labels the survey's requests may have, for messages."""
    columns: tuple[str, ...]
    """All columns in which labels of the survey are sought."""
    listed: Collection[str]
    """The labels of the survey's lists, as the class columns hold them."""

    def names_in(self, columns: Collection[str]) -> list[str]:
        """Return the names under which these columns hold the classes that are kept."""
        return list(dict.fromkeys(name for kept in self.kept if kept.column in columns for name in kept.names))


def requested_classes(classes: Sequence[str], exclude: Sequence[str], survey: Survey) -> RequestedClasses:
    """Return the classes that labels of a request stand for.

    By its prefix a label is compared with a column of the survey, with each of its names. An alert is kept if any
    chosen label is its own; none chosen, or `allclasses`, keeps all. It is dropped if any excluded label is its own: a
    null label is in no list.

    Parameters
    ----------
    classes, exclude
        Labels chosen and excluded, as the request has them.
    survey
        Whose classes and lists count.

    Raises
    ------
    RequestError
        If a label is blank, has two prefixes or no form of the survey's, or `allclasses` is excluded.
    """
    known, listed = survey.classes, known_labels(survey.name)
    accepted = _accepted(known)
    chosen = [_checked(label, "classes", known, accepted) for label in classes]
    dropped = [_checked(label, "exclude_classes", known, accepted) for label in exclude]
    if ALL_CLASSES in dropped:
        raise RequestError(f"exclude_classes has {ALL_CLASSES!r}, which would leave no alert", accepted=accepted)
    labels = dict.fromkeys(label for label in [*chosen, *dropped] if label != ALL_CLASSES)
    named = {label: _sought(label, known, listed) for label in labels}
    kept = () if ALL_CLASSES in chosen else tuple(named[label] for label in chosen)
    left_out = tuple(named[label] for label in dropped)
    return RequestedClasses(
        kept=kept,
        left_out=left_out,
        named=tuple(named.values()),
        condition=_condition(kept, left_out, {form.column for form in known.forms if form.is_flag}),
        accepted=accepted,
        columns=survey.class_columns,
        listed=listed,
    )


def _accepted(known: Classes) -> str:
    examples: dict[str, list[str]] = {}
    for form in known.forms:
        examples.setdefault(form.kind, []).append(repr(form.example))
    return "; ".join([*(f"{kind}: {', '.join(some)}" for kind, some in examples.items()), repr(ALL_CLASSES)])


def _checked(label: str, key: str, known: Classes, accepted: str) -> str:
    """Return a label without blanks around it; raise if it can't be one."""
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
            accepted=accepted,
            next_step="leave the label out to take alerts of every class",
        )
    if form is None:
        raise RequestError(
            f"{key} has the label {shown(label)}, and the survey has no classes of that form",
            accepted=accepted,
            next_step=f"ask for it in a condition{_in_condition(stripped)}",
        )
    prefixes = "|".join(re.escape(form.prefix) for form in known.forms if form.prefix)
    if prefixes and (two := re.match(rf"(({prefixes})\s*){{2}}", stripped)):
        bare = stripped[two.end() :]
        raise RequestError(
            f"{key} has the label {label!r}, which begins with two prefixes; a class is looked for by one",
            accepted=accepted,
            next_step=f"did you mean {f'{two[2]} {bare}'!r}?" if bare else None,
        )
    return stripped


def _in_condition(label: str) -> str:
    """Return the option that a label without a form may be meant as, if it names a leaf."""
    path, equals, value = (part.strip() for part in label.partition("="))
    if not re.fullmatch(r"\w+(\.\w+)+", path):
        return ""
    return f": --where \"{path} = '{value}'\"" if equals else f': --where "{path} > 0.5"'


def _sought(label: str, known: Classes, listed: Collection[str]) -> RequestedClass:
    column, names = known.column_and_names(label)
    form = known.form_of(label)
    # A column may have the labels of a list without the prefix that they have there.
    prefix = f"{form.prefix} " if form is not None and form.prefix else ""
    is_flag = form is not None and form.is_flag
    is_listed = is_flag or any(name in listed or prefix + name in listed for name in names)
    return RequestedClass(label=label, column=column, names=names, is_listed=is_listed)


def _condition(
    kept: Sequence[RequestedClass], left_out: Sequence[RequestedClass], flags: Collection[str]
) -> str | None:
    def as_text(column: str) -> str:
        return f"CAST({column} AS STRING)" if column in flags else column

    parts = []
    if kept:
        parts.append(" OR ".join(f"{as_text(column)} IN ({names})" for column, names in _by_column(kept)))
    for column, names in _by_column(left_out):
        parts.append(f"{column} IS NULL OR {as_text(column)} NOT IN ({names})")
    return " AND ".join(f"({part})" for part in parts) or None


def _by_column(classes: Sequence[RequestedClass]) -> list[tuple[str, str]]:
    """Return each column once, and its names as literals of SQL."""
    found: dict[str, dict[str, None]] = {}
    for class_ in sorted(classes, key=lambda class_: class_.column):
        found.setdefault(class_.column, {}).update(dict.fromkeys(class_.names))
    return [(column, ", ".join(map(_quoted, names))) for column, names in found.items()]


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
