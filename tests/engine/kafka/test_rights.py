"""A Kafka that knows users: the rights of docs/security.md are enough, each is needed, and refusals say what lacks."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator

import pytest

from consumer import consume
from consumer.wire import CancelRequest, PlanPart, StateChange, manifest_topic
from engine.errors import AlertTransferError, KafkaError
from engine.kafka import FragmentSender, KafkaCluster, ManifestReader, ManifestWriter
from tests.engine.kafka.with_users import Guarded, Right, guarded_kafka, rights_of
from tests.engine.transfer.job_records import plan_records

JOB, STANDING = "a-job", "ftransfer_standing"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Guarded]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as kafka:
        submit(kafka.as_user("admin"), STANDING, is_taken_back=False)
        yield kafka


def submit(cluster: KafkaCluster, topic: str, *, is_taken_back: bool = True) -> None:
    """Do all that a submitter does in Kafka, and its workers: a job of no alert that is empty."""
    cluster.check_creatable(topic, 1)
    cluster.create_job_topics(topic, 1)
    cluster.max_message_nbytes(topic)
    cluster.write_schema(topic, {"type": "string"})
    plan, *parts = plan_records([1])
    plan = dataclasses.replace(
        plan,
        topic=topic,
        schema={"type": "record", "name": "topLevelRecord", "fields": [{"name": "candid", "type": "long"}]},
    )
    assert all(isinstance(part, PlanPart) for part in parts)
    ManifestWriter(cluster, topic).append(plan, *parts, StateChange(job_id=JOB, state="empty", time=time.time()))
    cluster.announce_job(plan, "empty", 0)
    with contextlib.closing(ManifestReader(cluster, topic)) as reader:
        assert reader.refresh().stated == "empty"
    if is_taken_back:
        sender = FragmentSender(cluster, topic)
        sender.send([b"0:0"], [b""], [0])
        sender.finish()
        assert cluster.ends(topic, 1) == {0: 1}
        cluster.delete_topics([topic, f"{topic}_schema", manifest_topic(topic)])


def fetch(cluster: KafkaCluster, folder: object) -> None:
    assert [job.topic for job in cluster.list_jobs() if job.topic == STANDING]
    with contextlib.closing(ManifestReader(cluster, STANDING)) as reader:
        reader.refresh()
    consume(STANDING, str(folder), kafka=cluster.bootstrap, kafka_options=cluster.options, partitionby="none")


def look_after(cluster: KafkaCluster, topic: str, admin: KafkaCluster) -> None:
    submit(admin, topic, is_taken_back=False)
    plan = plan_records([1])[0]
    with contextlib.closing(ManifestReader(cluster, topic)) as reader:
        reader.refresh()
    ManifestWriter(cluster, topic).append(CancelRequest(job_id=JOB, time=time.time()))
    cluster.announce_job(dataclasses.replace(plan, topic=topic), "cancelled", 0)
    cluster.list_jobs()
    cluster.delete_topics([topic, f"{topic}_schema", manifest_topic(topic)])


def do_all(guarded: Guarded, user: str, tmp_path: object, topic: str) -> None:
    cluster = guarded.as_user(user)
    if user == "submitter":
        submit(cluster, topic)
    elif user == "reader":
        fetch(cluster, tmp_path)
    else:
        look_after(cluster, topic, guarded.as_user("admin"))


@pytest.mark.parametrize("user", ["submitter", "reader", "operator"])
def test_the_rights_of_the_page_are_enough(guarded, tmp_path, user):
    rights = rights_of(user)
    assert len(rights) >= 3
    with guarded.granted(user, rights):
        do_all(guarded, user, tmp_path / "out", f"ftransfer_{user}_all")


def needed(user: str) -> list[Right]:
    """Rights of the page that each run needs.

    The group's is asked for at a moment of librdkafka's choice, the creation of the list of jobs once, and a submitter
    reads that list only as a reader does.
    """
    now_and_then = [("alert_transfer_jobs", "Create"), *([("alert_transfer_jobs", "Read")] * (user == "submitter"))]
    rights = [right for right in rights_of(user) if right.kind == "topic"]
    return [right for right in rights if (right.name, right.operation) not in now_and_then]


LACKING = [(user, right) for user in ("submitter", "reader", "operator") for right in needed(user)]


@pytest.mark.parametrize(("user", "lacking"), LACKING, ids=lambda value: getattr(value, "operation", str(value)))
def test_a_right_that_lacks_is_named(guarded, tmp_path, user, lacking):
    rest = [right for right in rights_of(user) if right != lacking]
    topic = f"ftransfer_{user}_{lacking.name}{lacking.operation}".lower()
    with guarded.granted(user, rest), pytest.raises(AlertTransferError, match="does not let this user") as caught:
        do_all(guarded, user, tmp_path / "out", topic)
    assert lacking.operation in caught.value.accepted or "Describe" in caught.value.accepted
    assert lacking.name in caught.value.accepted
    assert "operator" in caught.value.next_step


def test_who_may_set_no_rights_is_told_why(guarded):
    with guarded.granted("submitter", rights_of("submitter")):
        why = guarded.as_user("submitter").set_rights(STANDING, owner="submitter", shared=["reader"], operators=[])
        assert "Alter" in why
        assert STANDING not in guarded.as_user("reader").topics()
    by_certificate = guarded.by_tls("client").set_rights(STANDING, owner="me", shared=[], operators=[])
    assert "name" in by_certificate


def test_what_a_user_may_not_see_is_not_said_to_be_missing(guarded):
    stranger = guarded.as_user("reader")
    for look in (stranger.list_jobs, lambda: ManifestReader(stranger, STANDING)):
        with pytest.raises(KafkaError, match="does not let this user look up"):
            look()


ALTER = Right("cluster", "kafka-cluster", "literal", "Alter")


def test_a_job_is_its_owners_and_theirs_whom_it_is_shared_with(guarded, tmp_path):
    """The reader may read no topic but what is shared; the operator's rights are those of the job."""
    own, closed, shared = guarded.as_user("submitter"), "ftransfer_closed", "ftransfer_shared"
    groups = [right for right in rights_of("reader") if right.name != "ftransfer_"]
    with guarded.granted("submitter", [*rights_of("submitter"), ALTER]), guarded.granted("reader", groups):
        for topic in (closed, shared):
            submit(own, topic, is_taken_back=False)
        assert own.set_rights(closed, owner="submitter", shared=[], operators=["operator"]) is None
        assert own.set_rights(shared, owner="reader", shared=["operator"], operators=[]) is None
        reader, operator = guarded.as_user("reader"), guarded.as_user("operator")
        await_visible(reader, are=trio(shared))
        await_visible(operator, are=trio(shared) | trio(closed))
        assert reader.hidden([f"{closed}_manifest", f"{shared}_manifest"]) == {f"{closed}_manifest"}
        consume(shared, str(tmp_path / "out"), kafka=reader.bootstrap, kafka_options=reader.options, partitionby="none")
        ManifestWriter(reader, shared).append(CancelRequest(job_id=JOB, time=time.time()))
        with pytest.raises(KafkaError, match="does not let this user write"):
            ManifestWriter(operator, shared).append(CancelRequest(job_id=JOB, time=time.time()))
        ManifestWriter(operator, closed).append(CancelRequest(job_id=JOB, time=time.time()))
        operator.delete_job_topics(closed)  # it may set no rights, so it leaves those of the topics
        own.delete_job_topics(shared)
        submit(guarded.as_user("admin"), shared, is_taken_back=False)
        await_visible(reader, are=set())
        own.delete_job_topics(shared)


def trio(topic: str) -> set[str]:
    return {topic, f"{topic}_schema", f"{topic}_manifest"}


def await_visible(cluster: KafkaCluster, *, are: set[str]) -> None:
    """Return once a user may see these topics of jobs and no other: rights hold a moment after they were set."""
    deadline = time.monotonic() + 150
    while {name for name in cluster.topics() if name.startswith("ftransfer_")} != are:
        assert time.monotonic() < deadline, cluster.topics()


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (lambda kafka: kafka.as_user("reader", "wrong"), "sasl.password"),
        (lambda kafka: kafka.as_user("reader", **{"sasl.mechanism": "SCRAM-SHA-256"}), "takes: PLAIN"),
        (lambda kafka: KafkaCluster(bootstrap=kafka.bootstrap), "SASL_PLAINTEXT"),
        (lambda kafka: KafkaCluster(bootstrap=kafka.tls), "SSL"),
        (lambda kafka: kafka.by_tls(), "ssl.certificate.location"),
        (lambda kafka: kafka.by_tls("expired"), "expired"),
        (lambda kafka: kafka.by_tls("stranger"), "authority"),
        (lambda kafka: kafka.by_tls("client", authority="stranger"), "ssl.ca.location"),
        (lambda kafka: dataclasses.replace(kafka.by_tls("client"), bootstrap=kafka.bootstrap), "PLAINTEXT"),
    ],
)
def test_who_is_not_let_in_is_told_why(guarded, of, told):
    with pytest.raises(KafkaError, match="refuses us") as caught:
        of(guarded).check()
    assert told in caught.value.next_step
    assert "rdkafka" not in str(caught.value)


def test_a_certificate_that_kafka_trusts_is_let_in(guarded):
    assert STANDING in guarded.by_tls("client").topics()
