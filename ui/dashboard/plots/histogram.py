"""How bright alerts are: counts by magnitude, or by the logarithm of a flux, and their plot."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

__all__ = ["Bars", "Brightness", "HistogramPlot"]

_LOW, _HIGH = -40.0, 60.0
_PER_UNIT = 20
_NUM_BINS = int((_HIGH - _LOW) * _PER_UNIT)
_MOST_BARS = 40


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars of a histogram, from the least value to the greatest."""

    edges: np.ndarray
    """Shape (n + 1,)."""
    counts: np.ndarray
    """Shape (n,)."""


@dataclass(kw_only=True)
class Brightness:
    """Counts alerts by their brightness, in memory that does not grow."""

    is_magnitude: bool
    """Else it is a flux, counted by its logarithm to base 10."""
    num_without: int = 0
    """Alerts that have no brightness, or a flux that has no logarithm."""
    _counts: np.ndarray = field(default_factory=lambda: np.zeros(_NUM_BINS, dtype=np.int64))

    def add(self, values: np.ndarray) -> None:
        """Count further alerts; NaN is an alert without a brightness."""
        if not self.is_magnitude:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values)
        found = values[np.isfinite(values)]
        self.num_without += len(values) - len(found)
        bins = np.floor((found - _LOW) * _PER_UNIT).clip(0, _NUM_BINS - 1).astype(np.int64)
        self._counts += np.bincount(bins, minlength=_NUM_BINS)

    @property
    def num_counted(self) -> int:
        """Alerts that are in the bars."""
        return int(self._counts.sum())

    def bars(self) -> Bars:
        """Return some forty bars at most, from the least that was counted to the greatest."""
        held = np.flatnonzero(self._counts)
        if not len(held):
            return Bars(edges=np.array([0.0, 1.0]), counts=np.array([0]))
        first, end = int(held[0]), int(held[-1]) + 1
        step = next(step for step in (1, 2, 4, 5, 10, 20, 40, 100, 200) if (end - first) / step <= _MOST_BARS)
        # Bars begin at round numbers.
        first -= first % step
        end += -end % step
        counts = self._counts[first:end].reshape(-1, step).sum(axis=1)
        return Bars(edges=_LOW + np.arange(first, end + 1, step) / _PER_UNIT, counts=counts)

    def text(self, *, name: str, unit: str) -> str:
        """Return what the plot shows, in words."""
        if not self.num_counted:
            return f"No alert has a {name} that can be shown."
        bars = self.bars()
        most = int(bars.counts.argmax())
        low, high, first, last = (
            _text(value, is_magnitude=self.is_magnitude)
            for value in (bars.edges[most], bars.edges[most + 1], bars.edges[0], bars.edges[-1])
        )
        without = (
            f" {self.num_without:,} without one." if self.is_magnitude else f" {self.num_without:,} not above zero."
        )
        return (
            f"{self.num_counted:,} alerts of {name} {first} to {last} {unit}, most of them {low} to {high}."
            f"{without if self.num_without else ''}"
        )


def _text(value: float, *, is_magnitude: bool) -> str:
    return f"{value:.1f}" if is_magnitude else f"{10**value:,.3g}"


class HistogramPlot:
    """Bars of alerts by their brightness; the brightest are on the left.

    Parameters
    ----------
    name, unit
        Of the brightness.
    is_magnitude
        As of `Brightness`.
    colour
        Of the bars.
    """

    def __init__(self, *, name: str, unit: str, is_magnitude: bool, colour: str):
        self._source = ColumnDataSource({"left": [], "right": [], "count": [], "from": [], "to": []})
        self._is_magnitude = is_magnitude
        axis = f"{name} ({unit})" if is_magnitude else f"log10 of {name} ({unit})"
        self.figure = figure(
            height=240,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
            x_axis_label=axis,
            y_axis_label="alerts",
        )
        bars = self.figure.quad(
            left="left", right="right", top="count", bottom=0, source=self._source, color=colour, line_color="white"
        )
        self.figure.add_tools(HoverTool(renderers=[bars], tooltips=[(name, "@from to @to"), ("alerts", "@count{0,0}")]))
        self.figure.y_range.start = 0
        # A flux grows to the left as a magnitude falls: bright is left in both.
        self.figure.x_range.flipped = not is_magnitude
        self.figure.xgrid.visible = False
        self.figure.yaxis.ticker = BasicTicker(min_interval=1)  # there is no half an alert
        self.figure.yaxis.formatter = NumeralTickFormatter(format="0,0")

    def show(self, bars: Bars) -> None:
        """Draw other bars."""
        texts = [_text(edge, is_magnitude=self._is_magnitude) for edge in bars.edges]
        self._source.data = {
            "left": bars.edges[:-1],
            "right": bars.edges[1:],
            "count": bars.counts,
            "from": texts[:-1],
            "to": texts[1:],
        }
