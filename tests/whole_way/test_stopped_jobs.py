"""Jobs that are stopped on the way: by the user who started them, or by a topic that is gone."""

import dataclasses
import datetime as dt
import getpass
import re
import time
import uuid
from functools import partial
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from tenacity import Retrying, stop_after_delay, wait_fixed

import consumer
import engine
from consumer.wire import Plan, StateChange
from engine.kafka import KafkaCluster, ManifestWriter
from engine.planning import make_plan
from engine.sinks import KafkaManifestStore, KafkaSink
from engine.transfer.coordinator import launch
from engine.transfer.manifest_plan import plan_records
from engine.transfer.versions import engine_version
from tests.held_fragments import held

FIRST = 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> engine.SampleArchive:
    # Many fragments: whatever is done to a job after its first, others are left.
    nights = [dt.date(2021, 11, 1) + dt.timedelta(days=day) for day in range(25)]
    return engine.write_sample(tmp_path_factory.mktemp("sample"), nights=nights, alerts_per_night=400, seed=11)


def candids(folder: Path | str) -> list[int]:
    files = Path(folder).rglob("*.parquet")
    return sorted(candid for file in files for candid in pq.ParquetFile(file).read(["candid"])["candid"].to_pylist())


def wait_for(gate: Path, _, fragment, is_wanted) -> None:
    """Have all fragments but the first ones wait until the gate is there, or nobody wants them."""
    while fragment.number >= FIRST and not gate.exists() and is_wanted():
        time.sleep(0.02)


@pytest.fixture
def gate(dask_client, tmp_path):
    """A file: once it is there, jobs go on beyond their first fragments."""
    path = tmp_path / "gate"
    with held(dask_client, partial(wait_for, path)):
        yield path
        path.touch()


def begun(archive: engine.SampleArchive, client, kafka: str) -> engine.Job:
    """Return a job of which the first fragment has just been sent, and most have not."""
    request = engine.TransferRequest(archive=archive.archive, nights="2019-01-01:2025-12-31", content="full")
    job = engine.submit(request, client=client, kafka=kafka)

    class _Begun(Exception):
        pass

    def look(status: engine.JobStatus) -> None:
        if status.num_fragments_done:
            raise _Begun

    with pytest.raises(_Begun):
        job.wait(on_change=look)
    return job


def test_a_cancelled_job_stays_readable_and_can_be_ended(archive, kafka, dask_client, gate, tmp_path):
    job = begun(archive, dask_client, kafka)
    status = job.cancel()
    assert status.state == "cancelled"
    assert 0 < status.num_alerts_sent < archive.num_alerts
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby="none")
    assert (result.state, result.complete) == ("cancelled", False)
    first = candids(tmp_path / "out")
    assert len(set(first)) == len(first) >= status.num_alerts_sent
    assert (result.num_alerts, result.num_unfinished) == (len(first), len(first) - status.num_alerts_sent)
    proof = consumer.verify(tmp_path / "out")
    assert proof.num_alerts + proof.missing == proof.num_expected == archive.num_alerts
    assert (proof.num_unfinished, proof.complete) == (result.num_unfinished, False)
    # No thread of a worker goes on with what nobody wants: the cluster is free for the next job.
    deadline = time.monotonic() + 150
    while any(dask_client.processing().values()):
        assert time.monotonic() < deadline, dask_client.processing()
        time.sleep(0.05)
    before = time.time()
    gate.touch()
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    ended = job.wait()
    assert (ended.state, ended.num_alerts_sent, ended.first_alert_s) == (
        "complete",
        archive.num_alerts,
        status.first_alert_s,
    )
    assert ended.elapsed_s <= status.elapsed_s + time.time() - before
    user, log = getpass.getuser(), [line[20:] for line in job.log()]
    told = [f"queued by {user}", f"cancel requested by {user}", "cancelled", f"queued by {user}"]
    assert [line for line in log if line in told] == told
    assert f"{status.num_fragments_done} of {status.num_fragments} fragments were finished before" in log
    assert list(job.follow_log())[-1][20:] == log[-1]
    assert log[-1].startswith(f"complete; in all {archive.num_alerts:,} alerts")
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby="none")
    assert (result.state, result.complete, result.num_alerts) == ("complete", True, archive.num_alerts)
    assert candids(tmp_path / "out") == candids(archive.archive)
    assert consumer.verify(tmp_path / "out").complete
    assert ds.dataset(tmp_path / "out").count_rows() == archive.num_alerts


def test_a_job_whose_topic_is_deleted_fails_in_plain_words(archive, kafka, dask_client, gate):
    job = begun(archive, dask_client, kafka)
    KafkaCluster(bootstrap=kafka).delete_topics([job.topic])
    gate.touch()
    status = job.wait()
    assert status.state == "failed"
    assert f"{job.topic} was deleted" in status.error["message"]
    assert "submit" in status.error["next"]


def _assert_idle(client) -> None:
    """See that no worker's thread runs a task, whether or not anybody waits for it."""
    assert not any(client.run(lambda dask_worker: len(dask_worker.state.all_running_tasks)).values())


def test_a_job_is_not_complete_while_its_topic_holds_less_than_was_acknowledged(archive, kafka, dask_client, gate):
    job = begun(archive, dask_client, kafka)
    stopped = job.cancel()
    assert stopped.state == "cancelled"
    # What the cancel cuts off may send on until its task has ended. In the topic made anew, or where the job that runs
    # again wants it, too, its alerts would be second copies, which stand in for what lacks.
    retrying = Retrying(stop=stop_after_delay(150), wait=wait_fixed(0.1), reraise=True)
    retrying(lambda: _assert_idle(dask_client))
    cluster = KafkaCluster(bootstrap=kafka)
    cluster.delete_topics([job.topic])
    admin = AdminClient({"bootstrap.servers": kafka})
    topic = NewTopic(job.topic, job.manifest.plan.num_partitions)
    retrying(lambda: admin.create_topics([topic])[job.topic].result())
    gate.touch()
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    status = job.wait()
    assert status.state == "failed"
    message = rf"Kafka acknowledged (\d+) alerts that the topic {re.escape(job.topic)} does not hold"
    assert 0 < int(re.search(message, status.error["message"])[1]) <= stopped.num_alerts_sent
    assert "submit the request again" in status.error["next"]


def test_a_job_whose_coordinators_die_again_and_again_fails_unless_something_was_finished(
    archive, kafka, dask_client, gate
):
    job = begun(archive, dask_client, kafka)
    job.cancel()
    cluster = KafkaCluster(bootstrap=kafka)
    sink, writer = KafkaSink(kafka=cluster, topic=job.topic), ManifestWriter(cluster, job.topic)

    def says(state: str, coordinator: str | None = None) -> StateChange:
        return StateChange(job_id=job.manifest.plan.job_id, state=state, time=time.time(), coordinator=coordinator)

    writer.append(says("queued"), *(says("running", f"dead {number}") for number in range(4)))
    # As Dask runs it again after a death: it has another take its place.
    assert launch(dask_client, KafkaManifestStore(cluster, job.topic), sink, {}).result() == "replaced"
    status = job.wait()
    assert status.state == "failed"
    assert "ended 4 times" in status.error["message"]
    assert job.topic in status.error["next"]
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    assert job.cancel().state == "cancelled", "it ran again"


def test_a_job_that_another_version_of_the_same_series_planned_is_gone_on_with(kafka, dask_client, tmp_path):
    sibling = re.sub(r"\d+$", "999", engine_version())
    made = engine.write_sample(tmp_path / "sample", alerts_per_night=20, seed=1)
    request = engine.TransferRequest(archive=made.archive, nights=made.nights)
    topic, job_id, cluster = f"ftransfer_test_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex, KafkaCluster(bootstrap=kafka)
    how = {"topic": topic, "job_id": job_id, "num_partitions": 10, "max_message_nbytes": 1_000_000}
    records = plan_records(make_plan(request, engine.load_settings()), created_at=time.time() - 3600, **how)
    cluster.create_job_topics(topic, 10)
    records = [dataclasses.replace(r, engine_version=sibling) if isinstance(r, Plan) else r for r in records]
    ManifestWriter(cluster, topic).append(
        *records, StateChange(job_id=job_id, state="cancelled", time=time.time() - 3600)
    )
    job = engine.resume(topic, client=dask_client, kafka=kafka)
    status = job.wait()
    assert (status.state, status.num_alerts_sent, status.engine_version) == ("complete", made.num_alerts, sibling)
    assert status.elapsed_s < 1800, "the hour before it is no time of the job"
    assert consumer.consume(topic, tmp_path / "out", kafka=kafka).complete
