"""What is known of the places of the sample archive's objects: reference image, Pan-STARRS and Gaia."""

import datetime

import numpy as np
import pyarrow as pa

from engine.sample.chance import Chance
from engine.sample.ztf.kinds import KINDS, Origin
from engine.sample.ztf.schedule import FIRST_FIELD, MOST_LAYERS, NUM_FIELDS
from engine.sample.ztf.sky import MOST_PLACES, Batch

__all__ = ["NOTHING", "Columns", "place_columns", "single"]

Columns = dict[str, pa.Array]
"""Columns by name."""
NOTHING = -999.0
"""What the survey writes where a catalogue has nothing."""
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def single(values: np.ndarray) -> pa.Array:
    """Keep single precision: that is all the survey measures, also where a year stores doubles."""
    return pa.array(np.asarray(values, dtype=np.float32))


def place_columns(batch: Batch) -> Columns:
    """Draw what does not change from one detection of an object to the next, and its name; each of length objects."""
    things = batch.objects
    chance = Chance(things.key)
    origin = np.array([kind.origin for kind in KINDS])[things.kind]
    on_source = np.isin(origin, [Origin.STAR, Origin.AGN])
    separation = np.where(on_source, chance.rayleigh("beside", 0.2), chance.gamma2("away", 3))
    angle = chance.uniform("angle", 0, 2 * np.pi)
    # The references were made before the survey's first alerts.
    first_reference = chance.uniform("first reference", 2458060, 2458180)
    star_mag = np.where(on_source, chance.normal("magnr", 17, 1.8), chance.normal("magnr", 20.5, 1.2)).clip(12, 23)
    columns = {
        "_separation": pa.array(separation),
        "objectId": _object_ids(batch),
        "magnr": single(np.round(star_mag, 3)),
        "sigmagnr": single(np.round(0.01 + 0.03 * 10 ** (0.25 * (star_mag - 20)), 3)),
        "chinr": single(np.round(chance.lognormal("chinr", -0.3, 0.7), 3)),
        "sharpnr": single(np.round(chance.normal("sharpnr", 0, 0.12), 3)),
        "ranr": pa.array(
            np.round((things.ra + separation / 3600 * np.cos(angle) / np.cos(np.radians(things.dec))) % 360, 7)
        ),
        "decnr": pa.array(np.round(things.dec + separation / 3600 * np.sin(angle), 7)),
        "nmtchps": pa.array(chance.geometric("nmtchps", 0.06), pa.int32()),
        "jdstartref": pa.array(np.round(first_reference, 6)),
        "jdendref": pa.array(np.round(first_reference + chance.uniform("last reference", 5, 55), 6)),
        "nframesref": pa.array(
            np.where(chance.coin("few frames", 0.7), 15, chance.integers("frames", 15, 41)), pa.int32()
        ),
        "neargaia": single(separation + chance.exponential("neargaia", 0.3)),
        "maggaia": single(np.clip(star_mag + chance.normal("maggaia", 0, 0.5), 10, 20.9)),
    }
    bright = chance.coin("bright", 0.65)
    columns["neargaiabright"] = single(np.where(bright, chance.uniform("neargaiabright", 0, 89), NOTHING))
    columns["maggaiabright"] = single(np.where(bright, chance.uniform("maggaiabright", 9, 14), NOTHING))
    distance = separation
    for rank, missing in ((1, 0.03), (2, 0.35), (3, 0.35)):
        star = (origin == Origin.STAR) & (rank == 1)
        columns |= _neighbour(chance, things.ra, things.dec, rank=rank, distance=distance, missing=missing, star=star)
        distance = distance + chance.gamma2(f"to neighbour {rank + 1}", 2)
    return columns


def _neighbour(
    chance: Chance,
    ra: np.ndarray,
    dec: np.ndarray,
    *,
    rank: int,
    distance: np.ndarray,
    missing: float,
    star: np.ndarray,
) -> Columns:
    """Draw a neighbour in the Pan-STARRS catalogue; its number there is made of zone and right ascension."""
    mag = chance.normal(f"mag{rank}", 19.0 if rank > 1 else 17.0, 1.8).clip(11, 22.5)

    def band(name: str, bluer_mag: float) -> pa.Array:
        measured = np.round(mag + bluer_mag + chance.normal(name, 0, 0.2), 4)
        return single(np.where(chance.coin(f"no {name}", missing), NOTHING, measured))

    zone, longitude = np.floor((dec + 90) * 120), np.floor(ra * 1e6)
    number = (zone * 1e9 + longitude).astype(np.int64) * 10_000 + chance.integers(f"objectidps{rank}", 0, 10_000)
    score = np.where(chance.coin(f"no score {rank}", 0.25), 0.5, chance.beta1(f"score {rank}", 0.8))
    score = np.where(star, 1 - chance.beta1(f"star's score {rank}", 20), score)
    bluer_mags = (("g", 0.6), ("r", 0.0), ("i", -0.3), ("z", -0.5))
    return {
        f"objectidps{rank}": pa.array(number),
        **{f"s{letter}mag{rank}": band(f"s{letter}mag{rank}", bluer_mag) for letter, bluer_mag in bluer_mags},
        f"sgscore{rank}": single(score),
        f"distpsnr{rank}": single(distance),
    }


def _object_ids(batch: Batch) -> pa.Array:
    """Name objects as the survey does: `ZTF`, the year in which it appeared, seven letters; no name twice."""
    things, letters = batch.objects, 26**7
    born = np.asarray(things.appeared - _EPOCH).astype("datetime64[D]")
    year = born.astype("datetime64[Y]")
    day = (born - year).astype(np.int64)
    # A year's days, fields, layers and places make fewer numbers than there are words of seven letters; multiplying by
    # a number without common divisor shuffles without repeats.
    number = day * NUM_FIELDS + batch.schedule.field[things.entry] - FIRST_FIELD
    number = (number * MOST_LAYERS + batch.schedule.layer[things.entry]) * MOST_PLACES + things.place
    number = number * 1_347_623 % letters
    powers = 26 ** np.arange(6, -1, -1)
    digits = year.astype(np.int64) - 30
    num = len(number)
    text = np.empty((num, 12), np.uint8)
    text[:, :3] = np.frombuffer(b"ZTF", np.uint8)
    text[:, 3], text[:, 4] = ord("0") + digits // 10, ord("0") + digits % 10
    text[:, 5:] = ord("a") + number[:, None] // powers % 26
    offsets = np.arange(0, 12 * num + 1, 12, dtype=np.int32)
    return pa.StringArray.from_buffers(num, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
