"""What conditions are tested on: the table that Spark was given, with its results, and alerts of an invented survey."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from engine.conditions import filter_table, input_schema, leaf_type, parse_conditions, with_predicates
from engine.errors import ConditionError
from engine.schema import combined, compute_leaves, union_schemas

GOLDEN = json.loads((Path(__file__).parent / "golden" / "conditions.json").read_text(encoding="utf-8"))
ARROW = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "void": pa.bool_(),
    "string": pa.string(),
    "timestamp": pa.string(),
    "date": pa.string(),
    "struct<x:double,Name:string>": pa.struct([("x", pa.float64()), ("Name", pa.string())]),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "array<int>": pa.list_(pa.int32()),
    "array<double>": pa.list_(pa.float64()),
    "array<string>": pa.list_(pa.string()),
    "array<array<int>>": pa.list_(pa.list_(pa.int32())),
    "array<struct<m:double,f:int,s:string>>": pa.list_(
        pa.struct([("m", pa.float64()), ("f", pa.int32()), ("s", pa.string())])
    ),
}


def column(values: list, type_: str) -> pa.Array:
    """Return values of the golden file, whose NaN and infinities are texts, as a column."""
    arrow = ARROW.get(type_, pa.float64())  # a decimal is compared as a double

    return pa.array([decode(value, arrow) for value in values], arrow)


def decode(value, type_: pa.DataType):
    if value is None:
        return None
    if pa.types.is_floating(type_):
        return float(value)
    if pa.types.is_struct(type_):
        return {member.name: decode(x, member.type) for member, x in zip(type_.fields, value, strict=True)}
    if pa.types.is_list(type_):
        return [decode(x, type_.value_type) for x in value]
    return list(value.items()) if pa.types.is_map(type_) else value


def field(name: str, type_: str) -> pa.Field:
    """Return a field as the union of files has it, in which times are texts."""
    if type_ in ("timestamp", "date"):
        of_times = pa.timestamp("us") if type_ == "timestamp" else pa.date32()
        return union_schemas([("file", pa.schema([(name, of_times)]))]).field(name)
    return pa.field(name, ARROW.get(type_, pa.float64()))


TABLE = pa.table(
    [column(GOLDEN["table"][name], type_) for name, type_ in GOLDEN["types"].items()],
    schema=pa.schema([field(name, type_) for name, type_ in GOLDEN["types"].items()]),
)


def narrow(table: pa.Table, leaves: tuple[str, ...]) -> pa.Table:
    """Return leaves of a nested table as flat columns, as the archive and its reader do."""
    schema = pa.schema([(leaf, leaf_type(table.schema, leaf)) for leaf in leaves])
    needed = input_schema(schema)
    sources = {name: combined(table[name]) for name in table.column_names}
    arrays = compute_leaves(sources, needed.names, needed.types, table.num_rows, "the table")
    return with_predicates(pa.table(arrays, schema=needed), schema)


def rows(text: str, table: pa.Table = TABLE) -> list[int]:
    conditions = parse_conditions(text, table.schema)
    return filter_table(narrow(table, conditions.leaves), conditions.sql).tolist()


def refusal(text: str, schema: pa.Schema = TABLE.schema) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, schema)
    return caught.value


ALERT = pa.schema(
    [
        ("objectId", pa.string()),
        ("candid", pa.int64()),
        (
            "candidate",
            pa.struct(
                [("magpsf", pa.float32()), ("magnr", pa.float32()), ("distnr", pa.float32()), ("fid", pa.int32())]
            ),
        ),
        ("prv_candidates", pa.list_(pa.struct([("jd", pa.float64())]))),
        ("cutoutScience", pa.struct([("fileName", pa.string()), ("stampData", pa.binary())])),
        ("rf_snia_vs_nonia", pa.float64()),
        ("snn_snia_vs_nonia", pa.float64()),
        ("timestamp", pa.timestamp("us")),
        ("tracklet", pa.null()),
        ("mangrove", pa.struct([("2MASS_name", pa.string()), ("HyperLEDA_name", pa.string())])),
        ("odd name", pa.int32()),
        ("Twin", pa.int32()),
        ("twin", pa.int32()),
        ('quo"te', pa.int32()),
        ("finkclass", pa.string()),
        ("tnsclass", pa.string()),
    ]
)


def flat(**columns: list) -> pa.Table:
    return pa.table({name: pa.array(values, leaf_type(ALERT, name)) for name, values in columns.items()})
