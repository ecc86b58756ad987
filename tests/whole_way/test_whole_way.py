"""Real alerts the whole way: Parquet, dask-sql on a cluster of processes, Avro, a real Kafka, the consumer, Parquet.

What arrives is compared, field by field, with the source as pyarrow reads it and with the rules written down here a
second time in plain Python; and with what fastavro decodes of the messages.
"""

import datetime as dt
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import consumer
import engine

NIGHTS = ["2019-09-03", "2021-11-22", "2022-08-04", "2025-07-31"]
CANDIDATE = ["magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr"]
STAMPS = ["cutoutScience", "cutoutTemplate", "cutoutDifference"]

# The three examples of the service's announcement, as its users type them.
EXAMPLE_1 = """-- Example 1
-- Alerts with magnitude above 19.5 and
-- at least 2'' distance away to nearest
-- source in ZTF reference images:
candidate.magpsf > 19.5;
candidate.distnr > 2;
"""
EXAMPLE_2 = """-- Example 2: Using a combination of fields
(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2);
"""
EXAMPLE_3 = """-- Example 3: Filtering on ML scores
rf_snia_vs_nonia > 0.5;
snn_snia_vs_nonia > 0.5;
"""


def source_alerts(archive: Path) -> dict[int, dict[str, Any]]:
    """Return every alert of the archive by its candid, as pyarrow reads it; maps as dicts."""
    found = {}
    for file in sorted(archive.rglob("*.parquet")):
        for alert in pq.ParquetFile(file).read().to_pylist(maps_as_pydicts="strict"):
            found[alert["candid"]] = alert
    return found


def as_sent(value: Any, type_: pa.DataType) -> Any:
    """Return a source value as the wire contract has it: text for times, the union's integers, maps as dicts."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
        return text.rstrip("0").rstrip(".")
    if pa.types.is_struct(type_):
        return {field.name: as_sent(value.get(field.name), field.type) for field in type_}
    if pa.types.is_map(type_):
        return {key: as_sent(item, type_.item_type) for key, item in value.items()}
    if pa.types.is_list(type_):
        return [as_sent(item, type_.value_type) for item in value]
    if pa.types.is_integer(type_) and isinstance(value, float):
        return None if math.isnan(value) else int(value)
    return value


def comparable(value: Any) -> Any:
    """Return a value that equals itself although it holds NaN."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def finkclass(alert: dict[str, Any]) -> str:
    """Return the label that the rules give one alert; written a second time, row by row."""
    hosts = [
        *(
            "Unknown",
            "Candidate_SN*",
            "SN*_Candidate",
            "SN",
            "Transient",
            "Fail",
            "Fail 504",
            "galaxy",
            "Galaxy",
            "EmG",
        ),
        *("Seyfert", "Seyfert_1", "Seyfert_2", "BlueCompG", "StarburstG", "LSB_G", "HII_G", "High_z_G", "GinPair"),
        *("GinGroup", "BClG", "GinCl", "PartofG", "Compact_Gr_G", "IG", "PairG", "GroupG", "ClG", "SuperClG", "Void"),
        *("LINER", "Possible_ClG", "Possible_SClG", "GravLens_Candidate"),
    ]
    candidate, cds = alert["candidate"], alert["cdsxmatch"]

    def above(value: float | None, bound: float) -> bool:
        return value is not None and value > bound

    snn = above(alert["snn_snia_vs_nonia"], 0.5) or above(alert["snn_sn_vs_all"], 0.5)
    real = cds in hosts and above(candidate["drb"], 0.5) and above(candidate["classtar"], 0.4)
    age, n = candidate["jd"] - candidate["jdstarthist"], candidate["ndethist"]
    flags = {
        "Microlensing candidate": above(alert["mulens"], 0),
        "SN candidate": snn and real and age <= 90 and n > 1 and alert["roid"] != 3,
        "Early SN Ia candidate": snn and real and n <= 20 and above(alert["rf_snia_vs_nonia"], 0.5),
        "Kilonova candidate": real
        and above(alert["rf_kn_vs_nonkn"], 0.5)
        and age < 5
        and n < 20
        and alert["roid"] != 3,
        "Solar System candidate": alert["roid"] == 2,
        "Tracklet": (alert.get("tracklet") or "").startswith("TRCK_"),
        "Solar System MPC": alert["roid"] == 3,
    }
    label = next((name for name, holds in reversed(flags.items()) if holds), "Unknown")
    exclusive = ["Microlensing candidate", "SN candidate", "Solar System candidate", "Solar System MPC"]
    if sum(flags[name] for name in exclusive) > 1:
        label = "Ambiguous"
    if cds not in ("Unknown", "Transient") and not re.match("Fail|Galaxy", cds):
        label = cds
    return label


def expected(archive: Path, schema: pa.Schema, selected: Callable[[dict], bool]) -> dict[int, dict[str, Any]]:
    """Return what must arrive, by candid, for the columns of `schema`."""
    rows = {}
    for candid, alert in source_alerts(archive).items():
        if not selected(alert):
            continue
        classes = {"finkclass": finkclass(alert), "tnsclass": "Unknown"}
        row = {}
        for field in schema:
            lifted = field.name in CANDIDATE and field.name not in alert
            value = alert["candidate"].get(field.name) if lifted else alert.get(field.name)
            row[field.name] = comparable(as_sent(classes.get(field.name, value), field.type))
        rows[candid] = row
    return rows


def on_disk(folder: Path) -> tuple[pa.Schema, dict[int, dict[str, Any]]]:
    """Return the schema and the rows, by candid, of every file below a folder; the files' own columns only."""
    files = sorted(folder.rglob("*.parquet"))
    tables = [pq.ParquetFile(file).read() for file in files]
    assert len({table.schema.remove_metadata() for table in tables}) == 1, "one schema in all files"
    rows = [row for table in tables for row in table.to_pylist(maps_as_pydicts="strict")]
    found = {row["candid"]: comparable(row) for row in rows}
    assert len(found) == len(rows), "no row twice"
    return tables[0].schema, found


def on_the_wire(job: engine.Job) -> dict[int, dict[str, Any]]:
    """Return what fastavro decodes of the topic's messages, with the schema from the schema topic."""
    settings = {
        "bootstrap.servers": job.kafka.bootstrap,
        "group.id": f"test-{job.topic}",
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,  # else each question for an end waits for a fetch
    }
    reader = confluent_kafka.Consumer(settings)
    try:
        reader.assign([confluent_kafka.TopicPartition(f"{job.topic}_schema", 0, 0)])
        schema = fastavro.parse_schema(json.loads(reader.poll(10).key()))
        partitions = [confluent_kafka.TopicPartition(job.topic, p, 0) for p in range(10)]
        ends = sum(reader.get_watermark_offsets(p)[1] for p in partitions)
        reader.assign(partitions)
        messages = reader.consume(ends, timeout=150) if ends else []
        assert len(messages) == ends
    finally:
        reader.close()
    rows = [fastavro.schemaless_reader(io.BytesIO(message.value()), schema, None) for message in messages]
    return {row["candid"]: comparable(row) for row in rows}


@pytest.mark.parametrize("content", ["lightcurve", "cutouts", "medium", "full", "fields"])
@pytest.mark.parametrize("partitionby", ["none", "time"])
def test_every_field_of_every_content(shared_archive, kafka, dask_client, tmp_path, content, partitionby):
    fields = ["candidate.magpsf", "candidate.fid", "mangrove", "prv_candidates"] if content == "fields" else []
    request = engine.TransferRequest(archive=shared_archive, nights=NIGHTS, content=content, fields=fields)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().state == "complete"
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby=partitionby)
    assert (result.num_alerts, result.complete, result.num_duplicates) == (106, True, 0)
    schema, rows = on_disk(tmp_path / "out")
    assert rows == expected(shared_archive, schema, lambda alert: True)
    if partitionby == "none":
        wire = on_the_wire(job)
        assert {c: {k: v for k, v in row.items() if k in schema.names} for c, row in wire.items()} == rows
    assert consumer.verify(tmp_path / "out").complete


@pytest.mark.parametrize(
    ("where", "selected"),
    [
        (EXAMPLE_1, lambda a: a["candidate"]["magpsf"] > 19.5 and a["candidate"]["distnr"] > 2),
        (
            EXAMPLE_2,
            lambda a: (
                (a["candidate"]["magnr"] - a["candidate"]["magpsf"]) < -4 * (math.log10(a["candidate"]["distnr"]) + 0.2)
            ),
        ),
        (EXAMPLE_3, lambda a: a["rf_snia_vs_nonia"] > 0.5 and a["snn_snia_vs_nonia"] > 0.5),
        ("Plx > 1", lambda a: a["Plx"] is not None and (a["Plx"] > 1 or math.isnan(a["Plx"]))),
        ("NOT (mulens > 0)", lambda a: a["mulens"] is not None and not a["mulens"] > 0),
        ("tracklet IS NULL; candidate.fid = 1", lambda a: a.get("tracklet") is None and a["candidate"]["fid"] == 1),
        ("finkclass = 'Solar System MPC'", lambda a: finkclass(a) == "Solar System MPC"),
        ("mangrove.HyperLEDA_name = 'None'", lambda a: (a.get("mangrove") or {}).get("HyperLEDA_name") == "None"),
        ("candidate.magpsf > 99", lambda a: False),
    ],
)
def test_conditions_select_what_spark_would(shared_archive, kafka, dask_client, tmp_path, where, selected):
    request = engine.TransferRequest(archive=shared_archive, nights="2019-09-01:2025-08-01", where=where)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    wanted = {candid for candid, alert in source_alerts(shared_archive).items() if selected(alert)}
    assert job.wait().state == ("complete" if wanted else "empty")
    assert set(on_the_wire(job)) == wanted
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka)
    assert result.num_alerts == len(wanted)
    assert set(pq.read_table(tmp_path / "out")["candid"].to_pylist()) == wanted
    previewed = engine.preview(request, limit=1000)
    assert set(previewed["candid"].to_pylist()) == wanted


def test_classes_are_part_of_the_question(shared_archive, kafka, dask_client):
    labels = [finkclass(alert) for alert in source_alerts(shared_archive).values()]
    request = engine.TransferRequest(
        archive=shared_archive,
        nights=NIGHTS,
        classes=["Solar System MPC", "(SIMBAD) QSO", "RRLyr", "V*"],
        where="finkclass <> 'nothing'",
    )
    job = engine.submit(request, client=dask_client, kafka=kafka)
    # Types that SIMBAD renamed count under the name that each alert has.
    names = ["Solar System MPC", "QSO", "RRLyr", "RRLyrae", "V*", "Variable*"]
    assert job.wait().num_alerts_sent == sum(map(labels.count, names))
    assert job.receipt().labels == {name: labels.count(name) for name in names}
    assert min(labels.count("RRLyr"), labels.count("RRLyrae")) > 0
    request = engine.TransferRequest(archive=shared_archive, nights=NIGHTS, exclude_classes=["Unknown"])
    status = engine.submit(request, client=dask_client, kafka=kafka).wait()
    assert status.num_alerts_sent == len(labels) - labels.count("Unknown")


def test_a_tns_catalogue_gives_its_classes(shared_archive, kafka, dask_client, tmp_path, monkeypatch):
    alerts = source_alerts(shared_archive)
    candid, chosen = next(iter(alerts.items()))
    position = chosen["candidate"]
    # One arcsecond north of the alert: within 1.5.
    catalogue = {"ra": [position["ra"]], "declination": [position["dec"] + 1 / 3600], "type": ["SN Ia"]}
    pq.write_table(pa.table(catalogue), tmp_path / "tns.parquet")
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere
    request = engine.TransferRequest(
        archive=shared_archive, nights=NIGHTS, classes=["(TNS) SN Ia"], tns_catalogue="tns.parquet"
    )
    job = engine.submit(request, client=dask_client, kafka=kafka)
    job.wait()
    rows = on_the_wire(job)
    assert candid in rows
    assert {row["tnsclass"] for row in rows.values()} == {"(TNS) SN Ia"}
    assert {alerts[c]["objectId"] for c in rows} == {chosen["objectId"]}


def test_a_limit_sends_exactly_the_first(shared_archive, kafka, dask_client):
    first = [candid for candid, a in source_alerts(shared_archive).items() if a["candidate"]["fid"] == 1][:30]
    request = engine.TransferRequest(archive=shared_archive, nights=NIGHTS, where="candidate.fid = 1", limit=30)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    status = job.wait()
    assert (status.state, status.num_alerts, status.num_alerts_sent) == ("complete", 30, 30)
    assert set(on_the_wire(job)) == set(first)
