"""Fragments whose files are opened while others are worked on."""

from __future__ import annotations

import datetime as dt

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from engine.archive import Archive, cut_fragments, open_ahead
from engine.errors import ArchiveError

NIGHT = dt.date(2021, 11, 22)
LEAF = (["candid"], [pa.int64()])


class Far(LocalFileSystem):
    """A disk that does not count as one."""

    protocol = "far"


@pytest.fixture(params=["", "far://"])
def planned(request, tmp_path):
    fsspec.register_implementation("far", Far, clobber=True)
    folder = tmp_path / "science/year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    for number in range(6):
        pq.write_table(pa.table({"candid": [number, -number]}), folder / f"{number}.parquet")
    archive = Archive(f"{request.param}{tmp_path}/science")
    footers = archive.footers(archive.files([NIGHT]))
    return archive, cut_fragments(footers, ["candid"], target_nbytes=1, max_alerts=10), folder


def test_fragments_come_in_order_each_open(planned):
    archive, fragments, _ = planned
    read = []
    for fragment, opened in open_ahead(archive, fragments, ["candid"]):
        with opened() as one:
            assert one.fragment == fragment
            read += one.read_leaves(*LEAF)["candid"].to_pylist()
    assert read == [0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5]


def test_one_that_can_not_be_opened_holds_up_no_other(planned):
    archive, fragments, folder = planned
    (folder / "2.parquet").unlink()
    read = []
    for fragment, opened in open_ahead(archive, fragments, ["candid"]):
        if fragment.number == 2:
            with pytest.raises(ArchiveError, match=r"2\.parquet.*is gone"):
                opened()
            continue
        with opened() as one:
            read.append(one.read_leaves(*LEAF).num_rows)
    assert read == [2] * 5


def test_what_nobody_wants_any_more_is_closed(planned, monkeypatch):
    archive, fragments, _ = planned
    opened_, open_ = [], Archive.open

    def noted(self, fragment):
        opened_.append(open_(self, fragment))
        return opened_[-1]

    monkeypatch.setattr(Archive, "open", noted)
    ahead = open_ahead(archive, fragments, ["candid"])
    _, first = next(ahead)
    first().close()
    ahead.close()
    assert len(opened_) < 6
    for one in opened_[1:]:
        with pytest.raises((ArchiveError, ValueError)):
            one.read_leaves(*LEAF)
