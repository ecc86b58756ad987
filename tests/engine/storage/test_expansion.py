"""Files of kilobytes that decode to gigabytes are refused by their name; others are read as they are."""

import dataclasses
import datetime as dt
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.archive import Archive, cut_fragments
from engine.errors import UnreadableError
from engine.storage import Expansion

NIGHT = dt.date(2021, 11, 22)


def archive_of(root, table: pa.Table, **options):
    """Return an archive of one file, and its one fragment."""
    folder = root / "science/year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-0.parquet", row_group_size=max(1, len(table)), **options)
    archive = Archive(str(root / "science"))
    footers = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments(footers, table.column_names, target_nbytes=1 << 62, max_alerts=1 << 62)
    return archive, fragment


def repeated(text: str, times: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, np.int32)), pa.array([text]))


@pytest.fixture(scope="module")
def long_labels(tmp_path_factory):
    table = pa.table({"label": repeated("x" * 900_000, 3_000), "n": pa.array(range(3_000))})
    return archive_of(tmp_path_factory.mktemp("long"), table, compression="zstd", store_schema=False)


def test_a_dictionary_that_is_used_too_often_is_refused(long_labels):
    archive, fragment = long_labels
    assert fragment.file.nbytes < 200_000
    with pytest.raises(UnreadableError, match=r"part-0\.parquet .* expands to") as caught:
        archive.read_leaves(fragment, ["label"], [pa.string()])
    assert "--skip-unreadable" in caught.value.as_dict()["next"]
    sizes = []
    with pytest.raises(UnreadableError, match="expands to"):
        sizes.extend(block.nbytes for block in archive.read_blocks(fragment, ["label", "n"], [0], 1_000))
    assert all(nbytes < 1 << 29 for nbytes in sizes)
    assert len(archive.read_leaves(fragment, ["n"], [pa.int64()])) == 3_000, "its other columns can be read"


def test_it_costs_no_more_memory_than_the_bound_says(long_labels):
    archive, _ = long_labels
    code = (
        "import datetime, pyarrow as pa; from engine.archive import Archive, cut_fragments\n"
        f"archive = Archive({archive.url!r}); footers = archive.footers(archive.files([datetime.date(2021, 11, 22)]))\n"
        "(fragment,) = cut_fragments(footers, ['label'], target_nbytes=1 << 62, max_alerts=1 << 62)\n"
        "try: archive.read_leaves(fragment, ['label'], [pa.string()])\n"
        "except ValueError as exc: print(exc)\n"
        # Not ru_maxrss, in which the process that this one was forked from counts.
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    limit = 6 << 30
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    told, *_, kilobytes = done.stdout.splitlines()
    assert "expands to" in told
    assert int(kilobytes) < 2_500_000


def test_what_a_footer_claims_is_refused_before_it_is_decoded(tmp_path):
    table = pa.table({"nothing": pa.nulls(50_000_000, pa.int32())})
    archive, fragment = archive_of(tmp_path, table, compression="zstd")
    assert fragment.file.nbytes < 200_000
    for read in (
        lambda: archive.read_leaves(fragment, ["nothing"], [pa.int32()]),
        lambda: next(archive.read_blocks(fragment, ["nothing"], [0], 1_000)),
    ):
        with pytest.raises(UnreadableError, match="expands to"):
            read()
    archive.check_rows(fragment)
    with pytest.raises(UnreadableError, match=r"part-0\.parquet"):
        archive.check_rows(dataclasses.replace(fragment, row_group_alerts=(1 << 40,)))


@given(lengths=st.lists(st.integers(0, 3_000), min_size=1, max_size=60), wanted=st.integers(1, 80))
def test_what_is_read_in_small_batches_is_the_same(tmp_path_factory, lengths, wanted):
    table = pa.table({"label": [f"{i}" * n for i, n in enumerate(lengths)], "n": list(range(len(lengths)))})
    archive, fragment = archive_of(tmp_path_factory.mktemp("any"), table)
    blocks = list(archive.read_blocks(fragment, ["label", "n"], [0], wanted))
    assert max(block.num_rows for block in blocks) <= wanted
    assert pa.Table.from_batches(blocks) == table


def test_batches_are_joined_up_to_what_is_wanted(tmp_path):
    table = pa.table({"label": repeated("y" * 800_000, 500), "n": pa.array(range(500))})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, store_schema=False)
    parquet = pq.ParquetFile(path)
    data = path.read_bytes()
    expansion = Expansion(parquet, [0], ["label", "n"], len(data), lambda at, n: data[at : at + n])
    assert 200 < expansion.rows_at_once(10_000) < 400, "256 MiB of texts of 0.8 MB"
    read = [batch.num_rows for batch in expansion.batches(450, parquet.iter_batches)]
    assert sum(read) == 500
    pq.write_table(
        pa.table({"label": ["z" * 800_000] * 40}),
        tmp_path / "b.parquet",
        use_dictionary=False,
        column_encoding={"label": "DELTA_BYTE_ARRAY"},
    )
    shared = Expansion(pq.ParquetFile(tmp_path / "b.parquet"), [0], ["label"], 1 << 20, lambda at, n: b"")
    assert 200 < shared.rows_at_once(10_000) < 400, "what is shared with the value before is stored once"
    few = Expansion(parquet, [0], ["n"], len(data), lambda at, n: data[at : at + n])
    assert few.rows_at_once(10_000) == 10_000
    assert [batch.num_rows for batch in few.batches(450, lambda n: parquet.iter_batches(n, columns=["n"]))] == [450, 50]


def test_a_full_block_is_handed_on_before_the_next_is_decoded(tmp_path):
    table = pa.table({"n": range(900)})
    pq.write_table(table, tmp_path / "a.parquet")
    file = pq.ParquetFile(tmp_path / "a.parquet")
    expansion = Expansion(file, [0], ["n"], 10_000, lambda offset, nbytes: b"")
    decoded: list[int] = []

    def read(num_rows: int):
        for batch in file.iter_batches(num_rows):
            decoded.append(batch.num_rows)
            yield batch

    done = []
    for block in expansion.batches(300, read):
        done.append(block.num_rows)
        assert decoded == done == [300] * len(done)
    assert len(done) == 3
