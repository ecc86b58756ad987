"""Where rounds end: in new folders, and in those that version 0.1.0 began."""

import contextlib
import dataclasses
import json
import tarfile
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import consumer
from consumer.dataset import Journal
from consumer.dataset.folder import home_of
from consumer.fetching.boundaries import ROUND_NBYTES, boundaries_of

FIXTURES = Path(__file__).parents[2] / "fixtures" / "0.1.0" / "folders.tar.xz"
MB = 1024 * 1024


def test_rounds_of_a_new_folder_grow_up_to_64_MB():
    boundaries, nbytes, ends = boundaries_of(0, 0, None, by_label=False), 0, []
    while len(ends) < 7:
        nbytes += boundaries.left(nbytes, 0)
        ends.append(nbytes / MB)
    assert ends == [4, 12, 28, 60, 124, 188, 252]
    assert boundaries.file_nbytes == ROUND_NBYTES == 64 * MB


@pytest.mark.parametrize(
    ("name", "by_label", "round_nbytes"),
    [
        ("complete-time-half", False, 128 * MB),
        ("complete-none-half", False, 128 * MB),
        ("complete-finkclass-half", True, 32 * MB),
    ],
)
def test_a_folder_of_0_1_0_is_told_by_its_journal_and_keeps_its_rounds(tmp_path, name, by_label, round_nbytes):
    with tarfile.open(FIXTURES) as tar:
        tar.extract(f"./{name}.transfer/journal.jsonl", tmp_path, filter="data")
    journal = Journal(tmp_path / f"{name}.transfer" / "journal.jsonl")
    assert journal.num_rounds > 0
    assert journal.nbytes is None
    boundaries = boundaries_of(journal.num_rounds, journal.nbytes, None, by_label=by_label)
    assert (boundaries.round_nbytes, boundaries.file_nbytes) == (round_nbytes, 128 * MB)
    assert boundaries.left(0, 0) == boundaries.left(999, 0) == round_nbytes
    assert boundaries.left(999, 900) == round_nbytes - 900


def _as_0_1_0_wrote_it(journal: Path) -> None:
    lines = []
    for line in journal.read_bytes().splitlines():
        entry = json.loads(line.partition(b" ")[2])
        del entry["nbytes"]
        body = json.dumps(entry, separators=(",", ":")).encode()
        lines.append(b"%08x %s\n" % (zlib.crc32(body), body))
    journal.write_bytes(b"".join(lines))


def _contents(outdir: Path) -> list[list[int]]:
    """Return the candids of each file, in their order."""
    files = sorted(outdir.rglob("*.parquet"), key=lambda path: path.name)
    return [pq.ParquetFile(file).read(["candid"])["candid"].to_pylist() for file in files]


def test_a_folder_of_0_1_0_is_fetched_to_the_end_in_the_rounds_that_it_has(make_job, tmp_path, monkeypatch):
    job, outdir = make_job(sizes=(300, 300)).run(), tmp_path / "out"
    options = {"kafka": job.kafka, "partitionby": "none", "round_nbytes": 9000}

    class _StoppedError(Exception):
        pass

    def stop(progress) -> None:
        if len(list(outdir.glob("*.parquet"))) >= 2:
            raise _StoppedError

    with monkeypatch.context() as patch:
        old = dataclasses.replace(boundaries_of(0, 0, 9000, by_label=False), has_ramp=False)
        patch.setattr("consumer.fetching.run.boundaries_of", lambda *_, **__: old)
        consumer.consume(job.topic, tmp_path / "whole", **options)
        with contextlib.suppress(_StoppedError):
            consumer.consume(job.topic, outdir, progress=stop, **options)
    _as_0_1_0_wrote_it(home_of(outdir) / "journal.jsonl")
    assert len(_contents(outdir)) >= 2
    assert consumer.consume(job.topic, outdir, **options).complete
    assert _contents(outdir) == _contents(tmp_path / "whole")
    assert consumer.verify(outdir).complete


def test_something_is_on_the_disk_early(make_job, tmp_path):
    job, outdir = make_job(sizes=(600,)).run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none", round_nbytes=40_000)
    sizes = [len(candids) for candids in _contents(outdir)]
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]
    assert sizes[0] * 14 < sum(sizes[:4]) < sizes[0] * 16
