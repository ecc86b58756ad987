"""What versions before this one wrote: topics, folders and manifests are read, fetched to the end and proved.

tests/fixtures/make.py made them and says what they are.
"""

import dataclasses
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import unquote

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
import pyarrow.parquet as pq
import pytest

import consumer
import engine
from consumer.dataset.folder import home_of
from consumer.wire import JOBS_TOPIC
from engine.errors import JobError
from engine.kafka import KafkaCluster
from engine.transfer.versions import engine_version, is_resumable
from tests.command_line import run_here

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VERSIONS = sorted(path.parent.name for path in FIXTURES.glob("*/expected.json"))


@dataclasses.dataclass(frozen=True)
class Old:
    """What a version left behind: its topics, on a Kafka of today, and its folders."""

    version: str
    kafka: str
    folders: Path
    jobs: dict[str, dict]

    def topic(self, name: str) -> str:
        return self.jobs[name]["topic"]

    def labels(self, name: str) -> dict[int, str]:
        return {int(candid): label for candid, label in self.jobs[name]["labels"].items()}

    def job(self, name: str) -> engine.Job:
        return engine.job(self.topic(name), kafka=self.kafka)


def replay(kafka: str, path: Path) -> None:
    """Send the messages of a job to topics of the same names, each where it was."""
    messages = pq.read_table(path).to_pylist()
    sizes: dict[str, dict[int, int]] = {}
    for message in messages:
        ends = sizes.setdefault(message["topic"], {})
        ends[message["partition"]] = ends.get(message["partition"], 0) + 1
    jobs_topic = sizes.pop(JOBS_TOPIC)
    (plan,) = (json.loads(m["value"]) for m in messages if m["topic"].endswith("_manifest") and m["key"] == b"plan")
    sizes.setdefault(plan["topic"], {})
    admin = ck_admin.AdminClient({"bootstrap.servers": kafka})
    # They bear the times of then, and shall not expire at once.
    kept = {"retention.ms": "-1"}
    made = [
        ck_admin.NewTopic(name, plan["num_partitions"] if name == plan["topic"] else 1, 1, config=kept)
        for name in sizes
    ]
    if JOBS_TOPIC not in KafkaCluster(bootstrap=kafka).topics():
        made.append(ck_admin.NewTopic(JOBS_TOPIC, 1, 1, config={"cleanup.policy": "compact"}))
    for future in admin.create_topics(made, operation_timeout=20).values():
        future.result()
    producer = ck.Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
    for message in messages:
        headers = [(header["name"], header["value"]) for header in message["headers"]]
        more = {"partition": message["partition"], "headers": headers, "timestamp": message["timestamp_ms"]}
        producer.produce(message["topic"], message["value"], message["key"], **more)
        producer.poll(0)
    assert producer.flush(30) == 0
    assert jobs_topic
    for name, ends in sizes.items():
        found = KafkaCluster(bootstrap=kafka).ends(name, max([*ends, 0]) + 1)
        assert {partition: end for partition, end in found.items() if end} == ends


@pytest.fixture(scope="module", params=VERSIONS)
def old(request, kafka, tmp_path_factory) -> Old:
    home, folders = FIXTURES / request.param, tmp_path_factory.mktemp("old")
    with tarfile.open(home / "folders.tar.xz") as tar:
        tar.extractall(folders, filter="data")
    jobs = json.loads((home / "expected.json").read_text(encoding="utf-8"))
    for name in jobs:
        replay(kafka, home / f"{name}.parquet")
    return Old(version=request.param, kafka=kafka, folders=folders, jobs=jobs)


@pytest.fixture
def copied(old, tmp_path):
    """Return what copies a folder, and what lies beside it, to where a test may write."""

    def copy(name: str) -> Path:
        for source in (old.folders / name, home_of(old.folders / name)):
            shutil.copytree(source, tmp_path / source.name)
        return tmp_path / name

    return copy


def labels_in(*outdirs: Path) -> list[tuple[int, str]]:
    """Return the alerts of folders, each with its label: from the file, or from the folder's name."""
    found = []
    for outdir in outdirs:
        for path in outdir.rglob("*.parquet"):
            by_class = re.search(r"/finkclass=([^/]*)/", str(path))
            names = ["candid"] if by_class else ["candid", "finkclass"]
            for alert in pq.ParquetFile(path).read(names).to_pylist():
                found.append((alert["candid"], unquote(by_class[1]) if by_class else alert["finkclass"]))
    return sorted(found)


def command(old: Old, *words: str) -> subprocess.CompletedProcess[str]:
    return run_here(*words, "--kafka", old.kafka)


def test_the_first_version_is_among_them():
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("partitionby", ["time", "finkclass", "none"])
def test_a_folder_that_was_fetched_whole_is_proved_and_needs_nothing_more(old, copied, partitionby):
    outdir = copied(f"complete-{partitionby}-whole")
    proof = consumer.verify(outdir)
    expected = sorted(old.labels("complete").items())
    assert (proof.complete, proof.num_alerts, proof.missing, proof.problems) == (True, len(expected), 0, [])
    assert (proof.num_left_out, proof.num_archive_duplicates) == (0, 0)
    assert labels_in(outdir) == expected
    again = consumer.consume(old.topic("complete"), outdir, kafka=old.kafka, partitionby=partitionby)
    assert (again.complete, again.num_alerts, again.num_alerts_new) == (True, len(expected), 0)
    assert consumer.verify(outdir).complete


@pytest.mark.parametrize("partitionby", ["time", "finkclass", "none"])
def test_a_folder_that_was_fetched_in_part_is_fetched_to_the_end(old, copied, partitionby):
    outdir = copied(f"complete-{partitionby}-half")
    assert not consumer.verify(outdir).complete
    expected = sorted(old.labels("complete").items())
    result = consumer.consume(old.topic("complete"), outdir, kafka=old.kafka, partitionby=partitionby)
    assert (result.complete, result.num_alerts, result.num_duplicates) == (True, len(expected), 0)
    assert 0 < result.num_alerts_new < len(expected), "what was there is not fetched again"
    assert labels_in(outdir) == expected
    assert consumer.verify(outdir).complete
    assert [path for path in outdir.rglob("*") if path.is_file() and path.suffix != ".parquet"] == []


def test_a_share_that_was_fetched_in_part_goes_with_one_of_today(old, copied, tmp_path):
    first, second = copied("complete-share1-half"), tmp_path / "second"
    topic = old.topic("complete")
    for outdir, share in ((first, "1/2"), (second, "2/2")):
        assert consumer.consume(topic, outdir, kafka=old.kafka, share=share).complete
    assert consumer.verify(first, second).complete
    assert labels_in(first, second) == sorted(old.labels("complete").items())
    assert consumer.verify(copied("complete-share1-whole"), second).complete


def test_a_topic_of_then_is_fetched_anew(old, tmp_path):
    result = consumer.consume(old.topic("complete"), tmp_path / "new", kafka=old.kafka, partitionby="finkclass")
    assert (result.complete, result.num_rejected) == (True, 0)
    assert labels_in(tmp_path / "new") == sorted(old.labels("complete").items())
    rows = sum(batch.num_rows for batch in consumer.stream(old.topic("complete"), kafka=old.kafka))
    assert rows == len(old.labels("complete"))


def test_what_was_left_out_then_is_told_now(old, copied):
    outdir = copied("left-out-time-whole")
    proof = consumer.verify(outdir)
    result = consumer.consume(old.topic("left-out"), outdir, kafka=old.kafka)
    for found in (proof, result):
        assert (found.complete, found.num_left_out, found.num_files_left_out) == (True, 20, 1)
        assert found.num_archive_duplicates == found.num_alerts - len(old.labels("left-out")) == 40
    status, receipt = old.job("left-out").status(), old.job("left-out").receipt()
    assert (status.num_left_out, status.num_files_left_out, status.num_alerts_sent) == (20, 1, proof.num_alerts)
    assert (receipt.totals.num_left_out, receipt.totals.num_files_left_out) == (20, 1)


def test_a_job_that_was_cancelled_then_adds_up_now(old, copied):
    proof, status = consumer.verify(copied("cancelled-time-whole")), old.job("cancelled").status()
    here = len(old.labels("cancelled"))
    assert (proof.complete, proof.state, proof.num_alerts, proof.num_expected) == (False, "cancelled", here, here)
    assert (proof.missing, proof.is_total_known) == (0, False)
    assert proof.num_alerts - proof.num_unfinished == status.num_alerts_sent
    assert proof.num_unfinished > 0


def test_jobs_of_then_are_listed_and_told(old):
    listed = {status.topic: status for status in engine.jobs(kafka=old.kafka, everyone=True)}
    states = {"complete": "complete", "left-out": "complete", "cancelled": "cancelled", "queued": "interrupted"}
    assert {name: listed[old.topic(name)].state for name in states} == states
    for name in states:
        job = old.job(name)
        status, receipt = job.status(), job.receipt()
        assert (status.engine_version, receipt.engine_version) == (old.version, old.version)
        assert receipt.problems == []
        assert receipt.complete == (states[name] == "complete")
        assert receipt.totals.num_sent == status.num_alerts_sent
        assert 0 <= status.elapsed_s < 600
        lines = job.log()
        assert "planned" in lines[0]
        assert len(lines) == 1 + len(receipt.fragments) + len(job.manifest.nights) + len(job.manifest.changes)


@pytest.mark.parametrize("name", ["queued", "cancelled"])
def test_a_job_that_another_version_planned_is_refused_with_the_way_out(old, name):
    if is_resumable(old.version):
        pytest.skip("this version may go on with it")
    job, num_records = old.job(name), len(old.job(name).manifest.changes)
    with pytest.raises(JobError) as caught:
        engine.resume(old.topic(name), kafka=old.kafka)
    for said in (old.version, engine_version(), ".request()"):
        assert said in str(caught.value)
    assert len(job.manifest.changes) == num_records, "nothing was started"
    request = engine.TransferRequest.from_dict(job.request())
    assert (request.where, request.content, request.topic) == ("candidate.magpsf > 17", "fields", None)


def test_whoever_follows_a_job_that_another_version_queued_is_told_what_to_do(old):
    if is_resumable(old.version):
        pytest.skip("this version may go on with it")
    topic = old.topic("queued")
    shown = command(old, "status", topic)
    assert shown.returncode == 0
    assert "interrupted" in shown.stdout
    assert "submit --request" in shown.stdout
    assert old.version in shown.stdout
    followed = command(old, "status", topic, "--follow", "--json")
    assert followed.returncode == 3
    assert json.loads(followed.stdout)["state"] == "interrupted"
    asked = command(old, "status", topic, "--request")
    assert asked.returncode == 0, asked.stderr
    assert engine.TransferRequest.from_yaml(asked.stdout).to_dict() == old.job("queued").request()
