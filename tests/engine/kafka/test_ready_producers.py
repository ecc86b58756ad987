"""Producers that stand ready: how many there are, and what the first message of each waits for."""

import pytest

import engine
from consumer.wire import StateChange, manifest_topic
from engine.errors import KafkaError
from engine.kafka import FragmentSender, KafkaCluster
from engine.planning import TransferPlan
from engine.sinks import KafkaManifestStore, KafkaSink
from engine.transfer.starting import start_new
from tests.kafka_fake import FakeAdmin, FakeKafka, FakeProducer

TOPIC = "ftransfer_ready"
SETTLED_S = 0.05  # librdkafka is connected by then, and asks for the producer's identity


def producers(fake: FakeKafka) -> list[FakeProducer]:
    return [client for client in fake.clients if isinstance(client, FakeProducer)]


def test_a_fresh_producer_is_left_alone_for_a_moment(fake, cluster):
    (log,) = fake.create("t_schema")
    cluster.write_schema("t", {"name": "alert"})
    (producer,) = producers(fake)
    assert log.written_at - producer.made_at >= SETTLED_S
    before = fake.clock.now
    cluster.write_schema("t", {"name": "alert"})
    assert fake.clock.now - before < SETTLED_S, "it has its identity"


def test_one_that_was_made_ahead_is_not_waited_for(fake, cluster):
    fake.create("t", 2)
    cluster.get_ready(2)
    cluster.get_ready(2)
    assert len(producers(fake)) == 2
    fake.clock.sleep(1)
    before = fake.clock.now
    sender = FragmentSender(cluster, "t")
    sender.send([b"0:0"], [b"x"], [1])
    sender.finish()
    assert fake.clock.now - before < SETTLED_S
    assert len(producers(fake)) == 2
    assert fake.topics["t"][1].end == 1


def test_one_that_failed_is_not_used_again(fake, cluster):
    fake.create("t_schema")
    fake.undelivered = {b'{"name": "alert"}': -185}
    with pytest.raises(KafkaError):
        cluster.write_schema("t", {"name": "alert"})
    fake.undelivered = {}
    cluster.write_schema("t", {"name": "alert"})
    assert len(producers(fake)) == 2


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> TransferPlan:
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), nights="2021-11-22", alerts_per_night=3)
    return engine.plan(engine.TransferRequest(archive=made.archive, nights="2021-11-22"), settings=engine.Settings())


class Client:
    """A cluster on which each coordinator says at once that it runs."""

    def __init__(self, store: KafkaManifestStore):
        self._store = store

    def nthreads(self) -> dict[str, int]:
        return {"tcp://10.0.0.7:4000": 1}

    def submit(self, *call, **how) -> None:
        plan = self._store.refresh().require_plan()
        self._store.append(StateChange(job_id=plan.job_id, state="running", time=plan.created_at, coordinator="me"))


def test_what_a_job_asks_of_kafka_until_it_runs(fake, cluster, plan, monkeypatch):
    asked: list[str] = []
    answer, list_topics = FakeAdmin._answer, FakeAdmin.list_topics

    def answered(admin, request, *of) -> dict:
        asked.append(request)
        return answer(admin, request, *of)

    def listed(admin, *of, **how) -> object:
        asked.append("list_topics")
        return list_topics(admin, *of, **how)

    monkeypatch.setattr(FakeAdmin, "_answer", answered)
    monkeypatch.setattr(FakeAdmin, "list_topics", listed)
    cluster.get_ready()
    sink, store = KafkaSink(kafka=cluster, topic=TOPIC), KafkaManifestStore(cluster, TOPIC)
    sink.check_possible()
    start_new(plan, Client(store), sink, store, {})
    assert store.manifest.stated == "running"
    assert len(producers(fake)) == 1, "manifest, list of jobs and schema copies go out through the same one"
    assert asked.count("create_topics") == 3, "whether it may, the three of a job at once, and the list of jobs"
    assert asked.count("describe_configs") == 1
    assert asked.count("list_topics") <= 5
    assert fake.topics[manifest_topic(TOPIC)][0].end == 4, "plan, part, queued, running"


def test_another_kafka_has_its_own(fake, cluster):
    fake.create("t_schema")
    cluster.write_schema("t", {})
    KafkaCluster(bootstrap=fake.bootstrap, options={"client.rack": "b"}).write_schema("t", {})
    assert len(producers(fake)) == 2
