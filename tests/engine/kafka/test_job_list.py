"""The compacted list of jobs."""

import dataclasses
import json

import confluent_kafka as ck
import pytest

from consumer.wire import JOBS_TOPIC, PassedOver
from engine.errors import KafkaError
from tests.engine.kafka.test_manifest import plan_of


def test_a_kafka_without_jobs_lists_none(cluster):
    assert cluster.list_jobs() == []


def test_jobs_are_listed_oldest_first_as_they_stand_now(fake, cluster):
    new, old = plan_of("ftransfer_new"), dataclasses.replace(plan_of("ftransfer_old"), created_at=0.5)
    cluster.announce_job(new, "running", 0)
    cluster.announce_job(old, "running", 0)
    cluster.announce_job(old, "complete", 12)
    found = [(job.topic, job.state, job.num_alerts_sent) for job in cluster.list_jobs()]
    assert found == [("ftransfer_old", "complete", 12), ("ftransfer_new", "running", 0)]
    assert fake.configs[JOBS_TOPIC]["cleanup.policy"] == "compact"
    assert all(client.is_closed for client in fake.clients if hasattr(client, "consume"))


@pytest.mark.parametrize("tail", ["kept", "compacted"])
def test_what_compaction_removed_is_not_waited_for(fake, cluster, tail):
    for number in range(20):
        cluster.announce_job(plan_of(f"ftransfer_{number % 4}"), "running", number)
    (log,) = fake.topics[JOBS_TOPIC]
    kept = [3, 16, 17, 19] if tail == "kept" else [3, 12, 13]
    log.messages = {offset: log.messages[offset] for offset in kept}
    begun = fake.clock.now
    assert sorted(job.num_alerts_sent for job in cluster.list_jobs()) == (
        [16, 17, 19] if tail == "kept" else [3, 12, 13]
    )
    assert fake.clock.now - begun < 1


def test_a_job_that_was_taken_from_the_list_is_not_listed(fake, cluster):
    for topic in ("ftransfer_a", "ftransfer_b"):
        cluster.announce_job(plan_of(topic), "running", 0)
    fake.topics[JOBS_TOPIC][0].append(b"ftransfer_b", None)
    assert [job.topic for job in cluster.list_jobs()] == ["ftransfer_a"]


SUMMARY = {"topic": "ftransfer_x", "job_id": "j", "state": "running", "created_at": 1.0, "num_alerts_sent": 0}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"x", b"not json"),
        (None, b""),
        (b"ftransfer_x", b"[]"),
        (b"ftransfer_x", b"{}"),
        (b"foreign", json.dumps(SUMMARY)),
        (b"ftransfer_x", json.dumps(SUMMARY | {"created_at": "yesterday"})),
        (b"ftransfer_x", json.dumps(SUMMARY | {"created_at": float("nan")})),
        (b"ftransfer_x", json.dumps(SUMMARY | {"created_at": 10**30})),
        (b"ftransfer_x", json.dumps(SUMMARY | {"num_alerts_sent": True})),
        (b"ftransfer_x", json.dumps(SUMMARY | {"state": {"running": []}})),
        (b"../evil", json.dumps(SUMMARY | {"topic": "../evil"})),
        (b"x\x1b[2J", json.dumps(SUMMARY | {"topic": "x\x1b[2J"})),
        (b"mine", json.dumps(SUMMARY | {"topic": "mine"})),
        (b"ftransfer_x", b'{"topic":' * 5000),
    ],
)
def test_what_is_no_summary_hides_no_job(fake, cluster, key, value):
    cluster.announce_job(plan_of("ftransfer_a"), "running", 3)
    fake.topics[JOBS_TOPIC][0].append(key, value if isinstance(value, bytes) else value.encode())
    cluster.announce_job(plan_of("ftransfer_b"), "running", 4)
    passed_over = PassedOver()
    assert [job.topic for job in cluster.list_jobs(passed_over)] == ["ftransfer_a", "ftransfer_b"]
    assert passed_over.count == 1
    assert passed_over.text("the list of jobs").startswith("1 record of the list of jobs can't be read")


def test_somebody_who_makes_the_list_at_the_same_time_is_no_error(fake, cluster):
    fake.fail("create_topics", ck.KafkaError.TOPIC_ALREADY_EXISTS)
    with pytest.raises(KafkaError, match="not delivered"):
        cluster.announce_job(plan_of("a"), "running", 0)  # the fake only says so, and has none
    fake.fail("create_topics", ck.KafkaError.POLICY_VIOLATION)
    with pytest.raises(KafkaError, match="refuses to create"):
        cluster.announce_job(plan_of("a"), "running", 0)
