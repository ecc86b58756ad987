"""The list of jobs: one's own, everyone's, and those that are hidden."""

import dataclasses
import time

import confluent_kafka as ck
import pytest

import engine
from consumer.settings import Settings
from consumer.wire import JOBS_TOPIC, StateChange
from engine.kafka import KafkaCluster, ManifestWriter
from tests.engine.transfer.job_records import JOB, plan_records
from tests.kafka_fake import FakeKafka

AS_ALICE = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.username": "alice",
    "sasl.password": "x" * 8,
}


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    return kafka


def make_job(fake: FakeKafka, owner: str, state: str = "running", *, said: str | None = None) -> str:
    """Make a job of three topics, with its line in the list; returns its topic."""
    topic = f"ftransfer_{owner or 'nobody'}_{state}"
    cluster = KafkaCluster(bootstrap=fake.bootstrap)
    cluster.create_job_topics(topic, 1)
    plan, *parts = plan_records([1])
    plan = dataclasses.replace(
        plan,
        topic=topic,
        owner=owner,
        created_at=time.time(),
        request={"nights": ["2021-11-22"], "where": ["rb > 0.5"]},
    )
    change = StateChange(job_id=JOB, state=state, time=time.time())
    ManifestWriter(cluster, topic).append(plan, *parts, change)
    cluster.announce_job(dataclasses.replace(plan, owner=owner if said is None else said), state, 0)
    return topic


def listed(fake: FakeKafka, **how: object) -> list[str]:
    settings = Settings(kafka=fake.bootstrap, kafka_options=AS_ALICE)
    return [status.topic for status in engine.jobs(settings=settings, **how)]


def test_ones_own_jobs_are_listed_and_those_of_others_on_demand(fake):
    running, ended, nobodys = make_job(fake, "alice"), make_job(fake, "alice", "complete"), make_job(fake, "", "failed")
    others = make_job(fake, "bob")
    assert set(listed(fake)) == {running, ended, nobodys}
    assert listed(fake, running=True) == [running]
    assert set(listed(fake, everyone=True)) == {running, ended, nobodys, others}
    assert set(listed(fake, everyone=True, running=True)) == {running, others}
    found = {status.topic: status for status in engine.jobs(kafka=fake.bootstrap, everyone=True)}
    assert (found[others].owner, found[others].request["where"]) == ("bob", ["rb > 0.5"])
    assert found[others].to_dict()["owner"] == "bob"


def test_the_newest_jobs_are_listed_where_not_all_are_wanted(fake):
    topics = [make_job(fake, "alice", state) for state in ("complete", "running", "failed")]
    assert listed(fake) == topics
    assert listed(fake, most=2) == topics[1:]
    assert listed(fake, most=1, everyone=True) == topics[2:]


def test_a_service_lists_the_jobs_of_the_user_for_whom_it_asks(fake):
    make_job(fake, "alice")
    bobs, nobodys = make_job(fake, "bob"), make_job(fake, "", "failed")
    assert set(listed(fake, owner="bob")) == {bobs, nobodys}
    assert len(listed(fake, owner="bob", everyone=True)) == 3


def test_the_plan_says_whose_a_job_is_and_not_the_list(fake):
    topic = make_job(fake, "bob", said="")
    assert listed(fake) == []
    assert listed(fake, everyone=True) == [topic]


def test_the_systems_user_is_asked_where_kafka_has_none(fake, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    topic, _ = make_job(fake, "bob"), make_job(fake, "alice")
    assert [status.topic for status in engine.jobs(kafka=fake.bootstrap)] == [topic]


def test_a_job_that_is_hidden_is_told_and_one_that_expired_is_not(fake):
    seen, hidden, expired = make_job(fake, "alice"), make_job(fake, "bob"), make_job(fake, "bob", "complete")
    del fake.topics[f"{hidden}_manifest"], fake.topics[f"{expired}_manifest"]
    notes: list[str] = []
    fake.fail("describe_topics", ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, ck.KafkaError.UNKNOWN_TOPIC_OR_PART)
    found = listed(fake, everyone=True, note=notes.append)
    assert found == [seen]
    (note,) = notes
    # They are asked for in the order of their names.
    assert f"{min(hidden, expired)} (of bob)" in note
    assert max(hidden, expired) not in note
    assert JOBS_TOPIC in fake.topics
