"""What is asked of schemas once a schema."""

import pyarrow as pa

from engine.schema import once_a_schema, union_schemas


def test_each_object_is_asked_once_and_answered_as_it_would_be():
    asked = []

    def type_of_a(schema: pa.Schema) -> pa.DataType | None:
        asked.append(schema)
        return schema.field("a").type if "a" in schema.names else None

    answer = once_a_schema(type_of_a)
    with_a, without = pa.schema([("a", pa.int32())]), pa.schema([("b", pa.int32())])
    assert [answer(schema) for schema in (with_a, without, with_a, without)] == [pa.int32(), None, pa.int32(), None]
    assert asked == [with_a, without]
    # Many that live for a moment only, as likely as not at one address.
    types = [answer(pa.schema([("a", type_)])) for type_ in [pa.int8(), pa.string(), pa.float32()] * 50]
    assert types == [pa.int8(), pa.string(), pa.float32()] * 50


def test_a_union_names_the_first_of_the_files_that_share_a_schema():
    number, text = pa.schema([("a", pa.int32())]), pa.schema([("a", pa.string())])
    files = [("new.parquet", number), ("newer.parquet", number), ("old.parquet", text), ("older.parquet", text)]
    union = union_schemas(files)
    assert union.field("a").type.message == "a is int32 in new.parquet and string in old.parquet"
    copies = [(file, pa.schema(list(schema))) for file, schema in files]
    assert union_schemas(copies).field("a").type.message == union.field("a").type.message
