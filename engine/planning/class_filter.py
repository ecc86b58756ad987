"""Class labels of a request: the column each is looked for in, and the condition that they amount to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from consumer.settings import shown
from engine.errors import RequestError
from engine.surveys import names_of

__all__ = ["ALL_CLASSES", "class_filter", "column_and_names"]

ALL_CLASSES = "allclasses"
"""The label that chooses every alert."""


_SIMBAD = re.compile(r"^\(SIMBAD\)\s*")
_TNS = re.compile(r"\(TNS\)\s*")
_TWO_PREFIXES = re.compile(r"(\((SIMBAD|TNS)\)\s*){2}")


def class_filter(classes: Sequence[str], exclude: Sequence[str]) -> str | None:
    """Return the condition, in Spark's SQL, that labels chosen and labels excluded amount to; None keeps every alert.

    `(TNS) X` is compared with `tnsclass` as it stands, `(SIMBAD) X` with `finkclass` as X, and any other label with
    `finkclass`. A type that SIMBAD renamed is compared with each of its names, whichever is given. An alert is kept if
    any chosen label is its own; none chosen, or `allclasses`, keeps all. It is dropped if any excluded label is its
    own: a null label is in no list.

    Raises
    ------
    RequestError
        If a label is blank or has two prefixes, or `allclasses` is excluded.
    """
    chosen, dropped = [_label(x, "classes") for x in classes], [_label(x, "exclude_classes") for x in exclude]
    if ALL_CLASSES in dropped:
        raise RequestError(
            f"exclude_classes has {ALL_CLASSES!r}, which would leave no alert",
            accepted="labels, such as 'Solar System MPC', '(SIMBAD) Star', '(TNS) SN Ia'",
        )
    parts = []
    if chosen and ALL_CLASSES not in chosen:
        parts.append(" OR ".join(f"{column} IN ({_quoted(labels)})" for column, labels in _by_column(chosen)))
    for column, labels in _by_column(dropped):
        parts.append(f"{column} IS NULL OR {column} NOT IN ({_quoted(labels)})")
    return " AND ".join(f"({part})" for part in parts) or None


def _label(label: str, key: str) -> str:
    stripped = label.strip() if isinstance(label, str) else ""
    if not stripped or not _SIMBAD.sub("", stripped, count=1) or _TNS.fullmatch(stripped):
        raise RequestError(
            f"{key} has the label {shown(label)}, which names no class",
            accepted="Fink's labels, such as 'SN candidate'; '(SIMBAD) Star'; '(TNS) SN Ia'; 'allclasses'",
            next_step="leave the label out to take alerts of every class",
        )
    if prefixes := _TWO_PREFIXES.match(stripped):
        bare = stripped[prefixes.end() :]
        raise RequestError(
            f"{key} has the label {label!r}, which begins with two prefixes; a class is looked for by one",
            accepted="'(SIMBAD) Star', a type of SIMBAD; '(TNS) SN Ia', a type of TNS; Fink's labels as they are",
            next_step=f"did you mean {prefixes[1].strip() + ' ' + bare!r}?" if bare else None,
        )
    return stripped


def column_and_names(label: str) -> tuple[str, tuple[str, ...]]:
    """Return the class column that a label is looked for in, and the names that its class has there.

    They are one, the label without `(SIMBAD) `, unless SIMBAD renamed the type; the name in the label is the first.
    """
    label = label.strip()
    return ("tnsclass", (label,)) if _TNS.match(label) else ("finkclass", names_of(_SIMBAD.sub("", label, count=1)))


def _by_column(labels: Sequence[str]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for column, names in sorted(map(column_and_names, labels), key=lambda place: place[0]):
        found.setdefault(column, []).extend(names)
    return list(found.items())


def _quoted(labels: Sequence[str]) -> str:
    escaped = (label.replace("\\", "\\\\").replace("'", "\\'") for label in dict.fromkeys(labels))
    return ", ".join(f"'{label}'" for label in escaped)
