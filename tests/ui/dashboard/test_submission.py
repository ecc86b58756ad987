"""A query is submitted once, whatever is clicked, and a refusal stands beside the buttons."""

import asyncio

import pytest

import engine
from tests.ui.dashboard.fake_jobs import SCRIPT, TOPIC, labels, press, shown
from tests.ui.dashboard.waiting import until
from ui.dashboard.estimating import estimator_of
from ui.dashboard.receive import ReceiveStep, SubmitButtons
from ui.dashboard.submission import Submission


class Submitted(list):
    """The calls of `engine.aio.submit`; each takes a moment, and raises what a test has put here."""

    error: Exception | None = None

    async def __call__(self, request, **given):
        self.append((request, given))
        given["on_wait"]("planning")
        await asyncio.sleep(0.02)
        if self.error:
            raise self.error
        given["on_plan"](type("Plan", (), {"notes": [f"a note with {SCRIPT}"]}))
        job = type("Job", (), {"topic": TOPIC})()
        given["on_start"](job)
        return job


@pytest.fixture
def submitted(monkeypatch) -> Submitted:
    calls = Submitted()
    monkeypatch.setattr(engine.aio, "submit", calls)
    return calls


def test_a_double_click_submits_once_with_the_users_name(session, submitted):
    session.query.update(nights=["2021-11-22"])

    async def run() -> None:
        buttons = SubmitButtons(session).view()
        await press(buttons, "Submit job", times=2)
        await press(buttons, "Submit job")

    asyncio.run(run())
    [(request, given)] = submitted
    assert request.nights == ("2021-11-22",)
    assert (given["owner"], given["test"]) == ("me", False)
    assert (session.job, session.step) == (TOPIC, 3)


def test_a_test_job_is_one(session, submitted):
    session.query.update(nights=["2021-11-22"])

    async def run() -> None:
        await press(SubmitButtons(session).view(), "Test job")

    asyncio.run(run())
    assert [given["test"] for _, given in submitted] == [True]


def test_all_buttons_of_a_session_wait_while_one_submits(session, submitted):
    session.query.update(nights=["2021-11-22"])

    async def run() -> None:
        here, there = SubmitButtons(session).view(), SubmitButtons(session).view()
        session.shared(Submission).submit()
        await asyncio.sleep(0.01)
        assert "Planning" in shown(there)
        await press(there, "Test job")
        assert "Planning" not in shown(here)

    asyncio.run(run())
    assert len(submitted) == 1


def test_a_refusal_stands_beside_the_buttons_until_the_query_changes(session, submitted):
    session.query.update(nights=["2021-11-22"])
    submitted.error = engine.RequestError(f"no class {SCRIPT}", accepted="a class", next_step="choose one")

    async def run() -> None:
        buttons = SubmitButtons(session).view()
        await press(buttons, "Submit job")
        told = shown(buttons)
        assert "no class &lt;script&gt;" in told
        assert "a class" in told
        assert "choose one" in told
        session.query.update(nights=["2021-11-24"])
        assert "no class" not in shown(buttons)

    asyncio.run(run())
    assert session.job is None


def test_what_is_no_request_is_refused_before_anything_is_called(session, submitted):
    async def run() -> None:
        buttons = SubmitButtons(session).view()
        await press(buttons, "Submit job")
        assert "nights" in shown(buttons)

    asyncio.run(run())
    assert submitted == []


def test_the_plans_notes_are_told_as_text(session, submitted):
    session.query.update(nights=["2021-11-22"])

    async def run() -> None:
        buttons = SubmitButtons(session).view()
        await press(buttons, "Submit job")
        assert "a note with &lt;script&gt;" in shown(buttons)

    asyncio.run(run())


def test_the_step_says_what_to_do_before_there_is_a_job(session):
    step = ReceiveStep(session).view()
    assert "Test job" in shown(step)
    assert "Cancel job" not in labels(step)


@pytest.mark.parametrize(
    ("wrong", "step"), [({"where": "candidate.foo > 1"}, "Filter"), ({"nights": ["2021-11-23"]}, "Data")]
)
def test_what_can_not_be_submitted_is_not_offered_and_it_is_said_why(session, submitted, monkeypatch, wrong, step):
    monkeypatch.setattr(session.services, "compute", session.services.run)
    session.query.update(**{"nights": ["2021-11-22"]} | wrong)

    async def run() -> None:
        buttons = SubmitButtons(session, estimator_of(session)).view()
        both = buttons.select(lambda part: getattr(part, "label", "") in ("Test job", "Submit job"))
        await until(lambda: all(button.disabled for button in both))
        assert f"the step {step} shows" in shown(buttons)
        session.query.update(nights=["2021-11-22"], where="")
        await until(lambda: not any(button.disabled for button in both))
        assert "the step" not in shown(buttons)

    asyncio.run(run())
