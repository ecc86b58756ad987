"""A folder whose dates are none of the job's nights is told, since the survey's time is described wrongly then."""

import pytest

import consumer
from consumer.fetching.date_notes import note_on_dates

NIGHTS = ["2021-11-22", "2021-11-23"]


def files(*folders: str) -> list[dict]:
    return [{"path": f"{folder}/part-{number}.parquet", "num_alerts": 7} for number, folder in enumerate(folders)]


@pytest.mark.parametrize("day", [21, 22, 23, 24])
def test_nights_and_the_dates_beside_them_are_fine(day):
    assert note_on_dates(files(f"year=2021/month=11/day={day}"), NIGHTS, "jd", "jd_utc") is None


@pytest.mark.parametrize(
    "strange",
    [
        "year=8595/month=01/day=02",
        "year=2021/month=11/day=20",
        "year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__/day=__HIVE_DEFAULT_PARTITION__",
    ],
)
def test_other_dates_and_none_are_told_with_their_alerts(strange):
    note = note_on_dates(files("year=2021/month=11/day=22", strange, strange), NIGHTS, "source.t", "mjd_tai")
    for told in ("14 alerts", strange, "source.t", "mjd_tai", "2021-11-22 to 2021-11-23"):
        assert told in note


def test_a_file_without_alerts_is_under_no_wrong_date():
    assert note_on_dates([{"path": "part-0.parquet", "num_alerts": 0}], NIGHTS, "jd", "jd_utc") is None


def test_without_nights_nothing_is_told():
    assert note_on_dates(files("year=1999/month=01/day=01"), [], "jd", "jd_utc") is None


def test_consume_tells_it_once(make_job, tmp_path):
    job = make_job(sizes=(40, 50), time_scale="mjd_utc", version=2).run()
    notes = []
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, note=notes.append)
    assert result.complete
    (note,) = notes
    assert "90 alerts" in note
    assert "year=8592" in note
    by_class = []
    consumer.consume(job.topic, tmp_path / "by class", kafka=job.kafka, partitionby="finkclass", note=by_class.append)
    assert by_class == []
