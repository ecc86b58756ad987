"""The jobs of the session's user, wherever they were submitted: Kafka has the list, so it outlives server and page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
import param

import engine
from consumer.cli import one_line
from engine import AlertTransferError, JobStatus
from ui.dashboard.components import JobTable
from ui.dashboard.errors import ErrorBox
from ui.dashboard.job_access import may_see
from ui.dashboard.words import count_text, size_text
from ui.request_text import request_line

if TYPE_CHECKING:
    from ui.dashboard.session import Session

__all__ = ["HistoryView", "row_of"]

_NO_MARGIN = (0, 0, 0, 0)
_MOST_ROWS = 50
_MOST_CHARACTERS = 60


def row_of(status: JobStatus) -> dict[str, str]:
    """Return a job as the table shows it."""
    is_all = status.num_alerts is None or status.num_alerts == status.num_alerts_sent
    return {
        "topic": status.topic,
        "state": status.state,
        "alerts": f"{status.num_alerts_sent:,}" + ("" if is_all else f" of {status.num_alerts:,}"),
        "size": size_text(status.nbytes),
        "owner": one_line(status.owner, _MOST_CHARACTERS),
        "asked": request_line(status.request),
    }


class HistoryView:
    """The list of jobs, the newest first.

    Parameters
    ----------
    session
        Whose page it is: a user sees the own jobs, an operator those of everyone on demand.
    """

    def __init__(self, session: Session):
        self._session = session
        self._statuses: Sequence[JobStatus] = ()
        self._is_reading = self._is_stale = False
        self._most = _MOST_ROWS
        self._table = JobTable(current=session.job or "", with_owner=session.user.is_operator, visible=False)
        self._table.on_told(self._chosen)
        self._refresh = pmui.Button(label="Refresh", variant="outlined", size="small", margin=(0, 8, 0, 0))
        self._refresh.on_click(self._refresh_clicked)
        self._more = pmui.Button(label="Show older jobs", variant="text", visible=False)
        self._more.on_click(self._more_clicked)
        self._running = pmui.Checkbox(label="Only those that run", value=False, size="small")
        self._everyone = pmui.Checkbox(
            label="Jobs of everyone",
            value=session.user.is_operator,
            visible=session.user.is_operator,
            size="small",
        )
        for choice in (self._running, self._everyone):
            choice.param.watch(self._choice_changed, "value")
        self._told = pn.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        session.param.watch(self._job_changed, "job")

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown; it is read now."""
        self.refresh()
        choices = pmui.FlexBox(self._refresh, self._running, self._everyone, align_items="center", margin=_NO_MARGIN)
        return pn.Column(choices, self._told, self._table, self._more, sizing_mode="stretch_width", margin=_NO_MARGIN)

    def refresh(self) -> None:
        """Read the list anew, in a thread; while it is read, a second wish is remembered."""
        if self._is_reading:
            self._is_stale = True
            return
        self._is_reading = True
        self._refresh.loading = True
        self._session.task(self._read())

    async def _read(self) -> None:
        notes: list[str] = []
        session, services = self._session, self._session.services
        try:
            found = await engine.aio.jobs(
                services.kafka or None,
                settings=services.settings,
                owner=session.user.name,
                everyone=self._everyone.value and session.user.is_operator,
                running=self._running.value,
                note=notes.append,
            )
            self._statuses = [status for status in reversed(found) if may_see(status, session.user)]
            self._show(notes)
        except AlertTransferError as exc:
            # The jobs that were read before stay: what was true a moment ago helps more than nothing.
            self._told[:] = [ErrorBox(exc).view()]
        finally:
            self._is_reading = self._refresh.loading = False
        if self._is_stale:
            self._is_stale = False
            self.refresh()

    def _show(self, notes: Sequence[str]) -> None:
        shown = self._statuses[: self._most]
        self._table.param.update(rows=[row_of(status) for status in shown], visible=bool(shown))
        self._more.visible = len(self._statuses) > len(shown)
        texts = list(notes)
        if not shown:
            texts.insert(0, "No job runs." if self._running.value else "No job of the last 30 days.")
        elif self._more.visible:
            texts.append(f"{count_text(len(self._statuses), 'job')}, of which the last {len(shown):,} are shown.")
        told = "".join(f"<p role='status'>{html.escape(text)}</p>" for text in texts)
        self._told[:] = [pn.pane.HTML(told, sizing_mode="stretch_width", margin=_NO_MARGIN, stylesheets=[_STYLE])]

    async def _refresh_clicked(self, _: param.parameterized.Event) -> None:
        self.refresh()

    async def _choice_changed(self, _: param.parameterized.Event) -> None:
        self.refresh()

    async def _more_clicked(self, _: param.parameterized.Event) -> None:
        self._most += _MOST_ROWS
        self._show(())

    async def _job_changed(self, event: param.parameterized.Event) -> None:
        self._table.current = event.new or ""
        if event.new and all(status.topic != event.new for status in self._statuses):
            self.refresh()

    def _chosen(self, topic: object) -> None:
        # The browser tells it, so it may be anything: only what was listed is shown.
        if any(status.topic == topic for status in self._statuses):
            self._session.job = str(topic)


_STYLE = """
:host { color: var(--mui-palette-text-secondary, #5d6470); font-size: 13px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
"""
