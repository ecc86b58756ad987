"""Reading from a real Kafka: what the client library leaves out is fetched, and holes in the offsets end nothing.

The rules themselves are tested on a Kafka in memory (test_gapless_reader.py, tests/engine/kafka/test_manifest.py).
"""

import logging

import confluent_kafka as ck
import pyarrow.parquet as pq
import pytest

import consumer
from consumer.wire import manifest_topic
from engine.kafka import KafkaCluster, ManifestReader


@pytest.fixture
def forgetful(monkeypatch):
    """Make the client library leave out messages, once each: returns the set of (topic, partition, offset) to name."""
    forgotten = set()
    real = ck.Consumer

    class Forgetful(real):
        def consume(self, *args, **kwargs):
            return [message for message in super().consume(*args, **kwargs) if not self._forgets(message)]

        def poll(self, *args, **kwargs):
            message = super().poll(*args, **kwargs)
            return None if message is None or self._forgets(message) else message

        def _forgets(self, message):
            place = message.topic(), message.partition(), message.offset()
            if message.error() is not None or place not in forgotten:
                return False
            forgotten.remove(place)
            return True

    monkeypatch.setattr(ck, "Consumer", Forgetful)
    return forgotten


def candids(folder) -> list[int]:
    return sorted(pq.read_table(folder)["candid"].to_pylist())


def test_a_message_that_was_left_out_is_fetched_again(make_job, forgetful, tmp_path):
    job = make_job().run()
    # The first of each partition, as it was seen to happen.
    forgetful.update((job.topic, partition, 0) for partition in range(job.num_partitions))
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert not forgetful, "all were left out once"
    assert (result.complete, result.num_duplicates) == (True, 0)
    assert candids(tmp_path / "out") == job.expected()


def test_a_record_of_the_manifest_that_was_left_out_is_read_again(make_job, forgetful, tmp_path):
    job = make_job().run()
    place = manifest_topic(job.topic), 0, 3
    forgetful.add(place)
    assert consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka).complete
    forgetful.add(place)
    reader = ManifestReader(KafkaCluster(bootstrap=job.kafka), job.topic)
    try:
        manifest = reader.refresh()
    finally:
        reader.close()
    assert not forgetful
    assert (manifest.stated, manifest.num_sent) == ("complete", sum(job.sizes))


def test_offsets_that_hold_no_message_are_passed(make_job, tmp_path):
    """As the markers of transactions leave them, at the end of a partition and between messages."""
    job = make_job()
    log = logging.getLogger("test")
    sender = ck.Producer({"bootstrap.servers": job.kafka, "transactional.id": job.topic}, logger=log)
    sender.init_transactions(30)

    def send(row: int) -> None:
        sender.begin_transaction()
        sender.produce(job.topic, job.datum(0, row), f"0:{row}", 0)
        sender.commit_transaction(30)

    send(0)
    send(4)
    job.run()
    send(0)
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.complete, result.num_duplicates) == (True, 3)
    assert candids(tmp_path / "out") == job.expected()
