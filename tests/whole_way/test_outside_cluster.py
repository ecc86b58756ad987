"""A Python call against a Dask cluster that runs elsewhere, and what survives the submitter and a worker."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import distributed
import pytest

import consumer
import engine
from engine.errors import ClusterError
from engine.kafka import KafkaCluster
from engine.local.processes import start_owned
from tests.strange_workers import dask_scheduler, strange_workers

SCRIPT = """
import sys, distributed, engine
address, kafka, archive = sys.argv[1:]
request = engine.TransferRequest(archive=archive, nights="2021-11-22:2025-07-31")
job = engine.submit(request, client=distributed.Client(address), kafka=kafka)
print(job.topic, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """A scheduler and two workers, started as an operator would."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    options = ["--no-dashboard", "--scheduler-file", str(file)]
    with start_owned([*dask, "scheduler", "--port", "0", *options], log=folder / "scheduler.log"):
        deadline = time.monotonic() + 150
        while not (file.exists() and file.read_text().strip()):
            assert time.monotonic() < deadline, "the scheduler did not start"
        worker = [*dask, "worker", "--nthreads", "1", "--local-directory", str(folder), *options]
        with start_owned(worker, log=folder / "1.log"), start_owned(worker, log=folder / "2.log"):
            address = json.loads(file.read_text())["address"]
            with distributed.Client(address) as client:
                client.wait_for_workers(2, timeout=150)
            yield address


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> engine.SampleArchive:
    return engine.write_sample(tmp_path_factory.mktemp("sample"), alerts_per_night=1_500)


def test_the_job_outlives_its_submitter(address, archive, kafka, tmp_path):
    words = [sys.executable, "-c", SCRIPT, address, kafka, archive.archive]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as submitter:
        topic = submitter.stdout.readline().strip()
        submitter.kill()
    job = engine.job(topic, kafka=kafka)
    status = job.wait()
    assert (status.state, status.num_alerts_sent) == ("complete", archive.num_alerts)
    result = consumer.consume(topic, tmp_path / "out", kafka=kafka)
    assert (result.num_alerts, result.complete) == (archive.num_alerts, True)


def test_a_killed_worker_loses_and_doubles_nothing(address, archive, kafka, tmp_path):
    request = engine.TransferRequest(archive=archive.archive, nights=archive.nights, content="full")
    with distributed.Client(address) as client:
        pids = client.run(os.getpid)
        job = engine.submit(request, client=client, kafka=kafka)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        status = job.wait()
    assert (status.state, status.num_alerts_sent) == ("complete", archive.num_alerts)
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka)
    assert (result.num_alerts, result.complete) == (archive.num_alerts, True)
    assert consumer.verify(tmp_path / "out").complete


def test_workers_that_cannot_run_the_job_are_told_before_anything_is_made(address, archive, kafka, tmp_path):
    request = engine.TransferRequest(archive=archive.archive, nights=archive.nights, topic="ftransfer_ztf_lacking")
    with distributed.Client(address) as client, strange_workers(tmp_path, client, "lacking") as found:
        with pytest.raises(ClusterError, match="1 of 3 workers") as raised:
            engine.submit(request, client=client, kafka=kafka)
        assert found["lacking"] in raised.value.message
        with pytest.raises(ClusterError, match="1 of 3 workers"):
            engine.preview(request, client=client)
        assert found["lacking"] in client.nthreads(), "it was not shut down"
    assert "ftransfer_ztf_lacking" not in KafkaCluster(bootstrap=kafka).topics()


def test_a_job_is_submitted_to_a_cluster_that_has_no_worker_yet(archive, kafka, tmp_path):
    request = engine.TransferRequest(archive=archive.archive, nights="2021-11-22", limit=20)
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(dask_scheduler(tmp_path / "scheduler"))
        client = stack.enter_context(engine.connect(scheduler))

        def start_one(text: str) -> None:
            if not said:
                stack.enter_context(strange_workers(tmp_path / "worker", client, "right"))
            said.append(text)

        job = engine.submit(request, client=client, kafka=kafka, on_wait=start_one)
        assert (job.wait().state, job.status().num_alerts_sent) == ("complete", 20)
    assert "waiting for a worker" in said[0]
    assert scheduler in said[0]
    assert said[1:] == ["starting the job"]
