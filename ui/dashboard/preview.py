"""The preview: ten alerts that the query selects, with light curve, stamps and place, before any job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import quote

import panel as pn
import panel_material_ui as pmui
import param
import pyarrow as pa

import engine
from ui.dashboard.components import ChoiceCards
from ui.dashboard.errors import ErrorBox
from ui.dashboard.plots import (
    describe_light_curve,
    describe_place,
    leaf_of,
    light_curve,
    light_curve_key,
    measurements_of,
    photometry_of,
    sky_map,
    stamps_html,
    value_at,
)
from ui.dashboard.preview_table import table_html
from ui.dashboard.session import Session

__all__ = ["NUM_ALERTS", "AlertView", "PreviewDialog", "object_link"]

NUM_ALERTS = 10


class PreviewDialog:
    """The preview of a session's query, in a dialog.

    Parameters
    ----------
    session
        Whose query it is.
    """

    def __init__(self, session: Session):
        self._session = session
        self._content = pn.Column(sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        self._dialog = pmui.Dialog(
            self._content,
            title="Alerts that match",
            title_variant="h6",
            width_option="lg",
            show_close_button=True,
            close_on_click=True,
            scroll="paper",
        )
        self._number = 0

    def view(self) -> pn.viewable.Viewable:
        """Return the dialog."""
        return self._dialog

    async def open(self) -> None:
        """Open the dialog, and read the alerts."""
        self._number += 1
        self._content[:] = [
            _words("Reading the first alerts that match. A rare condition takes a while …"),
            pmui.LinearProgress(sizing_mode="stretch_width", margin=(8, 0, 0, 0)),
        ]
        self._dialog.open = True
        self._session.task(self._read(self._number))

    async def _read(self, number: int) -> None:
        try:
            sent, whole = await self._alerts()
        except engine.AlertTransferError as exc:
            shown: list[Any] = [ErrorBox(exc).view()]
        else:
            shown = self._shown(sent, whole)
        if number == self._number and not self._session.is_ended:
            self._content[:] = shown

    async def _alerts(self) -> tuple[pa.Table, pa.Table]:
        """Return the alerts as they would be sent, and with all that they hold."""
        services, request = self._session.services, self._session.query.request()
        whole = replace(request, content="full", fields=())
        asked = [request] if request == whole else [request, whole]
        found = await asyncio.gather(
            *(services.compute(engine.preview, one, limit=NUM_ALERTS, settings=services.settings) for one in asked)
        )
        return found[0], found[-1]

    def _shown(self, sent: pa.Table, whole: pa.Table) -> list[Any]:
        if not whole.num_rows:
            return [_words("No alert matches: the job would send nothing. Choose other nights, or loosen the filter.")]
        survey = engine.survey_named(self._session.query.sources[self._session.query.source].survey)
        number = f"The first {whole.num_rows} that match" if whole.num_rows > 1 else "The one that matches"
        table = pn.pane.HTML(table_html(sent), stylesheets=[_STYLE], sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        return [
            _words(f"{number}, in the order of the archive."),
            AlertView(whole.to_pylist(), survey).view(),
            _words("As they would be sent"),
            table,
        ]


class AlertView:
    """Alerts of which one is looked at.

    Parameters
    ----------
    rows
        With all that they hold.
    survey
        Whose they are.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], survey: engine.Survey):
        self._rows, self._survey = rows, survey
        self._cards = ChoiceCards(
            label="Alert", value="0", cards=[_card(str(at), row, survey) for at, row in enumerate(rows)]
        )
        self._details = pn.Column(sizing_mode="stretch_width", margin=(0, 0, 0, 0))
        self._cards.param.watch(self._chosen, "value")
        self._show(0)

    def view(self) -> pn.viewable.Viewable:
        """Return the alerts and the one that is looked at."""
        return pmui.Grid(
            pmui.Grid(
                self._cards,
                size={"xs": 12, "md": 4},
                sx={"maxHeight": {"xs": 230, "md": 720}, "overflow": "auto", "p": "3px"},
            ),
            pmui.Grid(self._details, size={"xs": 12, "md": 8}),
            container=True,
            spacing=2,
            sizing_mode="stretch_width",
            margin=(8, 0, 8, 0),
        )

    async def _chosen(self, event: param.parameterized.Event) -> None:
        if event.new in map(str, range(len(self._rows))):
            self._show(int(event.new))

    def _show(self, at: int) -> None:
        row, survey = self._rows[at], self._survey
        places = [(value_at(one, survey.ra_field), value_at(one, survey.dec_field)) for one in self._rows]
        names = [_name(one, survey) for one in self._rows]
        parts: list[Any] = [_html(_facts(row, survey))]
        if measurements_of(row, survey):
            parts.append(_html(f"<p class='hidden'>{escape(describe_light_curve(row, survey))}</p>"))
            parts.append(pn.pane.Bokeh(light_curve(row, survey), sizing_mode="stretch_width", margin=(0, 0, 0, 0)))
            parts.append(_html(f"<p class='key'>{escape(light_curve_key(row, survey))}</p>"))
        else:
            parts.append(_words("This alert has no measurement of brightness."))
        if survey.stamps:
            parts.append(_html(stamps_html(row, survey)))
        known = [number for number, place in enumerate(places) if None not in place]
        if at in known:
            ra, dec = [places[number][0] for number in known], [places[number][1] for number in known]
            chart = sky_map(ra, dec, [names[number] for number in known], chosen=known.index(at), height=220)
            parts.append(pn.pane.Bokeh(chart, sizing_mode="stretch_width", margin=(8, 0, 0, 0)))
        self._details[:] = parts


def object_link(row: Mapping[str, Any], survey: engine.Survey) -> str | None:
    """Return where the portal shows the object of an alert; None where it has no page, or the alert no object."""
    value = value_at(row, survey.object_field)
    if survey.object_page is None or value in (None, "", 0):
        return None
    return survey.object_page.replace("{object}", quote(str(value), safe=""))


def _facts(row: Mapping[str, Any], survey: engine.Survey) -> str:
    ra, dec = value_at(row, survey.ra_field), value_at(row, survey.dec_field)
    place = escape(describe_place(ra, dec)) if isinstance(ra, float) and isinstance(dec, float) else ""
    classes = ", ".join(f"{name}: {text}" for name, text in _classes(row, survey))
    link = object_link(row, survey)
    page = (
        f"<a href='{escape(link, quote=True)}' target='_blank' rel='noopener noreferrer'>The object in the portal ↗</a>"
        if link
        else ""
    )
    lines = "".join(f"<p>{one}</p>" for one in (place, escape(classes), page) if one)
    return f"<h3>{escape(_name(row, survey))}</h3>{lines}"


def _classes(row: Mapping[str, Any], survey: engine.Survey) -> list[tuple[str, str]]:
    found = [(column, value_at(row, column)) for column in survey.class_columns]
    return [(column, str(value)) for column, value in found if value not in (None, "", False, -1)]


def _card(value: str, row: Mapping[str, Any], survey: engine.Survey) -> dict[str, str]:
    photometry = photometry_of(survey)
    own = next((one for one in measurements_of(row, survey) if one.kind == "alert"), None)
    bright = f"{own.value:,.2f} {photometry.unit} in {own.band}" if own and photometry else ""
    return {"value": value, "title": _name(row, survey), "text": bright, "note": _class_note(row, survey)}


def _class_note(row: Mapping[str, Any], survey: engine.Survey) -> str:
    """Return the first class that has a name; a number says nothing by itself."""
    for column in survey.class_columns:
        value = value_at(row, column)
        if isinstance(value, str) and value:
            return value
        if value is True:
            return column
    return ""


def _name(row: Mapping[str, Any], survey: engine.Survey) -> str:
    value = value_at(row, survey.object_field)
    if value in (None, "", 0):
        value = f"{leaf_of(survey.id_field)} {value_at(row, survey.id_field)}"
    return str(value)


def _words(text: str) -> pn.pane.HTML:
    return _html(f"<p>{escape(text)}</p>")


def _html(text: str) -> pn.pane.HTML:
    return pn.pane.HTML(text, stylesheets=[_STYLE], sizing_mode="stretch_width", margin=(0, 0, 0, 0))


_STYLE = """
:host { color: var(--mui-palette-text-primary, inherit); font-size: 14px; }
h3 { font-size: 16px; margin: 0 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 4px; }
a { color: var(--mui-palette-primary-main, #1d4fd7); }
.key { font-size: 12px; color: var(--mui-palette-text-secondary, #5d6470); margin: 0 0 10px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.scroll { overflow: auto; max-height: 360px; border: 1px solid var(--mui-palette-divider, #8884); border-radius: 6px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: var(--mui-palette-background-paper, #fff); text-align: left; }
th, td { padding: 5px 10px; white-space: nowrap; border-bottom: 1px solid var(--mui-palette-divider, #8883); }
"""
