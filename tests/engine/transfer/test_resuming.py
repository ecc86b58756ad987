"""Which jobs may be taken up again; and a job that is followed and cancelled, all in memory."""

import threading
import time

import pytest

from consumer.wire import INTERRUPTED_AFTER_S, CancelRequest, Heartbeat
from engine.errors import InputError, JobError, RequestError
from engine.transfer.manifest_plan import task_of
from engine.transfer.resuming import check_stopped
from engine.transfer.submitted_job import Job
from tests.engine.transfer.fakes import JOB, TOPIC, FakeStore, done, fragments_of, planned, says, there

NOW = time.time()


def job(*records) -> tuple[Job, FakeStore]:
    store = planned([4, 4], *records)
    return Job(TOPIC, None, store), store


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_was_stopped_may_be_resumed(state):
    check_stopped(job(says("running", "a", NOW), says(state, "a", NOW))[0])


def test_a_job_that_has_been_silent_for_long_may_be_resumed():
    check_stopped(job(says("running", "a", NOW - INTERRUPTED_AFTER_S - 1))[0])


@pytest.mark.parametrize("state", ["complete", "empty"])
def test_a_job_that_has_ended_is_not_resumed(state):
    with pytest.raises(JobError, match=state) as raised:
        check_stopped(job(says("running", "a", NOW), says(state, "a", NOW))[0])
    assert TOPIC in raised.value.next_step


def test_a_job_that_seems_to_run_is_watched_until_it_gives_a_sign():
    watched, store = job(says("running", "a", NOW))
    reads = []
    wait_for_more = store.wait_for_more

    def sign_at_the_third(timeout_s: float):
        reads.append(timeout_s)
        if len(reads) == 3:
            FakeStore(store.log).append(Heartbeat(job_id=JOB, coordinator="a", time=NOW + 1))
        return wait_for_more(timeout_s)

    store.wait_for_more = sign_at_the_third
    with pytest.raises(JobError, match="running"):
        check_stopped(watched)
    assert len(reads) == 3


def test_a_job_whose_coordinator_just_died_is_watched_until_it_counts_as_interrupted():
    watched, _ = job(says("running", "a", NOW := time.time() - INTERRUPTED_AFTER_S + 0.3))
    began = time.monotonic()
    check_stopped(watched)
    assert time.monotonic() - began < 20
    assert time.time() > NOW + INTERRUPTED_AFTER_S


def test_a_job_of_a_plan_that_is_not_whole_can_not_be_resumed():
    store = FakeStore()
    store.append(planned([4]).manifest.plan, says("queued"))
    with pytest.raises(JobError, match="no whole plan"):
        task_of(store.refresh(), there(), {})


def test_there_is_no_job_without_a_manifest():
    store = FakeStore()
    store.log.is_there = False
    with pytest.raises(RequestError, match=TOPIC):
        Job(TOPIC, None, store)
    with pytest.raises(InputError):
        Job("no topic of ours!", None, store)


def test_a_job_is_followed_to_its_end_whatever_its_clock_says():
    an_hour_ago = NOW - 3600
    followed, store = job(says("running", "a", an_hour_ago))
    fragment = fragments_of(store.manifest)[0]
    assert followed.status().state == "interrupted", "by the clocks alone"
    seen = []

    def go_on() -> None:
        other = FakeStore(store.log)
        other.append(Heartbeat(job_id=JOB, coordinator="a", time=an_hour_ago + 1))
        other.append(done(fragment, num_selected=4, num_sent=4, time=an_hour_ago + 2))
        other.append(says("complete", "a", an_hour_ago + 3))

    thread = threading.Thread(target=go_on)
    thread.start()
    status = followed.wait(on_change=lambda status: seen.append(status.state))
    thread.join()
    assert (status.state, status.num_alerts_sent, seen[-1]) == ("complete", 4, "complete")
    assert "interrupted" not in seen


def test_to_cancel_is_to_ask_the_coordinator():
    running, store = job(says("running", "a", NOW))
    other = FakeStore(store.log)

    def coordinator() -> None:
        while not other.wait_for_more(0.5).cancel_requested:
            pass
        other.append(says("cancelled", "a", time.time()))

    thread = threading.Thread(target=coordinator)
    thread.start()
    assert running.cancel().state == "cancelled"
    thread.join()
    assert store.log.announced == [], "the coordinator announces it"
    with pytest.raises(JobError, match="cancelled already"):
        running.cancel()


def test_where_no_coordinator_is_left_whoever_cancels_says_so():
    silent, store = job(says("running", "a", NOW - 3600))
    assert silent.cancel().state == "cancelled"
    assert store.log.announced == [("cancelled", 0)]
    assert any(isinstance(record, CancelRequest) for record in store.records())
