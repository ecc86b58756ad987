"""How a job stands, live: state, bar, rate, time left, warnings, log; and the buttons that stop it or take it up."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
import param

import engine
from engine import AlertTransferError, JobError, JobStatus
from ui.dashboard.components import LogBox
from ui.dashboard.drawing import redraw
from ui.dashboard.errors import ErrorBox
from ui.dashboard.following import Follower, Sight
from ui.dashboard.job_access import open_job
from ui.dashboard.plots import ACCENT, RatePlot, dressed
from ui.dashboard.words import count_text, size_text, time_text

if TYPE_CHECKING:
    from ui.dashboard.session import Session

__all__ = ["MonitorView", "status_html"]

_NO_MARGIN = (0, 0, 0, 0)
_MOST_LINES = 300
_RESUMABLE = ("interrupted", "failed", "cancelled")
_RUNNING = ("queued", "running")
_SENTENCES = {
    "queued": "Waiting to begin",
    "running": "Running",
    "complete": "Complete: every alert is in the topic",
    "empty": "Complete, and empty: no alert meets what was asked for",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "interrupted": "Interrupted: the cluster that ran it gives no sign of life",
}
_MARKS = {"complete": "✓", "failed": "✕", "interrupted": "!", "cancelled": "–", "empty": "–"}


def status_html(status: JobStatus) -> str:
    """Return how a job stands as HTML: state, bar, figures; what others wrote is escaped."""
    part = _part_done(status)
    of = "" if status.num_alerts is None else f" of {status.num_alerts:,}"
    sentence = _SENTENCES.get(status.state, status.state)
    percent = 100 if status.state in ("complete", "empty") else int(100 * part)
    alerts = f"{status.num_alerts_sent:,}{of} alerts sent"
    bar = (
        f"<div class='bar {_escaped(status.state)}' role='progressbar' aria-label='Progress of the job' "
        f"aria-valuemin='0' aria-valuemax='100' aria-valuenow='{percent}' aria-valuetext='{percent} %, {alerts}'>"
        f"<div style='width: {percent}%'></div></div>"
    )
    figures = "".join(f"<div><dt>{name}</dt><dd>{_escaped(text)}</dd></div>" for name, text in _figures(status) if text)
    mark = _MARKS.get(status.state, "●")
    return (
        f"<p class='state {_escaped(status.state)}'><span aria-hidden='true'>{mark}</span> "
        f"<b>{_escaped(sentence)}</b> · {alerts}</p>{bar}<dl>{figures}</dl>"
    )


def _part_done(status: JobStatus) -> float:
    """Return which part of the job is done, by the archive's alerts, or by its fragments where nothing is filtered."""
    if status.num_archive_alerts:
        return min(1.0, status.num_looked_at / status.num_archive_alerts)
    return min(1.0, status.num_fragments_done / status.num_fragments) if status.num_fragments else 0.0


def _figures(status: JobStatus) -> Iterable[tuple[str, str]]:
    yield "Size", size_text(status.nbytes)
    yield "Time", time_text(status.elapsed_s)
    yield "Time left", "" if status.left_s is None else time_text(status.left_s)
    if status.alerts_per_s is not None and status.num_alerts_sent:
        lately = status.alerts_per_s_lately if status.state in _RUNNING else None
        yield "Rate", f"{lately if lately is not None else status.alerts_per_s:,.0f} alerts/s"
    yield "Fragments", f"{status.num_fragments_done:,} of {status.num_fragments:,}"
    yield "Workers", status.workers_at_work if status.state in _RUNNING else ""
    yield "Scan", status.scan
    yield "Owner", status.owner
    if status.num_duplicates:
        yield "Doubles", f"{count_text(status.num_duplicates, 'alert')} of these nights repeat an identifier"


class MonitorView:
    """One job, followed until it has ended, the page shows another one, or the session ends.

    Parameters
    ----------
    session
        Whose page it is.
    topic
        The job's topic; default: that of the session's job.
    on_status
        Called with each status that was read, in the loop.
    """

    def __init__(
        self, session: Session, topic: str | None = None, on_status: Callable[[JobStatus], None] | None = None
    ):
        self._session = session
        self.topic = topic or session.job or ""
        self._on_status = on_status
        self.sight = Sight(status=None)
        self._follower: Follower | None = None
        self._lines: list[str] = []
        self._what = pn.pane.HTML("<p>Reading how the job stands…</p>", **_pane())
        self._told = pn.Column(sizing_mode="stretch_width", margin=(8, 0, 0, 0))
        self._plot = RatePlot(ACCENT)
        dressed(self._plot.figure)
        self._plot_pane = pn.pane.Bokeh(self._plot.figure, sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._plot_place = pn.Column(**_column())
        self._plot_words = pn.pane.HTML("", **_pane())
        self._log = LogBox()
        parts = (_heading("Alerts a second"), self._plot_place, self._plot_words, _heading("Log"), self._log)
        self._details = pn.Column(*parts, visible=False, **_column())
        look = {"variant": "outlined", "visible": False, "margin": (10, 8, 0, 0)}
        self._cancel = pmui.Button(label="Cancel job", color="error", **look)
        self._resume = pmui.Button(label="Resume job", **look)
        self._dialog: pmui.Dialog | None = None
        self._dialog_place = pn.Column(**_column())
        self._is_busy = self._is_stopped = False
        self._cancel.on_click(self._ask_to_cancel)
        self._resume.on_click(self._resume_clicked)

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown, and begin to follow the job."""
        self.follow()
        return self.layout()

    def layout(self) -> pn.viewable.Viewable:
        """Return what is shown."""
        return pn.Column(
            self._what,
            self._told,
            pmui.Row(self._cancel, self._resume, margin=_NO_MARGIN),
            self._dialog_place,
            self._details,
            **_column(),
        )

    def follow(self) -> None:
        """Begin to follow the job, or look at it at once; not once the monitor was stopped."""
        if self._is_stopped:
            return
        if not self._session.is_shown:
            self._session.task(self._follow_later())
        elif self._follower is None:
            self._follower = Follower(lambda: open_job(self.topic, self._session), self.show)
        else:
            self._follower.look()

    async def _follow_later(self) -> None:
        self.follow()

    def follow_again(self) -> None:
        """Follow a job that had come to its end, or was not there."""
        self._unfollow()
        self.follow()

    def stop(self) -> None:
        """Follow the job no more, whatever is done with it meanwhile."""
        self._is_stopped = True
        self._unfollow()

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def show(self, sight: Sight) -> None:
        """Show what is known of the job."""
        if self._session.is_ended:
            self.stop()
            return
        before, self.sight = self.sight, sight
        status = sight.status
        self._show_told(before, sight)
        if status is None:
            if sight.is_gone:
                self._what.object = ""
            return
        self._what.object = status_html(status)
        self._details.visible = True
        can_act = not sight.is_gone and not self._is_busy
        self._cancel.visible = status.state in _RUNNING and can_act
        self._resume.visible = status.state in _RESUMABLE and can_act
        lines = list(sight.lines[-_MOST_LINES:])
        if lines != self._lines:
            self._lines = lines
            num_before = sight.num_lines_before + max(0, len(sight.lines) - _MOST_LINES)
            self._log.param.update(lines=lines, num_before=num_before)
        if sight.rates is not None and sight.rates is not before.rates:
            rates = sight.rates
            self._plot_words.object = f"<p class='faint'>{_escaped(rates.text)}</p>"
            if rates.alerts_per_s.any():
                redraw(self._plot_pane, lambda: self._plot.show(rates))
                self._plot_place[:] = [self._plot_pane]
        if self._on_status is not None and sight.problem is None:
            self._on_status(status)

    def _show_told(self, before: Sight, sight: Sight) -> None:
        """Show what went wrong, and what the user should look at, if that is other than before."""
        key, key_before = _told_of(sight), _told_of(before)
        if key == key_before and before.status is not None:
            return
        shown: list[pn.viewable.Viewable] = []
        if sight.problem is not None:
            shown.append(ErrorBox(sight.problem).view())
            if not sight.is_gone:
                when = f"; what is shown is as of {time.strftime('%H:%M:%S', time.gmtime(sight.read_at))} UTC"
                again = f"It is tried again{when if sight.read_at else ''}."
                shown.append(pn.pane.HTML(f"<p class='faint' role='status'>{again}</p>", **_pane()))
        status = sight.status
        if status is not None:
            if status.error:
                shown.append(ErrorBox(_failure(status)).view())
            elif status.next_step and status.state in _RESUMABLE:
                text = "What was sent stays in the topic. Resume sends the rest."
                shown.append(pn.pane.HTML(f"<p class='faint'>{text}</p>", **_pane()))
            if status.warnings:
                items = "".join(f"<li>{_escaped(text)}</li>" for text in status.warnings)
                heading = count_text(len(status.warnings), "warning")
                shown.append(pn.pane.HTML(f"<div class='warnings'><b>{heading}</b><ul>{items}</ul></div>", **_pane()))
        self._told[:] = shown

    async def _ask_to_cancel(self, _: param.parameterized.Event) -> None:
        status = self.sight.status
        sent = "" if status is None else f" The {count_text(status.num_alerts_sent, 'alert')} sent so far stay."
        sure = pmui.Button(label="Cancel the job", color="error", variant="contained")
        back = pmui.Button(label="Let it run", variant="text")
        text = f"<p>The job {_escaped(self.topic)} sends nothing more then.{sent} It can be resumed later.</p>"
        self._dialog = pmui.Dialog(
            pn.pane.HTML(text, **_pane()),
            pmui.Row(back, sure, margin=_NO_MARGIN),
            title="Cancel this job?",
            open=True,
            close_on_click=True,
            width_option="xs",
        )
        back.on_click(self._close_dialog)
        sure.on_click(self._cancel_clicked)
        self._dialog_place[:] = [self._dialog]

    async def _close_dialog(self, *_: object) -> None:
        if self._dialog is not None:
            self._dialog.open = False

    async def _cancel_clicked(self, _: param.parameterized.Event) -> None:
        await self._close_dialog()
        await self._act(self._cancel, "Cancelling…", self._cancel_job)

    async def _resume_clicked(self, _: param.parameterized.Event) -> None:
        await self._act(self._resume, "Resuming…", self._resume_job)

    async def _act(self, button: pmui.Button, label: str, act: Callable[[], object]) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        label_before, button.label, button.disabled = button.label, label, True
        try:
            await act()  # type: ignore[misc]  # a coroutine function
        except AlertTransferError as exc:
            self._session.notify(exc)
        finally:
            self._is_busy = False
            button.param.update(label=label_before, disabled=False)
            self.follow_again()

    async def _cancel_job(self) -> None:
        job = await self._session.services.run(open_job, self.topic, self._session)
        await engine.aio.cancel(job, by=self._session.user.name)
        self._session.notify(f"{self.topic} is cancelled")

    async def _resume_job(self) -> None:
        services = self._session.services
        job = await services.run(open_job, self.topic, self._session)
        job.close()
        await engine.aio.resume(
            self.topic,
            client=services.client,
            kafka=services.kafka or None,
            settings=services.settings,
            by=self._session.user.name,
        )
        self._session.notify(f"{self.topic} goes on")


def _failure(status: JobStatus) -> JobError:
    """Return why a job failed as an error, which tells it in the same terms as all others."""
    error = status.error or {}
    steps = dict.fromkeys(str(step) for step in (error.get("next"), status.next_step) if step)
    accepted = error.get("accepted")
    return JobError(
        str(error.get("message") or "the job failed"),
        accepted=str(accepted) if accepted else None,
        next_step="\n".join(steps) or None,
    )


def _told_of(sight: Sight) -> tuple[object, ...]:
    status = sight.status
    told = () if status is None else (status.state, tuple(status.warnings), str(status.error))
    return (str(sight.problem), sight.is_gone, sight.read_at if sight.problem else None, *told)


def _heading(text: str) -> pn.pane.HTML:
    return pn.pane.HTML(f"<h3>{text}</h3>", **_pane())


def _pane() -> dict[str, object]:
    return {"sizing_mode": "stretch_width", "margin": _NO_MARGIN, "stylesheets": [_STYLE]}


def _column() -> dict[str, object]:
    return {"sizing_mode": "stretch_width", "margin": _NO_MARGIN}


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


_STYLE = """
:host { color: var(--mui-palette-text-primary, inherit); font-size: 14px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
h3 { font-size: 14px; font-weight: 600; margin: 14px 0 4px; }
.faint { color: var(--mui-palette-text-secondary, #5d6470); font-size: 13px; }
.state.complete span { color: var(--mui-palette-success-main, #1a8f6a); }
.state.failed span, .state.failed b { color: var(--mui-palette-error-main, #c62828); }
.bar { height: 8px; border-radius: 4px; overflow: hidden; margin: 8px 0 10px;
  background: color-mix(in srgb, var(--mui-palette-primary-main, #1d4fd7) 22%, transparent); }
.bar div { height: 100%; background: var(--mui-palette-primary-main, #1d4fd7); transition: width 0.5s; }
.bar.complete div, .bar.empty div { background: var(--mui-palette-success-main, #1a8f6a); }
.bar.failed div { background: var(--mui-palette-error-main, #c62828); }
.bar.cancelled div, .bar.interrupted div { background: var(--mui-palette-text-secondary, #767676); }
@media (prefers-reduced-motion: reduce) { .bar div { transition: none; } }
dl { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 0; }
dl div { min-width: 70px; }
dt { font-size: 12px; color: var(--mui-palette-text-secondary, #5d6470); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.warnings { border-left: 4px solid #b87503; border-radius: 4px; padding: 8px 12px; margin: 8px 0;
  background: color-mix(in srgb, #b87503 10%, transparent); font-size: 13px; max-height: 220px; overflow: auto; }
.warnings ul { margin: 4px 0 0; padding-left: 18px; overflow-wrap: anywhere; }
"""
