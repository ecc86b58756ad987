"""TransferRequest: what is accepted, what is refused, and how it travels."""

import datetime as dt
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given

import engine
from engine.archive import parse_nights
from engine.errors import InputError, RequestError
from engine.pipeline import CONTENTS
from engine.request import TransferRequest
from tests.request_strategy import requests


def test_defaults():
    request = TransferRequest(nights="2021-11-22")
    assert (request.survey, request.content, request.limit, request.where) == ("ztf", "lightcurve", None, None)
    assert request.to_dict() == {"nights": ["2021-11-22"]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Lightcurves", "lightcurve"),
        ("light-curve", "lightcurve"),
        ("cutout", "cutouts"),
        ("stamps", "cutouts"),
        ("Full packet", "full"),
        ("all", "full"),
        ("field", "fields"),
    ],
)
def test_an_unknown_content_names_the_nearest_and_all(typed, meant):
    with pytest.raises(RequestError) as caught:
        TransferRequest(nights="2021-11-22", content=typed)
    assert repr(typed) in caught.value.message
    assert repr(meant) in caught.value.next_step
    assert caught.value.accepted.split(", ") == list(CONTENTS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2021-11-30:2021-11-22", "2021-11-22:2021-11-30"),
        ("2021-12:2021-11-22", "2021-11-22:2021-12"),
        ("2022-01 : 2021-11", "2021-11:2022-01"),
        ("20211130:20211122", "2021-11-22:2021-11-30"),
    ],
)
def test_a_range_the_wrong_way_round_is_answered_with_the_right_one(typed, meant):
    with pytest.raises(RequestError) as caught:
        parse_nights(typed)
    assert f"{meant}?" in caught.value.next_step
    assert parse_nights(meant)


def test_nights_are_ordered_and_unique():
    nights = parse_nights(["2021-12-31:2022-01-02", "2021-11-22", "2022-01-01"])
    assert nights == [dt.date(2021, 11, 22), dt.date(2021, 12, 31), dt.date(2022, 1, 1), dt.date(2022, 1, 2)]


def test_a_request_survives_yaml():
    request = TransferRequest(
        archive="s3://bucket/science",
        nights=["2021-11-22:2021-11-30", "2022-08-04"],
        classes=["SN candidate", "(TNS) SN Ia"],
        exclude_classes="Solar System MPC",
        where="candidate.magpsf > 19.5; -- faint\ncandidate.ssnamenr = 'null;';",
        content="fields",
        fields=["candidate.magpsf", "cdsxmatch"],
        limit=10,
        topic="ftransfer_ztf_mine",
        skip_unreadable=True,
        widen="candidate.fid",
    )
    assert TransferRequest.from_yaml(request.to_yaml()) == request


def test_yaml_dates_are_nights():
    assert TransferRequest.from_yaml("nights: 2021-11-22").nights == ("2021-11-22",)
    assert TransferRequest.from_yaml("nights: [2021-11-22, 2021-11-23]").nights == ("2021-11-22", "2021-11-23")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "nights"),
        ({"nights": []}, "nights"),
        ({"nights": "22-11-2021"}, "22-11-2021"),
        ({"nights": "2021-02-30"}, "2021-02-30"),
        ({"nights": "2021-11-22:2021-11-20"}, "2021-11-22:2021-11-20"),
        ({"nights": "2021-11-22:2021-11-23:2021-11-24"}, "range"),
        ({"nights": 20211122}, "20211122"),
        ({"nights": {"startdate": "2021-11-22", "stopdate": "2021-11-23"}}, "2021-11-22:2021-11-30"),
        ({"nights": "2021-11-22", "content": ["Light packet"]}, "lightcurve"),
        ({"nights": "2021-11-22", "content": "lightcurves"}, "did you mean 'lightcurve'"),
        ({"nights": "2021-11-22", "content": "fields"}, "no field"),
        ({"nights": "2021-11-22", "fields": ["candid"]}, "'lightcurve'"),
        ({"nights": "2021-11-22", "limit": 0}, "0"),
        ({"nights": "2021-11-22", "limit": True}, "True"),
        ({"nights": "2021-11-22", "limit": "ten"}, "ten"),
        ({"nights": "2021-11-22", "survey": "sdss"}, "sdss"),
        ({"nights": "2021-11-22", "topic": "mine"}, "ftransfer_"),
        ({"nights": "2021-11-22", "topic": "ftransfer_x_schema"}, "_schema"),
        ({"nights": "2021-11-22", "topic": "ftransfer_with space"}, "with space"),
        ({"nights": "2021-11-22", "where": 3}, "3"),
        ({"nights": "2021-11-22", "classes": [3]}, "3"),
        ({"nights": "2021-11-22", "skip_unreadable": "yes"}, "yes"),
        ({"nights": "2021-11-22", "clases": ["SN"]}, "did you mean 'classes'"),
    ],
)
def test_what_is_wrong_is_said(values, said):
    with pytest.raises(InputError) as caught:
        TransferRequest.from_dict(values)
    assert said in str(caught.value)


def test_a_request_to_another_service_is_answered_key_by_key():
    text = """
        dates: {startdate: '2026-02-01', stopdate: '2026-02-28'}
        filters: [in_tns, NOT extragalactic_new_candidate]
        blocks: [b_outside_galactic_plane]
        extra_cond: ["diaSource.psfFlux > 9000"]
    """
    with pytest.raises(RequestError) as caught:
        TransferRequest.from_dict(yaml.safe_load(text))
    assert all(name in caught.value.message for name in ("'dates'", "'filters'", "'blocks'", "'extra_cond'"))
    told = dict(step.split(": ", 1) for step in caught.value.next_step.split("; "))
    assert "'nights'" in told["'dates'"]
    assert "in_tns, NOT extragalactic_new_candidate" in told["'filters'"]
    assert "b_outside_galactic_plane" in told["'blocks'"]
    assert all("'where'" in told[key] for key in ("'filters'", "'blocks'", "'extra_cond'"))


@pytest.mark.parametrize("text", ["", "~", "- a\n- b", "nights: [", "just text", "a: 1\n---\nb: 2", b"nights: x"])
def test_yaml_that_is_no_request_is_refused(text):
    with pytest.raises(RequestError):
        TransferRequest.from_yaml(text)


def test_requests_are_immutable():
    with pytest.raises(AttributeError):
        TransferRequest(nights="2021-11-22").limit = 3


# --- Python's, numpy's and pandas' values -----------------------------------------------------------------------------

NIGHT = "2021-11-22"
WORDS = ["Star", "QSO"]


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        tuple(WORDS),
        np.array(WORDS),
        np.array(WORDS, dtype=object),
        pd.Series(WORDS, index=[5, 6]),
        pd.Index(WORDS),
        pd.Categorical(WORDS),
        dict.fromkeys(WORDS).keys(),
        (word for word in WORDS),
        iter(WORDS),
        np.array([np.str_(word) for word in WORDS]),
    ],
    ids=range(11),
)
def test_lists_of_all_kinds(words):
    request = TransferRequest(nights=NIGHT, classes=words)
    assert request.classes == tuple(WORDS)
    assert {type(word) for word in request.classes} == {str}


@pytest.mark.parametrize("name", ["classes", "exclude_classes", "widen", "where"])
def test_a_set_always_gives_the_same(name):
    words = {"b > 2", "a > 1", "c > 3"}
    for value in (words, frozenset(words)):
        assert getattr(TransferRequest(nights=NIGHT, **{name: value}), name) == ("a > 1", "b > 2", "c > 3")


def test_values_of_numpy_and_paths_become_pythons():
    request = TransferRequest(
        nights=pd.date_range(NIGHT, periods=2),
        archive=Path("some/archive"),
        tns_catalogue=PurePosixPath("a.parquet"),
        survey=np.str_("ztf"),
        content=np.str_("full"),
        limit=np.int64(5),
        topic=np.str_("ftransfer_x"),
        skip_unreadable=np.bool_(True),
        where=np.str_("a > 1"),
    )
    assert request.to_dict() == {
        "nights": ["2021-11-22", "2021-11-23"],
        "archive": "some/archive",
        "tns_catalogue": "a.parquet",
        "content": "full",
        "limit": 5,
        "topic": "ftransfer_x",
        "skip_unreadable": True,
        "where": "a > 1",
    }
    values = request.to_dict().values()
    assert {type(value) for value in values} == {str, int, bool, list}
    assert TransferRequest.from_yaml(request.to_yaml()) == request


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"classes": [None]}, "None"),
        ({"classes": ["a", float("nan")]}, "nan"),
        ({"classes": pd.Series(["a", None])}, "classes holds"),
        ({"classes": [pd.NaT]}, "NaT"),
        ({"classes": {"Star": 1}}, "Star"),
        ({"classes": b"Star"}, "Star"),
        ({"classes": np.array([["Star"]])}, "array"),
        ({"classes": [["Star"]]}, "['Star']"),
        ({"classes": True}, "True"),
        ({"classes": "x" * 500_000}, "500,000 characters"),
        ({"classes": ["a\ud800"]}, "position 1"),
        ({"widen": [dt.date(2021, 11, 22)]}, "2021"),
        ({"limit": np.bool_(True)}, "True"),
        ({"limit": 5.0}, "did you mean 5?"),
        ({"limit": "5"}, "did you mean 5?"),
        ({"limit": 1 << 20_000}, "digits"),
        ({"skip_unreadable": 1}, "true or false"),
        ({"skip_unreadable": None}, "true or false"),
        ({"survey": None}, "survey is None"),
        ({"survey": "x" * 500_000}, "500,000 characters"),
        ({"content": "y" * 500_000}, "500,000 characters"),
        ({"content": "Full"}, "did you mean 'full'"),
        ({"content": ["full"]}, "content is ['full']"),
        ({"topic": 3}, "topic is 3"),
        ({"topic": "ftransfer_" + "x" * 2_000}, "characters"),
        ({"archive": ""}, "archive is ''"),
        ({"archive": " "}, "archive is ' '"),
        ({"archive": 3}, "archive is 3"),
        ({"archive": "a\0b"}, "archive is"),
        ({"archive": Path("s3://bucket/science")}, "s3://"),
        ({"tns_catalogue": ""}, "tns_catalogue is ''"),
        ({"where": ["a > 1", 3]}, "where holds 3"),
        ({"where": ["a > 1", ""]}, "empty"),
        ({"where": ["a > 1", None]}, "None"),
        ({"where": {"a": 1}}, "where is"),
        ({"where": Path("cuts.sql")}, "cuts.sql"),
        ({"where": "@cuts.sql"}, "@cuts.sql"),
        ({"where": ["a > 1", " @cuts.sql"]}, "@cuts.sql"),
        ({"where": "a > 1\ud800"}, "position 5"),
    ],
    ids=range(39),
)
def test_what_is_wrong_in_python_is_said_shortly(values, said):
    with pytest.raises(InputError) as caught:
        TransferRequest(nights=NIGHT, **values)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 900


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (None, None),
        ("", None),
        ([], None),
        (" \n", None),
        (["a > 1"], "a > 1"),
        (["a > 1", "b > 2;"], ("a > 1", "b > 2;")),
        (pd.Series(["a > 1", "b > 2;"]), ("a > 1", "b > 2;")),
        (np.array(["a > 1", "b > 2;"]), ("a > 1", "b > 2;")),
    ],
)
def test_conditions_may_be_several(where, kept):
    request = TransferRequest(nights=NIGHT, where=where)
    assert request.where == kept
    assert TransferRequest.from_dict(request.to_dict()) == TransferRequest.from_yaml(request.to_yaml()) == request


# --- YAML -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "where: candidate.rb > 0.5 #good; roid = 1",
        "where: candidate.rb > 0.5\t# AND roid = 1",
        "where: # candidate.rb > 0.5",
        "where:\n  candidate.rb > 0.5\n  AND jd > 1  #x; roid IS NOT NULL",
        "where:\n  - candidate.rb > 0.5\n  - a > 1 #x; roid IN (1, 2)\n",
        "where: [candidate.rb > 0.5, # roid = 1\n  a > 1]",
        "where: [candidate.rb > 0.5] # roid = 1",
        "where: candidate.rb > 0.5 # isnan(x)\rlimit: 1",
    ],
)
def test_a_comment_of_yaml_that_takes_a_condition_is_refused(text):
    with pytest.raises(RequestError, match="which YAML takes for a comment") as caught:
        TransferRequest.from_yaml(f"nights: 2021-11-22\n{text}")
    assert "line " in caught.value.message
    for way_out in ("quote", "`|`", "line of its own"):
        assert way_out in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("where: candidate.rb > 0.5  # good ones", "candidate.rb > 0.5"),
        ("where: 'candidate.rb > 0.5'  # roid = 1", "candidate.rb > 0.5"),
        ("where:\n  # - roid = 1\n  - candidate.rb > 0.5\n  # roid = 1", "candidate.rb > 0.5"),
        ("# roid = 1\nwhere: candidate.rb > 0.5\nlimit: 1 # roid = 1", "candidate.rb > 0.5"),
        ("where: '#good; roid = 1'", "#good; roid = 1"),
        ("where: a#b > 1", "a#b > 1"),
    ],
)
def test_other_comments_of_yaml_are_free(text, where):
    assert TransferRequest.from_yaml(f"nights: 2021-11-22 # jd > 1\n{text}").where == where


def test_yaml_reads_texts_as_they_are_written():
    request = TransferRequest.from_yaml(
        "nights: [2021-11-22, 2021-11, 2021-11-22:2021-11-30]\n"
        "classes: [No, on, 12, 1e5, 12:30:00]\nwhere:\n  - a = 1\n  - b = 'x'\nlimit: 5\nskip_unreadable: yes\n"
        "topic: ~\nexclude_classes:\n"
    )
    assert request.nights == ("2021-11-22", "2021-11", "2021-11-22:2021-11-30")
    assert request.classes == ("No", "on", "12", "1e5", "12:30:00")
    assert request.where == ("a = 1", "b = 'x'")
    assert (request.limit, request.skip_unreadable, request.topic, request.exclude_classes) == (5, True, None, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit: ten", "limit is 'ten'"),
        ("limit: 1_000", "did you mean 1000?"),
        ("limit: 1e3", "did you mean 1000?"),
        ("limit: 10.0", "did you mean 10?"),
        ("limit: yes", "limit is True"),
        ("skip_unreadable: maybe", "true or false"),
        ("skip_unreadable: 1", "true or false"),
        ("classes: [null]", "classes holds None"),
        ("classes: {Star: 1}", "classes is"),
        ("where: [a, [b]]", "where holds ['b']"),
        ("classes: Star\nclasses: QSO", "twice"),
        ("nights: 2021-11-23", "twice"),
        ("content: no", "'no'"),
        ("topic: 1e5", "'1e5'"),
        ("on: 1", "'on'"),
        ("1: 1", "'1'"),
        ("exclude: [Star]", "did you mean 'exclude_classes'"),
        ("skip-unreadable: true", "did you mean 'skip_unreadable'"),
    ],
)
def test_what_is_wrong_in_yaml_is_said(text, said):
    with pytest.raises(InputError) as caught:
        TransferRequest.from_yaml(f"nights: 2021-11-22\n{text}\n")
    assert said in str(caught.value)


@given(requests())
def test_every_request_survives_yaml(request_):
    text = request_.to_yaml()
    assert TransferRequest.from_yaml(text) == request_
    assert TransferRequest.from_dict(request_.to_dict()) == request_
    # A reader of YAML 1.1 gets the same texts: dates and truth values are quoted.
    assert yaml.safe_load(text) == request_.to_dict()


def test_conditions_of_several_lines_are_written_line_by_line():
    where = "-- faint\ncandidate.magpsf > 19.5;\ncandidate.distnr > 2;\n"
    assert "  candidate.magpsf > 19.5;\n" in TransferRequest(nights=NIGHT, where=where).to_yaml()


def test_all_of_several_conditions_hold_in_a_plan(shared_archive):
    def plan(where):
        request = TransferRequest(archive=shared_archive, nights="2021-11", where=where)
        return engine.plan(request, settings=engine.Settings())

    both = plan(["candidate.magpsf > 19 -- faint", "candidate.distnr > 2"])
    assert both.selection.predicate == plan("candidate.magpsf > 19; candidate.distnr > 2;").selection.predicate
    assert "candidate.distnr > 2" in str(both)
    told = plan("candidate.magpsf > 19; -- far ones candidate.distnr > 2;").notes
    assert any("candidate.distnr > 2 with it" in note for note in told)


def test_limits_of_numpy_are_limits(shared_archive):
    request = TransferRequest(archive=shared_archive, nights="2021-11")
    assert len(engine.preview(request, limit=np.int64(2), settings=engine.Settings())) == 2
    with pytest.raises(InputError, match=r"limit is 2\.5"):
        engine.preview(request, limit=2.5, settings=engine.Settings())
