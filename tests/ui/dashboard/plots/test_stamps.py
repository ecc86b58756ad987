"""Stamps are images with the right side up, whatever they are packed in."""

import re

import numpy as np
import pytest

from tests.ui.dashboard.plots.alerts import LSST, ZTF, fits_bytes
from ui.dashboard.plots.stamps import read_stamp, stamps_html, stretched

PIXELS = np.zeros((4, 6))
PIXELS[0, 0] = 100  # the first row, as FITS counts


def test_a_stamp_of_ztf_is_gzipped_and_has_north_where_its_first_row_is():
    stamp = read_stamp({"fileName": "a.fits.gz", "stampData": fits_bytes(PIXELS, packed=True)}, ZTF)
    assert stamp is not None
    assert stamp.pixels[0, 0] == 100
    assert (stamp.pixel_arcsec, stamp.north, stamp.east) == (1.01, (0.0, 1.0), (-1.0, 0.0))


def test_world_coordinates_tell_north_and_scale():
    scale = 0.2 / 3600
    data = fits_bytes(PIXELS, CRPIX1=1.0, CD1_1=0.0, CD1_2=scale, CD2_1=scale, CD2_2=0.0)
    stamp = read_stamp(data, LSST)
    assert stamp is not None
    assert stamp.pixels[-1, 0] == 100  # FITS counts rows from below
    assert stamp.pixel_arcsec == pytest.approx(0.2)
    assert stamp.north == pytest.approx((1, 0))
    assert stamp.east == pytest.approx((0, 1))


@pytest.mark.parametrize("data", [None, b"", {"stampData": None}])
def test_no_stamp_is_none(data):
    assert read_stamp(data, ZTF) is None


@pytest.mark.parametrize("data", [b"<script>", b"\x1f\x8b broken", fits_bytes(PIXELS)[:600]])
def test_what_is_no_image_is_told_and_the_others_are_shown(data):
    with pytest.raises(ValueError, match=r".+"):
        read_stamp(data, ZTF)
    good = {"stampData": fits_bytes(PIXELS, packed=True)}
    html = stamps_html({"cutoutScience": good, "cutoutTemplate": data, "cutoutDifference": None}, ZTF)
    assert html.count("<img") == 1
    assert "can't be read" in html
    assert "no image" in html
    assert "<script" not in html


def test_a_stamp_that_unpacks_to_far_more_is_refused():
    with pytest.raises(ValueError, match="larger"):
        read_stamp(fits_bytes(np.zeros((1500, 1500)), packed=True), ZTF)


def test_the_stretch_keeps_the_order_and_shows_faint_and_bright():
    rng = np.random.default_rng(1)
    pixels = rng.normal(100, 5, (63, 63)).astype(np.float32)
    pixels[30:32, 30:32], pixels[40, 40], pixels[5, 5] = 10_000, 160, np.nan
    grey = stretched(pixels)
    assert int(np.median(grey)) < int(grey[40, 40]) < int(grey[30, 30]) == 255
    assert grey[5, 5] == 0


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_even_stamp_is_drawn_too(value):
    assert stretched(np.full((3, 3), value, np.float32)).shape == (3, 3)


def test_images_say_what_they_are():
    good = {"stampData": fits_bytes(PIXELS, packed=True)}
    html = stamps_html(dict.fromkeys(ZTF.stamps, good), ZTF)
    assert re.findall(r"<figcaption[^>]*>(\w+)", html) == ["Science", "Template", "Difference"]
    assert 'alt="Science image of 6 by 4 pixels, 6 arcsec wide, north is up"' in html
