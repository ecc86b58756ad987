"""Derived leaves and how they are written: a function of a path, of which those of lists say more in JSON.

A plan and its workers share a leaf as its text, so the text has all that a worker needs to compute it:

    at({"list": "prv_candidates", "item": "item", "index": 0, "leaves": {"item.magpsf": "double"}})
    exists({"list": "prv_candidates", "item": "x", "leaves": {"x.magpsf": "double"}, "sql": "(\"x.magpsf\" < 18.0)"})

`at` is a leaf of one item. `exists`, `forall` and `count` test a predicate on each item: of some, of all, of how many
it is true. Their SQL is a condition's, on leaves of the item and `outer` leaves of what the list belongs to. `items` is
what such a predicate is computed of: of each list, the leaves of its items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

__all__ = [
    "DERIVED_TYPES",
    "PREDICATES",
    "ListLeaf",
    "item_column_pattern",
    "list_leaf",
    "paths_read",
    "shown_leaf",
    "split_leaf",
]

PREDICATES = {"exists": pa.bool_(), "forall": pa.bool_(), "count": pa.int32()}
"""Predicate of a list's items -> type of what it gives."""
DERIVED_TYPES = {"size": pa.int32(), "present": pa.bool_(), **PREDICATES}
"""Function -> type of what it gives, whatever it is tested on."""

_OF_LISTS = ("at", "items", *PREDICATES)
_DERIVED = re.compile(rf"(size|present)\((.+)\)|({'|'.join(_OF_LISTS)})\((\{{.+\}})\)", re.DOTALL)
_TYPES = {str(t): t for t in (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float64(), pa.string())}
# Between a list's column and those of its items, Parquet has one group or two: `list.element`, `bag.array`, `array`.
_WRAPPING = r"(?:[^.]+\.){1,2}?"


@dataclass(frozen=True, kw_only=True)
class ListLeaf:
    """A leaf that is computed of a list's items."""

    function: str
    """`at`, `items`, `exists`, `forall` or `count`."""
    path: str
    """The list's path, in the alert or in the item of the list around it."""
    item: str
    """How the leaves name the item: the first name of their paths."""
    leaves: Mapping[str, pa.DataType]
    """Leaves of the item -> the type of each."""
    inside: tuple[str, ...] = ()
    """Names below each item, at whose end is what is asked: of `prv_candidates.magpsf`, its last."""
    outer: tuple[str, ...] = ()
    """Leaves of what the list belongs to that the predicate names."""
    sql: str | None = None
    index: int = 0

    @property
    def text(self) -> str:
        """The leaf as it is written."""
        entries: dict[str, Any] = {"list": self.path, "item": self.item}
        if self.inside:
            entries["inside"] = list(self.inside)
        if self.function == "at":
            entries["index"] = self.index
        entries["leaves"] = {leaf: str(type_) for leaf, type_ in self.leaves.items()}
        if self.outer:
            entries["outer"] = list(self.outer)
        if self.sql is not None:
            entries["sql"] = self.sql
        return f"{self.function}({json.dumps(entries, ensure_ascii=False)})"

    @property
    def input(self) -> ListLeaf:
        """The leaf of a list's items that a predicate is computed of."""
        leaves: dict[str, pa.DataType] = {}
        for leaf, type_ in self.leaves.items():
            inner = list_leaf(leaf)
            if inner is None or inner.function not in PREDICATES:
                leaves[leaf] = type_
                continue
            leaves[inner.input.text] = inner.input.items_type
        return replace(self, function="items", leaves=leaves, outer=(), sql=None)

    @property
    def items_type(self) -> pa.DataType:
        """Type of a leaf `items`."""
        return pa.large_list(pa.struct(list(self.leaves.items())))

    def column_patterns(self) -> Iterator[re.Pattern[str]]:
        """Yield the pattern of the Parquet columns that it needs, and then that of all of the list.

        A file that has the list and lacks the field in it still says how many items there are.
        """
        needed = "|".join(_pattern_of(names) for names in self._names())
        yield re.compile(needed)
        yield re.compile(_pattern_of([self.path, None]))

    def _names(self) -> Iterator[list[str | None]]:
        """Yield the names down to each leaf; None stands where items begin."""
        for leaf in self.leaves:
            inner = list_leaf(leaf)
            ways = [[split_leaf(leaf)[1]]] if inner is None else inner._names()
            for first, *rest in ways:
                below = str(first).removeprefix(self.item).removeprefix(".")
                yield [self.path, None, *self.inside, *([below] if below else []), *rest]

    @property
    def paths(self) -> list[str]:
        """The paths of what is read of the list, as a list answers for the fields of its items."""
        return list(dict.fromkeys(".".join(n for n in names if n is not None) for names in self._names()))


def list_leaf(leaf: str) -> ListLeaf | None:
    """Return a leaf that is computed of a list's items; None of any other."""
    match = _DERIVED.fullmatch(leaf)
    if match is None or match[3] is None:
        return None
    entries = json.loads(match[4])
    leaves = {}
    for name, type_ in entries["leaves"].items():
        inner = list_leaf(name) if type_ not in _TYPES else None
        leaves[name] = inner.items_type if inner is not None else _TYPES[type_]
    return ListLeaf(
        function=match[3],
        path=entries["list"],
        item=entries["item"],
        leaves=leaves,
        inside=tuple(entries.get("inside", ())),
        outer=tuple(entries.get("outer", ())),
        sql=entries.get("sql"),
        index=entries.get("index", 0),
    )


def item_column_pattern(path: str, field: str) -> re.Pattern[str]:
    """Return the pattern of the whole path of the Parquet column that holds a field of a list's items."""
    return re.compile(_pattern_of([path, None, field]).removesuffix(r"(?=\.|$)") + "$")


def split_leaf(leaf: str) -> tuple[str | None, str]:
    """Return (function, path) of a derived leaf, and (None, leaf) of any other; of those of lists, the list's path."""
    match = _DERIVED.fullmatch(leaf)
    if match is None:
        return None, leaf
    return (match[1], match[2]) if match[1] else (match[3], json.loads(match[4])["list"])


def paths_read(leaf: str) -> dict[str, str]:
    """Return the paths that a leaf is computed of, each under the text that stands for it in a note."""
    of_list = list_leaf(leaf)
    if of_list is not None:
        return {path: path for path in of_list.paths}
    function, path = split_leaf(leaf)
    return {path if function == "present" else leaf: path}


def shown_leaf(leaf: str) -> str:
    """Return a leaf as people read it: of those of lists, the fields of the items."""
    return ", ".join(paths_read(leaf)) if list_leaf(leaf) is not None else leaf


def _pattern_of(names: list[str | None]) -> str:
    parts = [_WRAPPING if name is None else re.escape(name) + r"\." for name in names]
    if names[-1] is None:
        return "".join(parts[:-1])
    # The last name may itself be a column, or have columns below it.
    return "".join(parts)[: -len(r"\.")] + r"(?=\.|$)"
