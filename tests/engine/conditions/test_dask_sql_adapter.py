"""dask-sql finds the rows, in this process and on a cluster, and leaves no trace in the process that asks."""

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import dask_sql
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.archive import Archive, cut_fragments
from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.conditions.dask_sql_adapter import narrow_frame
from engine.schema import union_schemas

NAN = float("nan")
SCHEMA = pa.schema([("candidate.magpsf", pa.float64()), ("cdsxmatch", pa.string()), ("candidate.fid", pa.int32())])
NESTED = pa.schema(
    [("candidate", pa.struct([("magpsf", pa.float64()), ("fid", pa.int32())])), ("cdsxmatch", pa.string())]
)
SQL = parse_conditions(
    "candidate.magpsf > 19.5 AND NOT cdsxmatch = 'Star'; log10(candidate.magpsf) < 1.3; candidate.fid IN (1, 2)", NESTED
).sql
NUM_ALERTS = (0, 1_000, 3, 2_500, 0, 1, 700)


def make(seed: int) -> pa.Table:
    """Return the narrow table of a fragment, with nulls and NaN; some fragments have no rows."""
    rng, n = np.random.default_rng(seed), NUM_ALERTS[seed % len(NUM_ALERTS)]
    mags = rng.uniform(18, 22, n)
    mags[rng.random(n) < 0.1] = NAN
    types = rng.choice(["Star", "Unknown", "Galaxy"], n)
    columns = [
        pa.array(mags, mask=rng.random(n) < 0.1),
        pa.array(types, pa.string(), mask=rng.random(n) < 0.1),
        pa.array(rng.integers(1, 4, n), pa.int32()),
    ]
    return pa.table(columns, schema=SCHEMA)


def expected(table: pa.Table) -> list[int]:
    def keeps(row: dict) -> bool:
        mag, matched = row["candidate.magpsf"], row["cdsxmatch"]
        if mag is None or matched is None or matched == "Star" or row["candidate.fid"] == 3:
            return False
        # NaN is greater than 19.5, and its logarithm, NaN again, is not less than 1.3.
        return 19.5 < mag < 10**1.3

    return [i for i, row in enumerate(table.to_pylist()) if keeps(row)]


def check(results) -> None:
    for seed, positions in enumerate(results):
        assert isinstance(positions, np.ndarray)
        assert positions.dtype == np.int64
        assert positions.tolist() == expected(make(seed))


def test_frame_keeps_nan_apart_from_null():
    table = pa.table(
        {
            "x": pa.chunked_array([[1.0, NAN], [None]], pa.float64()),
            "i": pa.array([1, None, 3], pa.int16()),
            "b": pa.array([True, None, False]),
            "s": pa.array(["a", None, ""]),
            "n": pa.nulls(3),
        }
    )
    for frame in (narrow_frame(table), pickle.loads(pickle.dumps(narrow_frame(table)))):
        assert [str(dtype) for dtype in frame.dtypes] == ["Float64", "Int16", "boolean", "string", "string"]
        assert frame.isna().to_numpy().tolist() == [
            [False] * 4 + [True],
            [False] + [True] * 4,
            [True] + [False] * 3 + [True],
        ]
        assert np.isnan(frame["x"].to_numpy(dtype=float, na_value=0.0)).tolist() == [False, True, False]
    assert len(narrow_frame(table.select(["x"]).slice(0, 0))) == 0


def test_frame_refuses_what_is_not_a_leaf():
    with pytest.raises(TypeError, match="list"):
        narrow_frame(pa.table({"x": pa.array([[1]])}))


@pytest.mark.parametrize("distinguish", [True, False])
def test_results_do_not_depend_on_the_option_of_pandas(distinguish):
    with pd.option_context("future.distinguish_nan_and_na", distinguish):
        check(filter_table(make(seed), SQL) for seed in range(7))


def test_no_question_keeps_every_row():
    positions = filter_table(make(1), None)
    assert positions.dtype == np.int64
    assert positions.tolist() == list(range(1_000))


def test_a_table_is_filtered_as_a_fragment_is():
    check(filter_table(make(seed), SQL) for seed in range(7))


def test_a_condition_is_planned_once_whatever_is_filtered(monkeypatch):
    planned = []
    sql_of = dask_sql.Context.sql

    def counted(context, sql, **how):
        planned.append(sql)
        return sql_of(context, sql, **how)

    monkeypatch.setattr(dask_sql.Context, "sql", counted)
    sql = parse_conditions("candidate.magpsf > 19.25 OR ln(candidate.fid) < 1", NESTED).sql
    tables = [make(seed).select(["candidate.magpsf", "candidate.fid"]) for seed in range(7)]
    kept = [filter_table(table, sql).tolist() for table in tables]
    assert len(planned) == 1
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda table: filter_table(table, sql).tolist(), tables)) == kept
    assert len(planned) == 1


def test_columns_of_other_types_or_in_another_order_are_another_question():
    table = make(1)
    wider = table.set_column(2, "candidate.fid", table["candidate.fid"].cast(pa.int64()))
    turned = wider.select(["candidate.fid", "cdsxmatch", "candidate.magpsf"])
    assert filter_table(wider, SQL).tolist() == filter_table(turned, SQL).tolist() == expected(table)


def test_nothing_of_the_process_is_changed():
    root = logging.getLogger()
    before = (
        list(root.handlers),
        root.level,
        dask.config.get("sql.optimize"),
        pd.get_option("future.distinguish_nan_and_na"),
    )
    filter_table(make(1), SQL)
    after = (
        list(root.handlers),
        root.level,
        dask.config.get("sql.optimize"),
        pd.get_option("future.distinguish_nan_and_na"),
    )
    assert after == before


def test_threads_may_ask_at_once():
    with ThreadPoolExecutor(4) as pool:
        check(pool.map(lambda seed: filter_table(make(seed), SQL), range(14)))


# --- On a cluster -------------------------------------------------------------------------------------------------


def test_two_processes_find_the_same_rows(dask_client):
    check(dask_client.gather(dask_client.map(filter_table, [make(seed) for seed in range(14)], [SQL] * 14)))


def test_conditions_at_once_do_not_take_each_others_results(dask_client):
    texts = [f"candidate.magpsf <= {limit}" for limit in (18.5, 19, 20, 21)]
    predicates = [parse_conditions(text, NESTED).sql for text in texts]
    tables = [make(seed) for seed in range(7)]
    computed = [dask_client.map(filter_table, tables, [sql] * 7) for sql in predicates]
    for sql, futures in zip(predicates, computed, strict=True):
        for table, positions in zip(tables, dask_client.gather(futures), strict=True):
            assert positions.tolist() == filter_table(table, sql).tolist()


def test_workers_have_nothing_to_warn_of(dask_client):
    def warnings() -> list[str]:
        logs = [line for lines in dask_client.get_worker_logs().values() for line in lines]
        return sorted(text for level, text in logs if level in ("WARNING", "ERROR", "CRITICAL"))

    before = warnings()
    dask_client.gather(dask_client.map(filter_table, [make(seed) for seed in range(7)], [SQL] * 7))
    assert warnings() == before


# --- Real alerts, DuckDB as a second opinion ------------------------------------------------------------------------

FLOATS = ("candidate.magpsf", "candidate.distnr", "candidate.rb", "candidate.drb", "Plx", "rf_snia_vs_nonia", "mulens")
WHOLES = ("candid", "candidate.fid", "candidate.ndethist", "roid", "nalerthist")
TEXTS = ("objectId", "cdsxmatch", "candidate.ssnamenr", "tracklet")


@pytest.fixture(scope="module")
def real(shared_archive: Path) -> tuple[pa.Schema, pa.Table]:
    """The union schema and the narrow table of all real alerts."""
    archive = Archive(str(shared_archive))
    footers = archive.footers(archive.files(archive.nights()))
    schema = union_schemas([(footer.file.path, footer.schema) for footer in reversed(footers)])
    leaves = (*FLOATS, *WHOLES, *TEXTS, "timestamp")
    types = [leaf_type(schema, leaf) for leaf in leaves]
    fragments = cut_fragments(footers, ["candidate"], target_nbytes=1, max_alerts=1)
    return schema, pa.concat_tables([archive.read_leaves(fragment, leaves, types) for fragment in fragments])


def numbers(depth: int) -> st.SearchStrategy[str]:
    """Expressions whose doubles neither overflow nor leave a function's domain, where DuckDB raises an error."""
    field = st.sampled_from(FLOATS)
    literal = st.floats(-30, 30).map(lambda x: f"({x:.3e})")
    if not depth:
        return field | literal
    inner = numbers(depth - 1)
    return (
        field
        | st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | inner.map(lambda x: f"abs({x})")
        | st.tuples(inner, inner).map(lambda t: f"coalesce({t[0]}, {t[1]})")
        | st.tuples(inner, inner).map(lambda t: f"nullif({t[0]}, {t[1]})")
    )


def predicates() -> st.SearchStrategy[str]:
    operator = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
    whole = st.integers(-2, 12).map(str)
    text = st.sampled_from(["'Unknown'", "'Star'", "'ZTF21'", "''", "'null'", "'Candidate_SN*'"])
    pattern = st.sampled_from(["'ZTF%'", "'%a%'", "'U_known'", "'%'", "'_'"])
    a_whole, a_text = st.sampled_from(WHOLES), st.sampled_from(TEXTS)
    words = st.sampled_from(["", "NOT "])
    return (
        st.tuples(numbers(1), operator, numbers(1)).map(" ".join)
        | st.tuples(a_whole, operator, whole | a_whole).map(" ".join)
        | st.tuples(a_text, operator, text | a_text).map(" ".join)
        | st.tuples(a_whole, words, whole, whole).map(lambda t: f"{t[0]} {t[1]}IN ({t[2]}, {t[3]})")
        | st.tuples(a_text, words, text, text).map(lambda t: f"{t[0]} {t[1]}IN ({t[2]}, {t[3]})")
        | st.tuples(numbers(1), words, numbers(0), numbers(0)).map(lambda t: f"{t[0]} {t[1]}BETWEEN {t[2]} AND {t[3]}")
        | st.tuples(a_text, words, st.sampled_from(["LIKE", "ILIKE"]), pattern).map(
            lambda t: f"{t[0]} {t[1]}{t[2]} {t[3]}"
        )
        | st.tuples(st.sampled_from(FLOATS + WHOLES + TEXTS), words).map(lambda t: f"{t[0]} IS {t[1]}NULL")
    )


def conditions() -> st.SearchStrategy[str]:
    return st.recursive(
        predicates(),
        lambda inner: (
            inner.map(lambda x: f"NOT ({x})")
            | st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"(({t[0]}) {t[1]} ({t[2]}))")
            | st.tuples(inner, inner, inner).map(lambda t: f"CASE WHEN {t[0]} THEN ({t[1]}) ELSE ({t[2]}) END")
        ),
        max_leaves=5,
    )


@settings(deadline=None)
@given(conditions())
def test_real_alerts_are_found_as_duckdb_finds_them(real, condition):
    schema, table = real
    parsed = parse_conditions(condition, schema)
    ours = filter_table(table.select(list(parsed.leaves)), parsed.sql).tolist()
    dotted = condition
    for name in (*FLOATS, *WHOLES, *TEXTS):
        if "." in name:
            dotted = dotted.replace(name, f'"{name}"')
    alerts = table.append_column("row_number", pa.array(range(table.num_rows)))
    with duckdb.connect() as connection:
        connection.register("alerts", alerts)
        theirs = connection.sql(f"SELECT row_number FROM alerts WHERE {dotted} ORDER BY row_number").fetchall()
    assert ours == [row for (row,) in theirs]


@pytest.mark.parametrize("operator", ["=", "<>", "<", ">="])
@pytest.mark.parametrize("form", ["{}T{}", "{} {}", "{}T{}Z", "{} {}+00:00"])
def test_real_alerts_are_found_by_time_as_duckdb_finds_them(real, operator, form):
    schema, table = real
    moments = table.append_column("row_number", pa.array(range(table.num_rows)))
    times = table["timestamp"].drop_null().to_pylist()
    with duckdb.connect() as connection:
        connection.register("alerts", moments)
        for time in (times[0], times[len(times) // 2], times[-1], "2021-11-22 00:00:00"):
            theirs = connection.execute(
                f"SELECT row_number FROM alerts WHERE timestamp::TIMESTAMP {operator} $1::TIMESTAMP ORDER BY 1", [time]
            ).fetchall()
            parsed = parse_conditions(f"timestamp {operator} '{form.format(*time.split())}'", schema)
            ours = filter_table(table.select(["timestamp"]), parsed.sql).tolist()
            assert ours == [row for (row,) in theirs]
