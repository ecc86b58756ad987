"""What ended sessions leave is freed, though Python itself does not look."""

import asyncio
import gc
import weakref

import pytest

from tests.ui.dashboard.waiting import until
from ui.dashboard.leftovers import Leftovers


class Knot:
    """What only a search for garbage frees."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def _nobody_else_looks():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_nobody_else_looks")
def test_what_an_ended_session_leaves_is_freed_each_time():
    async def play() -> None:
        leftovers = Leftovers(pause_s=0.01)
        collecting = asyncio.create_task(leftovers.collect())
        for _ in range(2):
            left = weakref.ref(Knot())
            leftovers.session_ended()
            await until(lambda: left() is None)  # noqa: B023  it is awaited at once
        collecting.cancel()

    asyncio.run(play())


@pytest.mark.usefixtures("_nobody_else_looks")
def test_sessions_that_end_together_are_looked_for_once_and_nothing_is_while_none_ends():
    searches: list[int] = []

    def looked(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            searches.append(info["generation"])

    async def play() -> None:
        leftovers = Leftovers(pause_s=0.05)
        collecting = asyncio.create_task(leftovers.collect())
        for _ in range(20):
            leftovers.session_ended()
        await until(lambda: searches)
        await asyncio.sleep(0.2)
        collecting.cancel()

    gc.callbacks.append(looked)
    try:
        asyncio.run(play())
    finally:
        gc.callbacks.remove(looked)
    assert searches == [2]
