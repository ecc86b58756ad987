"""Footers that say what can't be are refused, since Arrow ends the process when it is asked what they say."""

import datetime as dt
import io
import random
import struct
from decimal import Decimal

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.archive import Archive
from engine.errors import UnreadableError
from engine.storage import ParsedFooter, parse_footer

CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD"}
NUMBERS = pa.table({"candid": pa.array([1, 2, 3], pa.int64()), "magpsf": [1.5, None, 2.5]})
KINDS = pa.table(
    {
        "whole": pa.array([1, 2, None], pa.int32()),
        "real": pa.array([1, 2, 3], pa.float32()),
        "text": ["x", "y" * 300, None],
        "truth": [True, None, False],
        "bytes": pa.array([b"1234", b"5678", None], pa.binary(4)),
        "time": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
        "price": [Decimal("1.25"), Decimal("2.50"), None],
        "history": [[{"jd": 1.0, "fids": [1, 2]}, None], [], None],
        "nothing": pa.nulls(3),
    }
)


def written(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def footer_of(file: bytes) -> bytes:
    return file[-8 - int.from_bytes(file[-8:-4], "little") : -8]


def parsed(footer: bytes) -> ParsedFooter:
    return parse_footer(footer + struct.pack("<I", len(footer)) + b"PAR1")


def sizes(footer: ParsedFooter) -> list[int]:
    groups = [footer.metadata.row_group(group) for group in range(footer.metadata.num_row_groups)]
    return [group.column(i).total_uncompressed_size for group in groups for i in range(group.num_columns)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_group_size": 1},
        {"write_statistics": False},
        {"write_page_index": True, "use_dictionary": False},
        {"version": "1.0", "data_page_version": "2.0", "store_schema": False},
        {"compression": {"whole": "zstd", "text": "gzip", "truth": "none"}, "sorting_columns": [pq.SortingColumn(0)]},
        {"use_deprecated_int96_timestamps": True, "column_encoding": "PLAIN", "use_dictionary": False},
    ],
)
def test_what_arrow_writes_is_taken_whatever_it_is_told(options):
    for table in (KINDS, NUMBERS, KINDS.slice(0, 0)):
        asked = {key: value for key, value in options.items() if table is not NUMBERS or key != "compression"}
        footer = footer_of(written(table, **asked))
        # Twice: what is known of a schema by the second time is not asked again.
        assert sizes(parsed(footer)) == sizes(parsed(footer))


def test_what_others_write_is_taken(tmp_path):
    polars.from_arrow(KINDS.drop_columns(["nothing"])).write_parquet(tmp_path / "polars.parquet", row_group_size=2)
    plain = KINDS.drop_columns(["nothing", "time"])
    with duckdb.connect() as connection:
        connection.register("plain", plain)
        connection.execute(f"copy plain to '{tmp_path}/duckdb.parquet' (format parquet)")
    for path in tmp_path.iterdir():
        footer = footer_of(path.read_bytes())
        assert sizes(parsed(footer)) == sizes(parsed(footer))


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        # parquet.thrift numbers types from 0, and Thrift doubles numbers that have no sign: 4 is INT64, 10 DOUBLE.
        (b"\x1c\x15\x04\x19", b"\x1c\x15\x0a\x19", "column candid of row group 0 is DOUBLE, and INT64"),
        (b"\x1c\x15\x04\x19", b"\x1c\x15\x68\x19", "column candid of row group 0 is type 52, and INT64"),
        (b"candid\x15\x02", b"candid\x15\x24", "codec 18"),
        (b"candid\x15\x02\x16\x06", b"candid\x15\x02\x16\x05", "-3"),
        (b"\x28\x08" + struct.pack("<q", 3), b"\x28\x07" + struct.pack("<q", 3)[1:], "value of 7 bytes"),
        (b"\x28\x08" + struct.pack("<q", 3), b"\x28\x00", "value of 0 bytes"),
        (b"\x3c\x29\x06\x19\x26\x00\x06", b"\x3c\x29\x06\x19\x16\x06", "a histogram of 1 level"),
        (b"\x3c\x29\x06", b"\x3c\x16\x02\x19\x06", "the size of texts"),
        (b"\x19\x2c\x26\x00\x1c", b"\x19\x2c\x26\x00\x4c", "lacks its metadata"),
        (b"\x25\x02\x18\x06candid", b"\x25\x00\x18\x06candid", "histogram"),
        (b"\x15\x04\x25\x02\x18\x06candid", b"\x15\x0c\x25\x02\x18\x06candid", "row group 0 is INT64"),
    ],
)
def test_what_can_not_be_is_told(tmp_path, was, now, told):
    file = written(NUMBERS)
    good = footer_of(file)
    assert was in good
    bad = good.replace(was, now, 1)
    for _ in range(2):
        parsed(good)
        with pytest.raises(pa.ArrowInvalid, match=told):
            parsed(bad)
    night = tmp_path / "year=2021/month=11/day=22"
    night.mkdir(parents=True)
    (night / "a.parquet").write_bytes(file[: -8 - len(good)] + bad + struct.pack("<I", len(bad)) + b"PAR1")
    archive = Archive(str(tmp_path))
    with pytest.raises(UnreadableError, match=told):
        archive.footers(archive.files([dt.date(2021, 11, 22)]), with_nulls=True)


def test_row_groups_have_the_rows_of_the_file_and_a_chunk_for_each_leaf():
    good = footer_of(written(NUMBERS))
    metadata = parsed(good).metadata
    at = good.rindex(b"\x16\x06\x26")
    assert metadata.row_group(0).num_rows == 3
    with pytest.raises(pa.ArrowInvalid, match="5 rows in all"):
        parsed(good[:at] + b"\x16\x0a\x26" + good[at + 3 :])
    # One leaf less in the schema, and a chunk that belongs to none.
    one = footer_of(written(NUMBERS.select(["candid"])))
    begin, end = (footer.index(b"\x16\x06\x19\x1c\x19") for footer in (one, good))
    with pytest.raises((pa.ArrowInvalid, OSError)):
        parsed(one[:begin] + good[end:])


def test_changed_at_random_a_footer_is_refused_or_can_be_asked():
    good = footer_of(written(KINDS, row_group_size=2))
    draw = random.Random(5)
    taken = refused = 0
    for _ in range(1000):
        footer = bytearray(good)
        for _ in range(draw.randint(1, 2)):
            footer[draw.randrange(len(footer))] = draw.randrange(256)
        try:
            footer_ = parsed(bytes(footer))
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            refused += 1
            continue
        taken += 1
        assert len(sizes(footer_)) == len(footer_.metadata.schema) * footer_.metadata.num_row_groups
        for group in range(footer_.metadata.num_row_groups):
            for place in range(footer_.metadata.num_columns):
                chunk = footer_.metadata.row_group(group).column(place)
                assert chunk.compression in CODECS
                assert chunk.statistics is None or chunk.statistics.physical_type == chunk.physical_type
    assert min(taken, refused) > 100
