"""The estimate follows the query; an older one never takes the place of a newer one's."""

import asyncio

import pytest

import engine
from tests.ui.dashboard.waiting import until
from ui.dashboard.estimating import estimator_of


@pytest.fixture
def asked(services, monkeypatch):
    """The requests that were computed, each with the event that lets it return."""
    found = []

    async def compute(function, request, *, settings, **kwargs):
        assert function is engine.estimate
        go = asyncio.Event()
        found.append((request, go))
        await go.wait()
        return await asyncio.to_thread(function, request, settings=settings, **kwargs)

    monkeypatch.setattr(services, "compute", compute)
    return found


def test_a_new_page_shows_its_last_night_at_once_and_then_the_estimate(session, asked):
    async def look():
        estimator = estimator_of(session)
        await until(lambda: asked)
        assert session.query.nights == ["2021-11-24"]
        assert (estimator.most, estimator.estimate, estimator.is_working) == (10, None, True)
        asked[0][1].set()
        await until(lambda: estimator.estimate)
        assert (estimator.estimate.num_alerts, estimator.is_working) == (10, False)

    asyncio.run(look())


def test_while_one_estimate_runs_the_newest_of_those_that_wait_is_made(session, asked):
    session.query.nights = ["2021-11-22"]

    async def look():
        estimator = estimator_of(session)
        seen = []
        estimator.param.watch(lambda event: seen.append(event.new), "estimate")
        await until(lambda: len(asked) == 1)
        for limit in (3, 4, 5):
            session.query.limit = limit
            await asyncio.sleep(0.3)  # longer than the pause after typing: each of them waits for the first
        assert len(asked) == 1
        asked[0][1].set()
        await until(lambda: len(asked) == 2)
        asked[1][1].set()
        await until(lambda: estimator.estimate)
        assert [request.limit for request, _ in asked] == [None, 5]
        assert [found.num_alerts for found in seen] == [5]  # the first one's was dropped

    asyncio.run(look())


def test_what_is_wrong_is_told_and_goes_when_it_is_mended(session, services, monkeypatch):
    monkeypatch.setattr(services, "compute", services.run)
    session.query.update(nights=["2021-11-22"], where="candidate.magpsff > 19")

    async def look():
        estimator = estimator_of(session)
        await until(lambda: estimator.problem)
        assert isinstance(estimator.problem, engine.ConditionError)
        assert estimator.estimate is None
        session.query.where = "candidate.magpsf > 0"
        await until(lambda: estimator.estimate)
        assert (estimator.problem, estimator.estimate.num_alerts) == (None, 10)
        session.query.nights = ["2021-11"]
        await until(lambda: estimator.estimate and estimator.estimate.num_alerts == 20)
        session.query.nights = ["2021-11-23"]
        await until(lambda: estimator.problem)
        assert isinstance(estimator.problem, engine.ArchiveError)

    asyncio.run(look())


def test_all_alerts_are_counted_on_demand(session, services, monkeypatch):
    monkeypatch.setattr(services, "compute", services.run)
    session.query.nights = ["2021-11"]

    async def look():
        estimator = estimator_of(session)
        await until(lambda: estimator.estimate)
        seen = []
        estimator.param.watch(lambda event: seen.append(event.new), "counting")
        await estimator.count_all()
        assert estimator.estimate.exact
        assert estimator.estimate.num_alerts == 20
        assert seen[0] == (0, 0)
        assert seen[-1] is None

    asyncio.run(look())


def test_an_archive_that_can_not_be_read_is_told(session):
    session.query.source = "rubin"

    async def look():
        estimator = estimator_of(session)
        await until(lambda: estimator.problem)
        assert "/nowhere/lsst" in estimator.problem.message

    asyncio.run(look())


def test_a_session_that_ended_estimates_no_more(session, asked):
    async def look():
        estimator = estimator_of(session)
        await until(lambda: asked)
        session.end()
        asked[0][1].set()
        await asyncio.sleep(0.05)
        session.query.nights = ["2021-11"]
        await asyncio.sleep(0.3)
        assert (len(asked), estimator.estimate) == (1, None)
        assert estimator_of(session) is not estimator  # it was let go

    asyncio.run(look())
