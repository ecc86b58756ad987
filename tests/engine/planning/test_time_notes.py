"""Times outside the nights of a survey of one's own: the plan tells them from the footers, and what was meant."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.archive import Archive

NIGHTS = [dt.date(2021, 11, 22), dt.date(2021, 11, 23)]
MJD = {night: night.toordinal() - dt.date(1858, 11, 17).toordinal() + 0.25 for night in NIGHTS}
SURVEY = {"name": "mine", "identifier": "id", "time": "source.t", "ra": "source.ra", "dec": "source.dec"}


def write(root: Path, times: dict[dt.date, list], **options) -> None:
    for night, values in times.items():
        folder = root / f"year={night.year}/month={night.month}/day={night.day}"
        folder.mkdir(parents=True, exist_ok=True)
        source = [{"t": value, "ra": 1.0, "dec": 2.0} for value in values]
        pq.write_table(pa.table({"id": range(len(values)), "source": source}), folder / "part-0.parquet", **options)


def time_notes(tmp_path: Path, time_scale: str) -> list[str]:
    path = tmp_path / "survey.yaml"
    path.write_text(json.dumps(SURVEY | {"time_scale": time_scale}))
    request = engine.TransferRequest(archive=tmp_path / "archive", nights="2021-11-22:2021-11-23", survey=str(path))
    return [note for note in engine.plan(request, settings=engine.Settings()).notes if "source.t" in note]


@pytest.mark.parametrize("time_scale", ["mjd_utc", "mjd_tai"])
def test_times_in_their_nights_are_not_told(tmp_path, time_scale):
    write(tmp_path / "archive", {night: [mjd, mjd + 1, None] for night, mjd in MJD.items()})
    assert time_notes(tmp_path, time_scale) == []


def test_a_wrong_time_scale_is_told_with_the_right_ones(tmp_path, monkeypatch):
    def read(*_):
        raise AssertionError("the plan read alerts")

    monkeypatch.setattr(Archive, "read_leaves", read)
    write(tmp_path / "archive", {night: [mjd] * 5 for night, mjd in MJD.items()}, row_group_size=2)
    (note,) = time_notes(tmp_path, "jd_utc")
    assert note.startswith("2 of 2 files have times outside their nights")
    for told in ("no date", "2021-11-22", "time_scale", "mjd_utc or mjd_tai"):
        assert told in note


def test_a_wrong_unit_is_told_with_the_date_that_it_gives(tmp_path):
    write(tmp_path / "archive", {NIGHTS[0]: [MJD[NIGHTS[0]]], NIGHTS[1]: [MJD[NIGHTS[1]] * 24]})
    (note,) = time_notes(tmp_path, "mjd_utc")
    assert note.startswith("1 of 2 files has times outside its night")
    assert "in the night 2021-11-23" in note
    assert "read as" in note
    assert "they lie in them" not in note


def test_files_without_statistics_tell_nothing(tmp_path):
    write(tmp_path / "archive", {NIGHTS[0]: [1.0]}, write_statistics=False)
    assert time_notes(tmp_path, "mjd_utc") == []
