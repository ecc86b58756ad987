"""The whole page of a session, without a browser."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import panel as pn
import panel_material_ui as pmui
import pytest
from bokeh.document import Document

import engine
from tests.ui.dashboard.waiting import until
from ui.dashboard.components import BrowserLink
from ui.dashboard.page import Page
from ui.dashboard.services import Services
from ui.dashboard.session import Session, User


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(play())


def browser_of(page: pn.viewable.Viewable) -> BrowserLink:
    (found,) = page.select(BrowserLink)
    return found


def text_of(page: pn.viewable.Viewable) -> str:
    return "\n".join(str(pane.object) for pane in page.select(pn.pane.HTML) if pane.visible)


def button(page: pn.viewable.Viewable, label: str) -> pmui.Button:
    (found,) = [one for one in page.select(pmui.Button) if one.label == label]
    return found


def test_a_step_that_is_chosen_before_the_page_is_shown_comes_with_it(session):
    async def play() -> None:
        shown = session.wait_until_shown()
        page = Page(session).view()
        (stepper,) = page.select(pmui.StepperMenu)
        stepper.active = 1
        await until(lambda: session.step == 1)
        assert "Filter alerts" not in text_of(page)
        shown()
        await until(lambda: "Filter alerts" in text_of(page))

    played(play)


def test_steps_are_built_when_they_are_visited_and_visited_in_any_order(session):
    async def play() -> None:
        page = Page(session).view()
        (stepper,) = page.select(pmui.StepperMenu)
        assert [item["label"] for item in stepper.items] == ["Data", "Filter", "Content", "Receive"]
        assert "Choose your data" in text_of(page)
        await until(lambda: page.select(pmui.DateRangePicker))  # as soon as the nights are known
        before = len(page.select())
        for step, said in ((3, "Receive your alerts"), (1, "Filter alerts"), (0, "Choose your data")):
            stepper.active = step
            await until(lambda said=said: said in text_of(page))
            assert session.step == step
        assert len(page.select()) == before
        assert button(page, "Back").disabled

    played(play)


def test_the_page_opens_where_its_address_says_and_follows_the_browser_back(session):
    async def play() -> None:
        page = Page(session, "?step=filter&job=ftransfer_nobody_knows").view()
        (stepper,) = page.select(pmui.StepperMenu)
        assert (stepper.active, session.job) == (1, "ftransfer_nobody_knows")
        button(page, "Next").clicks += 1
        await asyncio.sleep(0.05)
        assert browser_of(page).search.endswith("step=content&job=ftransfer_nobody_knows")
        assert browser_of(page).is_place
        browser_of(page)._handle_msg({"went": "?step=filter"})
        await asyncio.sleep(0.05)
        assert (stepper.active, session.job) == (1, None)

    played(play)


@pytest.mark.parametrize(
    "told",
    [
        None,
        "text",
        {"went": 5},
        {"went": None},
        {"text": 5},
        {"nbytes": "x"},
        {"name": ["x"], "nbytes": True},
        {"typed": 5},
        {"typed": {"nights": 5}},
        [],
    ],
)
def test_whatever_a_browser_tells_changes_no_query(session, told):
    async def play() -> None:
        page = Page(session).view()
        before = session.query.values()
        browser_of(page)._handle_msg(told)
        assert session.query.values() == before

    played(play)


def test_a_dropped_file_is_taken_or_its_error_is_shown(session):
    async def play() -> None:
        page = Page(session).view()
        browser_of(page)._handle_msg({"name": "a.yaml", "text": "nights: 2021-11-24\nwhere: candidate.magpsf < 18"})
        await asyncio.sleep(0.05)
        assert session.query.where == "candidate.magpsf < 18"
        browser_of(page)._handle_msg({"name": "<b>b</b>", "nbytes": 5_000_000})
        await asyncio.sleep(0.05)
        last = browser_of(page).notices[-1]
        assert last["is_error"]
        assert "5,000,000" in last["text"]
        assert session.query.where == "candidate.magpsf < 18"

    played(play)


def test_a_lost_kafka_and_cluster_show_a_banner_that_goes_when_they_are_back(session, services):
    async def play() -> None:
        page = Page(session).view()
        session.query.where = "typed before"
        assert "can't be used" not in text_of(page)
        services.broker_problem = "Kafka at <b>127.0.0.1:1</b> does not answer"
        services.cluster_problem = "it has ended"
        await asyncio.sleep(0.05)
        shown = text_of(page)
        assert "does not answer" in shown
        assert "<b>127" not in shown
        assert "it has ended" in shown
        services.broker_problem = services.cluster_problem = None
        await asyncio.sleep(0.05)
        assert "can't be used" not in text_of(page)
        assert session.query.where == "typed before"

    played(play)


def test_nothing_of_a_session_stays_in_what_all_share(services):
    async def play() -> list[weakref.ref[Any]]:
        session = Session(services, User(name="me"))
        page = Page(session).view()
        document = page.server_doc(Document())
        session.end()
        await asyncio.sleep(0.05)
        for one in page.select():
            one._cleanup(document.roots[0])
        document.clear()
        return [weakref.ref(session), weakref.ref(page)]

    kept = asyncio.run(play())
    watchers = services.param.watchers.get("broker_problem", {}).get("value", [])
    assert watchers == []
    gc.collect()
    busy = pn.state.param.watchers.get("busy", {}).get("value", [])
    assert not [watcher for watcher in busy if getattr(watcher.fn, "__self__", None) is kept[1]()]


def test_health_is_told_and_heals_by_itself(sample_archive, tmp_path):
    async def play() -> None:
        services = Services(engine.Settings(archive=sample_archive, kafka="127.0.0.1:1"))
        watching = asyncio.create_task(services.watch())
        while services.broker_problem is None:
            await asyncio.sleep(0.01)
        assert "127.0.0.1:1" in services.broker_problem
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        services.kafka = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        while services.broker_problem is not None:
            await asyncio.sleep(0.05)
        watching.cancel()
        server.close()
        services.close()

    played(play)


def test_a_cluster_of_this_machine_that_ended_is_told_and_started_again(sample_archive, monkeypatch):
    """Whatever goes wrong the first time, it is tried again."""
    monkeypatch.setattr("ui.dashboard.services._EVERY_S", 0.01)
    dead, alive = SimpleNamespace(status="closed"), SimpleNamespace(status="running")
    clients, tries = [dead], []

    def mend() -> None:
        tries.append(services.cluster_problem)
        if len(tries) < 2:
            raise RuntimeError("the machine is busy")
        clients[:] = [alive]

    services = Services(engine.Settings(archive=sample_archive), client=dead, mend=mend, client_now=lambda: clients[0])

    async def look() -> None:
        watching = asyncio.create_task(services.watch())
        await until(lambda: services.client is alive and services.cluster_problem is None)
        watching.cancel()

    asyncio.run(look())
    services.close()
    assert tries[:2] == ["the Dask cluster on this machine has ended"] * 2
