"""Stamps of the LSST sample: FITS images of 30 x 30 pixels in nJy, not gzipped, as the broker archives them."""

import numpy as np

__all__ = ["NUM_PIXELS", "fits_stamp"]

NUM_PIXELS = 30
_WIDTH_PX = 2.2


def _card(keyword: str, value: str) -> str:
    return f"{keyword:8s}= {value:>20s}".ljust(80)


_CARDS = [
    _card("SIMPLE", "T"),
    _card("BITPIX", "-32"),
    _card("NAXIS", "2"),
    _card("NAXIS1", str(NUM_PIXELS)),
    _card("NAXIS2", str(NUM_PIXELS)),
    "BUNIT   = 'nJy     '".ljust(80),
    "END".ljust(80),
]
_HEADER = "".join(_CARDS).ljust(2880).encode("ascii")
_PADDING = bytes(-NUM_PIXELS * NUM_PIXELS * 4 % 2880)
_AXIS = np.arange(NUM_PIXELS) - NUM_PIXELS / 2
_SPOT = np.exp(-(_AXIS[:, None] ** 2 + _AXIS**2) / (2 * _WIDTH_PX**2)) / (2 * np.pi * _WIDTH_PX**2)


def fits_stamp(rng: np.random.Generator, flux_njy: float, noise_njy: float) -> bytes:
    """Return a FITS file with a point source of some flux amid noise.

    Parameters
    ----------
    rng
        Source of the noise.
    flux_njy
        Flux of the source.
    noise_njy
        Uncertainty of that flux.
    """
    noise = rng.standard_normal((NUM_PIXELS, NUM_PIXELS)) * noise_njy / (2 * np.sqrt(np.pi) * _WIDTH_PX)
    return _HEADER + (_SPOT * flux_njy + noise).astype(">f4").tobytes() + _PADDING
