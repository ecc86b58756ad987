"""The page's address: the query, the step and the job that it shows, so that a link or a reload shows them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl, quote

import param

import engine
from ui.dashboard.session import STEPS, Session

__all__ = ["address_of", "open_address", "watch_address"]

_PAUSE_S = 0.3
_TOPIC_CHARACTERS = 249
Went: TypeAlias = Callable[[str], None]


class Show(Protocol):
    """Has the browser show an address."""

    def __call__(self, address: str, *, is_place: bool) -> None: ...


def address_of(session: Session) -> str:
    """Return what stands behind the page's path: `?q=…&step=filter&job=ftransfer_…`, of which each may be missing.

    Raises
    ------
    RequestError
        If the query is too long for an address.
    """
    parts = []
    if session.query.values().keys() - {"source"} or session.query.source != session.services.sources.first.name:
        parts.append(session.query.to_link().removeprefix("?"))
    if session.step:
        parts.append(f"step={STEPS[session.step].lower()}")
    if session.job:
        parts.append(f"job={quote(session.job, safe='')}")
    return f"?{'&'.join(parts)}" if parts else ""


def open_address(session: Session, search: str) -> None:
    """Have a session show what an address says; what is wrong with it is told, and the rest counts.

    Parameters
    ----------
    session
        Whose page it is.
    search
        What stands behind the page's path; others may have written it.
    """
    values = dict(parse_qsl(search.removeprefix("?"), errors="replace")) if len(search) <= 20_000 else {}
    steps = [name.lower() for name in STEPS]
    if values.get("q"):
        try:
            session.query.from_link(f"?q={values['q']}")
        except engine.AlertTransferError as exc:
            session.notify(exc)
    job = values.get("job") or None
    session.job = job if job is None or len(job) <= _TOPIC_CHARACTERS else None
    session.step = steps.index(values["step"]) if values.get("step") in steps else 0


class _Watching:
    """Keeps the browser's address as the session is."""

    def __init__(self, session: Session, show: Show):
        self._session, self._show = session, show
        self._shown: str | None = None
        self._is_waiting = self._is_told = False
        session.query.param.watch(self._typed, "revision")
        session.param.watch(self._gone, ["step", "job"])
        self._write(is_place=False)

    async def _typed(self, _: param.parameterized.Event) -> None:
        if self._is_waiting:
            return
        self._is_waiting = True
        try:
            await asyncio.sleep(_PAUSE_S)
        finally:
            self._is_waiting = False
        self._write(is_place=False)

    async def _gone(self, *_: param.parameterized.Event) -> None:
        self._write(is_place=True)

    def _write(self, *, is_place: bool) -> None:
        try:
            address = address_of(self._session)
        except engine.AlertTransferError as exc:
            if not self._is_told:
                self._is_told = True
                self._session.notify(exc)
            return
        self._is_told = False
        if address != self._shown:
            self._shown = address
            self._show(address, is_place=is_place)

    def went(self, search: str) -> None:
        """Follow the browser, which went back or forward."""
        open_address(self._session, search)
        self._shown = search
        self._write(is_place=False)


def watch_address(session: Session, show: Show) -> Went:
    """Keep the browser's address as a session is.

    Parameters
    ----------
    session
        Whose page it is.
    show
        Has the browser show an address, as a place to come back to or in the place of what it showed.

    Returns
    -------
    Went
        What is to be called with the address when the browser goes back or forward.
    """
    return _Watching(session, show).went
