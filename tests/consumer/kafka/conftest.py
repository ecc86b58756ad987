"""A Kafka in memory for the tests of this room."""

import pytest

from consumer.kafka import Cluster
from tests.kafka_fake import FakeKafka


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    return kafka


@pytest.fixture
def cluster(fake) -> Cluster:
    return Cluster(bootstrap=fake.bootstrap)
