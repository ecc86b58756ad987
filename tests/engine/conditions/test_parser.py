"""Conditions give what Spark 3.5 gives, or are refused with the place, and never reach anything but the alerts."""

import contextlib
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions import all_of, filter_table, parse_conditions
from engine.conditions.parser import Conditions
from engine.errors import ConditionError
from engine.schema import union_schemas
from tests.engine.conditions.tables import ALERT, GOLDEN, TABLE, column, field, flat, refusal, rows

# --- What Spark gives ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("golden", GOLDEN["conditions"], ids=lambda golden: golden["sql"])
def test_condition_keeps_the_rows_that_spark_keeps(golden):
    assert rows(golden["sql"]) == [i for i, value in enumerate(golden["result"]) if value]


def test_negated_conditions_keep_the_rows_where_spark_says_false():

    for golden in GOLDEN["conditions"][::4]:
        if not golden["sql"].startswith("!"):
            expected = [i for i, value in enumerate(golden["result"]) if value is False]
            assert rows(f"NOT ({golden['sql']})") == expected, golden["sql"]


@pytest.mark.parametrize("golden", GOLDEN["values"], ids=lambda golden: golden["sql"])
def test_value_is_what_spark_computes(golden):
    # Spark's own result stands in the table, and the expression is compared with it.
    table = TABLE.append_column(field("r", golden["type"]), column(golden["result"], golden["type"]))
    sql = f"({golden['sql']}) <=> r"
    if golden["type"] == "float":
        sql = f"CAST({golden['sql']} AS DOUBLE) <=> r"
    elif pa.types.is_floating(table.schema.field("r").type):
        # Java's and C's functions of real numbers differ in the last digit.
        sql += f" OR abs(({golden['sql']}) - r) <= 4e-15 * abs(r)"
    assert rows(sql, table) == list(range(TABLE.num_rows))


@pytest.mark.parametrize("golden", GOLDEN["refused"], ids=lambda golden: golden["sql"])
def test_what_spark_refuses_is_refused(golden):
    error = refusal(golden["sql"])
    assert error.accepted or error.next_step


def test_nan_is_greater_than_any_number_and_no_null():
    table = pa.table({"x": pa.array([1.0, float("nan"), None, float("inf")])})
    assert rows("x > 5", table) == [1, 3]
    assert rows("NOT (x > 5)", table) == [0]
    assert rows("x <= 5", table) == [0]
    assert rows("x = CAST('NaN' AS DOUBLE)", table) == [1]
    assert rows("x IS NULL", table) == [2]


# --- Splitting, comments, quoting ---------------------------------------------------------------------------------

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


def test_examples_of_the_announcement_run_as_they_stand():
    first, second, third = (parse_conditions(text, ALERT) for text in (EXAMPLE_1, EXAMPLE_2, EXAMPLE_3))
    assert first.leaves == ("candidate.magpsf", "candidate.distnr")
    assert first.text == "candidate.magpsf > 19.5;\ncandidate.distnr > 2;"
    table = flat(**{"candidate.magpsf": [19.6, 19.5, 20, None], "candidate.distnr": [2.1, 3, 2, 5]})
    assert filter_table(table, first.sql).tolist() == [0]
    magnr, magpsf, distnr = [10.0, 20.0, 15.0], [15.0, 19.0, 15.0], [1.0, 1.0, 0.0]
    table = flat(**{"candidate.magnr": magnr, "candidate.magpsf": magpsf, "candidate.distnr": distnr})
    assert filter_table(table, second.sql).tolist() == [0]  # log10(0) is null
    table = flat(rf_snia_vs_nonia=[0.6, 0.6, 0.5], snn_snia_vs_nonia=[0.6, None, 0.6])
    assert filter_table(table, third.sql).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("objectId = 'a;b'; candid > 1", "objectId = 'a;b';\ncandid > 1;"),
        ("candid > 1; -- no; more\n/* ; */ candid < 5;", "candid > 1;\ncandid < 5;"),
        ("candid\n  > 1\n  AND candid < 5", "candid > 1 AND candid < 5;"),
        ("candid > 1;;\n;candid < 5;", "candid > 1;\ncandid < 5;"),
        ("objectId = 'it\\'s; -- not'", "objectId = 'it\\'s; -- not';"),
        ('objectId = "two ""; words"', 'objectId = "two ""; words";'),
        ("candid /* one */ > /* two */ 1", "candid > 1;"),
        ("(candid > 1)", "(candid > 1);"),
    ],
)
def test_conditions_are_split_by_a_parser(text, normalised):
    conditions = parse_conditions(text, ALERT)
    assert conditions.text == normalised
    assert parse_conditions(conditions.text, ALERT) == conditions


@pytest.mark.parametrize("text", [None, "", "  \n", ";", "-- nothing", "/* nothing */;"])
def test_nothing_asked_keeps_every_alert(text):
    assert parse_conditions(text, ALERT) == Conditions(text="", sql=None, leaves=())


def test_times_are_compared_as_texts():
    conditions = parse_conditions("timestamp > '2021-11-22 06:00'", ALERT)
    table = flat(timestamp=["2021-11-22 05:59:59.9", "2021-11-22 06:00:00.000000", None])
    assert filter_table(table, conditions.sql).tolist() == [1]


def test_times_are_found_in_whatever_form_they_are_asked_for():
    column = pa.array(["2021-11-22 03:00:00", "2021-11-22 03:00:00.5", None])
    for schema in (ALERT, union_schemas([("file", ALERT)])):
        for form in ("T03:00", " 3:00", "T03:00:00Z", " 03:00:00.000", "T05:00:00+02:00", "T03"):
            for text, kept in (("=", [0]), (">", [1]), ("<=", [0]), ("<>", [1])):
                conditions = parse_conditions(f"timestamp {text} '2021-11-22{form}'", schema)
                assert filter_table(pa.table({"timestamp": column}), conditions.sql).tolist() == kept, form


@pytest.mark.parametrize(
    "text",
    [
        *("timestamp > 'yesterday'", "timestamp > '22/11/2021'", "timestamp > '2021-02-30'", "timestamp > '06:00'"),
        *("timestamp > jd('2021-11-22')", "timestamp > objectId", "timestamp + 1 > 2", "isnan(timestamp)"),
        *("CAST(timestamp AS DOUBLE) > 1", "timestamp IN ('2021-11-22T06:00')", "timestamp BETWEEN 1 AND 2"),
        *("timestamp > '2021-11-22T06:00 Europe/Paris'", "least(timestamp, '2021') < '2022'"),
    ],
)
def test_what_is_no_time_is_refused_where_a_time_is_asked_for(text):
    error = refusal(text, ALERT)
    assert "2021-11-22" in f"{error.accepted} {error.next_step}" or "timestamp" in str(error.next_step)


def test_all_of_joins_conditions():
    one, two = parse_conditions("candid > 1", ALERT), parse_conditions("candidate.fid = 1; candid < 9", ALERT)
    joined = all_of(one, parse_conditions(None, ALERT), two)
    assert joined.leaves == ("candid", "candidate.fid")
    assert joined.text == "candid > 1;\ncandidate.fid = 1;\ncandid < 9;"
    table = flat(**{"candid": [1, 2, 3, 9], "candidate.fid": [1, 1, 2, 1]})
    assert filter_table(table, joined.sql).tolist() == [1]
    assert all_of(parse_conditions("", ALERT)).sql is None


# --- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("candidate.magpsff > 19", "^" * len("candidate.magpsff"), "candidate.magpsf"),
        ("candid > 1;\n  magpsf > 19", "  ^^^^^^", "candidate.magpsf"),
        ("candid > 1 AND\n candidate.fid = sqroot(2)", "^" * len("sqroot"), "sqrt"),
        ("candidate > 1", "^" * len("candidate"), "candidate.magpsf"),
        ("prv_candidates = 1", "^" * len("prv_candidates"), "size(prv_candidates)"),
        ("TWIN = 1", "^^^^", "Twin, twin"),
        ("candidate.magpsf", "^" * len("candidate.magpsf"), "IS NOT NULL"),
        ("candid >", "^", "parentheses"),
        ("(candid > 1", "^", "parentheses"),
        ("candid > 1 candid < 3", "^", ";"),
        ("size(objectId) > 1", "^" * len("objectId"), "size(prv_candidates)"),
        ("max(candid) > 1", "^" * len("max(candid"), "one alert"),
        ("objectId RLIKE '('", "^", "RE2"),
        ("objectId LIKE candid", "^" * len("candid"), "LIKE 'ZTF21%'"),
        ("round(candid, candid) = 1", "^" * len("candid"), "round(x, 2)"),
        ("CAST(timestamp AS DATE) > '2021'", "^", "times are compared with texts"),
        ("cutoutScience.stampData = 'x'", "^", ""),
        ("int(objectId) > 1", "^^^", "CAST(x AS INT)"),
        ("try_cast(objectId AS INT) > 1", "^", "CAST(x AS INT)"),
        ("CAST(candid AS DECIMAL(5, 2)) > 1", "^", "round(x, 2)"),
        ("trim(BOTH FROM objectId) = 'x'", "^^^^", "trim(x)"),
        ("objectId LIKE ANY ('a%', 'b%')", "^", "x LIKE 'a%' OR x LIKE 'b%'"),
        ("concat(candid * 1.5, 'x') = ''", "^" * len("candid * 1.5"), "CAST(x AS DOUBLE)"),
        ("candid % 2.5 = 1", "^" * len("candid % 2.5"), "2.5D"),
        ("prv_candidates < 1", "^" * len("prv_candidates"), "prv_candidates IS NULL"),
        ("candidate = NULL", "^" * len("candidate"), "candidate IS NOT NULL"),
        ("candidate.magpsf > pi()", "^^", "radians(180)"),
    ],
)
def test_refusal_points_at_the_place_and_says_what_to_do(text, place, hint):
    error = refusal(text, ALERT)
    lines = error.message.splitlines()
    assert lines[-1].strip().startswith(place.strip())
    assert lines[-2].strip() in text
    assert "line" in lines[0]
    assert "column" in lines[0]
    assert hint in f"{error.accepted} {error.next_step}"


@pytest.mark.parametrize("text", ["candid =", "= 1", "=", "AND", "candid > 1 OR", "candid + > 1", "NOT"])
def test_an_operator_without_an_operand_is_refused_in_the_same_words_each_time(text):
    # Of an operator that lacks both, the parser names either, as the hashes of a process fall.
    assert "an expression is missing" in refusal(text, ALERT).message


def test_caret_stands_below_the_name():
    error = refusal("candid > 1;\n\tcandid < 5 AND   nothing = 1", ALERT)
    line, carets = error.message.splitlines()[-2:]
    assert line[carets.index("^") :].startswith("nothing = 1")
    assert "(line 2, column 19)" in error.message
    assert "condition 2" in error.message


@pytest.mark.parametrize(
    "text",
    [
        *("SELECT 1", "candid IN (SELECT 1)", "candid > (SELECT max(candid) FROM alerts)", "EXISTS (SELECT 1)"),
        *("candid > 1; DROP TABLE alerts", "CREATE TABLE x AS SELECT 1", "candid > 1 UNION SELECT 2", "VALUES (1)"),
        *("row_number() OVER (ORDER BY candid) > 1", "sum(candid) > 1", "count(*) > 1", "*", "candidate.*"),
        *("read_text('/etc/passwd') = 'x'", "other.alerts.candid > 1", "`/etc/passwd` = 1", "java_method('a', 'b')"),
        *("@x = 1", "$x = 1", ":x = 1", "? = 1", "{{ x }} = 1", "x'AB' = objectId", "SET x = 1", "candid -> 1"),
        *("candid BETWEEN SYMMETRIC 3 AND 1", "objectId LIKE ANY ('a', 'b')", "INTERVAL 1 DAY > candid", "(1, 2) = 1"),
        *(
            "candid COLLATE x = 1",
            "objectId = 'open",
            "`open > 1",
            "/* open",
            "candid > 1e",
            "candid > 0x1F",
            "1 < candid < 5",
        ),
        *("objectId LIKE 'a' = true", "objectId NOT LIKE 'a' <=> true", "candid BETWEEN 1 AND 2 = true"),
        *("candid NOT IN (1) = true", "objectId RLIKE 'a' IS NULL", "objectId LIKE 'a' LIKE 'b'"),
        *("candid = candid IN (1)", "candid AS x", "candid > 1 x", "CASE WHEN candid THEN 1 END = 1", "candid IN ()"),
        *("TRY_CAST(candid AS MAP<INT, INT>) = 1", "candid & 1 = 1", "transform(prv_candidates, x -> x) = 1", "not"),
        *(
            "objectId = '\ud800'",
            "candid > " + "9" * 50,
            "mangrove[0] = 'x'",
            "size(size(prv_candidates)) = 1",
            "log() > 1",
        ),
    ],
)
def test_nothing_but_a_condition_on_one_alert_passes(text):
    error = refusal(text, ALERT)
    assert error.accepted or error.next_step


LARGE = {
    "terms": " AND ".join(["candid > 1"] * 10_000),
    "lines": "candid > 1;\n" * 10_000,
    "sum": " + ".join(["candid"] * 10_000) + " > 1",
    "short sum": " + ".join(["candid"] * 200) + " > 1",
    "parentheses": "(" * 10_000 + "candid > 1" + ")" * 10_000,
    "open": "(" * 3_000,
    "spread parentheses": "NOT (" * 100 + "candid > 1" + ")" * 100,
    "not": "NOT " * 3_000 + "candid > 1",
    "minus": "- " * 3_000 + "candid > 1",
    "case": "CASE WHEN candid > 1 THEN " * 100 + "true" + " END" * 100,
    "calls": "abs(" * 100 + "candid" + ")" * 100 + " > 1",
    "casts": "candid" + "::double" * 900 + " > 1",
    "brackets": "candid" + "['a']" * 900 + " > 1",
    "dots": "candid" + ".a" * 900 + " > 1",
    "predicates": "candid" + " IS NULL" * 900,
    "likes": "objectId" + " LIKE 'a'" * 900,
    "name": "x" * 100_000 + " > 1",
    "text": "objectId = '" + "x" * 1_000_000 + "'",
    "values": f"candid IN ({', '.join(map(str, range(30_000)))})",
    "number": "candid > " + "9" * 100_000,
    "semicolons": ";" * 100_000,
    "pattern": "objectId LIKE '" + "%a" * 100_000 + "'",
    "regex": "objectId RLIKE '(((a{1,1000}){1,1000}){1,1000})'",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused_shortly(name):
    error = refusal(LARGE[name], ALERT)
    assert len(str(error)) < 2_000


def test_deep_conditions_pass_from_deep_in_the_stack():
    def deeper(levels: int) -> Conditions:
        return deeper(levels - 1) if levels else parse_conditions("(" * 25 + "candid > 1" + ")" * 25, ALERT)

    frames, frame = 0, sys._getframe()
    while frame := frame.f_back:
        frames += 1
    assert deeper(max(300 - frames, 1)).leaves == ("candid",)


@pytest.mark.parametrize(
    "text",
    [
        f"candid IN ({', '.join(map(str, range(697251920000000000, 697251920000010000)))})",
        " OR ".join(f"(candid > {i} AND candid <= {i + 1})" for i in range(0, 400, 2)),
        "abs(" * 25 + "candid" + ")" * 25 + " >= 0",
        "objectId != '" + "x" * 100_000 + "'",
        "/* " + "long " * 20_000 + "*/ candid > 0",
    ],
    ids=["values", "terms", "calls", "text", "comment"],
)
def test_what_is_large_but_sensible_runs(text):
    conditions = parse_conditions(text, ALERT)
    table = flat(candid=[1, 697251920000000007], objectId=["a", "b"]).select(list(conditions.leaves))
    assert filter_table(table, conditions.sql).tolist() in ([1], [0], [0, 1])


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_condition_or_refused(text):
    with contextlib.suppress(ConditionError):
        assert parse_conditions(text, ALERT).text is not None


WORDS = """candid objectId candidate.fid ( ) , ; 'a' 1 2.5 NULL AND OR NOT = < <=> + - * / % IN BETWEEN LIKE IS CASE
WHEN THEN ELSE END CAST abs( coalesce( AS INT [ ] . -- /* */"""


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=25))
def test_any_words_are_a_condition_that_runs_or_refused(words):
    try:
        conditions = parse_conditions(" ".join(words), ALERT)
    except ConditionError:
        return
    table = flat(**{leaf: [None] for leaf in conditions.leaves})
    assert filter_table(table, conditions.sql).size <= 1


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\\'"), max_size=20))
def test_any_text_in_quotes_is_itself(text):
    table = flat(objectId=[text, text + "x", None])
    conditions = parse_conditions(f"objectId = '{text}'", ALERT)
    assert filter_table(table, conditions.sql).tolist() == [0]
    conditions = parse_conditions(f"objectId IN ('{text}', 'never')", ALERT)
    assert filter_table(table, conditions.sql).tolist() == [0]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1))
def test_any_number_is_itself(fraction, whole):
    table = pa.table({"x": pa.array([fraction, None]), "i": pa.array([whole, None], pa.int64())})
    assert rows(f"x = {fraction!r}D AND i = {whole}", table) == [0]
    assert np.array_equal(rows(f"x <= {fraction!r}D; i >= {whole}", table), [0])


def test_the_greatest_and_least_text_leave_nulls_out():
    table = pa.table({"s": ["a", None, "c"], "nothing": pa.nulls(3)})
    assert rows("greatest(s, NULL) = 'a'", table) == [0]
    assert rows("least(NULL, NULL, s) = 'c'", table) == [2]
    assert rows("greatest(s, nothing) = 'c'", table) == [2]
    assert rows("least(NULL, 'x') = 'x'", table) == [0, 1, 2]
    assert rows("greatest(NULL, s) IS NULL", table) == [1]
