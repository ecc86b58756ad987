"""A night of LSST's alerts, drawn from nothing: objects, detections of them, histories, and what the broker adds.

Objects have numbers, and what an object is depends on the seed and its number alone. Two thirds of a night's alerts are
of objects that any other night may see too.
"""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from engine.sample.chance import Chance, key_of
from engine.sample.lsst.schema import DIA_SOURCE, FORCED_SOURCE, SCHEMA
from engine.sample.lsst.stamps import fits_stamp

__all__ = ["draw_alerts"]

BANDS = np.array(list("ugrizy"))
_VARIABLE, _SUPERNOVA, _ACTIVE, _ARTEFACT, _MOVING = range(5)
_SHARES = (0.45, 0.15, 0.15, 0.17, 0.08)
_SIMBAD = {_VARIABLE: "RRLyrae", _ACTIVE: "QSO"}
_FIELDS = np.array([[53.1, -28.1], [150.1, 2.2], [59.5, -48.4], [9.5, -44.0]])  # deep fields, degrees
_AHEAD_DAYS = 37 / 86_400.0  # TAI is ahead of UTC, since 2017
_MOST_EARLIER = 6
_UNIX_EPOCH_MJD = 40_587


def draw_alerts(*, seed: int, night: dt.date, num_alerts: int) -> pa.Table:
    """Return the alerts of a UTC night, in the order of their times.

    Parameters
    ----------
    seed
        Of all chance.
    night
        UTC date that all of them are of.
    num_alerts
        How many.
    """
    rng = np.random.default_rng([seed, night.toordinal(), 7])
    mjd = (night - dt.date(1858, 11, 17)).days
    time = np.sort(mjd + rng.uniform(0.01, 0.42, num_alerts)) + _AHEAD_DAYS
    again = rng.random(num_alerts) < 2 / 3
    number = np.where(again, rng.permutation(num_alerts), night.toordinal() * 2_000_000 + np.arange(num_alerts))
    objects = _Objects(seed, number)
    num_earlier = np.where(again & (objects.kind != _MOVING), objects.chance.integers("earlier", 0, _MOST_EARLIER), 0)

    # All detections, of each alert its own first and then the earlier ones, the oldest last.
    counts = num_earlier + 1
    owner = np.repeat(np.arange(num_alerts), counts)
    ago = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    detections = _detections(rng, objects, owner, time[owner] - 1.1 * ago, mjd)
    own = np.flatnonzero(ago == 0)
    offsets = pa.array(np.concatenate([[0], np.cumsum(num_earlier)]), pa.int32())
    earlier = detections.take(pa.array(np.flatnonzero(ago > 0)))
    source = detections.take(pa.array(own))
    forced = _forced(earlier)
    flux, error = source.field("psfFlux").to_numpy(), source.field("psfFluxErr").to_numpy()
    template = source.field("templateFlux").to_numpy()
    stamps = {
        "cutoutDifference": [fits_stamp(rng, *pair) for pair in zip(flux, error, strict=True)],
        "cutoutScience": [fits_stamp(rng, *pair) for pair in zip(flux + template, error, strict=True)],
        "cutoutTemplate": [fits_stamp(rng, *pair) for pair in zip(template, error / 3, strict=True)],
    }
    moving = objects.kind == _MOVING
    band = source.field("band").to_pylist()
    columns = {
        "diaSourceId": source.field("diaSourceId"),
        "observation_reason": pa.repeat("ddf_sample", num_alerts),
        "target_name": pa.repeat("ddf_sample, lowdust", num_alerts),
        "diaSource": source,
        "prvDiaSources": pa.ListArray.from_arrays(offsets, earlier),
        "prvDiaForcedSources": pa.ListArray.from_arrays(offsets, forced),
        "diaObject": _object(objects, source, num_earlier, moving),
        "ssSource": _moving(objects, source, moving),
        **{name: pa.array(stamp, pa.binary()) for name, stamp in stamps.items()},
        "brokerIngestMjd": time - _AHEAD_DAYS + 0.002,
        "lsst_schema_version": pa.repeat("lsst.v10_0", num_alerts),
        "brokerStartProcessTimestamp": pa.array(
            ((time - _AHEAD_DAYS + 0.003 - _UNIX_EPOCH_MJD) * 86_400e6).astype(np.int64), pa.timestamp("us")
        ),
        "fink_broker_version": pa.repeat("4.1", num_alerts),
        "fink_science_version": pa.repeat("8.0", num_alerts),
        "publisher": pa.repeat("alert-transfer sample", num_alerts),
        "lc_features": [
            [(name, dict.fromkeys(SCHEMA.field("lc_features").type.item_type.names) | {"mean": mean, "median": mean})]
            for name, mean in zip(band, flux.tolist(), strict=True)
        ],
        **_added(objects, num_earlier, moving, time),
    }
    return pa.table([_typed(columns[field.name], field.type) for field in SCHEMA], SCHEMA)


def _typed(values: pa.Array | np.ndarray | list[Any], type_: pa.DataType) -> pa.Array:
    return values.cast(type_) if isinstance(values, pa.Array) else pa.array(values, type_)


class _Objects:
    """What the objects of a night's alerts are, shape (alerts,) each."""

    def __init__(self, seed: int, number: np.ndarray):
        self.number = number
        self.chance = Chance(key_of(seed, number))
        self.kind = self.chance.choice("kind", _SHARES)
        field = self.chance.integers("field", 0, len(_FIELDS))
        self.ra = _FIELDS[field, 0] + self.chance.uniform("ra", -1.7, 1.7)
        self.dec = _FIELDS[field, 1] + self.chance.uniform("dec", -1.7, 1.7)
        self.id = 169_800_000_000_000_000 + (number % 10_000_000_000) * 1_000_000
        # Of a faint variable star to a bright one, nJy: AB magnitudes 24 to 18.
        self.flux = 10 ** self.chance.uniform("flux", 3.0, 5.4)


def _detections(rng: np.random.Generator, objects: _Objects, owner: np.ndarray, time: np.ndarray, mjd: int) -> pa.Array:
    n, kind = len(owner), objects.kind[owner]
    moving = kind == _MOVING
    error = rng.uniform(200.0, 500.0, n)
    swing = np.where(kind == _SUPERNOVA, np.exp(-np.abs(time - time.max()) / 20), np.sin(time * 9 + owner))
    flux = objects.flux[owner] * np.where(moving, 1.0, swing * 0.7) + rng.standard_normal(n) * error
    template = (
        np.where(np.isin(kind, (_VARIABLE, _ACTIVE)), objects.flux[owner], 0.0) + rng.standard_normal(n) * error / 3
    )
    identifier = objects.id[owner] + (time * 1000).astype(np.int64) % 100_000 * 10 + rng.integers(0, 10, n)
    visit = 2_025_000_000_000 + (time * 2000).astype(np.int64)
    nulls = np.ones(n, dtype=bool)
    snr = np.abs(flux) / error
    columns = {
        "diaSourceId": identifier,
        "visit": visit,
        "detector": rng.integers(0, 189, n).astype(np.int32),
        "diaObjectId": np.where(moving, 0, objects.id[owner]),
        "ssObjectId": np.where(moving, 21_163_000_000_000_000 + objects.number[owner] % 10**9, 0),
        "parentDiaSourceId": np.zeros(n, dtype=np.int64),
        "midpointMjdTai": time,
        "ra": objects.ra[owner] + rng.standard_normal(n) * 2e-5,
        "dec": objects.dec[owner] + rng.standard_normal(n) * 2e-5,
        "raErr": rng.uniform(1e-5, 2e-4, n),
        "decErr": rng.uniform(1e-5, 2e-4, n),
        "x": rng.uniform(0, 4071, n),
        "y": rng.uniform(0, 3999, n),
        "apFlux": flux * 1.02,
        "apFluxErr": error * 1.5,
        "psfFlux": flux,
        "psfFluxErr": error,
        "psfLnL": pa.array(np.zeros(n), pa.float32(), mask=nulls),
        "psfChi2": rng.uniform(900, 1700, n),
        "psfNdata": np.full(n, 1681, dtype=np.int32),
        "scienceFlux": flux + template,
        "scienceFluxErr": error * 0.9,
        "templateFlux": template,
        "templateFluxErr": error / 3,
        "snr": snr,
        "reliability": np.where(kind == _ARTEFACT, rng.uniform(0, 0.3, n), rng.uniform(0.5, 1, n)),
        "extendedness": rng.uniform(0, 1, n),
        "band": BANDS[rng.integers(0, len(BANDS), n)],
        "isNegative": flux < 0,
        "isDipole": rng.random(n) < 0.03,
        "pixelFlags": rng.random(n) < 0.2,
        "pixelFlags_saturated": rng.random(n) < 0.02,
        "pixelFlags_streak": (kind == _ARTEFACT) & (rng.random(n) < 0.3),
        "timeProcessedMjdTai": time + 0.001,
        "timeWithdrawnMjdTai": pa.array(np.zeros(n), pa.float64(), mask=nulls),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in DIA_SOURCE]
    return pa.StructArray.from_arrays(arrays, fields=list(DIA_SOURCE))


def _forced(earlier: pa.StructArray) -> pa.StructArray:
    renamed = {"diaForcedSourceId": "diaSourceId"}
    arrays = [earlier.field(renamed.get(field.name, field.name)).cast(field.type) for field in FORCED_SOURCE]
    return pa.StructArray.from_arrays(arrays, fields=list(FORCED_SOURCE))


def _object(objects: _Objects, source: pa.StructArray, num_earlier: np.ndarray, moving: np.ndarray) -> pa.StructArray:
    type_ = SCHEMA.field("diaObject").type
    band, flux = (source.field(name).to_numpy(zero_copy_only=False) for name in ("band", "psfFlux"))
    last = source.field("midpointMjdTai").to_numpy()
    means = {f"{name}_psfFluxMean": pa.array(flux, mask=band != name) for name in BANDS}
    columns = {
        "diaObjectId": objects.id,
        "ra": objects.ra,
        "dec": objects.dec,
        "firstDiaSourceMjdTai": last - 1.1 * num_earlier,
        "lastDiaSourceMjdTai": last,
        "nDiaSources": num_earlier + 1,
        **means,
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in type_]
    return pa.StructArray.from_arrays(arrays, fields=list(type_), mask=pa.array(moving))


def _moving(objects: _Objects, source: pa.StructArray, moving: np.ndarray) -> pa.StructArray:
    type_, n, chance = SCHEMA.field("ssSource").type, len(moving), objects.chance
    columns = {
        "diaSourceId": source.field("diaSourceId"),
        "ssObjectId": source.field("ssObjectId"),
        "designation": [f"2011 S{number % 10_000}" for number in objects.number.tolist()],
        "eclLambda": chance.uniform("lambda", 0, 360),
        "eclBeta": chance.uniform("beta", -20, 20),
        "ephRa": objects.ra,
        "ephDec": objects.dec,
        "elongation": chance.uniform("elongation", 90, 180),
        "phaseAngle": chance.uniform("phase", 0, 30),
        "topoRange": chance.uniform("range", 0.8, 3),
        "helioRange": chance.uniform("helio", 1.8, 4),
        "ephVmag": chance.uniform("vmag", 18, 24),
        "ephOffsetAlongTrack": pa.array(np.zeros(n), pa.float32(), mask=np.ones(n, dtype=bool)),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in type_]
    return pa.StructArray.from_arrays(arrays, fields=list(type_), mask=pa.array(~moving))


def _added(
    objects: _Objects, num_earlier: np.ndarray, moving: np.ndarray, time: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    chance = objects.chance
    rows: dict[str, list[dict[str, Any]]] = {"clf": [], "xm": [], "pred": [], "misc": []}
    score = chance.random("score").tolist()
    for i, kind in enumerate(objects.kind.tolist()):
        likely = kind == _SUPERNOVA and num_earlier[i] > 1
        simbad = _SIMBAD.get(kind) if score[i] < 0.6 else None
        tns = "SN Ia" if likely and score[i] > 0.5 else "SN II" if likely and score[i] > 0.3 else None
        rows["clf"].append(
            {
                "snnSnVsOthers_score": 0.5 + score[i] / 2 if likely else score[i] / 2,
                "cats_class": 11 if likely else -1,
                "cats_score": score[i] if likely else 0.0,
                "earlySNIa_score": score[i] if likely and num_earlier[i] < 4 else -1.0,
            }
        )
        rows["xm"].append(
            {
                "simbad_otype": simbad,
                "gaiadr3_DR3Name": f"Gaia DR3 {objects.id[i]}" if kind == _VARIABLE else None,
                "gaiadr3_Plx": score[i] * 2 if kind == _VARIABLE else None,
                "gaiadr3_VarFlag": int(kind == _VARIABLE and score[i] < 0.5),
                "legacydr8_zphot": score[i] * 1.5 if kind in (_SUPERNOVA, _ACTIVE) else None,
                "tns_type": tns,
            }
        )
        rows["pred"].append(
            {
                "is_sso": bool(moving[i]),
                "is_first": None if moving[i] else bool(num_earlier[i] == 0),
                "is_cataloged": simbad is not None or kind == _VARIABLE,
                "main_label_classifier": 11 if likely else -1,
                "main_label_crossmatch": simbad or tns,
            }
        )
        rows["misc"].append({"firstDiaSourceMjdTaiFink": float(time[i] - 1.1 * num_earlier[i])})
    return rows
