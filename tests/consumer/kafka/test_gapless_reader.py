"""Reading without a gap, whatever librdkafka leaves out and Kafka's brokers do."""

import confluent_kafka as ck
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import KafkaError
from consumer.kafka import Cluster, GaplessReader
from tests.kafka_fake import FakeKafka


def read(reader: GaplessReader, *, most: int = 3, rounds: int = 30) -> list[tuple[int, int]]:
    """Return partition and offset of the messages that come, in the order in which they do."""
    found = []
    for _ in range(rounds):
        messages = reader.consume(most, 0.1)
        reader.check(messages)
        found += [(message.partition(), message.offset()) for message in messages if message.error() is None]
    return found


def reader_of(fake: FakeKafka, topic: str, offsets: dict[int, int], **kwargs) -> GaplessReader:
    return GaplessReader(Cluster(bootstrap=fake.bootstrap).open({}), topic, offsets, **kwargs)


offsets_with_a_message = st.lists(st.booleans(), max_size=12)


@given(partitions=st.lists(offsets_with_a_message, min_size=1, max_size=3), data=st.data())
def test_every_message_comes_once_and_in_order_whatever_is_left_out(partitions, data):
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake = FakeKafka()
        fake.install(monkeypatch)
        expected = []
        for log, places in zip(fake.create("t", len(partitions)), partitions, strict=True):
            for is_message in places:
                log.append(b"k", b"v") if is_message else log.skip()
        for partition, log in enumerate(fake.topics["t"]):
            expected += [(partition, offset) for offset in log.messages]
        fake.left_out = {("t", *place) for place in data.draw(st.sets(st.sampled_from(expected or [(0, 99)])))}
        reader = reader_of(fake, "t", dict.fromkeys(range(len(partitions)), 0))
        found = read(reader, rounds=80)
        assert sorted(found) == expected
        for partition in range(len(partitions)):
            assert [at for at in found if at[0] == partition] == [at for at in expected if at[0] == partition]
        assert reader.positions == {partition: log.end for partition, log in enumerate(fake.topics["t"])}


def test_a_compacted_topic_is_not_asked_for_what_it_lacks_for_good(fake, cluster):
    (log,) = fake.create("t")
    for _ in range(4):
        log.skip()
    log.append(b"k", b"v")
    assert read(reader_of(fake, "t", {0: 0}, most_tries=0), rounds=1) == [(0, 4)]
    assert read(reader_of(fake, "t", {0: 0}), rounds=1) == [], "else it is asked for again, three times"
    assert read(reader_of(fake, "t", {0: 0}), rounds=4) == [(0, 4)]


PASSING = [
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.FENCED_LEADER_EPOCH,
    ck.KafkaError.OFFSET_NOT_AVAILABLE,
    ck.KafkaError._TRANSPORT,
    ck.KafkaError._ALL_BROKERS_DOWN,
    ck.KafkaError._TIMED_OUT,
    ck.KafkaError._RESOLVE,
    ck.KafkaError._UNKNOWN_PARTITION,
]


@pytest.mark.parametrize("code", PASSING)
def test_reading_goes_on_when_a_leader_moves_or_a_broker_is_away(fake, code):
    (log,) = fake.create("t")
    log.append(None, b"1")
    reader = reader_of(fake, "t", {0: 0})
    fake.fail("consume", code, code)
    fake.report(code)
    assert read(reader) == [(0, 0)]
    log.append(None, b"2")
    assert read(reader) == [(0, 1)]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, "does not let this user read the topic t"),
        (ck.KafkaError.GROUP_AUTHORIZATION_FAILED, "begin with alert-transfer"),
        (ck.KafkaError._SSL, "refuses us: Local: SSL error"),
        (ck.KafkaError._BAD_MSG, "does not let us read t: Local: Bad message format"),
    ],
)
def test_what_forbids_to_read_ends_the_reading_and_is_told(fake, code, told):
    fake.create("t")
    reader = reader_of(fake, "t", {0: 0})
    fake.fail("consume", code)
    with pytest.raises(KafkaError, match=told):
        read(reader)


def test_a_refusal_that_is_only_reported_ends_the_reading(fake):
    fake.create("t")
    reader = reader_of(fake, "t", {0: 0})
    fake.report(ck.KafkaError.SASL_AUTHENTICATION_FAILED)
    with pytest.raises(KafkaError, match="refuses us"):
        read(reader)


def test_messages_that_expire_before_they_are_read_end_the_reading(fake):
    (log,) = fake.create("t")
    for _ in range(9):
        log.append(None, b"v")
    reader = reader_of(fake, "t", {0: 0})
    assert read(reader, rounds=1) == [(0, 0), (0, 1), (0, 2)]
    log.expire(6)
    with pytest.raises(KafkaError, match="messages of t that come next expired"):
        read(reader)


def test_a_topic_that_is_deleted_ends_the_reading(fake):
    fake.create("t")
    reader = reader_of(fake, "t", {0: 0})
    del fake.topics["t"]
    begun = fake.clock.now
    with pytest.raises(KafkaError, match="no longer has the topic t"):
        read(reader, rounds=1000)
    assert fake.clock.now - begun < 40, "librdkafka takes 30 s to say so"


@pytest.mark.parametrize("is_away", [False, True])
def test_a_topic_that_only_one_broker_calls_gone_is_read_on(fake, is_away):
    (log,) = fake.create("t")
    reader = reader_of(fake, "t", {0: 0})
    fake.report(ck.KafkaError._UNKNOWN_PARTITION)
    fake.is_away = is_away
    assert read(reader, rounds=1) == []
    fake.is_away = False
    log.append(None, b"1")
    assert read(reader) == [(0, 0)]


def test_a_topic_that_a_broker_does_not_know_again_yet_is_read_on(fake):
    logs = fake.create("t")
    logs[0].append(None, b"1")
    reader = reader_of(fake, "t", {0: 0})
    assert read(reader) == [(0, 0)]
    del fake.topics["t"]
    fake.clock.at(30, lambda: fake.topics.update(t=logs))
    logs[0].append(None, b"2")
    assert read(reader, rounds=400) == [(0, 1)]


def test_partitions_that_are_held_stay_held_where_others_are_read_again(fake):
    logs = fake.create("t", 2)
    for log in logs:
        for _ in range(3):
            log.append(None, b"v")
    reader = reader_of(fake, "t", {0: 0, 1: 0})
    reader.hold(frozenset({1}))
    fake.left_out = {("t", 0, 1)}
    assert read(reader) == [(0, 0), (0, 1), (0, 2)]
    assert reader.held == {1}
    reader.hold(frozenset())
    assert read(reader) == [(1, 0), (1, 1), (1, 2)]
