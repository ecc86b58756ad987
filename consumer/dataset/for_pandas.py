"""What pandas is told of our files: that whole numbers stay whole numbers where some are null.

By itself pandas makes floats of an integer column with nulls, and an identifier of 18 digits loses its last ones. It
reads the metadata that its own files have: a column of numpy type `Int64` becomes an integer that may be null. Other
readers pass over it.
"""

from __future__ import annotations

import json

import pyarrow as pa

__all__ = ["pandas_metadata"]


def pandas_metadata(schema: pa.Schema, id_field: str) -> dict[bytes, bytes]:
    """Return key-value metadata that names the columns of 64-bit integers that may be null; none where there is none.

    Columns alone can be named: inside a struct, integers of which some are null become floats all the same, unless one
    reads with `dtype_backend="pyarrow"`.

    Parameters
    ----------
    schema
        Of the file.
    id_field
        The plan's: where the identifiers are, which each alert has. For pandas a column of that name stays `int64`,
        as it always was.
    """
    identifier = id_field.rpartition(".")[2]
    columns = [
        {"name": field.name, "field_name": field.name, "pandas_type": "int64", "numpy_type": "Int64", "metadata": None}
        for field in schema
        if field.nullable and pa.types.is_int64(field.type) and field.name != identifier
    ]
    if not columns:
        return {}
    told = {"index_columns": [], "column_indexes": [], "columns": columns, "creator": {"library": "alert-transfer"}}
    return {b"pandas": json.dumps(told).encode()}
