"""Whether Arrow can be asked what a footer says of column chunks: at one that is damaged it ends the process.

pyarrow asks Arrow for a column chunk, its codec, its statistics and the footer's bytes without expecting an exception
("terminate called", or a segmentation fault), and offers no way to check before. So the footer is walked through here,
as parquet.thrift has it, and held against what these calls look at: as many chunks as leaves, their types, codecs,
lengths of statistics and of histograms.

To walk byte by byte costs milliseconds. What begins a chunk's metadata (type, encodings, path, codec) is the same in
most files of a schema, so it is kept and compared as it lies; what follows are numbers, which a regular expression
passes over. Only a chunk that has it otherwise is walked through.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.encryption import EncryptedError, schema_nbytes
from engine.storage.thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    after,
    field_number,
    list_header,
    number_at,
    varint_at,
)

__all__ = ["DamagedError", "check_footer"]

_TYPES = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": None}
_NUM_CODECS = 8
_SCHEMA, _ROW_GROUPS, _ORDERS = 2, 4, 7
"""Fields of FileMetaData."""
_COLUMNS, _NUM_ROWS, _SORTING = 1, 3, 4
"""Of RowGroup."""
_META, _CRYPTO = 3, 8
"""Of ColumnChunk."""
_TYPE, _ENCODINGS, _PATH, _CODEC, _NUM_VALUES, _NBYTES, _STORED_NBYTES = range(1, 8)
_PAIRS, _STATISTICS, _PAGES, _SIZES = 8, 12, 13, 16
"""Of ColumnMetaData."""
_OLD_VALUES, _VALUES = (1, 2), (5, 6)
"""Of Statistics: greatest and least."""
_TYPE_ORDER = b"\x1c\x00\x00"
_MOST_SCHEMAS = 64

_Match = Callable[[bytes, int], "re.Match[bytes] | None"]
_Fields = dict[int, tuple[int, int]]
"""Number of a field -> its kind, and where its value begins."""


class DamagedError(pa.ArrowInvalid):
    """A footer says what can't be."""


def check_footer(footer: bytes, metadata: pq.FileMetaData) -> None:
    """Raise if a question about a column chunk, or for the footer's bytes, could end the process.

    Parameters
    ----------
    footer
        The FileMetaData as it stands in the file.
    metadata
        The same, parsed by Arrow.

    Raises
    ------
    DamagedError
        Saying what can't be.
    EncryptedError
        If a column chunk is encrypted.
    """
    schema = _schema_of(footer, metadata)
    try:
        end = _check(footer, metadata, schema)
    except (IndexError, RecursionError) as exc:
        raise DamagedError("its footer can't be parsed") from exc
    if end != metadata.serialized_size:  # Arrow parsed it otherwise
        raise DamagedError("its footer can't be parsed")
    _keep(schema)


def _check(footer: bytes, metadata: pq.FileMetaData, schema: _Schema) -> int:
    """Return where the footer ends."""
    at, number = len(schema.begins), _SCHEMA if schema.begins else 0
    alerts = 0
    while kind := footer[at] & 0x0F:
        number, at = field_number(footer, at, number)
        if number == _ROW_GROUPS:
            length, at = _list(footer, at, kind, STRUCT)
            for group in range(length):
                num_rows, at = _row_group(footer, at, schema, group)
                alerts += num_rows
        elif number == _ORDERS:
            length, first = _list(footer, at, kind, STRUCT)
            is_usual = footer.startswith(_TYPE_ORDER * length, first)
            at = first + len(_TYPE_ORDER) * length if is_usual else after(footer, at, kind)
        else:
            at = after(footer, at, kind)
    if alerts != metadata.num_rows:
        raise DamagedError(f"its row groups have {alerts:,} rows in all, and its footer says {metadata.num_rows:,}")
    return at + 1


class _Leaf:
    """What a column chunk of a leaf must agree with, and how most begin.

    Parameters
    ----------
    column
        The leaf, in the file's schema.
    """

    __slots__ = ("begins", "num_definitions", "num_repetitions", "path", "rest", "type", "width")

    def __init__(self, column: pq.ColumnSchema):
        self.path = column.path
        if column.physical_type not in _TYPES:
            raise DamagedError(f"column {column.path} is of no type of Parquet's")
        self.type = _TYPES.index(column.physical_type)
        self.width = _WIDTHS.get(column.physical_type, column.length)
        self.num_repetitions = column.max_repetition_level + 1
        self.num_definitions = column.max_definition_level + 1
        self.rest = _rest(self.width, self.num_repetitions, self.num_definitions)
        """Matches what follows the codec, up to the chunk's end."""
        self.begins = b""
        """The metadata of the chunk that was walked through last, up to the codec."""


class _Schema:
    def __init__(self, begins: bytes, leaves: list[_Leaf]):
        self.begins = begins
        self.leaves = leaves


_schemas: list[_Schema] = []
"""Those met last, the latest first. Never changed, but replaced: other threads look at it meanwhile."""


def _schema_of(footer: bytes, metadata: pq.FileMetaData) -> _Schema:
    for schema in _schemas:
        if footer.startswith(schema.begins):
            return schema
    columns = metadata.schema
    leaves = [_Leaf(columns.column(place)) for place in range(len(columns))]
    return _Schema(footer[: schema_nbytes(memoryview(footer))], leaves)


def _keep(schema: _Schema) -> None:
    """Keep a schema for the files to come, since its footer was found to be what Arrow makes of it."""
    global _schemas
    known = _schemas
    if schema.begins and (not known or known[0] is not schema):
        _schemas = [schema, *(other for other in known if other is not schema)][:_MOST_SCHEMAS]


def _row_group(footer: bytes, at: int, schema: _Schema, group: int) -> tuple[int, int]:
    """Return how many rows a row group says it has, and where what is said of it ends."""
    num_rows = number = 0
    has_columns = False
    while kind := footer[at] & 0x0F:
        number, at = field_number(footer, at, number)
        if number == _COLUMNS:
            length, at = _list(footer, at, kind, STRUCT)
            if length != len(schema.leaves):
                raise DamagedError(f"row group {group} has {length} columns, and the schema {len(schema.leaves)}")
            has_columns = True
            for leaf in schema.leaves:
                at = _after_chunk(footer, at, leaf, group)
        elif number == _NUM_ROWS and kind == I64:
            num_rows, at = number_at(footer, at)
            if num_rows < 0:
                raise DamagedError(f"row group {group} has {num_rows:,} rows")
        else:
            if number == _SORTING:
                _list(footer, at, kind, STRUCT)
            at = after(footer, at, kind)
    if not has_columns:
        raise DamagedError(f"row group {group} has no columns")
    return num_rows, at + 1


def _after_chunk(footer: bytes, at: int, leaf: _Leaf, group: int) -> int:
    """Return where what is said of a column chunk ends."""
    if (
        leaf.begins
        and (offset := _OFFSET(footer, at)) is not None
        and footer.startswith(leaf.begins, start := offset.end())
        and (rest := leaf.rest(footer, start + len(leaf.begins))) is not None
    ):
        return rest.end()
    try:
        return _walk_chunk(footer, at, leaf)
    except DamagedError as exc:
        raise DamagedError(f"column {leaf.path} of row group {group} {exc}") from exc


def _walk_chunk(footer: bytes, at: int, leaf: _Leaf) -> int:
    chunk, end = _fields(footer, at)
    if _CRYPTO in chunk:
        raise EncryptedError("columns of it are encrypted")
    meta, _ = _fields(footer, _value(chunk, _META, STRUCT))
    if (type_ := number_at(footer, _value(meta, _TYPE, I32))[0]) != leaf.type:
        said = _TYPES[type_] if 0 <= type_ < len(_TYPES) else f"type {type_}"
        raise DamagedError(f"is {said}, and {_TYPES[leaf.type]} in the schema")
    codec, codec_end = number_at(footer, _value(meta, _CODEC, I32))
    if not 0 <= codec < _NUM_CODECS:
        raise DamagedError(f"is compressed by codec {codec}, which is not known")
    for field in (_NUM_VALUES, _NBYTES, _STORED_NBYTES):
        if (value := number_at(footer, _value(meta, field, I64))[0]) < 0:
            raise DamagedError(f"has {value:,} values or bytes")
    for field, items in ((_ENCODINGS, I32), (_PATH, BINARY), (_PAIRS, STRUCT), (_PAGES, STRUCT)):
        if field in meta:
            _list(footer, meta[field][1], meta[field][0], items)
    if _STATISTICS in meta:
        _check_statistics(footer, _value(meta, _STATISTICS, STRUCT), leaf)
    if _SIZES in meta:
        _check_sizes(footer, _value(meta, _SIZES, STRUCT), leaf)
    if tuple(meta)[:4] == (_TYPE, _ENCODINGS, _PATH, _CODEC):
        leaf.begins = footer[chunk[_META][1] : codec_end]
    return end


def _check_statistics(footer: bytes, at: int, leaf: _Leaf) -> None:
    for number, (kind, start) in _fields(footer, at)[0].items():
        if number in _OLD_VALUES + _VALUES and kind == BINARY and leaf.width is not None:
            nbytes = varint_at(footer, start)[0]
            # Where the columns' orders are told, the old ones are not looked at.
            if nbytes < leaf.width and (number in _VALUES or _ORDERS not in _fields(footer, 0)[0]):
                raise DamagedError(f"has a least or greatest value of {nbytes} bytes")


def _check_sizes(footer: bytes, at: int, leaf: _Leaf) -> None:
    sizes, _ = _fields(footer, at)
    if 1 in sizes and leaf.width is not None:
        raise DamagedError("states the size of texts, and has none")
    for number, levels in ((2, leaf.num_repetitions), (3, leaf.num_definitions)):
        if number in sizes:
            length, _ = _list(footer, sizes[number][1], sizes[number][0], I64)
            if length not in (0, levels):
                raise DamagedError(f"has a histogram of {length} levels, and {levels} in the schema")


def _fields(footer: bytes, at: int) -> tuple[_Fields, int]:
    """Return the fields of a struct, and where it ends."""
    found: _Fields = {}
    number = 0
    while kind := footer[at] & 0x0F:
        number, at = field_number(footer, at, number)
        if number in found:
            raise DamagedError("says something twice")
        found[number] = kind, at
        at = after(footer, at, kind)
    return found, at + 1


def _value(fields: _Fields, number: int, kind: int) -> int:
    """Return where the value of a field begins."""
    found, at = fields.get(number, (0, 0))
    if found != kind:
        raise DamagedError("lacks its metadata")
    return at


def _list(footer: bytes, at: int, kind: int, items: int) -> tuple[int, int]:
    """Return how many items a list has, and where the first begins. Arrow takes no notice of what it says they are."""
    found, length, start = list_header(footer, at)
    if kind != LIST or (length and found != items):
        raise IndexError("not such a list")
    return length, start


_ANY = rb"(?:[\x80-\xff]{0,9}+[\x00-\x7f])"
_POSITIVE = b"(?:[%s]|[%s]%s)" % (
    b"".join(b"\\x%02x" % first for first in range(0, 0x80, 2)),
    b"".join(b"\\x%02x" % first for first in range(0x80, 0x100, 2)),
    rb"[\x80-\xff]{0,8}+[\x00-\x7f]",
)
_NOTHING = b"(?!)"
_OFFSET: _Match = re.compile(b"\\x26" + _ANY + b"\\x1c").match
"""Where a chunk stands, and the header of its metadata."""


@lru_cache(maxsize=256)
def _rest(width: int | None, num_repetitions: int, num_definitions: int) -> _Match:
    """Return what matches a chunk from its number of values on, as most writers have it: one field after the other."""
    lengths = range(128) if width is None else (width,) if width < 128 else ()
    value = b"(?>%s)" % (b"|".join(b"\\x%02x.{%d}" % (nbytes, nbytes) for nbytes in lengths) or _NOTHING)
    statistics = (
        # greatest and least in the old way, nulls; distinct values; greatest and least; whether these are exact
        rb"(?:\x18V\x18V\x16N|\x36N)?(?:\x16N)?(?:[\x18\x28\x58]V\x18V)?[\x11\x12]{0,2}\x00".replace(b"V", value)
    )
    repetitions, definitions = _histogram(num_repetitions), _histogram(num_definitions)
    sizes = b"\\x29%s(?:\\x19%s)?|\\x39%s" % (repetitions, definitions, definitions)
    if width is None:
        sizes += b"|\\x16N(?:\\x19%s(?:\\x19%s)?|\\x29%s)?" % (repetitions, definitions, definitions)
    pages = b"(?>%s)" % b"|".join(b"\\x%xc(?:\\x15N\\x15N\\x15N\\x00){%d}" % (n, n) for n in range(1, 8))
    pages += b"(?:\\x3c(?:%s)?\\x00)?" % sizes
    meta = rb"\x16P\x16P\x16P\x26N(?:\x26N(?:\x1cS(?:\x19E)?|\x29E)?|\x3cS(?:\x19E)?|\x49E)?\x00"
    meta = meta.replace(b"S", statistics).replace(b"E", pages)
    pattern = meta + rb"(?:\x16N\x15N(?:\x16N\x15N)?|\x36N\x15N)?\x00"
    return re.compile(pattern.replace(b"P", _POSITIVE).replace(b"N", _ANY), re.DOTALL).match


def _histogram(num_levels: int) -> bytes:
    counts = b"\\x%x6N{%d}" % (num_levels, num_levels) if num_levels < 15 else _NOTHING
    return b"(?>\\x06|%s)" % counts
