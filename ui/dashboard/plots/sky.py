"""Places on the whole sky, in Mollweide's projection: right ascension to the left, as one sees the sky."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

from ui.dashboard.plots.palette import ACCENT, BAD, INK, LINE, dressed

__all__ = ["describe_place", "mollweide", "sky_map"]

_POLE_RA, _POLE_DEC, _NODE = 192.85948, 27.12825, 122.93192
"""The galaxy's north pole in ICRS, and the galactic longitude of the celestial one, in degrees."""

Degrees = npt.ArrayLike
Array = npt.NDArray[np.float64]


def mollweide(ra: Degrees, dec: Degrees) -> tuple[Array, Array]:
    """Return x in -2 to 2 and y in -1 to 1 of places in degrees; right ascension 0 is in the middle."""
    east = (np.asarray(ra, float) + 180) % 360 - 180
    north = np.radians(np.asarray(dec, float))
    theta = np.asarray(north, float).copy()
    for _ in range(60):  # Newton's way to 2 t + sin 2 t = pi sin dec; at the poles the slope is none
        slope = 2 + 2 * np.cos(2 * theta)
        step = np.where(
            slope > 1e-9, (2 * theta + np.sin(2 * theta) - np.pi * np.sin(north)) / np.maximum(slope, 1e-9), 0
        )
        theta = theta - step
        if np.all(np.abs(step) < 1e-9):
            break
    theta = np.clip(theta, -np.pi / 2, np.pi / 2)
    return -east / 90 * np.cos(theta), np.sin(theta)


def sky_map(
    ra: Sequence[float],
    dec: Sequence[float],
    names: Sequence[str] = (),
    *,
    chosen: int | None = None,
    height: int = 240,
) -> figure:
    """Return a map of the whole sky with places on it.

    Parameters
    ----------
    ra, dec
        Of the places, in degrees.
    names
        Of the places, shown where one points at them.
    chosen
        The one that is marked.
    height
        Of the figure, in pixels.
    """
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        x_range=Range1d(-2.15, 2.15),
        y_range=Range1d(-1.08, 1.08),
        match_aspect=True,
    )
    plot.axis.visible = False
    _graticule(plot)
    x, y = mollweide(ra, dec)
    places = ColumnDataSource({"x": x, "y": y, "ra": list(ra), "dec": list(dec), "name": list(names) or [""] * len(ra)})
    many = len(ra) > 200
    points = plot.scatter("x", "y", source=places, size=3 if many else 8, color=ACCENT, alpha=0.4 if many else 0.85)
    if chosen is not None and chosen < len(ra):
        mark = {"size": 18, "fill_color": None, "line_color": BAD, "line_width": 2.5}
        plot.scatter([x[chosen]], [y[chosen]], **mark)
    plot.add_tools(HoverTool(renderers=[points], tooltips=[("", "@name"), ("RA, Dec", "@ra{0.000}°, @dec{+0.000}°")]))
    return dressed(plot, grid=())


def describe_place(ra: float, dec: float) -> str:
    """Return a place in words, with its distance to the plane of the galaxy."""
    return f"RA {ra:.5f}°, Dec {dec:+.5f}°, galactic latitude {_latitude(ra, dec):+.0f}°"


def _graticule(plot: figure) -> None:
    along = np.linspace(-90, 90, 91)
    around = np.linspace(-179.99, 179.99, 121)
    for ra in (-179.99, -120, -60, 0, 60, 120, 179.99):
        plot.line(*mollweide(np.full_like(along, ra), along), color=LINE)
    for dec in (-60, -30, 0, 30, 60):
        plot.line(*mollweide(around, np.full_like(around, dec)), color=LINE)
    x, y = mollweide(*_galactic_plane())
    edge = 1 + int(np.argmax(np.abs(np.diff(x))))  # where the plane leaves the map on one side and enters on the other
    plot.line(np.roll(x[:-1], -edge), np.roll(y[:-1], -edge), color=INK, line_dash="dashed", line_alpha=0.8)
    words = {"text_color": INK, "text_font_size": "11px", "text_baseline": "middle"}
    marks = [(120, "8h"), (60, "4h"), (0, "0h"), (-60, "20h"), (-120, "16h")]
    for place, text in marks:
        (at,), (level,) = mollweide([place], [0])
        plot.text([at], [level], [text], x_offset=3, y_offset=-8, **words)
    parallels = (-60, -30, 30, 60)
    for north, across, up in zip(parallels, *mollweide([-179.99] * 4, parallels), strict=True):
        plot.text([across], [up], [f"{north:+d}°"], x_offset=4, **words)


def _galactic_plane() -> tuple[Array, Array]:
    longitude = np.radians(np.linspace(0, 360, 361) - _NODE)
    pole = np.radians(_POLE_DEC)
    dec = np.arcsin(np.cos(pole) * np.cos(longitude))
    ra = np.arctan2(-np.sin(longitude), -np.sin(pole) * np.cos(longitude))
    return np.degrees(ra) + _POLE_RA, np.degrees(dec)


def _latitude(ra: float, dec: float) -> float:
    pole, place, apart = np.radians(_POLE_DEC), np.radians(dec), np.radians(ra - _POLE_RA)
    sine = np.sin(pole) * np.sin(place) + np.cos(pole) * np.cos(place) * np.cos(apart)
    return float(np.degrees(np.arcsin(np.clip(sine, -1, 1))))
