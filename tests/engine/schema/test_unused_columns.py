"""Columns that nobody asked for stop nothing, whatever they are; columns that are asked for come out, or are named."""

import datetime as dt
import math
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import engine
from consumer.decoding import Datums, Decoder
from engine.pipeline import read_content
from engine.schema import encode

NIGHTS = ("2021-11-22", "2021-11-23")
NOWHERE = engine.Settings()


def alerts(n: int = 3, first: int = 1, candidate: dict[str, pa.Array] | None = None, **columns) -> pa.Table:
    inside = {"jd": pa.array([2459540.5 + i for i in range(n)]), "magpsf": pa.array([18.0 + i for i in range(n)])}
    inside |= candidate or {}
    struct = pa.StructArray.from_arrays(list(inside.values()), names=list(inside))
    table = {"objectId": pa.array([f"ZTF{i}" for i in range(n)]), "candid": pa.array(range(first, first + n))}
    return pa.table({**table, "candidate": struct, **columns})


def write(root: Path, *tables: pa.Table) -> Path:
    for night, table in zip(NIGHTS, tables, strict=False):
        year, month, day = night.split("-")
        folder = root / f"year={year}/month={month}/day={day}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "part-0.parquet", row_group_size=2)
    return root


def request(root: Path, **more) -> engine.TransferRequest:
    return engine.TransferRequest(archive=str(root), nights=f"{NIGHTS[0]}:{NIGHTS[1]}", **more)


def plan_of(root: Path, **more) -> engine.TransferPlan:
    return engine.plan(request(root, **more), settings=NOWHERE)


def received(root: Path, **more) -> list[dict[str, Any]]:
    """Return what a consumer decodes of the datums, held against the blocks that they were made of."""
    plan = plan_of(root, **more)
    decoder, rows = Decoder(plan.schema), []
    for fragment in plan.fragments:
        for _, block in read_content(plan.selection, fragment, None):
            decoded = decoder.decode(Datums.of(encode(block, plan.schema).to_pylist()))
            assert not decoded.bad
            rows += decoded.batch.to_pylist(maps_as_pydicts="strict")
            assert same(rows[-block.num_rows :], block.to_pylist(maps_as_pydicts="strict"))
    return rows


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def twice(name: str) -> pa.Table:
    """Return alerts with two columns of one name, and two leaves of one name in the candidate."""
    table = alerts()
    struct = table["candidate"].combine_chunks()
    inside = [pa.field(f, pa.float64()) for f in ("jd", "magpsf")] + [pa.field(name, pa.int8())] * 2
    arrays = [struct.field(0), struct.field(1), *[pa.array([1, 2, 3], pa.int8())] * 2]
    columns = [table["objectId"], table["candid"], pa.StructArray.from_arrays(arrays, fields=inside), table["candid"]]
    return pa.Table.from_arrays([*columns, table["candid"]], names=["objectId", "candid", "candidate", name, name])


ODD = {
    "decimal": pa.array([Decimal("12.30"), None, Decimal("-0.05")], pa.decimal128(10, 2)),
    "decimal256": pa.array([Decimal(10**60), None, Decimal(0)], pa.decimal256(76, 5)),
    "time32": pa.array([dt.time(6), None, dt.time(7, 30, 0, 500_000)], pa.time32("ms")),
    "time64": pa.array([1, None, 2], pa.time64("ns")),
    "duration": pa.array([-5, None, 7], pa.duration("ms")),
    "list view": pa.array([[1.5], None, []], pa.list_view(pa.float32())),
    "large list view": pa.array([[{"a": 1}], None, []], pa.large_list_view(pa.struct([("a", pa.int8())]))),
    "map of int": pa.array([[(1, "a"), (2, None)], None, []], pa.map_(pa.int32(), pa.string())),
    "map of date": pa.array([[(dt.date(2021, 1, 1), 5)], None, []], pa.map_(pa.date32(), pa.duration("s"))),
    "map of struct": pa.array([[({"a": 1}, 5)], None, []], pa.map_(pa.struct([("a", pa.int8())]), pa.time64("us"))),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16], pa.binary(16))),
    "half": pa.array([1.5, None, math.nan], pa.float16()),
    "deep": pa.array(
        [{"a": [[("k", {"d": Decimal("1.5"), "t": 5})]]}, None, {"a": [[], None]}],
        pa.struct(
            [
                (
                    "a",
                    pa.list_(pa.map_(pa.string(), pa.struct([("d", pa.decimal128(9, 3)), ("t", pa.duration("us"))]))),
                )
            ]
        ),
    ),
}
AS_SENT = {
    "decimal": ["12.30", None, "-0.05"],
    "decimal256": [f"{10**60}.00000", None, "0.00000"],
    "time32": ["06:00:00", None, "07:30:00.5"],
    "time64": ["00:00:00.000000001", None, "00:00:00.000000002"],
    "duration": [-5, None, 7],
    "list view": [[1.5], None, []],
    "large list view": [[{"a": 1}], None, []],
    "map of int": [[{"key": 1, "value": "a"}, {"key": 2, "value": None}], None, []],
    "map of date": [[{"key": "2021-01-01", "value": 5}], None, []],
    "map of struct": [[{"key": {"a": 1}, "value": "00:00:00.000005"}], None, []],
    "uuid": [b"0" * 16, None, b"1" * 16],
    "half": [1.5, None, math.nan],
    "deep": [{"a": [{"k": {"d": "1.500", "t": 5}}]}, None, {"a": [{}, None]}],
}


def test_odd_columns_come_out_as_the_page_says(tmp_path):
    ODD["map of struct"].validate()
    root = write(tmp_path, alerts(**ODD, candidate={f"my {name}": array for name, array in ODD.items()}))
    for content in ("full", "medium"):
        for row, values in zip(received(root, content=content), zip(*AS_SENT.values(), strict=True), strict=True):
            assert same([row[name] for name in AS_SENT], list(values))
            assert same([row["candidate"][f"my {name}"] for name in AS_SENT], list(values))
    light = received(root)
    assert same({name: [row[name] for row in light] for name in AS_SENT}, AS_SENT)
    leaves = received(root, content="fields", fields=[f"candidate.my {name}" for name in ODD])
    assert same({name: [row[f"my {name}"] for row in leaves] for name in AS_SENT}, AS_SENT)
    notes = [note for note in plan_of(root, content="full").notes if "duration" in note]
    assert "duration is a duration and comes out as a whole number of milliseconds" in notes
    assert "candidate.my duration is a duration and comes out as a whole number of milliseconds" in notes
    assert not [note for note in plan_of(root, content="fields", fields=["decimal"]).notes if "duration" in note]


CONFLICTS = {
    "string against struct": (["a"] * 3, [{"a": 1}] * 3),
    "list against number": ([[1]] * 3, [1] * 3),
    "decimal against double": (ODD["decimal"], [1.5] * 3),
    "duration against integer": (ODD["duration"], [1] * 3),
    "time against timestamp": (ODD["time64"], [dt.datetime(2021, 1, 1)] * 3),
    "map against map": (ODD["map of int"], pa.array([[("a", "b")]] * 3, pa.map_(pa.string(), pa.string()))),
}


@pytest.mark.parametrize("kind", CONFLICTS)
def test_a_conflict_stops_those_alone_who_use_it(tmp_path, kind):
    one, other = map(pa.array, CONFLICTS[kind])
    root = write(tmp_path, alerts(x=one, candidate={"y": one}), alerts(first=11, x=other, candidate={"y": other}))
    asked = {"content": "fields", "fields": ["candidate.magpsf"], "where": "candidate.magpsf > 18.5"}
    assert engine.preview(request(root, **asked), settings=NOWHERE)["candid"].to_pylist() == [2, 3, 12, 13]
    assert len(received(root, content="cutouts")) == 6
    files = [str(file) for file in sorted(root.rglob("*.parquet"))]
    for path, more in (
        ("x", {"content": "lightcurve"}),
        ("candidate.y", {"content": "medium"}),
        ("candidate.y", {"content": "fields", "fields": ["candidate"]}),
        ("candidate.y", {"content": "fields", "fields": ["candidate.y"]}),
    ):
        with pytest.raises(engine.ArchiveError) as caught:
            plan_of(root, **more)
        assert caught.value.message.startswith(f"{path} is ")
        assert all(file in caught.value.message for file in files)
        assert caught.value.next_step.endswith("leave it out" if "fields" in more else "content='fields' fields=['…']")
    for where in ("x = 1", "candidate.y IS NULL", "x.a = 1", "size(x) > 1"):
        with pytest.raises(engine.ConditionError, match="can't be in a condition") as condition:
            plan_of(root, **{**asked, "where": where})
        assert all(file in condition.value.message for file in files)


def test_fractions_among_integers_stop_those_alone_who_use_them(tmp_path):
    root = write(tmp_path, alerts(candidate={"y": pa.array([1, 2, 3])}), alerts(candidate={"y": pa.array([0.5] * 3)}))
    assert len(received(root, content="fields", fields=["candidate.magpsf"])) == 6
    with pytest.raises(engine.ArchiveError, match=r"candidate\.y is an integer in some of the files"):
        received(root, content="full")


def test_names_that_a_file_has_twice_stop_those_alone_who_use_them(tmp_path):
    root = write(tmp_path, twice("x"), alerts(first=11))
    assert [row["magpsf"] for row in received(root, content="fields", fields=["candidate.magpsf"])] == [18, 19, 20] * 2
    for more in ({}, {"content": "full"}, {"where": "x = 1", "content": "cutouts"}):
        with pytest.raises(engine.InputError, match="has more than one field"):
            plan_of(root, **more)
    with pytest.raises(engine.ArchiveError, match=r"more than one field candidate\.x"):
        plan_of(root, content="fields", fields=["candidate"])
    kinds = {field.path: field.kind for field in engine.fields(str(root), settings=NOWHERE).fields}
    assert (kinds["x"], kinds["candidate.x"], kinds["candidate.magpsf"]) == ("unsettled", "unsettled", "leaf")


def test_names_that_differ_in_case_and_names_like_paths(tmp_path):
    root = write(tmp_path, alerts(X=ODD["decimal"], **{"candidate.magpsf": ODD["half"]}), alerts(x=ODD["list view"]))
    rows = received(root, content="fields", fields=["X", "x"])
    assert [row["X"] for row in rows] == [*AS_SENT["decimal"], None, None, None]
    with pytest.raises(engine.ArchiveError, match=r"candidate\.magpsf may be a field of that name"):
        plan_of(root, content="fields", fields=["candidate.magpsf"])


@pytest.mark.parametrize(
    ("where", "type_"),
    [
        ("price > 5", "decimal128(10, 2)"),
        ("CAST(candidate.price AS DOUBLE) > 5", "decimal128(10, 2)"),
        ("clock > '12:00'", "time64[ns]"),
        ("flight = 5", "duration[ms]"),
        ("prices.a = '1'", "decimal128(5, 1)"),
    ],
)
def test_a_condition_on_an_exact_value_is_refused_by_name_and_type(tmp_path, where, type_):
    prices = pa.array([[("a", Decimal(1))]] * 3, pa.map_(pa.string(), pa.decimal128(5, 1)))
    odd = {"price": ODD["decimal"], "clock": ODD["time64"], "flight": ODD["duration"], "prices": prices}
    root = write(tmp_path, alerts(**odd, candidate={"price": ODD["decimal"]}))
    with pytest.raises(engine.ConditionError, match="no condition can compare") as caught:
        plan_of(root, where=where)
    assert type_ in caught.value.message
    assert "in the alerts that come" in caught.value.next_step
    # Neither does it take one for its own where it only needs some column, nor propose one.
    assert plan_of(root, where="1 = 1").selection.predicate.leaves == ("objectId",)
    with pytest.raises(engine.ConditionError) as caught:
        plan_of(root, where="prise > 5")
    assert "price" not in str(caught.value.accepted)


def test_fields_are_listed_with_the_files_types(tmp_path):
    odd = {"price": ODD["decimal"], "clock": ODD["time64"], "flight": ODD["duration"], "pairs": ODD["map of int"]}
    clashing = ODD["decimal"].cast(pa.float64())
    root = write(tmp_path, alerts(**odd, clash=ODD["decimal"]), alerts(price=ODD["decimal"], clash=clashing))
    found = {field.name: field for field in engine.fields(str(root), settings=NOWHERE).fields}
    listed = {
        name: (found[name].kind, found[name].type) for name in ("price", "clock", "flight", "clash", "size(pairs)")
    }
    assert listed == {
        "price": ("decimal", "decimal128(10, 2)"),
        "clock": ("time of day", "time64[ns]"),
        "flight": ("duration", "duration[ms]"),
        "clash": ("unsettled", "double or decimal128(10, 2)"),
        "size(pairs)": ("size", "int32"),
    }
    assert [name for name in listed if found[name].in_conditions] == ["size(pairs)"]
    assert (found["price"].null_share, found["clash"].null_share) == (1 / 3, None)
    chosen = engine.preview(request(root, where="size(pairs) = 2", content="cutouts"), settings=NOWHERE)
    assert chosen["candid"].to_pylist() == [1]


def test_the_classes_need_their_inputs_settled_where_they_are_computed_alone(tmp_path):
    stored = {"finkclass": pa.array(["Star"] * 3), "mulens": ODD["map of int"], "rf_kn_vs_nonkn": ODD["time64"]}
    root = write(tmp_path, alerts(**stored), alerts(first=11, mulens=pa.array([0.5] * 3)))
    rows = received(root, content="fields", fields=["candidate.magpsf"])
    assert {row["finkclass"] for row in rows} == {"Star", "Microlensing candidate"}
    write(root, alerts(**{**stored, "finkclass": pa.nulls(3)}))
    with pytest.raises(engine.ArchiveError, match=r"mulens is double in .* and a map of int32 to string in"):
        plan_of(root, content="fields", fields=["candidate.magpsf"])
    write(root, alerts(rf_kn_vs_nonkn=ODD["time64"]))
    with pytest.raises(engine.ArchiveError, match=r"rf_kn_vs_nonkn is time64\[ns\]"):
        plan_of(root, content="fields", fields=["candidate.magpsf"])
    write(root, alerts(roid=pa.array([Decimal(3)] * 3, pa.decimal128(3, 0))))
    assert [row["finkclass"] for row in received(root)[:3]] == ["Solar System MPC"] * 3


@pytest.mark.parametrize("name", ["candid", "jd"])
def test_the_survey_s_own_fields_must_be_settled(tmp_path, name):
    # DuckDB and Oracle write whole numbers as decimals.
    array = pa.array([Decimal(n) for n in (1, 2, 3)], pa.decimal128(20, 0))
    odd = alerts(candidate={"jd": array}) if name == "jd" else alerts().set_column(1, "candid", array)
    path = "candidate.jd" if name == "jd" else "candid"
    with pytest.raises(engine.ArchiveError, match=rf"{path} is decimal128\(20, 0\) in the files"):
        plan_of(write(tmp_path / "one", odd), content="cutouts")
    with pytest.raises(engine.ArchiveError, match=rf"{path} is .* and decimal128\(20, 0\) in"):
        plan_of(write(tmp_path / "two", odd, alerts(first=11)), content="cutouts")


# Any types that pyarrow can write, up to three levels deep, another in each night.
_DAY = dt.datetime(1970, 1, 1)
LEAVES: list[tuple[pa.DataType, st.SearchStrategy]] = [
    (pa.bool_(), st.booleans()),
    *((t, st.integers(0, 100)) for t in (pa.int8(), pa.int64(), pa.uint16(), pa.uint64())),
    *((t, st.floats(width=16)) for t in (pa.float16(), pa.float32(), pa.float64())),
    *((t, st.text(max_size=3)) for t in (pa.string(), pa.large_string())),
    *((t, st.binary(min_size=2, max_size=2)) for t in (pa.binary(), pa.binary(2))),
    *((t, st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))) for t in (pa.date32(),)),
    *((t, st.integers(0, 10**9).map(lambda s: _DAY + dt.timedelta(seconds=s))) for t in (pa.timestamp("ms"),)),
    *((t, st.integers(0, 86_399).map(lambda s: (_DAY + dt.timedelta(seconds=s)).time())) for t in (pa.time32("ms"),)),
    *((t, st.integers(0, 10**7)) for t in (pa.time64("us"), pa.time64("ns"))),
    *((pa.duration(unit), st.integers(-(10**8), 10**8)) for unit in ("s", "ms", "us", "ns")),
    *(
        (t, st.integers(-99, 99).map(lambda n: Decimal(n).scaleb(-2)))
        for t in (pa.decimal32(5, 2), pa.decimal256(70, 9))
    ),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from("ab")),
    (pa.null(), st.none()),
]


@st.composite
def anything(draw, depth: int = 3) -> tuple[pa.DataType, st.SearchStrategy]:
    """Any type, and its values in plain Python."""
    form = draw(st.sampled_from(["leaf", "leaf", "list", "view", "struct", "map"])) if depth else "leaf"
    if form == "leaf":
        type_, values = draw(st.sampled_from(LEAVES))
        return type_, st.none() | values
    type_, values = draw(anything(depth=depth - 1))
    if form == "struct":
        other, others = draw(anything(depth=depth - 1))
        of = st.fixed_dictionaries({"a": values, "b": others})
        return pa.struct([("a", type_), ("b", other)]), st.none() | of
    if form == "map":
        key, keys = draw(st.sampled_from([leaf for leaf in LEAVES if pa.types.is_null(leaf[0]) is False]))
        keys = keys.filter(lambda k: k == k)
        if pa.types.is_dictionary(key):
            key = pa.string()
        # Two keys of one value would be one in a map of text.
        return pa.map_(key, type_), st.none() | st.lists(
            st.tuples(keys, values), max_size=2, unique_by=lambda e: repr(e[0])
        )
    make = {"list": [pa.list_, pa.large_list], "view": [pa.list_view, pa.large_list_view]}[form]
    return draw(st.sampled_from(make))(type_), st.none() | st.lists(values, max_size=2)


def arrived(sent: Any, value: Any, type_: pa.DataType) -> bool:
    """Say whether a value of a file is what was sent, as docs/schema-union.md has it."""
    is_ = pa.types
    if value is None or sent is None:
        return value is sent
    if is_.is_struct(type_):
        return all(arrived(sent[field.name], value[field.name], field.type) for field in type_)
    if is_.is_map(type_):
        if isinstance(sent, dict):
            sent = [{"key": key, "value": item} for key, item in sent.items()]
        entries = [(e["key"], e["value"]) for e in sent]
        parts = [
            (s, v, t) for e, f in zip(entries, value, strict=True) for s, v, t in zip(e, f, kinds(type_), strict=True)
        ]
        return all(arrived(*part) for part in parts)
    if isinstance(value, list):
        return len(sent) == len(value) and all(
            arrived(s, v, type_.value_type) for s, v in zip(sent, value, strict=True)
        )
    if is_.is_decimal(type_):
        return Decimal(sent) == value and len(sent.partition(".")[2]) == type_.scale
    if is_.is_time64(type_):
        return sent == clock(value * (1000 if type_.unit == "us" else 1))
    if isinstance(value, dt.date | dt.time):  # a datetime too
        return sent == str(value)
    return same(sent, value)


def kinds(type_: pa.MapType) -> tuple[pa.DataType, pa.DataType]:
    return type_.key_type, type_.item_type


def clock(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{dt.timedelta(seconds=seconds)!s:0>8}.{rest:09}".rstrip("0").rstrip(".")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.booleans(), st.booleans())
def test_whatever_a_column_is(data, inside, drifts):
    one, values = data.draw(anything())
    other, others = data.draw(anything()) if drifts else (one, values)
    held = [data.draw(st.lists(of, min_size=3, max_size=3)) for of in (values, others)]
    arrays = [pa.array(some, type_) for some, type_ in zip(held, (one, other), strict=True)]
    tables = [
        alerts(first=10 * i, candidate={"x": array}) if inside else alerts(first=10 * i, x=array)
        for i, array in enumerate(arrays)
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), *tables)
        assert len(received(root, content="fields", fields=["candidate.magpsf"])) == 6
        assert "candidate.magpsf" in {f.name for f in engine.fields(str(root), settings=NOWHERE).fields}
        if drifts:
            assert all_or_named(root, "candidate.x" if inside else "x")
            return
        rows = received(root, content="full")
    sent = [row["candidate"]["x"] if inside else row["x"] for row in rows]
    assert all(map(arrived, sent, held[0] + held[1], [one] * 6)), (one, sent, held)


def all_or_named(root: Path, path: str) -> bool:
    """Say whether a content with everything comes whole, or is refused with the column's name."""
    try:
        return len(received(root, content="full")) == 6
    except engine.ArchiveError as error:
        return path in error.message
