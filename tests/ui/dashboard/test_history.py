"""The list of jobs: one's own, and an operator's of everyone."""

import asyncio

import pytest

import engine
from tests.ui.dashboard.fake_jobs import SCRIPT, TOPIC, press, shown, status_of
from ui.dashboard.components import JobTable
from ui.dashboard.history import HistoryView, row_of
from ui.dashboard.session import Session, User


class Listed(list):
    """What `engine.aio.jobs` gives: the statuses in it, or an error."""

    error: Exception | None = None

    def __init__(self):
        super().__init__()
        self.asked: list[dict] = []

    async def __call__(self, kafka, **given):
        self.asked.append(given)
        if self.error:
            raise self.error
        given["note"](f"{SCRIPT} can't be read")
        return list(self)


@pytest.fixture
def listed(monkeypatch) -> Listed:
    jobs = Listed()
    monkeypatch.setattr(engine.aio, "jobs", jobs)
    return jobs


def rows_of(page) -> list[str]:
    [table] = page.select(JobTable)
    return [row["topic"] for row in table.rows] if table.visible else []


def test_it_lists_ones_own_jobs_and_nobodys_the_newest_first(session, listed):
    owners = ("me", "other", "")
    listed += [status_of(topic=f"ftransfer_{owner or 'nobody'}", owner=owner) for owner in owners]

    async def run() -> None:
        page = HistoryView(session).view()
        await asyncio.sleep(0.02)
        assert rows_of(page) == ["ftransfer_nobody", "ftransfer_me"]

    asyncio.run(run())
    assert [(asked["owner"], asked["everyone"]) for asked in listed.asked] == [("me", False)]


def test_an_operator_sees_those_of_everyone(services, listed):
    listed += [status_of(topic=f"ftransfer_{owner}", owner=owner) for owner in ("me", "other")]
    session = Session(services, User(name="op", is_operator=True))

    async def run() -> None:
        page = HistoryView(session).view()
        await asyncio.sleep(0.02)
        assert rows_of(page) == ["ftransfer_other", "ftransfer_me"]

    asyncio.run(run())
    assert listed.asked[0]["everyone"]


def test_only_a_job_that_is_listed_can_be_chosen(session, listed):
    listed.append(status_of())

    async def run() -> None:
        page = HistoryView(session).view()
        await asyncio.sleep(0.02)
        [table] = page.select(JobTable)
        for told in ("ftransfer_other", {"topic": TOPIC}, None, ["x"]):
            table._handle_msg(told)
            assert session.job is None
        table._handle_msg(TOPIC)
        assert session.job == TOPIC

    asyncio.run(run())


def test_an_outage_leaves_what_was_listed(session, listed):
    listed.append(status_of())

    async def run() -> None:
        page = HistoryView(session).view()
        await asyncio.sleep(0.02)
        listed.error = engine.KafkaError("Kafka is silent")
        await press(page, "Refresh")
        assert "Kafka is silent" in shown(page)
        assert rows_of(page) == [TOPIC]

    asyncio.run(run())


def test_a_list_without_a_job_says_so(session, listed):
    async def run() -> None:
        page = HistoryView(session).view()
        await asyncio.sleep(0.02)
        assert "No job" in shown(page)
        assert "<script" not in shown(page)

    asyncio.run(run())


def test_a_row_says_what_was_asked_for():
    request = {"nights": ["2021-11-22"], "where": ["candidate.magpsf < 17", "a > 1", "b > 1"], "limit": 10}
    row = row_of(status_of(owner="me\nand you", request=request))
    assert row["alerts"] == "100 of 800"
    assert "first 10" in row["asked"]
    assert "and 1 more" in row["asked"]
    assert "\n" not in row["owner"]
