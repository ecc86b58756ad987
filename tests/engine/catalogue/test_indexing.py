"""Indexing: what is new or changed is read, what is gone is dropped, and nothing lies below the archive's root."""

import json
import os
import zlib
from pathlib import Path

import fsspec
import pytest

import engine
from engine.catalogue import shelf
from engine.errors import ArchiveError
from engine.surveys import survey_named
from tests.engine.catalogue.archives import alerts, files_of, indexed, night, opened, told, write


def figures(report: engine.IndexReport) -> tuple[int, int, int]:
    return report.num_files, report.num_read, report.num_gone


def contents(root: Path) -> list[Path]:
    return sorted(root.with_name("science.catalogue").glob("contents-*.json"))


def test_only_what_is_new_or_changed_is_read_again(root):
    assert figures(indexed(root)) == (4, 4, 0)
    assert figures(indexed(root)) == (4, 0, 0)
    write(root, "2021-11-22", "c", alerts(40, 3))
    changed = write(root, "2022-01-01", "a", alerts(30, 7))
    (root / "year=2021/month=11/day=23/a.parquet").unlink()
    assert figures(indexed(root)) == (4, 2, 1)
    os.utime(changed, (1, 1))
    assert figures(indexed(root)) == (4, 1, 0)
    assert figures(indexed(root, anew=True)) == (4, 4, 0)
    assert len(opened(root).known(files_of(root))) == 4


def test_nights_are_indexed_by_themselves_and_others_stay(root):
    assert figures(indexed(root, nights="2021-11-22")) == (2, 2, 0)
    assert opened(root).indexed_at is None
    assert figures(indexed(root, nights="2021-11-23")) == (1, 1, 0)
    assert figures(indexed(root)) == (4, 1, 0)
    assert opened(root).indexed_at is not None


def test_what_is_known_is_what_is_read(root):
    indexed(root)
    archive, files = engine.Archive(str(root)), files_of(root)
    asked = {"with_nulls": True, "ranges_of": ["candidate.jd", "candidate.magpsf"]}
    known = opened(root).known(files, **asked)
    assert [told(known[file.path]) for file in files] == [told(f) for f in archive.footers(files, **asked)]
    plain = opened(root).known(files)
    assert {path: (footer.null_counts, footer.row_groups) for path, footer in plain.items()} == {
        path: ({}, footer.row_groups) for path, footer in known.items()
    }
    assert opened(root).known(files, ranges_of=["candid"]) == {}  # nobody has looked at these


def test_it_lies_beside_the_root_and_never_below(root, cache):
    before = sorted(root.rglob("*"))
    report = indexed(root)
    assert sorted(root.rglob("*")) == before
    assert report.catalogue == str(root.with_name("science.catalogue"))
    assert len(list(root.with_name("science.catalogue").glob("files-*.parquet"))) == 2
    assert not cache.exists()


def test_it_moves_with_the_archive(root):
    indexed(root)
    (root.parent / "moved").mkdir()
    for path in (root, root.with_name("science.catalogue")):
        path.rename(root.parent / "moved" / path.name)
    assert figures(indexed(root.parent / "moved/science")) == (4, 0, 0)


def test_it_goes_into_the_users_cache_where_the_place_beside_can_not_be_written(root, cache):
    root.with_name("science.catalogue").write_text("somebody's file")
    report = indexed(root)
    assert report.catalogue.startswith(str(cache / "catalogues"))
    assert "for you alone" in " ".join(report.notes)
    assert figures(report) == (4, 4, 0)
    assert figures(indexed(root)) == (4, 0, 0)
    assert root.with_name("science.catalogue").read_text() == "somebody's file"


def test_no_place_at_all_is_an_error(root, cache):
    root.with_name("science.catalogue").write_text("somebody's file")
    cache.write_text("another")
    with pytest.raises(ArchiveError, match="catalogue can't be written") as caught:
        indexed(root)
    assert "ALERT_TRANSFER_CACHE" in caught.value.next_step


@pytest.mark.parametrize("change", [{"indexed_at": "noon"}, {"months": ["2021-11"]}, {"months": {"2021-11": "../a"}}])
def test_contents_of_another_form_are_none(root, change, caplog):
    indexed(root)
    for path in contents(root):
        held = json.loads(path.read_text())
        text = json.dumps(json.loads(held["contents"]) | change)
        path.write_text(json.dumps(held | {"contents": text, "crc": zlib.crc32(text.encode())}))
    assert engine.archive_info(str(root), settings=engine.Settings(), max_age_s=60).is_listed
    assert "can't be used" in caplog.text
    assert figures(indexed(root)) == (4, 4, 0)


@pytest.mark.parametrize(
    "harm", ["torn part", "torn contents", "lost part", "lost schemas", "other version", "foreign"]
)
def test_what_is_torn_or_foreign_is_told_and_built_anew(root, harm, caplog):
    indexed(root)
    folder = root.with_name("science.catalogue")
    (part, *_), (schemas,) = sorted(folder.glob("files-2021-11*")), folder.glob("schemas-*")
    if harm == "torn part":
        part.write_bytes(part.read_bytes()[:-30])
    elif harm == "lost part":
        part.unlink()
    elif harm == "lost schemas":
        schemas.unlink()
    elif harm == "foreign":
        part.write_bytes((root / "year=2022/month=01/day=01/a.parquet").read_bytes())
    for path in contents(root) if harm in ("torn contents", "other version") else ():
        held = json.loads(path.read_text()) | {"format": "alert-transfer catalogue 99"}
        path.write_text(json.dumps(held) if harm == "other version" else path.read_text()[:40])
    other = folder / "notes.txt"
    other.write_text("mine")
    plan = engine.plan(engine.TransferRequest(archive=str(root), nights="2021-11:2022-01"), settings=engine.Settings())
    assert plan.num_archive_alerts == 29
    assert "files are read instead" in caplog.text
    report = indexed(root)
    assert report.num_read == {"torn part": 3, "lost part": 3, "foreign": 3}.get(harm, 4)
    assert report.notes
    assert figures(indexed(root)) == (4, 0, 0)
    assert len(opened(root).known(files_of(root))) == 4
    assert other.read_text() == "mine"


def test_two_indexers_at_once_lose_nothing(root, monkeypatch):
    commit = shelf.Shelf.commit

    def interrupted(self, change):
        monkeypatch.setattr(shelf.Shelf, "commit", commit)
        indexed(root, nights="2021-11-23")  # the same month, and it is written first
        return commit(self, change)

    monkeypatch.setattr(shelf.Shelf, "commit", interrupted)
    indexed(root, nights="2021-11-22")
    assert len(opened(root).known(files_of(root))) == 3
    assert figures(indexed(root)) == (4, 1, 0)


def test_what_nobody_needs_is_removed_an_hour_later(root, monkeypatch):
    folder = root.with_name("science.catalogue")
    for day in ("01", "02", "03"):
        write(root, f"2022-01-{day}", "b", alerts(50, 2))
        indexed(root)
    assert len(contents(root)) == 2
    assert len(list(folder.glob("files-2022-01-*"))) == 3
    monkeypatch.setattr(shelf, "_KEPT", -shelf._KEPT)
    indexed(root)
    indexed(root)
    assert len(list(folder.glob("files-*"))) == 2
    assert figures(indexed(root)) == (7, 0, 0)


def test_what_was_read_before_ctrl_c_is_kept(root):
    for number in range(70):
        write(root, "2022-02-01", f"{number:02}", alerts(100 + number, 1))

    def interrupt(done: int, total: int) -> None:
        assert total == 74
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexed(root, progress=interrupt)
    assert 0 < figures(indexed(root))[1] < 74


def test_a_file_that_can_not_be_read_is_told_and_tried_again(root):
    broken = root / "year=2022/month=01/day=01/b.parquet"
    broken.write_bytes(b"PAR1 but no more")
    for _ in range(2):
        report = indexed(root)
        assert [path for path, _ in report.unreadable] == [str(broken)]
        assert "not Parquet" in report.unreadable[0][1]
        assert str(broken) in report.to_text()
    write(root, "2022-01-01", "b", alerts(60, 1))
    assert indexed(root).unreadable == ()


def test_an_archive_of_which_nothing_can_be_read_is_an_error(tmp_path):
    path = tmp_path / "science/year=2022/month=01/day=01/b.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing")
    with pytest.raises(ArchiveError, match="none of the 1 file"):
        indexed(tmp_path / "science")


def test_files_without_a_version_are_never_known_again(root):
    files = fsspec.filesystem("memory")
    for path in sorted(root.rglob("*.parquet")):
        files.pipe(f"/bucket/science/{path.relative_to(root)}", path.read_bytes())
    try:
        for _ in range(2):
            assert indexed("memory://bucket/science").num_read == 4
        assert files.ls("/bucket/science.catalogue", detail=False)
    finally:
        files.rm("/bucket", recursive=True)


def test_a_cluster_reads_what_this_process_reads(root, dask_client):
    by_cluster = indexed(root, client=dask_client)
    assert figures(by_cluster) == (4, 4, 0)
    nights = [night("2021-11-22"), night("2022-01-01")]
    counts = opened(root).class_counts(survey_named("ztf"), nights)
    indexed(root, anew=True)
    assert counts == opened(root).class_counts(survey_named("ztf"), nights)
