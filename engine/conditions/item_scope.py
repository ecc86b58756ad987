"""What names stand for inside of a predicate of a list's items: the item, and all that the alert has around it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp

from engine.conditions.error_location import Fail
from engine.conditions.expressions import Term
from engine.conditions.field_errors import FieldError
from engine.conditions.fields import Items, find_leaf
from engine.conditions.scopes import Scope, leaf_of

__all__ = ["ItemScope"]


class ItemScope(Scope):
    """What names stand for in a predicate of a list's items.

    Parameters
    ----------
    around
        The scope that the list is in.
    items
        The list.
    fail
        As of `Scope`.
    name
        What the item is called; None where no name stands for it.
    """

    def __init__(self, around: Scope, items: Items, fail: Fail, name: str | None):
        self.item = _unlike(name or "item", around.roots)
        field = pa.field(self.item, items.field.type, metadata=items.field.metadata)
        super().__init__(pa.schema([field]), fail, {})
        self._around, self._name = around, name
        self.outer: dict[str, None] = {}

    @property
    def roots(self) -> frozenset[str]:
        """The first names of all paths, in small letters."""
        return super().roots | self._around.roots

    def called(self, name: str) -> ItemScope:
        """Return the same scope for a further predicate, in which the item has another name."""
        other = object.__new__(ItemScope)
        other.__dict__.update(self.__dict__, _name=name)
        return other

    def whole(self, node: exp.Expr) -> Term:
        """Return the item itself."""
        return self._leaf(node, [self.item])

    def field(self, node: exp.Expr) -> Term:
        """Return the column of what a node names."""
        if self._is_inside(node):
            return super().field(node)
        steps = self._written(node)
        if str(steps[0]).lower() not in self._around.roots and self._has(steps):
            self._fail(
                node,
                f"{steps[0]} is a field of the item, which is called {self._name}",
                accepted=".".join([str(self._name), *map(str, steps)]),
            )
        return self._from_around(self._around.field(node))

    def size(self, node: exp.Expr) -> Term:
        """Return the column of the lengths of the list that a node names."""
        return super().size(node) if self._is_inside(node) else self._from_around(self._around.size(node))

    def presence(self, node: exp.Expr) -> Term | None:
        """Return the column that is null where a list, struct or map is; None of anything else."""
        if self._is_inside(node):
            return super().presence(node)
        found = self._around.presence(node)
        return found and self._from_around(found)

    def items(self, node: exp.Expr) -> Items:
        """Return the list that a node names, for a predicate of its items."""
        if self._is_inside(node):
            return super().items(node)
        self._around.items(node)  # which tells what is wrong with it, if anything is
        self._fail(
            node,
            "inside of a predicate of items, another list of the alert can't be searched",
            accepted=f"a list of the item, as {self._name or 'x'}.name",
            next_step="join two of them with AND: exists(a, x -> x > 1) AND exists(b, y -> y > 1)",
        )

    def position(self, node: exp.Expr) -> tuple[Term, Term]:
        """Return the columns of the alert's right ascension and declination."""
        ra, dec = self._around.position(node)
        return self._from_around(ra), self._from_around(dec)

    def anchor(self) -> Term:
        """Return some column of the item."""
        return self.column(*next(iter(self.leaves.items()), (f"present({self.item})", pa.bool_())))

    def _steps(self, node: exp.Expr) -> list[str | int]:
        first, *rest = self._written(node)
        return [self.item if self._is_name(first) else first, *rest]

    def _is_inside(self, node: exp.Expr) -> bool:
        if not isinstance(node, exp.Column | exp.Dot | exp.Bracket | exp.Identifier):
            return True  # which is refused
        return self._is_name(self._written(node)[0])

    def _has(self, steps: Sequence[str | int]) -> bool:
        try:
            find_leaf(self._schema, [self.item, *steps])
        except FieldError:
            return False
        return self._name is not None

    def _is_name(self, name: str | int) -> bool:
        return self._name is not None and isinstance(name, str) and name.lower() == self._name.lower()

    def _from_around(self, term: Term) -> Term:
        self.outer[leaf_of(term)] = None
        return term


def _unlike(name: str, taken: frozenset[str]) -> str:
    while name.lower() in taken:
        name += "_"
    return name
