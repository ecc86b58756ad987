"""Lists of which few are left: fastavro reads their items, some hundreds in one call.

Reading the n-th item of all lists together pays while there are many lists. Of a few long ones, fastavro reads the
rest. Its dictionaries never hold more than a thousand items, however long a list says that it is.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import fastavro
import pyarrow as pa

from consumer.decoding.cursors import shown
from consumer.decoding.records import Field

__all__ = ["BAD_DATUM", "TOO_MANY", "TOO_WIDE", "TailError", "TailReader"]

TOO_MANY = "{} has more items than there are bytes"
TOO_WIDE = "{} takes far more memory than the datum has bytes"

_AT_ONCE = (256, 16, 1)
"""Items that are read in one call."""

BAD_DATUM = (
    EOFError,
    ValueError,
    IndexError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    StopIteration,
    RecursionError,
    pa.ArrowException,
)
"""What fastavro raises on bytes that are not a datum of the schema, and Arrow on a value that its type can't hold."""


class TailError(Exception):
    """The datum is bad."""


class TailReader:
    """Reads items of a list where they stand.

    Parameters
    ----------
    path
        Of the list, as reasons name it.
    item
        Type of its items.
    """

    def __init__(self, path: str, item: Field):
        self.path, self.min_nbytes, self.arrow = path, item.min_nbytes, item.type.arrow
        one = item.avro(f"r{number}" for number in itertools.count())
        again = _by_name(one)
        # fastavro reads a list to its end only, but it reads as many fields as a record has.
        self.records = {
            size: fastavro.parse_schema(
                {
                    "type": "record",
                    "name": "some",
                    "fields": [{"name": f"i{n}", "type": again if n else one} for n in range(size)],
                }
            )
            for size in _AT_ONCE
        }

    def open(self, data: bytes) -> Tail:
        """Return the rest of a datum, to be read from."""
        return Tail(self, data)


class Tail:
    """The rest of a datum, in which a list goes on."""

    def __init__(self, reader: TailReader, data: bytes):
        self._reader = reader
        self._source = io.BytesIO(data)
        self._size = len(data)

    @property
    def nbytes(self) -> int:
        """Bytes that were read so far."""
        return self._source.tell()

    def items(self, count: int) -> Iterator[pa.Array]:
        """Read so many items; yields arrays of them."""
        while count:
            made: list[Any] = []
            while count and len(made) < 1024:
                size = next(size for size in _AT_ONCE if size <= count)
                made += self._read(self._reader.records[size]).values()
                count -= size
            yield self._array(made)

    def blocks(self, admit: Callable[[int], bool]) -> Iterator[pa.Array]:
        """Read blocks of items up to the end of the list; yields arrays of them.

        Parameters
        ----------
        admit
            Tells whether so many items more may be held in memory.
        """
        made: list[Any] = []
        while count := self._read("long"):
            if count < 0:
                self._read("long")
                count = max(-count, 0) if count > -(2**63) else 0
            if count > (self._size - self.nbytes) // self._reader.min_nbytes:
                raise TailError(TOO_MANY.format(shown(self._reader.path)))
            if not admit(count):
                raise TailError(TOO_WIDE.format(shown(self._reader.path)))
            while count:
                size = next(size for size in _AT_ONCE if size <= count)
                made += self._read(self._reader.records[size]).values()
                count -= size
                if len(made) >= 1024:
                    yield self._array(made)
                    made = []
        if made:
            yield self._array(made)

    def _read(self, schema: Any) -> Any:
        try:
            return fastavro.schemaless_reader(self._source, schema, None)
        except BAD_DATUM as exc:
            raise TailError(f"{shown(self._reader.path)} can't be read: {_told(exc)}") from exc

    def _array(self, made: list[Any]) -> pa.Array:
        try:
            return pa.array(made, type=self._reader.arrow)
        except BAD_DATUM as exc:
            raise TailError(f"{shown(self._reader.path)} holds what its type can't: {_told(exc)}") from exc


def _by_name(avro: Any) -> Any:
    """Return an Avro type with what was defined in it before, records say, as names."""
    if isinstance(avro, list):
        return [_by_name(branch) for branch in avro]
    if not isinstance(avro, dict):
        return avro
    return avro["name"] if "name" in avro else {key: _by_name(part) for key, part in avro.items()}


def _told(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
