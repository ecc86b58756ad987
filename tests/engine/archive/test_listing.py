"""What belongs to a night: levels, names that were put aside, links, names of Parquet, and what is passed over."""

import datetime as dt
import os
import shutil
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.archive import Archive
from engine.errors import ArchiveError

NIGHT = dt.date(2021, 11, 22)
FOLDER = "year=2021/month=11/day=22"
NIGHTS = [NIGHT + dt.timedelta(days) for days in range(-400, 400)]


def put(root: Path, folder: str = FOLDER, name: str = "part-0.parquet") -> Path:
    path = root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"candid": [1, 2, 3]}), path)
    return path


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "science"
    put(root)
    return root


def found(root: Path) -> list[str]:
    return [str(Path(file.path).relative_to(root)) for file in Archive(str(root)).files(NIGHTS)]


@pytest.mark.parametrize(
    "other",
    [
        *("year=2021/month=11/.day=22", "year=2021/month=11/_day=22", "year=2021/_month=11/day=22"),
        *("year=2021/.month=11/day=22", ".year=2021/month=11/day=22", "_year=2021/month=11/day=22"),
        *("xyear=2021/month=11/day=22", "year=2021/month=11/old_day=22", "year=2021/month=11/day=22.bak"),
        *("year=2021/month=11/day=22 (copy)", "year=2021x/month=11/day=22", "Year=2021/month=11/day=22"),
        *("year=2021/month=11/day=+22", "year=2021/month=11/day=٢٢", "year=2021/month=11/day=22\n"),
        *("year=2021/month=11/day=22/_hour=3", "year=2021/month=11/day=22/hour=3/.old=1"),
    ],
)
def test_a_level_is_matched_by_its_whole_name(root, other):
    put(root, other)
    assert found(root) == [f"{FOLDER}/part-0.parquet"]
    assert Archive(str(root)).nights() == [NIGHT]


@pytest.mark.parametrize(
    "folder", ["year=2021/month=7/day=5", "year=2021/month=07/day=05", "year=02021/month=007/day=005"]
)
def test_leading_zeros_count_for_nothing(tmp_path, folder):
    put(tmp_path, folder, "part-0.parquet")
    put(tmp_path, "year=2021/month=7/day=05", "part-1.parquet")
    put(tmp_path, "year=2021/month=07/day=5", "part-2.parquet")
    assert Archive(str(tmp_path)).nights() == [dt.date(2021, 7, 5)]
    assert len(found(tmp_path)) == 3


@given(st.text(st.sampled_from("dayD=2_. x٢"), min_size=1, max_size=8).filter(lambda name: name not in (".", "..")))
def test_no_other_name_is_a_day(name):
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pipe(f"/science/year=2021/month=11/{name}/part-0.parquet", b"")
    nights = Archive("memory://science").nights()
    assert nights == ([dt.date(2021, 11, int(name[4:]))] if name in ("day=2", "day=22") else [])


def test_a_hidden_folder_above_the_root_does_not_matter(tmp_path):
    root = tmp_path / ".mnt" / "_disks" / "science"
    put(root)
    assert found(root) == [f"{FOLDER}/part-0.parquet"]


@pytest.mark.parametrize("number", ["32", "0", "9" * 30])
def test_no_day_of_the_calendar_is_refused(root, number):
    put(root, f"year=2021/month=11/day={number}")
    with pytest.raises(ArchiveError, match=f"day={number} does not name a day"):
        Archive(str(root)).nights()


def test_parquet_by_its_usual_names_is_read_and_the_rest_counted(root):
    names = ["a.parq", "b.pq", "c.PARQUET", "d.snappy.parquet", "e.Pq"]
    rest = ["notes.txt", "f.parquet.gz", "g.parquet.bak", "h.parquetx", "parquet", "i.parquet._COPYING_"]
    for name in names:
        put(root, name=name)
    for name in rest:
        (root / FOLDER / name).write_bytes(b"")
    for folder in ("backup", "_temporary", ".staging"):
        put(root, f"{FOLDER}/{folder}")
    put(root, name=".part-9.parquet")
    put(root, f"{FOLDER}/data.PARQUET", "part.0.parquet")
    for name in ("_SUCCESS", ".part-0.parquet.crc", "_metadata"):
        (root / FOLDER / name).touch()
    put(root, "year=2021/month=11", "month.parquet")
    put(root, "year=2021/month=11/old_day=22")
    listing = Archive(str(root)).listing([NIGHT])
    read = sorted(file.path.partition("day=22/")[2] for file in listing.files)
    assert read == sorted([*names, "part-0.parquet", "data.PARQUET/part.0.parquet"])
    others = {*rest, "backup/", "_temporary/", ".staging/", ".part-9.parquet"}
    assert set(listing.passed_over) == {f"{FOLDER}/{name}" for name in others}
    assert listing.beside == ("year=2021/month=11/month.parquet", "year=2021/month=11/old_day=22/")
    assert listing.num_hidden == 3


def test_the_plan_counts_what_it_passes_over(tmp_path):
    made = engine.write_sample(tmp_path, nights=[NIGHT], alerts_per_night=5)
    night = Path(made.archive) / FOLDER
    request = engine.TransferRequest(archive=made.archive, nights=[NIGHT])
    (night / "_SUCCESS").touch()
    plan = engine.plan(request)
    assert (plan.to_dict()["num_passed_over"], plan.to_dict()["passed_over"]) == (0, [])
    assert "passed over" not in str(plan)
    for number in range(7):
        (night / f"part-{number}.csv").touch()
    plan = engine.plan(request)
    figures = plan.to_dict()
    assert figures["num_passed_over"] == 7
    assert figures["passed_over"][0] == f"{FOLDER}/part-0.csv"
    (note,) = (note for note in plan.notes if "passed over" in note)
    assert "part-4.csv and 2 more" in note
    assert note in str(plan)
    next(night.glob("*.parquet")).rename(night / "part-0.parquet.old")
    with pytest.raises(ArchiveError, match=r"no data of 2021-11-22.*part-0\.parquet\.old"):
        engine.plan(request)


def test_links_to_files_nights_years_and_the_root_are_followed(root, tmp_path):
    disk = tmp_path / "disk"
    (root / FOLDER / "part-1.parquet").symlink_to(put(disk, "elsewhere", "any.bin"))
    put(disk, "night")
    (root / "year=2021/month=11/day=23").symlink_to(disk / "night")
    put(disk, "year=2022/month=08/day=04")
    (root / "year=2022").symlink_to(disk / "year=2022")
    (root / FOLDER / "hour=3").symlink_to(disk / "night")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert found(root) == [
        *(f"{FOLDER}/hour=3/part-0.parquet", f"{FOLDER}/part-0.parquet", f"{FOLDER}/part-1.parquet"),
        *("year=2021/month=11/day=23/part-0.parquet", "year=2022/month=08/day=04/part-0.parquet"),
    ]
    assert len(found(link)) == len(found(root)) == 5
    count = sum(sum(footer.row_groups) for footer in Archive(str(root)).footers(Archive(str(root)).files(NIGHTS)))
    assert count == 15
    # Of the same files pyarrow reads those whose names are Parquet's.
    assert ds.dataset(root, partitioning="hive").count_rows() == count


def test_a_linked_file_is_as_large_and_as_old_as_what_it_leads_to(root, tmp_path):
    target = put(tmp_path, "disk", "any.bin")
    os.utime(target, (1e9, 1e9))
    (root / FOLDER / "part-1.parquet").symlink_to(target)
    archive = Archive(str(root))
    (_, file) = archive.files([NIGHT])
    assert (file.nbytes, file.etag) == (target.stat().st_size, "1000000000.0")
    archive.check_unchanged(file)
    pq.write_table(pa.table({"candid": range(50)}), target)
    with pytest.raises(ArchiveError, match=r"part-1\.parquet has changed"):
        archive.check_unchanged(file)
    target.unlink()
    with pytest.raises(ArchiveError, match=r"part-1\.parquet was in the archive"):
        archive.check_unchanged(file)


@pytest.mark.parametrize(
    "place", [f"{FOLDER}/part-1.parquet", f"{FOLDER}/hour=1", "year=2021/month=11/day=23", "year=2022"]
)
@pytest.mark.parametrize("target", ["/nowhere/at/all", "circle"])
def test_a_link_that_leads_nowhere_is_named(root, place, target):
    link = root / place
    link.symlink_to(link.name if target == "circle" else target)
    with pytest.raises(ArchiveError) as caught:
        found(root)
    assert str(link) in caught.value.message
    assert (link.name if target == "circle" else target) in caught.value.message
    # Nights that the link is no part of are read.
    if not place.startswith(FOLDER):
        assert len(Archive(str(root)).files([NIGHT])) == 1


def test_a_root_that_leads_nowhere_is_named(tmp_path):
    (tmp_path / "link").symlink_to("/nowhere/science")
    with pytest.raises(ArchiveError, match="/nowhere/science"):
        Archive(str(tmp_path / "link")).nights()


def test_what_links_lead_to_twice_is_read_once_a_night(root):
    """Two nights that are one folder are two nights; one night has no alert twice for a link's sake."""
    (root / "year=2021/month=11/day=23").symlink_to("day=22")
    (root / "year=2021/month=011").symlink_to("month=11")
    (root / FOLDER / "copy.parquet").symlink_to("part-0.parquet")
    (root / FOLDER / "hour=1").symlink_to(".")
    (root / FOLDER / "root=1").symlink_to(root)
    listing = Archive(str(root)).listing([NIGHT])
    # By way of the root the night is reached again, and the other night with what it has.
    assert [Path(file.path).name for file in listing.files] == ["part-0.parquet"]
    assert f"{FOLDER}/copy.parquet" in listing.repeated
    assert f"{FOLDER}/hour=1/" in listing.repeated
    assert "year=2021/month=011/day=22/" in listing.repeated
    assert len(Archive(str(root)).files([NIGHT, dt.date(2021, 11, 23)])) == 2


def test_a_link_to_what_lies_outside_the_night_is_no_repetition(root):
    shutil.copytree(root / FOLDER, root / "year=2021/month=11/day=23")
    (root / FOLDER / "part-1.parquet").symlink_to("../day=23/part-0.parquet")
    listing = Archive(str(root)).listing([NIGHT])
    assert len(listing.files) == 2
    assert not listing.repeated


def test_a_file_that_is_no_file_is_passed_over(root):
    os.mkfifo(root / FOLDER / "part-1.parquet")
    listing = Archive(str(root)).listing([NIGHT])
    assert len(listing.files) == 1
    assert listing.passed_over == (f"{FOLDER}/part-1.parquet",)
