"""The classes that a request may name, by who gives them, with the alerts of each in the chosen nights."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import engine

__all__ = ["ClassLabel", "class_labels", "counts_of"]

_GROUPS = {"fink": "Fink", "simbad": "SIMBAD", "tns": "TNS"}
_PREFIXES = {"simbad": "(SIMBAD) ", "tns": "(TNS) "}
_OTHER = "Of this archive"


@dataclass(frozen=True, kw_only=True)
class ClassLabel:
    """A class that can be chosen."""

    label: str
    """As a request names it."""
    name: str
    """As it is shown below its group."""
    group: str
    count: int | None
    """Alerts of it in the chosen nights; None where that is not known."""
    also: tuple[str, ...] = ()
    """Other names of the same class, which SIMBAD gave it before or after; a request means all of them."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for the browser."""
        return asdict(self) | {"also": list(self.also)}


def counts_of(info: engine.ArchiveInfo | None, nights: Collection[dt.date]) -> dict[str, Counter[str]]:
    """Return class column -> label -> alerts of the chosen nights, of all where none is chosen.

    Empty where the classes of one of these nights are not known, for half a count says nothing.
    """
    chosen = [one for one in info.nights if not nights or one.night in nights] if info else []
    if not all(one.classes for one in chosen if one.num_alerts):
        return {}
    counts: dict[str, Counter[str]] = {}
    for night in chosen:
        for column, labels in night.classes.items():
            counts.setdefault(column, Counter()).update(labels)
    return counts


def class_labels(survey: engine.Survey, counts: Mapping[str, Mapping[str, int]]) -> list[ClassLabel]:
    """Return the classes of a survey: those that are listed and those that the archive has, the most frequent first.

    Groups come in the order Fink, SIMBAD, TNS, others; where nothing is counted, the labels stand in the lists' order.
    """
    found: dict[str, ClassLabel] = {}
    seen: set[tuple[str, str]] = set()
    listed = set(engine.known_labels(survey.name))
    for known, list_name in engine.known_labels(survey.name).items():
        bare = known.removeprefix("(TNS) ")
        label = _PREFIXES.get(list_name, "") + bare
        try:
            column, names = survey.classes.column_and_names(label)
        except LookupError:
            continue
        if (column, names[0]) in seen:
            continue  # of a class that has two names the first one stands for both
        seen |= {(column, name) for name in names}
        count = sum(counts[column].get(name, 0) for name in names) if column in counts else None
        also = tuple(sorted(name for name in names[1:] if name in listed))
        found[label] = ClassLabel(label=label, name=bare, group=_GROUPS[list_name], count=count, also=also)
    for form in survey.classes.forms:
        if form.is_flag:
            count = counts.get(form.column, {}).get("true")
            found[form.prefix] = ClassLabel(label=form.prefix, name=form.prefix, group=_OTHER, count=count)
            continue
        for name, count in counts.get(form.column, {}).items():
            if not name or (form.column, name) in seen:
                continue
            bare = name.removeprefix(form.prefix).strip() if form.prefix else name
            label = f"{form.prefix} {bare}" if form.prefix.endswith(")") else f"{form.prefix}{bare}"
            seen.add((form.column, name))
            found[label] = ClassLabel(label=label, name=bare, group=_group_of(form), count=count)
    order = [*_GROUPS.values(), _OTHER]
    return sorted(found.values(), key=lambda one: (order.index(one.group), -(one.count or 0)))


def _group_of(form: Any) -> str:
    return {"(SIMBAD)": "SIMBAD", "(TNS)": "TNS"}.get(form.prefix, _OTHER)
