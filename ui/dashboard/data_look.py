"""A look at what a job sent: plots that are drawn from its topic while it flows, after or during the job."""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui
import param

import consumer
import engine
from engine import AlertTransferError, Job, JobError
from ui.dashboard.drawing import redraw
from ui.dashboard.errors import ErrorBox
from ui.dashboard.job_access import open_job
from ui.dashboard.plots import (
    ACCENT,
    CATEGORIES,
    INK,
    HistogramPlot,
    PerNightPlot,
    band_style,
    curve_svg,
    describe_light_curve,
    dressed,
    legend_of,
    light_curve_key,
    measurements_of,
    mollweide,
    sky_map,
)
from ui.dashboard.sent_alerts import SentAlerts, Summed

if TYPE_CHECKING:
    from ui.dashboard.session import Session

__all__ = ["DataLook", "Looked", "survey_of_job"]

_log = logging.getLogger("alert_transfer.dashboard")

_MOST_ALERTS = 50_000
_MOST_NBYTES = 400_000_000
"""Of a look: the rest of a large job passes through the web server only if the user asks for it."""
_TELL_EVERY_S = 1.0
_CURVES_EVERY_S = 4.0
_NO_MARGIN = (0, 0, 0, 0)
_STRETCHED: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": _NO_MARGIN}
_CLASS_COLOURS = (*CATEGORIES[:6], INK)
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,40}")


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a look has seen so far."""

    summed: Summed | None = None
    is_over: bool = False
    is_cut: bool = False
    """Whether the topic holds more, which was not looked at."""
    problem: Exception | None = None
    """Why it ended early."""


class _Stopped(Exception):
    """Nobody looks any more."""


def survey_of_job(job: Job, session: Session) -> engine.Survey | None:
    """Return the survey of a job's alerts; None where the page knows none of its name.

    A topic may hold anything, so no file is read that it names.
    """
    held = job.manifest.require_plan().details.get("survey")
    name = held.get("name") if isinstance(held, dict) else held
    if isinstance(name, str) and _PLAIN_NAME.fullmatch(name) and not isinstance(held, dict):
        with contextlib.suppress(AlertTransferError):
            return engine.survey_named(name)
    for source in session.services.sources.values():
        with contextlib.suppress(AlertTransferError):
            survey = engine.survey_named(source.survey)
            if survey.name == name:
                return survey
    return None


class _Look:
    """Reads a topic in a thread until it ends, so much was seen, or it is stopped.

    Parameters
    ----------
    session
        Whose page it is.
    topic
        Of the job.
    is_all
        Whether to look at all alerts, however many there are.
    begun
        Called in the loop with what sums up the alerts, once the topic's plan is read.
    tell
        Called in the loop with each `Looked`.
    """

    def __init__(
        self,
        session: Session,
        topic: str,
        *,
        is_all: bool,
        begun: Callable[[SentAlerts, engine.Survey | None], None],
        tell: Callable[[Looked], None],
    ):
        self._session = session
        self._topic = topic
        self._is_all = is_all
        self._begun = begun
        self._tell_page = tell
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        threading.Thread(target=self._read, name="data-look", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _read(self) -> None:
        summed: Summed | None = None
        try:
            job = open_job(self._topic, self._session)
            with closing(job):
                plan = job.manifest.require_plan()
                survey = survey_of_job(job, self._session)
                where: dict[str, Any] = {"kafka": job.kafka.bootstrap, "kafka_options": job.kafka.options}
            sent = SentAlerts(survey, time_field=plan.time_field, time_scale=plan.time_scale)
            self._in_loop(self._begun, sent, survey)
            told_at = 0.0
            is_cut = False
            stream = consumer.stream(self._topic, **where, progress=self._check)
            with closing(stream):  # type: ignore[type-var]  # a generator, which the signature does not tell
                try:
                    for batch in stream:
                        sent.add(batch)
                        if time.monotonic() - told_at > _TELL_EVERY_S:
                            summed = sent.summed()
                            self._tell(Looked(summed=summed))
                            told_at = time.monotonic()
                        self._check(0)
                        is_cut = not self._is_all and not sent.is_below(_MOST_ALERTS, _MOST_NBYTES)
                        if is_cut:
                            break
                finally:
                    summed = sent.summed()
            self._tell(Looked(summed=summed, is_over=True, is_cut=is_cut))
        except _Stopped:
            return
        except AlertTransferError as exc:
            self._tell(Looked(summed=summed, is_over=True, problem=exc))
        except Exception as exc:  # noqa: BLE001  told, since nobody awaits a thread
            _log.exception("a look at %s failed", self._topic)
            self._tell(Looked(summed=summed, is_over=True, problem=exc))

    def _check(self, _: int) -> None:
        if self._stopped.is_set() or self._session.is_ended:
            raise _Stopped

    def _tell(self, looked: Looked) -> None:
        self._in_loop(self._tell_page, looked)

    def _in_loop(self, function: Callable[..., None], *values: Any) -> None:
        def call() -> None:
            if not self._stopped.is_set() and not self._session.is_ended:
                function(*values)

        with contextlib.suppress(RuntimeError):  # the loop has ended, and the page with it
            self._loop.call_soon_threadsafe(call)


class DataLook:
    """Plots of what a job sent; nothing is read before the user asks for it.

    Parameters
    ----------
    session
        Whose page it is.
    topic
        Of the job; default: that of the session's job.
    """

    def __init__(self, session: Session, topic: str | None = None):
        self._session = session
        self.topic = topic or session.job or ""
        self.looked = Looked()
        self._look: _Look | None = None
        self._turn = 0
        self._button = pmui.Button(label="Look at the data", variant="outlined", margin=(0, 8, 4, 0))
        self._button.on_click(self._clicked)
        self._all = pmui.Button(label="Look at all of it", variant="text", visible=False, margin=(0, 0, 4, 0))
        self._all.on_click(self._all_clicked)
        self._told = pn.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._place = pn.Column(sizing_mode="stretch_width", margin=_NO_MARGIN)
        self._plots: _Plots | None = None

    def view(self) -> pn.viewable.Viewable:
        """Return what is shown."""
        buttons = pmui.Row(self._button, self._all, margin=_NO_MARGIN)
        return pn.Column(buttons, self._told, self._place, sizing_mode="stretch_width", margin=_NO_MARGIN)

    def start(self, *, is_all: bool = False) -> None:
        """Begin to look."""
        self.stop()
        self._turn += 1
        self.looked = Looked()
        self._button.param.update(label="Stop looking", visible=True)
        self._all.visible = False
        self._say("Reading the topic…")
        self._look = _Look(self._session, self.topic, is_all=is_all, begun=self._begin, tell=self.show)

    def stop(self) -> None:
        """Look no further."""
        if self._look is not None:
            self._look.stop()
            self._look = None
            self._button.label = "Look at the data"

    def _begin(self, sent: SentAlerts, survey: engine.Survey | None) -> None:
        self._place[:] = []
        self._plots = None
        self._session.task(self._build(sent, survey))

    async def _build(self, sent: SentAlerts, survey: engine.Survey | None) -> None:
        """Make the plots in a thread, and bring them to the page one after the other: others' pages go on meanwhile."""
        turn = self._turn
        figures = await self._session.services.run(_Figures, sent)
        if self._turn != turn:
            return  # one looks again
        self._plots = _Plots(figures, survey)
        self._show_plots()
        for part in self._plots.parts():
            self._place.append(part)
            await asyncio.sleep(0.01)

    def show(self, looked: Looked) -> None:
        """Show what was seen."""
        self.looked = looked
        summed = looked.summed
        self._show_plots()
        number = summed.num_alerts if summed else 0
        if looked.is_over:
            self._look = None
            self._button.label = "Look again"
            self._all.visible = looked.is_cut
        if looked.is_cut:
            self._say(f"These are the first {number:,} alerts of the topic; it holds more.")
        elif looked.problem is not None and not isinstance(looked.problem, JobError):
            self._told[:] = [ErrorBox(looked.problem).view()]
        elif looked.is_over:
            of_job = f" {looked.problem}" if looked.problem else ""
            self._say(f"{number:,} alerts: all that the topic holds.{of_job}" if number else f"No alert.{of_job}")
        else:
            self._say(f"{number:,} alerts so far…")

    def _show_plots(self) -> None:
        summed = self.looked.summed
        if summed is not None and summed.num_alerts and self._plots is not None:
            self._plots.show(summed, is_last=self.looked.is_over)

    def _say(self, text: str) -> None:
        shown = f"<p role='status'>{html.escape(text)}</p>"
        if len(self._told) == 1 and isinstance(self._told[0], pn.pane.HTML) and "status" in self._told[0].object:
            self._told[0].object = shown
        else:
            self._told[:] = [_words(shown)]

    async def _clicked(self, _: param.parameterized.Event) -> None:
        if self._look is None:
            self.start()
        else:
            self.stop()
            summed = self.looked.summed
            self._say("Stopped." if summed is None else f"Stopped at {summed.num_alerts:,} alerts.")

    async def _all_clicked(self, _: param.parameterized.Event) -> None:
        self.start(is_all=True)


class _Figures:
    """The figures of a look, of no page yet."""

    def __init__(self, sent: SentAlerts):
        self.histogram = HistogramPlot(
            name=sent.brightness_name, unit=sent.unit, is_magnitude=sent.is_magnitude, colour=ACCENT
        )
        self.nights = PerNightPlot(_CLASS_COLOURS)
        self.sky = sky_map([], [])
        self.places = next(drawn for drawn in self.sky.renderers if "ra" in drawn.data_source.data)
        self.places.glyph.update(size=3, fill_alpha=0.4, line_alpha=0.4)
        for plot in (self.histogram.figure, self.nights.figure):
            dressed(plot)


class _Plots:
    """The plots of a look on a page, and their words.

    Parameters
    ----------
    figures
        The figures.
    survey
        Whose alerts they show; None if that is not known.
    """

    def __init__(self, figures: _Figures, survey: engine.Survey | None):
        self._survey = survey
        self._summed: Summed | None = None
        self._curves_at = 0.0
        self._histogram, self._nights, self._places = figures.histogram, figures.nights, figures.places
        self._panes = {
            "brightness": _figure(self._histogram.figure),
            "nights": _figure(self._nights.figure),
            "sky": _figure(figures.sky),
        }
        self._texts = {name: _words("") for name in self._panes}
        self._column = pmui.Select(
            label="Class of", options=[], visible=False, size="small", width=260, margin=(8, 0, 0, 0)
        )
        self._column.param.watch(self._column_changed, "value")
        self._curves = _words("")

    def parts(self) -> Iterator[pn.viewable.Viewable]:
        """Yield what is shown, in pieces."""
        yield pn.Column(_heading("Brightness"), self._panes["brightness"], self._texts["brightness"], **_STRETCHED)
        yield pn.Column(_heading("On the sky"), self._panes["sky"], self._texts["sky"], **_STRETCHED)
        nights = (_heading("Nights and classes"), self._column, self._panes["nights"], self._texts["nights"])
        yield pn.Column(*nights, **_STRETCHED)
        yield pn.Column(_heading("Light curves"), self._curves, **_STRETCHED)

    def show(self, summed: Summed, *, is_last: bool) -> None:
        self._summed = summed
        if (bars := summed.brightness) is not None:
            redraw(self._panes["brightness"], lambda: self._histogram.show(bars))
        self._say("brightness", summed.brightness_text or "The alerts have no field of brightness that is known.")
        self._show_places(summed)
        columns = list(summed.nights)
        if columns != self._column.options:
            self._column.param.update(options=columns, value=columns[0] if columns else None, visible=len(columns) > 1)
        self._show_nights()
        if is_last or time.monotonic() - self._curves_at > _CURVES_EVERY_S:
            self._curves_at = time.monotonic()
            self._show_curves(summed)

    def _show_places(self, summed: Summed) -> None:
        ra, dec = summed.places
        x, y = mollweide(ra, dec)
        data = {"x": x, "y": y, "ra": list(ra), "dec": list(dec), "name": [""] * len(ra)}
        redraw(self._panes["sky"], lambda: self._places.data_source.update(data=data))
        sample = f", a random sample of {summed.num_alerts:,}" if len(ra) < summed.num_alerts else ""
        self._say("sky", f"{len(ra):,} places{sample}. The dashed line is the plane of our galaxy.")

    def _show_nights(self) -> None:
        if self._summed is None or self._column.value not in self._summed.nights:
            return
        bars = self._summed.nights[self._column.value]
        redraw(self._panes["nights"], lambda: self._nights.show(bars))
        items = "".join(
            f"<li><span style='background: {colour}'></span>{html.escape(label)} {number:,}</li>"
            for colour, label, number in legend_of(bars, _CLASS_COLOURS)
        )
        self._texts["nights"].object = f"<ul class='legend' aria-label='Alerts of each class'>{items}</ul>"

    async def _column_changed(self, _: param.parameterized.Event) -> None:
        self._show_nights()

    def _show_curves(self, summed: Summed) -> None:
        if self._survey is None or not summed.curves:
            self._curves.object = "<p>No object has measurements enough for a light curve yet.</p>"
            return
        shown = []
        for name, row in summed.curves:
            words = html.escape(describe_light_curve(row, self._survey))
            marks = _legend(row, self._survey)
            drawn = curve_svg(row, self._survey, label=f"Light curve of {name}")
            shown.append(f"<div><h4>{html.escape(name)}</h4>{marks}{drawn}<p>{words}</p></div>")
        self._curves.object = f"<div class='curves'>{''.join(shown)}</div>"

    def _say(self, name: str, text: str) -> None:
        self._texts[name].object = f"<p>{html.escape(text)}</p>"


def _legend(row: Mapping[str, Any], survey: engine.Survey) -> str:
    """Return what the marks of a light curve mean, as HTML."""
    points = measurements_of(row, survey)
    styles = [band_style(band) for band in sorted({point.band for point in points})]
    marks = [f"<b style='color: {style.colour}'>{style.symbol}</b> {html.escape(style.name)}" for style in styles]
    marks += [html.escape(light_curve_key(row, survey))]
    return f"<ul class='legend' aria-hidden='true'>{''.join(f'<li>{mark}</li>' for mark in marks)}</ul>"


def _figure(figure: Any) -> pn.pane.Bokeh:
    return pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=_NO_MARGIN)


def _heading(text: str) -> pn.pane.HTML:
    return _words(f"<h3>{text}</h3>")


def _words(text: str) -> pn.pane.HTML:
    return pn.pane.HTML(text, sizing_mode="stretch_width", margin=_NO_MARGIN, stylesheets=[_STYLE])


_STYLE = """
:host { color: var(--mui-palette-text-secondary, #5d6470); font-size: 13px; }
p { margin: 2px 0 6px; overflow-wrap: anywhere; }
h3, h4 { color: var(--mui-palette-text-primary, inherit); font-size: 14px; font-weight: 600; margin: 10px 0 2px; }
h4 { font-size: 13px; overflow-wrap: anywhere; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 8px 24px; }
svg { display: block; width: 100%; max-width: 480px; height: auto; }
svg text { font-size: 11px; fill: currentColor; }
.grid { stroke: #8884; fill: none; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 4px 0; padding: 0; }
.legend span { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
"""
