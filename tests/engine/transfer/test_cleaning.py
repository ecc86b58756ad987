"""Topics that are deleted, and those that must not be, in a Kafka in memory whose clock is moved."""

import dataclasses
import json
import time
import uuid

import confluent_kafka as ck
import pytest

import engine
from consumer.settings import Settings
from consumer.wire import JOBS_TOPIC, Heartbeat, StateChange
from engine.errors import InputError, RequestError
from engine.kafka import KafkaCluster, ManifestWriter, own_name
from engine.transfer import cleaning, job_topics
from tests.command_line import document, run_here
from tests.engine.transfer.job_records import JOB, plan_records
from tests.kafka_fake import FakeKafka

DAY_S = 24 * 3600.0
FOREIGN = (
    "other",
    "ftransfer_",
    "ftransfer_fink",
    "ftransfer_fink_schema",
    "ftransfer_x_schema_manifest",
    "x_manifest",
)


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    for module in (job_topics, cleaning):
        monkeypatch.setattr(module, "time", kafka.clock)
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    return kafka


def trio(topic: str) -> set[str]:
    return {topic, f"{topic}_schema", f"{topic}_manifest"}


def make_job(fake: FakeKafka, topic: str, state: str | None = "complete", *, owner: str = "me", **plan: object) -> str:
    """Make a job that is in a state now; None: its plan was never written."""
    cluster, now = KafkaCluster(bootstrap=fake.bootstrap), fake.clock.now
    cluster.create_job_topics(topic, 1)
    head, *parts = plan_records([1])
    head = dataclasses.replace(head, **{"topic": topic, "owner": owner, "created_at": now, **plan})
    if state is not None:
        written = "running" if state == "interrupted" else state
        by = None if written in ("queued", "cancelled") else "c"
        running = [StateChange(job_id=JOB, state="running", time=now, coordinator="c")] * (by is not None)
        change = StateChange(job_id=JOB, state=written, time=now, coordinator=by)
        ManifestWriter(cluster, topic).append(head, *parts, *running, change)
        cluster.announce_job(head, written, 0)
    return topic


def clean(fake: FakeKafka, *names: str, settings: Settings | None = None, **how: object) -> dict[str, str]:
    """Clean for good; returns what became of each."""
    settings = settings or Settings()
    found = engine.clean_topics(*names, kafka=fake.bootstrap, settings=settings, **{"yes": True, **how})
    for item in found.of("deleted"):
        assert not set(item.found.topics) & set(fake.topics)
    for item in found.of("keep"):
        assert set(item.found.topics) <= set(fake.topics)
        assert item.reason
    return {item.found.topic: item.action for item in found}


def state_of(fake: FakeKafka, topic: str) -> str:
    return {one.topic: one.state for one in engine.topics(fake.bootstrap, settings=Settings())}[topic]


@pytest.mark.parametrize(
    ("state", "days", "older_than", "is_deleted"),
    [
        ("complete", 29, None, False),
        ("complete", 31, None, True),
        ("empty", 31, None, True),
        ("complete", 2, 1, True),
        ("complete", 0.5, 1, False),
        ("complete", 0, 0, True),
        ("complete", 31, 40, False),
        ("failed", 29, None, False),
        ("failed", 29, 1, False),
        ("failed", 31, 1, True),
        ("failed", 31, 40, False),
        ("cancelled", 10, 0, False),
        ("cancelled", 31, None, True),
        ("interrupted", 29, 0, False),
        ("interrupted", 31, None, True),
    ],
)
def test_a_job_is_deleted_when_its_time_is_over(fake, state, days, older_than, is_deleted):
    topic = make_job(fake, "ftransfer_x", state)
    fake.clock.sleep(days * DAY_S)
    assert clean(fake, older_than=older_than) == {topic: "deleted" if is_deleted else "keep"}
    listed = [job.topic for job in KafkaCluster(bootstrap=fake.bootstrap).list_jobs()]
    assert listed == ([] if is_deleted else [topic])


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_job_that_runs_is_never_deleted(fake, state):
    topic = make_job(fake, "ftransfer_x", state)
    assert clean(fake, older_than=0) == {topic: "keep"}
    with pytest.raises(RequestError, match=f"its job is {state}") as caught:
        clean(fake, topic, everyone=True)
    assert "cancel" in caught.value.next_step


def test_a_job_that_runs_for_longer_than_its_plan_is_kept_is_not_deleted(fake):
    topic = make_job(fake, "ftransfer_x", "running")
    fake.clock.sleep(40 * DAY_S)
    ManifestWriter(KafkaCluster(bootstrap=fake.bootstrap), topic).append(
        Heartbeat(job_id=JOB, coordinator="c", time=fake.clock.now)
    )
    (log,) = fake.topics[f"{topic}_manifest"]
    log.expire(log.end - 1)
    assert state_of(fake, topic) == "expired"
    assert clean(fake, older_than=0) == {topic: "keep"}
    log.expire(log.end)
    assert clean(fake) == {topic: "deleted"}, "all of it was dropped for its age"


def test_nothing_is_deleted_without_yes(fake):
    old = make_job(fake, "ftransfer_old")
    fake.clock.sleep(40 * DAY_S)
    new, before = make_job(fake, "ftransfer_new"), dict(fake.topics)
    for names in ((), (old,), (new,)):
        found = engine.clean_topics(*names, kafka=fake.bootstrap, settings=Settings())
        assert not found.is_done
        assert fake.topics == before
    assert clean(fake, yes=False) == {old: "delete", new: "keep"}
    assert clean(fake, new, yes=False) == {new: "delete"}


def test_topics_of_other_programs_are_never_deleted(fake):
    for name in FOREIGN:
        fake.create(name)[0].append(b"k", b"v")
    old = make_job(fake, "ftransfer_old")
    fake.clock.sleep(400 * DAY_S)
    assert clean(fake, older_than=0, everyone=True) == {"ftransfer_fink": "keep", old: "deleted"}
    assert set(fake.topics) == {*FOREIGN, JOBS_TOPIC}
    for name in FOREIGN:
        with pytest.raises(InputError):
            clean(fake, name, everyone=True)
    assert set(fake.topics) == {*FOREIGN, JOBS_TOPIC}


def test_topics_of_others_are_the_operators(fake):
    mine, others, nobodys = (make_job(fake, f"ftransfer_of_{of}", owner=of) for of in ("me", "bob", ""))
    fake.clock.sleep(31 * DAY_S)
    with pytest.raises(RequestError, match="it is bob's"):
        clean(fake, mine, others)
    guarded = Settings(topics={"operators": "eve, bob"})
    with pytest.raises(RequestError, match="'me' is no operator"):
        clean(fake, everyone=True, settings=guarded)
    assert trio(mine) | trio(others) <= set(fake.topics)
    assert clean(fake) == {mine: "deleted", nobodys: "deleted", others: "keep"}
    assert clean(fake, everyone=True, settings=Settings(topics={"operators": ["me"]})) == {others: "deleted"}


def test_a_job_that_is_being_submitted_is_kept(fake):
    cluster = KafkaCluster(bootstrap=fake.bootstrap)
    topic = make_job(fake, "ftransfer_x", None)
    assert state_of(fake, topic) == "orphaned"
    assert clean(fake, older_than=0) == {topic: "keep"}, "nothing says how old it is"
    cluster.write_schema(topic, {"type": "string"})
    assert clean(fake, older_than=0) == {topic: "keep"}
    with pytest.raises(RequestError, match="being submitted"):
        clean(fake, topic)
    fake.clock.sleep(2 * DAY_S)
    assert clean(fake) == {topic: "deleted"}


def test_topics_in_which_nothing_was_ever_written_are_deleted_by_name(fake):
    topic = make_job(fake, "ftransfer_x", None)
    fake.clock.sleep(40 * DAY_S)
    assert clean(fake) == {topic: "keep"}
    assert clean(fake, topic) == {topic: "deleted"}


def test_a_poisoned_topic_is_deleted_and_one_of_a_later_version_by_name_only(fake):
    poisoned, later = make_job(fake, "ftransfer_p", None), make_job(fake, "ftransfer_l", "complete")
    fake.topics[f"{poisoned}_manifest"][0].append(b"plan", b"garbage")
    fake.topics[f"{poisoned}_manifest"][0].written_at = fake.clock.now
    log = fake.topics[f"{later}_manifest"][0]
    key, plan = log.messages[0]
    log.messages[0] = key, json.dumps(json.loads(plan) | {"version": 7}).encode()
    assert {state_of(fake, poisoned), state_of(fake, later)} == {"poisoned", "later"}
    fake.clock.sleep(40 * DAY_S)
    assert clean(fake) == {poisoned: "deleted", later: "keep"}
    assert clean(fake, later) == {later: "deleted"}


def test_one_of_a_later_version_that_works_is_kept(fake):
    topic = make_job(fake, "ftransfer_x", "running")
    (log,) = fake.topics[f"{topic}_manifest"]
    key, plan = log.messages[0]
    log.messages[0] = key, json.dumps(json.loads(plan) | {"version": 7}).encode()
    fake.clock.at(5.0, lambda: log.append(b"beat", b"whatever it writes"))
    assert clean(fake, topic) == {topic: "keep"}


@pytest.mark.parametrize("lost", ["", "_schema", "_manifest"])
def test_what_is_left_of_a_job_is_deleted_with_its_line(fake, lost):
    topic = make_job(fake, "ftransfer_x")
    del fake.topics[f"{topic}{lost}"]
    assert clean(fake, older_than=1) == {topic: "keep"}
    fake.clock.sleep(31 * DAY_S)
    assert clean(fake) == {topic: "deleted"}
    assert set(fake.topics) == {JOBS_TOPIC}
    assert KafkaCluster(bootstrap=fake.bootstrap).list_jobs() == []


def test_what_cannot_be_looked_at_is_kept(fake):
    topic = make_job(fake, "ftransfer_x")
    fake.clock.sleep(40 * DAY_S)
    manifest = fake.topics.pop(f"{topic}_manifest")
    fake.fail("describe_topics", ck.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert clean(fake) == {topic: "keep"}, "its manifest is hidden"
    fake.topics[f"{topic}_manifest"] = manifest
    fake.fail("list_offsets", *[ck.KafkaError.REQUEST_TIMED_OUT] * 9)
    assert clean(fake) == {topic: "keep"}, "Kafka does not tell what it holds"


@pytest.mark.parametrize("at", ["the watching", "the check"])
def test_a_job_that_shows_a_sign_of_life_is_kept_after_all(fake, monkeypatch, at):
    topic = make_job(fake, "ftransfer_x", "interrupted")
    fake.clock.sleep(3600)  # or so its clock says
    beat = Heartbeat(job_id=JOB, coordinator="c", time=fake.clock.now - 3600)
    writer = ManifestWriter(KafkaCluster(bootstrap=fake.bootstrap), topic)
    if at == "the watching":
        fake.clock.at(5.0, lambda: writer.append(beat))
    else:
        real = cleaning.look_at

        def and_meanwhile(*args: object, **how: object) -> list[job_topics.JobTopics]:
            found = real(*args, **how)
            writer.append(beat)
            return found

        monkeypatch.setattr(cleaning, "look_at", and_meanwhile)
    assert clean(fake, topic) == {topic: "keep"}


def test_an_interrupted_job_is_deleted_by_name_when_it_is_silent(fake):
    topic = make_job(fake, "ftransfer_x", "interrupted")
    fake.clock.sleep(3600)
    begun = fake.clock.now
    assert clean(fake, topic) == {topic: "deleted"}
    assert fake.clock.now - begun > 10


def test_a_topic_that_was_made_anew_meanwhile_is_kept(fake, monkeypatch):
    topic = make_job(fake, "ftransfer_x")
    fake.clock.sleep(40 * DAY_S)
    real, looked = cleaning.look_at, []

    def made_anew(*args: object, **how: object) -> list[job_topics.JobTopics]:
        found = real(*args, **how)
        if not looked:
            KafkaCluster(bootstrap=fake.bootstrap).delete_job_topics(topic)
            make_job(fake, topic, "complete", created_at=1.0)
            fake.clock.sleep(1)
        looked.append(found)
        return found

    monkeypatch.setattr(cleaning, "look_at", made_anew)
    assert clean(fake) == {topic: "keep"}


def test_one_that_kafka_does_not_delete_stops_no_other_and_is_told(fake):
    first, second = make_job(fake, "ftransfer_a"), make_job(fake, "ftransfer_b")
    fake.clock.sleep(31 * DAY_S)
    fake.fail("delete_topics", ck.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert clean(fake) == {first: "failed", second: "deleted"}
    assert first in [job.topic for job in KafkaCluster(bootstrap=fake.bootstrap).list_jobs()]


def test_a_real_kafka_deletes_what_was_named_and_nothing_else(kafka):
    settings, cluster = Settings(), KafkaCluster(bootstrap=kafka)
    made = []
    for _ in range(2):
        topic = f"ftransfer_clean_{uuid.uuid4().hex[:12]}"
        cluster.create_job_topics(topic, 2)
        head, *parts = plan_records([1])
        head = dataclasses.replace(head, topic=topic, created_at=time.time() - 60, owner=own_name({}))
        ended = StateChange(job_id=JOB, state="empty", time=time.time() - 50)
        ManifestWriter(cluster, topic).append(head, *parts, ended)
        cluster.announce_job(head, "empty", 0)
        made.append(topic)
    first, second = made
    found = {one.topic: one for one in engine.topics(kafka, settings=settings)}
    assert (found[first].state, set(found[first].topics), found[first].num_messages) == ("empty", trio(first), 0)
    assert 40 < found[first].ended_s < 600
    assert found[first].idle_s < 600
    assert found[first].manifest_left_s > 29 * DAY_S
    assert found[first].alerts_left_s is None, "nothing was dropped, for nothing was there"
    before = cluster.topics()
    assert not {first, second} & {item.found.topic for item in engine.clean_topics(kafka=kafka).of("delete")}
    cleaned = engine.clean_topics(first, kafka=kafka, settings=settings, yes=True)
    assert [item.found.topic for item in cleaned.of("deleted")] == [first]
    assert before - cluster.topics() == trio(first)
    listed = {job.topic for job in cluster.list_jobs()}
    assert (first in listed, second in listed) == (False, True)


@pytest.mark.parametrize("days", [-1, float("nan"), "x", True])
def test_days_that_are_none_are_refused(fake, days):
    with pytest.raises(RequestError, match="older_than"):
        clean(fake, older_than=days)


def test_the_command_lists_and_deletes(fake):
    """The commands read the real clock, by which all this is of 1970."""
    old = make_job(fake, "ftransfer_old")
    (listed,) = document(run_here("topics", "--json", kafka=fake.bootstrap))
    assert (listed["topic"], listed["owner"], listed["state"]) == (old, "me", "complete")
    assert set(listed["topics"]) == trio(old)
    assert old in run_here("topics", kafka=fake.bootstrap).stdout
    shown = run_here("topics", "clean", old, kafka=fake.bootstrap)
    assert (shown.returncode, "--yes" in shown.stdout) == (0, True)
    assert trio(old) <= set(fake.topics)
    done = document(run_here("topics", "--json", "clean", old, "--yes", kafka=fake.bootstrap))
    assert done["done"] is True
    assert [(one["topic"], one["action"]) for one in done["topics"]] == [(old, "deleted")]
    assert not trio(old) & set(fake.topics)
    gone = run_here("topics", "clean", old, "--yes", kafka=fake.bootstrap)
    assert (gone.returncode, old in gone.stderr) == (2, True)
