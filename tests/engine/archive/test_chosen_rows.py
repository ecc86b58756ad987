"""Chosen rows come out as Arrow would read them, wherever their large values are taken from."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.archive import Archive, cut_fragments
from engine.archive.chosen_rows import chosen_rows
from engine.errors import UnreadableError
from engine.storage import OpenParquet, PageError, Store, chunk_values, open_parquet, pages

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


def planned(folder: Path, content: bytes) -> tuple[Archive, object]:
    night = folder / "science/year=2021/month=11/day=22"
    night.mkdir(parents=True, exist_ok=True)
    (night / "a.parquet").write_bytes(content)
    archive = Archive(str(folder / "science"))
    (fragment,) = cut_fragments(
        archive.footers(archive.files([NIGHT])), ["number"], target_nbytes=10**12, max_alerts=10**9
    )
    return archive, fragment


def stamps(num_rows: int) -> pa.Table:
    chance = np.random.default_rng(7)
    noise = [chance.bytes(2_000) for _ in range(num_rows)]
    cutout = [{"name": f"n{i}", "data": one} for i, one in enumerate(noise)]
    return pa.table({"number": range(num_rows), "cutout": cutout, "stamp": noise[::-1]})


def as_bytes(table: pa.Table, **options) -> bytes:
    file = io.BytesIO()
    options = {"use_dictionary": False, "write_page_checksum": True, "data_page_size": 20_000, **options}
    pq.write_table(table, file, row_group_size=100, write_batch_size=10, **options)
    return file.getvalue()


class Read:
    """What of a fragment was read by Arrow, and the bytes of the pages that were opened by ourselves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.places: set[int] = set()
        self.pages: list[int] = []
        batches_of, open_page = OpenParquet.batches_of, pages.Page.open

        def noted(opened, row_groups, places, num_rows):
            self.places |= set(places)
            return batches_of(opened, row_groups, places, num_rows)

        def noted_page(page):
            self.pages.append(page.num_values)
            return open_page(page)

        monkeypatch.setattr(OpenParquet, "batches_of", noted)
        monkeypatch.setattr(pages.Page, "open", noted_page)


def chosen_by(archive: Archive, fragment, chosen: list[int], columns: list[str]) -> pa.Table:
    with archive.open(fragment) as opened:
        parts = list(opened.read_chosen(columns, fragment.row_groups, np.array(chosen, np.int64), 16))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == chosen
    return pa.Table.from_batches([block for _, block in parts])


STAMPS = ["number", "cutout", "stamp"]


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_of_a_few_only_their_pages_are_opened_and_arrow_reads_no_stamp(tmp_path, monkeypatch, compression):
    table = stamps(300)
    archive, fragment = planned(tmp_path, as_bytes(table, compression=compression))
    read, chosen = Read(monkeypatch), [3, 4, 250]
    assert chosen_by(archive, fragment, chosen, STAMPS).equals(table.take(chosen))
    assert read.places == {0, 1}
    assert read.pages == [10] * 4


def test_of_many_arrow_reads_all(tmp_path, monkeypatch):
    table = stamps(300)
    archive, fragment = planned(tmp_path, as_bytes(table))
    read, chosen = Read(monkeypatch), list(range(0, 300, 2))
    assert chosen_by(archive, fragment, chosen, STAMPS).equals(table.take(chosen))
    assert read.places == {0, 1, 2, 3}
    assert not read.pages


@pytest.mark.parametrize("options", [{"column_encoding": {"stamp": "DELTA_BYTE_ARRAY"}}, {"compression": "lz4"}])
def test_what_is_written_in_another_way_is_left_to_arrow(tmp_path, monkeypatch, options):
    table = stamps(300)
    archive, fragment = planned(tmp_path, as_bytes(table, **options))
    read = Read(monkeypatch)
    assert chosen_by(archive, fragment, [7, 299], STAMPS).equals(table.take([7, 299]))
    assert 3 in read.places


def test_a_page_that_is_not_understood_is_left_to_arrow_from_there_on(tmp_path, monkeypatch):
    table = stamps(300)
    archive, fragment = planned(tmp_path, as_bytes(table))
    read, opened = Read(monkeypatch), []
    noted = pages.Page.open

    def some(page):
        opened.append(page)
        if len(opened) == 8:
            raise PageError("another kind")
        return noted(page)

    monkeypatch.setattr(pages.Page, "open", some)
    chosen = [*range(100, 130), 200, 201]
    assert chosen_by(archive, fragment, chosen, STAMPS).equals(table.take(chosen))
    assert read.places == {0, 1, 2, 3}


@pytest.mark.parametrize("checksums", [True, False])
def test_a_damaged_page_is_told_as_arrow_tells_it(tmp_path, checksums):
    """With a checksum wherever it stands; without, where its bytes are no page's any more."""
    content = bytearray(as_bytes(stamps(300), write_page_checksum=checksums, compression="snappy"))
    chunk = pq.read_metadata(io.BytesIO(content)).row_group(1).column(3)
    if checksums:
        content[chunk.data_page_offset + chunk.total_compressed_size - 500] ^= 1
    else:
        content[chunk.data_page_offset + 30 : chunk.data_page_offset + 5_000] = b"\xff" * 4_970
    archive, fragment = planned(tmp_path, bytes(content))
    with pytest.raises(UnreadableError, match="row group 1 of") as chosen:
        chosen_by(archive, fragment, [0, 101, 299], STAMPS)
    with archive.open(fragment) as opened, pytest.raises(UnreadableError) as all_:
        list(opened.read_blocks(STAMPS, fragment.row_groups, 16))
    assert str(chosen.value) == str(all_.value)


@given(
    st.integers(0, 2**32),
    st.sampled_from(["none", "snappy", "zstd"]),
    st.booleans(),
    st.sampled_from(["1.0", "2.0"]),
)
def test_damage_is_an_error_or_harmless(tmp_path_factory, seed, compression, indexed, version):
    chance, table = np.random.default_rng(seed), stamps(30)
    content = bytearray(as_bytes(table, compression=compression, use_dictionary=indexed, data_page_version=version))
    chunk = pq.read_metadata(io.BytesIO(content)).row_group(0).column(3)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    for _ in range(chance.integers(1, 4)):
        content[start + int(chance.integers(0, 60))] = int(chance.integers(0, 256))
    archive, fragment = planned(tmp_path_factory.mktemp("damaged"), bytes(content))
    with contextlib.suppress(UnreadableError), archive.open(fragment) as opened:
        parts = list(opened.read_chosen(STAMPS, [0], np.array([2, 9]), 16))
        assert pa.Table.from_batches([block for _, block in parts], table.schema).equals(table.take([2, 9]))


def test_values_that_come_to_much_are_left_to_arrow(tmp_path, monkeypatch):
    """A dictionary may hold one long value that a column repeats."""
    monkeypatch.setattr(chunk_values, "_MOST_NBYTES", 10_000)
    table = stamps(300)
    archive, fragment = planned(tmp_path, as_bytes(table))
    read = Read(monkeypatch)
    chosen = list(range(0, 60, 2))
    assert chosen_by(archive, fragment, chosen, STAMPS).equals(table.take(chosen))
    assert read.places == {0, 1, 2, 3}


def test_rows_that_arrow_leaves_out_beside_taken_stamps_are_missed(tmp_path, monkeypatch):
    """Of some damaged pages it yields fewer rows than the footer says, and raises nothing."""
    archive, fragment = planned(tmp_path, as_bytes(stamps(300)))
    batches_of = OpenParquet.batches_of
    monkeypatch.setattr(
        OpenParquet, "batches_of", lambda *args: (batch.slice(0, batch.num_rows - 1) for batch in batches_of(*args))
    )
    with pytest.raises(UnreadableError, match="were expected"):
        chosen_by(archive, fragment, [0, 1], STAMPS)
