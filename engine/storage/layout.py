"""What files with one schema have in common: worked out once for each schema, not for each of thousands of files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.parsing import ParsedFooter

__all__ = ["Layout", "layout_of"]

_T = TypeVar("_T")
_MOST_LAYOUTS = 64
_MOST_NOTES = 512


class Layout:
    """The leaf columns of files with one schema, and what follows of them. Get it by `layout_of`.

    Parameters
    ----------
    begins, arrow
        How the files' footers begin, up to the end of Parquet's schema, and what they repeat of Arrow's.
    schema
        Arrow's, without metadata.
    parquet
        Parquet's, whose columns have paths such as `history.list.element.value`.
    """

    def __init__(self, begins: bytes, arrow: bytes, schema: pa.Schema, parquet: pq.ParquetSchema):
        self.begins = begins
        self.arrow = arrow
        self.schema = schema
        self.parquet = parquet
        columns = [parquet.column(place) for place in range(len(parquet))]
        self.paths = tuple(column.path for column in columns)
        self.kinds = tuple(column.physical_type for column in columns)
        """Physical types of the leaves."""
        self.lengths = tuple(column.length for column in columns)
        """Of values whose type does not say it."""
        self._notes: dict[Hashable, Any] = {}

    def once(self, key: Hashable, work_out: Callable[[], _T]) -> _T:
        """Return what follows of the schema and the key alone, worked out where it is not known yet."""
        try:
            found: _T = self._notes[key]
        except KeyError:
            if len(self._notes) >= _MOST_NOTES:
                self._notes.clear()
            found = self._notes[key] = work_out()
        return found

    def places(self, columns: Sequence[str]) -> tuple[int, ...]:
        """Return the places of the leaves that are one of some root columns, or of paths, or inside one."""
        return self.once(("places", tuple(columns)), lambda: self._places(columns))

    def _places(self, columns: Sequence[str]) -> tuple[int, ...]:
        wanted, prefixes = frozenset(columns), tuple(f"{column}." for column in columns)
        return tuple(i for i, path in enumerate(self.paths) if path in wanted or path.startswith(prefixes))


_lock = threading.Lock()
_layouts: list[Layout] = []
"""Those met last, the latest first."""


def layout_of(parsed: ParsedFooter, schema: Callable[[], pa.Schema]) -> Layout:
    """Return the layout of a file.

    Parameters
    ----------
    parsed
        Its footer.
    schema
        Has Arrow make the schema of it.
    """
    arrow = parsed.arrow_bytes()
    with _lock:
        for place, layout in enumerate(_layouts):
            if layout.arrow == arrow and parsed.begins_with(layout.begins):
                if place:
                    _layouts.insert(0, _layouts.pop(place))
                return layout
    layout = Layout(parsed.schema_bytes(), arrow, schema().remove_metadata(), parsed.metadata.schema)
    if layout.begins:
        with _lock:
            _layouts.insert(0, layout)
            del _layouts[_MOST_LAYOUTS:]
    return layout
