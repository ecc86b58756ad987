"""The stamps of an alert as images: FITS, as it is or gzipped, stretched by arcsinh, with north and a scale."""

from __future__ import annotations

import base64
import gzip
import io
import math
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from PIL import Image

import engine

__all__ = ["Stamp", "read_stamp", "stamps_html", "stretched"]

_MOST_NBYTES = 8 * 1024 * 1024
"""Of a stamp when it is unpacked, and pixels of one."""
_BAR_SHARE = 0.35
_BARS = (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """One stamp, read."""

    pixels: npt.NDArray[np.float32]
    """Its first row is shown on top."""
    pixel_arcsec: float | None
    north: tuple[float, float] | None
    """Where north is as it is shown: (to the right, upwards), of length 1."""
    east: tuple[float, float] | None


def read_stamp(data: Any, survey: engine.Survey) -> Stamp | None:
    """Return a stamp as an alert has it: bytes of FITS, gzipped or not, or a struct that holds them; None without.

    Raises
    ------
    ValueError
        If it is no image that can be read.
    """
    if isinstance(data, Mapping):
        data = data.get("stampData")
    if not data:
        return None
    try:
        if data[:2] == b"\x1f\x8b":
            data = _unpacked(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers that don't follow the standard to the letter, and are understood
            with fits.open(io.BytesIO(data), memmap=False) as found:
                unit = next((hdu for hdu in found if hdu.header.get("NAXIS") == 2), None)
                if unit is None or unit.header["NAXIS1"] * unit.header["NAXIS2"] > _MOST_NBYTES:
                    raise ValueError("there is no image in it")
                pixels, header = np.asarray(unit.data, np.float32), unit.header
    except (OSError, EOFError, zlib.error, KeyError, TypeError) as exc:
        raise ValueError(str(exc) or "it is no FITS") from exc
    matrix = _matrix(header)
    if matrix is None:  # the survey's word: the first row is the northernmost
        return Stamp(
            pixels=pixels,
            pixel_arcsec=survey.stamp_pixel_arcsec,
            north=(0.0, 1.0) if survey.stamp_pixel_arcsec else None,
            east=(-1.0, 0.0) if survey.stamp_pixel_arcsec else None,
        )
    inverse = np.linalg.inv(matrix)  # degrees to pixels
    return Stamp(
        pixels=pixels[::-1],  # FITS counts rows from below
        pixel_arcsec=3600 * math.sqrt(abs(np.linalg.det(matrix))),
        north=_unit(inverse @ np.array([0.0, 1.0])),
        east=_unit(inverse @ np.array([1.0, 0.0])),
    )


def stretched(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return grey values: arcsinh of what is above the background, in units of its noise; no value is black."""
    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        return np.zeros(pixels.shape, np.uint8)
    middle = float(np.median(finite))
    noise = 1.4826 * float(np.median(np.abs(finite - middle))) or float(finite.std()) or 1.0
    scaled = np.arcsinh((np.nan_to_num(pixels, nan=middle, posinf=middle, neginf=middle) - middle) / (2 * noise))
    low, high = np.arcsinh(-1.0), max(float(np.percentile(scaled, 99.95)), 1.0)
    grey: npt.NDArray[np.uint8] = (255 * np.clip((scaled - low) / (high - low), 0, 1)).astype(np.uint8)
    grey[~np.isfinite(pixels)] = 0
    return grey


def stamps_html(row: Mapping[str, Any], survey: engine.Survey) -> str:
    """Return the stamps of a row of a preview, side by side, as HTML that needs nothing else."""
    figures = [_figure(row.get(name), name, survey) for name in survey.stamps if name in row]
    if not any("<img" in one for one in figures):
        return '<p class="at-none">This alert has no stamps.</p>'
    style = "display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:8px;max-width:540px"
    return f'<div style="{style}">{"".join(figures)}</div>'


def _figure(data: Any, name: str, survey: engine.Survey) -> str:
    title = name.removeprefix("cutout") or name
    try:
        stamp = read_stamp(data, survey)
    except ValueError as exc:
        return _captioned(f"<p>can't be read: {escape(str(exc))}</p>", title)
    if stamp is None:
        return _captioned("<p>no image</p>", title)
    height, width = stamp.pixels.shape
    picture = io.BytesIO()
    Image.fromarray(stretched(stamp.pixels)).save(picture, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
    extent = f", {width * stamp.pixel_arcsec:.0f} arcsec wide" if stamp.pixel_arcsec else ""
    way = f", north is {_way(stamp.north)}" if stamp.north else ""
    alt = escape(f"{title} image of {width} by {height} pixels{extent}{way}", quote=True)
    image = f'<img src="{source}" alt="{alt}" style="width:100%;display:block;image-rendering:pixelated">'
    box = "position:relative;border-radius:6px;overflow:hidden;background:#000"
    return _captioned(f'<div style="{box}">{image}{_overlay(stamp)}</div>', title)


def _captioned(inside: str, title: str) -> str:
    return (
        f'<figure style="margin:0;min-width:0">{inside}'
        f'<figcaption style="font-size:13px;margin-top:4px;text-align:center">{escape(title)}</figcaption></figure>'
    )


def _overlay(stamp: Stamp) -> str:
    """Return the arrows to north and east, and the bar of the scale, in a square of 100 by 100."""
    parts = []
    if stamp.north and stamp.east:
        for (right, up), letter in ((stamp.north, "N"), (stamp.east, "E")):
            x, y = 80 + 11 * right, 20 - 11 * up
            parts.append(f'<path d="M80 20L{x:.1f} {y:.1f}"/>')
            parts.append(f'<text x="{80 + 15 * right:.1f}" y="{23 - 15 * up:.1f}">{letter}</text>')
    if stamp.pixel_arcsec:
        wide = stamp.pixels.shape[1] * stamp.pixel_arcsec
        bar = max((one for one in _BARS if one <= _BAR_SHARE * wide), default=_BARS[0])
        length = 100 * bar / wide
        parts.append(f'<path d="M6 92h{length:.1f}m0 -2v4m-{length:.1f} 0v-4"/>')
        parts.append(f'<text x="{6 + length / 2:.1f}" y="87">{bar:g}″</text>')
    drawn = "stroke:#7fe3ff;stroke-width:1.3;fill:none"
    words = "text{font:600 8px sans-serif;text-anchor:middle;fill:#7fe3ff;stroke:none}"
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" '
        f'style="position:absolute;inset:0;width:100%;height:100%;{drawn}"><style>{words}</style>{"".join(parts)}</svg>'
    )


def _unpacked(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
        found = packed.read(_MOST_NBYTES + 1)
    if len(found) > _MOST_NBYTES:
        raise ValueError("it is larger than a stamp")
    return found


def _matrix(header: fits.Header) -> npt.NDArray[np.float64] | None:
    """Return degrees on the sky (east, north) by pixels (right, up), None if the header has no world coordinates."""
    if "CD1_1" in header:
        found = [[header.get(f"CD{i}_{j}", 0.0) for j in (1, 2)] for i in (1, 2)]
    elif "CDELT1" in header:
        steps = (header["CDELT1"], header.get("CDELT2", header["CDELT1"]))
        found = [[header.get(f"PC{i}_{j}", float(i == j)) * steps[i - 1] for j in (1, 2)] for i in (1, 2)]
    else:
        return None
    matrix = np.array(found, float)
    return matrix if np.isfinite(matrix).all() and np.linalg.det(matrix) else None


def _unit(vector: npt.NDArray[np.float64]) -> tuple[float, float]:
    right, up = vector / np.linalg.norm(vector)
    return float(right), float(up)


def _way(north: tuple[float, float]) -> str:
    angle = math.degrees(math.atan2(-north[0], north[1]))
    return "up" if abs(angle) < 1 else f"{abs(angle):.0f} degrees to the {'left' if angle > 0 else 'right'} of up"
