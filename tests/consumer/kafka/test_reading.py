"""Reading from Kafka: nothing that the client library leaves out stays out, and holes in the offsets end nothing."""

import logging

import confluent_kafka as ck
import numpy as np
import pyarrow.parquet as pq
import pytest

import consumer
from consumer.wire import manifest_topic, partitions_of
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


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_message_that_was_left_out_is_fetched_again(make_job, forgetful, tmp_path, which):
    job = make_job().run()
    each = [partitions_of(fragment, np.arange(size), job.num_partitions) for fragment, size in enumerate(job.sizes)]
    counts = np.bincount(np.concatenate(each), minlength=job.num_partitions).tolist()
    at = {"first": [0] * 4, "middle": [count // 2 for count in counts], "last": [count - 1 for count in counts]}[which]
    forgetful.update((job.topic, partition, offset) for partition, offset in enumerate(at))
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert not forgetful, "all were left out once"
    assert (result.complete, result.num_duplicates) == (True, 0)
    assert candids(tmp_path / "out") == job.expected()


@pytest.mark.parametrize("offset", [0, 3, 7])
def test_a_record_of_the_manifest_that_was_left_out_is_read_again(make_job, forgetful, tmp_path, offset):
    job = make_job().run()
    place = manifest_topic(job.topic), 0, offset
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
    for row in (0, 4):
        sender.begin_transaction()
        sender.produce(job.topic, job.datum(0, row), f"0:{row}", 0)
        sender.commit_transaction(30)
    job.run()
    result = consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    assert (result.complete, result.num_duplicates) == (True, 2)
    assert candids(tmp_path / "out") == job.expected()
    ended = make_job()
    ended.run()
    sender.begin_transaction()
    sender.produce(ended.topic, ended.datum(0, 0), "0:0", 0)
    sender.commit_transaction(30)
    assert consumer.consume(ended.topic, tmp_path / "ended", kafka=job.kafka).complete
