"""What statistics rule out: never an alert that could fulfil the conditions."""

import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions import filter_table, parse_conditions
from engine.estimation import may_hold

SCHEMA = pa.schema([("x", pa.float64()), ("n", pa.int64())])
SOME = st.integers(-3, 3)
OPERATORS = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
PIECES = st.one_of(
    st.tuples(st.sampled_from(["x", "n"]), OPERATORS, SOME).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
    st.tuples(SOME, OPERATORS, st.sampled_from(["x", "n"])).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
    st.tuples(st.sampled_from(["x", "n"]), SOME, SOME).map(lambda t: f"{t[0]} BETWEEN {t[1]} AND {t[2]}"),
    st.tuples(st.sampled_from(["x", "n"]), SOME).map(lambda t: f"{t[0]} IN ({t[1]}, 7)"),
    st.sampled_from(["x IS NULL", "n IS NOT NULL", "isnan(x)", "x + n > 2", "abs(x) < 2", "x > n", "-x < 2"]),
)
CONDITIONS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"NOT ({one})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=5,
)
XS = st.lists(st.one_of(st.none(), st.floats(-3, 3), st.just(math.nan)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(CONDITIONS, XS, st.lists(st.one_of(st.none(), SOME), min_size=6, max_size=6))
def test_what_is_ruled_out_has_no_alert_that_fulfils_the_condition(where, xs, ns):
    table = pa.table({"x": pa.array(xs, pa.float64()), "n": pa.array(ns[: len(xs)], pa.int64())}, schema=SCHEMA)
    parsed = parse_conditions(where, SCHEMA)
    ranges = {}
    for name in ("x", "n"):
        known = [value for value in table[name].to_pylist() if value is not None and not math.isnan(value)]
        if known:  # as Parquet's statistics have it: nulls and NaN left out
            ranges[name] = (min(known), max(known), name == "x")
    if not may_hold(parsed.sql, ranges):
        assert len(filter_table(table, parsed.sql)) == 0


@pytest.mark.parametrize(
    ("where", "may"),
    [
        ("n > 10", False),
        ("n >= 10", True),
        ("n < 5", False),
        ("n = 4", False),
        ("n BETWEEN 11 AND 20", False),
        ("n < 5 AND x > 3", False),
        ("n < 5 OR x < 3", True),
        ("NOT (n <= 10)", False),
        ("x < 1", False),
        ("x > 3", True),  # x may be NaN, which is above all numbers
        ("n IS NULL", True),
    ],
)
def test_ranges_rule_out_what_lies_outside(where, may):
    ranges = {"n": (5, 10, False), "x": (1.0, 2.0, True)}
    assert may_hold(parse_conditions(where, SCHEMA).sql, ranges) is may
