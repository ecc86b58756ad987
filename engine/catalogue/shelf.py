"""The folder of a catalogue: parts that are never changed, and numbered tables of contents that say which count.

    contents-00000012-5f0c1a9e.json          the newest that is whole counts; two with one number: the later by name
    files-2021-11-20261126T090712-8a41.parquet        the files of a month, a row each
    schemas-20261126T090712-0b7d.parquet              the distinct schemas of these files

A part is written before contents name it, and contents never change: so whoever reads sees one state or another, on
any store. Of two who write at once the later takes over the months that the other has changed. What no contents name
any more is removed an hour later: until then somebody may be reading or writing it.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import re
import secrets
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace

import pyarrow as pa
import pyarrow.parquet as pq

from engine.catalogue.rows import UnusableError
from engine.storage import Store, cause_of

__all__ = ["Contents", "NotWritableError", "Shelf"]

_log = logging.getLogger("alert_transfer.catalogue")

FORMAT = "alert-transfer catalogue 1"
_CONTENTS = re.compile(r"contents-(\d{8,12})-[0-9a-f]{8}\.json", re.ASCII)
_PART = re.compile(r"(?:files-\d{4}-\d{2}|schemas)-(\d{8}T\d{6})-[0-9a-f]{8}\.parquet", re.ASCII)
_KEPT_CONTENTS = 2
_KEPT = dt.timedelta(hours=1)


class NotWritableError(Exception):
    """A catalogue's folder does not let us write."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Which parts a catalogue has."""

    number: int = 0
    """Greater than that of the contents before; 0: there is no catalogue."""
    months: Mapping[str, str] = field(default_factory=dict)
    """`2021-11` -> name of the part."""
    schemas: str | None = None
    """Name of the part."""
    indexed_at: float | None = None
    """When all nights of the archive were last held against a listing, Unix time; None: never."""


class Shelf:
    """The folder of a catalogue.

    Parameters
    ----------
    store
        The folder; it need not be there.
    """

    def __init__(self, store: Store):
        self._store = store
        self.problems: list[str] = []
        """What is there and can't be used, for people."""

    @property
    def num_threads(self) -> int:
        """How many threads may read it at once."""
        return self._store.num_threads

    @property
    def shown(self) -> str:
        """The URL for people."""
        return self._store.shown

    def contents(self) -> Contents:
        """Return the newest contents that are whole; empty ones if there are none."""
        try:
            names = sorted(self._names(_CONTENTS), reverse=True)
        except Exception as exc:  # noqa: BLE001  whatever a store does: without a catalogue all goes on
            # There may be none, in a place where we may not look.
            _log.info("A catalogue can't be looked for at %s: %s", self.shown, cause_of(exc))
            return Contents()
        for name in names:
            try:
                return _contents_of(int(_number(name)), self._store.read(self._path(name)))
            except Exception as exc:  # noqa: BLE001  as above
                self.note(f"{name} can't be used: {cause_of(exc)}")
        return Contents()

    def part(
        self, name: str, schema: pa.Schema, columns: list[str] | None = None, *, later: Collection[str] = ()
    ) -> pa.Table:
        """Return columns of a part.

        Parameters
        ----------
        name
            The part's.
        schema
            Its columns.
        columns
            Those that are read; None: all.
        later
            Those that parts of earlier versions lack: null there.

        Raises
        ------
        UnusableError
            If it is gone, torn, or has other columns.
        """
        wanted = schema if columns is None else pa.schema([schema.field(column) for column in columns])
        try:
            read = pq.ParquetFile(pa.BufferReader(self._store.read(self._path(name))), page_checksum_verification=True)
            held = read.schema_arrow
            lacking = [name for name in later if name not in held.names]
            if not held.equals(pa.schema([field for field in schema if field.name not in lacking])):
                raise UnusableError(f"{name} has other columns")
            table = read.read(columns=[name for name in wanted.names if name not in lacking])
            for name_ in lacking:
                table = table.append_column(schema.field(name_), pa.nulls(len(table), schema.field(name_).type))
            return table.select(wanted.names)
        except UnusableError:
            raise
        except Exception as exc:  # whatever a store or Arrow says of a torn file
            raise UnusableError(f"{name} can't be read: {cause_of(exc)}") from exc

    def write_part(self, kind: str, table: pa.Table) -> str:
        """Write a part that nobody knows of yet; return its name.

        Raises
        ------
        NotWritableError
            If the folder does not let us.
        """
        now = dt.datetime.now(dt.UTC)
        name = f"{kind}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.parquet"
        out = io.BytesIO()
        pq.write_table(table, out, compression="zstd", write_page_checksum=True)
        self._write(name, out.getvalue())
        return name

    def commit(self, change: Callable[[Contents], Contents]) -> Contents:
        """Write contents that follow the newest, and remove what nobody needs any more.

        Parameters
        ----------
        change
            Returns what shall follow the contents that it is given.

        Raises
        ------
        NotWritableError
            If the folder does not let us.
        """
        try:
            number = 1 + max((int(_number(name)) for name in self._names(_CONTENTS)), default=0)
        except Exception as exc:  # every file system has errors of its own
            raise NotWritableError(cause_of(exc)) from exc
        following = replace(change(self.contents()), number=number)
        name = f"contents-{following.number:08d}-{secrets.token_hex(4)}.json"
        self._write(name, _text_of(following))
        self._clean(following)
        return following

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        return [entry.name for entry in self._store.entries(self._store.root) if pattern.fullmatch(entry.name)]

    def _path(self, name: str) -> str:
        return f"{self._store.root.rstrip('/')}/{name}"

    def _write(self, name: str, content: bytes) -> None:
        try:
            self._store.write(self._path(name), content)
        except Exception as exc:  # every file system has errors of its own
            raise NotWritableError(cause_of(exc)) from exc

    def _clean(self, newest: Contents) -> None:
        """Remove old contents, and parts that no contents name, once nobody can be at them."""
        try:
            contents = sorted(self._names(_CONTENTS))
            kept = contents[-_KEPT_CONTENTS:]
            named = {*newest.months.values(), newest.schemas}
            for name in kept:
                held = _contents_of(int(_number(name)), self._store.read(self._path(name)))
                named |= {*held.months.values(), held.schemas}
            before = f"{dt.datetime.now(dt.UTC) - _KEPT:%Y%m%dT%H%M%S}"
            parts = [name for name in self._names(_PART) if name not in named and _number(name, _PART) < before]
            for name in [*contents[:-_KEPT_CONTENTS], *parts]:
                self._store.remove(self._path(name))
        except Exception as exc:  # noqa: BLE001  another may be cleaning; what is left is removed next time
            self.note(f"what is no longer needed can't be removed: {cause_of(exc)}")

    def note(self, problem: str) -> None:
        """Note what is there and can't be used."""
        if problem not in self.problems:
            self.problems.append(problem)


def _number(name: str, pattern: re.Pattern[str] = _CONTENTS) -> str:
    match = pattern.fullmatch(name)
    assert match is not None, name
    return match[1]


def _text_of(contents: Contents) -> bytes:
    body = json.dumps(asdict(contents), sort_keys=True)
    return json.dumps({"format": FORMAT, "crc": zlib.crc32(body.encode()), "contents": body}).encode()


def _contents_of(number: int, text: bytes) -> Contents:
    try:
        held = json.loads(text)
        if held["format"] != FORMAT:
            raise UnusableError("another version of alert-transfer wrote it")
        if zlib.crc32(held["contents"].encode()) != held["crc"]:
            raise UnusableError("it is torn")
        contents = Contents(**json.loads(held["contents"]))
        contents.months.values()
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as exc:
        raise UnusableError("it is no table of contents of a catalogue, or torn") from exc
    names = [*contents.months.values(), *([] if contents.schemas is None else [contents.schemas])]
    if contents.number != number or not all(_PART.fullmatch(str(name)) for name in names):
        raise UnusableError("it names what is no part of a catalogue")
    if not isinstance(contents.indexed_at, int | float | None):
        raise UnusableError("it has no time of the last index")
    return contents
