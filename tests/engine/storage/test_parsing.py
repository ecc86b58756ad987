"""Footers that were looked at before are known again by their bytes, and only those."""

import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.archive import Archive, cut_fragments
from engine.errors import UnreadableError
from engine.storage import footer_crc, parse_footer

ALERTS = pa.table({"candid": pa.array([1, 2, 3], pa.int64()), "history": [[{"jd": 1.0}], [], None]})


def written(**options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(ALERTS, sink, **options)
    return sink.getvalue()


@pytest.mark.parametrize("options", [{}, {"row_group_size": 1}, {"version": "1.0", "store_schema": False}])
def test_what_pyarrow_writes_lies_as_it_would_write_it_anew(options):
    footer = parse_footer(written(**options))
    crc = footer_crc(footer.metadata)
    assert footer.lies_as(crc)
    assert footer.has_crc(crc)
    assert parse_footer(written(**options), checked_crc=crc).metadata.equals(footer.metadata)
    other = parse_footer(written(compression="gzip"))
    assert not other.lies_as(crc)
    assert not other.has_crc(crc)


def test_what_another_writer_left_is_known_by_what_pyarrow_makes_of_it():
    file = written()
    footer = file[-8 - int.from_bytes(file[-8:-4], "little") : -8]
    # A field that no Parquet has, at the end of FileMetaData.
    footer = footer[:-1] + b"\x85\x02\x00"
    other = parse_footer(footer + len(footer).to_bytes(4, "little") + b"PAR1")
    crc = footer_crc(other.metadata)
    assert not other.lies_as(crc)
    assert other.has_crc(crc)


def test_a_planned_file_is_checked_again_where_its_footer_lies_otherwise(tmp_path):
    night = tmp_path / "year=2021/month=11/day=22"
    night.mkdir(parents=True)
    path = night / "a.parquet"
    path.write_bytes(good := written(write_page_checksum=True))
    archive = Archive(str(tmp_path))
    footers = archive.footers(archive.files(archive.nights()))
    (fragment,) = cut_fragments(footers, ["candid"], target_nbytes=1_000, max_alerts=1_000)
    with archive.open(fragment) as opened:
        assert opened.read_leaves(["candid"], [pa.int64()])["candid"].to_pylist() == [1, 2, 3]
    stat = path.stat()
    path.write_bytes(good.replace(b"candid\x15\x02", b"candid\x15\x24"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(UnreadableError, match="codec 18"):
        archive.open(fragment)
