"""A small selection of a topic as one file."""

import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import consumer
import engine
from tests.ui.dashboard.fake_jobs import TOPIC
from ui.dashboard import download
from ui.dashboard.download import MOST_ALERTS, selection, selection_of

SCHEMA = pa.schema(
    [
        ("objectId", pa.string()),
        ("candidate", pa.struct([("magpsf", pa.float32()), ("inner", pa.struct([("jd", pa.float64())]))])),
        ("prv", pa.list_(pa.struct([("jd", pa.float64())]))),
        ("cutout", pa.struct([("stampData", pa.binary())])),
    ]
)


def batch_of(number: int, first: int = 0) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {
                "objectId": f"ZTF{first + place}",
                "candidate": {"magpsf": 17.5, "inner": {"jd": 2459541.5}},
                "prv": [{"jd": 1.5}] if place % 2 else None,
                "cutout": {"stampData": b"\x1f\x8b" * 50},
            }
            for place in range(number)
        ],
        schema=SCHEMA,
    )


def streamed(monkeypatch, *items) -> list[str]:
    """Have a topic stream batches, or raise errors, or wait for ever; return what became of the stream."""
    became: list[str] = []

    def stream(topic, *, kafka, kafka_options, progress):
        assert topic == TOPIC
        try:
            for item in items:
                if isinstance(item, Exception):
                    raise item
                if item == "waits":
                    while True:
                        progress(0)
                yield item
        finally:
            became.append("closed")

    monkeypatch.setattr(consumer, "stream", stream)
    return became


def select(num_alerts: int = MOST_ALERTS, form: str = "Parquet", is_running: bool = False):
    return selection(TOPIC, kafka="host:1", kafka_options={}, num_alerts=num_alerts, form=form, is_running=is_running)


def test_parquet_holds_the_first_alerts_as_they_are(monkeypatch):
    became = streamed(monkeypatch, batch_of(30), batch_of(30, first=30), RuntimeError("read too far"))
    made = select(40)
    table = pq.read_table(io.BytesIO(made.content))
    assert made.name == f"{TOPIC}.parquet"
    assert table.schema == SCHEMA
    assert table.column("objectId").to_pylist() == [f"ZTF{place}" for place in range(40)]
    assert became == ["closed"]


def test_csv_has_a_column_for_each_field_and_says_what_it_leaves_out(monkeypatch):
    streamed(monkeypatch, batch_of(2))
    made = select(form="CSV")
    table = pyarrow.csv.read_csv(io.BytesIO(made.content))
    assert table.column_names == ["objectId", "candidate.magpsf", "candidate.inner.jd", "prv"]
    assert json.loads(table.column("prv")[1].as_py()) == [{"jd": 1.5}]
    assert any("cutout.stampData" in note for note in made.notes)
    assert any("All alerts" in note for note in made.notes)


@pytest.mark.parametrize("number", [0, -1, 1_001])
def test_more_than_may_pass_the_server_is_refused_before_anything_is_read(monkeypatch, number):
    became = streamed(monkeypatch, batch_of(2))
    with pytest.raises(engine.InputError, match="can't be downloaded"):
        select(number)
    assert became == []


def test_a_file_never_exceeds_the_bytes_that_may_pass(monkeypatch):
    monkeypatch.setattr(download, "MOST_NBYTES", 6_000)
    made = selection_of(TOPIC, pa.Table.from_batches([batch_of(900)]), form="CSV", notes=[])
    assert len(made.content) <= 6_000
    assert 0 < made.num_alerts < 900
    assert any("exceed" in note for note in made.notes)
    monkeypatch.setattr(download, "MOST_NBYTES", 20)
    with pytest.raises(engine.InputError, match="one alert"):
        selection_of(TOPIC, pa.Table.from_batches([batch_of(9)]), form="CSV", notes=[])


def test_of_a_job_that_runs_what_is_there_is_taken(monkeypatch):
    became = streamed(monkeypatch, batch_of(3), "waits")
    monkeypatch.setattr(download, "_PATIENCE_S", 0.01)
    made = select(is_running=True)
    assert made.num_alerts == 3
    assert any("still runs" in note for note in made.notes)
    assert became == ["closed"]


def test_of_a_job_that_failed_what_it_sent_is_taken(monkeypatch):
    streamed(monkeypatch, batch_of(3), engine.JobError("the job failed"))
    made = select()
    assert made.num_alerts == 3
    assert any("the job failed" in note for note in made.notes)


def test_a_topic_without_an_alert_is_told(monkeypatch):
    streamed(monkeypatch)
    with pytest.raises(engine.InputError, match="holds no alert"):
        select()
