"""The monitor shows how a job stands, and acts on it once."""

import asyncio
from dataclasses import replace

import panel as pn
import panel_material_ui as pmui
import pytest

import engine
from tests.ui.dashboard.fake_jobs import SCRIPT, TOPIC, FakeJob, labels, press, shown, status_of
from ui.dashboard import monitor
from ui.dashboard.components import LogBox
from ui.dashboard.following import look_at
from ui.dashboard.monitor import MonitorView, status_html


def sight_of(status: engine.JobStatus, lines: tuple[str, ...] = ()):
    return look_at(FakeJob(status, lines=lines))


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("queued", {"Cancel job"}),
        ("running", {"Cancel job"}),
        ("complete", set()),
        ("empty", set()),
        ("failed", {"Resume job"}),
        ("cancelled", {"Resume job"}),
        ("interrupted", {"Resume job"}),
    ],
)
def test_each_state_has_its_buttons_and_a_sentence(session, state, buttons):
    view = MonitorView(session, TOPIC)
    view.show(sight_of(status_of(state)))
    assert labels(view.layout()) == buttons
    assert "100 of 800 alerts sent" in shown(view.layout())


def test_the_bar_tells_its_part_to_screen_readers():
    text = status_html(status_of(num_archive_alerts=4_000, num_looked_at=1_000, left_s=50.0))
    assert "role='progressbar'" in text
    assert "aria-valuenow='25'" in text
    assert "50 s" in text


def test_what_others_wrote_is_shown_as_text(session):
    error = {"message": SCRIPT, "accepted": SCRIPT, "next": SCRIPT}
    view = MonitorView(session, TOPIC)
    view.show(sight_of(status_of("failed", owner=SCRIPT, warnings=[SCRIPT], error=error), lines=(SCRIPT,)))
    assert "<script" not in shown(view.layout())
    assert shown(view.layout()).count("&lt;script&gt;") >= 5
    [log] = view.layout().select(LogBox)
    assert log.lines == [SCRIPT]  # the browser makes text of it


def test_a_failed_job_tells_why_and_what_next(session):
    error = {"message": "the file is damaged", "accepted": "Parquet", "next": "repair it"}
    view = MonitorView(session, TOPIC)
    view.show(sight_of(status_of("failed", error=error, next_step=f"take it up again with: resume {TOPIC}")))
    for text in ("the file is damaged", "Parquet", "repair it", "take it up again"):
        assert text in shown(view.layout())


def test_an_outage_is_told_beside_what_was_known_and_goes_again(session):
    view = MonitorView(session, TOPIC)
    known = sight_of(status_of())
    view.show(known)
    view.show(replace(known, problem=engine.KafkaError("Kafka is silent")))
    assert "Kafka is silent" in shown(view.layout())
    assert "as of" in shown(view.layout())
    assert "100 of 800" in shown(view.layout())
    view.show(sight_of(status_of()))
    assert "Kafka is silent" not in shown(view.layout())


def test_a_job_that_is_not_there_shows_no_empty_monitor(session):
    view = MonitorView(session, TOPIC)
    view.show(replace(view.sight, problem=engine.InputError("there is no job"), is_gone=True))
    assert "there is no job" in shown(view.layout())
    assert any(not box.visible and box.select(LogBox) for box in view.layout().select(pn.Column))
    assert not labels(view.layout())


def test_a_cancel_is_confirmed_and_done_once(session, monkeypatch):
    cancelled = []

    async def cancel(job, by):
        cancelled.append(by)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(engine.aio, "cancel", cancel)
    monkeypatch.setattr(monitor, "open_job", lambda topic, session: FakeJob(status_of("cancelled")))

    async def run() -> None:
        view = MonitorView(session, TOPIC)
        view.show(sight_of(status_of()))
        page = view.layout()
        await press(page, "Cancel job")
        assert cancelled == []
        [dialog] = page.select(pmui.Dialog)
        assert dialog.open
        await press(page, "Cancel the job", times=2)
        assert not dialog.open
        assert cancelled == ["me"]
        view.stop()

    asyncio.run(run())


def test_a_refused_resume_is_told_and_the_button_is_back(session, monkeypatch):
    async def resume(topic, **_):
        raise engine.JobError(f"{topic} runs")

    monkeypatch.setattr(engine.aio, "resume", resume)
    monkeypatch.setattr(monitor, "open_job", lambda topic, session: FakeJob(status_of("failed")))

    async def run() -> None:
        view = MonitorView(session, TOPIC)
        view.show(sight_of(status_of("failed")))
        page = view.layout()
        await press(page, "Resume job")
        assert session.notice.is_error
        assert "Resume job" in labels(page)
        view.stop()

    asyncio.run(run())


def test_nothing_is_shown_once_the_session_has_ended(session):
    view = MonitorView(session, TOPIC)
    session.end()
    view.show(sight_of(status_of()))
    assert view.sight.status is None
