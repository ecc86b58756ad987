"""Reading a data topic from given offsets."""

import confluent_kafka as ck
import pytest

from consumer.errors import KafkaError
from consumer.kafka import DataReader, Message


def filled(fake, topic: str = "t", num_partitions: int = 3, num_messages: int = 4):
    logs = fake.create(topic, num_partitions)
    for partition, log in enumerate(logs):
        for number in range(num_messages):
            log.append(b"%d:%d" % (partition, number), b"value")
    return logs


def read(reader: DataReader, seconds: float = 2.0) -> list[tuple[int, int]]:
    found = []
    for _ in range(int(seconds / 0.2)):
        found += [(message.partition, message.offset) for message in reader.read(0.2)]
    return sorted(found)


def test_each_partition_is_read_from_its_own_offset_on(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {0: 3, 2: 4})
    assert reader.positions == {0: 3, 1: 0, 2: 4}
    assert read(reader) == [(0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]
    assert reader.positions == reader.ends() == {0: 4, 1: 4, 2: 4}


def test_only_the_partitions_of_a_share_are_read(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {}, partitions=[2, 0])
    assert {partition for partition, _ in read(reader)} == {0, 2}
    assert reader.ends() == {0: 4, 2: 4}


def test_messages_come_with_key_and_value_and_none_where_there_is_nothing(fake, cluster):
    (log,) = fake.create("t")
    log.append(b"k", b"v")
    log.append(None, None)
    reader = DataReader(cluster, "t", 1, {})
    assert list(reader.read(1)) == [Message(0, 0, b"k", b"v"), Message(0, 1, None, b"")]
    assert list(reader.read(1)) == []


def test_a_partition_that_is_held_waits_until_it_is_not(fake, cluster):
    logs = filled(fake, num_partitions=2, num_messages=1)
    reader = DataReader(cluster, "t", 2, {})
    reader.hold(frozenset({0}))
    assert read(reader) == [(1, 0)]
    logs[0].append(None, b"v")
    logs[1].append(None, b"v")
    reader.hold(frozenset({1}))
    assert read(reader) == [(0, 0), (0, 1)]
    reader.hold(frozenset())
    assert read(reader) == [(1, 1)]


def test_a_topic_that_a_broker_learns_of_late_is_waited_for(fake, cluster):
    fake.clock.at(8, lambda: filled(fake))
    assert len(read(DataReader(cluster, "t", 3, {}))) == 12


def test_a_topic_that_is_not_what_the_plan_says_is_refused(fake, cluster):
    filled(fake, num_partitions=2)
    with pytest.raises(KafkaError, match="t has 2 partitions, its plan says 3"):
        DataReader(cluster, "t", 3, {})
    with pytest.raises(KafkaError, match="no longer has the topic gone"):
        DataReader(cluster, "gone", 3, {})
    assert all(client.is_closed for client in fake.clients)


def test_offsets_that_kafka_no_longer_has_are_refused_before_anything_is_read(fake, cluster):
    logs = filled(fake)
    logs[1].expire(3)
    with pytest.raises(KafkaError, match="2 messages of partition 1 of t expired") as caught:
        DataReader(cluster, "t", 3, {1: 1})
    assert "4 days" in caught.value.accepted
    with pytest.raises(KafkaError, match="partition 2 of t ends before offset 7") as caught:
        DataReader(cluster, "t", 3, {1: 3, 2: 7})
    assert "restart=True" in caught.value.next_step
    assert all(client.is_closed for client in fake.clients)


def test_messages_that_expire_meanwhile_end_the_reading(fake, cluster):
    logs = filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    read(reader)
    logs[0].append(None, b"v")
    logs[0].append(None, b"v")
    logs[0].expire(6)
    with pytest.raises(KafkaError, match="expired"):
        read(reader)


def test_a_kafka_that_is_away_for_less_than_a_minute_is_waited_for(fake, cluster):
    logs = filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    read(reader)
    fake.is_away = True
    fake.clock.at(45, lambda: setattr(fake, "is_away", False))
    fake.clock.at(50, lambda: logs[0].append(None, b"v"))
    assert read(reader, 60) == [(0, 4)]


def test_a_kafka_that_is_away_for_more_than_a_minute_is_told(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    read(reader)
    fake.is_away = True
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="no Kafka answers"):
        read(reader, 200)
    assert 60 <= fake.clock.now - begun < 80


@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_topic_that_is_deleted_is_told_even_where_fetches_just_come_back_empty(fake, cluster, is_noticed):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    read(reader)
    reader.hold(frozenset() if is_noticed else frozenset({0, 1, 2}))
    del fake.topics["t"]
    with pytest.raises(KafkaError, match="no longer has the topic t"):
        read(reader, 30)


def test_ends_are_asked_for_until_kafka_tells_them_and_for_a_minute_at_most(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    fake.fail("offset", ck.KafkaError._TRANSPORT)
    fake.fail("offsets_for_times", *[ck.KafkaError.LEADER_NOT_AVAILABLE] * 3)
    assert reader.ends() == {0: 4, 1: 4, 2: 4}
    fake.fail("offsets_for_times", *[ck.KafkaError.LEADER_NOT_AVAILABLE] * 1000)
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="Leader not available"):
        reader.ends()
    assert 60 <= fake.clock.now - begun < 62


def test_who_is_refused_does_not_ask_for_a_minute(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    fake.is_away = True
    fake.report(ck.KafkaError._AUTHENTICATION)
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="refuses us"):
        reader.ends()
    assert fake.clock.now - begun < 10


def test_progress_is_shown_to_operators(fake, cluster):
    filled(fake)
    reader = DataReader(cluster, "t", 3, {})
    reader.show_progress({0: 2, 2: 4})
    assert fake.committed == {("t", 0): 2, ("t", 2): 4}
    assert fake.clients[-1].properties["group.id"] == "alert-transfer-t"
    reader.close()
    assert fake.clients[-1].is_closed
