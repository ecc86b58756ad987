"""The list of an archive's fields: every field described, names that conditions take, shares of nulls as they are."""

import datetime as dt
import json
from pathlib import Path

import astropy.units
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.conditions import parse_conditions
from engine.errors import ArchiveError, RequestError
from engine.planning import fields
from engine.planning.archive_fields import MOST_NIGHTS
from engine.sample import write_sample
from engine.schema import union_schemas
from engine.surveys import read_descriptions
from engine.surveys.descriptions import SOURCES


def write(root: Path, night: dt.date, table: pa.Table, *, part: int = 0, **options) -> Path:
    folder = root / f"year={night.year}/month={night.month:02d}/day={night.day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"part-{part}.parquet", **options)
    return folder / f"part-{part}.parquet"


def named(found, name: str):
    (field,) = [field for field in found.fields if field.name == name]
    return field


def parts(schema: pa.Schema) -> set[str]:
    """Return every path of a schema, structs, lists and their inside included, worked out on its own."""
    paths = set()

    def walk(path: str, type_: pa.DataType) -> None:
        paths.add(path)
        if pa.types.is_struct(type_):
            for member in type_:
                walk(f"{path}.{member.name}", member.type)
        elif pa.types.is_list(type_):
            walk(path, type_.value_type)

    for field in schema:
        walk(field.name, field.type)
    return paths


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> str:
    nights = [dt.date(2019, 9, 3), dt.date(2021, 11, 22), dt.date(2022, 8, 4), dt.date(2025, 7, 31)]
    return write_sample(tmp_path_factory.mktemp("sample"), nights=nights, alerts_per_night=20).archive


def test_every_field_of_the_sample_means_something(sample):
    found = engine.fields(sample)
    assert len(found.fields) > 250
    assert [field.name for field in found.fields if not field.meaning] == []


def test_every_field_of_real_alerts_means_something(shared_archive):
    found = fields(str(shared_archive))
    assert [field.name for field in found.fields if not field.meaning] == []
    assert {field.name for field in found.fields if field.kind == "map key" and field.path.startswith("mangrove")} == {
        *("mangrove.2MASS_name", "mangrove.HyperLEDA_name", "mangrove.ang_dist", "mangrove.lum_dist")
    }
    # Each field of each file is in the list, whatever list it is in.
    listed = {field.path for field in found.fields}
    for file in shared_archive.rglob("*.parquet"):
        schema = pq.read_schema(file)
        leaves = {path for path in parts(schema) if not any(other.startswith(f"{path}.") for other in parts(schema))}
        assert {path for path in leaves if path not in listed} <= {"mangrove", "t2"}, file


def test_no_description_is_of_a_field_that_nobody_has(shared_archive, shared_service):
    known = {"finkclass", "tnsclass"}
    for file in shared_archive.rglob("*.parquet"):
        known |= parts(pq.read_schema(file))
        for row in pq.read_table(file, columns=[c for c in ("t2",) if c in pq.read_schema(file).names]).to_pylist():
            known |= {f"t2.{key}" for key, _ in row.get("t2", [])}
    known |= {field["name"] for field in json.loads((shared_service / "avro_schema.json").read_text())["fields"]}
    described = read_descriptions("ztf")
    assert {path for path in described if path not in known} == set()


def test_descriptions_have_units_that_astropy_reads_and_a_source():
    described = read_descriptions("ztf")
    assert len(described) > 290
    for path, description in described.items():
        assert len(description.meaning) > 3, path
        assert not description.meaning.endswith("."), path
        assert description.source in SOURCES.values(), path
        if description.unit is not None:
            assert astropy.units.Unit(description.unit) != astropy.units.dimensionless_unscaled, path
    assert described["candidate.magpsf"].unit == "mag"
    assert described["prv_candidates.magpsf"] is described["candidate.magpsf"]
    assert read_descriptions("a survey that nobody described") == {}


def test_each_name_is_what_a_condition_takes(shared_archive):
    found = fields(str(shared_archive))
    schemas = [(str(file), pq.read_schema(file)) for file in sorted(shared_archive.rglob("*.parquet"))]
    union = union_schemas(schemas)
    for name in ("finkclass", "tnsclass"):
        union = union.append(pa.field(name, pa.string()))
    for field in found.fields:
        if field.in_conditions:
            leaf = f"size({field.path})" if field.kind == "size" else field.path
            assert parse_conditions(f"{field.name} IS NOT NULL", union).leaves == (leaf,)
        else:
            assert field.kind in ("in a list", "bytes")
    assert named(found, "t2.`SLSN-I`").kind == "map key"
    assert named(found, "size(prv_candidates)").type == "int32"
    assert named(found, "prv_candidates[].magpsf").unit == "mag"


def test_shares_of_nulls_are_those_of_the_alerts(shared_archive):
    found = fields(str(shared_archive))
    tables = []
    for file in sorted(shared_archive.rglob("*.parquet")):
        table = pq.ParquetFile(file).read()
        while any(pa.types.is_struct(f.type) for f in table.schema):
            table = table.flatten()
        tables.append(table)
    num_known = 0
    for field in found.fields:
        if field.kind != "leaf" or field.path in ("finkclass", "tnsclass"):
            continue
        nulls = nights = 0
        for table in tables:
            there = field.path in table.column_names and not pa.types.is_null(table[field.path].type)
            nulls += table[field.path].null_count if there else table.num_rows
            nights += there
        assert field.null_share == pytest.approx(nulls / 106), field.name
        assert field.num_nights == nights, field.name
        num_known += 1
    assert num_known > 200
    assert found.num_alerts == 106
    assert (named(found, "finkclass").num_nights, named(found, "finkclass").null_share) == (0, 0)


def test_nulls_are_counted_over_files_row_groups_and_parents(tmp_path):
    inner = pa.struct([("x", pa.float64()), ("never", pa.null())])
    rows = pa.array([{"x": 1.0}, {"x": None}, None, {"x": 2.0}, None, {"x": 3.0}], inner)
    write(tmp_path, dt.date(2021, 1, 1), pa.table({"candid": range(6), "s": rows}), row_group_size=4)
    write(tmp_path, dt.date(2021, 1, 1), pa.table({"candid": range(2)}), part=1)
    write(tmp_path, dt.date(2021, 1, 2), pa.table({"candid": pa.array([1, None])}))
    found = fields(str(tmp_path))
    assert (named(found, "s.x").null_share, named(found, "s.x").num_nights) == (7 / 10, 1)
    assert (named(found, "s.never").null_share, named(found, "s.never").num_nights) == (1, 0)
    assert (named(found, "candid").null_share, named(found, "candid").num_nights) == (1 / 10, 2)
    assert named(found, "s.x").meaning is None


def test_what_footers_do_not_say_is_unknown(tmp_path):
    lists = pa.array(
        [[{"a": 1, "b": None}], [{"a": 2, "b": 3}]], pa.list_(pa.struct([("a", pa.int32()), ("b", pa.int32())]))
    )
    table = pa.table({"n": [1, 2], "list": lists, "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8()))})
    write(tmp_path, dt.date(2021, 1, 1), table)
    found = fields(str(tmp_path))
    assert named(found, "size(list)").null_share == 0  # a list that is null or empty leaves a null in each column
    assert named(found, "list[].a").null_share == 0
    assert named(found, "list[].b").null_share is None
    assert (named(found, "m").kind, named(found, "m").null_share, named(found, "m").in_conditions) == (
        "map",
        None,
        False,
    )
    write(tmp_path, dt.date(2021, 1, 2), table.slice(0, 1), write_statistics=False)
    assert named(fields(str(tmp_path)), "n").null_share is None
    write(tmp_path, dt.date(2021, 1, 2), pa.table({"list": pa.array([None, []], lists.type)}))
    assert named(fields(str(tmp_path)), "size(list)").null_share is None


def test_awkward_names_are_quoted(tmp_path):
    struct = pa.array([{"2MASS": 1, "select": 2, "a-b": 3, "plain": 4}])
    write(tmp_path, dt.date(2021, 1, 1), pa.table({"s": struct, "from": [1], "year": [1], "with space": [1]}))
    names = {field.path: field.name for field in fields(str(tmp_path)).fields}
    assert names["s.a-b"] == "s.`a-b`"
    assert names["s.plain"] == "s.plain"
    assert names["with space"] == "`with space`"
    union = pa.schema([("s", struct.type), ("from", pa.int64()), ("year", pa.int64()), ("with space", pa.int64())])
    for path, name in names.items():
        if path not in ("finkclass", "tnsclass"):
            assert parse_conditions(f"{name} > 0", union).leaves == (path,)


def test_of_many_nights_a_spread_is_read(tmp_path):
    first = dt.date(2021, 1, 1)
    nights = [first + dt.timedelta(days=i) for i in range(MOST_NIGHTS + 25)]
    for number, night in enumerate(nights):
        write(tmp_path, night, pa.table({"candid": [number]}))
    found = fields(str(tmp_path))
    assert len(found.nights) == MOST_NIGHTS
    assert (found.nights[0], found.nights[-1]) == (nights[0], nights[-1])
    steps = [(b - a).days for a, b in zip(found.nights, found.nights[1:], strict=False)]
    assert set(steps) == {1, 2}
    assert (found.num_archive_nights, found.num_alerts) == (len(nights), MOST_NIGHTS)
    chosen = fields(str(tmp_path), nights="2021-01-02:2021-01-04")
    assert chosen.nights == tuple(nights[1:4])


def test_like_looks_into_names_and_meanings(shared_archive):
    def names(like: str) -> list[str]:
        return [field.name for field in fields(str(shared_archive), like=like).fields]

    assert "candidate.magpsf" in names("MAGPS")
    assert names("kilonova") == ["rf_kn_vs_nonkn"]
    assert names("2mass") == ["mangrove.2MASS_name"]
    assert names("no field has this") == []


def test_what_is_wrong_is_told(tmp_path, shared_archive):
    write(tmp_path, dt.date(2021, 1, 1), pa.table({"x": [1]}))
    with pytest.raises(RequestError, match="'yesterday' is not a night"):
        fields(str(tmp_path), nights="yesterday")
    with pytest.raises(ArchiveError, match="no data") as caught:
        fields(str(tmp_path), nights=["2020-01-01"])
    assert "2021-01-01" in caught.value.accepted
    with pytest.raises(RequestError, match="no archive"):
        fields(settings=engine.Settings())
