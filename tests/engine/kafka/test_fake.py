"""The Kafka in memory answers as a real one does: each test here runs on both."""

import logging
import random
import time
import uuid
from dataclasses import dataclass, field

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
import pytest

from engine.errors import KafkaError, MessageSizeError, RequestError
from engine.kafka import FragmentSender, KafkaCluster
from tests.kafka_fake import FakeKafka

_WAIT_S = 150.0
_log = logging.getLogger("tests.engine.kafka")
_log.disabled = True


@dataclass
class Either:
    """A Kafka of either kind, with a topic of two partitions."""

    cluster: KafkaCluster
    time: object
    topic: str
    fake: FakeKafka | None
    reported: list[int] = field(default_factory=list)
    """Codes that consumers were told of by `error_cb`."""

    def consumer(self, offsets: dict[int, int], **properties):
        own = {"group.id": "test", "enable.partition.eof": True, "auto.offset.reset": "error", **properties}
        consumer = self.cluster.make(ck.Consumer, own, lambda error: self.reported.append(error.code()))
        consumer.assign([ck.TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()])
        return consumer

    def producer(self, **properties):
        own = {"message.max.bytes": 16 << 20, **properties}
        return self.cluster.make(ck.Producer, own, lambda _: None)

    def send(self, *keys: bytes, partition: int = 0) -> None:
        sender = FragmentSender(self.cluster, self.topic)
        sender.send(keys, [b"value"] * len(keys), [partition] * len(keys))
        sender.finish()

    def expire(self, first: int) -> None:
        if self.fake:
            self.fake.topics[self.topic][0].expire(first)
            return
        admin = self.cluster.make(ck_admin.AdminClient, {}, lambda _: None)
        for future in admin.delete_records([ck.TopicPartition(self.topic, 0, first)]).values():
            future.result()

    def skip(self) -> None:
        """Write an offset that holds no message: a transaction's marker, after a message "t"."""
        if self.fake:
            self.fake.topics[self.topic][0].append(b"t", b"value")
            self.fake.topics[self.topic][0].skip()
            return
        producer = self.cluster.make(ck.Producer, {"transactional.id": self.topic}, lambda _: None)
        end = self.cluster.ends(self.topic, 2)[0]
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(self.topic, b"value", b"t", 0)
        producer.commit_transaction(30)
        while self.cluster.ends(self.topic, 2)[0] < end + 2:
            time.sleep(0.05)  # the marker is written a moment after


@pytest.fixture(params=["fake", "real"])
def either(request, monkeypatch) -> Either:
    name = f"ftransfer_test_{uuid.uuid4().hex[:12]}"
    fake = None
    if request.param == "fake":
        fake = FakeKafka()
        fake.install(monkeypatch)
    bootstrap = fake.bootstrap if fake else request.getfixturevalue("kafka")
    # How long librdkafka takes no word for it that a topic is gone; 30 s, unless said otherwise.
    cluster = KafkaCluster(bootstrap=bootstrap, options={"topic.metadata.propagation.max.ms": 1000})
    cluster.create_job_topics(name, 2)
    for partition in range(2):
        cluster.open({}).watermarks(name, partition)  # a broker learns of a topic a moment after it was made
    return Either(cluster, fake.clock if fake else time, name, fake)


def events(either: Either, consumer, num: int) -> list[tuple[int, int, bytes | int]]:
    """Return partition, offset, and key or error code of what comes next."""
    found, deadline = [], either.time.monotonic() + _WAIT_S
    while len(found) < num and either.time.monotonic() < deadline:
        found += consumer.consume(num - len(found), 1.0)
    return [(m.partition(), m.offset(), m.key() if m.error() is None else m.error().code()) for m in found]


EOF = ck.KafkaError._PARTITION_EOF


def test_messages_come_in_order_and_the_end_is_told_once(either):
    either.send(b"a", b"b", b"c")
    consumer = either.consumer({0: 0})
    assert events(either, consumer, 4) == [(0, 0, b"a"), (0, 1, b"b"), (0, 2, b"c"), (0, 3, EOF)]
    assert consumer.consume(1, 0.5) == []
    either.send(b"d")
    assert events(either, consumer, 2) == [(0, 3, b"d"), (0, 4, EOF)]
    assert events(either, either.consumer({0: 1}), 1) == [(0, 1, b"b")]
    assert events(either, either.consumer({0: 4}), 1) == [(0, 4, EOF)]


def test_fewer_messages_than_asked_for_come_when_the_time_is_over(either):
    either.send(b"a")
    consumer = either.consumer({0: 0})
    assert events(either, consumer, 2) == [(0, 0, b"a"), (0, 1, EOF)]
    either.send(b"b")
    begun = either.time.monotonic()
    assert len(consumer.consume(100, 2.0)) == 2
    assert either.time.monotonic() - begun >= 1.9
    either.send(b"c", b"d")
    begun = either.time.monotonic()
    assert len(consumer.consume(2, 150.0)) == 2
    assert either.time.monotonic() - begun < 149


def test_an_offset_without_a_message_is_left_out_and_counts(either):
    either.skip()
    either.send(b"a")
    assert events(either, either.consumer({0: 0}), 3) == [(0, 0, b"t"), (0, 2, b"a"), (0, 3, EOF)]
    assert either.cluster.open({}).watermarks(either.topic, 0) == (0, 3)
    either.skip()
    assert events(either, either.consumer({0: 3}), 2) == [(0, 3, b"t"), (0, 5, EOF)]


@pytest.mark.parametrize("offset", [1, 9])
def test_an_offset_that_is_not_there_is_an_error_or_reading_begins_with_the_first(either, offset):
    either.send(b"a", b"b", b"c")
    either.expire(2)
    assert either.cluster.open({}).watermarks(either.topic, 0) == (2, 3)
    found = events(either, either.consumer({0: offset}), 1)
    assert [code for _, _, code in found] == [ck.KafkaError._AUTO_OFFSET_RESET]
    consumer = either.consumer({0: offset}, **{"auto.offset.reset": "earliest"})
    assert events(either, consumer, 2) == [(0, 2, b"c"), (0, 3, EOF)]


def test_a_partition_that_is_paused_sends_nothing_until_it_is_resumed(either):
    either.send(b"a")
    either.send(b"b", partition=1)
    consumer = either.consumer({0: 0, 1: 0})
    consumer.pause([ck.TopicPartition(either.topic, 0)])
    assert events(either, consumer, 2) == [(1, 0, b"b"), (1, 1, EOF)]
    assert consumer.consume(1, 0.5) == []
    consumer.resume([ck.TopicPartition(either.topic, 0)])
    assert events(either, consumer, 2) == [(0, 0, b"a"), (0, 1, EOF)]


def test_reading_begins_anew_where_it_is_told_to(either):
    either.send(b"a", b"b")
    consumer = either.consumer({0: 0})
    events(either, consumer, 3)
    consumer.assign([ck.TopicPartition(either.topic, 0, 1)])
    assert events(either, consumer, 2) == [(0, 1, b"b"), (0, 2, EOF)]


def test_a_value_may_be_empty_or_none_and_so_may_a_key(either):
    producer = either.producer()
    for key, value in [(b"k", b""), (None, b"v")]:
        producer.produce(either.topic, value, key, 0, on_delivery=lambda *_: None)
    assert producer.flush(_WAIT_S) == 0
    messages = either.consumer({0: 0}).consume(2, _WAIT_S)
    # librdkafka reads an empty value as none, where there is a key.
    assert [(m.key(), m.value() or b"") for m in messages] == [(b"k", b""), (None, b"v")]


def test_topics_and_partitions_are_known_or_not(either):
    connection = either.cluster.open({})
    assert connection.num_partitions(either.topic) == 2
    assert connection.num_partitions("ftransfer_never") == 0
    assert either.topic in connection.topics()
    assert either.cluster.topics() >= {either.topic, f"{either.topic}_schema", f"{either.topic}_manifest"}
    assert "ftransfer_never" not in either.cluster.topics()


def test_ends_are_told(either):
    either.send(b"a", b"b", partition=1)
    assert either.cluster.ends(either.topic, 2) == {0: 0, 1: 2}
    assert either.cluster.open({}).ends(either.topic, [0, 1]) == {0: 0, 1: 2}
    with pytest.raises(KafkaError):
        either.cluster.ends("ftransfer_never", 1)


def test_a_topic_that_is_gone_is_told_so(either):
    either.send(b"a")
    connection = either.cluster.open({})
    assert connection.watermarks(either.topic, 0) == (0, 1)
    consumer = either.consumer({0: 0})
    assert events(either, consumer, 2) == [(0, 0, b"a"), (0, 1, EOF)]
    either.cluster.delete_topics([either.topic, "ftransfer_never"])
    deadline = either.time.monotonic() + _WAIT_S
    while ck.KafkaError.UNKNOWN_TOPIC_OR_PART not in either.reported and either.time.monotonic() < deadline:
        assert consumer.consume(1, 0.2) == [], "it is not told among the messages"
    assert ck.KafkaError.UNKNOWN_TOPIC_OR_PART in either.reported
    with pytest.raises(KafkaError, match=f"no longer has the topic {either.topic}"):
        connection.watermarks(either.topic, 0)


def test_a_job_whose_name_is_taken_leaves_things_as_they_were(either):
    either.cluster.delete_topics([either.topic, f"{either.topic}_schema"])
    with pytest.raises(RequestError, match=f"{either.topic}_manifest' exists already"):
        either.cluster.create_job_topics(either.topic, 2)
    deadline = either.time.monotonic() + _WAIT_S
    while either.topic in either.cluster.topics() and either.time.monotonic() < deadline:
        either.time.sleep(0.1)  # a broker takes a moment to delete
    assert either.topic not in either.cluster.topics()
    assert f"{either.topic}_manifest" in either.cluster.topics()


def test_limits_are_told(either):
    assert either.cluster.max_message_nbytes(either.topic) == 16 << 20
    assert either.cluster.max_message_nbytes(f"{either.topic}_schema") == 1048588


class Deliveries(list):
    """Notes what a producer tells of messages."""

    def __call__(self, error, message) -> None:
        self.append((message.key(), error and error.code()))


def test_a_producer_takes_no_more_than_its_queue_holds(either):
    producer, told = either.producer(**{"queue.buffering.max.messages": 2, "linger.ms": 60_000}), Deliveries()
    if either.fake:
        either.fake.queue_size = 2
    for key in (b"a", b"b"):
        producer.produce(either.topic, b"value", key, 0, on_delivery=told)
    with pytest.raises(BufferError):
        producer.produce(either.topic, b"value", b"c", 0, on_delivery=told)
    assert producer.flush(_WAIT_S) == 0
    producer.produce(either.topic, b"value", b"c", 0, on_delivery=told)
    producer.flush(_WAIT_S)
    assert either.cluster.ends(either.topic, 2)[0] == 3


def test_what_is_purged_is_not_sent_and_is_told(either):
    producer, told = either.producer(**{"linger.ms": 60_000}), Deliveries()
    producer.produce(either.topic, b"value", b"a", 0, on_delivery=told)
    producer.purge()
    assert told == [], "nothing is told but to who polls"
    producer.poll(1.0)
    assert told == [(b"a", ck.KafkaError._PURGE_QUEUE)]
    assert either.cluster.ends(either.topic, 2)[0] == 0


def test_a_message_that_is_too_large_for_client_or_topic_is_refused_each_in_its_way(either):
    with pytest.raises(KafkaError, match="can't be sent"):
        FragmentSender(either.cluster, either.topic).send([b"k"], [b"x" * (17 << 20)], [0])
    # The topic of schemas has Kafka's own limit, 1 MB; random bytes don't shrink.
    sender = FragmentSender(either.cluster, f"{either.topic}_schema")
    with pytest.raises(MessageSizeError, match="was not delivered"):
        send_one(sender, b"k", random.Random(1).randbytes(4 << 20))


def send_one(sender: FragmentSender, key: bytes, value: bytes) -> None:
    sender.send([key], [value], [0])
    sender.finish()


def test_nothing_answers_where_nothing_is(monkeypatch):
    """On both, side by side: what is told of a Kafka that is away."""
    fake = FakeKafka()
    fake.install(monkeypatch)
    fake.is_away = True
    for where in (fake.bootstrap, "127.0.0.1:1"):
        with pytest.raises(KafkaError, match="no Kafka answers at") as caught:
            KafkaCluster(bootstrap=where).check()
        assert where in caught.value.message


def test_delivery_to_a_topic_that_is_not_there_fails(either):
    sender = FragmentSender(either.cluster, "ftransfer_never")
    with pytest.raises(KafkaError, match="not delivered to ftransfer_never"):
        send_one(sender, b"k", b"v")
