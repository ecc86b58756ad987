"""Words without quotes, lists without parentheses and the portal's names are answered with what to write."""

import pyarrow as pa
import pytest

from engine.conditions import parse_conditions
from engine.errors import ConditionError
from engine.surveys import survey_named

CANDIDATE = {
    **dict.fromkeys(["magpsf", "magnr", "rb", "jd", "jdstarthist", "ra"], pa.float64()),
    **dict.fromkeys(["fid", "ndethist"], pa.int32()),
    "isdiffpos": pa.string(),
}
SCHEMA = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        ("candidate", pa.struct(list(CANDIDATE.items()))),
        ("cutoutScience", pa.struct([("fileName", pa.string()), ("stampData", pa.binary())])),
        ("cdsxmatch", pa.string()),
        ("finkclass", pa.string()),
        ("tracklet", pa.string()),
        ("roid", pa.int32()),
        ("Plx", pa.float64()),
        ("rf_snia_vs_nonia", pa.float64()),
        ("mag_rate", pa.float64()),
        ("from_upper", pa.bool_()),
        ("timestamp", pa.timestamp("us")),
        ("lc_features_g", pa.struct([("skew", pa.float64())])),
        ("mangrove", pa.map_(pa.string(), pa.string())),
    ]
)
ZTF = survey_named("ztf")


def refusal(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, SCHEMA, survey=ZTF)
    return caught.value


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("cdsxmatch IS NOT Unknown", "cdsxmatch <> 'Unknown'"),
        ("cdsxmatch IS Unknown", "cdsxmatch = 'Unknown'"),
        ("cdsxmatch IS NOT 'Unknown'", "cdsxmatch <> 'Unknown'"),
        ("candidate.fid IS 1", "candidate.fid = 1"),
        ("candidate.fid IS UNKNOWN", "candidate.fid IS NULL"),
        ("candidate.rb IS NOT None", "candidate.rb IS NOT NULL"),
        ("cdsxmatch = None", "cdsxmatch IS NULL"),
        ("cdsxmatch = Unknown", "cdsxmatch = 'Unknown'"),
        ("cdsxmatch != Unknown AND candidate.rb > 0.5", "cdsxmatch != 'Unknown'"),
        ("candidate.rb > 0.5; cdsxmatch = Star", "cdsxmatch = 'Star'"),
        ("candidate.rb > 0.5 AND (cdsxmatch = Star)", "cdsxmatch = 'Star'"),
        ("NOT cdsxmatch = Star", "cdsxmatch = 'Star'"),
        ("`cdsxmatch` = `Star`", "`cdsxmatch` = 'Star'"),
        ("lower(cdsxmatch) = star", "lower(cdsxmatch) = 'star'"),
        ("substring(objectId, 1, 3) = ZTF", "substring(objectId, 1, 3) = 'ZTF'"),
        ("mangrove['HyperLEDA_name'] <> None", "mangrove['HyperLEDA_name'] IS NOT NULL"),
        ("objectId = ZTF21abcdefg", "objectId = 'ZTF21abcdefg'"),
        ("candidate.isdiffpos = t", "candidate.isdiffpos = 't'"),
        ("candidate.isdiffpos = T", "candidate.isdiffpos = 't'"),
        ("cdsxmatch = EB*", "cdsxmatch = 'EB*'"),
        ("cdsxmatch == Early SN Ia candidate", "cdsxmatch == 'Early SN Ia candidate'"),
        ("finkclass = SN candidate", "finkclass = 'SN candidate'"),
        ("finkclass = `SN candidate`", "finkclass = 'SN candidate'"),
        ("finkclass IN (SN candidate, Solar System MPC)", "finkclass IN ('SN candidate', 'Solar System MPC')"),
        ("cdsxmatch IN (QSO, RRLyr)", "cdsxmatch IN ('QSO', 'RRLyr')"),
        ("cdsxmatch NOT IN (QSO, 'RRLyr')", "cdsxmatch NOT IN ('QSO', 'RRLyr')"),
        ("cdsxmatch IN QSO, RRLyr", "cdsxmatch IN ('QSO', 'RRLyr')"),
        ("cdsxmatch IN 'QSO'", "cdsxmatch IN ('QSO')"),
        ("candidate.fid IN [1, 2]", "candidate.fid IN (1, 2)"),
        ("candidate.fid = (1, 2)", "candidate.fid IN (1, 2)"),
        ("candidate.fid = 1 OR 2", "candidate.fid IN (1, 2)"),
        ("cdsxmatch = 'QSO' or Star", "cdsxmatch IN ('QSO', 'Star')"),
        ("cdsxmatch = ('QSO' OR 'Star')", "cdsxmatch IN ('QSO', 'Star')"),
        ("cdsxmatch <> 'QSO' AND 'Star'", "cdsxmatch NOT IN ('QSO', 'Star')"),
        ("cdsxmatch LIKE 'SN%' OR 'QSO%'", "cdsxmatch LIKE 'SN%' OR cdsxmatch LIKE 'QSO%'"),
        ("cdsxmatch = NOT 'Unknown'", "cdsxmatch <> 'Unknown'"),
        ("cdsxmatch NOT = 'Unknown'", "cdsxmatch <> 'Unknown'"),
        ("objectId LIKE ZTF21%", "objectId LIKE 'ZTF21%'"),
        ("objectId NOT LIKE %abc", "objectId NOT LIKE '%abc'"),
        ("objectId RLIKE ^ZTF2[12]", "objectId RLIKE '^ZTF2[12]'"),
        ("cdsxmatch contains 'Star'", "contains(cdsxmatch, 'Star')"),
        ("candidate.fid = g", "candidate.fid = 1"),
        ("candidate.fid <> r", "candidate.fid <> 2"),
        ("candidate.fid IN (g, i)", "candidate.fid IN (1, 3)"),
        ("from_upper = yes", "from_upper = true"),
        ("cdsxmatch IS NOT UNKNOWN", "cdsxmatch <> 'Unknown'"),
        ("cdsxmatch != unknown", "cdsxmatch != 'Unknown'"),
        ("finkclass IN (rrlyr, sn CANDIDATE)", "finkclass IN ('RRLyr', 'SN candidate')"),
        ("cdsxmatch = galaxy", "cdsxmatch = 'galaxy'"),
        ("objectId = star", "objectId = 'star'"),
        ("Unknown = cdsxmatch", "cdsxmatch = 'Unknown'"),
        ("candidate.rb > 0.5 AND NOT unknown <> cdsxmatch", "cdsxmatch <> 'Unknown'"),
        ("(SN candidate = finkclass)", "finkclass = 'SN candidate'"),
        ("g < candidate.fid", "candidate.fid > 1"),
        ("candidate.fid NOT IN (g)", "candidate.fid NOT IN (1)"),
        ("candidate.fid BETWEEN g AND r", "candidate.fid BETWEEN 1 AND 2"),
        ("candidate.fid not between g and 3 OR candid > 1", "candidate.fid NOT BETWEEN 1 AND 3"),
        ("objectId BETWEEN ZTF21 AND ZTF22", "objectId BETWEEN 'ZTF21' AND 'ZTF22'"),
        (
            "candidate.jd BETWEEN 2021-11-22T06:00 AND 2459541",
            "candidate.jd BETWEEN jd('2021-11-22T06:00') AND 2459541",
        ),
        ("candidate.jd > 2021-11-22T06:00", "candidate.jd > jd('2021-11-22T06:00')"),
    ],
)
def test_a_word_without_quotes_is_answered_with_what_to_write(text, instead):
    error = refusal(text)
    assert error.accepted == instead
    line, carets = error.message.splitlines()[-2:]
    assert line[carets.index("^") : carets.rindex("^") + 1] in text
    assert parse_conditions(error.accepted, SCHEMA, survey=ZTF).sql


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("candidate.fid = ztf_g", "1 = g, 2 = r, 3 = i"),
        ("roid = asteroid", "3 = known to the Minor Planet Center, 2 = candidate, 1 = neither, 0 = neither"),
        ("from_upper = maybe", "from_upper = true, from_upper = false"),
        ("candidate.fid BETWEEN ztf_g AND r", "1 = g, 2 = r, 3 = i"),
    ],
)
def test_a_word_that_no_value_stands_for_is_answered_with_the_values(text, accepted):
    assert refusal(text).accepted == accepted


def test_the_values_of_a_number_stand_beside_it():
    assert "1 = g, 2 = r, 3 = i" in str(refusal("candidate.fid = g").next_step)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("candidate.rb > candidate.rbb", "candidate.rb"),
        ("cdsxmatch = lower(nothing)", "engine.fields()"),
        ("candidate.magpsf > magnr", "candidate.magnr"),
        ("candidate.rb = NaN", "isnan(x)"),
        ("candidate.magpsf > 18,5", "0.5"),
        ("cdsxmatch = 'Star", "close it"),
        ("cdsxmatch = ‘Star’", "'"),
        ("candidate.rb > 0.5 AND", ";"),
    ],
)
def test_other_mistakes_keep_their_own_answers(text, hint):
    error = refusal(text)
    assert hint in f"{error.accepted} {error.next_step}"


@pytest.mark.parametrize("text", ["cdsxmatch = tracklet", "cdsxmatch IN (tracklet, 'Star')", "cdsxmatch = `tracklet`"])
def test_a_word_that_is_a_field_stays_one(text):
    assert parse_conditions(text, SCHEMA, survey=ZTF).leaves == ("cdsxmatch", "tracklet")


def test_unknown_is_asked_of_truth_values():
    for text in ("from_upper IS NOT UNKNOWN", "(candidate.fid = 1) IS UNKNOWN", "null IS UNKNOWN"):
        assert parse_conditions(text, SCHEMA, survey=ZTF).sql


def test_between_takes_two_values_with_and():
    assert "AND" in refusal("candidate.ra BETWEEN 10 20").message
    assert parse_conditions("candidate.ra BETWEEN 10 AND 20", SCHEMA).sql


# --- The portal's names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("i:magpsf > 18", "candidate.magpsf"),
        ("-- faint ones\r i:magpsf > 18", "candidate.magpsf"),
        ("`i:magpsf` > 18", "candidate.magpsf"),
        ('"i:magpsf" > 18', "candidate.magpsf"),
        ("'d:cdsxmatch' = 'Star'", "cdsxmatch"),
        ("I:magpsf > 18", "candidate.magpsf"),
        ("i: magpsf > 18", "candidate.magpsf"),
        ("candidate.i:magpsf > 18", "candidate.magpsf"),
        ("D:cdsxmatch = 'Star'", "cdsxmatch"),
        ("V:Classification = 'Star'", "finkclass"),
        ("i:objectId LIKE 'ZTF21%'", "objectId"),
        ("i:candid > 1", "candid"),
        ("candid > 1 AND abs(i:magnr-i:magpsf) < 1", "candidate.magnr, candidate.magpsf for i:magpsf"),
        ("d:rf_snia_vs_nonia > 0.5", "rf_snia_vs_nonia"),
        ("d:lc_features_g IS NOT NULL", "lc_features_g"),
        ("d:lc_features_g_skew > 1", "lc_features_g.skew"),
        ("d:mangrove_2MASS_name <> 'None'", "mangrove.`2MASS_name`"),
        ("v:classification = 'SN candidate'", "finkclass"),
        ("v:firstdate > 1", "candidate.jdstarthist"),
        ("v:rate > 1", "mag_rate"),
        ("b:cutoutScience_fileName IS NULL", "cutoutScience.fileName"),
    ],
)
def test_a_name_of_the_portal_is_answered_with_the_field(text, fields):
    error = refusal(text)
    assert error.accepted == fields
    assert "portal" in error.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("v:g-r > 1", "candidate.fid = 1"),
        ("v:rate(g-r) > 1", "candidate.fid = 1"),
        ("v:constellation = 'Orion'", "cone("),
        ("b:cutoutScience_stampData IS NULL", "cutoutScience IS NOT NULL"),
        ("i:magpsff > 18", "candidate.magpsf"),
    ],
)
def test_a_name_of_the_portal_that_no_alert_has_is_told(text, hint):
    error = refusal(text)
    assert hint in f"{error.accepted} {error.next_step}"


def test_what_the_portal_computes_of_fields_that_these_nights_lack_is_told():
    schema = pa.schema([("objectId", pa.string()), ("candidate", pa.struct([("jd", pa.float64())]))])
    for name in ("v:rate", "v:lapse", "v:classification"):
        with pytest.raises(
            ConditionError, match=f"{name} is a name of the portal, of what no alert of these"
        ) as caught:
            parse_conditions(f"{name} > 0", schema, survey=ZTF)
        assert caught.value.accepted not in ("mag_rate", "finkclass")


@pytest.mark.parametrize(
    "text", ["objectId <> 'i:nothing'", "candid > 1 -- i:magpsf", "candid::double > 1", "objectId <> 'I: am'"]
)
def test_what_only_looks_like_a_name_of_the_portal_is_none(text):
    assert parse_conditions(text, SCHEMA, survey=ZTF).sql
