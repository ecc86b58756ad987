"""How a coordinator begins, in memory: launched by the user who submits, or again by Dask when its worker died."""

import contextlib
import operator

import distributed
import pytest

from engine.errors import JobError, KafkaError
from engine.transfer.coordinator import coordinate, launch
from engine.workers import Sent
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import TOPIC, says


class Client:
    """A cluster's client that only notes what is submitted; it can't run a job."""

    status = "running"

    def __init__(self):
        self.submitted: list[tuple] = []

    def submit(self, function, call: Sent, key: str, **how) -> None:
        assert function is operator.call
        self.submitted.append((call.function, key, call.arguments, how))

    def nthreads(self) -> dict[str, int]:
        return {"tcp://10.0.0.7:4000": 1, "tcp://10.0.0.8:4000": 1}

    def cancel(self, futures, force: bool) -> None:
        """Nothing runs."""


@pytest.fixture
def client(monkeypatch) -> Client:
    client = Client()
    monkeypatch.setattr(distributed, "worker_client", lambda: contextlib.nullcontext(client))
    return client


def test_a_coordinator_is_a_task_of_its_own_key_and_goes_first(client):
    store, sink = planned([4]), there()
    for _ in range(2):
        launch(client, store, sink, {"anon": True}, 3)
    (first, second) = client.submitted
    assert first[0] is coordinate
    assert first[2] == (store, sink, {"anon": True}, 3)
    assert (first[3]["pure"], first[3]["priority"] > 0) == (False, True)
    assert first[3]["workers"] == list(client.nthreads()), "it goes to a worker at once"
    assert first[3]["allow_other_workers"]
    assert first[1] != second[1]
    assert {key.rpartition("-")[0] for _, key, *_ in client.submitted} == {f"coordinate-{TOPIC}"}


def test_one_that_dask_has_started_again_launches_another_in_its_place(client):
    store, sink = planned([4], says("running", "dead"), says("running", "dead too")), there()
    assert coordinate(store, sink, {"anon": True}, 1) == "replaced"
    ((function, _, arguments, _),) = client.submitted
    assert (function, arguments) == (coordinate, (store, sink, {"anon": True}, 2))
    assert store.states() == ["queued", "running", "running"], "it says nothing of the job itself"


def test_the_one_that_was_launched_for_it_runs(client):
    store = planned([4], says("running", "dead"))
    # The plan of this test holds no selection: that fails the job, in the manifest, as any error there does.
    assert coordinate(store, there(), {}, 1) == "failed"
    assert client.submitted == []
    assert store.states() == ["queued", "running", "running", "failed"]


def test_a_job_that_has_ended_is_not_run_again(client):
    store = planned([4], says("running", "a"), says("complete", "a"))
    assert coordinate(store, there(), {}, 1) == "complete"
    assert store.states() == ["queued", "running", "complete"]


def test_a_job_without_a_plan_is_told_to_whoever_launched_it(client):
    with pytest.raises(JobError, match=TOPIC):
        coordinate(FakeStore(), there(), {})


def test_it_waits_for_a_store_that_is_away_when_it_begins(client):
    store = planned([4], says("running", "a"), says("empty", "a"))
    store.log.outages = 1
    assert coordinate(store, there(), {}) == "empty"
    assert store.num_awaited == 1

    def gone(timeout_s: float) -> None:
        raise KafkaError("refused")

    store.await_answer, store.log.outages = gone, 1
    with pytest.raises(KafkaError, match="refused"):
        coordinate(store, there(), {})
