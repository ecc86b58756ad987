"""What notes say of conditions holds for the alerts that the same conditions select, with nulls, NaN and extremes."""

import random
import re
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.errors import ConditionError
from engine.surveys import survey_named

CANDIDATE = {"fid": pa.int32(), "rb": pa.float32(), "ra": pa.float64(), "isdiffpos": pa.string()}
SCHEMA = pa.schema(
    [
        ("candidate", pa.struct(list(CANDIDATE.items()))),
        ("candid", pa.int64()),
        ("roid", pa.int32()),
        ("Plx", pa.float64()),
        ("cdsxmatch", pa.string()),
        ("from_upper", pa.bool_()),
        ("prv_candidates", pa.list_(pa.float64())),
    ]
)
NAN, INF = float("nan"), float("inf")
DESCRIBED = {
    "candidate.fid": [1, 2, 3],
    "candidate.rb": [0.0, 0.25, 0.5, 1.0],
    "candidate.ra": [0.0, 0.5, 5.0, 10.0, 180.0, 350.0, 360.0],
    "candidate.isdiffpos": ["t", "f", "1", "0"],
    "candid": [0, 1, -1, 5, 2**53 + 1, 2**63 - 1, -(2**63)],
    "roid": [0, 1, 2, 3],
    "Plx": [0.0, -0.0, 1.0, 1.5, -1.0, 1e300, INF, -INF, NAN],
    "cdsxmatch": ["Star", "star", " Star", "QSO", "Unknown", "ZZ", "", "1", "1.5", "true", "%"],
    "from_upper": [True, False],
    "size(prv_candidates)": [0, 1, 5, 2**31 - 1],
}
EXTREME = DESCRIBED | {
    "candidate.fid": [0, 1, 2, 3, 4, -1, 2**31 - 1, -(2**31)],
    "candidate.rb": [0.5, 0.0, 1.0, -1.0, 3e38, INF, -INF, NAN],
    "candidate.ra": [*DESCRIBED["candidate.ra"], -0.0, -1.0, 361.0, 1e300, NAN],
    "candidate.isdiffpos": ["t", "f", "1", "0", "x", "g", "", "true", " 1 ", "NaN"],
    "roid": [0, 1, 2, 3, 4, -1, 2**31 - 1, -(2**31)],
}
VALUES = [
    *("0", "1", "2", "3", "4", "-1", "5", "10", "350", "360", "1.5", "2.0", "0.5", "0.1", "1e0", "2.5e9"),
    *("99999999999", "-99999999999", "9223372036854775807", "9007199254740993", "99999999999999999999"),
    *("'1'", "'g'", "'1.5'", "'Star'", "'star'", "'ZZ'", "' Star'", "'x'", "'t'", "'true'", "'S%'", "'%'", "''"),
    *("NULL", "CAST('NaN' AS DOUBLE)", "CAST('inf' AS DOUBLE)", "CAST('x' AS INT)", "true", "false"),
]
SIDES = [
    *("candidate.fid", "candidate.rb", "candidate.ra", "candidate.isdiffpos", "candid", "roid", "Plx", "cdsxmatch"),
    *("from_upper", "size(prv_candidates)", "length(cdsxmatch)", "lower(cdsxmatch)", "trim(cdsxmatch)", "sqrt(Plx)"),
    *("abs(Plx)", "CAST(candidate.isdiffpos AS INT)", "candidate.fid + 1", "coalesce(roid, 0)", "ln(candidate.ra)"),
]
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "<=>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
PATTERNS = ["'S%'", "'%'", "'Star'", "'Z'", "'_'"]
NONE, EVERY = "the conditions select no alert, whatever it holds", "the conditions select every alert"


def rows(pools: dict[str, list]) -> list[dict[str, Any]]:
    """Return alerts in which each value of each field stands beside others, and beside nulls."""
    draw = random.Random(1)
    found: list[dict[str, Any]] = [dict.fromkeys(pools)]
    for name, values in pools.items():
        for value in values:
            found += [
                {other: draw.choice([*pool, None]) for other, pool in pools.items()} | {name: value} for _ in range(2)
            ]
    return found


ROWS, ROWS_AS_DESCRIBED = rows(EXTREME), rows(DESCRIBED)


def selected(text: str, alerts: list[dict[str, Any]]) -> set[int]:
    parsed = parse_conditions(text, SCHEMA, survey=survey_named("ztf"))
    columns = {leaf: pa.array([a[leaf] for a in alerts], leaf_type(SCHEMA, leaf)) for leaf in parsed.leaves}
    return set(filter_table(pa.table(columns), parsed.sql).tolist())


def parts(listed: str) -> list[str] | None:
    """Return the conditions of a note that are joined with a small `and`; None where it leaves some out."""
    return None if "…" in listed or " and others" in listed else listed.split(" and ")


def check(note: str) -> None:
    """Hold a note that says always or never against the alerts."""
    every = set(range(len(ROWS)))
    if match := re.fullmatch(r"one of (.*) is true of every alert that has the field: .*", note):
        if (members := parts(match[1])) is not None:
            text = " OR ".join(f"({member})" for member in members)
            leaves = parse_conditions(text, SCHEMA).leaves
            there = {i for i in every if all(ROWS[i][leaf] is not None for leaf in leaves)}
            assert there <= selected(text, ROWS), note
    elif match := re.fullmatch(r"(.*) are never true together(;.*)?", note):
        if (members := parts(match[1])) is not None:
            assert not selected(" AND ".join(f"({member})" for member in members), ROWS), note
    elif "…" in note:
        return
    elif match := re.match(r"(.*?) is never true(, and NOT of it of every alert that has the field)?: ", note):
        assert not selected(match[1], ROWS), note
        if match[2]:
            field = parse_conditions(match[1], SCHEMA).leaves[0]
            assert {i for i in every if ROWS[i][field] is not None} == selected(f"NOT ({match[1]})", ROWS), note
    elif match := re.match(r"(.*?) is true of every alert that has (.*?): ", note):
        assert selected(match[1], ROWS) == selected(f"({match[2]}) IS NOT NULL", ROWS), note
    elif match := re.match(r"(.*?) is true of every alert: ", note):
        assert selected(match[1], ROWS) == every, note
    elif match := re.match(r"(.*?) is true of no alert as the survey describes ", note):
        assert not selected(match[1], ROWS_AS_DESCRIBED), note
    elif match := re.match(r"(.*?) leaves nothing out as the survey describes (.*?): ", note):
        there = {i for i, alert in enumerate(ROWS_AS_DESCRIBED) if alert[match[2]] is not None}
        assert there <= selected(match[1], ROWS_AS_DESCRIBED), note
    else:
        return
    event(
        re.sub(
            r".*(never true together|never true|every alert that has|every alert|no alert|nothing out).*", r"\1", note
        )
    )


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth and draw(st.integers(0, 2)):
        one, other = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        form = draw(st.sampled_from(["({} AND {})", "({} OR {})", "(NOT {})", "({}) IS TRUE", "({}) IS NOT FALSE"]))
        return form.format(one, other)
    # Of few fields and values, so that comparisons meet.
    side = draw(st.sampled_from(SIDES) | st.sampled_from(["candidate.fid", "cdsxmatch", "Plx"]))
    value = st.sampled_from(VALUES) | st.sampled_from(["1", "2", "'Star'"])
    values = draw(st.lists(value, min_size=2, max_size=3))
    is_not = draw(st.sampled_from(["", "NOT "]))
    return draw(
        st.sampled_from(
            [
                *(f"({side} {operator} {values[0]})" for operator in OPERATORS),
                f"({values[0]} < {side})",
                f"({side} {draw(st.sampled_from(OPERATORS))} {side})",
                f"({side} {is_not}BETWEEN {values[0]} AND {values[1]})",
                f"({values[0]} {is_not}BETWEEN {side} AND {values[1]})",
                f"({side} {is_not}IN ({', '.join(values)}))",
                f"({side} {is_not}IN ({values[0]}))",
                f"({side} IS {is_not}NULL)",
                f"(cdsxmatch {is_not}LIKE {draw(st.sampled_from(PATTERNS))})",
                f"isnan({draw(st.sampled_from(['Plx', 'candidate.rb']))})",
            ]
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(conditions())
@example("roid BETWEEN 2 AND 99999999999")
@example("roid NOT BETWEEN -99999999999 AND 99999999999")
@example("candidate.fid NOT IN (0) OR candidate.fid IS DISTINCT FROM 4")
@example("candidate.isdiffpos NOT IN ('x')")
@example("roid IS DISTINCT FROM 1.5")
@example("(cdsxmatch NOT IN (null, 'Star')) OR (cdsxmatch <> 'ZZ')")
@example("roid NOT IN (CAST('x' AS INT), 1.5)")
@example("candidate.isdiffpos NOT BETWEEN 20 AND 18")
@example("candidate.isdiffpos <> 1 OR candidate.isdiffpos <> 2")
@example("candidate.fid <=> 'g'")
@example("sqrt(Plx) < 0 OR abs(Plx) < 0 OR trim(cdsxmatch) = ' Star'")
def test_what_is_said_to_be_never_or_always_true_is(text):
    try:
        notes = parse_conditions(text, SCHEMA, survey=survey_named("ztf")).notes
    except ConditionError:
        assume(False)
    if NONE in notes or EVERY in notes:
        assert selected(text, ROWS) == (set() if NONE in notes else set(range(len(ROWS)))), text
    for note in notes:
        check(note)
