"""Alerts of other surveys, real and simulated, all the way: from an archive into Parquet, proved complete."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from astropy.time import Time

import consumer
import engine
from engine.errors import RequestError
from tests.elasticc import SURVEY


def archive_of(table: pa.Table, mjd_tai: pa.Array, root: Path) -> tuple[str, list[str]]:
    """Write alerts to the folders of their UTC nights; return the archive and its nights."""
    dates = [text[:10] for text in Time(mjd_tai.to_numpy(), format="mjd", scale="tai").utc.isot]
    for date in sorted(set(dates)):
        year, month, day = date.split("-")
        folder = root / f"year={year}/month={month}/day={day}"
        folder.mkdir(parents=True)
        pq.write_table(table.filter(pa.array([found == date for found in dates])), folder / "part-0.parquet")
    return str(root), sorted(set(dates))


def leaf(table: pa.Table, struct: str, name: str) -> pa.Array:
    return pc.struct_field(table[struct].combine_chunks(), name)


@pytest.fixture(scope="module")
def lsst(shared_surveys) -> pa.Table:
    table = pq.read_table(shared_surveys / "lsst-part-00000.snappy.parquet")
    # The first alert is moved to 20 s after TAI's midnight, which is 17 s before UTC's: another night.
    source = table["diaSource"].combine_chunks()
    times = leaf(table, "diaSource", "midpointMjdTai").to_pylist()
    times[0] = 61041 + 20 / 86_400
    fields = list(source.type)
    arrays = [pa.array(times) if f.name == "midpointMjdTai" else pc.struct_field(source, f.name) for f in fields]
    moved = pa.StructArray.from_arrays(arrays, fields=fields)
    return table.set_column(table.schema.get_field_index("diaSource"), "diaSource", moved)


@pytest.fixture(scope="module")
def archive(lsst, tmp_path_factory) -> tuple[str, list[str]]:
    return archive_of(lsst, leaf(lsst, "diaSource", "midpointMjdTai"), tmp_path_factory.mktemp("lsst") / "archive")


@pytest.mark.parametrize("schema", ["today's", "older"])
def test_lsst_the_whole_way(lsst, kafka, dask_client, tmp_path, schema):
    table = lsst if schema == "today's" else lsst.drop(["diaSourceId", "diaObject"])
    archive, nights = archive_of(table, leaf(lsst, "diaSource", "midpointMjdTai"), tmp_path / "archive")
    assert nights == ["2025-12-31", "2026-01-01"]
    job = engine.submit(
        engine.TransferRequest(archive=archive, nights="2025-12:2026-01", survey="lsst"),
        client=dask_client,
        kafka=kafka,
    )
    assert job.wait().state == "complete"
    assert job.topic.startswith("ftransfer_lsst_")
    receipt = job.receipt()
    assert (receipt.complete, receipt.wire_version) == (True, 2)
    out = tmp_path / "out"
    fetched = consumer.consume(job.topic, out, kafka=kafka)
    assert (fetched.complete, fetched.num_alerts) == (True, 27)
    assert consumer.verify(out).complete
    found = {str(path.parent.relative_to(out)): pq.ParquetFile(path).read() for path in out.rglob("*.parquet")}
    assert {folder: len(rows) for folder, rows in found.items()} == {
        "year=2025/month=12/day=31": 1,
        "year=2026/month=01/day=01": 26,
    }
    frame = pd.read_parquet(out).set_index("diaSourceId").sort_index()
    assert frame["diaObjectId"].dtype == "Int64"
    of_source = dict(
        zip(leaf(lsst, "diaSource", "diaSourceId").to_pylist(), lsst["diaSource"].to_pylist(), strict=True)
    )
    objects = dict(zip(of_source, leaf(lsst, "diaObject", "diaObjectId").to_pylist(), strict=True))
    for identifier, row in frame.iterrows():
        source = of_source[identifier]
        expected = objects[identifier] if schema == "today's" else source["diaObjectId"]
        assert (None if row["diaObjectId"] is pd.NA else row["diaObjectId"]) == expected
        assert (row["midpointMjdTai"], row["band"], row["psfFlux"]) == tuple(
            source[name] for name in ("midpointMjdTai", "band", "psfFlux")
        )
    assert "xm" in frame.columns
    assert not {"diaSource", "prvDiaSources", "cutoutScience", "finkclass"} & set(frame.columns)


@pytest.mark.parametrize("content", ["cutouts", "medium", "full"])
def test_each_content_of_lsst_has_what_an_alert_is_known_by(lsst, archive, content):
    request = engine.TransferRequest(archive=archive[0], nights=archive[1], survey="lsst", content=content)
    found = engine.preview(request, limit=100)
    assert len(found) == 27
    for name in ("diaSourceId", "midpointMjdTai", "band"):
        values = found[name] if content == "cutouts" else leaf(found, "diaSource", name)
        assert values.to_pylist() == leaf(lsst, "diaSource", name).to_pylist()
    objects = found["diaObjectId"] if content == "cutouts" else leaf(found, "diaObject", "diaObjectId")
    assert objects.to_pylist() == leaf(lsst, "diaObject", "diaObjectId").to_pylist()
    assert ("cutoutScience" in found.column_names) == (content != "medium")


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("diaSource.psfFlux > 1350", lambda alert: alert["diaSource"]["psfFlux"] > 1350),
        ("diaObject.nDiaSources > 0", lambda alert: (alert["diaObject"] or {"nDiaSources": 0})["nDiaSources"] > 0),
        ("diaSource.band = 'i'", lambda alert: alert["diaSource"]["band"] == "i"),
        (
            "31.4 - 2.5 * LOG10(diaSource.scienceFlux) < 21",
            lambda alert: alert["diaSource"]["scienceFlux"] > 10 ** (10.4 / 2.5),
        ),
        (
            "2.5 * LOG10(diaSource.psfFlux / diaSource.templateFlux) > 0.5",
            lambda alert: alert["diaSource"]["psfFlux"] / alert["diaSource"]["templateFlux"] > 10**0.2,
        ),
        ("clf.snnSnVsOthers_score > 0.719", lambda alert: alert["clf"]["snnSnVsOthers_score"] > 0.719),
        ("xm.tns_type IN ('SN Ia', 'SN II')", lambda alert: alert["xm"]["tns_type"] in ("SN Ia", "SN II")),
        ("pred.is_cataloged", lambda alert: alert["pred"]["is_cataloged"]),
    ],
)
def test_the_conditions_of_the_service(lsst, archive, where, holds):
    request = engine.TransferRequest(archive=archive[0], nights=archive[1], survey="lsst", where=f"{where};")
    expected = [alert["diaSourceId"] for alert in lsst.to_pylist() if holds(alert)]
    assert engine.preview(request, limit=100)["diaSourceId"].to_pylist() == expected


def test_nights_of_both_schemas_together(lsst, tmp_path):
    archive = tmp_path / "archive"
    for day, table in ((1, lsst.drop(["diaSourceId", "diaObject"])), (2, lsst)):
        folder = archive / f"year=2026/month=01/day={day:02d}"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part-0.parquet")
    found = engine.preview(engine.TransferRequest(archive=archive, nights="2026-01", survey="lsst"), limit=100)
    assert found["diaSourceId"].to_pylist() == lsst["diaSourceId"].to_pylist() * 2
    assert found["diaObjectId"].to_pylist() == leaf(lsst, "diaSource", "diaObjectId").to_pylist() * 2


def test_classes_stand_where_the_survey_names_them(lsst, archive):
    def num(**changes) -> int:
        request = engine.TransferRequest(archive=archive[0], nights=archive[1], survey="lsst", **changes)
        return len(engine.preview(request, limit=100))

    assert num(classes=["pred.is_sso"]) == 3
    assert num(exclude_classes=["pred.is_sso"]) == 24
    assert num(classes=["clf.cats_class=-1"]) == leaf(lsst, "clf", "cats_class").to_pylist().count(-1)
    assert num(classes=["(TNS) SN Ia", "(SIMBAD) RRLyrae"]) == 0
    with pytest.raises(RequestError, match=r"clf\.snnSnVsOthers_score") as caught:
        num(classes=["clf.snnSnVsOthers_score"])
    assert "where=" in caught.value.next_step


def test_a_survey_of_ones_own_the_whole_way(shared_surveys, kafka, dask_client, tmp_path):
    table = pq.read_table(shared_surveys / "elasticc-part-00000.parquet")
    times = leaf(table, "diaSource", "midPointTai")
    archive, nights = archive_of(table, times, tmp_path / "archive")
    described = tmp_path / "survey.yaml"
    described.write_text(SURVEY)
    request = engine.TransferRequest(
        archive=archive, nights=nights, survey=described, where="snn_snia_vs_nonia > 0.5; diaSource.psFlux > 0"
    )
    expected = [
        alert["alertId"]
        for alert in table.select(["alertId", "snn_snia_vs_nonia", "diaSource"]).to_pylist()
        if alert["snn_snia_vs_nonia"] > 0.5 and alert["diaSource"]["psFlux"] > 0
    ]
    assert expected
    assert sorted(engine.preview(request, limit=1000)["alertId"].to_pylist()) == sorted(expected)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    described.unlink()  # workers, and the user who resumes the job, have no such file
    assert job.wait().state == "complete"
    assert job.topic.startswith("ftransfer_elasticc_")
    fetched = consumer.consume(job.topic, tmp_path / "out", kafka=kafka)
    assert (fetched.complete, fetched.num_alerts) == (True, len(expected))
    found = ds.dataset(tmp_path / "out", partitioning="hive").to_table()
    assert sorted(found["alertId"].to_pylist()) == sorted(expected)
    for row in found.to_pylist():
        date = Time(row["midPointTai"], format="mjd", scale="tai").utc.datetime.date()
        assert (row["year"], row["month"], row["day"]) == (date.year, date.month, date.day)
    assert {"diaObjectId", "filterName", "psFlux", "snr"} <= set(found.column_names)
