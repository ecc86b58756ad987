"""Bars of alerts per night, by month where there are many nights; brushing over them chooses nights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import Any

import panel as pn
from bokeh.events import SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, ColumnDataSource, DatetimeTickFormatter, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

from ui.dashboard.plots import ACCENT, dressed

__all__ = ["MOST_NIGHTS", "NightChart", "bars_of"]

MOST_NIGHTS = 200
"""With more nights than this between the first and the last, a bar is a month."""
_FEW = 12
"""Days that the chart spans at least: a single night is no wall."""
_FAINT = 0.25
"""Of bars that are not chosen; their outline is as clear as that of the others."""
_DAY = dt.timedelta(days=1)
_HALF = dt.timedelta(hours=12)


def bars_of(nights: Mapping[dt.date, int]) -> list[tuple[dt.date, dt.date, int]]:
    """Return bars: their first night, their last one, and their alerts."""
    if not nights:
        return []
    if (max(nights) - min(nights)).days < MOST_NIGHTS:
        return [(night, night, number) for night, number in sorted(nights.items())]
    months: dict[dt.date, int] = {}
    for night, number in nights.items():
        first = night.replace(day=1)
        months[first] = months.get(first, 0) + number
    return [(first, _month_end(first), number) for first, number in sorted(months.items())]


class NightChart:
    """The chart of one session.

    Parameters
    ----------
    on_brush
        Called with the first and the last night that somebody brushed over.
    height
        In pixels.
    """

    def __init__(self, on_brush: Callable[[dt.date, dt.date], None], *, height: int = 190):
        self._on_brush = on_brush
        self._bars: list[tuple[dt.date, dt.date, int]] = []
        self._source = ColumnDataSource(_columns([], ()))
        self.plot = figure(
            height=height,
            sizing_mode="stretch_width",
            x_axis_type="datetime",
            toolbar_location=None,
            tools="",
            min_border_right=14,
        )
        bars = self.plot.quad(
            left="left",
            right="right",
            bottom=0,
            top="top",
            source=self._source,
            fill_color=ACCENT,
            fill_alpha="alpha",
            line_color=ACCENT,
        )
        bars.nonselection_glyph = bars.selection_glyph = None
        self.plot.y_range.start = 0
        self.plot.x_range.range_padding_units = "absolute"
        self.plot.yaxis.formatter = NumeralTickFormatter(format="0.[0]a")
        self.plot.yaxis.ticker.desired_num_ticks = 3
        self.plot.xaxis.ticker.desired_num_ticks = 4  # more would lie over each other on a phone
        self.plot.xaxis.formatter = DatetimeTickFormatter(
            days="%d %b", months="%b %Y", years="%Y", hours="%d %b", context=None
        )
        brush = BoxSelectTool(dimensions="width", persistent=False)
        hover = HoverTool(renderers=[bars], tooltips=[("", "@label"), ("alerts", "@top{0,0}")])
        self.plot.add_tools(brush, hover)
        self.plot.toolbar.active_drag = brush
        self.plot.on_event(SelectionGeometry, self._brushed)
        self.plot.on_event(Tap, self._tapped)
        dressed(self.plot)

    def show(self, nights: Mapping[dt.date, int], chosen: Collection[dt.date]) -> None:
        """Show the nights of a source with their alerts; the chosen ones stand out."""
        self._bars = bars_of(nights)
        self.choose(chosen)

    def choose(self, chosen: Collection[dt.date]) -> None:
        """Have other nights stand out."""
        columns = _columns(self._bars, chosen)
        days = (self._bars[-1][1] - self._bars[0][0]).days if self._bars else 0

        def draw() -> None:
            self.plot.x_range.range_padding = max((_FEW - days) / 2, days * 0.02) * _DAY.total_seconds() * 1000
            self._source.data = columns

        # Bokeh's own models are changed with the document's lock, which a task of ours does not hold.
        pn.state.execute(draw, schedule=True)

    def _brushed(self, event: SelectionGeometry) -> None:
        if event.geometry and event.final:
            self._take(_instant(event.geometry["x0"]), _instant(event.geometry["x1"]))

    def _tapped(self, event: Tap) -> None:
        if event.x is not None:
            self._take(_instant(event.x), _instant(event.x))

    def _take(self, start: dt.datetime, end: dt.datetime) -> None:
        met = [bar for bar in self._bars if _left(bar[0]) <= end and start <= _left(bar[1]) + _DAY]
        if met:
            self._on_brush(met[0][0], met[-1][1])


def _columns(bars: Collection[tuple[dt.date, dt.date, int]], chosen: Collection[dt.date]) -> dict[str, list[Any]]:
    within = sorted(chosen)
    gap = dt.timedelta(hours=3) if all(first == last for first, last, _ in bars) else dt.timedelta(days=3)
    return {
        "left": [_left(first) + gap / 2 for first, _, _ in bars],
        "right": [_left(last) + _DAY - gap / 2 for _, last, _ in bars],
        "top": [number for _, _, number in bars],
        "label": [f"{first}" if first == last else f"{first:%B %Y}" for first, last, _ in bars],
        "alpha": [1.0 if any(first <= one <= last for one in within) else _FAINT for first, last, _ in bars],
    }


def _left(night: dt.date) -> dt.datetime:
    """Return where a night's bar begins, such that the tick of its date is in its middle."""
    return dt.datetime(night.year, night.month, night.day) - _HALF


def _instant(milliseconds: float) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)


def _month_end(first: dt.date) -> dt.date:
    return (first.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY
