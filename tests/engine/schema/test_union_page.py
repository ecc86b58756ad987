"""docs/schema-union.md says what the schema union does: each row of its tables, and its example, is run."""

import datetime as dt
import json
import math
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import ArchiveError
from engine.schema import check_settled, conform, union_schemas

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "schema-union.md").read_text(encoding="utf-8")

_PLAIN = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date32": pa.date32(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    **{f"decimal128({size}, {scale})": pa.decimal128(size, scale) for size, scale in ((10, 2), (12, 4), (10, 8))},
    **{f"time32[{unit}]": pa.time32(unit) for unit in ("s", "ms")},
    **{f"time64[{unit}]": pa.time64(unit) for unit in ("us", "ns")},
    **{f"duration[{unit}]": pa.duration(unit) for unit in ("s", "ms", "us", "ns")},
    **{f"{sign}int{width}": getattr(pa, f"{sign}int{width}")() for sign in ("", "u") for width in (8, 16, 32, 64)},
    **{f"timestamp[{unit}]": pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")},
}


def type_of(text: str) -> pa.DataType:
    """Return the type that Arrow writes like this."""
    outer, _, rest = text.partition("<")
    if not rest:
        return _PLAIN[text]
    inside = rest.removesuffix(">")
    match outer:
        case "dictionary":
            return pa.dictionary(pa.int32(), type_of(inside))
        case "list":
            return pa.list_(type_of(inside))
        case "large_list":
            return pa.large_list(type_of(inside))
        case "list_view":
            return pa.list_view(type_of(inside))
        case "map":
            key, _, value = inside.partition(", ")
            return pa.map_(type_of(key), type_of(value))
    members = re.split(r", (?=\w+: )", inside) if "<" not in inside else [inside]
    return pa.struct([(name, type_of(of)) for name, _, of in (member.partition(": ") for member in members)])


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this heading, code marks taken off."""
    table = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("| ").split("|")] for line in table]


def plain(type_: pa.DataType) -> pa.DataType:
    """Return a type whose items and fields may all be null, as the page has them."""
    if pa.types.is_list(type_):
        return pa.list_(plain(type_.value_type))
    return pa.struct([(f.name, plain(f.type)) for f in type_]) if pa.types.is_struct(type_) else type_


def united(one: str, another: str) -> pa.DataType:
    files = [
        ("newer.parquet", pa.schema([("x", type_of(one))])),
        ("older.parquet", pa.schema([("x", type_of(another))])),
    ]
    type_ = union_schemas(files).field("x").type
    check_settled(type_)
    return plain(type_)


@pytest.mark.parametrize(("one", "another", "together"), rows("one file has"))
def test_what_meets_what(one, another, together):
    assert united(one, another) == type_of(together)
    other_way = united(another, one)
    if pa.types.is_struct(other_way):
        assert {(f.name, f.type) for f in other_way} == {(f.name, f.type) for f in type_of(together)}
    else:
        assert other_way == type_of(together)


@pytest.mark.parametrize(("source", "target", "value", "becomes"), rows("a file has"))
def test_what_becomes_of_values(source, target, value, becomes):
    given = json.loads(value)
    if source.startswith("timestamp"):
        given = pa.scalar(given).cast(type_of(source))
    elif source == "date32":
        given = dt.date.fromisoformat(given)
    elif source.startswith("decimal"):
        given = Decimal(given)
    elif source.startswith("time"):
        given = dt.time.fromisoformat(given)
    elif source.startswith("map"):
        given = list(given.items()) if isinstance(given, dict) else list(map(tuple, given))
    array = pa.array([given, None], type_of(source))
    if becomes == "refused":
        with pytest.raises(ArchiveError, match=r"FILE"):
            conform(array, type_of(target), "x", "FILE")
        return
    result = conform(array, type_of(target), "x", "FILE")
    result.validate(full=True)
    assert result.type == type_of(target)
    found, null = result.to_pylist(maps_as_pydicts="strict")
    assert null is None
    wanted = json.loads(becomes)
    assert found == wanted
    assert type(found) is type(wanted)


def test_the_message_of_a_value_that_is_refused():
    (message,) = re.findall(r"^    (x is an integer .*)$", PAGE, re.MULTILINE)
    with pytest.raises(ArchiveError) as caught:
        conform(pa.array([1.0, math.nan, 2.5]), pa.int64(), "x", "FILE")
    assert caught.value.message == message


@pytest.mark.parametrize(("newer", "older", "message"), rows("newer.parquet has"))
def test_what_is_refused(newer, older, message):
    with pytest.raises(ArchiveError) as caught:
        united(newer, older)
    assert caught.value.message == message
    assert caught.value.next_step.startswith("choose ")


def test_the_example_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for name in ("ALERT_TRANSFER_CONFIG", "ALERT_TRANSFER_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    names: dict = {}
    exec(compile(code, "docs/schema-union.md", "exec"), names)
    assert names["alerts"].num_rows == 2


def test_widen_inside_a_list_is_named_as_the_page_says():
    assert "`prv_candidates.item.nbad`" in PAGE
    kinds = [pa.list_(pa.struct([("nbad", type_)])) for type_ in (pa.int32(), pa.float64())]
    files = [(str(i), pa.schema([("prv_candidates", kind)])) for i, kind in enumerate(kinds)]
    union = union_schemas(files, widen=["prv_candidates.item.nbad"])
    assert union.field("prv_candidates").type.value_type.field("nbad").type == pa.float64()


def test_every_table_of_the_page_is_tested():
    headings = re.findall(r"^\| (.+?) \|.*\n\|---", PAGE, re.MULTILINE)
    assert headings == ["one file has", "a file has", "newer.parquet has"]
