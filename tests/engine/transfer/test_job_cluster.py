"""The cluster of others is looked at while the plan is made, and what is wrong with it is told first."""

import threading

import pytest

import engine.workers
from consumer.settings import Settings
from engine.errors import ClusterError, InputError
from engine.kafka import KafkaCluster
from engine.transfer.job_cluster import JobCluster, job_cluster

KAFKA = KafkaCluster(bootstrap="nowhere:9092")
WRONG = ClusterError("worker 3 lacks dask-sql")


class Client:
    """A cluster's client; what is run on its workers is noted."""

    def __init__(self):
        self.ran = threading.Event()

    def nthreads(self) -> dict[str, int]:
        return {"tcp://a": 1, "tcp://b": 1}

    def run(self, function, call, *, workers, on_error) -> None:
        self.ran_on = workers
        self.ran.set()


@pytest.fixture
def may_answer(monkeypatch) -> threading.Event:
    """Lets the check of the workers go on; it finds one wrong."""
    may_answer = threading.Event()

    def check_workers(client) -> frozenset[str]:
        may_answer.wait(150)
        raise WRONG

    monkeypatch.setattr(engine.workers, "check_workers", check_workers)
    return may_answer


def test_a_wrong_worker_is_told_before_a_wrong_request(may_answer):
    def plan(where: JobCluster) -> None:
        with where.checked_beside(None):
            may_answer.set()
            raise InputError("no such night")

    with job_cluster(Client(), Settings(), KAFKA) as where, pytest.raises(ClusterError) as raised:
        plan(where)
    assert raised.value is WRONG


def test_a_plan_that_takes_long_ends_once_a_worker_is_found_wrong(may_answer):
    seen: list[tuple[int, int]] = []

    def plan(where: JobCluster) -> None:
        with where.checked_beside(lambda *of: seen.append(of)) as told:
            told(0, 2)
            may_answer.set()
            for done in range(1_000_000):
                told(done, 1_000_000)
                threading.Event().wait(0.01)

    with job_cluster(Client(), Settings(), KAFKA) as where, pytest.raises(ClusterError):
        plan(where)
    assert seen[0] == (0, 2)
    assert len(seen) < 1_000


def test_workers_that_are_right_are_made_ready_and_not_asked_again(monkeypatch):
    asked: list[object] = []

    def check_workers(client) -> frozenset[str]:
        asked.append(client)
        return frozenset({"tcp://a"})

    monkeypatch.setattr(engine.workers, "check_workers", check_workers)
    monkeypatch.setattr(engine.workers, "await_workers", lambda client, on_wait, right: asked.append(set(right)))
    client, waits = Client(), []
    with job_cluster(client, Settings(), KAFKA) as where:
        where.begin()  # nothing: there is a cluster
        with where.checked_beside(None):
            pass
        assert where.client(waits.append) is client
    assert asked == [client, {"tcp://a"}]
    assert waits == ["starting the job"]
    assert client.ran.wait(150)
    assert client.ran_on == ["tcp://a"]
