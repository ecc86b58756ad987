"""How fast a job sends: alerts a second over its time, as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

__all__ = ["Finished", "RatePlot", "Rates", "rates_of"]

_MOST_BINS = 60
_LEAST_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A part of a job that is sent."""

    time: float
    """When, Unix time in seconds."""
    seconds: float
    """How long that took."""
    num_alerts: int


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Alerts a second in each of the equal spans of a job's time."""

    edges_s: np.ndarray
    """Seconds since the job was planned, shape (n + 1,)."""
    alerts_per_s: np.ndarray
    """Shape (n,)."""

    @property
    def text(self) -> str:
        """What the plot shows, in words."""
        if not self.alerts_per_s.any():
            return "No alert was sent up to now."
        most = int(self.alerts_per_s.argmax())
        return (
            f"At most {self.alerts_per_s[most]:,.0f} alerts a second, "
            f"{self.edges_s[most]:,.0f} to {self.edges_s[most + 1]:,.0f} s after the job was planned."
        )


def rates_of(parts: Sequence[Finished], *, begun: float, until: float) -> Rates:
    """Return how fast the parts of a job were sent.

    A part counts evenly over the seconds that it took: parts that take longer than a span would stand as spikes with
    nothing between them.

    Parameters
    ----------
    parts
        Those that are sent, in any order.
    begun, until
        Unix times in seconds: the job was planned; now, or the job's end. Workers' clocks may differ: what was sent
        before or after counts in the first or last span.
    """
    span_s = max(until - begun, _LEAST_S)
    num_bins = int(min(_MOST_BINS, max(1, span_s // _LEAST_S)))
    edges_s = np.linspace(0.0, span_s, num_bins + 1)
    ended_s = np.array([part.time for part in parts]) - begun
    took_s = np.maximum(np.array([part.seconds for part in parts], dtype=np.float64), 1e-3)
    num_alerts = np.array([part.num_alerts for part in parts], dtype=np.float64)
    # A span's edge after the other: of a job of many parts the table of both would be large.
    sent = np.array([(num_alerts * np.clip((edge - ended_s + took_s) / took_s, 0, 1)).sum() for edge in edges_s])
    sent[0], sent[-1] = 0.0, num_alerts.sum()
    return Rates(edges_s=edges_s, alerts_per_s=np.diff(sent) / np.diff(edges_s))


class RatePlot:
    """Bars of alerts a second."""

    def __init__(self, colour: str):
        self._source = ColumnDataSource({"left": [], "right": [], "rate": []})
        self.figure = figure(
            height=160,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
            x_axis_label="seconds since the job was planned",
            y_axis_label="alerts / s",
        )
        bars = self.figure.quad(
            left="left", right="right", top="rate", bottom=0, source=self._source, color=colour, line_width=0
        )
        self.figure.add_tools(
            HoverTool(renderers=[bars], tooltips=[("from", "@left{0,0} s"), ("alerts / s", "@rate{0,0}")])
        )
        self.figure.y_range.start = 0
        self.figure.x_range.range_padding = 0
        self.figure.xgrid.visible = False
        self.figure.yaxis.formatter = NumeralTickFormatter(format="0,0")

    def show(self, rates: Rates) -> None:
        """Draw other rates."""
        self._source.data = {
            "left": rates.edges_s[:-1],
            "right": rates.edges_s[1:],
            "rate": rates.alerts_per_s,
        }
