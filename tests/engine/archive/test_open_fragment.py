"""A fragment whose file is open: opened once, whatever is read of it, and told if it changes."""

from __future__ import annotations

import builtins
import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.archive import Archive, Fragment, cut_fragments
from engine.errors import ArchiveError, UnreadableError
from engine.storage import OpenParquet, opening

NIGHT = dt.date(2021, 11, 22)
TABLE = pa.table({"candid": range(10), "name": [f"n{i}" for i in range(10)], "s": [{"x": i} for i in range(10)]})


@pytest.fixture
def planned(tmp_path) -> tuple[Archive, Fragment]:
    folder = tmp_path / "science/year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    pq.write_table(TABLE, folder / "a.parquet", row_group_size=4)
    archive = Archive(str(tmp_path / "science"))
    footers = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments(footers, ["candid"], target_nbytes=10**9, max_alerts=10**9)
    return archive, fragment


def test_a_file_is_opened_once_whatever_is_read_of_it(planned, monkeypatch):
    archive, fragment = planned
    paths = []

    def noted(path, *args):
        paths.append(path)
        return builtins.open(path, *args)

    monkeypatch.setattr(opening, "open", noted, raising=False)
    with archive.open(fragment) as opened:
        opened.fetch(fragment.row_groups, ["s.x"])  # nothing to fetch: it is mapped
        leaves = opened.read_leaves(["s.x"], [pa.int64()])
        parts = list(opened.read_leaf_blocks(["s.x"], [pa.int64()], 16))
        blocks = list(opened.read_blocks(["name", "s"], [0, 2], 3))
        opened.check_rows()
        opened.check_unchanged()
    assert paths == [fragment.file.path]
    assert leaves["s.x"].to_pylist() == pa.concat_tables(parts)["s.x"].to_pylist() == list(range(10))
    assert pa.Table.from_batches(blocks)["name"].to_pylist() == ["n0", "n1", "n2", "n3", "n8", "n9"]


def test_what_was_read_outlives_the_closing(planned):
    archive, fragment = planned
    with archive.open(fragment) as opened:
        blocks = list(opened.read_blocks(TABLE.schema.names, fragment.row_groups, 100))
    assert pa.Table.from_batches(blocks).equals(TABLE)


def test_a_change_is_told_at_opening_and_at_the_end(planned):
    archive, fragment = planned
    with archive.open(fragment) as opened:
        opened.read_leaves(["candid"], [pa.int64()])
        replaced = Path(fragment.file.path).with_suffix(".new")
        pq.write_table(TABLE.slice(0, 4), replaced)
        replaced.rename(fragment.file.path)
        # What was opened is still read as it was.
        assert sum(block.num_rows for block in opened.read_blocks(["name"], fragment.row_groups, 10)) == 10
        with pytest.raises(ArchiveError, match="has changed since the job was planned"):
            opened.check_unchanged()
    with pytest.raises(ArchiveError, match="has changed since the job was planned"):
        archive.open(fragment)
    Path(fragment.file.path).unlink()
    with pytest.raises(ArchiveError, match="and is gone"):
        archive.open(fragment)


@pytest.mark.parametrize("num_lost", [1, 3])
def test_rows_that_arrow_leaves_out_without_an_error_are_missed(planned, monkeypatch, num_lost):
    """Of pages with some damages it yields fewer rows than the footer says, or none, and raises nothing."""
    archive, fragment = planned
    batches, read = OpenParquet.batches, OpenParquet.read
    monkeypatch.setattr(OpenParquet, "batches", lambda *args: list(batches(*args))[:-num_lost])
    monkeypatch.setattr(OpenParquet, "read", lambda *args: read(*args).slice(num_lost))
    with archive.open(fragment) as opened:
        for found in (
            lambda: list(opened.read_blocks(["name"], fragment.row_groups, 4)),
            lambda: opened.read_leaves(["s.x"], [pa.int64()]),
            lambda: list(opened.read_leaf_blocks(["s.x"], [pa.int64()], 16)),
        ):
            with pytest.raises(UnreadableError, match=r"a\.parquet.*where 10 were expected"):
                found()
