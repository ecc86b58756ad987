"""What the names in a condition stand for: leaves of the alert, and inside of a predicate of items, leaves of an item.

A scope remembers the leaves that were named in it. That of a list's items has one root, the item, under the name that
the predicate gives it; all other names are those of the scope around it, whose leaves come along as `outer` ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import pyarrow as pa
from sqlglot import exp

from engine.conditions.error_location import Fail
from engine.conditions.expressions import Term
from engine.conditions.field_errors import FieldError
from engine.conditions.fields import Items, find_items, find_leaf, find_length, find_nested, leaf_type
from engine.conditions.scalar_leaves import scalar_leaves
from engine.schema import PREDICATES, ListLeaf

__all__ = ["AlertScope", "Scope", "leaf_of"]

_NUMBER_NAMES = {"nan", "inf", "infinity"}
_SPARK_TYPES = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "string",
}
_LAST_ITEM = 2**31 - 1
_NAMES = "candidate.magpsf, `2MASS_name`, mangrove['key'], prv_candidates[0].magpsf"


def leaf_of(term: Term) -> str:
    """Return the leaf that a term is the column of."""
    return term.sql[1:-1].replace('""', '"')


class Scope:
    """What names stand for.

    Parameters
    ----------
    schema
        Whose fields can be named.
    fail
        Raises a ConditionError: node, message, then accepted and next_step by name.
    leaves
        Takes the leaves that are named, with their types.
    """

    def __init__(self, schema: pa.Schema, fail: Fail, leaves: dict[str, pa.DataType]):
        self._schema, self._fail, self.leaves = schema, fail, leaves

    @property
    def roots(self) -> frozenset[str]:
        """The first names of all paths, in small letters."""
        return frozenset(name.lower() for name in self._schema.names)

    def field(self, node: exp.Expr) -> Term:
        """Return the column of what a node names."""
        return self._leaf(node, self._steps(node))

    def size(self, node: exp.Expr) -> Term:
        """Return the column of the lengths of the list that a node names."""
        if not isinstance(node, exp.Column | exp.Dot | exp.Bracket | exp.Identifier):
            self._fail(node, "size takes the name of a list", accepted="size(prv_candidates)")
        try:
            leaf = find_length(self._schema, self._steps(node))
        except FieldError as exc:
            self._fail_field(node, exc)
        return self.column(leaf, leaf_type(self._schema, leaf))

    def presence(self, node: exp.Expr) -> Term | None:
        """Return the column that is null where a list, struct or map is; None of anything else."""
        if not isinstance(node, exp.Column | exp.Dot | exp.Bracket | exp.Identifier):
            return None
        try:
            leaf = find_nested(self._schema, self._steps(node))
        except FieldError as exc:
            self._fail_field(node, exc)
        return self.column(leaf, leaf_type(self._schema, leaf)) if leaf else None

    def items(self, node: exp.Expr) -> Items:
        """Return the list that a node names, for a predicate of its items."""
        if not isinstance(node, exp.Column | exp.Dot | exp.Bracket | exp.Identifier):
            self._fail(node, "the name of a list is needed here", accepted="prv_candidates, prv_candidates.magpsf")
        steps = self._steps(node)
        if any(isinstance(step, int) for step in steps):
            self._fail(
                node,
                "one item of a list can't be searched, nor a list inside of it",
                accepted="exists(prv_candidates, x -> x.magpsf < 18)",
                next_step="name its items one by one: a[0][1]; or search all the lists: exists(a, x -> exists(x, …))",
            )
        try:
            return find_items(self._schema, [str(step) for step in steps])
        except FieldError as exc:
            self._fail_field(node, exc)

    def position(self, node: exp.Expr) -> tuple[Term, Term]:
        """Return the columns of the alert's right ascension and declination."""
        raise NotImplementedError

    def anchor(self) -> Term:
        """Return some column: a condition that names none, such as 1 = 1, needs rows all the same."""
        leaf = next(iter(self.leaves or scalar_leaves(self._schema)))
        return self.column(leaf, leaf_type(self._schema, leaf))

    def predicate(self, leaf: ListLeaf) -> Term:
        """Return the column of a predicate of a list's items."""
        return self.column(leaf.text, PREDICATES[leaf.function])

    def column(self, leaf: str, type_: pa.DataType) -> Term:
        """Return the column of a leaf, which belongs to the leaves that are read from now on."""
        self.leaves[leaf] = type_
        quoted = leaf.replace('"', '""')
        return Term(sql=f'"{quoted}"', type=_SPARK_TYPES[type_], is_field=True)

    def _leaf(self, node: exp.Expr, steps: Sequence[str | int]) -> Term:
        try:
            path, type_, time = find_leaf(self._schema, steps)
        except FieldError as exc:
            self._fail_field(node, exc)
        return replace(self.column(path, type_), time=time)

    def _steps(self, node: exp.Expr) -> list[str | int]:
        """Return the names and numbers that lead from the schema's root to what a node names."""
        return self._written(node)

    def _written(self, node: exp.Expr) -> list[str | int]:
        """Return the names along a path as they are written, and the numbers of items."""
        if isinstance(node, exp.Bracket):
            (key,) = node.expressions if len(node.expressions) == 1 else (None,)
            return [*self._written(node.this), self._key(node, key)]
        if isinstance(node, exp.Dot):
            return [*self._written(node.this), *self._written(node.expression)]
        if isinstance(node, exp.Identifier):
            return [node.this]
        if isinstance(node, exp.Column) and all(isinstance(part, exp.Identifier) for part in node.parts):
            return [part.this for part in node.parts]
        self._fail(node, "this is not the name of a field", accepted=_NAMES)

    def _key(self, node: exp.Bracket, key: exp.Expr | None) -> str | int:
        sign, number = (-1, key.this) if isinstance(key, exp.Neg) else (1, key)
        if isinstance(number, exp.Literal) and not number.is_string and number.this.isdecimal():
            if int(number.this) > _LAST_ITEM:
                self._fail(node, f"no list has an item {number.this[:50]}", accepted=f"numbers from 0 to {_LAST_ITEM}")
            return sign * int(number.this)
        if not (isinstance(key, exp.Literal) and key.is_string):
            self._fail(
                node,
                "square brackets take a key in quotes, or the number of an item, written out",
                accepted="mangrove['HyperLEDA_name'], prv_candidates[0].magpsf",
            )
        return key.this

    def _fail_field(self, node: exp.Expr, exc: FieldError) -> NoReturn:
        accepted, next_step = ", ".join(exc.names) or None, exc.next_step
        if isinstance(node, exp.Column) and node.name.lower() in _NUMBER_NAMES and len(node.parts) == 1:
            next_step = "isnan(x); or, as a number: CAST('NaN' AS DOUBLE), CAST('inf' AS DOUBLE)"
        self._fail(node, exc.message, accepted=accepted, next_step=next_step)


class AlertScope(Scope):
    """What names stand for in a condition on alerts; `position` has the paths of right ascension and declination."""

    def __init__(self, schema: pa.Schema, fail: Fail, leaves: dict[str, pa.DataType], position: tuple[str, str] | None):
        super().__init__(schema, fail, leaves)
        self._position = position

    def position(self, node: exp.Expr) -> tuple[Term, Term]:
        """Return the columns of the alert's right ascension and declination."""
        if self._position is None:
            self._fail(node, "these alerts have no position that is known here", next_step="compare their fields")
        ra, dec = (self._leaf(node, path.split(".")) for path in self._position)
        return ra, dec
