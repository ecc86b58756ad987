"""A Kafka in memory for the tests of this room."""

import pytest

from engine.kafka import KafkaCluster, ManifestReader, ManifestWriter  # noqa: F401  a fake's clock is for what is loaded
from tests.kafka_fake import FakeKafka


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    return kafka


@pytest.fixture
def cluster(fake) -> KafkaCluster:
    return KafkaCluster(bootstrap=fake.bootstrap)
