"""Archives that drift, read the whole way: every value of every file comes out, or two files are named as a conflict.

Files are written by pyarrow, planned and read as a transfer does, and held against what pyarrow reads of each file.
"""

import datetime as dt
import math
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from engine.conditions import leaf_type
from engine.conditions.scalar_leaves import scalar_leaves
from engine.pipeline import read_content

FIRST_CANDID = 2041306210015015018  # beyond what a double holds exactly

INTS, FLOATS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()], [pa.float32(), pa.float64()]
TEXTS = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
TIMES = [*(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")), pa.timestamp("us", "UTC"), pa.date32()]
KINDS = {
    "integer": [*INTS, pa.uint8(), pa.uint32(), *FLOATS],
    "identifier": [pa.int64()],
    "real": FLOATS,
    "text": [*TEXTS, *TIMES],
    "flag": [pa.bool_()],
    "bytes": [pa.binary(), pa.large_binary(), pa.binary(3)],
}
# What a field is, whatever the file: a leaf of one of the kinds, or something with more of them inside. "either" is a
# struct in some files and a map in others; "mixed" too, but its fields are of two kinds.
LEAVES = st.sampled_from(sorted(KINDS))
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("list"), inner),
        st.tuples(st.just("struct"), st.dictionaries(st.sampled_from("pqrs"), inner, min_size=1, max_size=3)),
        st.tuples(st.just("map"), inner),
        st.tuples(st.just("either"), LEAVES.filter(lambda kind: kind != "integer")),
        st.just(("mixed", None)),
    ),
    max_leaves=4,
)
MIXED = {"p": "real", "q": "integer"}


@st.composite
def types(draw, shape) -> pa.DataType:
    """The type that a field of some shape has in one file."""
    if draw(st.integers(0, 7)) == 0:
        return pa.null()
    if isinstance(shape, str):
        return draw(st.sampled_from(KINDS[shape]))
    form, inner = shape
    if form == "list":
        item = draw(types(inner))
        return draw(st.sampled_from([pa.list_(item), pa.large_list(item)]))
    if form == "map":
        return pa.map_(pa.string(), draw(types(inner)))
    if form in ("either", "mixed") and draw(st.booleans()):
        return pa.map_(pa.string(), pa.float64() if form == "mixed" else draw(st.sampled_from(KINDS[inner])))
    fields = inner if form == "struct" else MIXED if form == "mixed" else dict.fromkeys("pq", inner)
    # A map's key that no struct has would be lost, and is refused: the mixed struct has both.
    least = len(fields) if form == "mixed" else 1
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=least, unique=True))
    return pa.struct([(name, draw(types(fields[name]))) for name in names])


def values(shape, type_: pa.DataType) -> st.SearchStrategy:
    """Values of a field in one file."""
    is_ = pa.types
    if is_.is_null(type_):
        return st.none()
    if is_.is_struct(type_):
        inner = shape[1] if shape[0] == "struct" else MIXED if shape[0] == "mixed" else dict.fromkeys("pq", shape[1])
        found = st.fixed_dictionaries({f.name: values(inner[f.name], f.type) for f in type_})
    elif is_.is_map(type_):
        item = "integer" if shape[0] == "mixed" else shape[1]
        found = st.dictionaries(st.sampled_from("pq"), values(item, type_.item_type)).map(lambda d: list(d.items()))
    elif is_.is_list(type_) or is_.is_large_list(type_):
        found = st.lists(values(shape[1], type_.value_type), max_size=3)
    elif is_.is_floating(type_):
        whole = 2**24 if type_ == pa.float32() else 2**63 - 1025
        numbers = st.integers(-whole, whole).map(float) | st.just(math.nan)
        width = 32 if type_ == pa.float32() else 64
        found = numbers if shape == "integer" else numbers | st.floats(width=width)
    elif is_.is_integer(type_):
        low = -(2 ** (type_.bit_width - 1)) if is_.is_signed_integer(type_) else 0
        found = st.integers(low, 2 ** (type_.bit_width - 1) - 1) | st.just(min(FIRST_CANDID, 2**7 - 1))
        if type_ == pa.int64():
            found |= st.integers(FIRST_CANDID, FIRST_CANDID + 1000)
    elif is_.is_timestamp(type_):
        found = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
        if type_.unit in ("s", "ms"):
            found = found.map(lambda t: t.replace(microsecond=0))
        if type_.tz:
            found = found.map(lambda t: t.replace(tzinfo=dt.UTC))
    elif is_.is_date(type_):
        found = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
    elif is_.is_boolean(type_):
        found = st.booleans()
    elif shape == "bytes":
        found = st.binary(min_size=3, max_size=3)
    else:
        found = st.text("abcö\"\\'0", max_size=4)
    return st.none() | found


@st.composite
def archives(draw) -> list[list[tuple[pa.Table, int]]]:
    """Tables for the files of some nights, each with the size of its row groups; their fields drift."""
    roots = draw(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), SHAPES, min_size=1))
    inner = draw(st.dictionaries(st.sampled_from(["u", "v", "w"]), SHAPES))
    candid = FIRST_CANDID
    nights = []
    for num_files in draw(st.lists(st.integers(1, 2), min_size=2, max_size=3)):
        files = []
        for _ in range(num_files):
            n = draw(st.integers(1, 5))
            columns = {}
            for prefix, shapes in (("", roots), ("candidate.", inner)):
                for name in draw(st.permutations(sorted(shapes))):
                    if draw(st.integers(0, 4)):
                        type_ = draw(types(shapes[name]))
                        rows = draw(st.lists(values(shapes[name], type_), min_size=n, max_size=n))
                        columns[prefix + name] = pa.array(rows, type_)
            inside = {"jd": pa.array(np.arange(n) + 2459540.5)}
            inside |= {name[10:]: array for name, array in columns.items() if "." in name}
            lost = pa.array([draw(st.integers(0, 5)) == 0 for _ in range(n)])
            candidate = pa.StructArray.from_arrays(list(inside.values()), names=list(inside), mask=lost)
            table = {
                "objectId": pa.array(["ZTF"] * n),
                "candid": pa.array(range(candid, candid + n)),
                "candidate": candidate,
            }
            candid += n
            table |= {name: array for name, array in columns.items() if "." not in name}
            files.append((pa.table(table), draw(st.integers(1, 5))))
        nights.append(files)
    return nights


def write(root: Path, nights: list[list[tuple[pa.Table, int]]]) -> list[Path]:
    paths = []
    for day, files in enumerate(nights, 1):
        folder = root / f"year=2021/month=01/day={day:02d}"
        folder.mkdir(parents=True)
        for part, (table, row_group_size) in enumerate(files):
            paths.append(folder / f"part-{part}.parquet")
            pq.write_table(table, paths[-1], row_group_size=row_group_size)
    return paths


def plan_of(root: Path, **more) -> engine.TransferPlan:
    request = engine.TransferRequest(archive=str(root), nights="2021-01-01:2021-01-05", **more)
    return engine.plan(request, settings=engine.Settings())


def rows_of(path: Path) -> list[dict[str, Any]]:
    file = pq.ParquetFile(path)
    return [row for group in range(file.num_row_groups) for row in file.read_row_group(group).to_pylist()]


def transferred(plan: engine.TransferPlan) -> dict[int, dict[str, Any]]:
    blocks = [block for fragment in plan.fragments for _, block in read_content(plan.selection, fragment, None)]
    rows = [row for block in blocks for row in block.to_pylist(maps_as_pydicts="strict")]
    assert all(block.schema == plan.selection.projection.schema for block in blocks)
    found = {row["candid"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def as_united(value: Any, type_: pa.DataType) -> Any:
    """Say in plain Python what a value of a file has to be in the union's type."""
    if value is None:
        return None
    if pa.types.is_map(type_):
        return {key: as_united(item, type_.item_type) for key, item in dict(value).items()}
    if pa.types.is_struct(type_):
        assert set(dict(value)) <= {field.name for field in type_}, "a key would be lost"
        return {field.name: as_united(dict(value).get(field.name), field.type) for field in type_}
    if pa.types.is_list(type_):
        return [as_united(item, type_.value_type) for item in value]
    if pa.types.is_integer(type_) and isinstance(value, float):
        return None if math.isnan(value) else int(value)
    if isinstance(value, dt.datetime):
        value = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        return value.isoformat(sep=" ", timespec="microseconds").rstrip("0").rstrip(".")
    return value.isoformat() if isinstance(value, dt.date) else value


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


SLOWLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.timeout(600)
@SLOWLY
@given(archives())
def test_every_value_of_a_drifting_archive_comes_through(nights):
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), nights)
        plan = plan_of(Path(folder), content="full")
        rows = transferred(plan)
        leaves = [f"candidate.{field.name}" for field in plan.archive_schema.field("candidate").type]
        chosen = [name for name in plan.archive_schema.names if name not in ("candidate", "finkclass", "tnsclass")]
        leaves = [leaf for leaf in leaves if leaf.rpartition(".")[2] not in (*chosen, "jd")]
        projected = transferred(plan_of(Path(folder), content="fields", fields=(*chosen, *leaves)))
        num_rows = 0
        for path in paths:
            for source in rows_of(path):
                row = rows[source["candid"]]
                num_rows += 1
                for field in plan.archive_schema:
                    if field.name in ("finkclass", "tnsclass"):
                        continue
                    wanted = as_united(source.get(field.name), field.type)
                    assert same(row[field.name], wanted), (path, field, row[field.name], wanted)
                    if field.name in chosen:
                        assert same(projected[source["candid"]][field.name], wanted)
                for leaf in leaves:
                    name = leaf.rpartition(".")[2]
                    wanted = (row["candidate"] or {}).get(name)
                    assert same(projected[source["candid"]][name], wanted), (path, leaf)
        assert len(rows) == len(projected) == num_rows
        check_narrow_reading(plan, rows)


def check_narrow_reading(plan: engine.TransferPlan, rows: dict[int, dict[str, Any]]) -> None:
    """Hold what a condition would see of each leaf against the content's value."""
    names = [leaf for leaf in scalar_leaves(plan.archive_schema) if leaf not in ("finkclass", "tnsclass")]
    kinds = [leaf_type(plan.archive_schema, leaf) for leaf in names]
    for fragment in plan.fragments:
        for narrow in plan.selection.archive.read_leaves(fragment, names, kinds).to_pylist():
            for leaf in names:
                wanted: Any = rows[narrow["candid"]]
                for part in leaf.split("."):
                    wanted = None if wanted is None else wanted[part]
                assert same(narrow[leaf], wanted), leaf


CONFLICTS = [pa.struct([("p", pa.int8())]), pa.list_(pa.int8()), pa.string(), pa.int32(), pa.bool_(), pa.binary()]


@SLOWLY
@given(archives(), st.permutations(CONFLICTS), st.sampled_from(["x", "candidate.x", "list.item.x"]))
def test_a_real_conflict_is_refused_with_both_files(nights, conflict, place):
    """Two files get a field of types that nothing can hold both of; the rest drifts as it likes."""

    def with_field(table: pa.Table, type_: pa.DataType) -> pa.Table:
        array = pa.nulls(table.num_rows, type_)
        if place == "x":
            return table.append_column("x", array)
        if place == "candidate.x":
            candidate = table["candidate"].combine_chunks()
            fields = {field.name: candidate.field(i) for i, field in enumerate(candidate.type)} | {"x": array}
            struct = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
            return table.set_column(table.schema.names.index("candidate"), "candidate", struct)
        return table.append_column("list", pa.nulls(table.num_rows, pa.list_(pa.struct([("x", type_)]))))

    first, last = nights[0][0], nights[-1][-1]
    nights[0][0] = (with_field(first[0], conflict[0]), first[1])
    nights[-1][-1] = (with_field(last[0], conflict[1]), last[1])
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), nights)
        if place != "x":
            assert plan_of(Path(folder), content="fields", fields=["candidate.jd"]).num_alerts
        with pytest.raises(engine.ArchiveError) as caught:
            plan_of(Path(folder), content="full")
        message = str(caught.value)
        assert message.startswith(f"{place} is ")
        assert str(paths[0]) in message
        assert str(paths[-1]) in message
        assert "content='fields'" in caught.value.next_step


def alerts(n: int = 2, first: int = FIRST_CANDID, **columns) -> pa.Table:
    candidate = [{"jd": 2459540.5 + i} for i in range(n)]
    table = {"objectId": ["ZTF"] * n, "candid": list(range(first, first + n)), "candidate": candidate}
    return pa.table(table | columns)


def test_names_may_hold_dots_and_anything_else(tmp_path):
    names = ["a.b", "a..c", "d.", "größe µ", "2MASS name", 'x"y`z', "a/b", "x\ny", ""]
    columns = {name: [i, i + 10] for i, name in enumerate(names)}
    inside = [{"jd": 1.0, "c.d": 7, "e f": 8}, {"jd": 2.0, "c.d": None, "e f": 9}]
    tables = [alerts(**columns, candidate=inside), alerts(first=5, **{"a.b": [0.5, 1.0]})]
    write(tmp_path, [[(table, 1)] for table in tables])
    for content in ("full", "lightcurve"):
        rows = transferred(plan_of(tmp_path, content=content, widen=["a.b"]))
        assert [[rows[FIRST_CANDID + i][name] for name in names] for i in (0, 1)] == list(
            map(list, zip(*columns.values(), strict=True))
        )
        assert [rows[5]["a.b"], rows[5]["a..c"], rows[6]["a.b"]] == [0.5, None, 1.0]
    fields = (*names, "candidate.c.d", "candidate.e f")
    projected = transferred(plan_of(tmp_path, content="fields", fields=fields, widen=["a.b"]))
    assert [projected[FIRST_CANDID][name] for name in (*names, "c.d", "e f")] == [*range(len(names)), 7, 8]
    question = {"widen": ("a.b",), "where": "`a.b` < 1 AND coalesce(candidate.`c.d`, 7) = 7"}
    request = engine.TransferRequest(archive=str(tmp_path), nights="2021-01-01:2021-01-05", **question)
    chosen = engine.preview(request, settings=engine.Settings())
    assert chosen["candid"].to_pylist() == [FIRST_CANDID, 5]
    assert "candidate.c.d is missing in 1 of 2 nights: null there" in plan_of(tmp_path, **question).notes


def test_a_leaf_is_found_in_structs_and_maps_alike_at_any_depth(tmp_path):
    of = pa.map_
    deep = of(pa.string(), of(pa.string(), pa.string()))
    mixed = of(pa.string(), pa.float64())
    tables = [
        alerts(s=[{"a": {"q": "w"}, "b": None}, None], candidate=[{"jd": 1.5, "fid": 2}] * 2),
        alerts(
            first=5,
            s=pa.array([[("a", [("q", "w")])], [("b", [("q", "w")])]], deep),
            candidate=pa.array([[("jd", 2.5), ("fid", 1.0)], []], mixed),
        ),
    ]
    write(tmp_path, [[(table, 1)] for table in tables])
    asked = {"archive": str(tmp_path), "nights": "2021-01-01:2021-01-05", "where": "s.a.q = 'w' OR candidate.fid = 2"}
    chosen = engine.preview(engine.TransferRequest(**asked), settings=engine.Settings())
    assert chosen["candid"].to_pylist() == [FIRST_CANDID, FIRST_CANDID + 1, 5]
    assert chosen["jd"].to_pylist() == [1.5, 1.5, 2.5]
    rows = transferred(plan_of(tmp_path, content="full"))
    assert rows[6]["s"] == {"a": None, "b": {"q": "w"}}
    assert rows[6]["candidate"] == {"jd": None, "fid": None}


def test_a_file_without_alerts_has_no_say(tmp_path):
    empty = pa.Table.from_pandas(pd.DataFrame({"objectId": [], "candid": [], "candidate": [], "x": []}))
    typed = alerts(x=pa.nulls(2, pa.struct([("p", pa.int8())]))).slice(0, 0)
    write(tmp_path, [[(alerts(x=["a", None]), 1), (typed, 1)], [(empty, 1)]])
    plan = plan_of(tmp_path, where="x IS NOT NULL OR candid > 0")
    assert plan.archive_schema.field("x").type == pa.string()
    assert len(plan.files) == 3
    assert not [note for note in plan.notes if "missing" in note]
    assert len(transferred(plan)) == 2
    for path in tmp_path.rglob("part-0.parquet"):
        path.unlink()
    assert plan_of(tmp_path).num_alerts == 0


def test_the_night_s_own_columns_may_be_numbers_and_texts(tmp_path):
    numbers = alerts(year=pa.array([2021, 2021], pa.int32()), month=[1, 1])
    texts = alerts(first=5, year=["2021", None], month=["01", "01"])
    write(tmp_path, [[(numbers, 1)], [(texts, 1)]])
    rows = transferred(plan_of(tmp_path, content="full"))
    assert [(row["year"], row["month"]) for row in rows.values()] == [
        *(("2021", "1"), ("2021", "1"), ("2021", "01"), (None, "01"))
    ]
    assert {field.name for field in engine.fields(str(tmp_path), settings=engine.Settings()).fields} >= {"year"}


def test_identifiers_are_int64_whatever_the_nights(tmp_path):
    write(tmp_path, [[(alerts(candid=[float(2**53), None]), 1)], [(alerts(), 1)]])
    request = engine.TransferRequest(archive=str(tmp_path), nights="2021-01-01")
    table = engine.preview(request, settings=engine.Settings())
    assert table["candid"].to_pylist() == [2**53, None]
    assert table["candid"].type == pa.int64()
    with pytest.raises(engine.RequestError, match="lose its last digits"):
        plan_of(tmp_path, widen=["candid"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"candid": ["1", "2"]}, "candid is string"),
        ({"candidate": [{"jd": "a"}, {"jd": "b"}]}, "candidate.jd is string"),
        ({"candidate": pa.array([[("jd", 1.0)]] * 2, pa.map_(pa.string(), pa.float64()))}, "have no candidate.jd"),
        ({"finkclass": [{"label": "Star"}, None]}, "finkclass is struct<label: string>"),
        ({"tnsclass": [["Star"], None]}, "tnsclass is list<"),
        ({"mulens": [{"class": "ML"}, None]}, "mulens is struct<class: string>"),
    ],
)
def test_fields_of_the_survey_that_are_something_else_are_refused(tmp_path, columns, message):
    write(tmp_path, [[(alerts(**columns), 1)]])
    with pytest.raises(engine.ArchiveError, match=re.escape(message)):
        plan_of(tmp_path)


def test_where_finkclass_is_stored_its_inputs_may_be_anything(tmp_path):
    write(tmp_path, [[(alerts(mulens=[{"class": "ML"}, None], finkclass=["Star", None]), 1)]])
    rows = transferred(plan_of(tmp_path, content="full"))
    assert [(row["mulens"], row["finkclass"]) for row in rows.values()] == [({"class": "ML"}, "Star"), (None, None)]


def test_a_root_column_that_the_light_curve_s_name_hides_is_told(tmp_path):
    write(tmp_path, [[(alerts(jd=[1.0, 2.0], other=[1, 2]), 1)]])
    note = "the column jd is left out: candidate.jd comes out as jd"
    assert note in plan_of(tmp_path).notes
    assert note not in plan_of(tmp_path, content="full").notes
    assert transferred(plan_of(tmp_path))[FIRST_CANDID]["jd"] == 2459540.5


@pytest.mark.parametrize("content", ["full", "fields"])
def test_a_fraction_among_integers_fails_by_name_unless_widened(tmp_path, content):
    tables = [pa.table({"objectId": ["a"], "candid": [1], "candidate": [{"jd": 1.0, "x": x}]}) for x in (3, 2.5)]
    paths = write(tmp_path, [[(table, 1)] for table in tables])
    fields = ("candidate.x",) if content == "fields" else ()
    plan = plan_of(tmp_path, content=content, fields=fields)
    with pytest.raises(engine.ArchiveError, match=re.escape(str(paths[1]))) as caught:
        transferred(plan)
    assert "candidate.x is an integer in some of the files" in str(caught.value)
    assert "2.5" in str(caught.value)
    assert "widen=['candidate.x']" in str(caught.value.next_step)
    widened = plan_of(tmp_path, content=content, fields=fields, widen=("candidate.x",))
    blocks = [block for fragment in widened.fragments for _, block in read_content(widened.selection, fragment, None)]
    found = [
        row["x"] if content == "fields" else row["candidate"]["x"] for block in blocks for row in block.to_pylist()
    ]
    assert found == [3.0, 2.5]
