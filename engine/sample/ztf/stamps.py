"""Stamps of the sample archive: gzipped FITS images, 63 x 63 pixels, a star or a galaxy and what has changed.

An archive has a pool of about a thousand triples (science, template, difference; 40 MB) and alerts take theirs from it:
a triple costs about a millisecond, and an archive would take four times as long if each alert had its own. Within a
triple, science is template plus difference; across the pool, brightness, sign and surroundings vary, so that an alert's
stamps agree with its magnitudes.
"""

import zlib

import numpy as np
import pyarrow as pa

__all__ = ["HOST_GALAXY", "HOST_NOTHING", "HOST_STAR", "NUM_PIXELS", "StampPool"]

NUM_PIXELS = 63
"""Width and height of a stamp in pixels of 1.01 arcsec."""
HOST_NOTHING, HOST_STAR, HOST_GALAXY = range(3)
"""What the template shows where the alert is."""

_NUM_LEVELS = 160
_BRIGHT_MAG, _FAINT_MAG = 12.5, 21.0
_LEVEL_MAG = (_FAINT_MAG - _BRIGHT_MAG) / _NUM_LEVELS
_ZERO_POINT_MAG = 26.3
_EDGE_SHARE = 0.04


class StampPool:
    """Ready-made stamps, one triple for each thing that a template shows, sign of the change, and level of brightness.

    A triple is made when it is first needed, from the seed and its place alone.

    Parameters
    ----------
    seed
        Seed of the stamps.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self._triples: dict[int, tuple[bytes, bytes, bytes]] = {}

    def choose(
        self, rng: np.random.Generator, *, host: np.ndarray, positive: np.ndarray, mag: np.ndarray
    ) -> tuple[pa.BinaryArray, pa.BinaryArray, pa.BinaryArray]:
        """Give each alert a triple that fits it: science, template and difference, gzipped FITS files.

        Difference is science minus template, or template minus science where the change is negative, so that the source
        is bright in it.

        Parameters
        ----------
        rng
            Source of chance: neighbours in brightness are as good.
        host
            What the template shows, `HOST_*`, shape (alerts,).
        positive
            Whether the source became brighter, shape (alerts,).
        mag
            Magnitude of the change, shape (alerts,).
        """
        level = (mag - _BRIGHT_MAG) / _LEVEL_MAG + rng.uniform(-2, 2, len(mag))
        level = np.clip(level.astype(np.int64), 0, _NUM_LEVELS - 1)
        places, alert_place = np.unique((host * 2 + positive) * _NUM_LEVELS + level, return_inverse=True)
        triples = zip(*(self._at(place) for place in places.tolist()), strict=True)
        science, template, difference = (
            pa.array(stamps, pa.binary()).take(pa.array(alert_place)) for stamps in triples
        )
        return science, template, difference

    def _at(self, place: int) -> tuple[bytes, bytes, bytes]:
        if place not in self._triples:
            host, positive = divmod(place // _NUM_LEVELS, 2)
            mag = _BRIGHT_MAG + (place % _NUM_LEVELS + 0.5) * _LEVEL_MAG
            rng = np.random.default_rng([self._seed, 0, place])
            self._triples[place] = _triple(rng, host=host, positive=bool(positive), mag=mag)
        return self._triples[place]


def _card(keyword: str, value: str) -> str:
    return f"{keyword:8s}= {value:>20s}".ljust(80)


def _header() -> bytes:
    cards = [
        _card("SIMPLE", "T"),
        _card("BITPIX", "-32"),
        _card("NAXIS", "2"),
        _card("NAXIS1", str(NUM_PIXELS)),
        _card("NAXIS2", str(NUM_PIXELS)),
        "BUNIT   = 'DN      '".ljust(80),
        "END".ljust(80),
    ]
    return "".join(cards).ljust(2880).encode("ascii")


_HEADER = _header()
_PADDING = bytes(-NUM_PIXELS * NUM_PIXELS * 4 % 2880)


def _gzipped_fits(image: np.ndarray) -> bytes:
    # Z_RLE: noise has no repeats to look for; as small as the default strategy and twice as fast. No time in the
    # gzip header, so that the same seed gives the same bytes.
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31, 9, zlib.Z_RLE)
    return squeeze.compress(_HEADER + image.astype(">f4").tobytes() + _PADDING) + squeeze.flush()


def _spot(x: np.ndarray, y: np.ndarray, *, flux: float, width_px: float) -> np.ndarray:
    """Draw a Gaussian spot of a total flux; `width_px` is its standard deviation."""
    along_x, along_y = np.exp(-((x / width_px) ** 2) / 2), np.exp(-((y / width_px) ** 2) / 2)
    return np.outer(along_y * (flux / (2 * np.pi * width_px**2)), along_x).astype(np.float32)


def _flux(mag: float) -> float:
    return 10 ** (-0.4 * (mag - _ZERO_POINT_MAG))


def _triple(rng: np.random.Generator, *, host: int, positive: bool, mag: float) -> tuple[bytes, bytes, bytes]:
    shape = (NUM_PIXELS, NUM_PIXELS)
    pixels = np.arange(NUM_PIXELS) - NUM_PIXELS // 2
    width_px, sky, noise = rng.uniform(0.9, 1.6), rng.uniform(100, 400), rng.uniform(5, 12)
    centre_x, centre_y = pixels - rng.uniform(-0.5, 0.5), pixels - rng.uniform(-0.5, 0.5)

    template = sky + rng.standard_normal(shape, dtype=np.float32) * np.float32(noise / 2)
    if host == HOST_STAR:
        template += _spot(centre_x, centre_y, flux=_flux(max(mag - rng.uniform(0.3, 2.5), 12)), width_px=width_px)
    elif host == HOST_GALAXY:
        off_x, off_y = centre_x - rng.normal(0, 2), centre_y - rng.normal(0, 2)
        template += _spot(off_x, off_y, flux=_flux(rng.uniform(16, 20)), width_px=rng.uniform(2, 5))
    for _ in range(rng.integers(0, 6)):
        away_x, away_y = pixels - rng.uniform(-31, 31), pixels - rng.uniform(-31, 31)
        template += _spot(away_x, away_y, flux=_flux(rng.uniform(15, 21)), width_px=width_px)

    difference = rng.standard_normal(shape, dtype=np.float32) * np.float32(noise)
    difference += _spot(centre_x, centre_y, flux=_flux(mag), width_px=width_px)
    science = template + difference if positive else template - difference
    if rng.random() < _EDGE_SHARE:
        width = rng.integers(3, 30)
        for image in (science, template, difference):
            image[:, :width] = np.nan
    return _gzipped_fits(science), _gzipped_fits(template), _gzipped_fits(difference)
