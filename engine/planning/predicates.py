"""The predicate of a request: its conditions and its classes, checked against the archive's fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from engine.conditions import all_of, leaf_type, notes_on_comments, one_text, parse_conditions
from engine.pipeline import Predicate
from engine.request import TransferRequest
from engine.schema import paths_read
from engine.surveys import RequestedClasses, Survey, requested_classes

__all__ = ["RequestPredicate", "predicate_of"]


@dataclass(frozen=True, kw_only=True)
class RequestPredicate:
    """What a request selects, and what of it the user wrote."""

    whole: Predicate
    where_sql: str | None
    """The conditions alone, without the classes."""
    where_leaves: tuple[str, ...]
    classes: RequestedClasses
    reads: Mapping[str, str]
    """What the predicate reads, as it is told -> the path in the files."""
    notes: tuple[str, ...]
    """On conditions that run, and are hardly meant."""


def predicate_of(request: TransferRequest, union: pa.Schema, survey: Survey) -> RequestPredicate:
    """Return the predicate that a request's conditions and classes amount to.

    Raises
    ------
    ConditionError
        If a condition is not valid, or names what the archive does not have.
    RequestError
        If a label is not valid, or no alert can be left.
    """
    text = one_text(request.where)
    where = parse_conditions(text, union, (survey.ra_field, survey.dec_field), survey)
    classes = requested_classes(request.classes, request.exclude_classes, survey)
    both = all_of(where, parse_conditions(classes.condition, union))
    return RequestPredicate(
        whole=Predicate(sql=both.sql, leaves=both.leaves, types=tuple(leaf_type(union, leaf) for leaf in both.leaves)),
        where_sql=where.sql,
        where_leaves=where.leaves,
        classes=classes,
        reads={shown: path for leaf in both.leaves for shown, path in paths_read(leaf).items()},
        notes=(*notes_on_comments(text), *both.notes),
    )
