"""The summary: what the query selects, in words and gauges, always in sight; and whether a request may have it."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

import engine
from ui.dashboard.causes import step_of
from ui.dashboard.chosen_nights import dates_of
from ui.dashboard.contents import CONTENT_TITLES
from ui.dashboard.errors import ErrorBox
from ui.dashboard.estimating import Estimator, estimator_of
from ui.dashboard.plots import BAD, GOOD, WARN
from ui.dashboard.preview import PreviewDialog
from ui.dashboard.query import Query
from ui.dashboard.session import Session
from ui.dashboard.words import (
    count_text,
    estimate_text,
    nights_text,
    range_text,
    short_number,
    size_text,
)

__all__ = ["Summary", "gauge", "num_conditions", "summary_html", "summary_sentence"]

_NEAR = 0.7
"""Share of a limit from which on a gauge warns."""


class Summary:
    """The summary of a session's query.

    Parameters
    ----------
    session
        Whose query it is.
    actions
        What stands below it: the buttons that submit.
    """

    def __init__(self, session: Session, *actions: Any):
        self._session, self._query = session, session.query
        self._estimator = estimator_of(session)
        self._actions = actions
        self._text = pn.pane.HTML("", stylesheets=[_STYLE], sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        self._problem = pn.Column(sizing_mode="stretch_width", margin=(8, 0, 0, 0))
        self._exact = pmui.Button(
            label="Count exactly", variant="outlined", size="small", on_click=self._count, margin=(0, 0, 0, 0)
        )
        self._look = pmui.Button(
            label="Preview", variant="outlined", size="small", on_click=self._preview, margin=(0, 0, 0, 0)
        )
        self._place = pn.Column(sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        self._dialog: PreviewDialog | None = None
        names = ["info", "most", "estimate", "problem", "is_working", "counting"]
        self._estimator.param.watch(self._changed, names)
        watcher = session.param.watch(self._changed, "step")
        session.on_end(lambda: session.param.unwatch(watcher))
        self._show()

    def view(self) -> pn.viewable.Viewable:
        """Return the summary."""
        return pmui.Paper(
            self._text,
            self._problem,
            pmui.Row(self._look, self._exact, sizing_mode="stretch_width", margin=(10, 0, 0, 0), sx={"gap": "8px"}),
            pn.Spacer(height=8),
            *self._actions,
            self._place,
            elevation=0,
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
            sx={"p": "20px", "border": "1px solid", "borderColor": "divider", "borderRadius": "12px"},
        )

    async def _changed(self, *_: param.parameterized.Event) -> None:
        self._show()

    async def _count(self, _: Any) -> None:
        self._session.task(self._estimator.count_all())

    async def _preview(self, _: Any) -> None:
        if self._dialog is not None:
            await self._dialog.open()
            return
        self._dialog = PreviewDialog(self._session)
        await self._dialog.open()
        # Open when it comes to the page: what it is told while React mounts it may be lost.
        self._place[:] = [self._dialog.view()]

    def _show(self) -> None:
        found, problem = self._estimator.estimate, self._estimator.problem
        self._text.object = summary_html(self._query, self._estimator, self._session.settings.limits)
        is_beside = problem is not None and step_of(problem, self._query) == self._session.step
        self._problem[:] = [] if problem is None or is_beside else [ErrorBox(problem).view()]
        is_open = found is not None and not found.exact
        self._exact.param.update(visible=is_open, disabled=self._estimator.counting is not None)
        # Not while it is estimated: a button that is closed and opened in a moment may stay closed in a slow browser.
        if problem is not None or found is not None:
            self._look.disabled = found is None or not found.num_alerts_high


def summary_html(query: Query, estimator: Estimator, limits: Any) -> str:
    """Return the summary as HTML.

    Parameters
    ----------
    query
        As it is.
    estimator
        Which knows what it selects, as far as that is known.
    limits
        The operator's: `max_alerts` and `max_nbytes`, None where there is none.
    """
    found = estimator.estimate
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _rows(query, estimator))
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in (found.notes if found else ()))
    busy = "true" if estimator.is_working or estimator.counting else "false"
    said = escape(summary_sentence(query, estimator))
    return (
        f"<section aria-label='Summary' aria-busy='{busy}'><h2>Summary</h2>"
        f"<div class='gauges'>{_gauges(estimator, limits)}</div>"
        f"<p class='said' role='status'>{said}</p>{notes}<dl>{rows}</dl></section>"
    )


def gauge(number: str, what: str, share: float | None, caption: str, *, is_limit: bool = False) -> str:
    """Return a ring that is filled by a share; above a limit it is full, and the caption says so.

    Parameters
    ----------
    number, what
        In its middle.
    share
        Of what the caption says; None where there is no whole.
    caption
        Below it.
    is_limit
        Whether the whole is a limit, which one may come near or exceed.
    """
    around = 2 * math.pi * 42
    filled = around * min(share or 0.0, 1.0)
    if share and filled < 2:
        filled = 2.0  # a little is not nothing
    near = (share or 0) if is_limit else 0
    colour = BAD if near > 1 else WARN if near > _NEAR else GOOD
    size = "long" if len(number) > 7 else ""
    ring = f"stroke:{colour};stroke-dasharray:{filled:.1f} {around:.1f}"
    arc = f"<circle cx='50' cy='50' r='42' class='arc' style='{ring}'/>" if filled else ""
    return (
        f"<figure><svg viewBox='0 0 100 100' aria-hidden='true'><circle cx='50' cy='50' r='42'/>{arc}</svg>"
        f"<div class='middle'><b class='{size}'>{escape(number)}</b><span>{escape(what)}</span></div>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def num_conditions(where: str) -> int:
    """Return how many conditions a text has: its statements without comments and strings."""
    bare, in_text, at = [], "", 0
    while at < len(where):
        char = where[at]
        if in_text:
            in_text = "" if char == in_text else in_text
            bare.append("x")
        elif where.startswith("--", at):
            at = end if (end := where.find("\n", at)) >= 0 else len(where)
            continue
        elif char in "'\"":
            in_text = char
        else:
            bare.append(char)
        at += 1
    return sum(1 for part in "".join(bare).split(";") if part.strip())


def _gauges(estimator: Estimator, limits: Any) -> str:
    found = estimator.estimate
    alerts = found.num_alerts if found else estimator.most
    if alerts is None or estimator.problem is not None:
        unknown = "…" if estimator.problem is None else "—"
        return gauge(unknown, "alerts", None, "") + gauge(unknown, "to send", None, "")
    is_upper = found is None
    number = f"{'≤ ' if is_upper else ''}{short_number(alerts)}"
    if limits.max_alerts is not None:
        share, caption = alerts / limits.max_alerts, _of_limit(alerts, limits.max_alerts, f"{limits.max_alerts:,}")
    elif estimator.most:
        share, caption = alerts / estimator.most, f"{_percent(alerts / estimator.most)} of the nights' alerts"
    else:
        share, caption = None, ""
    rings = gauge(number, "alerts", share, caption, is_limit=limits.max_alerts is not None)
    if found is None:
        return rings + gauge("…", "to send", None, "")
    if limits.max_nbytes is None:
        each = f"{size_text(round(found.alert_nbytes))} an alert" if found.alert_nbytes else ""
        return rings + gauge(size_text(found.nbytes), "to send", None, each)
    caption = _of_limit(found.nbytes, limits.max_nbytes, size_text(limits.max_nbytes))
    return rings + gauge(size_text(found.nbytes), "to send", found.nbytes / limits.max_nbytes, caption, is_limit=True)


def _of_limit(value: int, limit: int, text: str) -> str:
    return f"above the limit of {text}" if value > limit else f"{_percent(value / limit)} of the limit, {text}"


def summary_sentence(query: Query, estimator: Estimator) -> str:
    """Return the summary in a sentence, as far as it is known."""
    found = estimator.estimate
    if estimator.counting:
        done, total = estimator.counting
        return f"Counting all alerts: {done:,} of {total:,} …" if total else "Counting all alerts …"
    if estimator.problem is not None:
        return "The query can't be sent as it is."
    if not query.nights:
        return "Choose nights to see how much that is."
    if found is None:
        if estimator.most is None:
            return "Reading what the archive has …"
        return f"At most {count_text(estimator.most, 'alert')}; estimating …"
    if found.exact and not found.num_alerts:
        return "No alert fulfils this: the job would send nothing. Choose other nights, or loosen the filter."
    text = estimate_text(found)
    span = f" The true number is most likely {range_text(found)}." if range_text(found) and found.num_alerts else ""
    return f"{text[0].upper()}{text[1:]}.{span}{' Estimating anew …' if estimator.is_working else ''}"


def _rows(query: Query, estimator: Estimator) -> list[tuple[str, str]]:
    there = [night.night for night in estimator.info.nights if night.num_alerts] if estimator.info else []
    try:
        nights = nights_text(dates_of(query.nights), there) if there else ", ".join(query.nights)
    except engine.AlertTransferError:
        nights = ", ".join(query.nights)
    kept = _listed(query.classes) or "all"
    classes = f"{kept}, without {_listed(query.exclude_classes)}" if query.exclude_classes else kept
    number = num_conditions(query.where)
    rows = [
        ("Source", query.source),
        ("Nights", nights or "none"),
        ("Classes", classes),
        ("Conditions", f"{number:,}" if number else "none"),
        (
            "Content",
            count_text(len(query.fields), "field of your choice", "fields of your choice")
            if query.content == "fields"
            else CONTENT_TITLES.get(query.content, query.content),
        ),
    ]
    if query.limit is not None:
        rows.append(("Limit", f"the first {count_text(query.limit, 'alert')}"))
    return rows


def _listed(labels: list[str]) -> str:
    return ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "less than 0.1%"
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"


_STYLE = """
:host { color: var(--mui-palette-text-primary, inherit); font-size: 14px; }
h2 { font-size: 17px; font-weight: 600; margin: 0 0 12px; }
.gauges { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
figure { margin: 0; position: relative; text-align: center; }
svg { width: 100%; max-width: 136px; transform: rotate(-90deg); display: block; margin: auto; }
circle { fill: none; stroke: var(--mui-palette-divider, #8883); stroke-width: 8; }
circle.arc { stroke-linecap: round; }
.middle { position: absolute; left: 0; right: 0; top: 0; height: min(136px, calc(100% - 22px)); display: flex;
  flex-direction: column; align-items: center; justify-content: center; }
.middle b { font-size: 19px; line-height: 1.2; }
.middle b.long { font-size: 15px; }
.middle span, figcaption { font-size: 12px; color: var(--mui-palette-text-secondary, #5d6470); }
figcaption { margin-top: 6px; min-height: 1.4em; }
.said { font-size: 15px; font-weight: 600; margin: 12px 0 8px; line-height: 1.4; }
.note { font-size: 13px; margin: 0 0 8px; padding-left: 10px; border-left: 3px solid #b87503; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 16px; margin: 0; }
dt { color: var(--mui-palette-text-secondary, #5d6470); }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
section[aria-busy='true'] svg { opacity: 0.6; transition: opacity 0.2s; }
"""
