"""Avro schemas of any shape, values of them, and datums that were spoilt."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

LEAVES = ("null", "boolean", "int", "long", "float", "double", "string", "bytes")


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Return the schema of a record."""
    names = (f"n{number}" for number in itertools.count())
    made: list[str] = []

    def named(kind: str, **body: Any) -> dict[str, Any]:
        name = next(names)
        # Not usable before it is complete: a type does not contain itself.
        return {"type": kind, "name": name, **body}

    def type_of(depth: int) -> Any:
        kinds = (
            [*LEAVES, "enum", "fixed"] + (["record", "array", "map"] if depth < 3 else []) + (["again"] * bool(made))
        )
        kind = draw(st.sampled_from(kinds))
        match kind:
            case "again":
                return draw(st.sampled_from(made))
            case "enum":
                avro = named("enum", symbols=draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)))
            case "fixed":
                avro = named("fixed", size=draw(st.integers(0, 20)))
            case "record":
                avro = named("record", fields=fields(depth + 1, draw(st.integers(0, 3))))
            case "array":
                return {"type": "array", "items": item(depth + 1)}
            case "map":
                return {"type": "map", "values": field(depth + 1)}
            case _:
                return kind
        made.append(avro["name"])
        return avro

    def field(depth: int) -> Any:
        avro = type_of(depth)
        if avro == "null":
            return avro
        return draw(st.sampled_from([avro, [avro, "null"], ["null", avro], [avro]]))

    def item(depth: int) -> Any:
        avro = field(depth)
        # Items without bytes are refused; in a union they have some.
        return avro if isinstance(avro, list) or avro in LEAVES[1:] else [*([] if avro == "null" else [avro]), "null"]

    def fields(depth: int, count: int) -> list[dict[str, Any]]:
        return [{"name": f"f{number}", "type": field(depth)} for number in range(count)]

    body = fields(0, draw(st.integers(1, 5)))
    if any(one == "null" for one in items_of(body)):
        body = [{"name": "f", "type": "long"}]
    return {"type": "record", "name": "root", "fields": body}


def items_of(avro: Any) -> list[Any]:
    """Return the types of all lists' items."""
    if isinstance(avro, list):
        return [found for branch in avro for found in items_of(branch)]
    if not isinstance(avro, dict):
        return []
    inside = [found for part in avro.values() if isinstance(part, list | dict) for found in items_of(part)]
    own = [avro["items"][0]] if avro.get("type") == "array" and avro["items"] == ["null"] else []
    return inside + own


def values(schema: Any, named: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    """Return values of a schema."""
    named = {} if named is None else named
    if isinstance(schema, list):
        return st.one_of([values(branch, named) for branch in schema])
    if isinstance(schema, str):
        return _LEAF_VALUES[schema] if schema in _LEAF_VALUES else values(named[schema], named)
    if "name" in schema:
        named[schema["name"]] = schema
    match schema["type"]:
        case "record":
            return st.fixed_dictionaries({one["name"]: values(one["type"], named) for one in schema["fields"]})
        case "enum":
            return st.sampled_from(schema["symbols"])
        case "fixed":
            return st.binary(min_size=schema["size"], max_size=schema["size"])
        case "array":
            few = st.lists(values(schema["items"], named), max_size=4)
            # Some lists are much longer than the rest.
            return few | few.flatmap(lambda some: st.integers(1, 40).map(lambda times: some * times))
        case "map":
            return st.dictionaries(st.text(max_size=3), values(schema["values"], named), max_size=4)
    return values(schema["type"], named)


_LEAF_VALUES = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1) | st.integers(-70, 70),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**20), 2**20),
    "float": st.floats(width=32),
    "double": st.floats(),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=40),
}


@st.composite
def spoilt(draw: st.DrawFn, datum: bytes) -> bytes:
    """Return a datum with flipped bits, a cut, something put in, or a number that lies."""
    wrong = bytearray(datum)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(wrong)))
        match draw(st.sampled_from(["flip", "cut", "insert", "number", "negative", "end"])):
            case "flip" if wrong:
                wrong[at % len(wrong)] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del wrong[at : at + draw(st.integers(1, 9))]
            case "insert":
                wrong[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "number":
                wrong[at : at + 1] = draw(
                    st.sampled_from([b"\x80\x00", b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x7f", b"\x80" * 12 + b"\x04"])
                )
            case "negative":
                wrong[at : at + 1] = draw(st.sampled_from([b"\x01", b"\x03", b"\x05", b"\x03\x10"]))
            case "end":
                wrong += draw(st.binary(max_size=5))
    return bytes(wrong)
