"""Fields, which may be null, and records of them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.cursors import Cursors, Pass, shown
from consumer.decoding.leaves import Boolean, Number
from consumer.decoding.runs import Blocks, Numeric, Run
from consumer.decoding.types import At, Column, Mask, Owners, Type, chosen, scatter, validity

__all__ = ["Field", "Record", "RecordColumn"]

_FEWEST_TOGETHER = 3
"""Fields that are read together; fewer are faster one by one."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a record, or the items of a list: a type, alone or in a union with null."""

    name: str
    type: Type
    branches: tuple[str, ...] = ()
    """Of a union, in order, `"value"` and `"null"`; empty where there is none."""

    @functools.cached_property
    def nullable(self) -> bool:
        """Whether a value may be null."""
        return "null" in self.branches

    @functools.cached_property
    def tags(self) -> tuple[int, int]:
        """The bytes that say "value" and "null" (-1: none does): a branch's number as a varint is twice the number."""
        if not self.branches:
            return -1, -1
        return 2 * self.branches.index("value"), 2 * self.branches.index("null") if self.nullable else -1

    @property
    def arrow(self) -> pa.Field:
        """The Arrow field."""
        return pa.field(self.name, self.type.arrow, nullable=self.nullable or pa.types.is_null(self.type.arrow))

    @property
    def min_nbytes(self) -> int:
        """Bytes that a datum needs for it, at least."""
        return bool(self.branches) + (0 if self.nullable else self.type.min_nbytes)

    def read(self, work: Pass, cursors: Cursors, column: Any, at: At) -> None:
        """Read a value at each cursor; see `Type.read`."""
        has = self._tags(work, cursors) if self.branches else None
        if self.nullable:
            valid = np.True_ if has is None else has
            column.valid = scatter(column.valid, column.num_values, at, valid)
        self.type.read(work, cursors, has, column, at)

    def _tags(self, work: Pass, cursors: Cursors) -> Mask:
        """Read which branch is taken; return where it is that of the value (None: everywhere)."""
        value, null = self.tags
        tags = work.data[cursors.pos]
        has = tags == value
        count = np.count_nonzero(has)
        if count != len(has):
            known = has | (tags == null) if self.nullable else has
            if np.count_nonzero(known) != len(has):
                cursors.pos += known
                others = ~known
                self._odd_tags(work, cursors, others, has)
                return has
        cursors.pos += 1
        return None if count == len(has) else has

    def _odd_tags(self, work: Pass, cursors: Cursors, others: np.ndarray, has: np.ndarray) -> None:
        """Read tags that are not those that writers write."""
        at = np.flatnonzero(others)
        odd = cursors.take(at)
        number = work.numbers(odd, None)
        work.check(odd, self.type.path)
        # As in Python, and so for fastavro, negative ones count from the end.
        number[number < 0] += len(self.branches)
        wrong = (number < 0) | (number >= len(self.branches))
        if np.count_nonzero(wrong):
            work.reject(odd, wrong, f"{shown(self.type.path)} is none of the {len(self.branches)} types of its union")
        cursors.put(at, odd)
        has[at] = number == self.branches.index("value")

    def finish(self, work: Pass, column: Any, owners: Owners) -> pa.Array:
        """Return a column's Arrow array."""
        valid = None
        if self.nullable:
            valid = np.zeros(column.num_values, dtype=bool) if column.valid is None else column.valid
        return self.type.finish(work, column, owners, valid)

    def avro(self, names: Iterator[str]) -> Any:
        """Return its Avro type."""
        if not self.branches:
            return self.type.avro(names)
        return ["null" if branch == "null" else self.type.avro(names) for branch in self.branches]


def _numeric(field: Field) -> Numeric | None:
    """Return what a run has to know of a field, or None where it can't be part of one."""
    kind = field.type
    if not isinstance(kind, Number | Boolean):
        return None
    value, null = field.tags
    return Numeric(nbytes=kind.nbytes, value_tag=value, null_tag=null)


@dataclass(slots=True, kw_only=True)
class RecordColumn(Column):
    """What was read of a column of records."""

    fields: list[Any]
    blocks: dict[Run, Blocks] = field(default_factory=dict)
    """Of the runs of which something was read; they stand in `fields`, too."""

    def arrange(self, order: np.ndarray) -> None:
        Column.arrange(self, order)
        for blocks in self.blocks.values():
            blocks.arrange(order)
        arranged = {run.start + n for run in self.blocks for n in range(len(run.fields))}
        for number, column in enumerate(self.fields):
            if number not in arranged:
                column.arrange(order)


@dataclass(frozen=True, kw_only=True)
class Record(Type):
    """Fields, one after the other."""

    fields: tuple[Field, ...]

    def column(self, num_values: int) -> RecordColumn:
        return RecordColumn(num_values=num_values, fields=[field.type.column(num_values) for field in self.fields])

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: RecordColumn, at: At) -> None:
        work.check(cursors, self.path)
        if has is None:
            self.read_fields(work, cursors, column, at)
            return
        there = np.flatnonzero(has)
        if len(there):
            some = cursors.take(there)
            self.read_fields(work, some, column, chosen(at, there))
            cursors.put(there, some)

    def read_fields(self, work: Pass, cursors: Cursors, column: RecordColumn, at: At) -> None:
        """Read a record at each cursor."""
        for step in self._steps:
            if isinstance(step, Run):
                self._read_run(step, work, cursors, column, at)
            else:
                self.fields[step].read(work, cursors, column.fields[step], at)

    @functools.cached_property
    def _steps(self) -> list[int | Run]:
        """Numbers of the fields that are read alone, and the runs of those that are read together, in order."""
        steps: list[int | Run] = []
        numeric = [_numeric(one) for one in self.fields]
        for is_run, group in itertools.groupby(range(len(numeric)), key=lambda at: numeric[at] is not None):
            numbers = list(group)
            if is_run and len(numbers) >= _FEWEST_TOGETHER:
                fields = tuple(one for at in numbers if (one := numeric[at]) is not None)
                steps.append(Run(start=numbers[0], fields=fields))
            else:
                steps += numbers
        return steps

    def _read_run(self, run: Run, work: Pass, cursors: Cursors, column: RecordColumn, at: At) -> None:
        numbers = range(run.start, run.start + len(run.fields))
        if run not in column.blocks:
            column.blocks[run] = Blocks(run, [column.fields[number] for number in numbers])
        rest = run.read(work, cursors, column.blocks[run], at)
        if rest is not None:
            some, places = cursors.take(rest), chosen(at, rest)
            for number in numbers:
                self.fields[number].read(work, some, column.fields[number], places)
            cursors.put(rest, some)

    def finish(self, work: Pass, column: RecordColumn, owners: Owners, valid: Mask) -> pa.Array:
        arrays = self.finish_fields(work, column, owners)
        return pa.Array.from_buffers(self.arrow, column.num_values, [validity(valid)], children=arrays)

    def finish_fields(self, work: Pass, column: RecordColumn, owners: Owners) -> list[pa.Array]:
        """Return the Arrow arrays of the fields."""
        return [field.finish(work, values, owners) for field, values in zip(self.fields, column.fields, strict=True)]

    def avro(self, names: Iterator[str]) -> Any:
        fields = [{"name": field.name, "type": field.avro(names)} for field in self.fields]
        return {"type": "record", "name": next(names), "fields": fields}
