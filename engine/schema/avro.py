"""Arrow schema -> Avro schema of the wire contract, and record batch -> datums.

The names are Spark's, on which the users' clients rely: the root record is `topLevelRecord`, the record of a struct is
named by the struct's path below it (`topLevelRecord.candidate`; lists and maps add nothing to the path), and a nullable
field is a union with null in second place.
"""

import re
from collections import Counter, deque
from typing import Any

import pyarrow as pa

from consumer.wire import avro_type
from engine.errors import ArchiveError, EncodeError
from engine.schema.avro_encoder import branches, child_path, encode_columns, kind_of
from engine.schema.exact import unit_of

__all__ = ["avro_schema", "encode"]

_ROOT = "topLevelRecord"

_WIDENED = {"long": {"int"}, "double": {"float"}}
"""Avro types that take the values of another one unchanged."""


def avro_schema(schema: pa.Schema) -> dict[str, Any]:
    """Return the Avro schema of the datums that rows of an Arrow schema become.

    Field names are kept as they are, also those that Avro's grammar forbids (`2MASS_name`): the users' clients know
    them. Names of records, which no client uses, are made legal and unique.

    Parameters
    ----------
    schema
        Fields of any depth; a nullable one becomes the union `[T, "null"]`, any other the bare type. That of a
        duration has its unit in `doc`.

    Raises
    ------
    ArchiveError
        If a type has no Avro type here (uint64, decimals, times: convert them before), or two fields share a name.
    """
    return _record(list(schema), _ROOT, "", set())


def _record(fields: list[pa.Field], name: str, path: str, taken: set[str]) -> dict[str, Any]:
    taken.add(name)
    twice = [field for field, count in Counter(field.name for field in fields).items() if count > 1]
    if twice:
        raise ArchiveError(
            f"{path or 'the table'} has more than one field named {twice[0]!r}",
            accepted="fields of different names",
            next_step="rename or leave out one of them",
        )
    return {
        "type": "record",
        "name": name,
        "fields": [
            {"name": f.name, "type": _union(f, child_path(path, f.name), name, taken), **_doc(f)} for f in fields
        ],
    }


def _doc(field: pa.Field) -> dict[str, str]:
    unit = unit_of(field)
    return {"doc": f"a duration in {unit}"} if unit else {}


def _union(field: pa.Field, path: str, namespace: str, taken: set[str]) -> Any:
    avro = _type(field.type, field.name, path, namespace, taken)
    return [avro, "null"] if field.nullable else avro


def _type(arrow: pa.DataType, name: str, path: str, namespace: str, taken: set[str]) -> Any:
    while pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    kind = avro_type(arrow)
    if kind is None:
        raise ArchiveError(
            f"{path} is of type {arrow}, which has no place in the Avro schema",
            accepted="booleans, integers but uint64, floats, text, bytes; structs, lists and maps of these",
            next_step="convert the field before (times to text, decimals to double), or leave it out of the content",
        )
    if kind == "record":
        return _record(list(arrow), _record_name(name, namespace, taken), path, taken)
    if kind == "array":
        return {"type": "array", "items": _union(arrow.value_field.with_name(name), path, namespace, taken)}
    if kind == "map":
        if avro_type(arrow.key_type) != "string":
            raise ArchiveError(
                f"the keys of map {path} are of type {arrow.key_type}",
                accepted="maps with text keys, as Avro has no others",
                next_step="leave the field out of the content",
            )
        return {"type": "map", "values": _union(arrow.item_field.with_name(name), path, namespace, taken)}
    return kind


def _record_name(field: str, namespace: str, taken: set[str]) -> str:
    legal = re.sub(r"[^A-Za-z0-9_]", "_", field)
    name = f"{namespace}.{legal}" if re.match(r"[A-Za-z_]", legal) else f"{namespace}._{legal}"
    while name in taken:
        name += "_"
    return name


def encode(batch: pa.RecordBatch, schema: dict[str, Any]) -> pa.LargeBinaryArray:
    """Return the Avro datum of each row, without header (schemaless), byte for byte as fastavro writes it.

    At its peak it takes up to three times the bytes of the datums: cut large tables into blocks before.

    Parameters
    ----------
    batch
        Rows of any layout (sliced, dictionaries, views …).
    schema
        Avro schema of a record whose fields are the batch's columns, by position and name; unions are of one type and
        null, in either order.

    Raises
    ------
    EncodeError
        If the schema doesn't fit the batch, or a value is null where the schema has no null (the message names the
        field, and the row by its position in the batch).
    """
    if not _fits_as_before(schema, batch.schema):
        _check(schema, pa.struct(list(batch.schema)), "")
        _fitting.append((schema["fields"], batch.schema))
    return encode_columns(batch.columns, batch.num_rows, schema)


# Those that fitted last: block after block of a job has the same, and to check hundreds of leaves takes a millisecond.
_fitting: deque[tuple[list[Any], pa.Schema]] = deque(maxlen=8)


def _fits_as_before(schema: dict[str, Any], arrow: pa.Schema) -> bool:
    return any(fields is schema.get("fields") and arrow.equals(known) for fields, known in tuple(_fitting))


def _check(schema: Any, arrow: pa.DataType, path: str) -> None:
    """Raise EncodeError unless values of an Arrow type can be written by a schema."""
    schema = branches(schema)[0]
    expected = kind_of(schema)
    while pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    if pa.types.is_null(arrow):
        return
    kind = avro_type(arrow)
    if kind != expected and kind not in _WIDENED.get(str(expected), ()):
        raise EncodeError(
            f"{path or 'the batch'} is of type {arrow} and its Avro type is {expected!r:.200}",
            accepted="the schema that avro_schema makes for the batch",
            next_step="cast the column to the type of the schema first",
        )
    if kind == "record":
        theirs, ours = [f["name"] for f in schema["fields"]], [f.name for f in arrow]
        if theirs != ours:
            raise EncodeError(
                f"the fields of {path or 'the batch'} are {ours} and in the Avro schema {theirs}",
                accepted="the same fields in the same order",
            )
        for field, child in zip(schema["fields"], arrow, strict=True):
            _check(field["type"], child.type, child_path(path, child.name))
    elif kind == "array":
        _check(schema["items"], arrow.value_type, f"{path}[]")
    elif kind == "map":
        _check("string", arrow.key_type, f"{path}[key]")
        _check(schema["values"], arrow.item_type, f"{path}[]")
