"""Functions of lists: on archives whose files disagree, against plain Python, and what is refused."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.archive import Archive
from engine.conditions import (
    filter_table,
    input_schema,
    leaf_type,
    lists,
    parse_conditions,
    with_predicates,
)
from engine.conditions.direct import truth_of
from engine.conditions.frames import narrow_frame
from engine.errors import ConditionError
from engine.schema import columns_for, combined, compute_leaves, list_leaf, shown_leaf

ITEM = pa.struct([("m", pa.float64()), ("f", pa.int32()), ("s", pa.string()), ("inner", pa.list_(pa.int64()))])
SCHEMA = pa.schema([("id", pa.int64()), ("d", pa.float64()), ("p", pa.list_(ITEM)), ("w", pa.list_(pa.float64()))])
NAN = float("nan")


def rows(text: str, table: pa.Table) -> list[int]:
    conditions = parse_conditions(text, table.schema)
    narrow = pa.schema([(leaf, leaf_type(table.schema, leaf)) for leaf in conditions.leaves])
    needed = input_schema(narrow)
    sources = {name: combined(table[name]) for name in table.column_names}
    arrays = compute_leaves(sources, needed.names, needed.types, table.num_rows, "the table")
    return filter_table(with_predicates(pa.table(arrays, schema=needed), narrow), conditions.sql).tolist()


# --- Against plain Python -----------------------------------------------------------------------------------------


def less(a: float | None, b: float | None) -> bool | None:
    """Spark's `a < b`: NaN is greater than any number, and what is null makes it unknown."""
    if a is None or b is None:
        return None
    return (b != b and a == a) or a < b


def some(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def every(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


numbers = st.none() | st.sampled_from([NAN, 0.0, 17.5, 18.0, 20.0, float("inf")])
items = st.none() | st.fixed_dictionaries(
    {
        "m": numbers,
        "f": st.none() | st.integers(0, 3),
        "s": st.none() | st.sampled_from(["a", "b", ""]),
        "inner": st.none() | st.lists(st.none() | st.integers(0, 3), max_size=2),
    }
)
alerts = st.lists(
    st.fixed_dictionaries(
        {"d": numbers, "p": st.none() | st.lists(items, max_size=4), "w": st.none() | st.lists(numbers, max_size=3)}
    ),
    min_size=1,
    max_size=8,
)
KINDS = (pa.list_, pa.large_list, pa.list_view, pa.large_list_view)


@settings(max_examples=25, deadline=None)
@given(alerts, st.sampled_from(KINDS), st.integers(0, 2))
def test_lists_are_asked_as_python_reads_them(alerts, kind, skipped):
    schema = SCHEMA.set(2, pa.field("p", kind(ITEM))).set(3, pa.field("w", kind(pa.float64())))
    written = [{"id": i} | alert for i, alert in enumerate(alerts)]
    table = pa.Table.from_pylist(written, schema=schema).slice(skipped)
    alerts = alerts[skipped:]

    def of(alert: dict, ask) -> list[bool | None]:
        return [ask(item or dict.fromkeys(("m", "f", "s", "inner"))) for item in alert["p"]]

    def of_lists(gather, ask):
        return lambda alert: None if alert["p"] is None else gather(of(alert, ask))

    def first(alert: dict, name: str):
        return alert["p"][0][name] if alert["p"] and alert["p"][0] else None

    expected = {
        "exists(p, x -> x.m < 18)": of_lists(some, lambda x: less(x["m"], 18.0)),
        "forall(p, x -> x.m < d)": lambda a: None if a["p"] is None else every(of(a, lambda x: less(x["m"], a["d"]))),
        "size(filter(p, x -> x.m < 18)) = 1": lambda a: (
            a["p"] is not None and of(a, lambda x: less(x["m"], 18.0)).count(True) == 1
        ),
        "exists(p, x -> x.s IS NULL)": of_lists(some, lambda x: x["s"] is None),
        "p[0].m < 18": lambda a: less(first(a, "m"), 18.0),
        "p[0].f = 1": lambda a: None if first(a, "f") is None else first(a, "f") == 1,
        "array_contains(w, 18)": lambda a: (
            None if a["w"] is None else some([None if x is None else x == 18.0 for x in a["w"]])
        ),
        "exists(p, x -> exists(x.inner, y -> y > x.f))": of_lists(
            some,
            lambda x: (
                None if x["inner"] is None else some([None if None in (y, x["f"]) else y > x["f"] for y in x["inner"]])
            ),
        ),
    }
    for text, ask in expected.items():
        truths = [ask(alert) for alert in alerts]
        assert rows(text, table) == [i for i, truth in enumerate(truths) if truth], text
        assert rows(f"NOT {text}", table) == [i for i, truth in enumerate(truths) if truth is False], text


def test_long_lists_are_laid_out_in_parts(monkeypatch):
    monkeypatch.setattr(lists, "_MOST_ITEMS", 3)
    written = [{"id": i, "d": float(i), "w": [float(x) for x in range(i % 5)] or None} for i in range(20)]
    table = pa.Table.from_pylist(written, schema=SCHEMA)
    assert rows("exists(w, x -> x > 2 OR x = d)", table) == [i for i in range(20) if i % 5 == 4]
    assert rows("size(filter(w, x -> x >= 1)) = 2", table) == [i for i in range(20) if i % 5 == 3]
    assert rows("w IS NULL AND exists(w, x -> true) IS NULL", table) == [0, 5, 10, 15]


def test_items_are_asked_as_dask_sql_would():
    # What is computed directly of items is what dask-sql gives for alerts, on conditions of all kinds.
    from tests.engine.conditions.tables import GOLDEN, TABLE, narrow

    for golden in GOLDEN["conditions"][::9]:
        conditions = parse_conditions(golden["sql"], TABLE.schema)
        is_true, is_unknown = truth_of(conditions.sql, narrow_frame(narrow(TABLE, conditions.leaves)))
        expected = golden["result"]
        assert is_true.tolist() == [value is True for value in expected], golden["sql"]
        assert is_unknown.tolist() == [value is None for value in expected], golden["sql"]


# --- Archives whose files disagree --------------------------------------------------------------------------------


def write(root: Path, night: int, **columns: pa.Array) -> None:
    folder = root / f"year=2021/month=01/day={night:02d}"
    folder.mkdir(parents=True)
    fixed = {
        "objectId": [f"ZTF{night}"] * 4,
        "candid": list(range(10 * night, 10 * night + 4)),
        "candidate": [{"jd": 2459215.5 + night, "magpsf": 17.0 + row} for row in range(4)],
    }
    pq.write_table(pa.table(fixed | columns), folder / "part.parquet", row_group_size=3)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Nights whose lists are of other types, lack the field, are null, or are not there."""
    root = tmp_path_factory.mktemp("lists")
    narrow = pa.struct([("f", pa.int16()), ("m", pa.float32())])
    wide = pa.struct([("m", pa.float64()), ("f", pa.int64()), ("t", pa.timestamp("us"))])
    noon = dt.datetime(2021, 1, 2, 12)
    p = [[{"m": 17.5, "f": 1}, {"m": 19.0, "f": 2}], [], None, [None, {"m": None, "f": 1}]]
    write(root, 1, p=pa.array(p, pa.list_(narrow)), w=pa.array([[1, 2], [], None, [None]], pa.list_(pa.int32())))
    timed = [[{"m": 20.0, "f": 2, "t": noon}], None, [{"m": 17.0, "f": 2**40, "t": None}], [{"m": NAN, "f": None}]]
    pairs = pa.array([[1, 3], None, [5, 6], [7, 1]], pa.list_(pa.int8(), 2))
    write(root, 2, p=pa.array(timed, pa.large_list(wide)), w=pairs)
    short = pa.list_view(pa.struct([("f", pa.int8())]))
    write(root, 3, p=pa.array([[{"f": 1}], [], None, [{"f": 5}, {"f": 1}]], short))
    write(root, 4, p=pa.nulls(4), w=pa.array([[None], None, [], []], pa.list_(pa.null())))
    write(root, 5)
    return root


def selected(root: Path, where: str, nights: str = "2021-01-01:2021-01-05") -> list[int]:
    request = engine.TransferRequest(archive=str(root), nights=nights, where=where)
    return engine.preview(request, limit=100, settings=engine.Settings())["candid"].to_pylist()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("exists(p, x -> x.m < 18)", [10, 22]),
        ("NOT exists(p, x -> x.m < 18)", [11, 20, 23, 31]),
        ("exists(p, x -> x.m IS NULL)", [13, 30, 33]),
        ("exists(p, x -> x.f = 1 AND candidate.magpsf > 18)", [13, 33]),
        ("size(filter(p, x -> x.f >= 1)) = 2", [10, 33]),
        ("size(filter(p, x -> x.f >= 1)) = -1", [12, 21, 32, 40, 41, 42, 43, 50, 51, 52, 53]),
        ("p[0].f > 1", [20, 22, 33]),
        ("p[1].f = 1", [13, 33]),
        ("p.m[0] > 19", [20, 23]),
        ("p[0] IS NULL AND size(p) > 0", [13]),
        ("array_contains(w, 1)", [10, 20, 23]),
        ("NOT array_contains(w, 1)", [11, 22, 42, 43]),
        ("w[1] > 2", [20, 22]),
        ("exists(p, x -> x.t >= '2021-01-02T12:00')", [20]),
        ("forall(p.f, f -> f = 1)", [11, 30, 31]),
    ],
)
def test_files_that_disagree_are_asked_alike(root, where, expected):
    assert selected(root, where) == expected


def test_a_night_without_the_list_or_its_field_is_noted(root):
    request = engine.TransferRequest(
        archive=str(root), nights="2021-01-01:2021-01-05", where="exists(p, x -> x.m < 18) OR p[0].f = 1"
    )
    plan = engine.plan(request, settings=engine.Settings())
    assert "p.m is missing in 3 of 5 nights: null there" in plan.notes
    assert "p.f is missing in 2 of 5 nights: null there" in plan.notes
    assert "p.m, p.f" in plan.to_text(debug=True)


def test_of_a_list_the_fields_that_are_named_are_read(root):
    archive = Archive(str(root))
    footers = archive.footers(archive.files(archive.nights()))
    files = [pq.ParquetFile(footer.file.path) for footer in footers]
    leaves = parse_conditions("exists(p, x -> x.m < 18) AND p[0].f = 1", footers[0].schema).leaves
    assert [list_leaf(leaf).function for leaf in leaves] == ["exists", "at"]
    assert [shown_leaf(leaf) for leaf in leaves] == ["p.m", "p.f"]
    inputs = [list_leaf(leaf).input.text if leaf.startswith("exists") else leaf for leaf in leaves]
    read = [columns_for(file.schema_arrow, file.schema, inputs[:1]) for file in files]
    # Without the field, a file still says how many items there are.
    assert read == [["p.list.element.m"], ["p.list.element.m"], ["p.list.element.f"], ["p"], []]
    assert columns_for(files[0].schema_arrow, files[0].schema, inputs) == ["p.list.element.m", "p.list.element.f"]


def test_of_a_list_that_is_counted_one_field_is_read(root):
    files = [pq.ParquetFile(path) for path in sorted(root.rglob("*.parquet"))]
    read = [columns_for(file.schema_arrow, file.schema, ["size(p)"]) for file in files]
    assert read == [["p.list.element.f"], ["p.list.element.m"], ["p.list.element.f"], ["p"], []]
    for size, expected in {0: [11, 31], 1: [20, 22, 23, 30], 2: [10, 13, 33]}.items():
        assert selected(root, f"size(p) = {size}") == expected
    assert selected(root, "p IS NULL") == [12, 21, 32, 40, 41, 42, 43, 50, 51, 52, 53]


def test_a_leaf_is_the_same_after_it_was_written(root):
    text = "exists(p, `it's` -> `it's`.s LIKE 'a\"%' AND exists(`it's`.inner, y -> y > `it's`.f))"
    conditions = parse_conditions(text, SCHEMA)
    (leaf,) = json.loads(json.dumps(conditions.leaves))
    again = list_leaf(leaf)
    assert again is not None
    assert again.text == leaf
    assert again.input.items_type.value_type.num_fields == 3
    table = pa.Table.from_pylist(
        [
            {"id": 0, "p": [{"s": 'a"', "f": 1, "inner": [2]}, {"s": "b", "f": 1, "inner": [0]}]},
            {"id": 1, "p": [{"s": 'a"b', "f": 2, "inner": [2, None]}]},
            {"id": 2, "p": []},
        ],
        schema=SCHEMA,
    )
    assert rows(text, table) == [0]
    assert rows(f"({text}) IS NULL", table) == [1]


# --- Real alerts --------------------------------------------------------------------------------------------------


def test_real_alerts_are_selected_as_pyarrow_reads_them(shared_archive):
    archive = Archive(str(shared_archive))
    nights = archive.nights()
    expected = {"bright": set(), "rising": set(), "first": set()}
    for file in archive.files(nights):
        table = pq.read_table(file.path, columns=["candid", "prv_candidates", "candidate"], partitioning=None)
        for alert in table.to_pylist():
            found = alert["prv_candidates"] or []
            magnitudes = [item["magpsf"] for item in found if item is not None and item["magpsf"] is not None]
            if any(magnitude < 18 for magnitude in magnitudes):
                expected["bright"].add(alert["candid"])
            if sum(magnitude > alert["candidate"]["magpsf"] for magnitude in magnitudes) >= 3:
                expected["rising"].add(alert["candid"])
            if found and found[0] is not None and found[0]["fid"] == 1:
                expected["first"].add(alert["candid"])
    wheres = {
        "bright": "exists(prv_candidates, x -> x.magpsf < 18)",
        "rising": "size(filter(prv_candidates, x -> x.magpsf > candidate.magpsf)) >= 3",
        "first": "prv_candidates[0].fid = 1",
    }
    # A few nights far apart: the nights between have no data, and are only named.
    for name, where in wheres.items():
        found = [candid for night in nights for candid in selected(Path(shared_archive), where, night.isoformat())]
        assert set(found) == expected[name]
        assert expected[name]
    plan = engine.plan(
        engine.TransferRequest(archive=str(shared_archive), nights=nights[0].isoformat(), where=wheres["bright"]),
        settings=engine.Settings(),
    )
    assert plan.selection.predicate.types == (pa.bool_(),)
    assert "prv_candidates.magpsf" in plan.to_text(debug=True)


# --- What is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "facts"),
    [
        ("exists(p, x -> x.n < 18)", "x.n", ["there is no field x.n", "x.m"]),
        ("exists(p, x -> m < 18)", "m", ["x.m"]),
        ("exists(p, x -> nosuch < 18)", "nosuch", ["there is no field nosuch"]),
        ("exists(p, x -> x > 1)", "x", ["struct", "x.m"]),
        ("exists(p, x -> x.m)", "x.m", ["double"]),
        ("exists(p, x.m < 18)", "x.m < 18", ["x -> x.magpsf < 18"]),
        ("exists(p, (x, y) -> x.m < 18)", "y", ["one name"]),
        ("exists(d, x -> x > 1)", "d", ["d is not a list"]),
        ("exists(p, x -> exists(w, y -> y > x.m))", "w", ["AND"]),
        ("array_contains(w, 'a')", "'a'", ["double", "string"]),
        ("array_contains(w, NULL)", "array_contains", ["NULL"]),
        ("array_contains(p, 1)", "p", ["structs", "p.m"]),
        ("filter(p, x -> x.m < 18)", "filter", ["size(filter("]),
        ("p.m > 18", "p.m", ["exists(p, x -> x.m", "p[0].m", "size(filter("]),
        ("p > 18", "p", ["exists(p, x -> x", "p[0]", "size(p)"]),
        ("p[0].n > 18", "p[0", ["there is no field p[0].n", "p[0].m"]),
        ("p[d].m > 18", "p[d", ["number of an item"]),
        ("p[size(p) - 1].m > 18", "p[size", ["number of an item", "written out"]),
        ("w[0 + 1] > 18", "w[0", ["number of an item", "written out"]),
        ("exists(p[0], x -> x.m > 18)", "p[0", ["one item", "a[0][1]"]),
        ("exists(p[0].inner, x -> x > 1)", "p[0", ["one item", "exists(a, x -> exists(x"]),
        ("size(filter(p[0].inner, x -> x > 1)) = 1", "p[0", ["one item"]),
        ("array_contains(p[0].inner, 1)", "p[0", ["one item"]),
        ("d[0] > 18", "d[0", ["d is not a list"]),
        ("w[99999999999999999999] > 18", "w[9", ["2147483647"]),
        ("transform(w, x -> x + 1) = 1", "transform", ["exists("]),
    ],
)
def test_what_lists_are_not_asked_is_refused_at_its_place(text, place, facts):
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, SCHEMA)
    error = caught.value
    told = "\n".join(filter(None, [error.message, error.accepted, error.next_step]))
    assert all(fact in told for fact in facts)
    _, line, carets = error.message.split("\n")
    assert line[carets.index("^") :].startswith(place)
