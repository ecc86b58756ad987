"""Opening Parquet files: encrypted ones are told, and of remote ones little more is read than what is asked for."""

import base64
import datetime as dt
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile

import engine
from engine.archive import Archive, cut_fragments
from engine.errors import ArchiveError, UnreadableError

NIGHT = dt.date(2021, 11, 22)
FOLDER = "year=2021/month=11/day=22"


class Keys(pe.KmsClient):
    """Keys that are none."""

    def __init__(self, config):
        super().__init__()

    def wrap_key(self, key, master):
        """Return a key as it is."""
        return base64.b64encode(key)

    def unwrap_key(self, key, master):
        """Return a key as it was."""
        return base64.b64decode(key)


def encrypt(table: pa.Table, path: Path, *, plain_footer: bool = True, column: str = "candid") -> None:
    how = pe.EncryptionConfiguration(footer_key="k", column_keys={"k": [column]}, plaintext_footer=plain_footer)
    properties = pe.CryptoFactory(Keys).file_encryption_properties(pe.KmsConnectionConfig(), how)
    pq.write_table(table, path, encryption_properties=properties)


def wide(num_columns: int) -> pa.Table:
    return pa.table({"candid": [1, 2], **{f"c{i}": [f"{i}", None] for i in range(num_columns - 1)}})


def with_footer(path: Path, change) -> None:
    """Write a file anew with its footer changed."""
    held = path.read_bytes()
    (length,) = struct.unpack("<I", held[-8:-4])
    footer = change(held[-8 - length : -8])
    path.write_bytes(held[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1")


@pytest.fixture
def night(tmp_path) -> Path:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    pq.write_table(wide(3), folder / "part-0.parquet")
    return folder


def opened(night: Path) -> Archive:
    return Archive(str(night.parents[2]))


def assert_told_as_encrypted(error: UnreadableError) -> None:
    """It is Parquet, and there is nothing to repair."""
    assert "is not Parquet" not in error.message
    assert "repair" not in error.next_step
    for way_out in ("without encryption", f"leave out the night {NIGHT}", "skip_unreadable=True"):
        assert way_out in error.next_step


@pytest.mark.parametrize("num_columns", [1, 2, 14, 15, 300])
@pytest.mark.parametrize("signed", [True, False])
def test_encrypted_columns_are_named_and_left_out_where_that_is_allowed(night, num_columns, signed):
    encrypt(wide(num_columns), night / "part-1.parquet")
    if not signed:
        with_footer(night / "part-1.parquet", lambda footer: footer[:-28])
    archive = opened(night)
    files = archive.files([NIGHT])
    with pytest.raises(UnreadableError, match=r"part-1\.parquet.*columns of it are encrypted") as caught:
        archive.footers(files)
    assert_told_as_encrypted(caught.value)
    unreadable = []
    assert [footer.file.path for footer in archive.footers(files, unreadable=unreadable)] == [files[0].path]
    assert [file for file, _ in unreadable] == [files[1]]


def test_an_encrypted_footer_is_told_too(night):
    encrypt(wide(3), night / "part-1.parquet", plain_footer=False)
    archive = opened(night)
    with pytest.raises(UnreadableError, match=r"part-1\.parquet.*is encrypted") as caught:
        archive.footers(archive.files([NIGHT]))
    assert_told_as_encrypted(caught.value)


def test_a_file_that_is_encrypted_once_it_was_planned_ends_no_worker(night):
    archive = opened(night)
    footers = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments(footers, ["candid"], target_nbytes=10**9, max_alerts=10**9)
    encrypt(wide(3), night / "part-0.parquet")
    for read in (
        lambda: archive.read_leaves(fragment, ["candid"], [pa.int64()]),
        lambda: list(archive.read_blocks(fragment, ["c0"], [0], 10)),
    ):
        with pytest.raises(UnreadableError, match="encrypted"):
            read()
    with pytest.raises(ArchiveError, match="has changed"):
        archive.check_unchanged(fragment.file)


@pytest.mark.parametrize("num_columns", [1, 14, 15, 300])
@pytest.mark.parametrize("padding", [b"", bytes(28)])
def test_a_plain_file_is_not_taken_for_an_encrypted_one(night, num_columns, padding):
    path = night / "part-0.parquet"
    pq.write_table(wide(num_columns).replace_schema_metadata({"encryption": "none" * 50}), path, row_group_size=1)
    with_footer(path, lambda footer: footer + padding)
    archive = opened(night)
    (footer,) = archive.footers(archive.files([NIGHT]))
    assert footer.row_groups == (1, 1)


def test_plain_files_of_other_writers_are_read(shared_archive):
    archive = Archive(str(shared_archive))
    assert len(archive.footers(archive.files(archive.nights()))) == 4


class CountingFile(AbstractBufferedFile):
    """A file that writes down the ranges that are fetched of it."""

    def _fetch_range(self, start, end):
        CountingStore.fetched.append((start, end))
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(end - start)


class CountingStore(LocalFileSystem):
    """A store with the habits of s3fs: 50 MiB are read ahead unless it is told otherwise."""

    protocol = "counting"
    fetched: ClassVar[list[tuple[int, int]]] = []

    def _open(self, path, mode="rb", block_size=None, cache_type="readahead", cache_options=None, **kwargs):
        return CountingFile(self, path, mode, 50 * 2**20, cache_type=cache_type)


class DeafStore(CountingStore):
    """One that does not pass on what it is told, as webhdfs."""

    protocol = "deaf"

    def _open(self, path, mode="rb", block_size=None, **kwargs):
        return CountingFile(self, path, mode, 50 * 2**20, cache_type="readahead")


@pytest.fixture(params=[CountingStore, DeafStore])
def store(request, monkeypatch) -> Iterator[type[CountingStore]]:
    fsspec.register_implementation(request.param.protocol, request.param, clobber=True)
    monkeypatch.setattr(CountingStore, "fetched", [])
    return request.param


@pytest.fixture(scope="module")
def stamps(tmp_path_factory) -> str:
    """An archive of one file of 40 MB, with ten row groups."""
    made = engine.write_sample(tmp_path_factory.mktemp("stamps"), nights=[NIGHT], alerts_per_night=100, seed=7)
    (path,) = Path(made.archive).rglob("*.parquet")
    table = pq.ParquetFile(path).read()
    noise = pa.array([bytes([row % 251]) + struct.pack("<q", row) * 50_000 for row in range(len(table))], pa.binary())
    at = table.schema.get_field_index("cutoutScience")
    columns = {**dict(zip(table.schema.names[:at], table.columns[:at], strict=True)), "noise": noise}
    columns |= dict(zip(table.schema.names[at:], table.columns[at:], strict=True))
    pq.write_table(pa.table(columns), path, row_group_size=10, compression="none", use_dictionary=False)
    assert path.stat().st_size > 40_000_000
    return made.archive


def test_of_a_remote_file_little_more_is_read_than_what_is_asked_for(store, stamps):
    archive = Archive(f"{store.protocol}://{stamps}")
    (footer,) = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments([footer], ["candid"], target_nbytes=10**9, max_alerts=10**9)
    (path,) = Path(stamps).rglob("*.parquet")
    footer_nbytes = pq.ParquetFile(path).metadata.serialized_size
    assert len(store.fetched) <= 2
    assert sum(end - start for start, end in store.fetched) <= footer_nbytes + 64 * 1024
    store.fetched.clear()
    leaves = ["candidate.magpsf", "candidate.distnr"]
    table = archive.read_leaves(fragment, leaves, [pa.float64(), pa.float64()])
    needed = sum(footer.nbytes_of(leaves, group) for group in range(10))
    fetched = sum(end - start for start, end in store.fetched) - footer_nbytes
    assert needed < fetched < 64 * 1024 * (10 + 1)
    assert fetched < path.stat().st_size / 50
    assert len(store.fetched) <= 2 + 10  # the footer, and one range in each row group
    local = Archive(stamps).read_leaves(fragment, leaves, [pa.float64(), pa.float64()])
    assert table.equals(local)


def test_a_row_group_that_is_read_whole_is_one_request(store, stamps):
    archive = Archive(f"{store.protocol}://{stamps}")
    (footer,) = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments([footer], ["candid"], target_nbytes=10**9, max_alerts=10**9)
    store.fetched.clear()
    columns = footer.schema.names
    blocks = list(archive.read_blocks(fragment, columns, [2, 3], 10))
    assert [block.num_rows for block in blocks] == [10, 10]
    assert len(store.fetched) <= 3
    assert sum(end - start for start, end in store.fetched) < Path(footer.file.path).stat().st_size / 4


def resident_nbytes(path: str) -> int:
    """Return what counts as this process's memory of a file that is mapped."""
    nbytes, is_its = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            is_its = line.endswith(path)
        elif is_its and line.startswith("Rss:"):
            nbytes += int(line.split()[1]) * 1024
    return nbytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_of_a_file_on_a_disk_only_what_is_being_read_counts_as_memory(night):
    stamps = np.random.default_rng(1).integers(0, 256, (400, 100_000), np.uint8)
    table = pa.table({"candid": range(400), "stamp": [stamp.tobytes() for stamp in stamps]})
    (night / "part-0.parquet").unlink()
    pq.write_table(table, night / "part-1.parquet", compression="none", use_dictionary=False)
    archive = opened(night)
    footers = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments(footers, ["candid", "stamp"], target_nbytes=10**9, max_alerts=10**9)
    with archive.open(fragment) as open_:
        most = [resident_nbytes(fragment.file.path) for _ in open_.read_blocks(["candid", "stamp"], [0], 20)]
    assert len(most) == 20
    assert 0 < max(most) < 10_000_000 < fragment.file.nbytes / 3
