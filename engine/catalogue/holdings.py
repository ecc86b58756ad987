"""What a shelf holds of an archive: the rows of a month, the schemas they name, and the writing of both."""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from engine.archive import Footer, Leaves
from engine.catalogue.rows import LATER, ROWS, SCHEMAS, FileRow, HeldSchema, UnusableError, held_schema, table_of
from engine.catalogue.shelf import Contents, Shelf

__all__ = ["Holdings"]

_THREADS = 4
_NEEDED = ("path", "night", "size", "num_alerts")


class Holdings:
    """What a shelf holds of an archive.

    Parameters
    ----------
    shelf
        Where it lies.
    """

    def __init__(self, shelf: Shelf):
        self.shelf = shelf
        self._fingerprints: dict[tuple[int, Leaves], tuple[pa.Schema, str]] = {}
        self._new: dict[str, HeldSchema] = {}
        self._lock = threading.Lock()

    @cached_property
    def contents(self) -> Contents:
        """What the shelf had when it was first asked, or when we last wrote."""
        return self.shelf.contents()

    @cached_property
    def schemas(self) -> dict[str, HeldSchema]:
        """Fingerprint -> schema."""
        return self._schemas_in(self.contents)

    def months(self, months: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        """Yield months and their rows, of those that are held and can be read; the others are told as problems."""
        left = [month for month in months if month in self.contents.months]
        num_threads = min(_THREADS, self.shelf.num_threads)
        with ThreadPoolExecutor(num_threads) as pool:
            # No more lie in memory than are read ahead.
            ahead: deque[tuple[str, Future[pa.Table | None]]] = deque()
            for month in left:
                ahead.append((month, pool.submit(self._month, month, list(columns))))
                if len(ahead) > num_threads:
                    yield from _read(*ahead.popleft())
            while ahead:
                yield from _read(*ahead.popleft())

    def month(self, month: str, columns: Sequence[str] = tuple(ROWS.names)) -> pa.Table:
        """Return the rows of a month; none if they are not held or can't be read."""
        table = self._month(month, list(columns)) if month in self.contents.months else None
        return ROWS.empty_table().select(list(columns)) if table is None else table

    def adopt(self, other: Holdings) -> None:
        """Take over the schemas of what lies elsewhere; they go out with the next `write`."""
        self._new |= {name: held for name, held in other.schemas.items() if name not in self.schemas}

    def table_of(self, rows: Iterable[FileRow]) -> pa.Table:
        """Return rows as they are held; their schemas go out with the next `write`."""
        return table_of(rows, self._fingerprint, dt.datetime.now(dt.UTC))

    def write(
        self, months: Iterable[tuple[str, pa.Table]], change: Callable[[Contents], Contents] = lambda held: held
    ) -> None:
        """Put tables in the place of months. What others have put there since we read it is kept besides.

        Parameters
        ----------
        months
            Months and their rows, one after the other; a month without a row is dropped.
        change
            Returns the contents with what else shall change.

        Raises
        ------
        NotWritableError
            If the shelf does not let us.
        """
        based_on = self.contents

        def following(newest: Contents) -> Contents:
            names = dict(newest.months)
            for month, table in months:
                theirs = newest.months.get(month)
                if theirs is not None and theirs != based_on.months.get(month):
                    table = _with_others(table, self._part(theirs))
                if len(table):
                    names[month] = self.shelf.write_part(f"files-{month}", table.sort_by("path"))
                else:
                    names.pop(month, None)
            schemas = newest.schemas
            if self._new or schemas is None or schemas != based_on.schemas:
                every = self._schemas_in(newest) | self.schemas | self._new
                schemas = self.shelf.write_part("schemas", _schema_table(every))
            return change(replace(newest, months=names, schemas=schemas))

        self.contents = self.shelf.commit(following)
        self.schemas |= self._new
        self._new = {}
        self._fingerprints = {}

    def _month(self, month: str, columns: list[str]) -> pa.Table | None:
        return self._part(self.contents.months[month], columns)

    def _part(self, name: str, columns: list[str] | None = None) -> pa.Table | None:
        try:
            table = self.shelf.part(name, ROWS, columns, later=LATER)
            if any(table[column].null_count for column in _NEEDED if column in table.column_names):
                raise UnusableError(f"{name} lacks values that every file has")
            return table
        except UnusableError as exc:
            self.shelf.note(str(exc))
            return None

    def _schemas_in(self, contents: Contents) -> dict[str, HeldSchema]:
        if contents.schemas is None:
            return {}
        try:
            table = self.shelf.part(contents.schemas, SCHEMAS)
            return {held.fingerprint: held for held in map(_held, table.to_pylist())}
        except (UnusableError, pa.ArrowException, OSError, TypeError) as exc:
            self.shelf.note(str(exc))
            return {}

    def _fingerprint(self, footer: Footer) -> str:
        # Footers share the objects of schemas and leaves; a schema is kept, so that no other takes its identity.
        key = (id(footer.schema), footer.leaves)
        with self._lock:
            if key not in self._fingerprints:
                held = held_schema(footer.schema, footer.leaves)
                self._fingerprints[key] = (footer.schema, held.fingerprint)
                if held.fingerprint not in self.schemas:
                    self._new[held.fingerprint] = held
            return self._fingerprints[key][1]


def _read(month: str, future: Future[pa.Table | None]) -> Iterator[tuple[str, pa.Table]]:
    table = future.result()
    if table is not None:
        yield month, table


def _held(values: Mapping[str, object]) -> HeldSchema:
    arrow, leaves = values["arrow"], values["leaves"]
    if not isinstance(arrow, bytes) or not isinstance(leaves, list):
        raise UnusableError("the part with the schemas lacks one")
    held = held_schema(pa.ipc.read_schema(pa.py_buffer(arrow)), Leaves.of(leaves))
    if held.fingerprint != values["schema"]:
        raise UnusableError("the part with the schemas has one that is not what it is named for")
    return held


def _schema_table(schemas: Mapping[str, HeldSchema]) -> pa.Table:
    rows = [
        {"schema": name, "arrow": held.schema.serialize().to_pybytes(), "leaves": list(held.leaves.paths)}
        for name, held in sorted(schemas.items())
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS)


def _with_others(ours: pa.Table, theirs: pa.Table | None) -> pa.Table:
    """Return our rows, and those of files that we have none of."""
    if theirs is None or not len(theirs):
        return ours
    others = theirs.filter(pc.invert(pc.is_in(theirs["path"], value_set=ours["path"].combine_chunks())))
    return pa.concat_tables([ours, others])
