"""Submitting the page's query as a job: once, whatever was clicked, with the user's name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import param

import engine
from engine import AlertTransferError, Job, TransferPlan

if TYPE_CHECKING:
    from ui.dashboard.session import Session

__all__ = ["Submission"]

_DOUBLE_CLICK_S = 1.0


class Submission(param.Parameterized):
    """What becomes of a click on Test job or Submit job; one a session, wherever the buttons stand."""

    is_busy = param.Boolean(doc="Whether a job is being submitted.")
    waits_for = param.String(doc="What is waited for meanwhile.")
    error = param.ClassSelector(class_=Exception, default=None, allow_None=True, doc="Why it was refused.")
    notes = param.List(item_type=str, doc="What the user should know of the job that was submitted last.")

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._over_at = -_DOUBLE_CLICK_S
        session.query.param.watch(self._query_changed, "revision")

    def submit(self, *, test: bool = False) -> None:
        """Submit the query, unless that is being done or was done a moment ago."""
        if self.is_busy or time.monotonic() - self._over_at < _DOUBLE_CLICK_S:
            return
        # Before anything is awaited: a second click finds it so.
        self.param.update(is_busy=True, waits_for="Looking at the request…", error=None, notes=[])
        self._session.task(self._submit(test=test))

    async def _submit(self, *, test: bool) -> None:
        session, services = self._session, self._session.services
        try:
            await engine.aio.submit(
                session.query.request(),
                client=services.client,
                kafka=services.kafka or None,
                settings=session.settings,
                owner=session.user.name,
                test=test,
                on_start=self._started,
                on_note=self._note,
                on_plan=self._planned,
                on_wait=self._waits,
            )
        except AlertTransferError as exc:
            self.error = exc
        finally:
            self._end()

    def _started(self, job: Job) -> None:
        # Without a cluster of others, `submit` returns when the job is done: the page follows it from here on.
        self._session.job = job.topic
        self._session.step = 3
        self._session.notify(f"The job is submitted: {job.topic}")
        self._end()

    def _end(self) -> None:
        if self.is_busy:
            self._over_at = time.monotonic()
            self.param.update(is_busy=False, waits_for="")

    def _planned(self, plan: TransferPlan) -> None:
        self.notes = [*self.notes, *plan.notes]
        self.waits_for = "Starting the job…"

    def _note(self, text: str) -> None:
        self.notes = [*self.notes, text]

    def _waits(self, text: str) -> None:
        if self.is_busy:
            self.waits_for = f"{text[:1].upper()}{text[1:]}…"

    def _query_changed(self, _: param.parameterized.Event) -> None:
        # What was refused is no longer what the page asks for.
        self.error = None
