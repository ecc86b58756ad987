"""The predicate of a request: its conditions and its class labels, checked against the archive's fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.conditions import all_of, leaf_type, notes_on_comments, one_text, parse_conditions
from engine.pipeline import Predicate
from engine.planning.class_filter import class_filter
from engine.request import TransferRequest
from engine.surveys import Survey

__all__ = ["Asked", "ask"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The predicate, and what of it the user wrote."""

    predicate: Predicate
    where: Predicate
    """The conditions alone, without the class labels."""
    notes: tuple[str, ...]
    """On conditions that run, and are hardly meant."""


def ask(request: TransferRequest, union: pa.Schema, survey: Survey) -> Asked:
    """Return the predicate that a request's conditions and class labels amount to.

    Raises
    ------
    ConditionError
        If a condition is not valid, or names what the archive does not have.
    RequestError
        If a label is not valid, or no alert can be left.
    """
    text = one_text(request.where)
    where = parse_conditions(text, union, (survey.ra_field, survey.dec_field), survey)
    labels = class_filter(request.classes, request.exclude_classes, survey.classes)
    both = all_of(where, parse_conditions(labels, union))
    return Asked(
        predicate=_predicate(both.sql, both.leaves, union),
        where=_predicate(where.sql, where.leaves, union),
        notes=(*notes_on_comments(text), *both.notes),
    )


def _predicate(sql: str | None, leaves: Sequence[str], union: pa.Schema) -> Predicate:
    return Predicate(sql=sql, leaves=tuple(leaves), types=tuple(leaf_type(union, leaf) for leaf in leaves))
