"""A job's manifest in Kafka: what a store that was closed still knows."""

import pytest

from consumer.wire import StateChange
from engine.kafka import KafkaCluster
from engine.sinks import KafkaManifestStore
from engine.transfer import Job
from tests.engine.transfer.job_records import JOB, TOPIC, plan_records
from tests.kafka_fake import FakeKafka


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    return kafka


def test_a_job_that_was_closed_is_shown_as_it_was_last_known(fake):
    cluster = KafkaCluster(bootstrap=fake.bootstrap)
    cluster.create_job_topics(TOPIC, 1)
    store = KafkaManifestStore(cluster, TOPIC)
    store.append(*plan_records([1]), StateChange(job_id=JOB, state="complete", time=1.0))
    job = Job(TOPIC, cluster)
    assert job.status().state == "complete"
    job.close()
    clients, fake.is_away = len(fake.clients), True
    assert "complete" in job._repr_html_()
    assert TOPIC in repr(job)
    assert len(fake.clients) == clients, "nothing is opened to show it"
    fake.is_away = False
    assert job.status().state == "complete", "a closed job that is asked again looks again"
