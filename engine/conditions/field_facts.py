"""What is known of the fields that a condition compares: how they are stored, and what the survey says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sqlglot import exp

from engine.conditions.direct import value_of
from engine.conditions.expressions import NUMBERS, Constant, Term, cast, literal
from engine.conditions.field_errors import FieldError
from engine.conditions.fields import find_leaf
from engine.conditions.functions import function_called
from engine.conditions.label_notes import ClassLabels
from engine.conditions.scopes import leaf_of
from engine.conditions.trees import bare
from engine.schema import type_at
from engine.surveys import Description

__all__ = ["FieldFacts", "path_of", "values_in_words"]

_NARROW: dict[pa.DataType, type[np.floating]] = {pa.float16(): np.float16, pa.float32(): np.float32}
_DIGITS: dict[type[np.floating], int] = {np.float16: 3, np.float32: 7}


@dataclass(frozen=True, kw_only=True)
class FieldFacts:
    """What is known of the fields of one job."""

    schema: pa.Schema
    """The job's union schema."""
    descriptions: Mapping[str, Description]
    """Path -> what the field means: which values it has."""
    labels: ClassLabels
    """Those of the class columns."""
    ra_field: str | None
    """Path of the right ascension, whose ranges may go across 0."""

    def description(self, term: Term) -> Description | None:
        """Return what the survey says of the field that a term is."""
        return self.descriptions.get(path_of(term) or "")

    def stored_digits(self, term: Term) -> int | None:
        """Return how many digits of a number are stored, where that is fewer than those of a double."""
        narrow = self._narrow(term)
        return None if narrow is None else _DIGITS[narrow]

    def stored(self, term: Term, type_: str, values: list[Constant]) -> list[Constant]:
        """Return those of several constants that a term can be equal to, in the type in which it is compared."""
        if type_ == "string" and term.type in (*NUMBERS, "boolean"):
            return [value for value in values if _can_be_written(term, value)]
        function = function_called(term)
        if type_ == "string" and function is not None and function.change is not None:
            return [value for value in values if isinstance(value, str) and function.change(value) == value]
        narrow = self._narrow(term)
        if narrow is not None and type_ == "double":
            with np.errstate(over="ignore"):
                return [value for value in values if float(narrow(value)) == value or value != value]
        return values

    def _narrow(self, term: Term) -> type[np.floating] | None:
        """Return the type of a field whose fractions are stored with fewer digits than a double has."""
        path = path_of(term)
        found = type_at(self.schema, path) if path else None
        return _NARROW.get(found) if found is not None else None

    def field_named(self, name: str) -> str | None:
        """Return the path of the field that a text is the name of, if it is one."""
        try:
            return find_leaf(self.schema, name.split("."))[0]
        except FieldError:
            return None

    def is_right_ascension(self, node: exp.Expr) -> bool:
        """Return whether a node names the right ascension, whose ranges may go across 0."""
        named = bare(node)
        if self.ra_field is None or not isinstance(named, exp.Column):
            return False
        return self.field_named(".".join(part.name for part in named.parts)) == self.ra_field


def path_of(term: Term) -> str | None:
    """Return the path of the field that a term is; None of what is computed."""
    return leaf_of(term) if term.is_field else None


def values_in_words(described: Description | None) -> str:
    """Return the values that a field has by its description, in parentheses, to be added to a sentence."""
    return f" ({described.values_in_words})" if described is not None and described.values else ""


def _can_be_written(term: Term, text: Constant) -> bool:
    """Return whether Spark writes some number, or a truth value, of the term's type as this text."""
    type_ = "double" if term.type == "decimal" else term.type
    return term.type == "decimal" or value_of(cast(cast(literal(text), type_), "string")) == text
