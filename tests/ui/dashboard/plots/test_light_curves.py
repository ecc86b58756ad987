"""A light curve shows what was measured: magnitudes downward, fluxes upward, limits as limits."""

import pytest
from bokeh.models import GlyphRenderer, Whisker

from tests.ui.dashboard.plots.alerts import LSST, ZTF, lsst_row, ztf_row
from ui.dashboard.plots.light_curves import describe_light_curve, light_curve, light_curve_key
from ui.dashboard.plots.measurements import measurements_of
from ui.dashboard.plots.palette import band_style


def drawn(row, survey):
    """Return marker -> (days, values, whether it is filled) of what a light curve draws."""
    renderers = light_curve(row, survey).select(type=GlyphRenderer)
    return {
        (one.glyph.marker, one.glyph.fill_alpha > 0): list(
            zip(one.data_source.data["x"], one.data_source.data["y"], strict=True)
        )
        for one in renderers
    }


def test_measurements_of_ztf_are_in_order_and_told_apart():
    found = measurements_of(ztf_row(), ZTF)
    assert [(p.mjd, p.band, p.value, p.kind, p.is_negative) for p in found] == [
        (59520.0, "r", 19.5, "limit", False),
        (59530.0, "g", 18.5, "earlier", True),
        (59540.0, "g", 18.0, "alert", False),
    ]


def test_magnitudes_point_downward_and_each_kind_has_its_marker():
    plot = light_curve(ztf_row(), ZTF)
    assert plot.y_range.start > 19.5 > 18.0 > plot.y_range.end
    assert drawn(ztf_row(), ZTF) == {
        (band_style("g").marker, True): [(59540.0, 18.0)],
        (band_style("g").marker, False): [(59530.0, 18.5)],
        ("inverted_triangle", False): [(59520.0, 19.5)],
    }


def test_fluxes_point_upward_with_their_unit_and_error_bars():
    plot = light_curve(lsst_row(), LSST)
    assert plot.y_range.start < -350
    assert plot.y_range.end > 1800
    assert "nJy" in plot.yaxis.axis_label
    assert len(plot.select(type=Whisker)) == 2  # of each band


def test_bands_differ_in_colour_and_in_marker():
    styles = [band_style(name) for name in "ugrizy"]
    assert len({style.colour for style in styles}) == len({style.marker for style in styles}) == 6
    assert band_style("R") == band_style("r")
    assert band_style("clear").name == "clear"


@pytest.mark.parametrize("missing", [None, float("nan"), -999.0])
def test_a_brightness_that_is_none_is_an_upper_limit(missing):
    assert [p.kind for p in measurements_of(ztf_row(magpsf=missing), ZTF)][-1] == "limit"


def test_an_alert_without_time_or_brightness_is_drawn_empty():
    row = {"candidate": {"jd": None}, "prv_candidates": None}
    assert measurements_of(row, ZTF) == []
    assert light_curve(row, ZTF).select(type=GlyphRenderer) == []
    assert "No measurement" in describe_light_curve(row, ZTF)


def test_words_tell_what_is_drawn():
    words = describe_light_curve(ztf_row(), ZTF)
    assert "20 days" in words
    assert "g: 2 measurements, 18.00 to 18.50 mag" in words
    assert "r: 1 upper limit" in words
    key = light_curve_key(ztf_row(), ZTF)
    assert "upper limit" in key
    assert "hollow" in key
    assert "forced" in light_curve_key(lsst_row(), LSST)


@pytest.mark.parametrize("own", [{"jd": 1e300}, {"jd": -5.0}, {"fid": "\x1f<b>" * 9}, {"magpsf": 1e200}])
def test_what_others_wrote_may_be_of_any_size(own):
    row = ztf_row(**own)
    light_curve(row, ZTF)
    bands = {point.band for point in measurements_of(row, ZTF)}
    assert all(band.isprintable() and len(band) < 20 for band in bands)


@pytest.mark.parametrize(("before", "words"), [(0.0, "less than a day"), (1.2, "1 day."), (2.0, "2 days.")])
def test_days_are_counted_as_people_do(before, words):
    row = ztf_row()
    row["prv_candidates"] = [row["candidate"] | {"jd": row["candidate"]["jd"] - before}]
    assert f"over {words}" in describe_light_curve(row, ZTF)
