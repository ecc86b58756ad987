"""Conditions that run as Spark runs them and select something else than was meant are noted, with what to write."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.conditions import all_of, filter_table, parse_conditions
from engine.conditions.scalar_leaves import scalar_leaves
from engine.errors import ConditionError
from engine.surveys import survey_named

NONE, EVERY = "the conditions select no alert, whatever it holds", "the conditions select every alert"
CANDIDATE = {
    **dict.fromkeys(["magpsf", "rb"], pa.float32()),
    **dict.fromkeys(["jd", "ra"], pa.float64()),
    **dict.fromkeys(["isdiffpos", "ssnamenr"], pa.string()),
    "fid": pa.int32(),
}
SCHEMA = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        ("candidate", pa.struct(list(CANDIDATE.items()))),
        ("prv_candidates", pa.list_(pa.float64())),
        *((name, pa.string()) for name in ("cdsxmatch", "finkclass", "tnsclass", "tns")),
        ("roid", pa.int32()),
        ("Plx", pa.float64()),
        ("rf_snia_vs_nonia", pa.float64()),
        ("from_upper", pa.bool_()),
        ("timestamp", pa.timestamp("us")),
    ]
)


def notes(text: str) -> tuple[str, ...]:
    return parse_conditions(text, SCHEMA, survey=survey_named("ztf")).notes


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("candidate.jd > '2021-11-22'", ["candidate.jd > '2021-11-22'", "no number", "jd('2021-11-22')"]),
        ("candidate.jd BETWEEN '2021-11-22' AND '2021-11-23'", ["jd('2021-11-22')"]),
        ("candidate.fid = 'g'", ["candidate.fid = 'g'", "candidate.fid = 1", "1 = g, 2 = r, 3 = i"]),
        ("NOT candidate.fid = 'g'", ["candidate.fid = 'g'", "candidate.fid = 1"]),
        ("candidate.fid IN ('g', 'r')", ["candidate.fid IN ('g', 'r')", "1 = g"]),
        ("candidate.fid LIKE 'g'", ["candidate.fid = 1"]),
        ("candidate.fid = 1.5", ["whole number"]),
        ("candidate.fid IN (1.5, 2.5)", ["whole number"]),
        ("candidate.rb > '0,55'", ["0.55"]),
        ("candidate.ra > '10:20:30'", ["degrees"]),
        ("roid = 'asteroid'", ["3 = known to the Minor Planet Center"]),
        ("from_upper = 'maybe'", ["from_upper = true"]),
        ("Plx = null", ["Plx = NULL", "Plx IS NULL"]),
        ("Plx <> null", ["Plx IS NOT NULL"]),
        ("NOT (Plx = null)", ["Plx IS NULL"]),
        ("Plx > NULL", ["Plx > NULL"]),
        ("Plx /* of Gaia */ > NULL -- never", ["Plx > NULL is never true"]),
        ("Plx NOT IN (1, null)", ["Plx IN (1, NULL)", "Plx IS NOT NULL"]),
        ("candidate.magpsf BETWEEN 20 AND 18", ["BETWEEN 18 AND 20"]),
        ("candidate.magpsf > 20 AND candidate.magpsf < 18", ["candidate.magpsf > 20 and candidate.magpsf < 18"]),
        (
            "candidate.magpsf > 20; candid > 5; 18 > candidate.magpsf",
            ["candidate.magpsf > 20 and 18 > candidate.magpsf"],
        ),
        ("candidate.fid > 1 AND candidate.fid < 2", ["candidate.fid > 1 and candidate.fid < 2"]),
        ("candidate.fid = 1; candidate.fid = 2", ["write OR, or IN"]),
        ("cdsxmatch = 'Star' AND NOT cdsxmatch IN ('Star', 'QSO')", ["cdsxmatch = 'Star' and NOT cdsxmatch IN"]),
        ("cdsxmatch IS NULL AND cdsxmatch = 'Star'", ["cdsxmatch IS NULL and cdsxmatch = 'Star'"]),
        ("objectId LIKE 'ZTF21%' AND objectId LIKE 'ZTF22%'", ["objectId LIKE 'ZTF21%' and objectId LIKE 'ZTF22%'"]),
        ("from_upper AND NOT from_upper", ["from_upper and NOT from_upper"]),
        ("timestamp > '2021-11-23' AND timestamp < '2021-11-22'", ["never true together"]),
        ("candidate.rb = 0.55", ["7 digits", "abs(candidate.rb - 0.55) < 1e-5"]),
        (
            "(candidate.rb > 0.5 OR candidate.fid = 1) AND candidate.fid = 7 AND candidate.fid < 5",
            ["never true together"],
        ),
        ("candid = 177700000000000000000000", ["candid"]),
        ("length(objectId) < 0", ["length(objectId) < 0"]),
        ("size(prv_candidates) < -1", ["size(prv_candidates) < -1"]),
        ("lower(cdsxmatch) = 'Star'", ["lower(cdsxmatch) = 'Star'"]),
        ('"objectId" = "ZTF21abcdefg"', ["'objectId' is a text", "`objectId`"]),
        ('"candidate.magpsf" > 18', ["candidate.magpsf or"]),
        ("1 = 2", ["1 = 2"]),
        ("candidate.ra BETWEEN 350 AND 10", ["write candidate.ra >= 350 OR candidate.ra <= 10"]),
        ("candidate.ra > 350 AND candidate.ra < 10", ["across right ascension 0 write OR"]),
        ("candidate.fid BETWEEN 1.2 AND 1.8", ["no value that candidate.fid can have lies between"]),
        ("candidate.magpsf <> candidate.magpsf", ["compared with itself"]),
        ("candid > candid", ["compared with itself"]),
        ("sqrt(candidate.ra) < 0 OR abs(Plx) < 0", ["sqrt(candidate.ra) < 0", "abs(Plx) < 0"]),
        ("trim(cdsxmatch) = ' Star'", ["trim(cdsxmatch) = ' Star'"]),
        ("false", []),
        ("null", []),
    ],
)
def test_what_can_never_be_true_is_noted_by_name(text, hints):
    first, *rest = notes(text)
    assert first == NONE
    assert bool(rest) == bool(hints)
    for hint in hints:
        assert any(hint in note for note in rest), rest


@pytest.mark.parametrize(
    "text",
    [
        "1 = 1",
        "true",
        "roid IS DISTINCT FROM 1.5",
        "Plx <=> Plx",
        "objectId = 'a' OR 1 = 1",
        "Plx IS NULL OR Plx IS NOT NULL",
        "NOT (1 = 2)",
        "isnull(null)",
    ],
)
def test_what_is_always_true_is_noted(text):
    assert notes(text)[0] == EVERY


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("candidate.fid <> 1 OR candidate.fid <> 2", ["candidate.fid <> 1", "AND, or NOT IN"]),
        ("cdsxmatch != 'Star' OR cdsxmatch != 'QSO'", ["cdsxmatch <> 'Star'", "AND, or NOT IN"]),
        ("candidate.magpsf NOT BETWEEN 20 AND 18", ["BETWEEN 18 AND 20"]),
        ("cdsxmatch LIKE '%'", ["every alert that has cdsxmatch"]),
        ("Plx IN (1, null)", ["OR Plx IS NULL"]),
        ("Plx = null OR candidate.fid = 1", ["Plx = NULL is never true", "Plx IS NULL"]),
        ("candid > 5 OR (candidate.fid = 1 AND candidate.fid = 2)", ["never true together"]),
        ("if(candidate.fid = 'g', true, from_upper)", ["candidate.fid = 'g' is never true"]),
        ("CASE WHEN candidate.fid = 1 THEN Plx > null ELSE from_upper END", ["Plx > NULL is never true"]),
        ("candidate.jd > 2021-11-22", ["1988", "jd('2021-11-22')"]),
        ("candidate.isdiffpos = 1", ["as a number", "t = brighter"]),
        ("candidate.ssnamenr > 1000", ["as a number"]),
        ("cdsxmatch = true", ["as true"]),
        ("cdsxmatch IN ('QSO' 'Star')", ["'QSOStar'", "comma"]),
        ("objectId = 'ZTF21%'", ["objectId LIKE 'ZTF21%'"]),
        ("objectId IN ('ZTF21abcdefg', 'ZTF22%')", ["belongs to LIKE"]),
        ("objectId LIKE 'ZTF21*'", ["objectId LIKE 'ZTF21%'"]),
        ("candid = 1.777e18", ["write all digits"]),
        ("candidate.rb IN (0.5, 0.55)", ["never finds 0.55"]),
        ("candidate.fid IN ('1', 'g')", ["never finds 'g'"]),
        ("rf_snia_vs_nonia > 50", ["from 0 to 1"]),
        ("candidate.fid = 4", ["1 = g, 2 = r, 3 = i"]),
        ("candidate.jd > 59540", ["Julian dates", "candidate.jd - 2400000.5"]),
        ("candidate.jd > 20211122", ["Julian dates"]),
        ("candidate.ra < -10", ["from 0 to 360"]),
        ("candidate.isdiffpos = 'true'", ["t = brighter"]),
        ("lower(candidate.ssnamenr) = 1000 OR trim(candidate.ssnamenr) IN (1000)", ["as a number"]),
        ("candidate.ra NOT BETWEEN 350 AND 10", ["write candidate.ra < 350 AND candidate.ra > 10"]),
        ("candidate.jd > 2021", ["Julian dates", "jd('2021-01-01')"]),
        ("candidate.fid <> 4", ["candidate.fid <> 4 leaves nothing out", "1 = g, 2 = r, 3 = i"]),
        ("candidate.fid IS DISTINCT FROM 4", ["leaves nothing out"]),
        ("candidate.fid NOT IN (0)", ["leaves nothing out"]),
        ("candidate.isdiffpos NOT IN ('x')", ["leaves nothing out", "t = brighter"]),
        ("candidate.fid NOT IN (1, 2, 3)", ["is true of no alert as the survey describes"]),
        ("roid BETWEEN 2 AND 99999999999", ["the bound 99999999999, which leaves nothing out"]),
        ("cdsxmatch = 'star'", ["cdsxmatch = 'star'", "capitals", "'Star'"]),
        ("cdsxmatch <> 'unknown'", ["there is 'Unknown'"]),
        ("finkclass NOT IN ('Star', 'rrlyr')", ["there is 'RRLyr'"]),
        ("cdsxmatch LIKE 'star'", ["there is 'Star'"]),
        ("cdsxmatch = 'GALAXY'", ["there are", "'galaxy'", "'Galaxy'"]),
        ("tnsclass = '(tns) sn ia'", ["there is '(TNS) SN Ia'"]),
        ("finkclass = '(SIMBAD) Star'", ["write finkclass = 'Star'"]),
        ("cdsxmatch <> '(simbad) star'", ["write cdsxmatch <> 'Star'"]),
        ("finkclass = '(TNS) SN Ia'", ["write tnsclass = '(TNS) SN Ia'"]),
        ("finkclass = 'SN Ia'", ["write tnsclass = '(TNS) SN Ia'"]),
        ("finkclass NOT IN ('Star', 'SN Ia')", ["write tnsclass <> '(TNS) SN Ia'"]),
        ("tnsclass IN ('SN Ia', 'Unknown')", ["write tnsclass = '(TNS) SN Ia'"]),
        ("tns = '(TNS) SN Ia'", ["write tns = 'SN Ia'"]),
        ("tnsclass = 'RRLyr'", ["write finkclass = 'RRLyr'"]),
        ("cdsxmatch = 'SN candidate'", ["write finkclass = 'SN candidate'"]),
    ],
)
def test_what_is_hardly_meant_is_noted(text, hints):
    told = notes(text)
    assert told
    assert told[0] not in (NONE, EVERY)
    for hint in hints:
        assert any(hint in note for note in told), told


@pytest.mark.parametrize(
    "text",
    [
        "candidate.magpsf > 19.5; candidate.rb > 0.55 AND candidate.fid = 1",
        "candidate.magpsf BETWEEN 18 AND 18",
        "candidate.magpsf > 18 OR candidate.magpsf < 18",
        "candidate.fid = 1 OR candidate.fid = 2; candidate.fid <> 1 AND candidate.fid <> 3",
        "candid = 1777000000000000001 OR candid > 1.777e18",
        "cdsxmatch NOT IN ('Unknown', 'Fail') AND cdsxmatch IS NOT NULL",
        "objectId LIKE 'ZTF2%' AND objectId LIKE 'ZTF21%' AND objectId > 'ZTF21'",
        "cdsxmatch LIKE 'EB*%' OR cdsxmatch = 'EB*'",
        "candidate.rb = 0.5 OR candidate.rb IN (0.25, 0.75)",
        "NOT (Plx > 5) AND NOT isnan(Plx)",
        "Plx >= CAST('NaN' AS DOUBLE)",
        "candidate.jd > jd('2021-11-22') AND timestamp < '2022'",
        "candidate.fid = '1' AND roid = '3'",
        "from_upper = true OR from_upper = 'no'",
        "size(prv_candidates) = -1 OR size(prv_candidates) > 5",
        "candidate.magpsf IS NULL",
        "CAST(candidate.ssnamenr AS INT) > 1000",
        "lower(cdsxmatch) = 'star'",
        "candidate.fid IN ('1', '2')",
        "2021 - 11 > candidate.fid",
        "cdsxmatch = 'galaxy' OR cdsxmatch = 'Galaxy'",
        "finkclass IN ('SN candidate', 'Unknown', 'RRLyr') OR cdsxmatch = 'Fail 504'",
        "tnsclass = '(TNS) SN Ia' OR tns = 'SN Ia' OR tns = 'Unknown'",
        "cdsxmatch LIKE 'star%' OR cdsxmatch > 'star' OR lower(cdsxmatch) = 'unknown'",
        "objectId = 'star'",
        "5 BETWEEN 1 AND Plx",
    ],
)
def test_what_makes_sense_is_not_noted(text):
    assert notes(text) == ()


def test_conditions_that_are_joined_keep_their_notes():
    one, two = parse_conditions("Plx = null", SCHEMA), parse_conditions("candid > 1", SCHEMA)
    assert all_of(one, two, one).notes == one.notes != ()


# --- Where they are told ------------------------------------------------------------------------------------------


def test_the_plan_tells_them_in_words_and_as_json(tmp_path: Path):
    folder = tmp_path / "year=2021/month=01/day=01"
    folder.mkdir(parents=True)
    alert = {"objectId": "ZTF21a", "candid": 1, "candidate": {"jd": 2459215.5, "fid": 1}, "finkclass": "Star"}
    pq.write_table(pa.Table.from_pylist([alert]), folder / "part.parquet")
    request = engine.TransferRequest(archive=str(tmp_path), nights="2021-01-01", where="candidate.fid = 'g'")
    plans: list[engine.TransferPlan] = []
    assert engine.preview(request, settings=engine.Settings(), on_plan=plans.append).num_rows == 0
    told = plans[0].notes
    assert told[0] == NONE
    assert "candidate.fid = 1" in told[1]
    assert f"note        {NONE}" in str(plans[0])
    assert json.loads(json.dumps(plans[0].to_dict()))["notes"] == list(told)


def test_a_float_of_32_bits_is_not_what_is_written():
    # What the note says of candidate.rb: as stored it is never 0.55.
    stored = np.array([0.55], np.float32).astype(float)
    table = pa.table({"candidate.rb": stored})
    assert filter_table(table, parse_conditions("candidate.rb = 0.55", SCHEMA).sql).tolist() == []
    assert filter_table(table, parse_conditions("abs(candidate.rb - 0.55) < 1e-5", SCHEMA).sql).tolist() == [0]


@pytest.mark.parametrize(
    "text",
    [
        "lower(cdsxmatch) = true",
        "upper(cdsxmatch) <> 1.0",
        "lower(candidate.fid) <=> -5",
        "candidate.rb IN ('0.5', 0.7)",
        "candidate.ra IN ('NaN', 1)",
        "candidate.fid <> 1e400",
        "candidate.fid = CAST('NaN' AS DOUBLE)",
        "round(candid, 1) IN (1/0, 0.3)",
    ],
)
def test_constants_of_another_kind_than_the_field_stop_no_condition(text: str):
    assert parse_conditions(text, SCHEMA, survey=survey_named("ztf")).sql


FIELDS = st.sampled_from([*scalar_leaves(SCHEMA), "lower(cdsxmatch)", "upper(roid)", "abs(candidate.ra)", "roid + 1"])
CONSTANTS = st.sampled_from(
    [
        "1",
        "-0.5",
        "1e400",
        "12345678901234567890",
        "'a'",
        "'0.5'",
        "'SN%'",
        "''",
        "null",
        "true",
        "1/0",
        "jd('2021-11-22')",
    ]
)


@given(
    FIELDS,
    st.sampled_from(["{0} = {1}", "{0} <> {1}", "{0} <= {1}", "{0} <=> {1}", "{0} IN ({1}, {2})"]),
    st.tuples(CONSTANTS, CONSTANTS),
    st.sampled_from(["{0}", "NOT ({0})", "({0}) AND candidate.ra > 3", "CASE WHEN {0} THEN true END"]),
)
def test_whatever_is_compared_is_noted_or_refused(field: str, form: str, constants: tuple[str, str], around: str):
    text = around.format(form.format(field, *constants))
    try:
        said = parse_conditions(text, SCHEMA, survey=survey_named("ztf")).notes
    except ConditionError as exc:
        said = (exc.message,)
    assert all(said)
