"""Manifests that others wrote into: a coordinator reads on, and no plan of another program is gone on with."""

import base64
import zlib

import pytest

import engine
from consumer.settings import Settings
from consumer.wire import CancelRequest, manifest_topic
from engine.errors import JobError
from engine.kafka import KafkaCluster, ManifestReader, ManifestWriter  # noqa: F401  a fake's clock is for what is loaded
from engine.sinks import KafkaManifestStore
from engine.transfer import submitted_job
from engine.transfer.coordinator.heartbeat import Cancelled, Watch
from engine.transfer.manifest_plan import fragments_of
from tests.hostile_topic import GARBAGE, JOB, TOPIC, make_topic
from tests.kafka_fake import FakeKafka

A_SCHEMA = base64.b64encode(zlib.compress(b"no schema")).decode()
BOMB = base64.b64encode(zlib.compress(b"\0" * 200_000_000)).decode()
DETAILS = {
    "survey": "ztf",
    "archive": "/nowhere",
    "tns_catalogue": None,
    "sql": None,
    "leaves": A_SCHEMA,
    "content": A_SCHEMA,
    "sources": [],
    "block_alerts": 10,
    "limit": None,
    "skip_unreadable": False,
    "max_message_nbytes": 10,
}


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    monkeypatch.setattr(submitted_job, "time", kafka.clock)
    return kafka


def test_garbage_stops_no_heartbeat_and_hides_no_request(fake):
    make_topic(fake, lambda bodies: bodies.pop(), garbage=GARBAGE)
    store = KafkaManifestStore(KafkaCluster(bootstrap=fake.bootstrap), TOPIC)
    store.refresh()
    now = [0.0]
    watch = Watch(store, JOB, "c", clock=lambda: now[0])
    (log,) = fake.topics[manifest_topic(TOPIC)]
    for key, value in GARBAGE:
        log.append(key, value)
        now[0] += 6.0
        watch.step()
        watch.check_wanted()
    beats = [value for key, value in log.messages.values() if key == b"beat" and value and JOB.encode() in value]
    assert len(beats) == len(GARBAGE)
    store.append(CancelRequest(job_id=JOB, time=1.0))
    watch.step()
    with pytest.raises(Cancelled):
        watch.check_wanted()


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"survey": "/etc/passwd.yaml"},
        {"survey": 7},
        {"sql": 7},
        {"limit": "10"},
        {"sources": "x"},
        {"block_alerts": None},
        {"leaves": "not base64 \x1b"},
        {"leaves": A_SCHEMA},
        {"leaves": BOMB},
        {"tns_catalogue": {"path": "x"}},
        {"max_message_nbytes": {}},
        {"leaves": [], "content": 1},
    ],
    ids=str,
)
def test_a_plan_of_another_program_is_not_gone_on_with(fake, details):
    held = {} if not details else DETAILS | details
    make_topic(fake, lambda bodies: bodies[0].update(details=held), state="failed")
    with pytest.raises(JobError, match="does not hold what this version of the engine needs") as caught:
        engine.resume(TOPIC, settings=Settings(kafka=fake.bootstrap))
    assert "submit" in caught.value.next_step
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("lacking", [{}, {"row_group_alerts": [1000]}, {"lacking": []}])
def test_fragments_of_another_program_are_told(fake, lacking):
    make_topic(fake, lambda bodies: bodies[1]["fragments"][0].update(lacking), state="failed")
    store = KafkaManifestStore(KafkaCluster(bootstrap=fake.bootstrap), TOPIC)
    with pytest.raises(JobError, match="does not hold what this version of the engine needs"):
        fragments_of(store.refresh())


def test_jobs_tell_of_a_manifest_that_holds_garbage_alone(fake):
    make_topic(fake, lambda bodies: bodies.clear(), garbage=GARBAGE)
    notes: list[str] = []
    assert engine.jobs(settings=Settings(kafka=fake.bootstrap), everyone=True, note=notes.append) == []
    assert len(notes) == 2
    assert TOPIC in notes[1]
