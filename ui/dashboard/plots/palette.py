"""Colours and markers, the same on all plots, in light and in dark.

The colours of bands are the usual ones in hue, in shades that people with any colour vision can tell apart (after Okabe
and Ito); each band has a marker of its own besides. All have a contrast of at least 3 to both grounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bokeh.models import Axis, Grid
from bokeh.plotting import figure

__all__ = [
    "ACCENT",
    "BAD",
    "CATEGORIES",
    "GOOD",
    "INK",
    "LINE",
    "WARN",
    "Band",
    "band_style",
    "dressed",
]

ACCENT = "#2f6bed"
"""Of bars, lines and points that mean no band."""
INK = "#767676"
"""Of axes and their words: readable on white and on the dark ground."""
LINE = "#8884"
GOOD, WARN, BAD = "#1a8f6a", "#b87503", "#d0434f"

CATEGORIES = ("#2f6bed", "#d55e00", "#009e73", "#b5539c", "#b87503", "#5b8fb9", "#8c6d5a")


@dataclass(frozen=True, kw_only=True)
class Band:
    """How a band is drawn."""

    name: str
    colour: str
    marker: str
    """As Bokeh names it."""
    symbol: str
    """The same as a character, for words."""


_BANDS = {
    "u": Band(name="u", colour="#0072b2", marker="hex", symbol="⬢"),
    "g": Band(name="g", colour="#00916a", marker="circle", symbol="●"),
    "r": Band(name="r", colour="#d55e00", marker="square", symbol="■"),
    "i": Band(name="i", colour="#a0648f", marker="diamond", symbol="◆"),
    "z": Band(name="z", colour="#8a6d00", marker="triangle", symbol="▲"),
    "y": Band(name="y", colour="#8c6d5a", marker="star", symbol="★"),
}
_OTHER = ("asterisk", "✱")


def band_style(name: str) -> Band:
    """Return how a band is drawn; of a band that is not known, in grey, with a marker of its own."""
    known = _BANDS.get(name.lower())
    return known or Band(name=name, colour=INK, marker=_OTHER[0], symbol=_OTHER[1])


def dressed(plot: figure, *, grid: Sequence[str] = ("y",)) -> figure:
    """Return a figure in the page's dress: no ground of its own, so that it stands on light and on dark alike.

    Parameters
    ----------
    plot
        The figure, which is changed.
    grid
        The axes of which lines are drawn.
    """
    plot.background_fill_color = plot.border_fill_color = plot.outline_line_color = None
    plot.toolbar.logo = None
    for axis in plot.select(type=Axis):
        axis.axis_line_color = axis.major_tick_line_color = LINE
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "12px"
    for lines in plot.select(type=Grid):
        lines.grid_line_color = LINE if ("x" if lines.dimension == 0 else "y") in grid else None
    if plot.legend:
        plot.legend.label_text_color = INK
        plot.legend.background_fill_alpha = plot.legend.border_line_alpha = 0
        plot.legend.label_text_font_size = "12px"
    return plot
