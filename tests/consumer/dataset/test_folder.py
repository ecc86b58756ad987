"""A folder survives a crash at any moment, belongs to one job, and is emptied of nothing that isn't ours."""

import errno
import fcntl
import json
import os
import shutil
import stat
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.dataset import Folder, Receipt, Round, locate, write_parquet
from consumer.dataset.folder import home_of, read_owner
from consumer.dataset.folder_names import NameRule
from consumer.dataset.journal import Journal
from consumer.dataset.locking import check_unlocked
from consumer.errors import IncompleteError, InputError

IDENTITY = {"topic": "ftransfer_a", "job_id": "1", "partitionby": "none", "request": {}}
RECEIPT = Receipt(topic="ftransfer_a", job_id="1", request={}, fragments={})


def _write(folder: Folder, name: str | None = None) -> Round:
    """Stage a round of one file."""
    staged = folder.stage()
    index = folder.journal.num_rounds
    name = name or f"part-{index:05d}.parquet"
    write_parquet(staged / name, pa.table({"candid": [index]}), RECEIPT)
    file = {"path": name, "num_alerts": 1, "nbytes": (staged / name).stat().st_size}
    return Round(
        index=index, offsets={0: index + 1}, files=[file], rows={0: str(index)}, digests={0: "01"}, num_duplicates=0
    )


def _names(path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())


@pytest.fixture
def outdir(tmp_path):
    return locate(tmp_path / "out")


@pytest.fixture
def two_rounds(outdir):
    with Folder(outdir, **IDENTITY) as folder:
        folder.commit(_write(folder), {})
        folder.commit(_write(folder, "year=2021/part-00001.parquet"), {(3, 7): b"raw"})
    return outdir


def test_a_committed_round_is_in_the_folder_and_in_the_journal(two_rounds):
    assert _names(two_rounds) == ["part-00000.parquet", "year=2021/part-00001.parquet"]
    assert (home_of(two_rounds) / "rejected" / "partition-3-offset-7.avro").read_bytes() == b"raw"
    with Folder(two_rounds, **IDENTITY) as folder:
        assert folder.journal.offsets == {0: 2}
        assert folder.journal.num_alerts == len(folder.journal.seen) == 2


def test_a_round_that_was_only_staged_is_discarded(two_rounds):
    with Folder(two_rounds, **IDENTITY) as folder:
        _write(folder)
    with Folder(two_rounds, **IDENTITY) as folder:
        assert folder.journal.num_rounds == 2
    assert not (home_of(two_rounds) / "staging").exists()
    assert len(_names(two_rounds)) == 2


def test_a_round_that_was_journalled_but_not_renamed_is_finished(two_rounds):
    with Folder(two_rounds, **IDENTITY) as folder:
        entry = _write(folder, "year=2022/month=01/part-00002.parquet")
        folder.journal.append(entry)
    with Folder(two_rounds, **IDENTITY) as folder:
        assert folder.journal.num_rounds == 3
    assert "year=2022/month=01/part-00002.parquet" in _names(two_rounds)


def test_a_line_of_the_journal_that_was_torn_counts_as_not_written(two_rounds):
    journal = home_of(two_rounds) / "journal.jsonl"
    whole = journal.read_bytes()
    with Folder(two_rounds, **IDENTITY) as folder:
        line = _write(folder).to_line()
    for cut in (1, 9, len(line) // 2, len(line) - 1):
        journal.write_bytes(whole + line[:cut])
        with Folder(two_rounds, **IDENTITY) as folder:
            assert folder.journal.num_rounds == 2
            folder.commit(_write(folder), {})
        assert Journal(journal).num_rounds == 3
        journal.write_bytes(whole)
        (two_rounds / "part-00002.parquet").unlink()


@pytest.mark.parametrize("kept", [1, 2])
def test_a_journal_of_a_later_version_is_named_as_that_and_left_as_it_is(two_rounds, kept):
    journal = home_of(two_rounds) / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)[:kept]
    body = lines[0].partition(b" ")[2].strip()[:-1] + b',"colour":"red"}'
    lines[0] = b"%08x %s\n" % (zlib.crc32(body), body)
    journal.write_bytes(b"".join(lines))
    before = journal.read_bytes()
    with pytest.raises(IncompleteError, match=r"later version.*'colour'"), Folder(two_rounds, **IDENTITY):
        pass
    assert journal.read_bytes() == before


def test_a_journal_that_was_altered_is_refused(two_rounds):
    journal = home_of(two_rounds) / "journal.jsonl"
    content = bytearray(journal.read_bytes())
    content[20] ^= 1
    journal.write_bytes(content)
    with pytest.raises(IncompleteError, match="line 1 of 2"), Folder(two_rounds, **IDENTITY):
        pass
    with Folder(two_rounds, **IDENTITY, restart=True) as folder:
        assert folder.journal.num_rounds == 0
    assert _names(two_rounds) == []


def test_a_journal_that_vanishes_while_it_is_written_ends_the_run(two_rounds):
    with Folder(two_rounds, **IDENTITY) as folder:
        entry = _write(folder)
        (home_of(two_rounds) / "journal.jsonl").unlink()
        with pytest.raises(IncompleteError, match="deleted meanwhile"):
            folder.commit(entry, {})
    assert len(_names(two_rounds)) == 2


def test_a_folder_that_was_emptied_by_hand_starts_over(two_rounds):
    shutil.rmtree(two_rounds)
    notes = []
    with Folder(two_rounds, **IDENTITY, note=notes.append) as folder:
        assert folder.journal.num_rounds == 0
        assert not folder.journal.offsets
    assert "starting over" in notes[0]


@pytest.mark.parametrize("harm", [os.unlink, lambda path: os.truncate(path, 10)])
def test_a_folder_that_lost_some_of_its_files_is_refused(two_rounds, harm):
    harm(two_rounds / "part-00000.parquet")
    with pytest.raises(IncompleteError, match=r"part-00000\.parquet") as caught, Folder(two_rounds, **IDENTITY):
        pass
    assert "restart=True" in caught.value.next_step


def test_restart_empties_what_is_ours_and_nothing_else(two_rounds):
    (two_rounds / "year=2021" / "notes.txt").write_text("mine")
    shutil.copy(two_rounds / "part-00000.parquet", two_rounds / "copy.parquet")
    pq.write_table(pa.table({"x": [1]}), two_rounds / "mine.parquet")
    with Folder(two_rounds, **IDENTITY, restart=True) as folder:
        assert folder.journal.num_rounds == 0
    assert _names(two_rounds) == ["mine.parquet", "year=2021/notes.txt"]
    assert not (home_of(two_rounds) / "rejected").exists()


def test_restart_is_refused_where_alerts_lie_in_a_folder_below(two_rounds):
    below = two_rounds / "other" / "part-00000.parquet"
    below.parent.mkdir()
    shutil.copy(two_rounds / "part-00000.parquet", below)
    before = _names(two_rounds)
    with pytest.raises(IncompleteError, match="other") as caught, Folder(two_rounds, **IDENTITY, restart=True):
        pass
    assert "move it" in caught.value.next_step
    assert "restart=True" not in caught.value.next_step
    assert _names(two_rounds) == before  # told before anything is removed


def test_a_folder_inside_one_that_was_fetched_into_is_refused(two_rounds):
    for below in ("other", "year=2021/other"):
        with pytest.raises(InputError, match="lies in"), Folder(two_rounds / below, **IDENTITY):
            pass
    assert not (two_rounds / "other.transfer").exists()


def test_a_folder_that_lost_the_one_beside_it_tells_so_and_can_be_restarted(two_rounds):
    shutil.rmtree(home_of(two_rounds))
    with pytest.raises(InputError, match=r"job\.json") as caught, Folder(two_rounds, **IDENTITY):
        pass
    assert "restart=True" in caught.value.next_step
    assert "out.transfer" in caught.value.next_step
    (two_rounds / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"), Folder(two_rounds, **IDENTITY, restart=True):
        pass
    (two_rounds / "notes.txt").unlink()
    with Folder(two_rounds, **IDENTITY, restart=True):
        assert _names(two_rounds) == []


@pytest.mark.parametrize("harm", ["copied", "renamed", "without a journal"])
def test_alerts_that_would_be_there_twice_are_refused(two_rounds, harm):
    first = two_rounds / "part-00000.parquet"
    match harm:
        case "copied":
            shutil.copy(first, two_rounds / "part-00000 (1).parquet")
        case "renamed":
            for number, path in enumerate(sorted(two_rounds.rglob("*.parquet"))):
                path.rename(two_rounds / f"mine-{number}.parquet")
        case "without a journal":
            (home_of(two_rounds) / "journal.jsonl").unlink()
    before = _names(two_rounds)
    with pytest.raises(IncompleteError, match="twice") as caught, Folder(two_rounds, **IDENTITY):
        pass
    assert "restart=True" in caught.value.next_step
    assert _names(two_rounds) == before


def test_what_is_not_of_this_program_is_told(two_rounds):
    (two_rounds / ".DS_Store").write_text("")
    notes = []
    with Folder(two_rounds, **IDENTITY, note=notes.append):
        assert not notes
    (two_rounds / "year=2021" / "notes.txt").write_text("mine")
    with Folder(two_rounds, **IDENTITY, note=notes.append):
        assert "notes.txt" in notes[0]


def test_a_file_system_without_locks_is_refused_for_writing(two_rounds, monkeypatch):
    def refuse(*_: object):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InputError, match="lock"), Folder(two_rounds, **IDENTITY):
        pass
    check_unlocked(two_rounds, home_of(two_rounds))


def test_a_file_system_that_cannot_sync_folders_will_do(outdir, monkeypatch):
    fsync = os.fsync

    def refuse_folders(descriptor: int):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with Folder(outdir, **IDENTITY) as folder:
        folder.commit(_write(folder), {})
    assert _names(outdir) == ["part-00000.parquet"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"topic": "ftransfer_b"}, "holds the topic ftransfer_a"),
        ({"job_id": "2"}, "made anew"),
        ({"partitionby": "time"}, "partitioned by none"),
    ],
)
def test_a_folder_belongs_to_one_job(two_rounds, changed, told):
    with pytest.raises(InputError, match=told) as caught, Folder(two_rounds, **(IDENTITY | changed)):
        pass
    assert "restart=True" in caught.value.next_step
    with Folder(two_rounds, **(IDENTITY | changed), restart=True):
        assert _names(two_rounds) == []


@pytest.mark.parametrize("place", ["out", "out.transfer"])
def test_a_folder_with_files_of_somebody_else_is_refused_and_left_as_it_is(outdir, place):
    foreign = outdir.with_name(place) / "notes.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    for restart in (False, True):
        with pytest.raises(InputError, match=r"notes\.txt"), Folder(outdir, **IDENTITY, restart=restart):
            pass
    assert _names(outdir.parent) == [f"{place}/notes.txt"]


def test_two_consumers_do_not_write_into_one_folder(outdir):
    with Folder(outdir, **IDENTITY), pytest.raises(InputError, match="right now"), Folder(outdir, **IDENTITY):
        pass
    with Folder(outdir, **IDENTITY):
        pass


def test_the_manifests_copy_grows_and_begins_anew_with_each_run(outdir):
    copy = home_of(outdir) / "manifest.jsonl"
    with Folder(outdir, **IDENTITY) as folder:
        folder.append_manifest([b"1", b"2"])
        folder.append_manifest([])
        folder.append_manifest([b"3"])
        assert copy.read_bytes() == b"1\n2\n3\n"
    with Folder(outdir, **IDENTITY) as folder:
        folder.append_manifest([b"1"])
    assert copy.read_bytes() == b"1\n"


@pytest.mark.parametrize("outdir", ["s3://bucket/out", "/", "", "~nobody-of-this-name/out"])
def test_a_place_that_cannot_be_a_folder_is_refused(outdir):
    with pytest.raises(InputError):
        locate(outdir)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        locate(tmp_path / "out")


BY_CLASS = IDENTITY | {"partitionby": "finkclass"}
LONG = "finkclass=" + "L" * 250


@pytest.fixture
def caseless(monkeypatch):
    """Make this machine's disk show names as one that ignores case does: whatever their capitals."""
    exists = Path.exists

    def seen(path, **options):
        if exists(path, **options):
            return True
        return exists(path.parent) and path.name.lower() in {found.name.lower() for found in path.parent.iterdir()}

    monkeypatch.setattr(Path, "exists", seen)


def _as_version_0_1_0(outdir, **identity):
    """Begin a folder as 0.1.0 did."""
    home_of(outdir).mkdir()
    owner = BY_CLASS | {"share": None} | identity
    (home_of(outdir) / "job.json").write_text(json.dumps(owner, indent=1))


@pytest.mark.parametrize("identity", [IDENTITY, BY_CLASS])
def test_the_first_run_writes_down_how_labels_are_named(outdir, identity):
    for _ in range(2):
        with Folder(outdir, **identity) as folder:
            assert folder.names == NameRule(ignores_case=False)
    assert read_owner(outdir)["name_rule"] == {"version": 2, "ignores_case": False}
    assert list(outdir.iterdir()) == []


def test_on_a_disk_that_ignores_case_capitals_are_encoded_from_then_on(outdir, request, monkeypatch):
    request.getfixturevalue("caseless")
    with Folder(outdir, **BY_CLASS) as folder:
        assert folder.names == NameRule(ignores_case=True)
    monkeypatch.undo()
    with Folder(outdir, **BY_CLASS) as folder:
        assert folder.names.name("Galaxy") == "%47alaxy"


def test_a_folder_that_version_0_1_0_began_keeps_its_names(outdir):
    _as_version_0_1_0(outdir)
    with Folder(outdir, **BY_CLASS) as folder:
        assert [folder.names.name(label) for label in ("C*", "Galaxy")] == ["C*", "Galaxy"]
    assert "name_rule" not in read_owner(outdir)
    with Folder(outdir, **BY_CLASS, restart=True) as folder:
        assert folder.names.name("C*") == "C%2A"


def test_a_folder_that_a_later_version_began_is_refused(outdir):
    _as_version_0_1_0(outdir, name_rule={"version": 9})
    with pytest.raises(InputError, match="later version"), Folder(outdir, **BY_CLASS):
        pass


def test_labels_that_would_share_a_folder_are_named_before_one_is_written(outdir, caseless):
    _as_version_0_1_0(outdir)
    with Folder(outdir, **BY_CLASS) as folder:
        folder.check_names(["finkclass=Galaxy", "finkclass=C*"])
        folder.check_names(["finkclass=Galaxy"])
        with pytest.raises(IncompleteError, match="finkclass=Galaxy and finkclass=galaxy") as caught:
            folder.check_names(["finkclass=galaxy"])
    assert "restart=True" in caught.value.next_step


def test_labels_that_already_share_a_folder_are_named_when_it_is_opened_again(outdir, caseless):
    _as_version_0_1_0(outdir)
    spooled = [
        {"folder": f"finkclass={label}", "part": 0, "num_alerts": 1, "nbytes": 9} for label in ("Galaxy", "x", "galaxy")
    ]
    entry = Round(index=0, offsets={}, files=[], rows={}, digests={}, num_duplicates=0, spooled=spooled)
    Journal(home_of(outdir) / "journal.jsonl").append(entry)
    with pytest.raises(IncompleteError, match="finkclass=Galaxy and finkclass=galaxy"), Folder(outdir, **BY_CLASS):
        pass
    with Folder(outdir, **BY_CLASS, restart=True) as folder:
        assert folder.names == NameRule(ignores_case=True)


def test_labels_that_differ_in_capitals_are_two_where_the_disk_tells_them_apart(outdir):
    with Folder(outdir, **BY_CLASS) as folder:
        folder.check_names(["finkclass=Galaxy", "finkclass=galaxy"])
        assert not list(folder.path.iterdir())


def test_a_label_that_is_too_long_is_told_and_the_folder_is_free_again(outdir):
    told = pytest.raises(InputError, match=r"finkclass 'LLL.* 250 characters")
    with told as caught, Folder(outdir, **BY_CLASS) as folder:
        folder.check_names(["finkclass=x", LONG])
    assert "partitionby='time'" in caught.value.next_step
    assert "restart=True" not in caught.value.next_step
    with Folder(outdir, **IDENTITY):  # by something else, without more ado
        pass


def test_a_label_that_is_too_long_and_comes_late_takes_nothing_away(outdir):
    with Folder(outdir, **BY_CLASS) as folder:
        folder.commit(_write(folder, "finkclass=x/part-00000.parquet"), {})
        with pytest.raises(IncompleteError, match="250 characters") as caught:
            folder.check_names([LONG])
    assert "partitionby='time'" in caught.value.next_step
    assert "restart=True" in caught.value.next_step
    assert _names(outdir) == ["finkclass=x/part-00000.parquet"]
    with Folder(outdir, **IDENTITY, restart=True):
        assert _names(outdir) == []


def test_a_disk_with_short_names_is_asked_and_not_guessed(outdir, monkeypatch):
    mkdir = os.mkdir

    def refuse(path, *rest, **options):
        if len(Path(path).name) > 100:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
        mkdir(path, *rest, **options)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(InputError, match="120 characters"), Folder(outdir, **BY_CLASS) as folder:
        folder.check_names(["finkclass=" + "x" * 90, "finkclass=" + "x" * 120])


def test_a_disk_without_stars_in_names_is_told_of_the_folders_of_version_0_1_0(outdir, monkeypatch):
    mkdir = os.mkdir

    def refuse(path, *rest, **options):
        if "*" in str(path):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        mkdir(path, *rest, **options)

    _as_version_0_1_0(outdir)
    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(InputError, match=r"finkclass 'C\*'") as caught, Folder(outdir, **BY_CLASS) as folder:
        folder.check_names([f"finkclass={folder.names.name('C*')}"])
    assert "restart=True" in caught.value.next_step


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: os.truncate(path, 10), "10 bytes"),
        # What a disk that ignores case has of two folders: one, by the name that it was first given.
        (lambda path: path.parent.rename(path.parent.with_name("finkclass=galaxy")), "finkclass=galaxy/part-00000"),
        (lambda path: shutil.rmtree(path.parent.parent), "is gone"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere")), "is gone"),
    ],
)
def test_the_folder_is_held_against_the_journal_by_names_and_sizes(outdir, harm, told):
    name = "finkclass=Galaxy/part-00000.parquet"
    with Folder(outdir, **BY_CLASS) as folder:
        folder.commit(_write(folder, name), {})
        assert folder.lost() == {}
        harm(outdir / name)
        assert list(folder.lost()) == [name]
        assert told in folder.lost()[name]
