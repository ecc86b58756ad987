"""Reading, decoding and writing side by side: whatever fails in one of them ends all, and nothing is left behind."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import consumer
from consumer.dataset import Folder
from consumer.dataset.folder import home_of
from consumer.errors import IncompleteError
from consumer.fetching.dedup import Intake
from consumer.kafka import DataReader, Messages


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("alert-transfer")]


def candids(outdir) -> list[int]:
    return sorted(
        c for path in outdir.rglob("*.parquet") for c in pq.ParquetFile(path).read(["candid"])["candid"].to_pylist()
    )


@pytest.mark.parametrize("where", [(DataReader, "read"), (Intake, "take"), (Folder, "commit")])
@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), MemoryError(), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
def test_what_fails_in_any_thread_is_raised_and_the_next_run_goes_on(make_job, tmp_path, monkeypatch, where, error):
    job, outdir = make_job(sizes=(300, 300)).run(), tmp_path / "out"
    true, calls = getattr(*where), []

    def fails(self, *arguments, **options):
        calls.append(None)
        if len(calls) == 3:
            raise error
        return true(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(*where, fails)
        # Few messages at a time, so that there are several calls of each.
        patch.setattr("consumer.kafka.data_reader._MOST_MESSAGES", 1000)
        patch.setattr("consumer.kafka.data_reader._MOST_NBYTES", 10_000)
        with pytest.raises(type(error)) as caught:
            consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000)
    assert caught.value is error
    assert threads() == []
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000).complete
    assert candids(outdir) == job.expected()
    assert consumer.verify(outdir).complete


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_round_is_written_while_the_one_before_it_is_committed(make_job, tmp_path, monkeypatch, is_broken):
    job, outdir = make_job(sizes=(300, 300)).run(), tmp_path / "out"
    second_begun, committed = threading.Event(), []
    stage, commit = Folder.stage, Folder.commit

    def staging(self, index=None):
        if index == 1:
            second_begun.set()
        return stage(self, index)

    def committing(self, entry, rejected):
        assert second_begun.wait(150)
        if is_broken and entry.index == 1:
            raise RuntimeError("broken")
        committed.append(entry.index)
        commit(self, entry, rejected)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "stage", staging)
        patch.setattr(Folder, "commit", committing)
        if is_broken:
            with pytest.raises(RuntimeError, match="broken"):
                consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000)
            assert committed == [0]
            assert [path.name for path in outdir.rglob("*.parquet")] == ["part-00000.parquet"]
        else:
            assert consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000).complete
            assert committed == list(range(len(committed)))
    assert threads() == []
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000).complete
    assert candids(outdir) == job.expected()


def test_a_full_disk_is_told_as_that_whichever_thread_met_it(make_job, tmp_path, monkeypatch):
    job, outdir = make_job().run(), tmp_path / "out"

    def full(self, *_):
        raise OSError(28, "No space left on device", str(outdir))

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "commit", full)
        with pytest.raises(IncompleteError, match="can't be written any further"):
            consumer.consume(job.topic, outdir, kafka=job.kafka)
    assert consumer.consume(job.topic, outdir, kafka=job.kafka).complete


def test_ctrl_c_ends_a_consumer_that_waits_at_once_and_keeps_what_is_written(make_job, tmp_path):
    job, outdir = make_job(sizes=(400, 400)), tmp_path / "out"
    job.state("running")
    job.send(0)
    job.done(0)
    code = "import sys, consumer; consumer.consume(sys.argv[1], sys.argv[2], kafka=sys.argv[3], round_nbytes=9000)"
    words = [sys.executable, "-c", code, job.topic, str(outdir), job.kafka]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 150
    while len(list(outdir.rglob("*.parquet"))) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=150)  # it would wait for the job for ever
    assert "KeyboardInterrupt" in told
    assert process.returncode != 0
    assert (home_of(outdir) / "receipt.txt").exists()
    job.send(1)
    job.done(1)
    job.state("complete")
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000).complete
    assert candids(outdir) == job.expected()


def test_a_stream_comes_in_batches_of_thousands_and_ends_with_fewer(make_job, monkeypatch):
    monkeypatch.setattr("consumer.fetching.streaming._BATCH_MESSAGES", 100)
    job = make_job(sizes=(130, 130)).run()
    batches = list(consumer.stream(job.topic, kafka=job.kafka))
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    assert sum(batch.num_rows for batch in batches) == 260
    assert max(batch.num_rows for batch in batches) <= 100
    assert len(batches) <= 4


def test_a_stream_of_large_alerts_comes_in_batches_of_so_many_bytes(make_job, monkeypatch):
    job = make_job(sizes=(130, 130)).run()
    monkeypatch.setattr("consumer.fetching.streaming._BATCH_NBYTES", 40 * len(job.datum(0, 0)))
    monkeypatch.setattr("consumer.kafka.data_reader._MOST_NBYTES", 10 * len(job.datum(0, 0)))
    monkeypatch.setattr("consumer.kafka.data_reader._MOST_MESSAGES", 100)
    batches = list(consumer.stream(job.topic, kafka=job.kafka))
    assert sum(batch.num_rows for batch in batches) == 260
    assert max(batch.num_rows for batch in batches) <= 60
    assert threads() == []


@pytest.mark.parametrize("by_turns", [True, False])
def test_partitions_are_held_for_what_waits_for_others_alone(make_job, tmp_path, monkeypatch, by_turns):
    """Held, librdkafka drops what it has of them; a chunk that is being gathered is no reason."""
    job, held = make_job(sizes=(900, 900)).run(), []

    class OrderedReader(DataReader):
        """Hands 41 messages out at a time, by turns of all partitions, or of one after the other."""

        def __init__(self, *arguments):
            super().__init__(*arguments)
            self._handed, self._all, self._num = dict(super().positions), None, 0

        @property
        def positions(self):
            return self._handed

        def read(self, timeout_s):
            if self._all is None:
                parts, ends = [], self.ends_at_first
                while dict(super().positions) != ends:
                    parts.append(super().read(timeout_s))
                everything = Messages.joined(parts)
                keys = (everything.partitions, everything.offsets)
                self._all = everything.take(np.lexsort(keys if by_turns else keys[::-1]))
            handed = self._all.between(self._num, self._num + 41)
            self._num += len(handed)
            for message in handed:
                self._handed[message.partition] = message.offset + 1
            return handed

        def hold(self, partitions):
            held.append(partitions)

    monkeypatch.setattr("consumer.fetching.fetcher.DataReader", OrderedReader)
    monkeypatch.setattr("consumer.fetching.fetcher._MOST_WAITING_NBYTES", 3000)
    assert consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka).complete
    assert any(held) != by_turns
    assert candids(tmp_path / "out") == job.expected()
