"""Which jobs may be taken up again; and a job that is followed and cancelled, all in memory."""

import re
import threading
import time
from dataclasses import replace

import pytest

import engine
from consumer.wire import INTERRUPTED_AFTER_S, CancelRequest, Heartbeat, Manifest, Plan, PlanPart
from engine.errors import InputError, JobError, RequestError
from engine.kafka import KafkaCluster
from engine.sinks import KafkaSink
from engine.transfer.manifest_plan import fragments_of, plan_records, task_of
from engine.transfer.resuming import check_stopped
from engine.transfer.submitted_job import Job
from engine.transfer.versions import engine_version
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, TOPIC, done, says


def job(*records) -> tuple[Job, FakeStore]:
    store = planned([4, 4], *records)
    return Job(TOPIC, KafkaCluster(bootstrap="nowhere:9092"), store), store


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_was_stopped_may_be_resumed(state):
    check_stopped(job(says("running", "a", time.time()), says(state, "a", time.time()))[0])


def test_a_job_that_has_been_silent_for_long_may_be_resumed():
    check_stopped(job(says("running", "a", time.time() - INTERRUPTED_AFTER_S - 1))[0])


@pytest.mark.parametrize("state", ["complete", "empty"])
def test_a_job_that_has_ended_is_not_resumed(state):
    with pytest.raises(JobError, match=state) as raised:
        check_stopped(job(says("running", "a", time.time()), says(state, "a", time.time()))[0])
    assert TOPIC in raised.value.next_step


def test_a_job_that_seems_to_run_is_watched_until_it_gives_a_sign():
    watched, store = job(says("running", "a", time.time()))
    reads = []
    wait_for_more = store.wait_for_more

    def sign_at_the_third(timeout_s: float):
        reads.append(timeout_s)
        if len(reads) == 3:
            FakeStore(store.log).append(Heartbeat(job_id=JOB, coordinator="a", time=time.time() + 1))
        return wait_for_more(timeout_s)

    store.wait_for_more = sign_at_the_third
    with pytest.raises(JobError, match="running"):
        check_stopped(watched)
    assert len(reads) == 3


def test_a_job_whose_coordinator_just_died_is_watched_until_it_counts_as_interrupted():
    watched, _ = job(says("running", "a", last_sign := time.time() - INTERRUPTED_AFTER_S + 0.3))
    check_stopped(watched)
    assert time.time() > last_sign + INTERRUPTED_AFTER_S


def test_a_job_of_a_plan_that_is_not_whole_can_not_be_resumed():
    store = FakeStore()
    store.append(planned([4]).manifest.plan, says("queued"))
    with pytest.raises(JobError, match="no whole plan"):
        task_of(store.refresh(), there(), {})


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[Plan | PlanPart]:
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), alerts_per_night=3, seed=1)
    plan = engine.plan(engine.TransferRequest(archive=made.archive, nights=made.nights), settings=engine.Settings())
    how = {"num_partitions": 3, "max_message_nbytes": 1_000_000}
    return list(plan_records(plan, topic=TOPIC, job_id=JOB, created_at=0.0, **how))


def planned_by(version: str, records) -> Manifest:
    return Manifest(replace(r, engine_version=version) if isinstance(r, Plan) else r for r in records)


def test_a_job_that_another_version_of_the_same_series_planned_is_gone_on_with(records):
    sibling = re.sub(r"\d+$", "999", engine_version())
    sink = KafkaSink(kafka=KafkaCluster(bootstrap="nowhere:9092"), topic=TOPIC)
    task = task_of(planned_by(sibling, records), sink, {})
    assert (task.job_id, task.limit, task.skip_unreadable) == (JOB, None, False)
    assert (task.sink.num_partitions, task.sink.max_message_nbytes) == (3, 1_000_000)
    assert task.sink.schema == records[0].schema


def test_a_job_that_another_series_planned_is_not(records):
    with pytest.raises(JobError) as raised:
        task_of(planned_by("0.0.1", records), there(), {})
    for version in ("0.0.1", engine_version()):
        assert version in raised.value.message
    assert "request()" in raised.value.next_step


def test_there_is_no_job_without_a_manifest():
    store = FakeStore()
    store.log.is_there = False
    with pytest.raises(RequestError, match=TOPIC):
        Job(TOPIC, None, store)
    with pytest.raises(InputError):
        Job("no topic of ours!", None, store)


def test_a_job_is_followed_to_its_end_whatever_its_clock_says():
    an_hour_ago = time.time() - 3600
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
    running, store = job(says("running", "a", time.time()))
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
    silent, store = job(says("running", "a", time.time() - 3600))
    assert silent.cancel().state == "cancelled"
    assert store.log.announced == [("cancelled", 0)]
    assert any(isinstance(record, CancelRequest) for record in store.records())


def test_a_service_says_who_cancels():
    silent, store = job(says("running", "a", time.time() - 3600))
    silent.cancel(by="bob")
    assert [record.by for record in store.records() if isinstance(record, CancelRequest)] == ["bob"]
