"""Who asks the catalogue: planning, which keeps what it had to read, and those who look at an archive."""

import json
import logging

import pyarrow.parquet as pq
import pytest

import engine
from engine.archive import archive as archive_module
from engine.catalogue import catalogue as catalogue_module
from tests.command_line import run_here
from tests.engine.catalogue.archives import alerts, files_of, indexed, night, write


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Paths of the files whose footers are read."""
    found, original = [], archive_module.read_tail

    def read_tail(store, path):
        found.append(path)
        return original(store, path)

    monkeypatch.setattr(archive_module, "read_tail", read_tail)
    return found


def plan(root, **more) -> engine.TransferPlan:
    request = engine.TransferRequest(archive=str(root), nights="2021-11:2022-01", **more)
    return engine.plan(request, settings=engine.Settings())


def test_a_plan_by_the_catalogue_is_the_plan_by_footers(root, read):
    by_footers = plan(root)
    assert len(read) == 4
    indexed(root)
    read.clear()
    known = plan(root)
    assert read == []
    assert known.to_dict() == by_footers.to_dict()
    assert known.fragments == by_footers.fragments
    changed = write(root, "2022-01-01", "a", alerts(30, 6))
    assert plan(root).num_archive_alerts == 30
    assert read == [str(changed)]


def test_a_catalogue_of_an_earlier_version_knows_no_lengths_of_footers(root, read):
    indexed(root)
    parts = list(root.with_name(f"{root.name}.catalogue").glob("files-*.parquet"))
    assert parts
    for part in parts:
        pq.write_table(pq.ParquetFile(part).read().drop_columns(["footer_nbytes"]), part)
    read.clear()
    found = plan(root)
    assert read == []
    assert {fragment.file.footer_nbytes for fragment in found.fragments} == {None}



def test_fields_are_told_by_the_catalogue(root, read):
    of_footers = json.loads(run_here("archive", "fields", "--archive", str(root), "--json").stdout)
    assert of_footers["num_alerts"] == 29
    indexed(root)
    read.clear()
    assert json.loads(run_here("archive", "fields", "--archive", str(root), "--json").stdout) == of_footers
    assert read == []


def test_planning_keeps_what_it_read_of_many_files_in_the_users_cache(root, read, cache, monkeypatch):
    plan(root)
    assert not cache.exists()
    monkeypatch.setattr(catalogue_module, "LEARN_FROM", 4)
    read.clear()
    plan(root)
    assert len(read) == 4
    assert list(cache.rglob("files-*.parquet"))
    assert not root.with_name("science.catalogue").exists()
    read.clear()
    assert plan(root, where="candidate.magpsf > 16").num_archive_alerts == 29
    assert read == []
    assert indexed(root).num_read == 4  # of footers no class is known


def test_a_cache_that_can_not_be_written_is_a_warning(root, cache, monkeypatch, caplog):
    monkeypatch.setattr(catalogue_module, "LEARN_FROM", 1)
    cache.write_text("somebody's file")
    with caplog.at_level(logging.WARNING):
        assert plan(root).num_archive_alerts == 29
    assert "is not kept" in caplog.text
    assert str(cache) in caplog.text


def test_info_counts_what_is_there_now(root, read):
    info = engine.archive_info(str(root), settings=engine.Settings())
    assert [(n.night, n.num_files, n.num_alerts) for n in info.nights] == [
        (night("2021-11-22"), 2, 16),
        (night("2021-11-23"), 1, 8),
        (night("2022-01-01"), 1, 5),
    ]
    assert (info.catalogue, info.num_known_files, info.classes()) == (None, 0, {})
    assert "no catalogue" in info.origin()
    assert "engine.index_archive()" in " ".join(info.notes())
    indexed(root)
    read.clear()
    (root / "year=2022/month=01/day=02").mkdir()
    info = engine.archive_info(str(root), settings=engine.Settings())
    assert (info.num_files, info.num_alerts, info.num_known_files, read) == (4, 29, 4, [])
    assert (info.first_night, info.last_night) == (night("2021-11-22"), night("2022-01-02"))
    assert info.nbytes == sum(file.nbytes for file in files_of(root))
    assert sum(info.classes()["cdsxmatch"].values()) == 29
    assert info.catalogue == str(root.with_name("science.catalogue"))
    assert "29 alerts" in repr(info)
    assert "4 of 4 files" in info.origin()
    assert "2021-11-23" in info._repr_html_()
    some = engine.archive_info(str(root), nights="2021-11", settings=engine.Settings())
    assert (len(some.nights), some.num_alerts) == (2, 24)


def test_info_of_a_young_catalogue_lists_nothing(root):
    indexed(root)
    write(root, "2022-02-01", "a", alerts(40, 4))
    asked = {"settings": engine.Settings(), "max_age_s": 3600}
    info = engine.archive_info(str(root), **asked)
    assert (info.num_alerts, info.is_listed, len(info.nights)) == (29, False, 3)
    assert sum(info.classes()["finkclass"].values()) == 24
    assert "when it was indexed" in info.notes()[0]
    assert engine.archive_info(str(root), nights="2022-01", **asked).num_alerts == 5
    assert engine.archive_info(str(root), settings=engine.Settings(), max_age_s=0).num_alerts == 33
    assert engine.archive_info(str(root), settings=engine.Settings()).num_alerts == 33


def test_a_file_that_can_not_be_read_is_told_beside_the_others(root):
    (root / "year=2022/month=01/day=01/b.parquet").write_bytes(b"nothing")
    info = engine.archive_info(str(root), settings=engine.Settings())
    assert (info.num_files, info.num_alerts) == (5, 29)
    assert "day=01/b.parquet" in info.unreadable[0][0]


def test_the_command_line_indexes_and_tells(root):
    done = run_here("archive", "index", "--archive", str(root), "--json")
    told = json.loads(done.stdout)
    assert (told["num_files"], told["num_read"], told["num_gone"], told["unreadable"]) == (4, 4, 0, [])
    done = run_here("archive", "info", "--archive", str(root), "--nights", "2021-11-23", "--classes", "--json")
    told = json.loads(done.stdout)
    held = told["nights"]["2021-11-23"]
    assert (held["files"], held["alerts"]) == (1, 8)
    assert held["classes"]["cdsxmatch"] == told["classes"]["cdsxmatch"] == {"Star": 4, "Unknown": 4}
    assert told["num_known_files"] == 1
    shown = run_here("archive", "info", "--archive", str(root), "--classes").stdout
    assert "2021-11-23" in shown
    assert "SN candidate" in shown
    assert "4 known already" in run_here("archive", "index", "--archive", str(root)).stdout
    assert run_here("archive", "index", "--archive", str(root), "--nights", "tomorrow").returncode == 2
