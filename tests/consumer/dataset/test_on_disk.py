"""consume and verify agree on what readers of a folder meet, and call none complete that one of them sees otherwise."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import consumer
from consumer.cli.commands import _group
from consumer.dataset import Folder, locate
from consumer.dataset.folder import home_of, read_owner
from consumer.dataset.on_disk import look_through
from consumer.errors import IncompleteError, InputError
from consumer.wire import digest_candids


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(_group, [str(word) for word in words])
    return done.exit_code, done.stdout


@pytest.fixture(scope="module")
def fetched(kafka, tmp_path_factory):
    """Return a finished job and the folder that it was fetched into by class, of 30 alerts each: A, B, C."""
    from tests.consumer.conftest import Job, alert

    alerts = [[alert(n, row) | {"finkclass": "ABC"[row % 3]} for row in range(45)] for n in range(2)]
    job = Job(kafka, sizes=(45, 45), alerts=alerts).run()
    outdir = tmp_path_factory.mktemp("fetched") / "out"
    assert consumer.consume(job.topic, outdir, kafka=kafka, partitionby="finkclass").complete
    return job, outdir


@pytest.fixture
def folder(fetched, tmp_path):
    """Return the job and a copy of the folder of its own."""
    job, outdir = fetched
    shutil.copytree(outdir, tmp_path / "out")
    shutil.copytree(home_of(outdir), tmp_path / "out.transfer")
    return job, tmp_path / "out"


A = "finkclass=A/part-00000.parquet"


def move(outdir, to):
    (outdir / to).parent.mkdir(parents=True, exist_ok=True)
    (outdir / A).rename(outdir / to)


def copy(outdir, to):
    (outdir / to).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(outdir / A, outdir / to)


def foreign(outdir, to):
    (outdir / to).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"candid": [1]}), outdir / to)


@pytest.mark.parametrize(
    ("harm", "name", "num_alerts", "missing"),
    [
        (move, "finkclass=A/_part-00000.parquet", 60, 30),
        (move, "finkclass=A/.part-00000.parquet", 60, 30),
        (move, "finkclass=A/part-00000.bak", 60, 30),
        (move, "_old/finkclass=A/part-00000.parquet", 60, 30),
        (move, "finkclass=Z/part-00000.parquet", 90, 0),
        (move, "finkclass=A/mine.parquet", 90, 0),
        (copy, "sub/a.parquet", 120, 0),
        (copy, "finkclass=A/sub/a.parquet", 120, 0),
        (copy, "finkclass=A/_a.parquet", 90, 0),
        (copy, ".trash/a.parquet", 90, 0),
        (copy, "finkclass=A/a.bak", 90, 0),
        (foreign, "finkclass=A/f.parquet", 90, 0),
        (foreign, "sub/f.parquet", 90, 0),
        (foreign, "_f.parquet", 90, 0),
    ],
)
def test_no_face_calls_complete_what_readers_see_otherwise(folder, harm, name, num_alerts, missing):
    job, outdir = folder
    harm(outdir, name)
    proof = consumer.verify(outdir)
    assert (proof.complete, proof.num_alerts, proof.missing) == (False, num_alerts, missing)
    assert any(name in problem for problem in proof.problems)
    assert any(f"{A} is gone" in problem for problem in proof.problems) == (harm is move)
    if harm is foreign:
        result = consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass")
        assert (result.complete, result.num_alerts, result.missing) == (False, 90, 0)
        assert any(name in problem for problem in result.problems)
        receipt = json.loads((home_of(outdir) / "receipt.json").read_text())
        assert receipt["on_disk"]["complete"] is False
    else:
        with pytest.raises(IncompleteError, match="twice"):
            consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass")


@pytest.mark.parametrize("name", [".DS_Store", "_SUCCESS", "finkclass=A/._part-00000.parquet", "_notes/a.txt"])
def test_what_no_reader_takes_for_alerts_is_passed_over(folder, name):
    job, outdir = folder
    (outdir / name).parent.mkdir(exist_ok=True)
    (outdir / name).write_text("no alerts")
    told = []
    assert consumer.verify(outdir).problems == []
    assert consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass", note=told.append).complete
    assert told == []


def test_labels_that_changed_places_are_not_complete(folder):
    _, outdir = folder
    for one, other in (("A", "Q"), ("B", "A"), ("Q", "B")):
        (outdir / f"finkclass={one}").rename(outdir / f"finkclass={other}")
    proof = consumer.verify(outdir)
    assert not proof.complete
    assert any(A in problem for problem in proof.problems)


def test_without_a_journal_none_is_told_from_a_copy(folder):
    _, outdir = folder
    (home_of(outdir) / "journal.jsonl").unlink()
    move(outdir, "finkclass=A/mine.parquet")
    assert consumer.verify(outdir).complete
    move_back = outdir / "finkclass=A/_hidden.parquet"
    (outdir / "finkclass=A/mine.parquet").rename(move_back)
    assert consumer.verify(outdir).missing == 30


@pytest.mark.parametrize("target", ["..", ".", "finkclass=A"])
def test_a_link_that_leads_back_is_named_and_followed_once(folder, target):
    job, outdir = folder
    (outdir / "finkclass=L").symlink_to(target)
    proof = consumer.verify(outdir)
    assert (proof.complete, proof.num_alerts, proof.missing) == (False, 90, 0)
    assert [problem.partition(":")[0] for problem in proof.problems] == ["finkclass=L"]
    result = consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="finkclass")
    assert (result.complete, result.problems) == (False, proof.problems)


def test_a_folder_that_lies_elsewhere_is_followed(folder, tmp_path):
    _, outdir = folder
    (outdir / "finkclass=A").rename(tmp_path / "elsewhere")
    (outdir / "finkclass=A").symlink_to(tmp_path / "elsewhere")
    assert consumer.verify(outdir).complete
    assert A in [met.name for met in look_through(outdir)[0]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(folder):
    _, outdir = folder
    os.mkfifo(outdir / "finkclass=A" / "pipe.parquet")
    assert "pipe.parquet: not a file" in consumer.verify(outdir).problems[0]


def test_a_receipt_counts_what_is_on_the_disk(make_job, tmp_path, monkeypatch):
    job, outdir = make_job(sizes=(40, 50)).run([0], state="running"), tmp_path / "out"
    consumer.consume(job.topic, outdir, kafka=job.kafka, wait=False, partitionby="none")
    commit = Folder.commit

    def lose_another(folder, entry, rejected):
        commit(folder, entry, rejected)
        (outdir / "part-00000.parquet").unlink(missing_ok=True)

    monkeypatch.setattr(Folder, "commit", lose_another)
    job.send(1)
    job.done(1)
    job.state("complete")
    result = consumer.consume(job.topic, outdir, kafka=job.kafka, partitionby="none")
    assert (result.num_alerts, result.num_files, result.missing, result.complete) == (50, 1, 40, False)
    disk = json.loads((home_of(outdir) / "receipt.json").read_text())["on_disk"]
    proof = consumer.verify(outdir)
    assert (disk["num_alerts"], disk["num_files"], disk["num_missing"]) == (50, 1, 40) == (proof.num_alerts, 1, 40)
    assert disk["gaps"] == [{"fragment": 0, "missing": 40, "excess": 0}]
    assert disk["digest"] == job_digest(job, 1)


def job_digest(job, fragment: int) -> str:
    """Return the digest of one fragment as the job's manifest has it."""
    candids = np.array([alert["candid"] for alert in job._alerts[fragment]], dtype=np.int64)
    return f"{digest_candids(candids):032x}"


@pytest.mark.parametrize("labels", [[None], ["1", "01", None], ["true", "2021-11-22"], ["A"]])
def test_the_line_that_is_printed_reads_labels_as_they_are(make_job, tmp_path, labels):
    job = make_job(sizes=(8,))
    for row, alert in enumerate(job._alerts[0]):
        alert["finkclass"] = labels[row % len(labels)]
    outdir = tmp_path / "out"
    code, text = call(
        "consume", job.run().topic, "--kafka", job.kafka, "--outdir", outdir, "--partitionby", "finkclass"
    )
    assert code == 0
    read = text.partition("print(")[2].rstrip().removesuffix("'")[:-1]
    rows = eval(read, {"pandas": pd, "pyarrow": pa})
    found = [None if pd.isna(label) else label for label in rows["finkclass"].astype(object)]
    assert sorted(zip(rows["candid"], found, strict=True)) == [(a["candid"], a["finkclass"]) for a in job._alerts[0]]


def test_a_label_that_readers_take_for_null_is_told(make_job, tmp_path):
    job = make_job(sizes=(8,))
    job._alerts[0][3]["finkclass"] = "__HIVE_DEFAULT_PARTITION__"
    job.run()
    with pytest.raises(InputError, match="null") as caught:
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, partitionby="finkclass")
    assert "partitionby='time'" in caught.value.next_step
    assert consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka).complete


OWNER = {"topic": "ftransfer_a", "job_id": "1", "partitionby": "none", "share": None, "request": {}}


@pytest.mark.parametrize(
    "owner",
    [
        "{",
        "[]",
        "{}",
        "null",
        '"x"',
        json.dumps({name: value for name, value in OWNER.items() if name != "job_id"}),
        *(json.dumps(OWNER | {name: 7}) for name in OWNER),
        json.dumps(OWNER | {"name_rule": []}),
        json.dumps(OWNER | {"name_rule": {"version": "2"}}),
        json.dumps(OWNER | {"name_rule": {"version": 2}}),
    ],
)
def test_a_job_file_that_is_not_whole_is_damaged(tmp_path, owner):
    outdir = locate(tmp_path / "out")
    home_of(outdir).mkdir()
    (home_of(outdir) / "job.json").write_text(owner)
    for ask in (read_owner, consumer.verify):
        with pytest.raises(IncompleteError, match=r"job\.json is damaged"):
            ask(outdir)
    with pytest.raises(IncompleteError, match="damaged"):
        consumer.consume("ftransfer_a", outdir, kafka="127.0.0.1:1")
