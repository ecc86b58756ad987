"""The estimate of a session's query: at once what is known of the nights, then the engine's, and in full on demand.

An estimate of an older query never takes the place of a newer one's: each change has a number, and what comes back with
another is dropped. One estimate of a session runs at a time; of those that wait for it the newest alone is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import param

import engine
from ui.dashboard.chosen_nights import dates_of, preset
from ui.dashboard.holdings import holdings_of
from ui.dashboard.session import Session

__all__ = ["Estimator", "estimator_of"]

_PAUSE_S = 0.15
"""Between the last change and the estimate: somebody who types is not asked for each letter."""
_AGAIN_S = 30.0


class Estimator(param.Parameterized):
    """The estimate of a session, kept up to date."""

    info = param.Parameter(default=None, doc="The ArchiveInfo of the source; None while it is read.")
    most = param.Integer(default=None, allow_None=True, doc="Alerts of the chosen nights; None while not known.")
    estimate = param.Parameter(default=None, doc="The Estimate of the query as it is; None while there is none.")
    problem = param.Parameter(default=None, doc="The error of the query as it is.")
    is_working = param.Boolean(default=False)
    counting = param.Tuple(default=None, length=2, allow_None=True, doc="How many of how many were counted in full.")

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._number = 0
        self._running: asyncio.Task[None] | None = None
        self._holdings = holdings_of(session.services)
        self._watcher = session.query.param.watch(self._changed, "revision")
        session.on_end(self._end)

    def start(self) -> None:
        """Read what the source holds, and make the first estimate."""
        query, number = self._session.query, self._number
        if (info := self._holdings.info_now(query.sources[query.source])) is not None:
            self._take(info)  # so the browser has it with the page itself
            self.most = self._most()
        if number == self._number:  # else nights were chosen, and that is on its way
            self._session.task(self._make(number))

    async def count_all(self) -> None:
        """Count all alerts of the query."""
        number = self._number
        request = self._session.query.request()
        self.counting = (0, 0)
        services = self._session.services
        try:
            if services.client is None:  # then it is counted on this machine, in a process of its own
                found = await services.compute(engine.estimate, request, settings=services.settings, exact=True)
            else:
                found = await engine.aio.estimate(
                    request,
                    settings=services.settings,
                    client=services.client,
                    exact=True,
                    progress=self._progress(number),
                )
        except engine.AlertTransferError as exc:
            self._settle(number, None, exc)
        else:
            self._settle(number, found, None)
        finally:
            if number == self._number:
                self.counting = None

    def _progress(self, number: int) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if number == self._number:
                self.counting = (done, total)

        return tell

    def _changed(self, *_: Any) -> None:
        self._number += 1
        self._session.task(self._make(self._number))

    async def _read_info(self, number: int) -> None:
        query = self._session.query
        try:
            info = await self._holdings.info(query.sources[query.source])
        except engine.AlertTransferError as exc:
            if number == self._number:
                self.param.update(info=None, most=None)
                self._settle(number, None, exc)
            return
        if number != self._number:
            return
        if self.info is info:
            return
        self._take(info)

    def _take(self, info: engine.ArchiveInfo) -> None:
        query = self._session.query
        self.param.update(info=info, estimate=None, problem=None)  # what was estimated was of another source
        if info.nights and not query.nights:
            query.nights = preset("night", [night.night for night in info.nights])

    async def _make(self, number: int) -> None:
        self.is_working = True  # what is shown is of the query before
        await self._read_info(number)
        if number != self._number:
            return
        if self.info is None:
            self.is_working = False
            return
        self.param.update(counting=None, most=self._most())
        await asyncio.sleep(_PAUSE_S)
        while self._running is not None and number == self._number:
            await asyncio.wait([self._running])
        if number == self._number and not self._session.is_ended:
            self._running = self._session.task(self._estimate(number))

    async def _estimate(self, number: int) -> None:
        try:
            if not self._session.query.nights:
                self._settle(number, None, None)
                return
            request = self._session.query.request()
            services = self._session.services
            found = await services.compute(engine.estimate, request, settings=services.settings)
        except engine.AlertTransferError as exc:
            self._settle(number, None, exc)
        else:
            self._settle(number, found, None)
        finally:
            self._running = None
            if number == self._number:
                self.is_working = False

    def _settle(self, number: int, found: engine.Estimate | None, problem: Exception | None) -> None:
        if number != self._number or self._session.is_ended:
            return
        if problem is not None and str(problem) == str(self.problem):
            problem = self.problem  # nothing new is told
        self.param.update(estimate=found, problem=problem)
        if isinstance(problem, engine.ArchiveError):
            self._session.task(self._look_again(number))

    async def _look_again(self, number: int) -> None:
        """Make the estimate anew after a while: an archive that could not be read may be back."""
        await asyncio.sleep(_AGAIN_S)
        if number == self._number:
            self._changed()

    def _most(self) -> int | None:
        """Return how many alerts the chosen nights have."""
        if self.info is None:
            return None
        try:
            chosen = set(dates_of(self._session.query.nights))
        except engine.AlertTransferError:
            return None
        return sum(night.num_alerts for night in self.info.nights if night.night in chosen)

    def _end(self) -> None:
        self._session.query.param.unwatch(self._watcher)


_of_sessions: dict[Session, Estimator] = {}


def estimator_of(session: Session) -> Estimator:
    """Return the estimator of a session; the same for all its views, begun on first use."""
    if session not in _of_sessions:
        _of_sessions[session] = Estimator(session)
        session.on_end(lambda: _let_go(session))
        _of_sessions[session].start()
    return _of_sessions[session]


def _let_go(session: Session) -> None:
    _of_sessions.pop(session, None)
