"""What is known at once, before an alert is read: how many alerts can fulfil a request at most.

Two things tell it. The statistics of a file's columns: where no value between the least and the greatest can fulfil the
predicate, no alert of the file does. And the catalogue's counts per night and class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from engine.archive import Fragment
from engine.catalogue import Catalogue
from engine.conditions import one_text
from engine.planning import TransferPlan
from engine.schema import type_at
from engine.surveys import requested_classes

__all__ = ["Bounds", "bounds_of", "may_hold"]

_MOST_FILES = 200
"""Files whose footers are read once more for their statistics."""
_PIECE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|<=|>=|[<>=(),]""", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is known before an alert is read."""

    fragments: tuple[Fragment, ...]
    """Those that may hold alerts that fulfil the conditions."""
    most: int
    """Alerts that may fulfil them."""
    per_night: Mapping[str, int] | None
    """Night -> alerts, where the catalogue has counted exactly these."""
    per_class: Mapping[str, int] | None
    """Label -> alerts, likewise."""


def bounds_of(plan: TransferPlan, catalogue: Catalogue, column: str | None) -> Bounds:
    """Return what footers and catalogue say of a plan.

    Parameters
    ----------
    plan
        The request, held against the archive.
    catalogue
        What is known of the archive.
    column
        The class column whose labels are counted.
    """
    fragments = _possible(plan)
    most = sum(fragment.num_alerts for fragment in fragments)
    counts = _class_counts(plan, catalogue)
    if counts is None:
        return Bounds(fragments=fragments, most=most, per_night=None, per_class=None)
    per_night = {night: sum(labels.values()) for night, labels in counts.items()}
    per_class: dict[str, int] = {}
    for labels in counts.values():
        for label, number in labels.items():
            per_class[label] = per_class.get(label, 0) + number
    is_all = not one_text(plan.request.where).strip() and not plan.request.exclude_classes
    return Bounds(
        fragments=fragments,
        most=min(most, sum(per_night.values())),
        per_night=per_night if is_all else None,
        per_class=per_class if is_all and _asked_column(plan) == column else None,
    )


def _asked_column(plan: TransferPlan) -> str | None:
    """Return the column of the classes that a request keeps, if it is one."""
    request = plan.request
    kept = requested_classes(request.classes, request.exclude_classes, plan.selection.survey).kept
    columns = {class_.column for class_ in kept}
    return columns.pop() if len(columns) == 1 else None


def _class_counts(plan: TransferPlan, catalogue: Catalogue) -> dict[str, dict[str, int]] | None:
    """Return night -> label -> alerts of the classes that a request keeps, if the catalogue knows all nights."""
    request, survey = plan.request, plan.selection.survey
    column = _asked_column(plan)
    if column is None or plan.unreadable or request.skip_unreadable:
        return None
    kept = requested_classes(request.classes, request.exclude_classes, survey).kept
    names = {name for class_ in kept for name in class_.names}
    known = catalogue.class_counts(survey, plan.nights, files=plan.files)
    if any(column not in known.get(night, {}) for night in plan.nights):
        return None
    return {
        night.isoformat(): {label: number for label, number in known[night][column].items() if label in names}
        for night in plan.nights
    }


def _possible(plan: TransferPlan) -> tuple[Fragment, ...]:
    """Return the fragments of files whose statistics do not rule out the predicate."""
    selection = plan.selection
    predicate = selection.predicate
    numbers = [
        leaf
        for leaf, type_ in zip(predicate.leaves, predicate.types, strict=True)
        if pa.types.is_integer(type_) or pa.types.is_floating(type_)
    ]
    if predicate.sql is None or not numbers or len(plan.files) > _MOST_FILES:
        return plan.fragments
    ruled_out = set()
    for footer in selection.archive.footers(plan.files, unreadable=[], ranges_of=numbers):
        types = {leaf: type_at(footer.schema, leaf) for leaf in footer.ranges}
        # What is stored as a number may mean something else: a decimal, a time.
        plain = {
            leaf: (*footer.ranges[leaf], not pa.types.is_integer(type_))
            for leaf, type_ in types.items()
            if type_ is not None and (pa.types.is_integer(type_) or pa.types.is_floating(type_))
        }
        if not may_hold(predicate.sql, plain):
            ruled_out.add(footer.file.path)
    return tuple(fragment for fragment in plan.fragments if fragment.file.path not in ruled_out)


def may_hold(sql: str, ranges: Mapping[str, tuple[float, float, bool]]) -> bool:
    """Return whether a predicate can be true of a row; where that can't be told, it can.

    Parameters
    ----------
    sql
        As the translator of conditions writes it.
    ranges
        Leaf -> its least and greatest value, and whether it may be NaN besides, of which statistics don't tell. Any may
        be null.
    """
    can_be_true, _ = _Reader(sql, ranges).truth()
    return can_be_true


_EITHER = (True, True)


class _Reader:
    """Reads SQL: what is compared with a number can be told, all else may be true and may be false."""

    def __init__(self, sql: str, ranges: Mapping[str, tuple[float, float, bool]]):
        self._pieces, self._at, self._ranges = _PIECE.findall(sql), 0, ranges

    def _next(self) -> str:
        self._at += 1
        return self._pieces[self._at - 1]

    def truth(self) -> tuple[bool, bool]:
        """Return whether what stands here can be true, and whether it can be false; a null makes it neither."""
        piece = self._next()
        if piece in ("TRUE", "FALSE"):
            return piece == "TRUE", piece == "FALSE"
        if piece != "(":
            if self._at < len(self._pieces) and self._pieces[self._at] == "(":
                self._skip()
            return _EITHER
        if self._pieces[self._at] == "NOT":
            self._next()
            true, false = self.truth()
            self._next()
            return false, true
        start = self._at
        simple = self._compared()
        if simple is not None:
            return simple
        self._at = start
        left = self.truth()
        word = self._next()
        if word == ")":
            return left
        if word in ("AND", "OR"):
            right = self.truth()
            self._next()
            if word == "AND":
                return left[0] and right[0], left[1] or right[1]
            return left[0] or right[0], left[1] and right[1]
        # IS NULL, IN, comparisons of what is computed: up to the end of these parentheses.
        self._at -= 1
        self._leave()
        return _EITHER

    def _compared(self) -> tuple[bool, bool] | None:
        """Return what a column can be beside a number, if that stands here, up to the end of the parentheses."""
        pieces = self._pieces[self._at : self._at + 4]
        if len(pieces) < 4 or pieces[3] != ")" or not pieces[0].startswith('"'):
            return None
        column, operator, number = pieces[0][1:-1].replace('""', '"'), pieces[1], _number(pieces[2])
        if column not in self._ranges or number is None or operator not in ("<", "<=", ">", ">=", "="):
            return None
        self._at += 4
        least, greatest, maybe_nan = self._ranges[column]
        some = {
            "<": (least < number, greatest >= number),
            "<=": (least <= number, greatest > number),
            ">": (greatest > number, least <= number),
            ">=": (greatest >= number, least < number),
            "=": (least <= number <= greatest, not least == greatest == number),
        }[operator]
        return some[0], some[1] or maybe_nan

    def _skip(self) -> None:
        """Pass over the parentheses that begin here."""
        self._next()
        self._leave()

    def _leave(self) -> None:
        """Pass over what is left of the parentheses in which this stands."""
        depth = 1
        while depth:
            piece = self._next()
            depth += (piece == "(") - (piece == ")")


def _number(text: str) -> float | None:
    if not (text[0].isdigit() or text[0] == "-"):
        return None
    # Whole numbers stay whole: a double would round those beyond 2**53.
    return float(text) if "." in text or "e" in text else int(text)
