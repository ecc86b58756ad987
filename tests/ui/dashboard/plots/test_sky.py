"""The map of the sky has places where they are."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from ui.dashboard.plots.sky import describe_place, mollweide, sky_map


@given(ra=st.floats(0, 360), dec=st.floats(-90, 90))
def test_every_place_is_on_the_map_and_keeps_its_area(ra, dec):
    x, y = mollweide([ra], [dec])
    assert (x[0] / 2) ** 2 + y[0] ** 2 <= 1 + 1e-9
    # Equal areas: the share of the map below a parallel is the share of the sphere.
    theta = np.arcsin(y[0])
    assert (2 * theta + np.sin(2 * theta)) / np.pi == pytest.approx(np.sin(np.radians(dec)), abs=1e-6)


def test_right_ascension_goes_to_the_left():
    x, y = mollweide([90, 270, 0, 0, 0], [0, 0, 0, 90, -90])
    assert x.tolist()[:3] == pytest.approx([-1, 1, 0])
    assert y.tolist() == pytest.approx([0, 0, 0, 1, -1], abs=1e-4)


@pytest.mark.parametrize(("ra", "dec"), [(266.405, -28.936), (192.859, 27.128), (10.0, 41.0)])
def test_the_distance_to_the_galaxy_is_astropys(ra, dec):
    latitude = SkyCoord(ra, dec, unit="deg").galactic.b.deg
    assert f"{latitude:+.0f}°" in describe_place(ra, dec)


def test_a_map_has_the_places_and_marks_one():
    plot = sky_map([10.0, 20.0], [5.0, -5.0], ["a", "b"], chosen=1)
    sources = [r.data_source.data for r in plot.renderers if "name" in r.data_source.data]
    assert [source["name"] for source in sources] == [["a", "b"]]
