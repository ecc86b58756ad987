"""The step Data: the source, and its nights, by calendar, presets, years, text, or a brush over a bar chart."""

from __future__ import annotations

import datetime as dt
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

import engine
from ui.dashboard.chosen_nights import PRESETS, as_nights, dates_of, gaps, preset, split_words, years_of
from ui.dashboard.components import ButtonRow, ChoiceCards
from ui.dashboard.estimating import estimator_of
from ui.dashboard.holdings import holdings_of
from ui.dashboard.night_chart import NightChart
from ui.dashboard.session import Session
from ui.dashboard.sources import Source
from ui.dashboard.steps.parts import ProblemPlace, heading, step_paper
from ui.dashboard.theme import button_names
from ui.dashboard.words import count_text, days_text, short_number

__all__ = ["DataStep"]

_REMEMBER = "(window.alertTransferTyped ??= {}).%s = cb_obj.value_input"
"""What stands in the field, confirmed or not: `BrowserLink` has it outlive a server that was away."""


class DataStep:
    """Where the source and its nights are chosen.

    Parameters
    ----------
    session
        Whose query it is.
    """

    TYPED = ("nights", "widen")
    """What of the query is typed here as words."""

    def __init__(self, session: Session):
        self._session, self._query = session, session.query
        self._estimator = estimator_of(session)
        self._is_showing = False
        self._sources = ChoiceCards(label="Source", value=self._query.source, cards=self._cards({}))
        self._picker: pmui.DateRangePicker | None = None
        self._picker_place = pn.Column(sizing_mode="stretch_width", margin=(0, 0, 0, 0), min_height=56)
        self._span: tuple[dt.date, dt.date] | None = None
        self._typed = pmui.TextInput(
            label="The same as text",
            placeholder="2021-11-22, 2021-12, 2022-01-01:2022-01-15",
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
        )
        buttons = [{"value": name, "label": label} for name, label in PRESETS.items()]
        self._presets = ButtonRow(label="Presets of nights", buttons=buttons, margin=(8, 0, 0, 0))
        self._years = ButtonRow(label="Years", margin=(6, 0, 0, 0))
        self._chart = NightChart(self._brushed)
        # A plot that was hidden stays so; what holds it does not.
        self._chart_place = pn.Column(
            pn.pane.Bokeh(self._chart.plot, sizing_mode="stretch_width", margin=(8, 0, 0, 0)),
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
        )
        self._clicked = ""  # the preset that was clicked last: several may mean the same nights
        self._skip = pmui.Checkbox(label="Leave out files that can't be read", margin=(0, 0, 0, 0))
        self._widen = pmui.TextInput(
            label="Fields to widen",
            helper_text="Sent as double, where files disagree between integers and floats.",
            placeholder="none",
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
        )
        self._told = pn.pane.HTML("", sizing_mode="stretch_width", margin=(8, 0, 0, 0))
        self._problems = ProblemPlace(self._estimator, self._query, "data")
        self._sources.param.watch(self._chose_source, "value")
        self._typed.param.watch(self._wrote, "value")
        for name, field in zip(self.TYPED, (self._typed, self._widen), strict=True):
            field.jscallback(value_input=_REMEMBER % name)
        self._skip.param.watch(self._skipped, "value")
        self._widen.param.watch(self._widened, "value")
        for row in (self._presets, self._years):
            row.on_told(self._pressed)
        self._estimator.param.watch(self._informed, ["info", "problem"])
        watcher = self._query.param.watch(self._changed, ["source", "nights", "skip_unreadable", "widen"])
        session.on_end(lambda: self._query.param.unwatch(watcher))
        session.task(self._describe_sources())
        self._show_info()

    def view(self) -> pn.viewable.Viewable:
        """Return the step."""
        nights = pmui.Grid(
            pmui.Grid(self._picker_place, size={"xs": 12, "sm": 6}),
            pmui.Grid(self._typed, size={"xs": 12, "sm": 6}),
            container=True,
            spacing=1.5,
            sizing_mode="stretch_width",
            margin=(8, 0, 0, 0),
        )
        return step_paper(
            "Choose your data",
            "Pick an archive, then the observing nights. The first and the last night are included.",
            pn.Spacer(height=12),
            self._sources,
            heading("Nights"),
            nights,
            self._presets,
            self._years,
            self._chart_place,
            self._told,
            self._problems.column,
            heading("Files that don't fit", "For an archive whose files are damaged, or disagree."),
            pmui.Grid(
                pmui.Grid(self._widen, size={"xs": 12, "sm": 6}),
                pmui.Grid(self._skip, size={"xs": 12, "sm": 6}),
                container=True,
                spacing=1.5,
                sizing_mode="stretch_width",
                margin=(8, 0, 0, 0),
            ),
        )

    # --- What the user does -------------------------------------------------------------------------------------

    async def _chose_source(self, event: param.parameterized.Event) -> None:
        if self._is_showing or event.new == self._query.source or event.new not in self._query.sources:
            return
        old, new = self._query.sources[self._query.source], self._query.sources[event.new]
        values: dict[str, Any] = {"source": event.new, "nights": []}
        if old.survey != new.survey:  # whose classes and fields are others; conditions stay, and are told to be wrong
            values |= {"classes": [], "exclude_classes": [], "fields": [], "widen": []}
            if self._query.content == "fields":
                values["content"] = "lightcurve"
        self._query.update(**values)

    async def _picked(self, event: param.parameterized.Event) -> None:
        if not event.new or not all(event.new):
            return
        first, last = sorted(_date(one) for one in event.new)
        # What it was given to show comes back here, too; nights with gaps would become all between them by that.
        if (first, last) != self._span:
            self._choose(as_nights(first, last))

    async def _wrote(self, event: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._choose(split_words(event.new))

    async def _skipped(self, event: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._query.skip_unreadable = bool(event.new)

    async def _widened(self, event: param.parameterized.Event) -> None:
        if not self._is_showing:
            self._query.widen = split_words(event.new)

    def _pressed(self, name: str) -> None:
        there = self._there()
        if there and name in (*PRESETS, *years_of(there)):  # what a browser tells may be anybody's
            self._clicked = name
            self._choose(preset(name, there))
            self._show_pressed()

    def _brushed(self, first: dt.date, last: dt.date) -> None:
        there = [night for night in self._there() if first <= night <= last]
        if there:
            self._choose(as_nights(there[0], there[-1]))

    def _choose(self, nights: list[str]) -> None:
        if nights != self._query.nights:
            self._query.nights = nights

    # --- What is shown ------------------------------------------------------------------------------------------

    async def _informed(self, *_: param.parameterized.Event) -> None:
        self._show_info()

    async def _changed(self, *_: param.parameterized.Event) -> None:
        self._show_query()

    def _there(self) -> list[dt.date]:
        info = self._estimator.info
        return [night.night for night in info.nights] if info else []

    def _show_info(self) -> None:
        there, info = self._there(), self._estimator.info
        if there:
            self._show_calendar(there)
        if self._picker is not None:
            self._picker.disabled = not there
        self._years.buttons = [{"value": year, "label": year} for year in years_of(there)] if there else []
        self._chart_place.visible = info is not None or self._estimator.problem is None
        self._chart.show({night.night: night.num_alerts for night in info.nights} if info else {}, self._dates())
        self._show_query()

    def _show_calendar(self, there: list[dt.date]) -> None:
        limits = {"start": there[0], "end": there[-1], "disabled_dates": gaps(there)}
        if self._picker is not None:
            self._picker.param.update(**limits)
            return
        # Made when the nights are known: what it is told while React mounts it may be lost, and its field is empty.
        dates = self._dates()
        self._span = (min(dates), max(dates)) if dates else None
        self._picker = pmui.DateRangePicker(
            label="Observing nights",
            format="YYYY-MM-DD",
            value=self._span,
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 0),
            theme_config=button_names("Choose nights in a calendar"),
            **limits,
        )
        self._picker.param.watch(self._picked, "value")
        self._picker_place[:] = [self._picker]

    def _show_query(self) -> None:
        dates = self._dates()
        self._span = (min(dates), max(dates)) if dates else None
        self._is_showing = True
        try:
            self._sources.value = self._query.source
            if self._picker is not None:
                self._picker.value = self._span
            self._typed.value = ", ".join(self._query.nights)
            self._skip.value = self._query.skip_unreadable
            self._widen.value = ", ".join(self._query.widen)
        finally:
            self._is_showing = False
        self._show_pressed()
        self._chart.choose(dates)
        self._told.object = f"<p role='status' style='margin:0;font-size:13px;opacity:.85'>{self._said(dates)}</p>"

    def _show_pressed(self) -> None:
        there = self._there()
        names = [*PRESETS, *years_of(there)] if there else []
        same = [name for name in names if preset(name, there) == self._query.nights]
        # A night may be all of its year, too.
        self._presets.pressed = self._years.pressed = [self._clicked] if self._clicked in same else same[:1]

    def _said(self, dates: list[dt.date]) -> str:
        info = self._estimator.info
        if info is None:
            is_read = self._estimator.problem is None
            return "Reading which nights the archive has …" if is_read else "Which nights the archive has is not known."
        within = set(dates)
        met = [night for night in info.nights if night.night in within]
        if not dates:
            return "No night is chosen. Brush over the bars, or use the calendar."
        alerts = count_text(sum(night.num_alerts for night in met), "alert")
        return f"{count_text(len(dates), 'night')} chosen, {len(met):,} with data, {alerts} in all."

    def _dates(self) -> list[dt.date]:
        try:
            return dates_of(self._query.nights)
        except engine.AlertTransferError:
            return []  # the estimate tells what is wrong with them

    async def _describe_sources(self) -> None:
        found: dict[str, str] = {}
        for name, source in self._query.sources.items():
            try:
                info = await holdings_of(self._session.services).info(source)
            except engine.AlertTransferError:
                found[name] = "can't be read now"
            else:
                alerts = f"{short_number(info.num_alerts)} alerts"
                found[name] = f"{count_text(len(info.nights), 'night')} · {alerts}"
                if info.nights:
                    span = dict.fromkeys(days_text(info.nights[at].night) for at in (0, -1))
                    found[name] += f" · {' to '.join(span)}"
            self._sources.cards = self._cards(found)

    def _cards(self, notes: dict[str, str]) -> list[dict[str, str]]:
        return [_card(source, notes.get(name, "")) for name, source in self._query.sources.items()]


def _card(source: Source, note: str) -> dict[str, str]:
    text = engine.survey_named(source.survey).title
    return {"value": source.name, "title": source.name, "text": text, "note": note}


def _date(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value
