"""Doubles in the archive itself are counted, in bounded memory."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.archive import Archive, count_duplicates, cut_fragments
from engine.errors import UnreadableError


def write_night(root, files):
    folder = root / "year=2021" / "month=11" / "day=22"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, ids in enumerate(files):
        table = pa.table({"candid": pa.array(ids, pa.int64())})
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=5, write_page_checksum=True)
    archive = Archive(str(root))
    footers = archive.footers(archive.files(archive.nights()))
    return archive, cut_fragments(footers, ["candid"], target_nbytes=1, max_alerts=5)


ids = st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(ids, min_size=1, max_size=30), min_size=1, max_size=4), ids_at_once=st.integers(1, 50))
def test_doubles_are_counted_whatever_the_number_of_passes(tmp_path, files, ids_at_once):
    archive, fragments = write_night(tmp_path, files)
    known = Counter(candid for ids in files for candid in ids if candid is not None)
    expected = sum(times - 1 for times in known.values())
    found = count_duplicates(archive, fragments, "candid", ids_at_once=ids_at_once)
    assert found == (sum(map(len, files)), expected)


def test_what_cannot_be_read_is_named_or_left_out(tmp_path):
    archive, fragments = write_night(tmp_path, [[1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1]])
    path = next(tmp_path.rglob("part-0.parquet"))
    damaged = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    damaged[chunk.dictionary_page_offset + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UnreadableError, match=r"row group 1 of .*part-0\.parquet"):
        count_duplicates(archive, fragments, "candid")
    assert count_duplicates(archive, fragments, "candid", skip_unreadable=True) == (10, 5)
