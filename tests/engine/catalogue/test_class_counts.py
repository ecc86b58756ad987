"""What the alerts of files are: classes, bounds and coverage; counted, and told only where they are surely known."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

import engine
from engine.surveys import survey_named
from tests.engine.catalogue.archives import alerts, files_of, indexed, night, opened, write

ZTF = survey_named("ztf")
NIGHTS = [night("2021-11-22"), night("2021-11-23"), night("2022-01-01")]


def rows(root) -> dict[str, dict]:
    """Return file -> its row in the catalogue."""
    found = root.with_name("science.catalogue").glob("files-*")
    return {row["path"]: row for part in found for row in pq.read_table(part).to_pylist()}


def test_labels_are_counted_where_files_have_them_and_computed_where_they_lack_them(root):
    indexed(root)
    counts = opened(root).class_counts(ZTF, NIGHTS)
    assert list(counts) == NIGHTS
    assert counts[NIGHTS[1]]["finkclass"] == {"SN candidate": 2, "Unknown": 2, "RRLyr": 2}  # two have null
    assert counts[NIGHTS[1]]["cdsxmatch"] == {"Star": 4, "Unknown": 4}
    of_file = Counter({"SN candidate": 3, "Unknown": 3, "RRLyr": 2})
    computed = Counter({"Star": 3, "Unknown": 3})  # Fink's rules on no more than cdsxmatch
    assert counts[NIGHTS[0]]["finkclass"] == dict((of_file + computed).most_common())
    assert "tnsclass" not in counts[NIGHTS[0]]
    assert counts[NIGHTS[0]]["tns"] == {}


def test_counts_of_a_sample_are_those_of_its_alerts(tmp_path):
    made = engine.write_sample(tmp_path, nights=["2021-11-22", "2025-07-31"], alerts_per_night=60, seed=2)
    indexed(made.archive)
    counts = opened(made.archive).class_counts(ZTF, [night(text) for text in made.nights])
    for file in files_of(made.archive):
        table = pq.ParquetFile(file.path).read()
        for column in {"finkclass", "cdsxmatch"} & set(table.column_names):
            expected = {item["values"]: item["counts"] for item in pc.value_counts(table[column]).to_pylist()}
            assert counts[file.night][column] == {label: n for label, n in expected.items() if label is not None}


def test_a_night_that_has_changed_has_no_counts(root):
    indexed(root)
    write(root, "2021-11-22", "c", alerts(40, 3))
    changed = write(root, "2021-11-23", "a", alerts(40, 3))
    assert list(opened(root).class_counts(ZTF, NIGHTS)) == [NIGHTS[2]]
    assert list(opened(root).class_counts(ZTF, NIGHTS[:2])) == []
    changed.unlink()
    files = [file for file in files_of(root) if file.path.endswith("22/a.parquet")]
    assert list(opened(root).class_counts(ZTF, NIGHTS, files=files)) == NIGHTS[:1]  # what a listing has found counts


def test_tnsclass_is_known_with_the_catalogue_that_it_was_computed_with(root, tmp_path):
    catalogues = [str(tmp_path / name) for name in ("one.parquet", "two.parquet")]
    for path, type_ in zip(catalogues, ("SN Ia", "SN II"), strict=True):
        pq.write_table(pa.table({"ra": [10.0, 11.0][: len(type_) - 4], "declination": [-20.0], "type": [type_]}), path)
    indexed(root, tns_catalogue=catalogues[0])
    first = opened(root, tns_catalogue=catalogues[0]).class_counts(ZTF, NIGHTS)
    assert first[NIGHTS[0]]["tnsclass"] == {"(TNS) SN Ia": 16}
    assert first[NIGHTS[1]]["tnsclass"] == {"Unknown": 8}
    for other in ({}, {"tns_catalogue": catalogues[1]}, {"tns_catalogue": "gone.parquet"}):
        assert "tnsclass" not in opened(root, **other).class_counts(ZTF, NIGHTS)[NIGHTS[0]]
    assert indexed(root).num_read == 0
    assert indexed(root, tns_catalogue=catalogues[1]).num_read == 4
    second = opened(root, tns_catalogue=catalogues[1]).class_counts(ZTF, NIGHTS)
    assert second[NIGHTS[0]]["tnsclass"] == {"(TNS) SN II": 16}


def test_another_survey_counts_other_labels(root):
    indexed(root)
    assert opened(root).class_counts(survey_named("lsst"), NIGHTS) == {}


def test_flags_and_nested_labels_are_counted(tmp_path, shared_surveys):
    root = tmp_path / "science"
    path = root / "year=2026/month=02/day=01/a.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes((shared_surveys / "lsst-part-00000.snappy.parquet").read_bytes())
    indexed(root, survey="lsst")
    table = pq.ParquetFile(path).read().flatten()
    (counts,) = opened(root).class_counts(survey_named("lsst"), [night("2026-02-01")]).values()
    assert counts["pred.is_sso"] == {
        str(value).lower(): n for value, n in Counter(table["pred.is_sso"].to_pylist()).most_common()
    }
    types = Counter(filter(None, table["xm.simbad_otype"].to_pylist()))
    assert counts["xm.simbad_otype"] == dict(types.most_common())


def test_a_column_of_names_is_not_counted(root, monkeypatch):
    monkeypatch.setattr("engine.catalogue.measuring.MOST_LABELS", 2)
    indexed(root)
    counts = opened(root).class_counts(ZTF, NIGHTS)
    assert "cdsxmatch" in counts[NIGHTS[1]]
    assert "finkclass" not in counts[NIGHTS[1]]


@pytest.mark.parametrize("ra", [0.0, 359.999, 180.0])
def test_bounds_and_coverage_are_those_of_the_alerts(root, ra):
    nowhere = {"jd": None, "magpsf": float("nan"), "ra": None, "dec": 95.0}
    odd = pa.concat_tables([alerts(0, 9, ra=ra)])
    candidate = pa.array([*odd["candidate"].to_pylist()[:-1], nowhere], odd["candidate"].type)
    write(root, "2022-01-02", "odd", odd.set_column(2, "candidate", candidate))
    indexed(root)
    row = rows(root)["year=2022/month=01/day=02/odd.parquet"]
    assert (row["time_min"], row["time_max"]) == (2459540.5, 2459540.5 + 7 / 1000)
    assert (row["brightness_min"], row["brightness_max"]) == (15.0, 19.0)
    assert (row["ra_min"], row["ra_max"], row["dec_min"], row["dec_max"]) == (ra, ra, -20.0, 95.0)
    (cell,) = row["sky"]
    centre = HEALPix(nside=64, order="nested", frame="icrs").healpix_to_skycoord(cell)
    assert centre.separation(SkyCoord(ra, -20.0, unit="deg")).deg < 0.92  # no point of a cell is farther off
    assert row["num_alerts"] == 9
