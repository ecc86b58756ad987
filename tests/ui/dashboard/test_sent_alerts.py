"""What a job sent is summed up in memory that does not grow with it."""

import numpy as np
import pyarrow as pa
import pytest

import engine
from ui.dashboard.plots import measurements_of
from ui.dashboard.sent_alerts import SentAlerts, column_at


@pytest.fixture(scope="module")
def alerts(sample_archive) -> dict[str, pa.Table]:
    """The alerts of both nights, in the contents that topics have."""

    def sent(content: str) -> pa.Table:
        request = engine.TransferRequest(archive=sample_archive, nights=["2021-11-22", "2021-11-24"], content=content)
        return engine.preview(request, limit=20)

    return {content: sent(content) for content in ("full", "lightcurve")}


def summed_of(batches, survey="ztf", time_field="candidate.jd"):
    sent = SentAlerts(engine.survey_named(survey) if survey else None, time_field=time_field, time_scale="jd_utc")
    for batch in batches:
        sent.add(batch)
    return sent.summed()


@pytest.mark.parametrize("content", ["full", "lightcurve"])
def test_every_content_of_a_survey_is_summed_up(alerts, content):
    table = alerts[content]
    summed = summed_of(table.to_batches(max_chunksize=7), time_field="candidate.jd" if content == "full" else "jd")
    assert summed.num_alerts == 20
    assert summed.brightness.counts.sum() == 20
    assert sum(map(sum, summed.nights["finkclass"].counts.values())) == 20
    assert summed.nights["finkclass"].spans == ["2021-11-22", "2021-11-23", "2021-11-24"]
    assert len(summed.places[0]) == len(summed.places[1]) == 20


def test_curves_are_those_of_objects_that_were_seen_often(alerts):
    survey = engine.survey_named("ztf")
    summed = summed_of(alerts["full"].to_batches())
    assert summed.curves
    number = [sum(point.kind != "limit" for point in measurements_of(row, survey)) for _, row in summed.curves]
    assert number == sorted(number, reverse=True)
    assert min(number) > 1


def test_a_content_without_history_has_curves_of_the_alerts_of_an_object():
    columns = {
        "objectId": ["a", "b", "a", "a", None],
        "jd": [3.0, 2.0, 1.0, 2.0, 1.0],
        "magpsf": [17.0, 18.0, 19.0, None, 20.0],
        "fid": [1, 1, 2, 1, 1],
    }
    summed = summed_of([pa.RecordBatch.from_pydict(columns)], time_field="jd")
    [(name, row)] = summed.curves
    assert name == "a"
    assert [point.value for point in measurements_of(row, engine.survey_named("ztf"))] == [19.0, 17.0]


def test_a_survey_that_is_not_known_is_counted(alerts):
    summed = summed_of(alerts["full"].to_batches(), survey=None)
    assert summed.num_alerts == 20
    assert summed.brightness is None
    assert summed.nights[""].spans[0] == "2021-11-22"
    assert list(summed.curves) == []


def test_alerts_that_lack_every_field_are_counted():
    summed = summed_of([pa.RecordBatch.from_pydict({"x": ["<script>", None]})])
    assert summed.num_alerts == 2
    assert summed.brightness is None
    assert summed.nights == {}


def test_a_field_of_another_type_is_no_number():
    columns = {"magpsf": ["<b>17</b>"], "ra": [[1.0]], "dec": ["x"], "jd": [b"\x00"], "finkclass": [5]}
    summed = summed_of([pa.RecordBatch.from_pydict(columns)], time_field="jd")
    assert summed.brightness.counts.sum() == 0
    assert summed.places == ([], [])


def test_places_are_a_sample_in_which_early_and_late_ones_are_as_likely():
    ones = np.ones(10_000)
    batches = [pa.RecordBatch.from_pydict({"ra": ones * number, "dec": ones, "jd": ones}) for number in range(1, 6)]
    ra, _ = summed_of(batches, time_field="jd").places
    assert len(ra) == 3_000
    numbers = [ra.count(number) for number in range(1, 6)]
    assert min(numbers) > 450
    assert max(numbers) < 750


def test_a_path_is_found_where_a_content_lifts_it_out():
    batch = pa.RecordBatch.from_pydict({"magpsf": [1.0], "candidate": [{"jd": 2.0}]})
    assert column_at(batch, "candidate.jd").to_pylist() == [2.0]
    assert column_at(batch, "candidate.magpsf").to_pylist() == [1.0]
    assert column_at(batch, "candidate.jd.more") is None
    assert column_at(batch, None) is None
