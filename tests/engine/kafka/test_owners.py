"""Who somebody is to Kafka, and which rights to a job's topics are set for whom."""

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin
import pytest

from engine.errors import KafkaError, RequestError
from engine.kafka import KafkaCluster, own_name, user_name, user_names

LOGIN = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "alice"}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (LOGIN, "alice"),
        (LOGIN | {"sasl.mechanism": "PLAIN"}, "alice"),
        (LOGIN | {"sasl.username": {"env": "THE_USER"}}, "bob"),
        ({"sasl.mechanisms": "PLAIN", "security.protocol": "sasl_plaintext", "sasl.username": "carol"}, "carol"),
        # Who these are to Kafka, rules of its own decide.
        (LOGIN | {"sasl.mechanism": "OAUTHBEARER"}, "me"),
        (LOGIN | {"security.protocol": "SSL"}, "me"),
        ({"security.protocol": "SSL", "ssl.certificate.location": "/x.crt"}, "me"),
        ({}, "me"),
    ],
)
def test_an_owner_is_kafkas_user_or_the_systems(monkeypatch, options, name):
    monkeypatch.setenv("THE_USER", "bob")
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    assert own_name(options) == name


def test_a_system_without_a_user_is_no_error(monkeypatch):
    def nobody() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert own_name({}) == ""


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "x" * 201, 7, None, b"a"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(RequestError, match="owner is"):
        user_name("owner", name)


def test_names_are_one_or_several_and_each_counts_once():
    assert user_names("share", "CN=alice smith") == ("CN=alice smith",)
    assert user_names("share", ["b", " a", "b"]) == ("b", "a")
    assert user_names("share", ()) == user_names("share", None) == ()


@pytest.fixture
def alices(fake) -> KafkaCluster:
    fake.rights = set()
    return KafkaCluster(bootstrap=fake.bootstrap, options=LOGIN | {"sasl.password": "x" * 8})


def rights(fake, user: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for right in fake.rights:
        assert right.resource_pattern_type == ck_admin.ResourcePatternType.LITERAL
        if right.principal == f"User:{user}":
            found.setdefault(right.name.removeprefix("t") or "data", set()).add(right.operation.name)
    return found


def test_rights_are_the_owners_the_senders_the_operators_and_theirs_who_share(fake, alices):
    assert alices.set_rights("t", owner="bob", shared=["carol", "dave"], operators=["eve"]) is None
    every = {"READ", "WRITE", "DELETE", "DESCRIBE_CONFIGS"}
    for user in ("alice", "eve"):
        assert rights(fake, user) == {"data": every, "_schema": every, "_manifest": every}
    owns = {"READ", "DELETE"}
    assert rights(fake, "bob") == {"data": owns, "_schema": owns, "_manifest": owns | {"WRITE"}}
    for user in ("carol", "dave"):
        assert rights(fake, user) == {"data": {"READ"}, "_schema": {"READ"}, "_manifest": {"READ"}}


def test_rights_go_with_the_topics_and_those_of_others_stay(fake, alices):
    for topic in ("t", "t2"):
        alices.create_job_topics(topic, 1)
        alices.set_rights(topic, owner="alice", shared=[], operators=[])
    alices.delete_job_topics("t")
    assert {right.name for right in fake.rights} == {"t2", "t2_schema", "t2_manifest"}
    assert set(fake.topics) == {"t2", "t2_schema", "t2_manifest"}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ck.KafkaError.SECURITY_DISABLED, "no rights"),
        (ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED, "Alter"),
    ],
)
def test_where_rights_can_not_be_set_it_is_told_why(fake, alices, code, told):
    fake.fail("create_acls", *[code] * 20)
    assert told in alices.set_rights("t", owner="alice", shared=["bob"], operators=[])
    fake.fail("delete_acls", *[code] * 3)
    alices.create_job_topics("t", 1)
    alices.delete_job_topics("t")
    assert fake.topics == {}


def test_a_user_whose_name_is_not_known_sets_no_rights_and_is_not_shut_out(fake):
    fake.rights = set()
    assert "name" in KafkaCluster(bootstrap=fake.bootstrap).set_rights("t", owner="me", shared=["b"], operators=["c"])
    assert fake.rights == set()


def test_a_kafka_that_fails_at_it_is_an_error(fake, alices):
    fake.fail("create_acls", ck.KafkaError.REQUEST_TIMED_OUT)
    with pytest.raises(KafkaError, match="rights of t"):
        alices.set_rights("t", owner="alice", shared=[], operators=[])
