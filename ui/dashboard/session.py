"""One page that somebody has open: its query, its step, its job, and what ends with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import param

from engine import AlertTransferError, Settings
from ui.dashboard.errors import error_text
from ui.dashboard.query import Query
from ui.dashboard.services import Services

__all__ = ["STEPS", "Notice", "Session", "User"]

T = TypeVar("T")

_log = logging.getLogger("alert_transfer.dashboard")

STEPS = ("Data", "Filter", "Content", "Receive")


@dataclass(frozen=True, kw_only=True)
class User:
    """Who has the page open."""

    name: str
    is_operator: bool = False


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the page tells for a moment."""

    text: str
    is_error: bool


class Session(param.Parameterized):
    """One browser's session of the page.

    Parameters
    ----------
    services
        What all sessions share.
    user
        Who has the page open.
    """

    job = param.String(default=None, allow_None=True, doc="Topic of the job that is shown.")
    step = param.Integer(default=0, bounds=(0, len(STEPS) - 1))
    notice = param.ClassSelector(class_=Notice, default=None, allow_None=True, doc="What was told last.")

    def __init__(self, services: Services, user: User):
        super().__init__()
        self.services = services
        self.user = user
        self.query = Query(services.sources)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._at_end: list[Callable[[], None]] = []
        self._shared: dict[Callable[[Session], Any], Any] = {}
        self.is_ended = False
        self._shown: asyncio.Event | None = None

    def wait_until_shown(self) -> Callable[[], None]:
        """Have tasks begin when the browser shows the page; returns what is to be called then.

        What a component is told between the browser's copy of the page and its first paint, Panel does not send.
        """
        self._shown = asyncio.Event()
        return self._shown.set

    @property
    def is_shown(self) -> bool:
        """Whether the browser shows the page, as far as that is waited for."""
        return self._shown is None or self._shown.is_set()

    async def until_shown(self) -> None:
        """Return when the browser shows the page, at once if it does, or when the session ends."""
        if self._shown is not None:
            await self._shown.wait()

    @property
    def settings(self) -> Settings:
        """The server's settings as they count for this user: with the user's own limits."""
        return self.services.settings.for_user(self.user.name)

    def shared(self, make: Callable[[Session], T]) -> T:
        """Return what several parts of the page share, made when the first of them asks for it."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast(T, self._shared[make])

    def notify(self, told: Exception | str) -> None:
        """Tell something, an error or a sentence, for a moment."""
        if isinstance(told, Exception) and not isinstance(told, AlertTransferError):
            _log.error("the page met an error that is its own", exc_info=told)
            told = RuntimeError("the page met an error of its own; the server's log has it")
        self.notice = Notice(text=error_text(told), is_error=isinstance(told, Exception))

    def task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside the page; it is cancelled with the session, and an error of it is told."""
        task = asyncio.get_running_loop().create_task(coroutine if self.is_shown else self._when_shown(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        task.add_done_callback(lambda _: coroutine.close())  # it may not have begun
        return task

    async def _when_shown(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        await self.until_shown()
        return await coroutine

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.is_ended:
            self.notify(error if isinstance(error, Exception) else RuntimeError(str(error)))

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have something called when the session ends."""
        self._at_end.append(callback)

    def end(self) -> None:
        """End the session: its tasks are cancelled, and who waits for its end is called."""
        if self.is_ended:
            return
        self.is_ended = True
        for task in list(self._tasks):
            task.cancel()
        if self._shown is not None:
            self._shown.set()  # a browser may be gone before it has shown anything
        for callback in reversed(self._at_end):
            try:
                callback()
            except Exception:  # noqa: BLE001  the others are called all the same
                _log.exception("at the end of a session")
        self._at_end.clear()
