"""What is taken out of footers: the same as pyarrow says, shared between files, and known from elsewhere."""

import datetime as dt
import io
import pickle
import struct
import tracemalloc
import zlib
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.archive import Archive, Footer, cut_fragments
from engine.errors import UnreadableError
from engine.storage import parse_footer

NIGHT = dt.date(2021, 11, 22)


@pytest.fixture
def night(tmp_path):
    folder = tmp_path / "science/year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    return folder


def read(night, **options) -> list[Footer]:
    archive = Archive(str(night.parents[2]))
    return archive.footers(archive.files([NIGHT]), **options)


def alerts(start: int = 0, n: int = 10, **more) -> pa.Table:
    return pa.table(
        {
            "candid": pa.array(range(start, start + n), pa.int64()),
            "candidate": [{"jd": 2459540.5 + i, "fid": None if i % 3 else 1} for i in range(n)],
            "prv_candidates": [[{"jd": 1.0}] * (i % 3) for i in range(n)],
            **more,
        }
    )


class Source:
    """Knows some footers, and keeps what it learns."""

    def __init__(self, *footers: Footer, with_nulls: bool = False, ranges_of: tuple[str, ...] = ()):
        self.with_nulls, self.ranges_of = with_nulls, ranges_of
        self._known = {footer.file.path: footer for footer in footers}
        self.asked, self.taken = [], []

    def known(self, files, *, with_nulls, ranges_of):
        """Return what it knows of these files."""
        self.asked.append((len(files), with_nulls, tuple(ranges_of)))
        return {file.path: self._known[file.path] for file in files if file.path in self._known}

    def learned(self, footers):
        """Keep these."""
        self.taken += footers


def test_a_footer_says_what_pyarrow_says(night):
    pq.write_table(alerts(), night / "a.parquet", row_group_size=4)
    (footer,) = read(night, with_nulls=True, ranges_of=["candidate.jd", "gone"])
    metadata = pq.read_metadata(night / "a.parquet")
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    assert footer.row_groups == tuple(group.num_rows for group in groups) == (4, 4, 2)
    assert footer.schema.equals(pq.read_schema(night / "a.parquet"))
    for number, group in enumerate(groups):
        sizes = {c.path_in_schema: c.total_uncompressed_size for c in map(group.column, range(group.num_columns))}
        assert {path: footer.nbytes_of([path], number) for path in sizes} == sizes
        inside = sizes["candidate.jd"] + sizes["candidate.fid"]
        assert footer.nbytes_of(["candidate", "candid", "candidate.jd"], number) == inside + sizes["candid"]
        assert footer.nbytes_of(["cand", "candidate.j", "gone"], number) == 0
    assert footer.all_nbytes_of(["candid"]) == [footer.nbytes_of(["candid"], number) for number in range(3)]
    assert footer.null_counts["candidate.fid"] == 6
    assert footer.null_counts["candid"] == 0
    assert footer.null_counts.get("gone") is None
    assert set(footer.null_counts) == set(footer.leaves.paths)
    assert footer.ranges == {"candidate.jd": (2459540.5, 2459549.5)}
    written = io.BytesIO()
    metadata.write_metadata_file(written)
    assert footer.file.footer_crc == f"{zlib.crc32(written.getvalue()):08x}"


def test_what_was_not_asked_for_is_empty_and_what_statistics_lack_is_unknown(night):
    pq.write_table(alerts(), night / "a.parquet", write_statistics=False)
    (footer,) = read(night)
    assert (dict(footer.null_counts), footer.ranges) == ({}, {})
    (footer,) = read(night, with_nulls=True, ranges_of=["candidate.jd"])
    assert set(footer.null_counts.values()) == {None}
    assert footer.ranges == {}


def test_files_of_one_schema_share_it_and_others_do_not(night):
    for number in range(3):
        pq.write_table(alerts(number), night / f"a{number}.parquet")
    # Of the same Parquet schema: only Arrow's own, which the footer repeats, tells them apart.
    for name, type_ in (("b", pa.string()), ("c", pa.large_string())):
        pq.write_table(alerts(more=pa.array(["x"] * 10, type_)), night / f"{name}.parquet")
    *alike, text, large = read(night)
    assert len({id(footer.schema) for footer in alike}) == len({id(footer.leaves) for footer in alike}) == 1
    assert text.leaves is large.leaves is not alike[0].leaves
    assert (text.schema.field("more").type, large.schema.field("more").type) == (pa.string(), pa.large_string())


def test_files_of_pandas_share_their_schema_though_each_notes_its_number_of_rows(night):
    for number, rows in enumerate((5, 70, 71, 4000, 4001)):
        frame = pd.DataFrame({"candid": range(rows), "name": pd.Series(["x"] * rows, dtype="object")})
        frame.to_parquet(night / f"{number}.parquet")
        assert b'"stop": %d' % rows in pq.read_metadata(night / f"{number}.parquet").metadata[b"pandas"]
    footers = read(night)
    assert len({id(footer.schema) for footer in footers}) == 1
    assert [sum(footer.row_groups) for footer in footers] == [5, 70, 71, 4000, 4001]


TYPES = st.sampled_from(
    [pa.int32(), pa.float64(), pa.string(), pa.large_string(), pa.timestamp("us", "UTC"), pa.timestamp("ms"), pa.null()]
)
NESTED = st.recursive(
    TYPES,
    lambda inner: st.one_of(
        inner.map(pa.list_),
        st.dictionaries(st.sampled_from(["a", "b.c", "é"]), inner, min_size=1).map(
            lambda f: pa.struct(list(f.items()))
        ),
    ),
    max_leaves=4,
)


@given(schemas=st.lists(st.lists(NESTED, min_size=1, max_size=3), min_size=1, max_size=4))
def test_whatever_schemas_follow_each_other_each_is_the_files_own(tmp_path_factory, schemas):
    root = tmp_path_factory.mktemp("archive")
    folder = root / "year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    for number, types in enumerate([*schemas, schemas[0]]):
        schema = pa.schema([(f"c{i}", type_) for i, type_ in enumerate(types)])
        pq.write_table(schema.empty_table(), folder / f"{number}.parquet")
    archive = Archive(str(root))
    footers = archive.footers(archive.files([NIGHT]))
    assert footers[0].schema is footers[-1].schema
    for number, footer in enumerate(footers):
        assert footer.schema.equals(pq.read_schema(folder / f"{number}.parquet"), check_metadata=False)


def test_a_footer_begins_with_its_schema(night):
    pq.write_table(alerts(), night / "a.parquet", row_group_size=3)
    parsed = parse_footer((night / "a.parquet").read_bytes())
    assert parsed.begins_with(parsed.schema_bytes())
    assert 0 < len(parsed.schema_bytes()) < parsed.metadata.serialized_size


@given(data=st.data())
def test_a_damaged_footer_ends_no_process_and_has_no_schema_of_another(tmp_path_factory, data):
    sink = io.BytesIO()
    pq.write_table(alerts(n=2), sink)
    file = sink.getvalue()
    nbytes = int.from_bytes(file[-8:-4], "little")
    footer = bytearray(file[-8 - nbytes : -8])
    for place in data.draw(st.lists(st.integers(0, nbytes - 1), min_size=1, max_size=3)):
        footer[place] = data.draw(st.integers(0, 255))
    footer = footer[: data.draw(st.integers(nbytes // 2, nbytes)) if data.draw(st.booleans()) else nbytes]
    root = tmp_path_factory.mktemp("archive")
    night = root / "science/year=2021/month=11/day=22"
    night.mkdir(parents=True)
    (night / "a.parquet").write_bytes(file)
    (night / "b.parquet").write_bytes(file[: -8 - nbytes] + footer + struct.pack("<I", len(footer)) + b"PAR1")
    unreadable = []
    _, *found = read(night, unreadable=unreadable)
    assert len(found) + len(unreadable) == 1
    for footer_ in found:
        held = pq.ParquetFile(night / "b.parquet").schema_arrow
        assert footer_.schema.equals(held, check_metadata=False)


def test_footers_of_many_files_take_little_memory(night):
    columns = {f"c{i}": pa.array([1.5]) for i in range(300)}
    pq.write_table(alerts(n=1, **columns), night / "0.parquet")
    for number in range(1, 100):
        (night / f"{number}.parquet").hardlink_to(night / "0.parquet")
    tracemalloc.start()
    try:
        footers = read(night, with_nulls=True)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(footers) == 100
    assert held < 100 * 6_000  # of 300 columns, 4 bytes each for sizes and for nulls


def test_a_footer_goes_through_pickle(night):
    pq.write_table(alerts(), night / "a.parquet")
    (footer,) = read(night, with_nulls=True)
    again = pickle.loads(pickle.dumps(footer))
    assert again.leaves is footer.leaves
    assert (again.file, again.row_groups, dict(again.null_counts)) == (
        footer.file,
        footer.row_groups,
        dict(footer.null_counts),
    )


def test_a_source_is_asked_first_and_learns_the_rest(night):
    for name in "abc":
        pq.write_table(alerts(), night / f"{name}.parquet")
    a, b, c = read(night)
    source = Source(b, with_nulls=True, ranges_of=("candidate.fid",))
    found = read(night, source=source, ranges_of=["candidate.jd"])
    assert [footer.file for footer in found] == [footer.file for footer in (a, b, c)]
    assert found[1] is b
    assert source.asked == [(3, False, ("candidate.jd",))]
    assert source.taken == [found[0], found[2]]
    assert set(source.taken[0].ranges) == {"candidate.jd", "candidate.fid"}
    assert source.taken[0].null_counts["candidate.fid"] == 6
    again = Source(*found)
    assert read(night, source=again)[0] is found[0]
    assert again.taken == []


@pytest.mark.parametrize("change", [{"nbytes": 1}, {"etag": "other"}, {"night": dt.date(2021, 11, 23)}])
def test_a_source_is_not_trusted_over_the_listing(night, change):
    pq.write_table(alerts(), night / "a.parquet")
    (footer,) = read(night)
    source = Source(replace(footer, file=replace(footer.file, **change), row_groups=(99,)))
    (found,) = read(night, source=source)
    assert found.row_groups == (10,)
    assert source.taken == [found]


def test_what_can_not_be_read_is_told_in_order_and_none_of_it_is_learned(night):
    for number in range(6):
        pq.write_table(alerts(), night / f"{number}.parquet")
    for number in (1, 4):
        (night / f"{number}.parquet").write_bytes(b"PAR1" + bytes(30) + b"PAR1")
    unreadable, seen, source = [], [], Source()
    found = read(night, progress=lambda *done: seen.append(done), unreadable=unreadable, source=source)
    assert [file.path[-9:] for file, _ in unreadable] == ["1.parquet", "4.parquet"]
    assert source.taken == found
    assert len(found) == 4
    assert seen == [(done, 6) for done in range(1, 7)]
    with pytest.raises(UnreadableError, match=r"1\.parquet"):
        read(night)


def test_fragments_are_cut_by_what_a_source_says(night):
    pq.write_table(alerts(n=40), night / "a.parquet", row_group_size=10)
    (read_,) = read(night)
    made = Footer.of(read_.file, read_.schema, [10] * 4, read_.leaves.paths, [[2**40] * len(read_.leaves.paths)] * 4)
    limits = {"max_alerts": 10**9, "class_columns": ["tnsclass"]}
    alone = cut_fragments([made], ["candid"], target_nbytes=2**40, **limits)
    assert [fragment.row_groups for fragment in alone] == [(0,), (1,), (2,), (3,)]
    (whole,) = cut_fragments([read_], ["candid"], target_nbytes=2**40, **limits)
    assert (whole.num_alerts, whole.lacking) == (40, ("tnsclass",))
