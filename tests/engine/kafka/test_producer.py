"""Sending alerts: acknowledged, or the first failure told; never more than Kafka takes, nothing that nobody wants."""

import json
import threading
import time
import uuid

import confluent_kafka as ck
import pyarrow as pa
import pytest

from engine.errors import JobError, KafkaError, MessageSizeError
from engine.kafka import FragmentSender, KafkaCluster


def messages(fake, topic: str = "t") -> list[bytes]:
    return [key for log in fake.topics[topic] for key, _ in log.messages.values()]


def producers(fake) -> list:
    return [client for client in fake.clients if hasattr(client, "produce")]


def send(sender: FragmentSender, *keys: bytes, partition: int = 0) -> None:
    while keys := keys[sender.send(keys, [b"datum"] * len(keys), [partition] * len(keys)) :]:
        sender.wait()


def test_alerts_go_to_their_partitions_and_one_producer_serves_a_thread(fake, cluster):
    fake.create("t", 2)
    for keys in ([b"a", b"b"], [b"c"]):
        sender = FragmentSender(cluster, "t")
        sender.send(keys, [b"datum of " + key for key in keys], [1] * len(keys))
        sender.finish()
    assert fake.topics["t"][1].messages == {n: (key, b"datum of " + key) for n, key in enumerate([b"a", b"b", b"c"])}
    assert len(producers(fake)) == 1
    other = threading.Thread(target=lambda: FragmentSender(cluster, "t").finish())
    other.start()
    other.join()
    assert len(producers(fake)) == 2


@pytest.mark.parametrize("code", [ck.KafkaError._MSG_TIMED_OUT, ck.KafkaError.NOT_ENOUGH_REPLICAS])
def test_the_first_failure_to_deliver_is_told_and_the_next_producer_is_fresh(fake, cluster, code):
    fake.create("t")
    fake.undelivered = {b"b": code, b"c": ck.KafkaError.UNKNOWN}
    sender = FragmentSender(cluster, "t")
    with pytest.raises(KafkaError, match="message b'b' was not delivered to t") as caught:
        send(sender, b"a", b"b", b"c")
    assert ck.KafkaError(code).str() in caught.value.message
    assert type(caught.value) is KafkaError
    assert messages(fake) == [b"a"]
    fake.undelivered = {}
    again = FragmentSender(cluster, "t")
    send(again, b"b")
    again.finish()
    assert messages(fake) == [b"a", b"b"]
    assert len(producers(fake)) == 2


def test_a_failure_is_told_to_the_fragment_it_happened_to(fake, cluster):
    fake.create("t")
    one, other = FragmentSender(cluster, "t"), FragmentSender(cluster, "t")
    fake.is_away = True
    send(one, b"one")
    send(other, b"other")
    fake.undelivered, fake.is_away = {b"one": ck.KafkaError.UNKNOWN}, False
    other.finish()
    with pytest.raises(KafkaError, match="b'one'"):
        one.finish()


def test_fragments_that_are_sent_together_share_a_producer_and_tell_their_own_failures(fake, cluster):
    fake.create("t")
    first = FragmentSender(cluster, "t")
    second, third = (FragmentSender(cluster, "t", beside=first) for _ in range(2))
    following = FragmentSender(cluster, "t")
    assert len(producers(fake)) == 2, "one for those, and one for what is sent while they are waited for"
    fake.is_away = True
    for sender, key in ((first, b"1"), (second, b"2"), (third, b"3"), (following, b"4")):
        send(sender, key)
    fake.undelivered, fake.is_away = {b"2": ck.KafkaError.UNKNOWN}, False
    first.finish()
    assert messages(fake) == [b"1", b"3"], "all of a producer's are waited for at once"
    with pytest.raises(KafkaError, match="b'2'"):
        second.finish()
    third.finish()
    following.finish()
    assert messages(fake) == [b"1", b"3", b"4"]


def test_a_message_that_is_too_large_is_told_as_such(fake, cluster):
    fake.create("t", 1, **{"max.message.bytes": "100"})
    sender = FragmentSender(cluster, "t")
    sender.send([b"k"], [b"x" * 50], [0])
    with pytest.raises(MessageSizeError, match="b'large'"):
        sender.send([b"large"], [b"x" * 200], [0])
    with pytest.raises(KafkaError, match="b'huge' can't be sent to t"):
        FragmentSender(cluster, "t").send([b"huge"], [b"x" * (17 * 1024 * 1024)], [0])
    assert messages(fake) == [b"k"]


def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(fake, cluster):
    fake.create("t")
    fake.queue_size, fake.taken_per_poll = 3, 2
    sender = FragmentSender(cluster, "t")
    keys = [b"%d" % number for number in range(50)]
    send(sender, *keys)
    sender.finish()
    assert messages(fake) == keys
    fake.is_away = True
    fake.clock.at(30, lambda: setattr(fake, "is_away", False))
    begun = fake.clock.now
    send(sender, *keys)
    assert fake.clock.now - begun >= 30
    sender.finish()
    assert messages(fake) == keys * 2


def test_a_failure_is_told_while_the_queue_is_full(fake, cluster):
    fake.create("t")
    fake.queue_size = 3
    fake.undelivered = {b"1": ck.KafkaError.UNKNOWN}
    with pytest.raises(KafkaError, match="b'1' was not delivered"):
        send(FragmentSender(cluster, "t"), *[b"%d" % number for number in range(50)])


@pytest.mark.parametrize("where", ["queue full", "send", "finish"])
def test_what_nobody_wants_any_more_is_dropped(fake, cluster, where):
    fake.create("t")
    wanted = [True]
    sender = FragmentSender(cluster, "t", lambda: wanted[0])
    fake.is_away = True
    if where == "finish":
        send(sender, b"a", b"b")
    fake.clock.at(5, lambda: wanted.clear() or wanted.append(False))
    if where == "queue full":
        fake.queue_size = 1
    if where == "send":
        wanted[0] = False
    with pytest.raises(JobError, match="stopped on the way"):
        sender.finish() if where == "finish" else send(sender, b"a", b"b")
    fake.is_away = False
    for producer in producers(fake):
        producer.flush(10)
    assert messages(fake) == []
    send(FragmentSender(cluster, "t"), b"c")
    assert messages(fake) == [b"c"]


def test_wrong_credentials_are_told_at_once_and_not_when_messages_time_out(fake, cluster):
    fake.create("t")
    sender = FragmentSender(cluster, "t")
    fake.is_away = True
    send(sender, b"a")
    fake.report(ck.KafkaError._AUTHENTICATION)
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="refuses us") as caught:
        sender.finish()
    assert fake.clock.now - begun < 1
    assert "kafka_options" in caught.value.next_step
    fake.is_away = False
    again = FragmentSender(cluster, "t")
    send(again, b"b")
    again.finish()
    assert b"b" in messages(fake)


def test_a_broker_that_is_away_for_a_moment_is_no_failure(fake, cluster):
    fake.create("t")
    sender = FragmentSender(cluster, "t")
    fake.is_away = True
    send(sender, b"a")
    fake.report(ck.KafkaError._TRANSPORT)
    fake.report(ck.KafkaError._ALL_BROKERS_DOWN)
    fake.clock.at(60, lambda: setattr(fake, "is_away", False))
    sender.finish()
    assert messages(fake) == [b"a"]


def test_an_alert_is_sent_from_where_it_lies_and_its_place_may_be_used_anew(fake, cluster):
    fake.create("t")
    place = bytearray(b"first.second")
    whole = pa.py_buffer(place)
    sender = FragmentSender(cluster, "t")
    sender.send([b"a", b"b"], [whole.slice(0, 5), whole.slice(6)], [0, 0])
    place[:] = bytes(len(place))
    sender.finish()
    assert list(fake.topics["t"][0].messages.values()) == [(b"a", b"first"), (b"b", b"second")]


def test_a_request_to_kafka_holds_many_alerts(kafka):
    told: list[dict] = []
    options = {"statistics.interval.ms": 50, "stats_cb": lambda text: told.append(json.loads(text))}
    cluster, topic = KafkaCluster(bootstrap=kafka, options=options), f"ftransfer_test_{uuid.uuid4().hex[:12]}"
    cluster.create_job_topics(topic, 2)
    num_alerts, deadline = 4000, time.monotonic() + 60
    sender = FragmentSender(cluster, topic)
    sender.send([b"key"] * num_alerts, [b"x" * 300] * num_alerts, [0, 1] * (num_alerts // 2))
    sender.finish()
    while not told or told[-1]["txmsgs"] < num_alerts:
        assert time.monotonic() < deadline, "librdkafka tells it twenty times a second"
        FragmentSender(cluster, topic).finish()
    num_requests = sum(broker["req"].get("Produce", 0) for broker in told[-1]["brokers"].values())
    assert num_requests <= num_alerts / 50
    cluster.delete_job_topics(topic)


def test_what_a_topic_s_new_leader_turns_away_is_sent_again_at_once_and_then_more_and_more_rarely(fake, cluster):
    sender = FragmentSender(cluster, "ftransfer_t")
    sender.finish()
    (producer,) = fake.clients
    first_ms, most_ms = (producer.properties[f"retry.backoff.{name}"] for name in ("ms", "max.ms"))
    assert first_ms <= 10 < 1_000 <= most_ms
