"""A session ends with its browser: its tasks, and what waits for its end."""

import asyncio
import inspect

import pytest

import engine
from ui.dashboard.services import Services
from ui.dashboard.session import Session, User


def test_a_task_is_cancelled_with_the_session_and_its_error_is_told(session):
    async def waits(ended: list[str]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def fails(error: Exception) -> None:
        raise error

    async def run() -> None:
        ended: list[str] = []
        session.task(waits(ended))
        session.task(fails(engine.KafkaError("Kafka is silent", next_step="wait")))
        await asyncio.sleep(0.01)
        assert session.notice.is_error
        assert session.notice.text.splitlines() == ["Kafka is silent", "Next: wait"]
        session.on_end(lambda: ended.append("told"))
        session.end()
        await asyncio.sleep(0.01)
        assert sorted(ended) == ["cancelled", "told"]

    asyncio.run(run())


def test_an_error_of_our_own_tells_users_nothing_of_our_code(session, caplog):
    async def run() -> None:
        async def fails() -> None:
            raise KeyError("/secret/path")

        session.task(fails())
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert "secret" not in session.notice.text
    assert "/secret/path" in caplog.text


def test_all_who_wait_for_the_end_are_told_once_also_if_one_fails(session, caplog):
    told: list[int] = []
    session.on_end(lambda: told.append(1))
    session.on_end(lambda: [][0])
    session.end()
    session.end()
    assert told == [1]
    assert "IndexError" in caplog.text


def test_a_step_is_one_of_four(session):
    with pytest.raises(ValueError, match="step"):
        session.step = 4


def test_a_user_has_the_limits_of_the_settings_or_those_of_their_own(sample_archive):
    limits = {"me": {"max_alerts": 7}}
    settings = engine.Settings(archive=sample_archive, limits={"max_alerts": 5}, dashboard={"user_limits": limits})
    services = Services(settings)
    assert Session(services, User(name="me")).settings.limits.max_alerts == 7
    assert Session(services, User(name="you")).settings.limits.max_alerts == 5


def test_tasks_begin_when_the_browser_shows_the_page(session):
    """Between the browser's copy of the page and its first paint, Panel drops what components are told."""
    done = []

    async def work() -> None:
        done.append("done")

    async def run() -> None:
        shown = session.wait_until_shown()
        task = session.task(work())
        await asyncio.sleep(0.01)
        assert (done, session.is_shown) == ([], False)
        shown()
        await task
        assert (done, session.is_shown) == (["done"], True)
        await session.task(work())

    asyncio.run(run())


def test_a_session_that_was_never_shown_ends_with_its_tasks(session):
    async def run() -> None:
        session.wait_until_shown()
        task = session.task(asyncio.sleep(0))
        await asyncio.sleep(0)
        session.end()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize("is_shown", [True, False])
def test_of_a_task_whose_session_ends_at_once_nothing_waits_to_be_run(session, is_shown):
    async def run() -> None:
        if not is_shown:
            session.wait_until_shown()
        work = asyncio.sleep(0)
        task = session.task(work)
        session.end()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED

    asyncio.run(run())


def test_whoever_waits_for_a_page_that_is_never_shown_waits_until_the_session_ends(session):
    async def run() -> None:
        session.wait_until_shown()
        waiting = asyncio.create_task(session.until_shown())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        session.end()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(run())
