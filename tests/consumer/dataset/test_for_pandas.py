"""Whole numbers that may be null are whole numbers for users of pandas, and all readers still read."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from consumer.dataset.parquet import Receipt, write_parquet

IDS = [169813006802223148, None, 9223372036854775807]
SCHEMA = pa.schema(
    [
        ("diaObjectId", pa.int64()),
        pa.field("diaSourceId", pa.int64(), nullable=False),
        ("diaObject", pa.struct([("diaObjectId", pa.int64())])),
        ("psfFlux", pa.float32()),
    ]
)
RECEIPT = Receipt(topic="ftransfer_x", job_id="a", request={}, fragments={0: (3, "0" * 32)})


@pytest.fixture
def folder(tmp_path):
    objects = [None if number is None else {"diaObjectId": number} for number in IDS]
    table = pa.table([IDS, [1, 2, 3], objects, [1.5, None, 2.5]], schema=SCHEMA)
    for month in (1, 2):
        # Of the second file no identifier is null.
        write_parquet(tmp_path / f"year=2026/month={month:02d}/a.parquet", table.slice(0, 4 - month), RECEIPT)
    return tmp_path


def test_pandas_reads_integers_where_some_are_null(folder):
    for found in (pd.read_parquet(folder), pd.read_parquet(folder / "year=2026/month=01/a.parquet")):
        assert found["diaObjectId"].dtype == "Int64"
        assert [None if value is pd.NA else int(value) for value in found["diaObjectId"][:3]] == IDS
        assert found["diaSourceId"].dtype == "int64"
        assert found["psfFlux"].dtype == "float32"
    assert set(pd.read_parquet(folder).columns) == {*SCHEMA.names, "year", "month"}


def test_integers_inside_structs_are_exact_with_arrows_types(folder):
    # pandas' own types have floats there; what the documentation says to write does not.
    found = pd.read_parquet(folder, dtype_backend="pyarrow")["diaObject"].struct.field("diaObjectId")
    assert [None if value is pd.NA else value for value in found[:3]] == IDS


def test_other_readers_read_the_same(folder):
    files = str(folder / "**/*.parquet")
    expected = [*IDS, *IDS[:2]]
    assert ds.dataset(folder, partitioning="hive").to_table()["diaObjectId"].to_pylist() == expected
    assert pl.read_parquet(files, hive_partitioning=True)["diaObjectId"].to_list() == expected
    rows = duckdb.sql(
        f"SELECT diaObjectId FROM read_parquet('{files}', hive_partitioning=true) ORDER BY month, diaSourceId"
    )
    assert [row[0] for row in rows.fetchall()] == expected
