"""A sample archive must be hard to tell from a real one, and its alerts must agree with themselves."""

import datetime
import gzip
import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.time import Time

from engine.errors import ArchiveError, InputError
from engine.sample import DEFAULT_NIGHTS, PROFILE_NAMES, SampleArchive, write_sample

NIGHTS = {
    "2019": datetime.date(2019, 9, 3),
    "2021": datetime.date(2021, 11, 22),
    "2022": datetime.date(2022, 8, 4),
    "2025": datetime.date(2025, 7, 31),
}
FOLDERS = {
    "2019": "year=2019/month=09/day=03",
    "2021": "year=2021/month=11/day=22",
    "2022": "year=2022/month=08/day=04",
    "2025": "year=2025/month=7/day=31",
}
YEARS = list(NIGHTS)
SPARK_YEARS = ["2019", "2021"]
PANDAS_YEARS = ["2022", "2025"]
ALERTS = 500


def read(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def parquet_files(root: str | Path) -> list[Path]:
    return sorted(Path(root).rglob("*.parquet"))


def everything_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Write a sample of one night for each year that differs."""
    directory = tmp_path_factory.mktemp("sample")
    yield write_sample(directory, nights=list(NIGHTS.values()), alerts_per_night=ALERTS, seed=7)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def files(sample) -> dict[str, Path]:
    return {year: parquet_files(Path(sample.archive) / FOLDERS[year])[0] for year in YEARS}


@pytest.fixture(scope="module")
def tables(files) -> dict[str, pa.Table]:
    return {year: read(path) for year, path in files.items()}


@pytest.fixture(scope="module")
def rows(tables) -> dict[str, list[dict]]:
    """Give the alerts without their stamps, as Python objects."""
    stamps = ["cutoutScience", "cutoutTemplate", "cutoutDifference"]
    return {year: table.drop_columns(stamps).to_pylist() for year, table in tables.items()}


# -- as a whole


def test_it_tells_what_it_wrote(sample):
    assert sample.num_alerts == 4 * ALERTS
    assert sample.num_files == len(parquet_files(sample.archive)) == 4
    assert sample.nights == ["2019-09-03", "2021-11-22", "2022-08-04", "2025-07-31"]
    assert Path(sample.archive).name == "science"


@pytest.mark.parametrize("year", YEARS)
def test_folders_are_padded_as_in_their_year(files, year):
    assert files[year].parent.as_posix().endswith(FOLDERS[year])


def test_file_names_are_those_of_the_writers(files):
    assert files["2022"].name == "part-00000.snappy.parquet"
    assert files["2025"].name == "part-00000.parquet"
    for year in SPARK_YEARS:
        assert files[year].match("part-00000-" + "[0-9a-f]" * 32 + ".c000.snappy.parquet")


@pytest.mark.parametrize("year", YEARS)
def test_an_alert_takes_as_much_room_as_a_real_one(files, tables, year):
    assert 40_000 < files[year].stat().st_size / ALERTS < 50_000
    assert 45_000 < tables[year].nbytes / ALERTS < 70_000


@pytest.mark.parametrize("year", YEARS)
def test_it_says_that_it_is_a_sample(files, year):
    metadata = pq.read_metadata(files[year]).metadata
    assert b"alert-transfer" in metadata[b"alert_transfer.sample"]


def test_default_nights_are_of_three_years(tmp_path):
    sample = write_sample(tmp_path, alerts_per_night=2)
    assert sample.nights == [night.isoformat() for night in DEFAULT_NIGHTS]
    assert len({night.year for night in DEFAULT_NIGHTS}) == 3
    schemas = {str(pq.read_schema(path).remove_metadata()) for path in parquet_files(sample.archive)}
    assert len(schemas) == 3


def test_progress_goes_up_to_the_total(tmp_path):
    calls: list[tuple[int, int]] = []
    nights = [NIGHTS["2019"], NIGHTS["2022"]]
    write_sample(tmp_path, nights=nights, alerts_per_night=30, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(30, 60), (60, 60)]


def test_large_nights_have_several_files_of_several_row_groups(tmp_path):
    sample = write_sample(tmp_path, nights=[NIGHTS["2021"]], alerts_per_night=12_001)
    metadata = [pq.read_metadata(path) for path in parquet_files(sample.archive)]
    candids = [read_column(path, "candid") for path in parquet_files(sample.archive)]
    shutil.rmtree(sample.archive)
    assert sample.num_files == len(metadata) == 2
    assert sum(file.num_rows for file in metadata) == 12_001
    sizes = [file.row_group(group).num_rows for file in metadata for group in range(file.num_row_groups)]
    assert max(sizes) <= 3_000
    assert max(sizes) - min(sizes) <= 1
    assert len(np.unique(np.concatenate(candids))) == 12_001


def read_column(path: Path, name: str) -> np.ndarray:
    return pq.read_table(path, columns=[name], partitioning=None)[name].to_numpy()


# -- schemas


def leaves_of(path: Path) -> list[tuple]:
    schema = pq.ParquetFile(path).schema
    columns = [schema.column(place) for place in range(len(schema))]
    return [(leaf.path, leaf.physical_type, leaf.max_definition_level, leaf.max_repetition_level) for leaf in columns]


@pytest.mark.parametrize("year", YEARS)
def test_schema_is_the_real_one_field_by_field(files, shared_archive, year):
    real = parquet_files(shared_archive / FOLDERS[year])[0]
    assert leaves_of(files[year]) == leaves_of(real)
    ours, theirs = (pq.read_schema(path).remove_metadata() for path in (files[year], real))
    assert ours.names == theirs.names
    for field in theirs:
        assert ours.field(field.name).equals(field), field.name
    assert ours.equals(theirs)


@pytest.mark.parametrize("year", YEARS)
def test_files_use_snappy(files, year):
    group = pq.read_metadata(files[year]).row_group(0)
    assert {group.column(place).compression for place in range(group.num_columns)} == {"SNAPPY"}


def test_the_years_disagree(tables):
    schema = {year: table.schema for year, table in tables.items()}
    candidate = {year: schema[year].field("candidate").type for year in YEARS}
    history = {year: schema[year].field("prv_candidates").type.value_type for year in YEARS}
    assert [candidate[year].field("magpsf").type for year in YEARS] == [pa.float32()] * 2 + [pa.float64()] * 2
    assert [candidate[year].field("fid").type for year in YEARS] == [pa.int32()] * 2 + [pa.int64()] * 2
    assert [history[year].field("candid").type for year in YEARS] == [pa.int64()] * 2 + [pa.float64()] * 2
    assert candidate["2021"].field(0).name == "jd"
    assert candidate["2022"].field(0).name == "aimage"
    assert [schema[year].field("timestamp").type.unit for year in YEARS] == ["ns", "ns", "us", "us"]
    assert [pa.types.is_map(schema[year].field("mangrove").type) for year in ("2019", "2021", "2025")] == [
        True,
        True,
        False,
    ]
    assert "mangrove" not in schema["2022"].names
    assert "tracklet" not in schema["2019"].names
    assert [schema[year].field("tracklet").type for year in YEARS[1:]] == [pa.string(), pa.null(), pa.null()]
    assert [name in schema["2025"].names for name in ("year", "month", "day", "blazar_stats", "mag_rate")] == [True] * 5
    assert not schema["2019"].field("publisher").nullable
    assert not schema["2021"].field("tns").nullable


def test_columns_of_the_night_are_the_night(tables):
    table = tables["2025"]
    assert [set(table[name].to_pylist()) for name in ("year", "month", "day")] == [{2025}, {7}, {31}]


@pytest.mark.parametrize(("year", "like"), [(2018, "2019"), (2020, "2019"), (2023, "2022"), (2024, "2025")])
def test_other_nights_look_like_the_nearest_year(tmp_path, tables, year, like):
    sample = write_sample(tmp_path, nights=[datetime.date(year, 10, 5)], alerts_per_night=3)
    assert read(parquet_files(sample.archive)[0]).schema.equals(tables[like].schema)


@pytest.mark.parametrize("year", YEARS)
def test_a_profile_holds_for_any_night(tmp_path, tables, year):
    sample = write_sample(tmp_path, nights=[datetime.date(2020, 3, 1)], alerts_per_night=3, profile=year)
    assert read(parquet_files(sample.archive)[0]).schema.equals(tables[year].schema)


def test_mixed_puts_all_schemas_into_each_night(tmp_path, tables):
    nights = [datetime.date(2020, 3, 1), datetime.date(2025, 3, 1)]
    sample = write_sample(tmp_path, nights=nights, alerts_per_night=41, profile="mixed")
    for folder in ("year=2020/month=03/day=01", "year=2025/month=3/day=1"):
        mixed = [read(path) for path in parquet_files(Path(sample.archive) / folder)]
        assert [table.schema.equals(tables[year].schema) for table, year in zip(mixed, YEARS, strict=True)] == [
            True
        ] * 4
        assert sum(table.num_rows for table in mixed) == 41
        assert len({candid for table in mixed for candid in table["candid"].to_pylist()}) == 41
    assert sample.num_files == 8


# -- the same again


def test_the_same_seed_gives_the_same_alerts_whatever_else_is_written(tmp_path, tables):
    again = write_sample(tmp_path / "again", nights=[NIGHTS["2025"]], alerts_per_night=ALERTS, seed=7)
    assert read(parquet_files(again.archive)[0]).equals(tables["2025"])


def test_another_seed_gives_other_alerts(tmp_path, tables):
    other = write_sample(tmp_path, nights=[NIGHTS["2025"]], alerts_per_night=ALERTS, seed=8)
    table = read(parquet_files(other.archive)[0])
    assert not set(table["candid"].to_pylist()) & set(tables["2025"]["candid"].to_pylist())


# -- alerts


@pytest.mark.parametrize("year", YEARS)
def test_identifiers_are_formed_as_the_survey_does(rows, year):
    for alert in rows[year]:
        candidate = alert["candidate"]
        assert alert["candid"] == candidate["candid"]
        assert candidate["candid"] // 1_000_000 == candidate["pid"]
        sign = {"t": 15, "f": 10}[candidate["isdiffpos"]]
        assert candidate["candid"] % 1_000_000 == sign * 1000 + candidate["tblid"]
        day = candidate["jd"] - 2457754.5
        assert candidate["nid"] == int(day)
        assert candidate["pid"] // 10_000 == int(day) * 100_000 + int(day % 1 * 100_000)
        assert candidate["pid"] % 10_000 == candidate["rcid"] * 100 + 15
        assert f"_{candidate['field']:06d}_z{'gri'[candidate['fid'] - 1]}_" in candidate["pdiffimfilename"]
        assert alert["objectId"].startswith("ZTF")
        assert len(alert["objectId"]) == 12
        assert alert["objectId"][5:].isalpha()
    candids = [alert["candid"] for alert in rows[year]]
    assert len(set(candids)) == ALERTS


@pytest.mark.parametrize("year", YEARS)
def test_alerts_are_of_their_night_and_of_the_survey_sky(rows, year):
    for alert in rows[year]:
        candidate = alert["candidate"]
        assert Time(candidate["jd"], format="jd").to_datetime().date() == NIGHTS[year]
        assert abs(alert["timestamp"] - Time(candidate["jd"], format="jd").to_datetime()) < datetime.timedelta(
            seconds=0.1
        )
        assert -30 < candidate["dec"] < 90
        assert 0 <= candidate["ra"] < 360
        assert 12.5 <= candidate["magpsf"] <= 21
        assert candidate["magfromlim"] == pytest.approx(candidate["diffmaglim"] - candidate["magap"], abs=1e-4)
        assert candidate["dsdiff"] == pytest.approx(candidate["dsnrms"] - candidate["ssnrms"], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("year", YEARS)
def test_history_comes_before_the_alert_and_agrees_with_it(rows, year):
    for alert in rows[year]:
        candidate, history = alert["candidate"], alert["prv_candidates"] or []
        detections = [epoch for epoch in history if epoch["magpsf"] is not None]
        times = [epoch["jd"] for epoch in history]
        assert times == sorted(times)
        assert all(candidate["jd"] - 32 < jd < candidate["jd"] for jd in times)
        assert alert["nalerthist"] == len(detections) + 1
        assert candidate["ndethist"] >= len(detections) + 1
        assert candidate["ncovhist"] >= len(history) + 1
        assert candidate["jdstarthist"] <= min(epoch["jd"] for epoch in [*detections, candidate])
        assert candidate["jdendhist"] == candidate["jd"]
        if alert["roid"] == 3:
            assert candidate["ndethist"] == len(detections) + 1
            assert all(epoch["nid"] == candidate["nid"] for epoch in detections)
        for epoch in detections:
            assert epoch["ra"] == pytest.approx(candidate["ra"], abs=0.01)
            assert epoch["dec"] == pytest.approx(candidate["dec"], abs=0.001)
            assert (epoch["rcid"], epoch["field"]) == (candidate["rcid"], candidate["field"])
            assert epoch["candid"] // 1_000_000 == pytest.approx(epoch["pid"], abs=1)


@pytest.mark.parametrize("year", YEARS)
def test_upper_limits_know_their_image_only(rows, year):
    limits = [epoch for alert in rows[year] for epoch in alert["prv_candidates"] or [] if epoch["magpsf"] is None]
    assert len(limits) > ALERTS
    known = {name for epoch in limits for name, value in epoch.items() if value is not None}
    assert known == {
        *("jd", "fid", "pid", "diffmaglim", "pdiffimfilename", "programpi", "programid", "nid", "rcid", "field"),
        *("magzpsci", "magzpsciunc", "magzpscirms", "clrcoeff", "clrcounc", "rbversion"),
    }


@pytest.mark.parametrize("year", SPARK_YEARS)
def test_an_object_s_later_alert_remembers_the_earlier(rows, year):
    earlier: dict[str, dict] = {}
    num_remembered = 0
    for alert in sorted(rows[year], key=lambda alert: alert["candidate"]["jd"]):
        before = earlier.get(alert["objectId"])
        if before is not None:
            epoch = next(epoch for epoch in alert["prv_candidates"] if epoch["candid"] == before["candid"])
            for name in ("jd", "fid", "magpsf", "sigmapsf", "ra", "dec", "diffmaglim", "rb"):
                assert epoch[name] == before["candidate"][name]
            assert epoch["isdiffpos"] == {"t": "1", "f": "0"}[before["candidate"]["isdiffpos"]]
            assert (alert["cdsxmatch"], alert["DR3Name"]) == (before["cdsxmatch"], before["DR3Name"])
            num_remembered += 1
        earlier[alert["objectId"]] = alert
    assert num_remembered > ALERTS / 20


@pytest.mark.parametrize("year", YEARS)
def test_nothing_is_null_in_candidate_but_catalogues_have_gaps(tables, year):
    candidate = tables[year]["candidate"].combine_chunks()
    for field in candidate.type:
        assert candidate.field(field.name).null_count == 0, field.name
    assert 0.2 < pc.mean(pc.equal(candidate.field("sgmag2"), -999)).as_py() < 0.6
    assert pc.mean(pc.equal(candidate.field("ssnamenr"), "null")).as_py() > 0.5


def test_what_is_not_known_is_nan_for_spark_and_null_for_pandas(tables):
    for year in SPARK_YEARS:
        assert tables[year]["Plx"].null_count == 0
        assert pc.sum(pc.is_nan(tables[year]["Plx"])).as_py() > ALERTS / 10
    for year in PANDAS_YEARS:
        assert tables[year]["Plx"].null_count > ALERTS / 10
        assert not pc.any(pc.is_nan(tables[year]["Plx"])).as_py()
    for year in YEARS:
        names = tables[year]["DR3Name"]
        missing = pc.invert(pc.is_finite(pc.fill_null(tables[year]["Plx"], float("nan"))))
        assert pc.equal(names, "nan").equals(missing)


@pytest.mark.parametrize("year", ["2019", "2025"])
def test_light_curve_features_are_those_of_the_light_curve(rows, year):
    num_checked = 0
    for alert in rows[year]:
        points = [*(alert["prv_candidates"] or []), alert["candidate"]]
        mags = [epoch["magpsf"] for epoch in points if epoch["fid"] == 2 and epoch["magpsf"] is not None]
        features = alert["lc_features_r"]
        if len(mags) >= 2:
            assert features["mean"] == pytest.approx(np.mean(mags), abs=1e-4)
            assert features["standard_deviation"] == pytest.approx(np.std(mags, ddof=1), abs=1e-4)
            assert features["amplitude"] == pytest.approx((max(mags) - min(mags)) / 2, abs=1e-4)
            num_checked += 1
        elif not mags:
            assert features["mean"] is None or np.isnan(features["mean"])
    assert num_checked > ALERTS / 4


# -- stamps


def image_of(stamp: bytes) -> np.ndarray:
    with fits.open(io.BytesIO(gzip.decompress(stamp))) as units:
        assert len(units) == 1
        assert units[0].header["BITPIX"] == -32
        return units[0].data.astype(np.float32)


@pytest.mark.parametrize("year", YEARS)
def test_stamps_are_images_that_belong_together(tables, year):
    names = {"cutoutScience": "_targ_sci", "cutoutTemplate": "_ref", "cutoutDifference": "_targ_"}
    for alert in tables[year].slice(0, 60).to_pylist():
        science, template, difference = (image_of(alert[name]["stampData"]) for name in names)
        assert science.shape == template.shape == difference.shape == (63, 63)
        change = science - template if alert["candidate"]["isdiffpos"] == "t" else template - science
        np.testing.assert_allclose(change, difference, atol=0.05, rtol=1e-4)
        for name, ending in names.items():
            assert alert[name]["fileName"].startswith(f"candid{alert['candid']}_")
            assert ending in alert[name]["fileName"]


def test_stamps_show_how_bright_the_source_is(tables):
    table = tables["2025"]
    mags = pc.struct_field(table["candidate"], "magpsf").to_numpy()
    stamps = pc.struct_field(table["cutoutDifference"], "stampData").to_pylist()
    centre = [image_of(stamp)[28:35, 28:35].sum() for stamp in stamps]
    bright, faint = (np.nanmedian(np.array(centre)[chosen]) for chosen in (mags < 17, mags > 19.5))
    assert bright > 5 * faint > 0


@pytest.mark.parametrize("year", YEARS)
def test_stamps_are_as_large_as_real_ones(tables, year):
    for name, low, high in (
        ("cutoutScience", 12_000, 14_000),
        ("cutoutTemplate", 11_500, 13_700),
        ("cutoutDifference", 13_500, 15_500),
    ):
        sizes = pc.binary_length(pc.struct_field(tables[year][name], "stampData"))
        assert low < pc.mean(sizes).as_py() < high


# -- classes

HOSTS = {
    *("Unknown", "SN", "Transient", "Fail", "Fail 504", "galaxy", "Galaxy", "EmG", "Seyfert", "Seyfert_1"),
    *("Seyfert_2", "GinCl", "LINER"),
}


def label_of(alert: dict) -> str:
    """Apply the broker's rules to one alert, as they are told, one after the other."""
    candidate, simbad_type = alert["candidate"], alert["cdsxmatch"]
    age_days = candidate["jd"] - candidate["jdstarthist"]
    host = simbad_type in HOSTS
    simbad = simbad_type not in ("Unknown", "Transient") and not simbad_type.startswith(("Fail", "Galaxy"))
    clean = candidate["drb"] > 0.5 and candidate["classtar"] > 0.4
    supernova = (alert["snn_snia_vs_nonia"] > 0.5 or alert["snn_sn_vs_all"] > 0.5) and host and clean
    sn = supernova and age_days <= 90 and candidate["ndethist"] > 1 and alert["roid"] != 3
    early_sn = supernova and candidate["ndethist"] <= 20 and alert["rf_snia_vs_nonia"] > 0.5
    young = age_days < 5 and candidate["ndethist"] < 20
    kilonova = alert["rf_kn_vs_nonkn"] > 0.5 and clean and young and alert["roid"] != 3 and host
    microlensing = alert["mulens"] is not None and alert["mulens"] > 0
    if simbad:
        return "(SIMBAD)"
    if microlensing + sn + (alert["roid"] == 2) + (alert["roid"] == 3) > 1:
        return "Ambiguous"
    if alert["roid"] == 3:
        return "Solar System MPC"
    if (alert.get("tracklet") or "").startswith("TRCK_"):
        return "Tracklet"
    if alert["roid"] == 2:
        return "Solar System candidate"
    if kilonova:
        return "Kilonova candidate"
    if early_sn:
        return "Early SN Ia candidate"
    if sn:
        return "SN candidate"
    return "Microlensing candidate" if microlensing else "Unknown"


@pytest.mark.parametrize("year", YEARS)
def test_every_class_appears_with_a_plausible_share(tmp_path, year):
    sample = write_sample(tmp_path, nights=[NIGHTS[year]], alerts_per_night=3_000, seed=1)
    table = read(parquet_files(sample.archive)[0])
    shutil.rmtree(sample.archive)
    names = ["cdsxmatch", "roid", "mulens", "snn_snia_vs_nonia", "snn_sn_vs_all", "rf_snia_vs_nonia", "rf_kn_vs_nonkn"]
    labels = [
        label_of(alert)
        for alert in table.select([*names, "candidate", *({"tracklet"} & {*table.column_names})]).to_pylist()
    ]
    share = {label: labels.count(label) / len(labels) for label in set(labels)}
    # Only one of the years knows of tracklets.
    assert ("Tracklet" in share) == (year == "2021")
    assert {*share} - {"Tracklet"} == {
        *("(SIMBAD)", "Ambiguous", "Early SN Ia candidate", "Kilonova candidate", "Microlensing candidate"),
        *("SN candidate", "Solar System candidate", "Solar System MPC", "Unknown"),
    }
    assert 0.18 < share["Solar System MPC"] < 0.3
    assert 0.35 < share["(SIMBAD)"] < 0.6
    assert 0.01 < share["SN candidate"] < 0.1
    assert share["Kilonova candidate"] < 0.02
    assert len(set(table["cdsxmatch"].to_pylist())) > 20


# -- refusals


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"nights": []}, "no nights"),
        ({"nights": [datetime.date(2017, 1, 1)]}, "2017-01-01"),
        ({"nights": [datetime.date(2099, 1, 1)]}, "2099-01-01"),
        ({"nights": ["22.11.2021"]}, "'22.11.2021'"),
        ({"nights": "2017-01:2021-12"}, "2017-01-01"),
        ({"nights": [datetime.datetime(2021, 11, 22, 3)]}, "2021-11-22T03"),
        ({"alerts_per_night": 2.5}, "2.5"),
        ({"alerts_per_night": 0}, "0 alerts"),
        ({"alerts_per_night": 1_000_001}, "1000001 alerts"),
        ({"seed": -1}, "-1"),
        ({"profile": "2020"}, "'2020'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, arguments, said):
    with pytest.raises(InputError, match=said) as caught:
        write_sample(tmp_path / "new", **arguments)
    assert caught.value.accepted
    assert caught.value.next_step
    assert everything_in(tmp_path) == []


def test_too_many_alerts_for_the_disk_are_refused(tmp_path):
    nights = [datetime.date(2019, 1, 1) + datetime.timedelta(days=day) for day in range(2000)]
    if shutil.disk_usage(tmp_path).free > 2000 * 1_000_000 * 50_000:
        pytest.skip("this disk holds 100 TB")
    with pytest.raises(InputError, match="GB") as caught:
        write_sample(tmp_path, nights=nights, alerts_per_night=1_000_000)
    assert caught.value.next_step
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("place", ["science/year=2021/month=11/day=22", "science/notes", "year=2021"])
def test_a_directory_with_an_archive_is_refused_and_left_alone(tmp_path, place):
    (tmp_path / place).mkdir(parents=True)
    before = everything_in(tmp_path)
    with pytest.raises(ArchiveError, match="already") as caught:
        write_sample(tmp_path, nights=[NIGHTS["2021"]], alerts_per_night=1)
    assert caught.value.next_step
    assert everything_in(tmp_path) == before


def test_an_empty_science_folder_is_filled(tmp_path):
    (tmp_path / "science").mkdir()
    sample = write_sample(tmp_path, nights=[NIGHTS["2021"]], alerts_per_night=1)
    assert isinstance(sample, SampleArchive)
    assert len(parquet_files(sample.archive)) == 1


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        write_sample(tmp_path / "file", nights=[NIGHTS["2021"]], alerts_per_night=1)


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, nights=list(NIGHTS.values()), alerts_per_night=20, progress=interrupt)
    assert everything_in(tmp_path) == []


def test_nights_given_twice_are_written_once(tmp_path):
    sample = write_sample(tmp_path, nights=[NIGHTS["2021"], NIGHTS["2019"], NIGHTS["2021"]], alerts_per_night=1)
    assert sample.nights == ["2019-09-03", "2021-11-22"]
    assert sample.num_alerts == 2


def test_profiles_are_the_years_and_mixed():
    assert list(PROFILE_NAMES) == [*YEARS, "mixed"]
