"""The survey's own packet in the sample archive: `candidate` and `prv_candidates`, built column by column.

Values live in tables of three lengths (epochs, detections, objects); a row of `candidate` or of the history is a lookup
into them, so what an alert says of itself and what later alerts say of it agree.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.sample.chance import Chance, key_of
from engine.sample.ztf.kinds import KINDS, Origin
from engine.sample.ztf.places import NOTHING, Columns, place_columns, single
from engine.sample.ztf.sky import HEIGHT_PX, NUM_QUALITIES, WIDTH_PX, Batch

__all__ = ["Packets", "draw_packets"]


@dataclass(frozen=True, kw_only=True)
class Packets:
    """Tables from which the packets of a batch are made."""

    batch: Batch
    """Whose packets they are."""
    of_epoch: Columns
    """Known for upper limits too: the image; each of length epochs."""
    of_detection: Columns
    """Measured where something was seen; each of length detections."""
    of_object: Columns
    """Known for an object's place; each of length objects."""
    of_alert: Columns
    """The object's history up to the alert; each of length alerts."""
    positive: np.ndarray
    """Whether the source became brighter, shape (detections,)."""

    @cached_property
    def detection_of_epoch(self) -> np.ndarray:
        """Place of an epoch in the table of detections, shape (epochs,); meaningless for an upper limit."""
        return np.cumsum(self.batch.detected) - 1

    @cached_property
    def history_starts(self) -> np.ndarray:
        """Where each alert's history begins in the flat history, shape (alerts + 1,)."""
        return np.concatenate([[0], np.cumsum(self.batch.alert_epoch - self.batch.alert_first_epoch)])

    @cached_property
    def history_epoch(self) -> np.ndarray:
        """Epochs of the flat history, shape (all alerts' histories,)."""
        starts = self.history_starts
        first = np.repeat(self.batch.alert_first_epoch - starts[:-1], np.diff(starts))
        return first + np.arange(starts[-1])

    def alert_column(self, name: str) -> pa.Array:
        """Give a column of `candidate`, before it is cast to the year's type."""
        batch = self.batch
        if name in self.of_alert:
            return self.of_alert[name]
        if name in self.of_epoch:
            return self.of_epoch[name].take(pa.array(batch.alert_epoch))
        if name in self.of_detection:
            return self.of_detection[name].take(pa.array(self.detection_of_epoch[batch.alert_epoch]))
        return self.of_object[name].take(pa.array(batch.alert_object))

    def candidate(self) -> pa.StructArray:
        """Build the column `candidate`."""
        fields = list(self.batch.profile.schema.field("candidate").type)
        return pa.StructArray.from_arrays(
            [self.alert_column(field.name).cast(field.type) for field in fields], fields=fields
        )

    def history(self) -> pa.ListArray:
        """Build the column `prv_candidates`: null, not empty, where an object's place was never looked at before."""
        batch, epoch, starts = self.batch, self.history_epoch, self.history_starts
        list_type = batch.profile.schema.field("prv_candidates").type
        limit = ~batch.detected[epoch]
        rows = pa.array(epoch)
        detection = pa.array(self.detection_of_epoch[epoch], mask=limit)
        thing = pa.array(batch.epoch_object[epoch], mask=limit)
        special = self._history_specials(epoch, detection)

        def column(name: str) -> pa.Array:
            if name in special:
                return special[name]
            if name in self.of_epoch:
                return self.of_epoch[name].take(rows)
            return (
                self.of_detection[name].take(detection)
                if name in self.of_detection
                else self.of_object[name].take(thing)
            )

        fields = list(list_type.value_type)
        # Not safe: an identifier that becomes a double loses its last digits, as it did in the archive.
        arrays = [column(field.name).cast(field.type, safe=False) for field in fields]
        return pa.ListArray.from_arrays(
            pa.array(starts, pa.int32()),
            pa.StructArray.from_arrays(arrays, fields=fields),
            type=list_type,
            mask=pa.array(np.diff(starts) == 0),
        )

    def _history_specials(self, epoch: np.ndarray, detection: pa.Array) -> Columns:
        """Give what the history writes otherwise than `candidate` does."""
        batch = self.batch
        letters = self.of_detection["isdiffpos"].take(detection)
        digits = pc.if_else(pc.equal(letters, "t"), "1", "0")
        tonight = pa.array(batch.exposures.tonight[batch.epoch_exposure[epoch]])
        nothing = pc.equal(self.of_detection["ssnamenr"], "null")
        known = {
            name: pc.if_else(nothing, None, self.of_detection[name]).take(detection)
            for name in ("ssdistnr", "ssmagnr", "ssnamenr")
        }
        return {"isdiffpos": pc.if_else(tonight, digits, letters), "pdiffimfilename": _paths(batch, epoch), **known}


def draw_packets(batch: Batch) -> Packets:
    """Draw everything that the packets of a batch say."""
    things = place_columns(batch)
    detections, positive = _detection_columns(batch, np.asarray(things.pop("_separation")))
    return Packets(
        batch=batch,
        of_epoch=_epoch_columns(batch),
        of_detection=detections,
        of_object=things,
        of_alert=_alert_columns(batch),
        positive=positive,
    )


def _epoch_columns(batch: Batch) -> Columns:
    exposures, exposure = batch.exposures, batch.epoch_exposure
    jd, fid, field = exposures.jd[exposure], exposures.fid[exposure], exposures.field[exposure]
    rcid = batch.objects.rcid[batch.epoch_object]
    nid = np.floor(jd - 2457754.5).astype(np.int64)
    # The same table for all nights: an image is as good as its place in it.
    rng, num = np.random.default_rng([batch.seed, 2]), NUM_QUALITIES
    colour = np.where(fid == 1, -0.055, np.where(fid == 2, 0.1, 0.13))

    def by_image(values: np.ndarray) -> pa.Array:
        return single(values[batch.epoch_quality])

    zero_point = rng.normal(26.25, 0.15, num)
    return {
        "jd": pa.array(jd),
        "fid": pa.array(fid, pa.int32()),
        "pid": pa.array(_pid(jd, nid, rcid)),
        "diffmaglim": single(batch.epoch_limit_mag),
        "programpi": pa.array(np.where(exposures.partner[exposure], batch.profile.partner, "Kulkarni")),
        "programid": pa.repeat(pa.scalar(1, pa.int32()), len(jd)),
        "nid": pa.array(nid, pa.int32()),
        "rcid": pa.array(rcid, pa.int32()),
        "field": pa.array(field, pa.int32()),
        "rfid": pa.array(field * 1_000_000 + 120_000 + fid * 100 + rcid),
        "pdiffimfilename": _file_names(batch),
        "rbversion": pa.repeat("t17_f5_c3", len(jd)),
        "drbversion": pa.repeat("d6_m7", len(jd)),
        "exptime": single(np.full(len(jd), 30)),
        "tooflag": pa.repeat(pa.scalar(0, pa.int32()), len(jd)),
        "magzpsci": by_image(zero_point),
        "zpmed": by_image(zero_point + rng.normal(0, 0.03, num)),
        "magzpsciunc": by_image(rng.lognormal(-11.5, 1, num)),
        "magzpscirms": by_image(rng.lognormal(-3.5, 0.4, num)),
        "clrcoeff": single(colour + rng.normal(0, 0.015, num)[batch.epoch_quality]),
        "clrcounc": by_image(rng.lognormal(-11, 0.9, num)),
        "zpclrcov": by_image(-rng.lognormal(-11.2, 1, num)),
        "clrmed": by_image(rng.uniform(0.48, 1.3, num)),
        "clrrms": by_image(rng.uniform(0.13, 0.33, num)),
        "nmatches": pa.array(rng.integers(150, 2100, num)[batch.epoch_quality], pa.int32()),
    }


def _pid(jd: np.ndarray, nid: np.ndarray, rcid: np.ndarray) -> np.ndarray:
    """Form the number of a processed image: night, hundred-thousandths of the day, quadrant, 15."""
    return nid * 1_000_000_000 + _day_fraction(jd, 5) * 10_000 + rcid * 100 + 15


def _day_fraction(jd: np.ndarray, digits: int) -> np.ndarray:
    return np.floor((jd - 0.5) % 1 * 10**digits).astype(np.int64)


def _quadrants() -> pa.Array:
    return pa.array([f"c{rcid // 4 + 1:02d}_o_q{rcid % 4 + 1}_scimrefdiffimg.fits" for rcid in range(64)])


def _exposure_names(batch: Batch) -> list[tuple[str, str, str]]:
    """Give each exposure's date, time in millionths of the day, and the first part of its images' names."""
    exposures = batch.exposures
    days = (np.floor(exposures.jd - 2440587.5).astype("datetime64[D]")).astype(str)
    times = _day_fraction(exposures.jd, 6)
    names = []
    for day, time, field, fid in zip(days, times, exposures.field, exposures.fid, strict=True):
        date = day.replace("-", "")
        names.append((date, f"{time:06d}", f"ztf_{date}{time:06d}_{field:06d}_z{'gri'[fid - 1]}_"))
    return names


def _join(prefixes: list[str], batch: Batch, epoch: np.ndarray, *endings: str) -> pa.Array:
    quadrant = pa.array(batch.objects.rcid[batch.epoch_object[epoch]])
    prefix = pa.array(prefixes).take(pa.array(batch.epoch_exposure[epoch]))
    return pc.binary_join_element_wise(prefix, _quadrants().take(quadrant), *endings, "")


def _file_names(batch: Batch) -> pa.Array:
    return _join([name for _, _, name in _exposure_names(batch)], batch, np.arange(len(batch.epoch_exposure)))


def _paths(batch: Batch, epoch: np.ndarray) -> pa.Array:
    prefixes = [f"/ztf/archive/sci/{date[:4]}/{date[4:]}/{time}/{name}" for date, time, name in _exposure_names(batch)]
    return _join(prefixes, batch, epoch, ".fz")


def _detection_columns(batch: Batch, separation: np.ndarray) -> tuple[Columns, np.ndarray]:
    epoch, things = np.flatnonzero(batch.detected), batch.objects
    of, exposure = batch.epoch_object[epoch], batch.epoch_exposure[epoch]
    chance = Chance(key_of(things.key[of], batch.exposures.number[exposure]))
    jd, rcid = batch.exposures.jd[exposure], things.rcid[of]
    mag, limit = batch.epoch_mag[epoch], batch.epoch_limit_mag[epoch]
    origin = np.array([kind.origin for kind in KINDS])[things.kind[of]]
    bogus = origin == Origin.BOGUS

    negative_share = np.array([0.45, 0.3, 0.0, 0.0, 0.5])[origin]
    positive = chance.random("positive") >= negative_share
    # Of 64 places that follow each other each is in another quadrant, so an image numbers its sources by 64s.
    image = Chance(key_of(batch.exposures.key[exposure], rcid))
    tblid = things.place[of] // 64 + image.integers("tblid", 0, 23)
    nid = np.floor(jd - 2457754.5).astype(np.int64)
    candid = _pid(jd, nid, rcid) * 1_000_000 + np.where(positive, 15_000, 10_000) + tblid

    sigma = (0.02 + 0.17 * 10 ** (0.27 * (mag - limit))) * chance.lognormal("sigma", 0, 0.1)
    difference = chance.normal("difference", 0.05, 0.15)
    aperture = mag + difference
    aperture_sigma = np.round(sigma * chance.uniform("aperture sigma", 0.3, 1.2), 4)
    x = np.clip(things.xpos[of] + chance.normal("x", 0, 4), 25, WIDTH_PX - 25)
    y = np.clip(things.ypos[of] + chance.normal("y", 0, 4), 25, HEIGHT_PX - 25)
    fwhm = np.round(np.clip(chance.lognormal("fwhm", 0.85, 0.3), 1.02, 14), 2)
    long_axis = np.round(chance.lognormal("long axis", -0.2, 0.25), 3)
    elongation = 1 + chance.exponential("elongation", 0.1)
    short_axis = np.round(long_axis / elongation, 3)
    pixel_noise = chance.lognormal("pixel noise", 2.8, 0.9)
    science_noise = pixel_noise * chance.uniform("science noise", 1.3, 3)
    scatter_deg = 3e-5
    real_bogus = (1 - np.sqrt(1 - chance.random("rb"))) ** (1 / 6)

    is_known = np.array([kind.roid == 3 for kind in KINDS])[things.kind]
    known = is_known[of]
    return {
        "candid": pa.array(candid),
        "tblid": pa.array(tblid),
        "isdiffpos": pa.array(["f", "t"]).take(pa.array(positive.astype(np.int8))),
        "xpos": single(x),
        "ypos": single(y),
        "ra": pa.array(
            np.round(
                (things.ra[of] + chance.normal("ra", 0, scatter_deg) / np.cos(np.radians(things.dec[of]))) % 360, 7
            )
        ),
        "dec": pa.array(np.round(things.dec[of] + chance.normal("dec", 0, scatter_deg), 7)),
        "magpsf": single(mag),
        "sigmapsf": single(sigma),
        "chipsf": single(0.6 + chance.lognormal("chipsf", 1.0, 1.4)),
        "magap": single(aperture),
        "sigmagap": single(aperture_sigma),
        "distnr": single(np.abs(separation[of] + chance.normal("distnr", 0, 0.1))),
        "sky": single(chance.normal("sky", 0, 1.3)),
        "magdiff": single(difference),
        "fwhm": single(fwhm),
        "classtar": single(
            np.round(np.where(bogus, chance.uniform("no star", 0.02, 1), 1 - chance.beta1("classtar", 15)), 3)
        ),
        "mindtoedge": single(np.minimum.reduce([x, WIDTH_PX - x, y, HEIGHT_PX - y])),
        "magfromlim": single(limit - aperture),
        "seeratio": single(np.clip(chance.lognormal("seeratio", 0.15, 0.3), 0.2, 2)),
        "aimage": single(long_axis),
        "bimage": single(short_axis),
        "aimagerat": single(long_axis / fwhm),
        "bimagerat": single(short_axis / fwhm),
        "elong": single(long_axis / short_axis),
        "nneg": pa.array(chance.poisson("nneg", 2.5), pa.int32()),
        "nbad": pa.array(np.where(chance.coin("nbad", 0.002), 5, 0), pa.int32()),
        "rb": single(np.where(bogus, chance.uniform("rb of none", 0.55, 0.8), real_bogus.clip(0.55, 0.98))),
        "drb": single(
            np.where(bogus, chance.uniform("drb of none", 0, 0.9), 1 - 10 ** -chance.uniform("drb", 0.35, 6))
        ),
        "ssdistnr": single(np.where(known, chance.integers("ssdistnr", 0, 4), NOTHING)),
        "ssmagnr": single(np.where(known, np.round(mag + chance.normal("ssmagnr", 0, 0.2), 1), NOTHING)),
        "ssnamenr": _asteroid_names(Chance(things.key), is_known).take(pa.array(of)),
        "sumrat": single(np.minimum(1, 1.02 - chance.exponential("sumrat", 0.05)).clip(0.4)),
        "magapbig": single(aperture + chance.normal("magapbig", -0.03, 0.06)),
        "sigmagapbig": single(np.round(aperture_sigma * 1.2, 4)),
        "scorr": pa.array(5 + (0.6 / sigma) * chance.uniform("scorr", 0, 2)),
        "dsnrms": single(pixel_noise),
        "ssnrms": single(science_noise),
        "dsdiff": single(pixel_noise - science_noise),
    }, positive


def _asteroid_names(chance: Chance, known: np.ndarray) -> pa.Array:
    """Name the asteroids: most by number, some by year and half-month; `null`, the word, for all else."""
    numbered = pa.array(chance.integers("asteroid", 100, 700_000)).cast(pa.string())
    letters = pa.array(list("ABCDEFGHJKLMNOPQRSTUVWXY"))
    parts = [letters.take(pa.array(chance.integers(name, 0, len(letters)))) for name in ("half-month", "letter")]
    years, numbers = (
        pa.array(chance.integers(name, low, high)).cast(pa.string())
        for name, low, high in (("asteroid's year", 1998, 2018), ("asteroid in its half-month", 1, 400))
    )
    by_year = pc.binary_join_element_wise(years, *parts, numbers, "")
    names = pc.if_else(pa.array(chance.coin("numbered", 0.85)), numbered, by_year)
    return pc.if_else(pa.array(known), names, "null")


def _alert_columns(batch: Batch) -> Columns:
    """Sum up each alert's past: first and last detection, numbers of detections and of looks."""
    alert, of, things = batch.alert_epoch, batch.alert_object, batch.objects
    exposure = batch.epoch_exposure[alert]
    seen = np.cumsum(batch.detected)
    num_recent = seen[alert] - seen[batch.alert_first_epoch] + batch.detected[batch.alert_first_epoch]
    looks_before = Chance(things.key).integers("looks of other surveys", 5, 1500)
    return {
        "jdstarthist": pa.array(batch.schedule.jd_of(things.entry, things.first_detection())[of]),
        "jdendhist": pa.array(batch.exposures.jd[exposure]),
        "ndethist": pa.array(things.detections(of, batch.exposures.number[exposure]), pa.int32()),
        "ncovhist": pa.array(batch.exposures.number[exposure] + looks_before[of], pa.int32()),
        "nalerthist": pa.array(num_recent, pa.int32()),
    }
