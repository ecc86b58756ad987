"""A connection to Kafka: what is asked, how long, and how silence and refusal are told."""

import confluent_kafka as ck
import pytest

from consumer.errors import InputError, KafkaError
from consumer.kafka import Cluster


def test_a_kafka_that_is_away_is_told_within_10_s_with_address_and_reason(fake, cluster):
    connection = cluster.open({})
    fake.is_away = True
    before = fake.clock.now
    with pytest.raises(KafkaError, match="no Kafka answers") as caught:
        connection.num_partitions("t")
    assert fake.clock.now - before <= 10
    assert fake.bootstrap in caught.value.message
    assert "transport failure" in caught.value.message
    assert "engine.start_broker()" in caught.value.next_step
    fake.report(ck.KafkaError._RESOLVE)
    fake.report(ck.KafkaError._ALL_BROKERS_DOWN)
    with pytest.raises(KafkaError, match="Host resolution failure"):
        connection.topics()
    with pytest.raises(KafkaError, match="transport failure"):
        connection.topics()


@pytest.mark.parametrize("code", [ck.KafkaError._AUTHENTICATION, ck.KafkaError._SSL])
def test_a_kafka_that_refuses_us_is_not_called_silent(fake, cluster, code):
    connection = cluster.open({})
    fake.is_away = True
    fake.report(code)
    fake.report(ck.KafkaError._ALL_BROKERS_DOWN)
    with pytest.raises(KafkaError, match="refuses us") as caught:
        connection.topics()
    assert "kafka_options" in caught.value.next_step
    fake.is_away = False
    with pytest.raises(KafkaError, match="refuses us"):
        connection.check()


def test_properties_that_librdkafka_does_not_take_are_wrong_input():
    with pytest.raises(InputError, match=r"no\.such\.property") as caught:
        Cluster(bootstrap="localhost:1", options={"no.such.property": 1}).open({})
    assert "kafka_options" in caught.value.accepted


def test_options_change_what_is_a_default_and_nothing_that_reading_rests_on(fake):
    options = {"fetch.wait.max.ms": 7, "security.protocol": "SSL", "group.id": "mine"}
    cluster = Cluster(bootstrap=fake.bootstrap, options=options)
    cluster.open({"group.id": "of the reader"})
    properties = fake.clients[-1].properties
    assert (properties["fetch.wait.max.ms"], properties["security.protocol"]) == (7, "SSL")
    assert properties["group.id"] == "of the reader"
    assert properties["enable.partition.eof"] is True
    assert properties["enable.auto.commit"] is False


MOVING = [ck.KafkaError.LEADER_NOT_AVAILABLE, ck.KafkaError.NOT_LEADER_FOR_PARTITION, ck.KafkaError._TRANSPORT]


@pytest.mark.parametrize("code", MOVING)
def test_offsets_are_asked_for_until_the_partition_has_a_leader(fake, cluster, code):
    fake.create("t")[0].append(None, b"1")
    fake.fail("get_watermark_offsets", *[code] * 5)
    assert cluster.open({}).watermarks("t", 0) == (0, 1)


@pytest.mark.parametrize(("given", "within_s"), [({}, 20), ({"within_s": 10}, 10)])
def test_a_partition_that_finds_no_leader_is_given_up(fake, cluster, given, within_s):
    fake.create("t")
    connection, before = cluster.open({}), fake.clock.now
    fake.fail("get_watermark_offsets", *[ck.KafkaError.LEADER_NOT_AVAILABLE] * 1000)
    with pytest.raises(KafkaError, match="Leader not available"):
        connection.watermarks("t", 0, **given)
    assert within_s <= fake.clock.now - before <= within_s + 1


def test_a_topic_is_gone_once_it_was_missing_for_5_s(fake, cluster):
    connection = cluster.open({})
    fake.clock.at(4, lambda: fake.create("late"))
    connection.check_exists("late")
    before = fake.clock.now
    with pytest.raises(KafkaError, match="no longer has the topic never") as caught:
        connection.check_exists("never")
    assert 5 <= fake.clock.now - before <= 6
    assert "submit the request again" in caught.value.next_step
    with pytest.raises(KafkaError, match="no longer has the topic never"):
        connection.watermarks("never", 0)


def test_ends_of_partitions_are_told_or_refused_never_made_up(fake, cluster):
    logs = fake.create("t", 3)
    logs[1].append(None, b"1")
    connection = cluster.open({})
    assert connection.ends("t", [0, 1, 2]) == {0: 0, 1: 1, 2: 0}
    fake.fail("offset", ck.KafkaError._TRANSPORT)
    with pytest.raises(KafkaError, match=r"partitions \[0\] of t end"):
        connection.ends("t", [0, 1, 2])
    fake.fail("offsets_for_times", ck.KafkaError._TIMED_OUT)
    with pytest.raises(KafkaError, match="no Kafka answers"):
        connection.ends("t", [0])
