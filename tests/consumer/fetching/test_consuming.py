"""Topics of a real Kafka come to disk, each alert once, whatever happens in between."""

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask.dataframe as dd
import duckdb
import fastavro
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import consumer
from consumer.errors import IncompleteError, InputError, JobError, KafkaError
from consumer.kafka import DataReader
from consumer.wire import JOBS_TOPIC, manifest_topic


def _candids(outdir) -> list[int]:
    table = ds.dataset(outdir, format="parquet", partitioning="hive").to_table(columns=["candid"])
    return sorted(table.column("candid").to_pylist())


def _files(outdir) -> dict[str, str]:
    return {
        str(path.relative_to(outdir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(outdir).rglob("*"))
        if path.is_file()
    }


def test_a_finished_job_comes_whole_and_a_second_run_adds_nothing(make_job, tmp_path):
    job, outdir = make_job().run(), tmp_path / "out"
    first = consumer.consume(job.topic, outdir, kafka=job.kafka)
    assert (first.state, first.complete, first.num_alerts, first.num_alerts_new) == ("complete", True, 220, 220)
    assert (first.num_files, first.num_duplicates, first.missing) == (2, 0, 0)
    before, asked = _files(outdir), tmp_path / "out.transfer" / "request.yaml"
    text = asked.read_text()
    assert text.endswith("\narchive: somewhere\nnights:\n- '2021-11-22'\n")
    asked.unlink()  # as a folder that was begun before has none
    again = consumer.consume(job.topic, outdir, kafka=job.kafka)
    assert (again.complete, again.num_alerts, again.num_alerts_new) == (True, 220, 0)
    assert _files(outdir) == before
    assert asked.read_text() == text
    assert _candids(outdir) == job.expected()


# Dask calls pandas in a way that the next pandas will no longer know.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index")
@pytest.mark.parametrize("by", ["time", "finkclass", "tnsclass", "none"])
def test_every_reader_reads_the_folder_as_it_stands(make_job, tmp_path, by):
    job, outdir = make_job().run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby=by, round_nbytes=4000)
    assert all(path.suffix == ".parquet" for path in outdir.rglob("*") if path.is_file())
    arrow = ds.dataset(outdir, format="parquet", partitioning="hive").to_table()
    assert arrow.schema.field("never").type == pa.float64()
    assert arrow.schema.field("magpsf").type == pa.float32()
    assert arrow.schema.field("candid").type == pa.int64()
    frame = pd.read_parquet(outdir)
    assert frame["candid"].dtype == np.int64
    assert frame["never"].dtype == np.float64
    lazy = pl.scan_parquet(outdir).collect()
    assert lazy.schema["candid"] == pl.Int64
    assert lazy.schema["never"] == pl.Float64
    duck = duckdb.sql(
        f"select candid, magpsf, finkclass, day from read_parquet('{outdir}/**/*.parquet', hive_partitioning=true)"
    ).to_arrow_table()
    dask_frame = dd.read_parquet(outdir).compute()
    expected = sorted((alert["candid"], alert["finkclass"]) for alert in job.alerts())
    for candids, labels in (
        (arrow["candid"].to_pylist(), arrow["finkclass"].to_pylist()),
        (frame["candid"].tolist(), frame["finkclass"].astype(str).tolist()),
        (dask_frame["candid"].tolist(), dask_frame["finkclass"].astype(str).tolist()),
        (lazy["candid"].to_list(), lazy["finkclass"].to_list()),
        (duck["candid"].to_pylist(), duck["finkclass"].to_pylist()),
    ):
        assert sorted(zip(candids, labels, strict=True)) == expected
    if by == "time":
        assert set(arrow["day"].to_pylist()) == set(duck["day"].to_pylist()) == {22, 23}
        assert arrow["month"].unique().to_pylist() == [11]


def test_values_survive_nan_null_and_64_bits(make_job, tmp_path):
    job = make_job(sizes=(30,)).run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, partitionby="none")
    rows = ds.dataset(tmp_path / "out").to_table().sort_by("candid").to_pylist()
    for row, sent in zip(rows, job.alerts(), strict=True):
        assert np.array_equal(row.pop("magpsf"), sent.pop("magpsf"), equal_nan=True)
        assert row == sent


def test_the_alerts_of_a_fragment_that_ran_twice_come_once(make_job, tmp_path):
    job = make_job()
    job.state("running")
    job.send(0)
    job.send(1, range(0, 50, 3))
    job.send(0, order=np.random.default_rng(1).permutation(40))
    job.send(1, order=np.arange(50)[::-1])
    for fragment in (2, 3):
        job.send(fragment)
    for fragment in range(4):
        job.done(fragment)
    job.state("complete")
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, round_nbytes=3000)
    assert (result.complete, result.num_alerts, result.num_duplicates) == (True, 220, 40 + 17)
    assert _candids(tmp_path / "out") == job.expected()


def test_second_copies_are_known_again_by_a_later_run(make_job, tmp_path):
    job = make_job(sizes=(40, 50))
    job.state("running")
    job.send(0)
    first = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, wait=False)
    assert (first.state, first.complete, first.stopped_early, first.num_alerts) == ("running", False, True, 40)
    job.send(0, order=np.arange(40)[::-1])
    job.send(1)
    job.done(0)
    job.done(1)
    job.state("complete")
    second = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (second.complete, second.num_alerts, second.num_alerts_new, second.num_duplicates) == (True, 90, 50, 40)
    assert _candids(tmp_path / "out") == job.expected()


def test_a_consumer_that_is_early_waits_for_plan_and_alerts(make_job, tmp_path):
    job = make_job(plan_now=False)

    def later():
        job.write_plan()
        job.state("running")
        for fragment in range(4):
            job.send(fragment)
            job.done(fragment)
            job.beat()
        job.state("complete")

    thread = threading.Timer(1.0, later)
    thread.start()
    seen = []
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, progress=seen.append)
    thread.join()
    assert result.complete
    assert _candids(tmp_path / "out") == job.expected()
    assert seen[-1].num_alerts == seen[-1].num_expected == 220


def test_an_empty_job_is_a_table_with_its_columns(make_job, tmp_path):
    job = make_job(sizes=()).run(state="empty")
    for by in ("time", "finkclass", "none"):
        outdir = tmp_path / by
        result = consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby=by)
        assert (result.state, result.complete, result.num_alerts, result.num_files) == ("empty", True, 0, 1)
        frame = pd.read_parquet(outdir)
        assert len(frame) == 0
        assert {"candid", "finkclass", "year"} <= set(frame.columns)
        assert pl.scan_parquet(outdir / "**/*.parquet").collect().is_empty()
        assert consumer.verify(outdir).complete
        assert consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby=by).num_files == 1


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_a_job_sent_before_it_ended_badly_is_taken(make_job, tmp_path, state):
    job = make_job()
    job.state("running")
    job.send(0)
    job.done(0)
    job.send(1, range(10))
    job.state(state, {"message": "no memory", "accepted": None, "next": None} if state == "failed" else None)
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.state, result.complete, result.num_alerts, result.stopped_early) == (state, False, 50, False)
    assert (result.error is not None) == (state == "failed")
    proof = consumer.verify(tmp_path / "out")
    assert (proof.complete, proof.state) == (False, state)
    # Taken up again, it is completed in the same folder.
    job.state("running")
    job.send(1)
    job.done(1)
    for fragment in (2, 3):
        job.send(fragment)
        job.done(fragment)
    job.state("complete")
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.complete, result.num_alerts, result.num_duplicates) == (True, 220, 10)
    assert consumer.verify(tmp_path / "out").complete


def test_a_job_whose_coordinator_fell_silent_reads_as_interrupted(make_job, tmp_path):
    job = make_job(created_at=time.time() - 100)
    job.send(0)
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.state, result.complete, result.num_alerts) == ("interrupted", False, 40)


def test_complete_is_not_said_while_a_row_is_missing(make_job, tmp_path):
    job = make_job()
    job.state("running")
    for fragment in range(4):
        job.send(fragment, range(job.sizes[fragment] - (fragment == 2)))
        job.done(fragment)
    job.state("complete")
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.state, result.complete, result.missing, result.num_alerts) == ("complete", False, 1, 219)
    proof = consumer.verify(tmp_path / "out")
    assert (proof.complete, proof.missing, [gap.fragment for gap in proof.fragments]) == (False, 1, [2])


def test_a_limit_stops_after_so_many_new_alerts_and_the_rest_follows(make_job, tmp_path):
    job, outdir = make_job().run(), tmp_path / "out"
    for number in (1, 2):
        result = consumer.consume(job.topic, outdir, kafka=job.kafka, limit=70, round_nbytes=2000)
        assert (result.num_alerts_new, result.num_alerts, result.complete) == (70, 70 * number, False)
        assert result.stopped_early
    rest = consumer.consume(job.topic, outdir, kafka=job.kafka)
    assert (rest.num_alerts_new, rest.complete) == (80, True)
    assert _candids(outdir) == job.expected()


@pytest.mark.parametrize("round_nbytes", [0, -5, 2.5, "64MB"])
def test_the_size_of_a_round_is_a_whole_number(kafka, tmp_path, round_nbytes):
    with pytest.raises(consumer.InputError, match="round_nbytes") as caught:
        consumer.consume("ftransfer_any", tmp_path / "out", kafka=kafka, round_nbytes=round_nbytes)
    assert "1 or more" in caught.value.accepted
    assert list(tmp_path.iterdir()) == []


def test_a_limit_needs_not_wait_for_a_job_that_runs(make_job, tmp_path):
    job = make_job()
    job.state("running")
    job.send(0)
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, limit=7)
    assert (result.num_alerts, result.state, result.stopped_early) == (7, "running", True)


def test_a_limit_takes_the_same_alerts_where_a_partition_comes_late(make_job, tmp_path, monkeypatch):
    job = make_job(sizes=(300, 400, 300)).run()
    consumer.consume(job.topic, tmp_path / "whole", kafka=job.kafka, limit=200)

    class LateReader(DataReader):
        """The first partition's messages come after three reads that brought nothing."""

        num_quiet = 0

        def hold(self, partitions):
            super().hold(partitions | {0} if self.num_quiet < 3 else partitions)

        def read(self, *arguments):
            messages = super().read(*arguments)
            self.num_quiet += not len(messages)
            return messages

    monkeypatch.setattr("consumer.fetching.fetcher.DataReader", LateReader)
    consumer.consume(job.topic, tmp_path / "late", kafka=job.kafka, limit=200)
    assert _candids(tmp_path / "late") == _candids(tmp_path / "whole")


def test_files_depend_on_the_topic_and_not_on_interruptions(make_job, tmp_path):
    job = make_job(sizes=(300, 400, 300)).run()
    consumer.consume(job.topic, tmp_path / "whole", kafka=job.kafka, round_nbytes=9000)

    class _StoppedError(Exception):
        pass

    for _ in range(8):
        calls = []

        def stop(progress, calls=calls):
            calls.append(progress)
            if len(calls) == 2:
                raise _StoppedError

        with contextlib.suppress(_StoppedError):
            consumer.consume(job.topic, tmp_path / "pieces", kafka=job.kafka, round_nbytes=9000, progress=stop)
    result = consumer.consume(job.topic, tmp_path / "pieces", kafka=job.kafka, round_nbytes=9000)
    assert result.complete
    assert len(_files(tmp_path / "whole")) > 8
    assert _files(tmp_path / "pieces") == _files(tmp_path / "whole")


def _start(job, outdir) -> subprocess.Popen:
    code = (
        "import consumer, sys\n"
        "consumer.consume(sys.argv[1], sys.argv[2], kafka=sys.argv[3], round_nbytes=9000, "
        "progress=lambda p: print(p.num_alerts, flush=True))\n"
    )
    arguments = [sys.executable, "-c", code, job.topic, str(outdir), job.kafka]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_a_consumer_that_is_killed_loses_and_doubles_nothing(make_job, tmp_path):
    job = make_job(sizes=(400, 400, 400))
    job.state("running")
    for fragment in range(3):
        job.send(fragment)
        job.done(fragment)
        job.send(fragment, order=np.arange(400)[::-1])
    outdir = tmp_path / "killed"
    journal = tmp_path / "killed.transfer" / "journal.jsonl"
    reached = 0
    # Each is killed as soon as the journal has grown: in the midst of renaming, staging or fetching.
    for _ in range(4):
        process = _start(job, outdir)
        deadline = time.monotonic() + 150
        while process.poll() is None and time.monotonic() < deadline:
            size = journal.stat().st_size if journal.exists() else 0
            if size > reached:
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        reached = journal.stat().st_size
    job.state("complete")
    result = consumer.consume(job.topic, outdir, kafka=job.kafka, round_nbytes=9000)
    assert result.complete
    assert _candids(outdir) == job.expected()
    assert consumer.verify(outdir).complete
    consumer.consume(job.topic, tmp_path / "whole", kafka=job.kafka, round_nbytes=9000)
    assert _files(outdir) == _files(tmp_path / "whole")


def test_messages_that_cannot_be_read_are_put_aside_and_the_rest_is_delivered(make_job, tmp_path):
    job = make_job(sizes=(40, 50))
    job.state("running")
    job.raw(1, b"hello", b"not ours")
    job.raw(2, None, b"")
    job.raw(0, b"0:0", job.datum(0, 0) + b"trailing")  # a good copy follows
    job.raw(1, b"0:1", job.datum(0, 1)[:5])
    job.send(0)
    job.send(1, range(1, 50))
    job.raw(1, b"1:0", b"\x00broken")
    for fragment in (0, 1):
        job.done(fragment)
    job.state("complete")
    notes = []
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, note=notes.append)
    assert (result.complete, result.missing, result.num_rejected, result.num_alerts) == (False, 1, 5, 89)
    assert len(notes) == 5
    assert any(note.startswith("partition 1, offset 0 can't be read: b'hello'") for note in notes)
    rejected = tmp_path / "out.transfer" / "rejected"
    assert sorted(path.name for path in rejected.iterdir()) == [
        "partition-0-offset-0.avro",
        "partition-1-offset-0.avro",
        "partition-1-offset-1.avro",
        f"partition-1-offset-{2 + 10 + 12}.avro",
        "partition-2-offset-0.avro",
    ]
    assert (rejected / "partition-1-offset-0.avro").read_bytes() == b"not ours"
    job.send(1, [0])
    again = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (again.complete, again.missing, again.num_alerts_new) == (False, 0, 1)
    assert (again.num_rejected, consumer.verify(tmp_path / "out").num_rejected) == (5, 5)


def test_one_folder_holds_one_topic(make_job, tmp_path):
    job, other = make_job().run(), make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    before = _files(tmp_path)
    with pytest.raises(InputError, match=job.topic):
        consumer.consume(other.topic, tmp_path / "out", kafka=other.kafka)
    with pytest.raises(InputError, match="partitioned by time"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, partitionby="none")
    assert _files(tmp_path) == before
    result = consumer.consume(other.topic, tmp_path / "out", kafka=other.kafka, partitionby="none", restart=True)
    assert result.complete
    assert consumer.verify(tmp_path / "out").topic == other.topic


def test_a_topic_that_was_made_anew_is_refused(make_job, tmp_path):
    job = make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    job.delete(job.topic, manifest_topic(job.topic))
    anew = make_job(topic=job.topic).run()
    with pytest.raises(InputError, match="made anew"):
        consumer.consume(anew.topic, tmp_path / "out", kafka=anew.kafka)
    assert consumer.verify(tmp_path / "out").complete


def test_a_missing_topic_is_an_error_that_leaves_nothing(make_job, kafka, tmp_path):
    job = make_job()
    with pytest.raises(InputError, match=f"did you mean '{job.topic}'"):
        consumer.consume(job.topic[:-1], tmp_path / "out", kafka=kafka)
    job.delete(manifest_topic(job.topic))
    with pytest.raises(InputError, match="has no manifest") as caught:
        consumer.consume(job.topic, tmp_path / "out", kafka=kafka)
    assert "another service" in caught.value.next_step
    with pytest.raises(InputError, match="no topic 'ftransfer_missing'"):
        consumer.consume("ftransfer_missing", tmp_path / "out", kafka=kafka)
    with pytest.raises(InputError, match="not the name of a transfer topic"):
        consumer.consume(JOBS_TOPIC, tmp_path / "out", kafka=kafka)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:9092"])
def test_a_kafka_that_does_not_answer_is_an_error(tmp_path, address, capfd):
    with pytest.raises(KafkaError, match="no Kafka answers at"):
        consumer.consume("ftransfer_x", tmp_path / "out", kafka=address)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_without_an_address_the_next_step_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("ALERT_TRANSFER_KAFKA", raising=False)
    with pytest.raises(InputError) as caught:
        consumer.consume("ftransfer_x", tmp_path / "out")
    assert "engine.start_broker()" in caught.value.next_step
    assert "kafka=" in caught.value.accepted


def test_alerts_that_expired_are_an_error_and_what_is_there_stays(make_job, tmp_path):
    job = make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, limit=100)
    before = _files(tmp_path / "out")
    job.expire({0: 40})
    with pytest.raises(KafkaError, match="expired"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert _files(tmp_path / "out") == before


def test_a_topic_that_is_deleted_while_it_is_read_is_an_error(make_job, tmp_path):
    job = make_job()
    job.state("running")
    job.send(0)
    timer = threading.Timer(2.0, job.delete, [job.topic])
    timer.start()
    with pytest.raises(KafkaError, match="no longer has the topic"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    timer.join()


def test_a_complete_folder_outlives_its_alerts(make_job, tmp_path):
    job = make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    before = _files(tmp_path / "out")
    job.expire(dict.fromkeys(range(4), 55))
    assert consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka).complete
    # What could not be fetched again is not emptied.
    with pytest.raises(KafkaError, match="expired"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, restart=True)
    job.delete(job.topic)
    with pytest.raises(KafkaError, match="no longer has the topic"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, restart=True)
    assert _files(tmp_path / "out") == before
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.complete, result.num_alerts, result.state) == (True, 220, "complete")
    assert consumer.verify(tmp_path / "out").complete


def test_verify_sees_what_was_altered(make_job, tmp_path):
    job, outdir = make_job().run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka)
    files = sorted(outdir.rglob("*.parquet"))
    whole = files[0].read_bytes()
    altered = bytearray(whole)
    column = pq.read_metadata(files[0]).row_group(0).column(1)
    first = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
    altered[first + column.total_compressed_size - 1] ^= 0x10  # a page ends with its values
    for content in (bytes(altered), whole[: len(whole) // 2], b""):
        files[0].write_bytes(content)
        proof = consumer.verify(outdir)
        assert not proof.complete
        assert proof.missing == 90
        assert [gap.fragment for gap in proof.fragments] == [0, 1]
        assert "day=22" in proof.problems[0]
    files[0].write_bytes(whole)
    assert consumer.verify(outdir).complete
    copy = files[0].with_name("copy.parquet")
    copy.write_bytes(whole)
    proof = consumer.verify(outdir)
    assert (proof.complete, proof.num_alerts) == (False, 310)
    assert [(gap.fragment, gap.excess) for gap in proof.fragments] == [(0, 40), (1, 50)]
    assert "copy.parquet: a copy" in proof.problems[0]
    copy.write_text("notes")
    assert not consumer.verify(outdir).complete
    copy.unlink()
    files[1].unlink()
    assert consumer.verify(outdir).missing == 130
    with pytest.raises(IncompleteError, match="restart=True"):
        consumer.consume(job.topic, outdir, kafka=job.kafka)


def test_what_the_disk_refuses_is_told(make_job, tmp_path, monkeypatch):
    job, outdir = make_job().run(), tmp_path / "out"
    mkdir, iterdir = os.mkdir, os.scandir

    def refuse(path, *rest):
        if str(path).startswith(str(outdir)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return mkdir(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", refuse)
        with pytest.raises(InputError, match="Read-only file system"):
            consumer.consume(job.topic, outdir, kafka=job.kafka)
    consumer.consume(job.topic, outdir, kafka=job.kafka)
    (tmp_path / "out.transfer" / "lock").unlink()
    assert consumer.verify(outdir).complete
    assert not (tmp_path / "out.transfer" / "lock").exists()  # who only reads makes no file

    def shut(path):
        if "day=" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return iterdir(path)

    monkeypatch.setattr(os, "scandir", shut)
    with pytest.raises(InputError, match="Permission denied"):
        consumer.verify(outdir)


def test_verify_says_so_where_a_consumer_wrote_while_it_read(make_job, tmp_path, monkeypatch):
    job, outdir = make_job().run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, limit=100)
    walk = os.walk

    def walk_while_written_to(*arguments, **options):
        monkeypatch.undo()
        found = list(walk(*arguments, **options))
        consumer.consume(job.topic, outdir, kafka=job.kafka)
        return found

    monkeypatch.setattr(os, "walk", walk_while_written_to)
    with pytest.raises(InputError, match="while it was read"):
        consumer.verify(outdir)
    assert consumer.verify(outdir).complete


def test_verify_refuses_a_folder_that_is_none_of_ours(tmp_path):
    with pytest.raises(InputError, match="no topic was fetched"):
        consumer.verify(tmp_path)


def test_files_tell_their_job(make_job, tmp_path):
    job = make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    for path in (tmp_path / "out").rglob("*.parquet"):
        told = pq.read_metadata(path).metadata
        assert told[b"alert_transfer.topic"].decode() == job.topic
        assert told[b"alert_transfer.job_id"].decode() == job.plan.job_id
        assert json.loads(told[b"alert_transfer.request"]) == job.plan.request


def test_a_stream_gives_each_alert_once_and_ends_with_the_job(make_job):
    job = make_job()
    job.send(0)
    job.run()
    batches = list(consumer.stream(job.topic, kafka=job.kafka))
    assert sorted(candid for batch in batches for candid in batch.column("candid").to_pylist()) == job.expected()
    assert {batch.schema for batch in batches} == {batches[0].schema}


def test_a_stream_of_a_job_that_failed_gives_what_there_is_and_then_raises(make_job):
    job = make_job().run(fragments=[0], state="failed")
    stream = consumer.stream(job.topic, kafka=job.kafka)
    got = []
    with pytest.raises(JobError, match="failed"):
        got.extend(stream)
    assert sum(batch.num_rows for batch in got) == 40


def test_a_stream_tells_its_progress_also_while_nothing_comes_and_ends_if_that_raises(make_job):
    job = make_job()
    job.send(0)
    told = []

    class Enough(Exception):
        pass

    def progress(num_alerts):
        told.append(num_alerts)
        if told.count(40) > 1:
            raise Enough  # the job runs on, and nothing comes

    got = []
    with pytest.raises(Enough):
        got.extend(consumer.stream(job.topic, kafka=job.kafka, progress=progress))
    assert sum(batch.num_rows for batch in got) == 40
    assert told[0] == 0


def test_real_alerts_come_through_unchanged(make_job, tmp_path, shared_service):
    written = json.loads((shared_service / "avro_schema.json").read_text())
    schema = {key: value for key, value in written.items() if not key.startswith("__")}
    with open(shared_service / "part-3-305711.avro", "rb") as file:
        alerts = list(fastavro.reader(file))
    job = make_job(sizes=(len(alerts),), schema=schema, time_field="candidate.jd", alerts=[alerts]).run()
    assert consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka).complete
    frame = pd.read_parquet(tmp_path / "out")
    assert sorted(frame["candid"]) == sorted(alert["candid"] for alert in alerts)
    assert set(frame["day"]) == {22}
    stamps = {alert["candid"]: alert["cutoutScience"]["stampData"] for alert in alerts}
    for candid, cutout in zip(frame["candid"], frame["cutoutScience"], strict=True):
        assert cutout["stampData"] == stamps[candid]
    assert consumer.verify(tmp_path / "out").complete
