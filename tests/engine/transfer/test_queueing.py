"""The queue of an owner's jobs: who waits, at which place, and what ends that."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from consumer.wire import CancelRequest, Heartbeat, JobSummary, LogLines
from engine.transfer.coordinator.launching import coordinate
from engine.transfer.coordinator.loop import Coordinator
from engine.transfer.coordinator.queueing import most_running, place_among, waits
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.queue_place import is_taken_up, place_text, queue_place
from engine.transfer.submitted_job import JobStatus
from tests.engine.transfer.fake_cluster import FakeCluster
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, done, says
from tests.engine.transfer.test_launching import client  # noqa: F401  a fixture

SOON_S = 150.0


def other(state: str, created_at: float, owner: str = "alice") -> JobSummary:
    name = f"ftransfer_{state}_{created_at:g}"
    return JobSummary(topic=name, job_id=name, state=state, created_at=created_at, num_alerts_sent=0, owner=owner)


def limited(most: int | None = 1, *, is_test: bool = False) -> FakeStore:
    """Return the manifest of a job of alice, which was submitted at 0."""
    store = planned([4] * 3)
    store.manifest.plan.details.update({"limits": {"max_running_jobs": most}} | ({"is_test": True} if is_test else {}))
    plan = replace(store.manifest.plan, owner="alice", created_at=50.0)
    held = FakeStore()
    held.append(plan, *(record for record in store.records() if record.type == "part"), says("queued"))
    held.refresh()
    return held


@contextmanager
def running(store: FakeStore, cluster: FakeCluster | None = None):
    """Run the job's coordinator beside the block; yields what its state will be."""
    ended: list[str] = []
    coordinator = Coordinator(store.manifest.plan, store, there(), cluster or FakeCluster())
    thread = threading.Thread(target=lambda: ended.append(coordinator.run()))
    thread.start()
    try:
        yield ended
    finally:
        thread.join(SOON_S)
        assert not thread.is_alive()


def until(reader: FakeStore, condition):
    """Return the manifest once it fulfils a condition."""
    deadline = time.monotonic() + SOON_S
    while not condition(manifest := reader.refresh()):
        assert time.monotonic() < deadline
        reader.wait_for_more(0.01)
    return manifest


def test_those_that_run_count_and_those_before_it_that_wait():
    plan = limited().manifest.plan
    assert place_among([], plan, 1) is None
    assert place_among([other("running", 90)], plan, 1) == 1, "though it was submitted later: nobody is stopped"
    assert place_among([other("queued", 40)], plan, 1) == 2
    assert place_among([other("queued", 60)], plan, 1) is None
    before = [other("running", 10), other("queued", 20), other("queued", 30), other("queued", 60)]
    assert [place_among(before, plan, most) for most in (1, 2, 3, 4)] == [3, 3, 3, None]


def test_tests_and_jobs_without_a_limit_do_not_wait():
    assert most_running(limited(2).manifest.plan) == 2
    assert most_running(limited(None).manifest.plan) is None
    assert most_running(planned([4]).manifest.plan) is None
    assert most_running(limited(2, is_test=True).manifest.plan) is None


@pytest.mark.parametrize(("place", "text"), [(1, "first"), (3, "third"), (22, "22nd"), (1_013, "1,013th")])
def test_a_place_in_words(place, text):
    assert place_text(place, "alice") == f"{text} in the queue of alice"


def test_a_job_waits_says_its_place_and_starts_when_one_ends():
    store = limited()
    store.log.others = [other("running", 10), other("queued", 20), other("running", 1, "bob")]
    reader, cluster = FakeStore(store.log), FakeCluster()
    with running(store, cluster) as ended:
        manifest = until(reader, is_taken_up)
        assert (manifest.stated, queue_place(manifest)) == ("queued", 2)
        status = JobStatus.of(manifest, time.time())
        assert (status.state, status.queue_place) == ("queued", 2)
        assert status.to_dict()["queue_place"] == 2
        assert "second in the queue of alice" in status.state_text
        assert cluster.submitted == []
        store.log.others = [other("running", 20)]
        manifest = until(reader, lambda manifest: queue_place(manifest) == 1)
        assert [line.text[:6] for line in manifest.log.lines if line.event.startswith("queue")] == ["second", "first "]
        store.log.others = []
    assert ended == ["complete"]
    assert store.states() == ["queued", "running", "complete"]
    assert [state for state, _ in store.log.announced] == ["queued", "running", "complete"]
    status = JobStatus.of(store.refresh(), time.time())
    assert status.queue_place is None


def test_the_time_that_a_job_waited_is_none_of_its_pace():
    line = {"time": 1.0, "source": "coordinator", "level": "info", "event": "queue", "text": "first"}
    waited = LogLines(job_id=JOB, coordinator="a", index=0, lines=[line])
    first = fragments_of(planned([4, 4]).manifest)[0]
    sent = done(first, num_selected=4, num_sent=4, time=1_010.0)
    for records, left_s in (([waited], 10.0), ([], 1_010.0)):
        store = planned([4, 4], *records, says("running", "a", 1_000.0), sent)
        assert JobStatus.of(store.manifest, 1_010.0).left_s == left_s


def test_one_that_waits_is_cancelled_at_once():
    store = limited()
    store.log.others = [other("running", 10)]
    reader, cluster = FakeStore(store.log), FakeCluster()
    with running(store, cluster) as ended:
        until(reader, is_taken_up)
        reader.append(CancelRequest(job_id=JOB, time=1.0))
    assert ended == ["cancelled"]
    assert cluster.submitted == []


def test_one_that_another_coordinator_took_up_waits_no_more():
    store = limited()
    store.log.others = [other("running", 10)]
    reader = FakeStore(store.log)
    with running(store) as ended:
        until(reader, is_taken_up)
        reader.append(says("running", "another"))
    assert ended == ["replaced"]
    assert store.states() == ["queued", "running"]


def test_a_heartbeat_from_before_it_was_queued_again_is_no_place():
    store = limited()
    store.append(Heartbeat(job_id=JOB, coordinator="a", time=5.0, queue_place=3))
    assert queue_place(store.refresh()) == 3
    store.append(says("cancelled", time=6.0), says("queued", time=7.0))
    assert queue_place(store.refresh()) is None
    assert not is_taken_up(store.manifest)


def test_one_that_dask_started_again_while_it_waited_launches_another_in_its_place(client):  # noqa: F811
    store = limited()
    line = {"time": 1.0, "source": "coordinator", "level": "info", "event": "queue", "text": "first"}
    store.append(LogLines(job_id=JOB, coordinator="dead", index=0, lines=[line]))
    assert waits(store.refresh()) == 1
    assert coordinate(store, there(), {}, 0) == "replaced"
    ((_, _, arguments, _),) = client.submitted
    assert arguments[-1] == 1, "for which Dask counts its worker's deaths from zero"
