"""What a cluster's events say to a job: workers that come and go, and lines of its own tasks."""

import time

import pytest

from engine.transfer.coordinator.dask_events import DaskEvents

JOB, CHANNEL = "ftransfer_x", "alert-transfer-a-c"
ONE, TWO = "tcp://10.0.0.1:1", "tcp://10.0.0.2:2"


class FakeClient:
    """A client of Dask, as far as events go."""

    status = "running"

    def __init__(self):
        self.handlers = {}

    def subscribe_topic(self, topic, handler) -> None:
        self.handlers[topic] = handler

    def unsubscribe_topic(self, topic) -> None:
        del self.handlers[topic]

    def nthreads(self):
        return {ONE: 1, TWO: 1}

    def send(self, topic, message) -> None:
        self.handlers[topic]((time.time(), message))


def removed(worker: str, expected: bool = False, processing=(), lost=()) -> dict:
    return {
        "action": "remove-worker",
        "worker": worker,
        "expected": expected,
        "processing-tasks": dict.fromkeys(processing, 1.0),
        "lost-computed-tasks": set(lost),
    }


def told(events: DaskEvents) -> list[tuple[str, str, str]]:
    return [(line.event, line.level, line.text) for line in events.take()]


def test_workers_that_come_and_go_are_told_with_what_they_held_of_the_job():
    client = FakeClient()
    events = DaskEvents(client, JOB, CHANNEL)
    mine, others = f"alert-transfer-send-{JOB}-1", "alert-transfer-send-ftransfer_y-1"
    client.send("all", removed(ONE, processing=[mine, others], lost=[f"alert-transfer-find-{JOB}-2"]))
    assert events.take_dead() == {mine}
    assert events.take_dead() == set(), "each once"
    client.send("all", removed(ONE))
    client.send("all", {"action": "add-worker", "worker": ONE})
    client.send("all", {"action": "add-worker", "worker": TWO})
    client.send("all", removed(TWO, expected=True, processing=[others]))
    assert events.take_dead() == set(), "one that leaves in order has killed nobody"
    again = "2 tasks of the job to be run elsewhere; 1 worker now"
    assert told(events) == [
        ("worker-lost", "warning", f"the worker {ONE} died, or can't be reached; {again}"),
        ("worker-joined", "info", f"the worker {ONE} joins; 2 workers now"),
        ("worker-left", "info", f"the worker {TWO} leaves; 1 worker now"),
    ]
    assert events.workers == {ONE}
    assert told(events) == []


def test_jobs_whose_coordinators_share_a_worker_hear_of_their_own():
    client = FakeClient()
    first, second = DaskEvents(client, JOB, CHANNEL), DaskEvents(client, "ftransfer_y", "another")
    line = {"time": time.time(), "source": ONE, "level": "warning", "event": "failure", "text": "it ails"}
    client.send(CHANNEL, line)
    assert told(second) == []
    (line_,) = first.take()
    assert line_.to_dict() == line
    client.send("all", removed(ONE))
    assert len(told(first)) == len(told(second)) == 1
    first.close()
    client.send("all", removed(TWO))
    assert (len(told(first)), len(told(second))) == (0, 1)
    second.close()
    assert client.handlers == {}


@pytest.mark.parametrize(
    "message",
    [
        None,
        "text",
        {},
        {"time": 1.0, "source": ONE, "level": "fatal", "event": "", "text": "x"},
        {"time": float("inf"), "source": ONE, "level": "info", "event": "", "text": "x"},
        {"time": -1.0, "source": ONE, "level": "info", "event": "", "text": "x"},
        {"time": 1.0, "source": 1, "level": "info", "event": "", "text": "x"},
        {"time": 1.0, "source": ONE, "level": ["info"], "event": "", "text": "x"},
        {"action": "remove-worker", "worker": ["a"]},
        {"action": "remove-worker", "worker": "tcp://nobody"},
    ],
    ids=str,
)
def test_what_is_no_event_of_ours_is_passed_over(message):
    client = FakeClient()
    events = DaskEvents(client, JOB, CHANNEL)
    client.send(CHANNEL, message)
    client.send("all", message)
    client.handlers[CHANNEL](message)
    assert told(events) == []


def test_nobody_speaks_for_the_coordinator():
    client = FakeClient()
    events = DaskEvents(client, JOB, CHANNEL)
    line = {"time": 1.0, "source": "coordinator", "level": "info", "event": "", "text": "x"}
    client.send(CHANNEL, line)
    assert events.take()[0].source == "worker"


def test_what_floods_it_is_lost():
    client = FakeClient()
    events = DaskEvents(client, JOB, CHANNEL)
    line = {"time": 1.0, "source": ONE, "level": "info", "event": "", "text": "x"}
    for _ in range(6_000):
        client.send(CHANNEL, line)
    assert len(events.take()) == 5_000
