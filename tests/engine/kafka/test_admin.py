"""The topics of a Kafka: made all or none, looked at, deleted; and whether Kafka answers at all."""

import confluent_kafka as ck
import pytest

from consumer.settings import Settings
from engine.errors import ConfigError, KafkaError, RequestError
from engine.kafka import KafkaCluster

NAMES = {"t", "t_schema", "t_manifest"}


def test_a_job_has_three_topics_with_their_limits(fake, cluster):
    cluster.create_job_topics("t", 7)
    assert cluster.topics() == NAMES
    assert {name: len(logs) for name, logs in fake.topics.items()} == {"t": 7, "t_schema": 1, "t_manifest": 1}
    days = {name: int(config["retention.ms"]) / (24 * 3600 * 1000) for name, config in fake.configs.items()}
    assert days == {"t": 4, "t_schema": 30, "t_manifest": 30}
    assert cluster.max_message_nbytes("t") == cluster.max_message_nbytes("t_manifest") == 16 * 1024 * 1024
    assert fake.configs["t_schema"]["compression.type"] == "zstd"


def test_topics_are_made_as_the_settings_say(fake):
    made = Settings(topics={"data_retention_days": 0.5, "manifest_retention_days": 60, "num_schema_copies": 3}).topics
    cluster = KafkaCluster(bootstrap=fake.bootstrap, topics_made=made)
    cluster.create_job_topics("t", 2)
    days = {name: int(config["retention.ms"]) / (24 * 3600 * 1000) for name, config in fake.configs.items()}
    assert days == {"t": 0.5, "t_schema": 60, "t_manifest": 60}
    cluster.write_schema("t", {"type": "string"})
    assert len(fake.topics["t_schema"][0].messages) == 3


@pytest.mark.parametrize("taken", sorted(NAMES))
def test_a_name_that_is_taken_creates_nothing_and_deletes_nothing(fake, cluster, taken):
    (log,) = fake.create(taken)
    log.append(b"k", b"v")
    with pytest.raises(RequestError, match=f"{taken!r} exists already") as caught:
        cluster.create_job_topics("t", 7)
    assert caught.value.next_step.endswith("engine.job('t').status()")
    assert fake.topics == {taken: [log]}
    assert len(log.messages) == 1


def test_what_kafka_refuses_to_create_is_told_and_nothing_is_left(fake, cluster):
    fake.fail("create_topics", ck.KafkaError.POLICY_VIOLATION)
    with pytest.raises(KafkaError, match="refuses to create the topic 't'") as caught:
        cluster.create_job_topics("t", 7)
    assert ck.KafkaError(ck.KafkaError.POLICY_VIOLATION).str() in caught.value.message
    assert fake.topics == {}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ck.KafkaError.INVALID_REPLICATION_FACTOR, "default.replication.factor"),
        (ck.KafkaError.POLICY_VIOLATION, "policy"),
        (ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, "operator allow"),
        (ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED, "operator allow"),
    ],
)
def test_what_kafka_refuses_is_told_before_anything_is_created(fake, cluster, code, told):
    fake.fail("create_topics", code)
    with pytest.raises(KafkaError, match="create the topic") as caught:
        cluster.check_creatable("t", 7)
    assert told in caught.value.next_step
    cluster.check_creatable("t", 7)
    assert fake.topics == {}
    cluster.create_job_topics("t", 7)
    with pytest.raises(RequestError, match="exists already"):
        cluster.check_creatable("t", 7)


def test_a_kafka_that_answers_and_creates_nothing_names_its_brokers_addresses(fake, cluster):
    fake.fail("create_topics", *[ck.KafkaError._TIMED_OUT] * 3)
    with pytest.raises(KafkaError, match="does not create the topic 't'") as caught:
        cluster.create_job_topics("t", 7)
    assert "fake:9092" in caught.value.accepted
    assert "advertised.listeners" in caught.value.next_step


def test_a_kafka_that_is_away_is_told_within_10_s(fake, cluster):
    fake.is_away = True
    for action in (cluster.check, cluster.topics, lambda: cluster.create_job_topics("t", 1)):
        begun = fake.clock.now
        with pytest.raises(KafkaError, match="no Kafka answers") as caught:
            action()
        assert fake.clock.now - begun <= 10
        assert fake.bootstrap in caught.value.message
    fake.report(ck.KafkaError._RESOLVE)
    fake.report(ck.KafkaError._ALL_BROKERS_DOWN)
    with pytest.raises(KafkaError, match="Host resolution failure"):
        cluster.check()


def test_a_refusal_is_told_and_forgotten_once_it_is_mended(fake, cluster):
    cluster.check()
    fake.is_away = True
    fake.report(ck.KafkaError._AUTHENTICATION)
    fake.report(ck.KafkaError._TRANSPORT)
    with pytest.raises(KafkaError, match="refuses us"):
        cluster.check()
    with pytest.raises(KafkaError, match="no Kafka answers"):
        cluster.check()
    fake.is_away = False
    cluster.check()


def test_settings_that_are_not_valid_are_wrong_input():
    with pytest.raises(ConfigError, match=r"no\.such\.property"):
        KafkaCluster(bootstrap="localhost:1", options={"no.such.property": 1}).check()


def test_an_answer_is_waited_for_until_the_time_is_over(fake, cluster):
    fake.fail("list_topics", ck.KafkaError._TRANSPORT)
    cluster.await_answer(30)
    fake.is_away = True
    with pytest.raises(KafkaError, match="no Kafka answers"):
        cluster.await_answer(0.1)


def test_a_topic_is_missing_once_it_was_missing_for_5_s(fake, cluster):
    fake.clock.at(4, lambda: fake.create("late"))
    assert cluster.has_topic("late")
    begun = fake.clock.now
    assert not cluster.has_topic("never")
    assert 5 <= fake.clock.now - begun < 6


def test_limits_are_asked_for_until_the_broker_knows_the_topic(fake, cluster):
    fake.create("t", 1, **{"max.message.bytes": "1000"})
    fake.fail("describe_configs", *[ck.KafkaError.UNKNOWN_TOPIC_OR_PART] * 3)
    assert cluster.max_message_nbytes("t") == 1000
    fake.create("roomy", 1, **{"max.message.bytes": str(1 << 30)})
    assert cluster.max_message_nbytes("roomy") == 16 * 1024 * 1024, "more than we send is of no use"
    fake.fail("describe_configs", ck.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaError, match="limits of the topic t") as caught:
        cluster.max_message_nbytes("t")
    assert "DescribeConfigs" in caught.value.accepted


def test_ends_are_told_or_refused_never_made_up(fake, cluster):
    logs = fake.create("t", 2)
    logs[1].append(None, b"v")
    assert cluster.ends("t", 2) == {0: 0, 1: 1}
    fake.fail("offset", ck.KafkaError._TRANSPORT)
    with pytest.raises(KafkaError, match=r"partitions \[0\] of t end"):
        cluster.ends("t", 2)
    fake.fail("list_offsets", ck.KafkaError.LEADER_NOT_AVAILABLE)
    with pytest.raises(KafkaError, match="Leader not available"):
        cluster.ends("t", 2)
    with pytest.raises(KafkaError, match="where gone ends"):
        cluster.ends("gone", 2)


def test_topics_that_are_not_there_need_not_be_deleted(fake, cluster):
    cluster.create_job_topics("t", 1)
    cluster.delete_topics(["t", "never"])
    assert set(fake.topics) == NAMES - {"t"}
    fake.fail("delete_topics", ck.KafkaError.INVALID_REQUEST, ck.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaError, match="refuses to delete the topic 't_schema'"):
        cluster.delete_topics(["t_schema"])
    with pytest.raises(KafkaError, match="delete the topic t_schema: authorization failed"):
        cluster.delete_topics(["t_schema"])


def test_the_schema_is_written_once_for_each_run_of_an_existing_client(fake, cluster):
    cluster.create_job_topics("t", 1)
    cluster.write_schema("t", {"type": "record", "name": "r"})
    copies = list(fake.topics["t_schema"][0].messages.values())
    assert set(copies) == {(b'{"type": "record", "name": "r"}', b"")}
    assert len(copies) == 1000
