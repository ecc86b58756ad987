"""A survey that a file describes: what is missing or wrong is named with its key, and what travels is the same."""

import dataclasses
import json

import pyarrow as pa
import pytest

from engine.errors import RequestError
from engine.surveys import survey_from_plan, survey_in_plan, survey_named

TABLE = {
    "name": "mine",
    "identifier": "alertId",
    "object": "diaObject.diaObjectId",
    "band": "diaSource.filterName",
    "time": "diaSource.midPointTai",
    "time_scale": "mjd_tai",
    "ra": "diaSource.ra",
    "dec": "diaSource.decl",
    "detection": "diaSource",
    "lightcurve": ["diaSource.psFlux"],
    "stamps": ["cutoutDifference"],
}


def written(tmp_path, **changes) -> str:
    path = tmp_path / "survey.yaml"
    path.write_text(json.dumps({key: value for key, value in (TABLE | changes).items() if value is not None}))
    return str(path)


def test_a_file_describes_a_survey(tmp_path):
    survey = survey_named(written(tmp_path))
    assert (survey.name, survey.id_field, survey.time_scale) == ("mine", "alertId", "mjd_tai")
    assert survey.identity == ("alertId", "diaObject.diaObjectId", "diaSource.midPointTai", "diaSource.filterName")
    assert survey.night_columns == ("year", "month", "day")
    assert survey_from_plan(json.loads(json.dumps(survey_in_plan(survey)))) == survey


def test_little_is_needed(tmp_path):
    left_out = dict.fromkeys(["object", "band", "detection", "lightcurve", "stamps"])
    survey = survey_named(written(tmp_path, **left_out))
    assert (survey.identity, survey.candidate) == (("alertId", "diaSource.midPointTai"), "")
    assert survey_from_plan(survey_in_plan(survey)) == survey


@pytest.mark.parametrize("key", ["name", "identifier", "time", "time_scale", "ra", "dec"])
def test_a_missing_key_is_named(tmp_path, key):
    with pytest.raises(RequestError, match=repr(key)) as caught:
        survey_named(written(tmp_path, **{key: None}))
    assert key in caught.value.accepted


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("time_scale", "tai", "mjd_tai"),
        ("name", "My Survey", "small letters"),
        ("name", "ztf", "another name"),
        ("identifier", "", "whole number"),
        ("ra", ["a", "b"], "right ascension"),
        ("lightcurve", ["diaSource."], "lightcurve"),
        ("colour", "red", "identifier"),
        ("identifier", 5, "path of the alert's identifier"),
        ("time", 1.5, "path of the time"),
        ("band", True, "path of the filter"),
        ("history", [3], "root columns"),
        ("name", 2021, "small letters"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(tmp_path, key, value, accepted):
    with pytest.raises(RequestError) as caught:
        survey_named(written(tmp_path, **{key: value}))
    assert key in str(caught.value)
    assert accepted in caught.value.accepted


def test_a_name_that_is_none_is_answered_with_the_surveys():
    with pytest.raises(RequestError, match="'LSST'") as caught:
        survey_named("LSST")
    assert "lsst" in caught.value.accepted
    assert "lsst" in caught.value.next_step
    with pytest.raises(RequestError, match=r"nowhere\.yaml"):
        survey_named("nowhere.yaml")


def test_an_identity_that_stands_elsewhere_travels_with_the_plan():
    lsst = survey_named("lsst")
    assert survey_in_plan(lsst) == "lsst"
    source = pa.struct([("diaSourceId", pa.int64()), ("diaObjectId", pa.int64())])
    older = lsst.among([pa.schema([("diaSource", source)])])
    assert older.object_field == "diaSource.diaObjectId"
    assert "diaSource.diaObjectId" in older.identity
    assert survey_from_plan(json.loads(json.dumps(survey_in_plan(older)))) == older
    assert dataclasses.replace(older, identity=lsst.identity, object_field=lsst.object_field) == lsst
