"""What people write: taken as it is meant, or refused at its place with what to write instead."""

import pyarrow as pa
import pytest

from engine.conditions import filter_table, parse_conditions
from engine.errors import ConditionError

POSITION = ("candidate.ra", "candidate.dec")
CANDIDATE = {
    **dict.fromkeys(["rb", "drb", "magpsf", "magnr", "magdiff", "distnr", "jd", "ra", "dec"], pa.float64()),
    "fid": pa.int32(),
    "ndethist": pa.int32(),
    "isdiffpos": pa.string(),
    "ssnamenr": pa.string(),
}
SCHEMA = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        ("candidate", pa.struct(list(CANDIDATE.items()))),
        ("prv_candidates", pa.list_(pa.struct([("magpsf", pa.float64())]))),
        ("cdsxmatch", pa.string()),
        ("roid", pa.int32()),
        ("rf_snia_vs_nonia", pa.float64()),
        ("snn_snia_vs_nonia", pa.float64()),
        ("mangrove", pa.map_(pa.string(), pa.string())),
        ("from_upper", pa.bool_()),
    ]
)
ALERT = {
    "objectId": "ZTF21abcdefg",
    "candid": 1_777_000_000_000_000_001,
    "cdsxmatch": "Star",
    "roid": 0,
    "candidate.rb": 0.9,
    "candidate.drb": 0.99,
    "candidate.magpsf": 18.5,
    "candidate.magnr": 12.0,
    "candidate.magdiff": -1.5,
    "candidate.distnr": 2.5,
    "candidate.jd": 2_459_540.75,
    "candidate.ra": 359.9999,
    "candidate.dec": 10.0,
    "candidate.fid": 1,
    "candidate.ndethist": 4,
    "candidate.isdiffpos": "t",
    "candidate.ssnamenr": "null",
    "rf_snia_vs_nonia": 0.6,
    "snn_snia_vs_nonia": 0.7,
    "from_upper": True,
    "mangrove.2MASS_name": "None",
    "size(prv_candidates)": 7,
}
TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def holds(text: str) -> bool:
    """Return whether conditions select the one alert."""
    conditions = parse_conditions(text, SCHEMA, POSITION)
    table = pa.table({leaf: pa.array([ALERT[leaf]], TYPES[type(ALERT[leaf])]) for leaf in conditions.leaves})
    return filter_table(table, conditions.sql).tolist() == [0]


@pytest.mark.parametrize(
    "text",
    [
        "candidate.rb>0.55 and candidate.drb>.5",
        "candidate.rb > 0.55\nAND candidate.fid = 1",
        "candidate.rb\u00a0> 0.55;\u00a0",
        "\tcandidate.rb\t>\t5.5e-1\r\nAND\r\ncandidate.fid == 1 ;\r\n",
        "candidate.rb > 1E-3 -- real",
        "candidate.rb > 0.55 -- it's good; really",
        "candidate.rb > 0.55 /* it's good;\n really */ ; /* end",
        "NOT candidate.isdiffpos = 'f'",
        "not (candidate.fid = 2 or candidate.fid = 3)",
        "!(candidate.fid = 2)",
        "candidate.fid != 2 AND candidate.fid <> 3",
        "candidate.isdiffpos = 't' or candidate.isdiffpos = '1'",
        'cdsxmatch = "Star"',
        "cdsxmatch in ('Star', \"Galaxy\")",
        "cdsxmatch Not In ('Unknown','Galaxy')",
        "cdsxmatch is not null",
        "OBJECTID like 'ZTF21%'",
        "`objectId` LIKE 'ZTF__abc%'",
        "`candidate`.`rb` > 0.55",
        "candidate['rb'] > 0.55",
        "Candidate.NdetHist <= 5",
        "roid = '0'",
        "candid = 1777000000000000001",
        "candid > 1777000000000000000.5",
        "candidate.magpsf BETWEEN 18 AND 19",
        "18 < candidate.magpsf AND candidate.magpsf < 19",
        "(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2)",
        "rf_snia_vs_nonia > 0.5; snn_snia_vs_nonia > 0.5",
        "ABS(candidate.magdiff) > 1 AND Sqrt(candidate.distnr) < 2",
        "candidate.ssnamenr = 'null'",
        "size(prv_candidates) > 5",
        "mangrove.`2MASS_name` = 'None' AND mangrove.2MASS_name = 'None' AND mangrove['2MASS_name'] = 'None'",
        "cone(0, 10, 10) AND candidate.jd >= jd('2021-11-22 06:00')",
        "from_upper",
        "from_upper = true AND from_upper IS TRUE",
        "true",
        "1 = 1",
        "objectId RLIKE r'^ZTF\\d+'",
        "objectId RLIKE '^ZTF\\\\d+'",
        "-candidate.magdiff > +1",
        "candidate.rb > 0.5D AND candid > 3L;",
    ],
)
def test_what_people_write_is_taken_as_it_is_meant(text):
    if text.endswith("/* end"):
        text += " */"
    assert holds(text)
    assert holds(parse_conditions(text, SCHEMA, POSITION).text)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("candidate.rb > 0.55 && candidate.fid = 1", "&&", "AND"),
        ("candidate.fid = 1 || candidate.fid = 2", "1 || candidate.fid", "OR"),
        ("candidate.rb > 0.55 & candidate.fid = 1", "&", "AND"),
        ("candidate.rb > 0.55 | candidate.fid = 1", "|", "OR"),
        ("candidate.rb => 0.55", "=>", ">="),
        ("exists(prv_candidates, x => x.magpsf < 18)", "=>", "->"),
        ("exists(prv_candidates, x → x.magpsf < 18)", "→", "->"),
        ("exists(prv_candidates, lambda x: x.magpsf < 18)", None, "x -> x.magpsf"),
        ("exists(SELECT 1 FROM prv_candidates WHERE magpsf < 18)", None, "exists(prv_candidates, x ->"),
        ("prv_candidates[].magpsf < 18", ".", "prv_candidates[0].magpsf"),
        ("2 IN prv_candidates.magpsf", None, "array_contains("),
        ("array_length(prv_candidates) > 2", None, "size(prv_candidates)"),
        ("max(prv_candidates.magpsf) > 18", None, "exists(prv_candidates, x ->"),
        ("candidate.rb =< 0.55", "=<", "<="),
        ("candidate.rb === 0.55", "===", "="),
        ("candidate.rb ** 2 > 0.5", "**", "power(x, 2)"),
        ("candidate.rb ^ 2 > 0.5", "^", "power(x, 2)"),
        ("~from_upper", "~", "NOT"),
        ("candidate.rb > 0.5 # good", "#", "--"),
        ("candidate.rb > 0.5 // good", "//", "--"),
        ("candidate.rb > 0,5", ",", "0.5"),
        ("candidate.rb > 0.5, candidate.fid = 1", ",", "AND"),
        ("candidate.rb > 0.5\ncandidate.fid = 1", ".", "end in ;"),
        ("candidate.rb > 0.5\nsize(prv_candidates) > 1", "(", "end in ;"),
        ("WHERE candidate.rb > 0.5", "WHERE", "the conditions alone"),
        ("SELECT objectId FROM alerts WHERE candidate.rb > 0.5", None, "the fields of one alert"),
        ("candidate.fid = 1 XOR candidate.fid = 2", "XOR", "<>"),
        ("candidate.rb IS NAN", "candidate.rb IS NAN", "isnan(x)"),
        ("candidate.rb = NaN", "NaN", "isnan(x)"),
        ("candidate.rb > 0.55 and", "and", ";"),
        ("candidate.isdiffpos", "candidate.isdiffpos", "= 'text'"),
        ("rb > 0.55", "rb", "candidate.rb"),
        ("candidate.rbb > 0.55", "candidate.rbb", "candidate.rb"),
        ("cand.rb > 0.55", "cand.rb", "candidate.rb"),
        ("magpsf > 18", "magpsf", "candidate.magpsf"),
        ("prv_candidates.magpsf > 18", "prv_candidates.magpsf", "exists(prv_candidates, x -> x.magpsf"),
        ("lenght(objectId) > 1", "lenght(objectId", "length"),
        ("objectId = ‘ZTF21abc’", "‘", "'"),
        ("objectId = “ZTF21abc”", "“", "'"),
        ("objectId = ´ZTF21abc´", "´", "'"),
        ("candidate.magdiff – 1 > 0", "–", "-"),
        ("candidate.magdiff > −1", "−", "-"),
        ("candidate.rb ≥ 0.5", "≥", ">="),
        ("candidate.rb ≠ 0.5", "≠", "<>"),
        ("candidate.rb × 2 > 1", "×", "*"),
        ("candidate.rb > 0.5；", "；", ";"),
        ("candidate.rb\u200b > 0.5", " ", "leave it out"),
        ("\ufeffcandidate.rb > 0.5", " ", "leave it out"),
        ("candidate.rb > \x00", " ", "leave it out"),
        ("ünknown = 1", "ü", "quoted names"),
        ("candid > 1; objectId = 'ZTF21", "'", "close it"),
        ("objectId = 'it's'", "'", "close it"),
        ("candid > 1 /* good", "/*", "close it"),
        ("`candid > 1", "`", "close it"),
        ("candidate.rb > 50%", "%", "operators"),
        ("candidate.ra > 10h", "10h", "engine.fields()"),
        ("objectId LIKE 'a' ESCAPE candid", "candid", "operators"),
        ("objectId RLIKE 'a' ESCAPE '/'", "objectId RLIKE 'a'", "LIKE 'a/_%' ESCAPE '/'"),
    ],
)
def test_other_habits_are_refused_with_what_to_write(text, place, hint):
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, SCHEMA, POSITION)
    error = caught.value
    line, carets = error.message.splitlines()[-2:]
    assert hint in f"{error.accepted} {error.next_step}"
    if place is not None:
        assert line[carets.index("^") : carets.rindex("^") + 1] == place


def test_odd_characters_are_fine_inside_of_texts_names_and_comments():
    for text in ("objectId <> '“ü–’'", "candid > 1 -- “ü–’ && #", "/* ≥ ＆ \u200b */ candid > 1", 'objectId <> "‘&&’"'):
        assert holds(text)
    names = pa.schema([("größe", pa.float64())])
    assert parse_conditions("`GRÖẞE` > 1 OR `größe` > 2", names).leaves == ("größe",)


@pytest.mark.parametrize("name", ["floor", "ceil", "abs", "round", "lower", "isnull"])
def test_nested_calls_are_written_out_once(name):
    sql = parse_conditions(f"{name}(" * 20 + "candid" + ")" * 20 + " IS NOT NULL", SCHEMA).sql
    assert sql.count('"candid"') == 1


@pytest.mark.parametrize(
    "text",
    [
        "nullif(" * 24 + "candid" + ", 1)" * 24 + " > 1",
        "(" * 24 + "from_upper" + " BETWEEN true AND true)" * 24,
        "CASE " * 20 + "candid" + " WHEN 1 THEN 2 WHEN 2 THEN 3 WHEN 3 THEN 4 END" * 20 + " = 1",
        "(" * 24 + "from_upper" + " IN (from_upper, true, NULL))" * 24,
    ],
    ids=["nullif", "between", "case", "in"],
)
def test_what_would_grow_with_each_level_is_refused(text):
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, SCHEMA)
    assert caught.value.next_step
