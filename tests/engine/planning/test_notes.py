"""A plan's notes: nights without data, fields that are missing anywhere on their path, inputs of the rules."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.errors import ArchiveError

FIRST = dt.date(2021, 1, 1)


def write(root: Path, night: int, columns: dict, part: int = 0) -> None:
    folder = root / f"year=2021/month=01/day={night:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"objectId": ["ZTF21a"], "candid": [1], "candidate": [{"jd": 2459540.5}], **columns}
    pq.write_table(pa.table(columns), folder / f"part-{part}.parquet")


def notes(root: Path, where: str | None = None, nights: str = "2021-01-01:2021-01-04") -> list[str]:
    request = engine.TransferRequest(archive=str(root), nights=nights, where=where)
    return [note for note in engine.plan(request, settings=engine.Settings()).notes if "finkclass" not in note]


@pytest.fixture
def root(tmp_path) -> Path:
    """Four nights; in the last, one of two files lacks what the other has."""
    strings = pa.map_(pa.string(), pa.string())
    full = {
        "candidate": [{"jd": 1.0, "rms": 0.1, "deep": {"x": 1}}],
        "prv": [[{"jd": 1.0}]],
        "m": pa.array([[("key", "value")]], strings),
        "typed": ["text"],
    }
    write(tmp_path, 1, full)
    write(tmp_path, 2, {"candidate": [{"jd": 1.0, "deep": {"y": 1}}], "typed": pa.nulls(1)})
    write(tmp_path, 3, {"candidate": pa.array([{"jd": 1.0, "rms": None}]), "m": [{"key": "v"}], "prv": pa.nulls(1)})
    write(tmp_path, 4, full)
    write(tmp_path, 4, {}, part=1)
    return tmp_path


@pytest.mark.parametrize(
    ("leaf", "places"),
    [
        ("candidate.rms", "2 of 4 nights and in some files of 1 more"),
        ("candidate.deep.x", "2 of 4 nights and in some files of 1 more"),
        ("m.key", "1 of 4 nights and in some files of 1 more"),
        ("typed", "2 of 4 nights and in some files of 1 more"),
        ("size(prv)", "2 of 4 nights and in some files of 1 more"),
    ],
)
def test_a_leaf_that_is_missing_on_its_path_is_told(root, leaf, places):
    assert notes(root, f"{leaf} IS NOT NULL") == [f"{leaf} is missing in {places}: null there"]


def test_only_files_of_one_night(root):
    assert notes(root, "typed = 'text'", "2021-01-04") == [
        "typed is missing in some files of 1 of 1 nights: null there"
    ]


def test_what_is_everywhere_is_not_told(root):
    assert notes(root, "candidate.jd > 0 AND candid > 0 AND finkclass <> 'Star'") == []
    assert notes(root, "candidate.jd > 0", "2021-01-03:2021-01-07") == [
        "no data in 3 of the nights: 2021-01-05, 2021-01-06, 2021-01-07"
    ]


def test_missing_inputs_of_the_rules_are_told_once_with_the_labels_that_cannot_come(tmp_path, shared_archive):
    request = engine.TransferRequest(archive=shared_archive, nights="2019-09-01:2025-08-01")
    told = [note for note in engine.plan(request, settings=engine.Settings()).notes if "finkclass" in note]
    assert told == [
        "finkclass is computed without tracklet in 3 of 4 nights: no alert of them becomes Tracklet",
    ]
    write(tmp_path, 1, {"finkclass": ["Star"]})
    write(tmp_path, 2, {"finkclass": pa.nulls(1), "cdsxmatch": ["Star"], "roid": [3], "snn_sn_vs_all": [0.5]})
    write(tmp_path, 3, {"cdsxmatch": ["Star"], "roid": [3], "snn_sn_vs_all": [0.5]})
    request = engine.TransferRequest(archive=str(tmp_path), nights="2021-01-01:2021-01-03")
    (note,) = engine.plan(request, settings=engine.Settings()).notes
    assert "without mulens, snn_snia_vs_nonia, rf_snia_vs_nonia, rf_kn_vs_nonkn, tracklet, candidate.ndethist" in note
    assert "in 2 of 3 nights" in note
    assert note.endswith(
        "no alert of them becomes Microlensing candidate, SN candidate, Early SN Ia candidate, Kilonova candidate, "
        "Tracklet, Ambiguous"
    )


def described(root: Path, **changes: str) -> engine.TransferRequest:
    """Return a request for an archive of one night, with a survey of one's own whose description is changed."""
    write(root / "archive", 1, {"alertId": [1], "source": [{"mjd": 59215.5, "ra": 1.0, "dec": 2.0, "name": "x"}]})
    keys = {"name": "mine", "identifier": "alertId", "time": "source.mjd", "time_scale": "mjd_utc"}
    keys |= {"ra": "source.ra", "dec": "source.dec", "detection": "source"} | changes
    (root / "mine.yaml").write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    return engine.TransferRequest(archive=str(root / "archive"), nights="2021-01-01", survey=str(root / "mine.yaml"))


def test_a_description_that_fits_is_not_told(tmp_path):
    request = described(tmp_path, lightcurve="[source.ra]", history="[candidate]", object="source.name")
    assert engine.plan(request, settings=engine.Settings()).notes == ()


def test_what_a_description_names_and_no_file_has_is_told_with_its_keys(tmp_path):
    request = described(tmp_path, lightcurve="[source.ra, source.snrr]", stamps="[cutout]", band="source.filter")
    [note] = engine.plan(request, settings=engine.Settings()).notes
    assert all(named in note for named in ("source.snrr (lightcurve)", "cutout (stamps)", "source.filter (band)"))
    assert "source.ra" not in note


@pytest.mark.parametrize(
    ("key", "path", "said"),
    [
        ("identifier", "alertID", "no alertID"),
        ("identifier", "objectId", "objectId is string"),
        ("identifier", "source", "source is struct in"),
        ("time", "source.mjdTai", "no source.mjdTai"),
        ("time", "source.name", "source.name is string"),
    ],
)
def test_a_field_that_cannot_be_taken_is_told_with_its_key(tmp_path, key, path, said):
    with pytest.raises(ArchiveError, match=said) as caught:
        engine.plan(described(tmp_path, **{key: path}), settings=engine.Settings())
    assert f"{key} in the survey's description" in caught.value.next_step.replace(" as ", " ")
