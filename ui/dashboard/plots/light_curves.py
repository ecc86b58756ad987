"""The light curve of an alert: magnitudes downward, fluxes upward; each band with its colour and its marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter, Range1d, Span, Whisker
from bokeh.plotting import figure

import engine
from ui.dashboard.plots.measurements import Measurement, measurements_of, photometry_of
from ui.dashboard.plots.palette import INK, band_style, dressed

__all__ = ["describe_light_curve", "light_curve", "light_curve_key"]

_MJD_0 = datetime(1858, 11, 17)
_SIZES = {"alert": 13, "limit": 6, "forced": 5}
_HOVER = [("date", "@date"), ("MJD", "@x{0.000}"), ("band", "@band"), ("", "@text")]


def light_curve(row: Mapping[str, Any], survey: engine.Survey, *, height: int = 280) -> figure:
    """Return the light curve of a row of a preview.

    Parameters
    ----------
    row
        An alert with its history, as `engine.preview` gives it with the content `full`.
    survey
        Whose alert it is.
    height
        Of the figure, in pixels; its width is that of its place.
    """
    points = measurements_of(row, survey)
    photometry = photometry_of(survey)
    unit = photometry.unit if photometry else ""
    is_magnitude = bool(photometry and photometry.is_magnitude)
    plot = figure(height=height, sizing_mode="stretch_width", toolbar_location=None, tools="box_zoom,reset")
    plot.xaxis.axis_label = "MJD"
    plot.yaxis.axis_label = "magnitude of the difference" if is_magnitude else f"flux [{unit}]"
    plot.xaxis.formatter = NumeralTickFormatter(format="0[.]00")
    plot.yaxis.formatter = NumeralTickFormatter(format="0.0" if is_magnitude else "0,0")
    _set_ranges(plot, points, flipped=is_magnitude)
    if not is_magnitude:
        plot.add_layout(Span(location=0, dimension="width", line_color=INK, line_dash="dotted"))
    in_order = sorted(points, key=lambda one: (one.band, one.kind == "limit", one.is_negative, one.kind))
    for (band, is_limit, is_negative), group in groupby(in_order, lambda p: (p.band, p.kind == "limit", p.is_negative)):
        _draw(plot, band, list(group), is_limit=is_limit, is_negative=is_negative, unit=unit)
    plot.add_tools(HoverTool(tooltips=_HOVER))
    if points:
        plot.legend.orientation = "horizontal"
        plot.legend.click_policy = "hide"
        plot.legend.location = "left"
        plot.add_layout(plot.legend[0], "above")
    return dressed(plot, grid=("x", "y"))


def light_curve_key(row: Mapping[str, Any], survey: engine.Survey) -> str:
    """Return what the signs of a light curve mean, as far as they are on it."""
    points = measurements_of(row, survey)
    parts = ["large: this alert"] if any(point.kind != "alert" for point in points) else []
    if any(point.is_negative for point in points):
        parts.append("hollow: fainter than the reference image")
    if any(point.kind == "limit" for point in points):
        parts.append("▽ upper limit")
    if any(point.kind == "forced" for point in points):
        parts.append("small: forced photometry")
    return " · ".join(parts)


def describe_light_curve(row: Mapping[str, Any], survey: engine.Survey) -> str:
    """Return in words what the light curve shows, for those who don't see it."""
    points = measurements_of(row, survey)
    if not points:
        return "No measurement of brightness."
    photometry = photometry_of(survey)
    unit = photometry.unit if photometry else ""
    parts = []
    for band in sorted({point.band for point in points}):
        seen = [point.value for point in points if point.band == band and point.kind != "limit"]
        limits = sum(1 for point in points if point.band == band and point.kind == "limit")
        span = f"{_count(len(seen), 'measurement')}, {_text(min(seen))} to {_text(max(seen))} {unit}" if seen else ""
        below = _count(limits, "upper limit") if limits else ""
        parts.append(f"{band or 'no band'}: {', '.join(part for part in (span, below) if part)}")
    days = points[-1].mjd - points[0].mjd
    over = _count(round(days), "day") if round(days) else "less than a day"
    return f"Light curve over {over}. " + "; ".join(parts) + "."


def _draw(
    plot: figure, band: str, points: Sequence[Measurement], *, is_limit: bool, is_negative: bool, unit: str
) -> None:
    style = band_style(band)
    source = ColumnDataSource(
        {
            "x": [point.mjd for point in points],
            "y": [point.value for point in points],
            "low": [point.value - (point.error or 0) for point in points],
            "high": [point.value + (point.error or 0) for point in points],
            "size": [_SIZES.get(point.kind, 8) for point in points],
            "width": [2.5 if point.kind == "alert" else 1 for point in points],
            "date": [f"{_MJD_0 + timedelta(days=point.mjd):%Y-%m-%d %H:%M}" for point in points],
            "band": [band] * len(points),
            "text": [_told(point, unit) for point in points],
        }
    )
    if not is_limit and any(point.error for point in points):
        whisker = Whisker(base="x", lower="low", upper="high", source=source, line_color=style.colour, line_alpha=0.7)
        whisker.upper_head.size = whisker.lower_head.size = 0
        plot.add_layout(whisker)
    plot.scatter(
        "x",
        "y",
        source=source,
        size="size",
        marker="inverted_triangle" if is_limit else style.marker,
        line_color=style.colour,
        line_width="width",
        fill_color=style.colour,
        fill_alpha=0 if is_limit or is_negative else 0.85,
        line_alpha=0.6 if is_limit else 1,
        legend_label=band
        or "no band",  # of one band there is one entry, the first of which is a detection if there is any
    )


def _set_ranges(plot: figure, points: Sequence[Measurement], *, flipped: bool) -> None:
    """Set ranges that hold the error bars, which Bokeh's own leave out, and have an extent in any case."""
    if not points:
        return
    days = [point.mjd for point in points]
    low = min(point.value - (point.error or 0) for point in points)
    high = max(point.value + (point.error or 0) for point in points)
    around = max(0.04 * (max(days) - min(days)), 0.5)
    above = max(0.08 * (high - low), 0.1 if flipped else 1.0)
    plot.x_range = Range1d(min(days) - around, max(days) + around)
    plot.y_range = Range1d(high + above, low - above) if flipped else Range1d(low - above, high + above)


def _told(point: Measurement, unit: str) -> str:
    error = f" ± {_text(point.error)}" if point.error else ""
    before = "fainter than " if point.kind == "limit" else ""
    return f"{before}{_text(point.value)}{error} {unit}" + (f" ({point.kind})" if point.kind != "limit" else "")


def _text(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
