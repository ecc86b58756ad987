"""How a job starts, in memory: all of it, or nothing is left behind."""

import operator
from dataclasses import replace

import pytest

import engine
from consumer.wire import FINAL_STATES, Plan, PlanPart, decode_record
from engine.errors import JobError, KafkaError, RequestError
from engine.planning import TransferPlan
from engine.transfer.starting import start_again, start_new
from engine.workers import Sent
from tests.engine.transfer.fake_sink import FakeSink
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, TOPIC, says


class Started:
    """The future of a coordinator."""

    def __init__(self, error: Exception | None = None):
        self.status = "error" if error else "pending"
        self._error = error

    def exception(self) -> Exception | None:
        return self._error


class Client:
    """A cluster's client: what is submitted says `running`, fails, or waits for a worker for ever."""

    def __init__(self, store: FakeStore, error: Exception | None = None, *, is_full: bool = False):
        self._store, self._error, self._is_full = store, error, is_full
        self.submitted: list[tuple] = []

    def nthreads(self) -> dict[str, int]:
        return {}

    def submit(self, function, call: Sent, key: str, **how) -> Started:
        assert function is operator.call
        self.submitted.append((call.function.__name__, key, *call.arguments))
        if not self._error and not self._is_full:
            worker = FakeStore(self._store.log)
            worker.append(replace(says("running", "me"), job_id=worker.refresh().plan.job_id))
        return Started(self._error)


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> TransferPlan:
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), alerts_per_night=3, seed=1)
    return engine.plan(engine.TransferRequest(archive=made.archive, nights=made.nights), settings=engine.Settings())


def test_a_job_is_started(plan):
    sink, store = FakeSink(), FakeStore()
    client = Client(store)
    prepared: list[bool] = []
    start_new(
        plan,
        client,
        sink,
        store,
        {"anon": True},
        owner="alice",
        on_prepared=lambda: prepared.append(sink.is_there and not store.log.values),
    )
    assert sink.is_there
    assert prepared == [True]
    records = [decode_record(value) for value in store.log.values]
    assert [type(record) for record in records[:2]] == [Plan, PlanPart]
    assert records[0].owner == "alice"
    assert (records[0].topic, records[0].details["max_message_nbytes"]) == (TOPIC, 1_000_000)
    assert store.states() == ["queued", "running"]
    assert store.log.announced == [("queued", 0)]
    ((name, key, *arguments),) = client.submitted
    assert (name, arguments) == ("coordinate", [store, sink, {"anon": True}, 0])
    assert key.startswith(f"coordinate-{TOPIC}-")


def test_one_whose_rights_cannot_be_set_is_taken_back(plan):
    sink, store = FakeSink(), FakeStore()

    def refused() -> None:
        raise KafkaError("refused")

    with pytest.raises(KafkaError, match="refused"):
        start_new(plan, Client(store), sink, store, {}, on_prepared=refused)
    assert (sink.is_there, store.log.values) == (False, [])


def test_a_sink_that_refuses_the_job_is_left_alone(plan):
    sink, store = FakeSink(), FakeStore()
    sink.refuses = RequestError("the topic exists already")
    sink.is_there = True  # somebody else's
    with pytest.raises(RequestError, match="exists already"):
        start_new(plan, Client(store), sink, store, {})
    assert sink.is_there
    assert store.log.values == []


def failing_append(sink, store) -> Client:
    store.log.outages = 1
    return Client(store)


def failing_announcement(sink, store) -> Client:
    def away(*of) -> None:
        raise KafkaError("no Kafka answers")

    store.announce = away
    return Client(store)


def failing_worker(sink, store) -> Client:
    return Client(store, ImportError("no Kafka answers; no module engine"))


def full_cluster(sink, store) -> Client:
    return Client(store, is_full=True)


@pytest.mark.parametrize("fail", [failing_append, failing_announcement, failing_worker, full_cluster])
def test_nothing_half_created_is_left(plan, fail):
    sink, store = FakeSink(), FakeStore()
    with pytest.raises((KafkaError, JobError), match=r"no Kafka answers|within 0\.05 s"):
        start_new(plan, fail(sink, store), sink, store, {}, patience_s=0.05)
    assert not sink.is_there


def test_an_interruption_by_hand_leaves_nothing_either(plan):
    sink, store = FakeSink(), FakeStore()

    def interrupted(*of) -> None:
        raise KeyboardInterrupt

    store.announce = interrupted
    with pytest.raises(KeyboardInterrupt):
        start_new(plan, Client(store), sink, store, {})
    assert not sink.is_there


def test_what_can_not_be_taken_back_is_named_with_both_reasons(plan):
    sink, store = FakeSink(), FakeStore()
    sink.keeps = KafkaError("it went away")
    with pytest.raises(KafkaError) as raised:
        start_new(plan, failing_append(sink, store), sink, store, {})
    assert "no Kafka answers" in raised.value.message
    assert "it went away" in raised.value.message
    assert TOPIC in raised.value.next_step


def test_a_store_that_is_away_for_a_moment_takes_nothing_back(plan):
    sink, store = FakeSink(), FakeStore()
    client = Client(store)
    submit = client.submit

    def submit_and_lose(*arguments, **how) -> Started:
        started = submit(*arguments, **how)
        store.log.outages = 2
        return started

    client.submit = submit_and_lose
    start_new(plan, client, sink, store, {})
    assert sink.is_there


def test_a_job_is_started_again():
    store = planned([4], says("running", "dead"), says("failed", "dead"))
    sink = FakeSink()
    sink.is_there = True
    start_again(JOB, Client(store), sink, store, {})
    assert store.states() == ["queued", "running", "failed", "queued", "running"]
    with pytest.raises(JobError) as raised:
        start_again(JOB, Client(store, ImportError("no module engine")), sink, store, {})
    assert "no module engine" in raised.value.message
    assert "nowhere:9092" in raised.value.next_step
    assert sink.is_there, "a job that exists is not deleted since it could not be taken up"
    assert store.refresh().stated not in FINAL_STATES
