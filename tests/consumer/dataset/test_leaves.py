"""What is compressed in a file, by what it holds; readers see the same values either way."""

import gzip
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.dataset.parquet import Receipt, write_parquet, write_pieces

RECEIPT = Receipt(topic="ftransfer_x", job_id="a", request={}, fragments={})
STAMP = pa.struct([("fileName", pa.string()), ("stampData", pa.binary())])
HISTORY = pa.list_(pa.struct([("magpsf", pa.float32())]))
PLAIN = b"\x00" * 500
PACKED = gzip.compress(bytes(range(256)) * 4, mtime=0)


def table_of(images: list[bytes | None], num_rows: int) -> pa.Table:
    images = (images * num_rows)[:num_rows]
    return pa.table(
        {
            "candid": pa.array(np.arange(num_rows)),
            "name": pa.array([f"ZTF{n}" for n in range(num_rows)]),
            "cutout": pa.array([{"fileName": "a", "stampData": image} for image in images], STAMP),
            "history": pa.array([[{"magpsf": float(n)}] for n in range(num_rows)], HISTORY),
            "maybe": pa.array([None if n % 2 else n * 0.5 for n in range(num_rows)]),
        }
    )


def leaves_of(path: Path) -> dict[str, pq.ColumnChunkMetaData]:
    group = pq.read_metadata(path).row_group(0)
    return {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}


@pytest.mark.parametrize(
    ("images", "compression"),
    [([PACKED], "UNCOMPRESSED"), ([None, b"", PACKED], "UNCOMPRESSED"), ([PLAIN], "ZSTD"), ([None], "ZSTD")],
)
def test_images_are_compressed_unless_they_are_already(tmp_path, images, compression):
    write_parquet(tmp_path / "a.parquet", table_of(images, 1000), RECEIPT)
    leaves = leaves_of(tmp_path / "a.parquet")
    assert leaves["cutout.stampData"].compression == compression
    assert {leaves[path].compression for path in ("candid", "name", "history.list.element.magpsf", "maybe")} == {"ZSTD"}


def test_few_numbers_are_compressed_where_there_are_no_images(tmp_path):
    write_parquet(tmp_path / "a.parquet", table_of([PLAIN], 100).drop_columns("cutout"), RECEIPT)
    assert {leaf.compression for leaf in leaves_of(tmp_path / "a.parquet").values()} == {"ZSTD"}


def test_few_numbers_beside_images_are_not_compressed_and_lists_and_texts_are_quickly(tmp_path):
    write_parquet(tmp_path / "a.parquet", table_of([PLAIN], 100), RECEIPT)
    leaves = leaves_of(tmp_path / "a.parquet")
    assert leaves["candid"].compression == leaves["maybe"].compression == "UNCOMPRESSED"
    assert leaves["name"].compression == leaves["history.list.element.magpsf"].compression == "SNAPPY"
    assert leaves["cutout.stampData"].compression == "ZSTD"
    assert not any(leaf.has_dictionary_page for leaf in leaves.values())


def test_leaves_that_readers_prune_by_have_their_least_and_greatest_value(tmp_path):
    write_parquet(tmp_path / "a.parquet", table_of([PACKED], 1000), RECEIPT)
    leaves = leaves_of(tmp_path / "a.parquet")
    with_bounds = {path for path, leaf in leaves.items() if leaf.is_stats_set and leaf.statistics.has_min_max}
    assert with_bounds == {"candid", "name", "cutout.fileName", "maybe"}


@pytest.mark.parametrize("images", [[PACKED, None], [PLAIN]])
@pytest.mark.parametrize("num_rows", [0, 3, 1000])
def test_all_readers_see_the_same_values(tmp_path, images, num_rows):
    table, path = table_of(images, num_rows), tmp_path / "a.parquet"
    write_pieces(path, table.schema, table.to_batches(max_chunksize=400), lambda: RECEIPT)
    assert pq.read_table(path, page_checksum_verification=True).to_pylist() == table.to_pylist()
    assert pl.read_parquet(path).to_dicts() == table.to_pylist()
    found = duckdb.sql(f"select candid, cutout, history from '{path}'").to_arrow_table()
    assert found.to_pylist() == table.select(found.column_names).to_pylist()


def test_the_same_rows_make_the_same_file(tmp_path):
    table = table_of([PACKED], 1000)
    write_parquet(tmp_path / "a.parquet", table, RECEIPT)
    write_parquet(tmp_path / "b.parquet", table, RECEIPT)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
