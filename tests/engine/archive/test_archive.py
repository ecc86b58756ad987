"""Archives: nights, footers, fragments and reading, on archives written here."""

import datetime as dt

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from engine.archive import Archive, cut_fragments
from engine.errors import ArchiveError, UnreadableError


def write(root, folder: str, table: pa.Table, name: str = "part-0.parquet", **options):
    path = root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def alerts(start: int, n: int) -> pa.Table:
    candidate = [{"magpsf": 15.0 + i, "fid": i % 2} for i in range(start, start + n)]
    return pa.table(
        {
            "candid": pa.array(range(start, start + n), pa.int64()),
            "candidate": candidate,
            "mangrove": pa.array([[("lum_dist", str(i))] for i in range(n)], pa.map_(pa.string(), pa.string())),
            "prv_candidates": [[{"jd": 1.0}] * (i % 3) if i % 5 else None for i in range(n)],
        }
    )


@pytest.fixture
def root(tmp_path):
    tmp_path = tmp_path / "science"
    write(tmp_path, "year=2021/month=09/day=03", alerts(0, 10), row_group_size=3)
    write(tmp_path, "year=2021/month=9/day=3", alerts(10, 4), "part-1.parquet")
    write(tmp_path, "year=2025/month=7/day=31", alerts(20, 5))
    (tmp_path / "year=2025/month=7/day=31/_SUCCESS").touch()
    (tmp_path / "year=2025/month=7/day=31/.part-0.parquet.crc").write_bytes(b"crc")
    (tmp_path / "year=2025/month=12/day=01").mkdir(parents=True)
    return tmp_path


def fragments(archive: Archive, **limits):
    files = archive.files(archive.nights())
    limits = {"target_nbytes": 1, "max_alerts": 10**9} | limits
    return cut_fragments(archive.footers(files), ["candid"], **limits)


def test_padded_and_bare_folders_are_one_night(root):
    archive = Archive(str(root))
    assert archive.nights() == [dt.date(2021, 9, 3), dt.date(2025, 7, 31), dt.date(2025, 12, 1)]
    assert len(archive.files([dt.date(2021, 9, 3)])) == 2
    assert len(archive.files(archive.nights())) == 3
    assert archive.files([dt.date(2025, 12, 1)]) == []


def test_what_is_a_file_of_a_night(root):
    night = root / "year=2025/month=7/day=31"
    for place in ("hour=03/part-0.parquet", "data.parquet/part.0.parquet"):
        (night / place).parent.mkdir()
        pq.write_table(alerts(30, 2), night / place)
    for place in ("_temporary/0/part-0.parquet", ".staging/part-0.parquet", "backup/part-0.parquet"):
        (night / place).parent.mkdir(parents=True)
        pq.write_table(alerts(40, 2), night / place)
    (night / "part-9.parquet._COPYING_").write_bytes(b"half")
    (root / "year=__HIVE_DEFAULT_PARTITION__").mkdir()
    (root / "_temporary").mkdir()
    files = Archive(str(root)).files([dt.date(2025, 7, 31)])
    assert [file.path.partition("day=31/")[2] for file in files] == [
        *("data.parquet/part.0.parquet", "hour=03/part-0.parquet", "part-0.parquet")
    ]


def test_fragments_are_whole_row_groups_of_one_file(root):
    archive = Archive(str(root))
    each = fragments(archive)
    assert [f.num_alerts for f in each] == [3, 3, 3, 1, 4, 5]
    assert [f.number for f in each] == list(range(6))
    one_a_file = fragments(archive, target_nbytes=10**9)
    assert [f.row_groups for f in one_a_file] == [(0, 1, 2, 3), (0,), (0,)]
    assert [f.num_alerts for f in fragments(archive, target_nbytes=10**9, max_alerts=6)] == [6, 4, 4, 5]


def test_leaves_come_out_flat_and_typed(root):
    archive = Archive(str(root))
    leaves = ["candid", "candidate.magpsf", "mangrove.lum_dist", "size(prv_candidates)", "gone", "candidate.gone"]
    types = [pa.int64(), pa.float64(), pa.string(), pa.int32(), pa.string(), pa.float64()]
    table = archive.read_leaves(fragments(archive)[1], leaves, types)
    assert table.schema == pa.schema(list(zip(leaves, types, strict=True)))
    assert table["candid"].to_pylist() == [3, 4, 5]
    assert table["candidate.magpsf"].to_pylist() == [18.0, 19.0, 20.0]
    assert table["mangrove.lum_dist"].to_pylist() == ["3", "4", "5"]
    assert table["size(prv_candidates)"].to_pylist() == [0, 1, None]
    assert table["gone"].null_count == table["candidate.gone"].null_count == 3


def test_leaves_that_no_file_has_still_count_rows(root):
    archive = Archive(str(root))
    assert archive.read_leaves(fragments(archive)[0], ["gone"], [pa.int32()]).num_rows == 3


def test_blocks_follow_the_source(root):
    archive = Archive(str(root))
    fragment = fragments(archive, target_nbytes=10**9)[0]
    blocks = list(archive.read_blocks(fragment, ["candid", "candidate.fid", "gone"], [0, 2], 2))
    assert [row for block in blocks for row in block["candid"].to_pylist()] == [0, 1, 2, 6, 7, 8]
    assert max(block.num_rows for block in blocks) <= 2
    assert [field.name for field in blocks[0].schema.field("candidate").type] == ["fid"]
    assert sum(block.num_rows for block in archive.read_blocks(fragment, ["gone"], [0, 3], 2)) == 4


def test_a_file_that_changed_is_noticed(root):
    archive = Archive(str(root))
    file = archive.files([dt.date(2025, 7, 31)])[0]
    archive.check_unchanged(file)
    write(root, "year=2025/month=7/day=31", alerts(0, 9))
    with pytest.raises(ArchiveError, match="changed"):
        archive.check_unchanged(file)
    (root / "year=2025/month=7/day=31/part-0.parquet").unlink()
    with pytest.raises(ArchiveError, match="gone"):
        archive.check_unchanged(file)


@pytest.mark.parametrize("content", [b"", b"not parquet at all", b"PAR1" + bytes(20) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(root, content):
    (root / "year=2025/month=7/day=31/part-9.parquet").write_bytes(content)
    archive = Archive(str(root))
    with pytest.raises(ArchiveError, match=r"part-9\.parquet"):
        archive.footers(archive.files(archive.nights()))


def test_a_missing_archive_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="no archive"):
        Archive(str(tmp_path / "none")).nights()


def test_an_empty_archive_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="empty"):
        Archive(str(tmp_path)).nights()


def test_a_parent_of_an_archive_is_pointed_down(root):
    with pytest.raises(ArchiveError, match="science"):
        Archive(str(root.parent)).nights()


def test_an_unknown_file_system_is_refused():
    with pytest.raises(ArchiveError, match="foo"):
        Archive("foo://bucket/science").nights()  # not before: a task that holds one passes through the scheduler


def test_a_footer_that_holds_no_text_is_unreadable(root):
    archive = Archive(str(root))
    files = archive.files([dt.date(2025, 7, 31)])
    held = (root / "year=2025/month=7/day=31/part-0.parquet").read_bytes()
    # The last letter of a column's name becomes the first byte of a longer UTF-8 sequence.
    (root / "year=2025/month=7/day=31/part-0.parquet").write_bytes(held.replace(b"candid", b"candi\xf4"))
    with pytest.raises(UnreadableError, match=r"part-0\.parquet"):
        archive.footers(files)
    unreadable = []
    assert archive.footers(files, unreadable=unreadable) == []
    assert [file for file, _ in unreadable] == files


class _Away(Exception):
    """As clients of stores have them: neither the system's error nor Arrow's."""


class _Store(LocalFileSystem):
    """A store that can be reached or not, by a class attribute that a test sets."""

    protocol = "store"
    failure: Exception | None = None

    def _open(self, *args, **kwargs):
        if self.failure:
            raise self.failure
        return super()._open(*args, **kwargs)

    def info(self, path, **kwargs):
        if self.failure:
            raise self.failure
        return super().info(path, **kwargs)


@pytest.mark.parametrize(
    "failure", [_Away("no route"), TimeoutError(), ConnectionResetError("reset"), OSError(5, "EIO")]
)
def test_a_store_that_is_away_makes_no_file_unreadable(root, monkeypatch, failure):
    """Else --skip-unreadable would leave out alerts that are well."""
    fsspec.register_implementation("store", _Store, clobber=True)
    archive = Archive(f"store://{root}")
    (footer, *_) = archive.footers(archive.files([dt.date(2025, 7, 31)]))
    (fragment,) = cut_fragments([footer], ["candid"], target_nbytes=10**9, max_alerts=10**9)
    assert archive.read_leaves(fragment, ["candid"], [pa.int64()]).num_rows == 5
    monkeypatch.setattr(_Store, "failure", failure)
    for action in (
        lambda: archive.footers([footer.file], unreadable=[]),
        lambda: archive.read_leaves(fragment, ["candid"], [pa.int64()]),
        lambda: archive.check_unchanged(footer.file),
    ):
        with pytest.raises(ArchiveError, match=r"part-0\.parquet can't be read") as caught:
            action()
        assert not isinstance(caught.value, UnreadableError)
