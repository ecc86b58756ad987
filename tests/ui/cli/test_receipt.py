"""`alert-transfer status --receipt`: text for people, a document for scripts."""

import datetime as dt
import json
import time
import uuid

import pyarrow.parquet as pq
import pytest

import engine
from consumer.wire import Plan, StateChange
from engine.kafka import KafkaCluster, ManifestWriter
from tests.command_line import run_here

NIGHT = "2021-11-22"


def empty_plan(kafka: str, *, num_parts: int) -> Plan:
    """Return the plan of a new job, its topics made and the plan written."""
    topic = f"ftransfer_test_{uuid.uuid4().hex[:12]}"
    made = Plan(
        job_id=uuid.uuid4().hex,
        topic=topic,
        engine_version="0",
        created_at=time.time(),
        request={"nights": [NIGHT]},
        num_partitions=1,
        num_files=0,
        num_fragments=0,
        num_parts=num_parts,
        num_alerts=None,
        schema={"type": "record", "name": "topLevelRecord", "fields": []},
        time_field="jd",
        id_field="candid",
    )
    cluster = KafkaCluster(bootstrap=kafka)
    cluster.create_job_topics(topic, 1)
    ManifestWriter(cluster, topic).append(made, StateChange(job_id=made.job_id, state="running", time=time.time()))
    return made


@pytest.fixture(scope="module")
def job(tmp_path_factory, kafka, dask_client) -> engine.Job:
    made = engine.write_sample(
        tmp_path_factory.mktemp("ui"), nights=[dt.date.fromisoformat(NIGHT)], alerts_per_night=60, seed=1
    )
    request = engine.TransferRequest(archive=made.archive, nights=NIGHT, where="candidate.fid = 1")
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().state == "complete"
    return job


def test_the_document(job, kafka):
    done = run_here("status", job.topic, "--receipt", "--json", kafka=kafka)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    document = json.loads(done.stdout)
    assert document == json.loads(json.dumps(job.receipt().to_dict()))
    assert (document["topic"], document["complete"], document["on_disk"]) == (job.topic, True, None)
    assert document["request"]["where"] == "candidate.fid = 1"
    archived = pq.read_table(document["request"]["archive"], columns=["candidate"])["candidate"].to_pylist()
    selected = sum(candidate["fid"] == 1 for candidate in archived)
    night = document["nights"][NIGHT]
    assert (night["num_alerts"], night["num_selected"], night["num_acknowledged"]) == (60, selected, selected)


def test_the_text(job, kafka):
    done = run_here("status", job.topic, "--receipt", kafka=kafka)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Receipt of {job.topic}\n" in done.stdout
    assert "complete: every alert that fulfils the conditions was sent" in done.stdout
    figures = job.receipt().totals
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(NIGHT))
    shown = [figures.num_alerts, figures.num_selected, figures.num_sent, figures.num_acknowledged]
    assert line.split() == [NIGHT, *map(str, shown), "0", "0"]
    followed = run_here("status", job.topic, "--receipt", "--follow", kafka=kafka)
    assert (followed.returncode, followed.stdout) == (0, done.stdout)


def test_a_job_that_runs_is_not_complete(kafka):
    plan = empty_plan(kafka, num_parts=0)
    done = run_here("status", plan.topic, "--receipt", kafka=kafka)
    assert done.returncode == 0
    assert "running: NOT COMPLETE, this is what was sent until 20" in done.stdout
    document = json.loads(run_here("status", plan.topic, "--receipt", "--json", kafka=kafka).stdout)
    assert (document["complete"], document["ended_at"]) == (False, None)


def test_without_a_whole_plan_there_is_an_error(kafka):
    plan = empty_plan(kafka, num_parts=1)
    done = run_here("status", plan.topic, "--receipt", "--json", kafka=kafka)
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert "no whole plan" in error["message"]
    assert error["next"]
    assert run_here("status", "ftransfer_nobody", "--receipt", kafka=kafka).returncode == 2
