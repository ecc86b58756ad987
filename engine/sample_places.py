"""What is known of the places of the sample archive's objects: reference image, Pan-STARRS and Gaia."""

import numpy as np
import pyarrow as pa

from engine.sample_kinds import KINDS, Origin
from engine.sample_sky import Batch, midnight_jd

__all__ = ["NOTHING", "Columns", "place_columns", "single"]

Columns = dict[str, pa.Array]
"""Columns by name."""
NOTHING = -999.0
"""What the survey writes where a catalogue has nothing."""


def single(values: np.ndarray) -> pa.Array:
    """Keep single precision: that is all the survey measures, also where a year stores doubles."""
    return pa.array(np.asarray(values, dtype=np.float32))


def place_columns(batch: Batch, rng: np.random.Generator) -> Columns:
    """Draw what does not change from one detection of an object to the next, and its name; each of length objects."""
    things, num = batch.objects, len(batch.objects.kind)
    origin = np.array([kind.origin for kind in KINDS])[things.kind]
    night_jd = midnight_jd(batch.night)
    on_source = np.isin(origin, [Origin.STAR, Origin.AGN])
    separation = np.where(on_source, rng.rayleigh(0.2, num), rng.gamma(2, 3, num))
    angle = rng.uniform(0, 2 * np.pi, num)
    first_reference = np.minimum(rng.uniform(2458150, 2458330, num), night_jd - 60)
    star_mag = np.where(on_source, rng.normal(17, 1.8, num), rng.normal(20.5, 1.2, num)).clip(12, 23)
    columns = {
        "_separation": pa.array(separation),
        "objectId": _object_ids(batch),
        "magnr": single(np.round(star_mag, 3)),
        "sigmagnr": single(np.round(0.01 + 0.03 * 10 ** (0.25 * (star_mag - 20)), 3)),
        "chinr": single(np.round(rng.lognormal(-0.3, 0.7, num), 3)),
        "sharpnr": single(np.round(rng.normal(0, 0.12, num), 3)),
        "ranr": pa.array(
            np.round((things.ra + separation / 3600 * np.cos(angle) / np.cos(np.radians(things.dec))) % 360, 7)
        ),
        "decnr": pa.array(np.round(things.dec + separation / 3600 * np.sin(angle), 7)),
        "nmtchps": pa.array(rng.geometric(0.06, num), pa.int32()),
        "jdstartref": pa.array(np.round(first_reference, 6)),
        "jdendref": pa.array(np.round(first_reference + rng.uniform(5, 55, num), 6)),
        "nframesref": pa.array(np.where(rng.random(num) < 0.7, 15, rng.integers(15, 41, num)), pa.int32()),
        "neargaia": single(separation + rng.exponential(0.3, num)),
        "maggaia": single(np.clip(star_mag + rng.normal(0, 0.5, num), 10, 20.9)),
    }
    bright = rng.random(num) < 0.65
    columns["neargaiabright"] = single(np.where(bright, rng.uniform(0, 89, num), NOTHING))
    columns["maggaiabright"] = single(np.where(bright, rng.uniform(9, 14, num), NOTHING))
    distance = separation
    for rank, missing in ((1, 0.03), (2, 0.35), (3, 0.35)):
        star = (origin == Origin.STAR) & (rank == 1)
        columns |= _neighbour(rng, things.ra, things.dec, rank=rank, distance=distance, missing=missing, star=star)
        distance = distance + rng.gamma(2, 2, num)
    return columns


def _neighbour(
    rng: np.random.Generator,
    ra: np.ndarray,
    dec: np.ndarray,
    *,
    rank: int,
    distance: np.ndarray,
    missing: float,
    star: np.ndarray,
) -> Columns:
    """Draw a neighbour in the Pan-STARRS catalogue; its number there is made of zone and right ascension."""
    num = len(ra)
    mag = rng.normal(19.0 if rank > 1 else 17.0, 1.8, num).clip(11, 22.5)

    def band(bluer_mag: float) -> pa.Array:
        measured = np.round(mag + bluer_mag + rng.normal(0, 0.2, num), 4)
        return single(np.where(rng.random(num) < missing, NOTHING, measured))

    zone, longitude = np.floor((dec + 90) * 120), np.floor(ra * 1e6)
    number = (zone * 1e9 + longitude).astype(np.int64) * 10_000 + rng.integers(0, 10_000, num)
    score = np.where(rng.random(num) < 0.25, 0.5, rng.beta(1, 0.8, num))
    score = np.where(star, 1 - rng.beta(1, 20, num), score)
    return {
        f"objectidps{rank}": pa.array(number),
        f"sgmag{rank}": band(0.6),
        f"srmag{rank}": band(0.0),
        f"simag{rank}": band(-0.3),
        f"szmag{rank}": band(-0.5),
        f"sgscore{rank}": single(score),
        f"distpsnr{rank}": single(distance),
    }


def _object_ids(batch: Batch) -> pa.Array:
    """Name objects as the survey does, `ZTF`, year, seven letters, no name twice."""
    num, letters = len(batch.objects.kind), 26**7
    # Nights are two million numbers apart; multiplying by a number without common divisor shuffles without repeats.
    number = (batch.night.toordinal() - 736_695) * 2_000_000 + batch.first_alert + np.arange(num)
    number = number % letters * 1_347_623 % letters
    places = 26 ** np.arange(6, -1, -1)
    year = ((batch.objects.appeared_jd - 2458119.5) / 365.25).astype(np.int64) + 18
    text = np.empty((num, 12), np.uint8)
    text[:, :3] = np.frombuffer(b"ZTF", np.uint8)
    text[:, 3], text[:, 4] = ord("0") + year // 10, ord("0") + year % 10
    text[:, 5:] = ord("a") + number[:, None] // places % 26
    offsets = np.arange(0, 12 * num + 1, 12, dtype=np.int32)
    return pa.StringArray.from_buffers(num, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
