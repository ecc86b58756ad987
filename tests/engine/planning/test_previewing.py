"""A preview: a job's first alerts, for which no more is read than it takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.archive import OpenFragment
from engine.conditions import filter_table
from engine.pipeline import NarrowReader, read_content
from engine.planning import previewing

SETTINGS = engine.Settings()
A_ROW_GROUP = 6
PER_NIGHT = 30


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    """Three nights of different years, of which some lack classes; five row groups a file."""
    root = tmp_path_factory.mktemp("preview")
    made = engine.write_sample(root, alerts_per_night=PER_NIGHT)
    for file in Path(made.archive).rglob("*.parquet"):
        pq.write_table(pq.ParquetFile(file).read(), file, row_group_size=A_ROW_GROUP, write_page_checksum=True)
    return made.archive


def request(archive: str, **more) -> engine.TransferRequest:
    nights = tuple(night.isoformat() for night in engine.DEFAULT_NIGHTS)
    return engine.TransferRequest(**{"archive": archive, "nights": nights, **more})


def as_a_job_has_it(asked: engine.TransferRequest) -> pa.Table:
    """Return what the pipeline of a job gives: each fragment read whole, filtered, and read in the content."""
    plan = engine.plan(asked, settings=SETTINGS)
    selection, blocks = plan.selection, []
    for fragment in plan.fragments:
        positions = None
        if selection.predicate.sql is not None:
            positions = filter_table(NarrowReader(selection=selection)(fragment), selection.predicate.sql)
        blocks += [block for _, block in read_content(selection, fragment, positions)]
    return pa.Table.from_batches(blocks, schema=selection.projection.schema)


def rows(table: pa.Table) -> list[str]:
    """Return rows in such a form that NaN equals NaN."""
    return list(map(repr, table.to_pylist()))


@pytest.fixture
def reads(monkeypatch) -> list[tuple[str, str, tuple[int, ...]]]:
    """What was read of the archive, in order: how, of which night, which row groups."""
    found = []
    leaf_blocks, blocks = OpenFragment.read_leaf_blocks, OpenFragment.read_blocks

    def read_leaf_blocks(self, *args):
        found.append(("leaves", self.fragment.file.night.isoformat(), tuple(self.fragment.row_groups)))
        return leaf_blocks(self, *args)

    def read_blocks(self, columns, row_groups, *args):
        found.append(("content", self.fragment.file.night.isoformat(), tuple(row_groups)))
        return blocks(self, columns, row_groups, *args)

    monkeypatch.setattr(OpenFragment, "read_leaf_blocks", read_leaf_blocks)
    monkeypatch.setattr(OpenFragment, "read_blocks", read_blocks)
    return found


@pytest.mark.parametrize(
    ("more", "limit", "block_nbytes"),
    [
        ({}, 2 * PER_NIGHT + 3, None),
        ({"where": "candidate.magpsf > 18; candidate.fid = 2", "content": "full"}, 3, None),
        ({"where": "exists(prv_candidates, x -> x.magpsf < 20)", "content": "medium"}, PER_NIGHT, 1_500),
        ({"classes": ("SN candidate", "Unknown"), "content": "cutouts"}, PER_NIGHT, 1_500),
        ({"where": "finkclass LIKE '%i%'", "content": "fields", "fields": ("prv_candidates.jd",)}, 10**6, None),
    ],
)
def test_the_first_rows_are_a_jobs(archive, more, limit, block_nbytes, monkeypatch):
    if block_nbytes:
        monkeypatch.setattr(previewing, "_BLOCK_NBYTES", block_nbytes)
    asked = request(archive, **more)
    expected = as_a_job_has_it(asked)
    assert len(expected) > PER_NIGHT // 4
    found = engine.preview(asked, limit=limit, settings=SETTINGS)
    assert rows(found) == rows(expected.slice(0, limit))


def test_the_requests_own_limit_counts_too(archive):
    expected = as_a_job_has_it(request(archive)).slice(0, 2)
    assert rows(engine.preview(request(archive, limit=2), limit=5, settings=SETTINGS)) == rows(expected)


def test_none_are_none_of_the_schema_and_nothing_is_read(archive, reads):
    found = engine.preview(request(archive), limit=0, settings=SETTINGS)
    assert (found.num_rows, reads) == (0, [])
    assert found.schema == as_a_job_has_it(request(archive)).schema


def test_reading_stops_inside_a_fragment(archive, reads):
    first = engine.DEFAULT_NIGHTS[0].isoformat()
    engine.preview(request(archive), limit=3, settings=SETTINGS)
    assert reads == [("content", first, (0,))]
    reads.clear()
    engine.preview(request(archive, where="candidate.magpsf > 0"), limit=A_ROW_GROUP + 1, settings=SETTINGS)
    assert reads == [
        *[("leaves", first, (0,)), ("content", first, (0,))],
        *[("leaves", first, (1, 2)), ("content", first, (1,))],
    ]


def test_a_rare_condition_goes_on_with_progress(archive, reads):
    last = as_a_job_has_it(request(archive))["candid"][-1].as_py()
    reads.clear()
    told = []
    found = engine.preview(
        request(archive, where=f"candid = {last}"),
        limit=2,
        settings=SETTINGS,
        on_plan=lambda plan: told.append("planned"),
        progress=lambda *figures: told.append(figures),
    )
    assert found["candid"].to_pylist() == [last]
    of_fragments = told[told.index("planned") + 1 :]
    assert set(of_fragments) == {(0, 3), (1, 3), (2, 3)}
    assert of_fragments == sorted(of_fragments)
    first, second, third = (night.isoformat() for night in engine.DEFAULT_NIGHTS)
    # Ever more at once: what was not in the first row groups is rare.
    assert [groups for how, night, groups in reads if (how, night) == ("leaves", first)] == [(0,), (1, 2), (3, 4)]
    assert [groups for how, night, groups in reads if (how, night) == ("leaves", second)] == [(0, 1), (2, 3, 4)]
    assert [groups for how, night, groups in reads if night == third] == [(0, 1, 2, 3), (4,), (4,)]


def test_one_large_row_group_is_never_in_memory_as_a_whole(tmp_path, monkeypatch):
    num_alerts = 3_000
    folder = tmp_path / "year=2021/month=11/day=22"
    folder.mkdir(parents=True)
    columns = {
        "objectId": [f"ZTF21{number:07d}" for number in range(num_alerts)],
        "candid": pa.array(range(num_alerts), pa.int64()),
        "candidate": [{"jd": 2459540.5, "magpsf": number / 1e3, "ra": 1.0, "dec": 2.0} for number in range(num_alerts)],
        "cutoutScience": [{"stampData": np.random.default_rng(number).bytes(400)} for number in range(num_alerts)],
        "cdsxmatch": ["Star"] * num_alerts,
    }
    pq.write_table(pa.table(columns), folder / "part.parquet", row_group_size=num_alerts)
    monkeypatch.setattr(previewing, "_BLOCK_NBYTES", 4_000)
    sizes = []

    def counted(table, sql):
        sizes.append(table.num_rows)
        return filter_table(table, sql)

    monkeypatch.setattr(previewing, "filter_table", counted)
    asked = engine.TransferRequest(archive=str(tmp_path), nights="2021-11-22", where="candidate.magpsf > 0.5")
    assert engine.preview(asked, limit=2, settings=SETTINGS)["candid"].to_pylist() == [501, 502]
    assert max(sizes) <= 500
    assert 500 < sum(sizes) <= 1_000, "and no block behind the one with the alerts"
    # What is kept of a block is what was asked for.
    assert engine.preview(replace(asked, content="cutouts"), limit=2, settings=SETTINGS).nbytes < 4_000


def damage(file: Path, row_group: int, column: str) -> None:
    """Change the bytes of a column chunk."""
    group = pq.ParquetFile(file).metadata.row_group(row_group)
    (chunk,) = (group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column)
    data = bytearray(file.read_bytes())
    end = chunk.data_page_offset + chunk.total_compressed_size
    if chunk.dictionary_page_offset:
        end = chunk.dictionary_page_offset + chunk.total_compressed_size
    for place in range(end - 8, end):
        data[place] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize("column", ["candid", "candidate.magpsf"])
def test_what_cannot_be_read_is_left_out_where_the_request_says_so(archive, tmp_path, column):
    night = engine.DEFAULT_NIGHTS[1].isoformat()
    (original,) = Path(archive).rglob(f"month={int(night[5:7]):02d}/day={int(night[8:]):02d}/*.parquet")
    table = pq.ParquetFile(original).read()
    file = tmp_path / original.relative_to(archive)
    file.parent.mkdir(parents=True)
    pq.write_table(table, file, row_group_size=A_ROW_GROUP, write_page_checksum=True)
    damage(file, 1, column)
    asked = request(str(tmp_path), nights=(night,), where="candidate.magpsf > 0")
    told = []
    found = engine.preview(replace(asked, skip_unreadable=True), limit=10, settings=SETTINGS, note=told.append)
    kept = table["candid"].to_pylist()
    assert found["candid"].to_pylist() == (kept[:A_ROW_GROUP] + kept[2 * A_ROW_GROUP :])[:10]
    (note,) = told
    assert "row group 1" in note
    assert engine.preview(asked, limit=3, settings=SETTINGS).num_rows == 3
    with pytest.raises(engine.ArchiveError, match="row group 1"):
        engine.preview(asked, limit=A_ROW_GROUP + 1, settings=SETTINGS)
