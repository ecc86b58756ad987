"""Chosen rows come out as Arrow would read them, wherever their large values are taken from."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.archive import Archive, cut_fragments
from engine.archive.chosen_rows import chosen_rows, large_leaves
from engine.errors import UnreadableError
from engine.storage import OpenParquet, PageError, Store, open_parquet
from engine.storage import chunk_values as chunk_values_module

NIGHT = dt.date(2021, 11, 22)
COLUMNS = ["number", "cutout", "history", "stamp", "outer", "must"]
OF_BYTES = ("cutout.data", "stamp", "outer.inner.data", "outer.other", "must")
WRITING = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "snappy", "zstd", "gzip", "brotli"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "use_dictionary": st.booleans(),
        "dictionary_pagesize_limit": st.sampled_from([2_000, 40_000]),
        "data_page_size": st.sampled_from([1_000, 20_000, 1 << 20]),
        "write_batch_size": st.sampled_from([1, 7, 1024]),
        "write_page_checksum": st.booleans(),
        "row_group_size": st.sampled_from([9, 40, 200]),
    }
)


def value(chance: np.random.Generator, most: int) -> bytes | None:
    """Null, nothing, noise, what compresses well, or what came before."""
    nbytes = int(chance.integers(0, most + 1))
    kind = chance.integers(0, 6)
    if kind < 2:
        return None if kind else b""
    if kind == 2:
        return bytes([int(chance.integers(0, 3))]) * nbytes
    if kind == 3:
        return b"again and again" * 20
    noise = chance.bytes(nbytes)
    return noise + b"0" * 40 + noise[:50] if kind == 4 else noise


def alerts(seed: int, num_rows: int, most: int) -> pa.Table:
    chance = np.random.default_rng(seed)

    def rare(made: object) -> object:
        return None if chance.random() < 0.2 else made

    def inner() -> object:
        return rare({"data": value(chance, most), "n": int(chance.integers(0, 9))})

    rows = [
        {
            "number": i,
            "cutout": rare({"name": rare(f"n{i}"), "data": value(chance, most)}),
            "history": rare([rare(j) for j in range(chance.integers(0, 4))]),
            "stamp": value(chance, most),
            "outer": {"inner": inner(), "other": value(chance, 30)},
            "must": value(chance, most) or b"",
        }
        for i in range(num_rows)
    ]
    of_inner = pa.struct([("data", pa.binary()), ("n", pa.int32())])
    schema = pa.schema(
        [
            pa.field("number", pa.int64()),
            pa.field("cutout", pa.struct([("name", pa.string()), ("data", pa.large_binary())])),
            pa.field("history", pa.list_(pa.int16())),
            pa.field("stamp", pa.binary()),
            pa.field("outer", pa.struct([("inner", of_inner), pa.field("other", pa.binary())]), nullable=False),
            pa.field("must", pa.binary(), nullable=False),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def opened_from(folder: Path, content: bytes) -> OpenParquet:
    path = folder / "a.parquet"
    path.write_bytes(content)
    return open_parquet(Store(str(folder), {}), str(path))


def picked_rows(opened: OpenParquet, group: int, columns: list[str], chosen: np.ndarray, block: int) -> list:
    """Return the blocks with every leaf of bytes taken from its pages, however short its values are."""
    places = opened.layout.places(columns)
    picked = [place for place in places if opened.layout.paths[place] in OF_BYTES]
    assert picked
    return list(chosen_rows(opened, group, columns, picked, chosen, block, lambda read, wanted: read(wanted)))


@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 30, 90]),
    st.sampled_from([0, 30, 3_000]),
    WRITING,
    st.sampled_from([0.03, 0.3, 1.0]),
    st.sampled_from([1, 4, 1000]),
    st.sampled_from([COLUMNS, ["stamp"], ["cutout.data", "number"], ["outer.inner.data"], ["must", "outer.other"]]),
)
def test_they_are_as_arrow_reads_them(tmp_path_factory, seed, num_rows, most, writing, part, block, columns):
    table = alerts(seed, num_rows, most)
    file = io.BytesIO()
    pq.write_table(table, file, **writing)
    opened = opened_from(tmp_path_factory.mktemp("any"), file.getvalue())
    chance = np.random.default_rng(seed)
    for group in range(opened.metadata.num_row_groups):
        num_there = opened.metadata.row_group(group).num_rows
        chosen = np.flatnonzero(chance.random(num_there) < part)
        if not len(chosen):
            continue
        found = picked_rows(opened, group, columns, chosen, block)
        expected = opened.read([group], columns).take(pa.array(chosen))
        assert np.concatenate([rows for rows, _ in found]).tolist() == chosen.tolist()
        made = pa.Table.from_batches([batch for _, batch in found])
        made.validate(full=True)
        assert made.schema.equals(expected.schema, check_metadata=True)
        assert made.equals(expected)
        assert max(batch.num_rows for _, batch in found) <= block
    opened.close()
