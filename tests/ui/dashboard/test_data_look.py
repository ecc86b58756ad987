"""Plots of what a job sent, from its topic while it flows."""

import asyncio
import threading

import pyarrow as pa
import pytest

import consumer
import engine
from tests.ui.dashboard.fake_jobs import SCRIPT, TOPIC, FakeJob, labels, press, shown, status_of
from ui.dashboard import data_look
from ui.dashboard.data_look import DataLook


def batch_of(number: int, label: str = "SN candidate") -> pa.RecordBatch:
    columns = {
        "objectId": [f"{label}{place % 3}" for place in range(number)],
        "jd": [2459541.5 + place / 100 for place in range(number)],
        "magpsf": [17.5] * number,
        "fid": [1] * number,
        "ra": [10.0] * number,
        "dec": [20.0] * number,
        "finkclass": [label] * number,
    }
    return pa.RecordBatch.from_pydict(columns)


@pytest.fixture
def topic(monkeypatch):
    """What the topic streams: batches, errors, or an event that is awaited; and what became of the stream."""
    items: list = []
    became: list[str] = []

    def stream(name, *, kafka, kafka_options, progress):
        try:
            for item in items:
                if isinstance(item, Exception):
                    raise item
                while isinstance(item, threading.Event) and not item.wait(0.01):
                    progress(0)
                if isinstance(item, pa.RecordBatch):
                    yield item
        finally:
            became.append("closed")

    monkeypatch.setattr(consumer, "stream", stream)
    monkeypatch.setattr(data_look, "open_job", lambda name, session: FakeJob(status_of()))
    monkeypatch.setattr(data_look, "_TELL_EVERY_S", 0.0)
    items_and_became = type("Topic", (), {"items": items, "became": became})
    return items_and_became


async def until(holds) -> None:
    async with asyncio.timeout(150):
        while not holds():
            await asyncio.sleep(0.005)


def test_it_shows_what_flows_and_says_when_that_is_all(session, topic):
    more = threading.Event()
    topic.items += [batch_of(10), more, batch_of(5)]

    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        assert topic.became == []
        await press(page, "Look at the data")
        await until(lambda: "10 alerts so far" in shown(page))
        await until(lambda: "SN candidate 10" in shown(page))
        more.set()
        await until(lambda: "15 alerts: all that the topic holds" in shown(page))
        await until(lambda: "SN candidate 15" in shown(page))
        assert "Look again" in labels(page)

    asyncio.run(run())
    assert topic.became == ["closed"]


def test_it_ends_with_the_session_also_while_nothing_flows(session, topic):
    topic.items += [batch_of(10), threading.Event()]

    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        look.start()
        await until(lambda: "10 alerts" in shown(page))
        session.end()
        await until(lambda: topic.became == ["closed"])

    asyncio.run(run())


def test_a_large_job_is_looked_at_in_part_and_wholly_on_demand(session, topic, monkeypatch):
    monkeypatch.setattr(data_look, "_MOST_ALERTS", 20)
    topic.items += [batch_of(10)] * 5

    async def run() -> None:
        page = DataLook(session, TOPIC).view()
        await press(page, "Look at the data")
        await until(lambda: "first 20 alerts" in shown(page))
        await press(page, "Look at all of it")
        await until(lambda: "50 alerts: all" in shown(page))

    asyncio.run(run())


def test_of_a_job_that_failed_what_it_sent_is_shown_with_the_reason(session, topic):
    topic.items += [batch_of(10), engine.JobError(f"the job failed {SCRIPT}")]

    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        look.start()
        await until(lambda: "the job failed" in shown(page))
        assert "10 alerts" in shown(page)
        assert "<script" not in shown(page)

    asyncio.run(run())


def test_labels_and_objects_are_shown_as_text(session, topic):
    topic.items += [batch_of(10, SCRIPT)]

    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        look.start()
        await until(lambda: "all that the topic holds" in shown(page))
        await until(lambda: shown(page).count("&lt;script&gt;") >= 4)
        assert "<script" not in shown(page)

    asyncio.run(run())


def test_an_outage_is_told_and_one_can_look_again(session, topic):
    topic.items += [engine.KafkaError("Kafka is silent")]

    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        look.start()
        await until(lambda: "Kafka is silent" in shown(page))
        assert "Look again" in labels(page)

    asyncio.run(run())


def test_an_empty_topic_is_told(session, topic):
    async def run() -> None:
        look = DataLook(session, TOPIC)
        page = look.view()
        look.start()
        await until(lambda: "No alert" in shown(page))

    asyncio.run(run())
