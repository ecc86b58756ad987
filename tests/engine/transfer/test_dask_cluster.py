"""How a job's tasks are handed to Dask: those that have their turn, and those that come behind."""

import time
import uuid
from types import SimpleNamespace

import distributed
import pytest

import engine
from engine.transfer.coordinator.cluster import Load
from engine.transfer.coordinator.dask_cluster import DaskCluster
from engine.transfer.coordinator.holding import Holding
from engine.transfer.manifest_plan import fragments_of, plan_records
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore
from tests.engine.transfer.job_records import JOB, TOPIC

WORKERS = ["tcp://10.0.0.7:4000", "tcp://10.0.0.8:4000"]


class Client:
    """A client that notes what is computed, and how."""

    status = "running"
    scheduler = None

    def __init__(self):
        self.computed: list[tuple[list[str], dict]] = []

    def nthreads(self):
        return dict.fromkeys(WORKERS, 1)

    def subscribe_topic(self, topic, handler) -> None:
        """Nothing is told."""

    unsubscribe_topic = subscribe_topic

    def compute(self, delayed, **how):
        self.computed.append(([one.key for one in delayed], how))
        return [SimpleNamespace(key=one.key, status="pending", add_done_callback=lambda call: None) for one in delayed]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> FakeStore:
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), nights=["2021-11-22"], alerts_per_night=9, seed=3)
    plan = engine.plan(engine.TransferRequest(archive=made.archive, nights=made.nights), settings=engine.Settings())
    store = FakeStore()
    terms = {"num_partitions": 1, "max_message_nbytes": 1_000_000}
    store.append(*plan_records(plan, topic=TOPIC, job_id=JOB, created_at=0.0, **terms))
    store.refresh()
    return store


def cluster_of(store: FakeStore, leave=None) -> tuple[DaskCluster, Client, tuple]:
    client, sink = Client(), there()
    cluster = DaskCluster(client, sink, {}, leave)
    cluster.take_up(store.manifest, "a-coordinator")
    return cluster, client, tuple(fragments_of(store.manifest))


def of_tasks(keys: list[str]) -> list[str]:
    return [key for key in keys if key.startswith("alert-transfer-")]


def test_a_task_that_has_its_turn_is_put_on_a_worker_at_once_and_others_wait_behind_it(store):
    cluster, client, fragments = cluster_of(store)
    cluster.send([Load(fragments=fragments, is_extra=True), Load(fragments=fragments), Load(fragments=fragments)])
    (turns, turn), (extras, extra) = client.computed
    assert (len(of_tasks(turns)), len(of_tasks(extras))) == (2, 1)
    assert turn["priority"] > extra["priority"]
    assert (turn["workers"], turn["allow_other_workers"]) == (WORKERS, True)
    assert "workers" not in extra
    cluster.count_night(fragments)
    assert client.computed[-1][1]["workers"] == WORKERS, "a night that is counted last ends a job: it is not passed"


def test_what_all_tasks_of_a_job_need_is_handed_to_the_scheduler_once(store):
    cluster, client, fragments = cluster_of(store)
    for _ in range(3):
        cluster.send([Load(fragments=fragments)])
    cluster.count(cluster.filter(fragments))
    keys = [key for keys, _ in client.computed for key in keys]
    assert len(set(keys) - set(of_tasks(keys))) == len(keys) - len(of_tasks(keys)) == 1


def test_threads_are_counted_anew_as_workers_come_and_go(store, monkeypatch):
    cluster, client, _ = cluster_of(store)
    assert cluster.num_threads == 2
    client.nthreads = lambda: {WORKERS[0]: 1}
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 10.0)
    assert cluster.num_threads == 1
    client.nthreads = lambda: 1 / 0
    assert cluster.num_threads == 1, "not asked again at once"


def test_a_first_fragment_is_sent_in_the_coordinator_s_thread_which_is_left_then(store):
    left = []
    cluster, client, fragments = cluster_of(store, lambda: left.append(True))
    made = cluster.send_here(Load(fragments=fragments[:1]), 4)
    assert client.computed == []
    assert cluster.ended(0.0) == [made]
    assert made.status == "finished"
    assert [outcome.done.num_sent for outcome in made.result()] == [4]
    assert left == []
    cluster.leave_thread()
    cluster.leave_thread()
    assert left == [True]
    assert cluster.send_here(Load(fragments=fragments[:1]), 4) is None, "there is no thread any more"


def test_threads_are_held_half_of_the_time_in_the_long_run(monkeypatch):
    now = [1e9]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    holding, held_s = Holding(), 0.0
    for number in range(1_000):
        with holding.held() as is_held:
            assert is_held or number > 5, "some in a row are no flood"
            now[0] += 2.0 if is_held else 0.1
            held_s += 2.0 if is_held else 0.0
    assert (held_s - 10.0) / (now[0] - 1e9) < 0.51, "but for those that were saved up"
    now[0] += 20.0
    with holding.held() as is_held:
        assert is_held


def test_dask_passes_no_task_that_is_put_on_workers_whatever_comes_after_it(dask_client):
    """What `send` stands on: a task of a large group, submitted before a stream of single ones of its priority."""
    where = {"workers": list(dask_client.nthreads()), "allow_other_workers": True}

    def submit(name: str, priority: int, **where) -> distributed.Future:
        key = f"{name}-{uuid.uuid4().hex}"
        return dask_client.submit(time.sleep, 0.01, key=key, priority=priority, pure=False, **where)

    extras = [submit("large", -1) for _ in range(30)]
    turn = submit("large", 0, **where)
    waiting: list[distributed.Future] = []
    for _ in range(500):
        waiting = [*(one for one in waiting if not one.done()), submit(f"s{uuid.uuid4().hex[:8]}x", 0)]
        if turn.done():
            break
        if len(waiting) > 6:
            with dask_client.as_current():
                distributed.wait(waiting, return_when="FIRST_COMPLETED")
    assert turn.done(), "five hundred that came later were run before it"
    dask_client.cancel(extras)
