"""What `complete` is said of: what was left out, what the archive holds twice, what no record proves."""

import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import consumer
from consumer.cli.commands import _group
from consumer.dataset import count_doubles
from consumer.dataset.folder import home_of
from consumer.wire import FragmentDone

CUT = {"path": "night/cut.parquet", "size": 9, "etag": None, "night": "2021-11-22", "reason": "no footer"}


def leave_out(job, fragment: int, reason: str = "row group 3 is torn") -> None:
    """Write the record of a fragment that can't be read."""
    job.record(
        FragmentDone(
            job_id=job.plan.job_id,
            fragment=fragment,
            num_alerts=job.sizes[fragment],
            num_selected=0,
            num_sent=0,
            nbytes=0,
            partitions={},
            digest="0" * 32,
            time=time.time(),
            unreadable=reason,
        )
    )


def call(*words: object) -> tuple[int, str]:
    """Return exit code and stdout of a command."""
    done = CliRunner().invoke(_group, [str(word) for word in words])
    return done.exit_code, done.stdout


def both(job, outdir, *options: str) -> list[tuple[int, str, dict]]:
    """Return exit code, text and document of consume and of verify."""
    found = []
    for words in (("consume", job.topic, "--kafka", job.kafka, "--outdir", outdir, *options), ("verify", outdir)):
        code, text = call(*words)
        again, document = call(*words, "--json")
        assert code == again
        found.append((code, text, json.loads(document)))
    return found


def test_what_was_left_out_is_told_wherever_a_set_is_called_complete(make_job, tmp_path):
    job = make_job(sizes=(40, 50, 60), num_alerts=None, unreadable_files=[CUT])
    job.run([0, 2], state="running")
    leave_out(job, 1)
    job.state("complete")
    for code, text, document in both(job, tmp_path / "out"):
        assert (code, document["complete"]) == (0, True)
        assert (document["num_alerts"], document["num_left_out"], document["num_files_left_out"]) == (100, 50, 1)
        assert [part["reason"] for part in document["left_out"]] == ["no footer", "row group 3 is torn"]
        assert (document["num_left_out_here"], document["num_archive_duplicates"]) == (0, 0)
        assert "50 alerts of 1 file, selected or not" in text
        assert "1 whole file" in text
    told = (home_of(tmp_path / "out") / "receipt.txt").read_text()
    assert "50 alerts of 1 file" in told.partition("on disk")[2]


def test_where_nothing_is_left_out_and_nothing_twice_nothing_is_said_of_it(make_job, tmp_path):
    for _, text, document in both(make_job(sizes=(40, 50)).run(), tmp_path / "out"):
        names = ("num_left_out", "num_files_left_out", "num_left_out_here", "num_unfinished", "num_archive_duplicates")
        assert [document[name] for name in names] == [0] * 5
        assert document["left_out"] == []
        assert "left out" not in text
        assert "candid" not in text.partition("read them with")[0]


def test_a_fragment_that_became_unreadable_when_a_part_was_sent_makes_no_set_wrong(make_job, tmp_path):
    job = make_job(sizes=(40, 50, 60))
    job.run([0, 2], state="running")
    job.send(1, range(7))
    leave_out(job, 1)
    job.state("complete")
    for code, text, document in both(job, tmp_path / "out"):
        assert (code, document["complete"], document["missing"]) == (0, True, 0)
        assert (document["num_alerts"], document["num_left_out"], document["num_left_out_here"]) == (107, 50, 7)
        assert "7 alerts of what was left out" in text
    result = consumer.verify(tmp_path / "out")
    assert (result.num_expected, result.fragments) == (107, [])
    assert sum(batch.num_rows for batch in consumer.stream(job.topic, kafka=job.kafka)) == 107


def test_a_stream_still_tells_of_an_alert_too_few_or_too_many(make_job):
    lacking, beyond = make_job(sizes=(40, 50)), make_job(sizes=(40, 50))
    lacking.run([0], state="running")
    lacking.done(1)
    beyond.run([0], state="running")
    beyond.send(1, [7])
    for job, came in ((lacking, 40), (beyond, 41)):
        job.state("complete")
        with pytest.raises(consumer.JobError, match=rf"{job.topic}.* {came} came"):
            list(consumer.stream(job.topic, kafka=job.kafka))


def double(job, *pairs: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Give alerts, by fragment and row, the candid of others."""
    for (fragment, row), (other, other_row) in pairs:
        job._alerts[fragment][row]["candid"] = job._alerts[other][other_row]["candid"]


def test_what_the_archive_holds_twice_is_counted_from_the_data(make_job, tmp_path):
    job = make_job(sizes=(40, 50), num_partitions=2)
    # Thrice the same, in one fragment and in another; row and fragment of one sum make one partition.
    double(job, ((0, 3), (0, 1)), ((1, 4), (0, 1)), ((1, 7), (1, 8)))
    for code, text, document in both(job.run(), tmp_path / "out", "--partitionby", "finkclass"):
        assert (code, document["complete"], document["num_archive_duplicates"]) == (0, True, 3)
        assert "3 alerts with an identifier that one before them has already, of whatever night" in text
    shares = [tmp_path / "1", tmp_path / "2"]
    counted = [
        consumer.consume(job.topic, outdir, kafka=job.kafka, share=f"{n}/2").num_archive_duplicates
        for n, outdir in enumerate(shares, 1)
    ]
    # Rows 1 and 3 of the first fragment and row 4 of the second are of one partition; the other pair is not.
    assert counted == [0, 2]
    assert consumer.verify(*shares).num_archive_duplicates == 3
    # Of a part the same, as far as it has come.
    part = consumer.consume(job.topic, tmp_path / "part", kafka=job.kafka, limit=4, partitionby="none")
    assert (part.complete, part.num_archive_duplicates) == (False, 1)


def test_rows_that_are_there_too_often_are_not_taken_for_the_archives(make_job, tmp_path):
    job, outdir = make_job(sizes=(40, 50)).run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none")
    (path,) = outdir.glob("*.parquet")
    path.with_name("copy.parquet").write_bytes(path.read_bytes())
    result = consumer.verify(outdir)
    assert (result.complete, result.num_archive_duplicates) == (False, None)
    code, text = call("verify", outdir)
    assert code == 4
    assert "180 of 90 alerts" in text
    assert "90 are too many" in text


def test_a_damaged_file_ends_a_consumer_that_counts_it(make_job, tmp_path):
    job, outdir = make_job(sizes=(40, 50)).run(), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none")
    (path,) = outdir.glob("*.parquet")
    held = bytearray(path.read_bytes())
    held[-8:] = b"not Parq"  # as long as it was
    path.write_bytes(held)
    with pytest.raises(consumer.IncompleteError, match="can't be read"):
        consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none")


identifiers = st.lists(st.none() | st.integers(-4, 4) | st.sampled_from([2**63 - 1, -(2**63)]), max_size=12)


@given(st.lists(identifiers, max_size=4), st.sampled_from(["candid", "candidate.candid"]), st.integers(1, 20))
def test_doubles_are_rows_less_identifiers(tmp_path_factory, files, path, ids_at_once):
    folder, paths = tmp_path_factory.mktemp("doubles"), []
    for number, ids in enumerate(files):
        column = pa.array(ids, pa.int64())
        *parents, _ = path.split(".")
        for _ in parents:
            column = pa.StructArray.from_arrays([column], ["candid"])
        paths.append(folder / f"{number}.parquet")
        pq.write_table(pa.table([column], [path.split(".")[0]]), paths[-1], row_group_size=3)
    known = [value for ids in files for value in ids if value is not None]
    assert count_doubles(paths, path, ids_at_once=ids_at_once) == len(known) - len(set(known))


# Jobs that were stopped


@pytest.fixture
def stopped(make_job):
    """Return what makes a job that was cancelled: two fragments finished, a part of the third sent, one not begun."""

    def make(num_alerts: int | None, state: str = "cancelled"):
        job = make_job(sizes=(40, 50, 60, 70), num_alerts=num_alerts)
        job.run([0, 1], state="running")
        job.send(2, range(16))
        job.state(state)
        return job

    return make


def test_a_stopped_job_of_unknown_size_is_here_as_far_as_it_was_sent(stopped, tmp_path):
    job = stopped(None)
    (code, text, consumed), (verified_code, verified_text, verified) = both(job, tmp_path / "out")
    assert (code, verified_code) == (3, 4)
    for document in (consumed, verified):
        assert (document["num_alerts"], document["num_unfinished"], document["missing"]) == (106, 16, 0)
        assert document["complete"] is False
    assert (verified["num_expected"], verified["is_total_known"]) == (106, False)
    assert "106 alerts of" in verified_text
    assert " of 90" not in verified_text
    assert "how many the job sends in all is not known" in verified_text
    for said in (text, verified_text):
        assert "16 alerts of fragments that the job has not finished" in said
    disk = json.loads((home_of(tmp_path / "out") / "receipt.json").read_text())["on_disk"]
    assert (disk["num_alerts"], disk["num_alerts_expected"], disk["num_unfinished"]) == (106, 106, 16)
    told = (home_of(tmp_path / "out") / "receipt.txt").read_text()
    assert "106 alerts in" in told
    assert "16 alerts of fragments" in told


@pytest.mark.parametrize("num_alerts", [None, 220])
def test_figures_add_up_before_and_after_a_job_is_taken_up_again(stopped, tmp_path, num_alerts):
    job, outdir = stopped(num_alerts), tmp_path / "out"
    first = consumer.consume(job.topic, outdir, kafka=job.kafka)
    proof = consumer.verify(outdir)
    assert proof.num_alerts + proof.missing == proof.num_expected == (num_alerts or 106)
    assert first.missing == proof.missing
    assert proof.is_total_known == (num_alerts is not None)
    job.state("queued")
    job.state("running")
    for fragment in (2, 3):
        job.send(fragment)
        job.done(fragment)
    job.state("complete")
    seen = []
    second = consumer.consume(job.topic, outdir, kafka=job.kafka, progress=seen.append)
    assert (second.complete, second.num_alerts, second.num_alerts_new) == (True, 220, 220 - 106)
    assert (second.num_duplicates, second.num_unfinished) == (16, 0)
    assert all(now.num_expected is None or now.num_alerts <= now.num_expected for now in seen)
    proof = consumer.verify(outdir)
    assert (proof.num_alerts, proof.num_expected, proof.missing, proof.complete) == (220, 220, 0, True)
    assert proof.is_total_known


def test_what_is_missing_of_a_share_of_a_stopped_job_is_not_hidden_by_the_rest(stopped, tmp_path):
    job = stopped(None)
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, share="1/2", partitionby="none")
    proof = consumer.verify(tmp_path / "out")
    here = np.arange(40).size // 2 + 50 // 2 + 16 // 2
    assert (proof.num_alerts, proof.num_expected, proof.num_unfinished, proof.missing) == (here, here, 8, 0)
    next((tmp_path / "out").glob("*.parquet")).unlink()
    proof = consumer.verify(tmp_path / "out")
    assert (proof.num_alerts, proof.num_expected, proof.missing) == (0, 45, 45)
