"""A small light curve as SVG: a page that is drawn anew every few seconds has no time for figures of Bokeh's."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import engine
from ui.dashboard.plots.measurements import Measurement, measurements_of, photometry_of
from ui.dashboard.plots.palette import band_style

__all__ = ["curve_svg", "ticks"]

_WIDTH, _HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 352, 10, 166
_MJD_0 = datetime(1858, 11, 17)
_SIZE = 4.0
_MOST_POINTS = 600
_MOST_MJD, _MOST_VALUE = 1e6, 1e12
_SHAPES = {
    "square": "M-{s} -{s}h{d}v{d}h-{d}z",
    "diamond": "M0 -{l}L{l} 0L0 {l}L-{l} 0z",
    "triangle": "M0 -{l}L{l} {s}H-{l}z",
    "inverted_triangle": "M0 {l}L{l} -{s}H-{l}z",
    "asterisk": "M-{l} 0H{l}M0 -{l}V{l}M-{s} -{s}L{s} {s}M-{s} {s}L{s} -{s}",
    "star": "M-{l} 0H{l}M0 -{l}V{l}M-{s} -{s}L{s} {s}M-{s} {s}L{s} -{s}",
    "circle": "M-{s} 0a{s} {s} 0 1 0 {d} 0a{s} {s} 0 1 0 -{d} 0z",
}


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from `low` to `high`, at most so many."""
    span = max(high - low, 1e-9)
    scale = 10 ** math.floor(math.log10(span / most))
    step = next(scale * by for by in (1, 2, 5, 10, 20) if span / (scale * by) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def curve_svg(row: Mapping[str, Any], survey: engine.Survey, *, label: str) -> str:
    """Return the light curve of an alert with its history: magnitudes downward, fluxes upward.

    Parameters
    ----------
    row
        As `measurements_of` takes it.
    survey
        Whose alert it is.
    label
        What it shows, for screen readers.
    """
    points = [point for point in measurements_of(row, survey) if _is_physical(point)][-_MOST_POINTS:]
    photometry = photometry_of(survey)
    is_magnitude = bool(photometry and photometry.is_magnitude)
    if not points:
        return "<p>No measurement of brightness.</p>"
    low, high = _range([edge for point in points for edge in _edges(point)])
    first, last = _range([point.mjd for point in points])
    at_x = _scale(first, last, _LEFT, _RIGHT)
    at_y = _scale(low, high, *((_TOP, _BOTTOM) if is_magnitude else (_BOTTOM, _TOP)))
    unit = "mag" if is_magnitude else html.escape(photometry.unit if photometry else "")
    drawn = "".join(_drawn(point, at_x, at_y, unit) for point in points)
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{html.escape(label, quote=True)}'>"
        f"{_axes(first, last, low, high, at_x, at_y)}"
        f"<text x='{(_LEFT + _RIGHT) / 2}' y='{_HEIGHT - 4}' text-anchor='middle'>MJD</text>"
        f"<text x='12' y='{(_TOP + _BOTTOM) / 2}' text-anchor='middle' "
        f"transform='rotate(-90 12 {(_TOP + _BOTTOM) / 2})'>{unit}</text>{drawn}</svg>"
    )


def _is_physical(point: Measurement) -> bool:
    """Return whether a point can be drawn: others wrote it, so it may be of any size."""
    return 0 < point.mjd < _MOST_MJD and abs(point.value) < _MOST_VALUE


def _edges(point: Measurement) -> tuple[float, float]:
    error = min(max(point.error or 0.0, 0.0), _MOST_VALUE)
    return point.value - error, point.value + error


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or 0.5
    return low - room, high + room


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: round(start + (value - low) / (high - low) * (end - start), 1)


def _axes(
    first: float, last: float, low: float, high: float, at_x: Callable[[float], float], at_y: Callable[[float], float]
) -> str:
    parts = []
    for tick in ticks(low, high, 6):
        y = at_y(tick)
        parts.append(f"<path class='grid' d='M{_LEFT} {y}H{_RIGHT}'/>")
        parts.append(f"<text x='{_LEFT - 5}' y='{y + 4}' text-anchor='end'>{tick:,.6g}</text>")
    for tick in ticks(first, last, 5):
        x = at_x(tick)
        parts.append(f"<path class='grid' d='M{x} {_TOP}V{_BOTTOM}'/>")
        parts.append(f"<text x='{x}' y='{_BOTTOM + 15}' text-anchor='middle'>{tick:.10g}</text>")
    return "".join(parts)


def _drawn(point: Measurement, at_x: Callable[[float], float], at_y: Callable[[float], float], unit: str) -> str:
    style = band_style(point.band)
    is_limit = point.kind == "limit"
    shape = _SHAPES["inverted_triangle" if is_limit else style.marker if style.marker in _SHAPES else "circle"]
    size = _SIZE * (0.75 if is_limit else 1.4 if point.kind == "alert" else 1.0)
    path = shape.format(s=round(size, 2), d=round(2 * size, 2), l=round(1.3 * size, 2))
    x, y = at_x(point.mjd), at_y(point.value)
    fill = "none" if is_limit or point.is_negative else style.colour
    low, high = _edges(point)
    bar = f"<path d='M{x} {at_y(low)}V{at_y(high)}' stroke='{style.colour}'/>" if point.error else ""
    when = f"{_MJD_0 + timedelta(days=point.mjd):%Y-%m-%d %H:%M}"
    told = f"{when} {point.band} {'fainter than ' if is_limit else ''}{point.value:,.5g} {unit}"
    return (
        f"{bar}<path d='{path}' transform='translate({x} {y})' fill='{fill}' stroke='{style.colour}'>"
        f"<title>{html.escape(told)}</title></path>"
    )
