"""What is drawn: light curves, stamps, the sky, bars, rates. What comes in here is a function of values.

No part of it keeps the page's state. All colours come from `palette`, and no plot tells anything by colour alone.
"""

from ui.dashboard.plots.histogram import Bars, Brightness, HistogramPlot
from ui.dashboard.plots.light_curves import describe_light_curve, light_curve, light_curve_key
from ui.dashboard.plots.measurements import Measurement, leaf_of, measurements_of, photometry_of, value_at
from ui.dashboard.plots.palette import ACCENT, BAD, CATEGORIES, GOOD, INK, WARN, band_style, dressed
from ui.dashboard.plots.per_night import ClassesOfNights, NightBars, PerNightPlot, legend_of, nights_of
from ui.dashboard.plots.rates import Finished, RatePlot, Rates, rates_of
from ui.dashboard.plots.sky import describe_place, mollweide, sky_map
from ui.dashboard.plots.small_curves import curve_svg, ticks
from ui.dashboard.plots.stamps import stamps_html

__all__ = [
    "ACCENT",
    "BAD",
    "CATEGORIES",
    "GOOD",
    "INK",
    "WARN",
    "Bars",
    "Brightness",
    "ClassesOfNights",
    "Finished",
    "HistogramPlot",
    "Measurement",
    "NightBars",
    "PerNightPlot",
    "RatePlot",
    "Rates",
    "band_style",
    "curve_svg",
    "describe_light_curve",
    "describe_place",
    "dressed",
    "leaf_of",
    "legend_of",
    "light_curve",
    "light_curve_key",
    "measurements_of",
    "mollweide",
    "nights_of",
    "photometry_of",
    "rates_of",
    "sky_map",
    "stamps_html",
    "ticks",
    "value_at",
]
