"""A job is followed in a thread until it is stopped."""

import asyncio
import threading

import pytest

import engine
from tests.ui.dashboard.fake_jobs import FakeJob, status_of
from ui.dashboard import following
from ui.dashboard.following import Follower, look_at


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("_EVERY_S", "_EVERY_STOPPED_S", "_EVERY_COMPLETE_S", "_AWAY_S"):
        monkeypatch.setattr(following, name, 0.001)


def followed(open_job, until) -> list:
    """Return what a follower told until something held; it is stopped then, and its thread has ended."""

    others = set(threading.enumerate())

    async def run() -> list:
        told: list = []
        follower = Follower(open_job, told.append)
        async with asyncio.timeout(150):
            while not until(told):
                await asyncio.sleep(0.002)
        follower.stop()
        number = len(told)
        async with asyncio.timeout(150):
            while any(thread.name == "job-follower" for thread in set(threading.enumerate()) - others):
                await asyncio.sleep(0.002)
        assert len(told) == number
        return told

    return asyncio.run(run())


def test_it_tells_how_the_job_stands_until_it_is_stopped():
    job = FakeJob(status_of("queued"), status_of("running"), status_of("complete", num_alerts_sent=800), lines=("a",))
    told = followed(lambda: job, lambda told: told and told[-1].status.state == "complete")
    states = [sight.status.state for sight in told]
    assert states[:3] == ["queued", "running", "complete"]
    assert told[-1].lines == ("a",)
    assert told[-1].rates.alerts_per_s.sum() > 0
    assert not job.is_open


def test_a_kafka_that_is_away_is_told_and_heals():
    job = FakeJob(status_of(), engine.KafkaError("Kafka is silent"), engine.KafkaError("Kafka is silent"), status_of())
    told = followed(lambda: job, lambda told: len(told) > 4)
    assert [str(sight.problem) for sight in told[1:3]] == ["Kafka is silent"] * 2
    # What was known before is shown meanwhile, with its time.
    assert told[1].status.state == "running"
    assert told[1].read_at == told[0].read_at
    assert told[3].problem is None


def test_right_after_an_outage_nothing_counts_as_interrupted():
    job = FakeJob(engine.KafkaError("away"), *[status_of("interrupted")] * 3, status_of("running"))
    told = followed(lambda: job, lambda told: told and told[-1].status is not None)
    assert [sight.status.state for sight in told if sight.status] == ["running"]


def test_a_job_that_is_gone_is_told_once():
    jobs = [FakeJob(status_of("cancelled"))]

    def open_job():
        if not jobs:
            raise engine.InputError("there is no job")
        return jobs.pop()

    told = followed(open_job, lambda told: told and told[-1].is_gone)
    assert [sight.is_gone for sight in told] == [False, True]
    assert told[-1].status.state == "cancelled"


def test_a_fault_of_our_own_is_told_and_logged(caplog):
    def open_job():
        raise KeyError("oh")

    told = followed(open_job, bool)
    assert isinstance(told[-1].problem, KeyError)
    assert "KeyError" in caplog.text


def test_a_long_log_is_cut_at_its_beginning():
    sight = look_at(FakeJob(status_of(), lines=tuple(map(str, range(1_500)))))
    assert (sight.lines[0], sight.lines[-1], sight.num_lines_before) == ("500", "1499", 500)
