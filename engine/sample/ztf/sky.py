"""The sky of the sample archive: objects in the survey's fields, and when each was seen.

A field has numbered places, and at each place one object at a time: a star for ever, a supernova until it has faded and
another one comes, an asteroid for one night. All that an object is follows from its key, so each night that sees it
tells the same of it. Every detection that passes becomes an alert of its night, except those beyond the number of
alerts that is asked for: places are taken in order until there are enough, in each night from the first on.
"""

import datetime
from dataclasses import dataclass

import numpy as np

from engine.sample.chance import Chance, key_of
from engine.sample.ztf.kinds import KINDS, Lives
from engine.sample.ztf.schedule import ORDINAL_JD, Exposures, Schedule, draw_schedule, field_centres
from engine.sample.ztf.schema import Profile

__all__ = ["HEIGHT_PX", "MOST_PLACES", "NUM_QUALITIES", "WIDTH_PX", "Batch", "Objects", "draw_batch"]

WIDTH_PX, HEIGHT_PX = 3072, 3080
"""Size of a quadrant of the camera; it has 64 in 8 rows of 8."""
MOST_PLACES = 3_400
"""Places of a field."""
NUM_QUALITIES = 4096
"""How many image qualities there are."""
_PIXEL_DEG = 1.01 / 3600
_PITCH_DEG = 0.87
_NUM_QUADRANTS = 64
_FIRST_LIGHT = datetime.date(2017, 11, 17).toordinal()
_APPEARING_DAYS = 3400
"""From first light on, in which long-lived objects are seen first; most of them early."""
_HISTORY_DAYS = 30.0


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Objects of a group; each array has the shape (objects,)."""

    kind: np.ndarray
    """Place in KINDS."""
    key: np.ndarray
    """What chance knows it by."""
    entry: np.ndarray
    """Place of its field in the schedule."""
    place: np.ndarray
    """Its place in the field."""
    appeared: np.ndarray
    """The night on which it appeared, as an ordinal."""
    unseen: np.ndarray
    """Exposures of its field before it appeared."""
    rcid: np.ndarray
    """Quadrant of the camera, 0 to 63."""
    xpos: np.ndarray
    """Place in the quadrant in pixels."""
    ypos: np.ndarray
    """Place in the quadrant in pixels."""
    ra: np.ndarray
    """Right ascension in degrees."""
    dec: np.ndarray
    """Declination in degrees."""

    def first_detection(self) -> np.ndarray:
        """Give the number of the exposure that detected each object first, shape (objects,)."""
        duty, every = _of_kinds("duty")[self.kind], np.arange(len(self.key))
        number = self.unseen + np.ceil(1 / duty).astype(np.int64)
        for _ in range(int(np.ceil(1 / duty.min())) if len(duty) else 0):
            earlier = (number > self.unseen + 1) & (self.detections(every, number - 1) > 0)
            number = number - earlier
        return number

    def detections(self, of: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Give how often objects were detected until the exposures of these numbers, these included."""
        return _passed(self.key, self.kind, of, number) - _passed(self.key, self.kind, of, self.unseen[of])


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A row group's worth of alerts.

    An epoch is one exposure of one object: a detection or an upper limit. Epochs are ordered by object and time.
    """

    seed: int
    """The archive's seed."""
    profile: Profile
    """How the night's files look."""
    night: datetime.date
    """The night."""
    schedule: Schedule
    """The group's fields, and when they were exposed."""
    exposures: Exposures
    """Exposures of the group's fields."""
    objects: Objects
    """Objects in these fields."""
    epoch_object: np.ndarray
    """Object of each epoch, shape (epochs,)."""
    epoch_exposure: np.ndarray
    """Exposure of each epoch, shape (epochs,)."""
    epoch_quality: np.ndarray
    """Place of each epoch's image in the table of image qualities, shape (epochs,)."""
    epoch_limit_mag: np.ndarray
    """Limiting magnitude of each epoch's image, shape (epochs,)."""
    epoch_mag: np.ndarray
    """Magnitude of the change, shape (epochs,); meaningless where not detected."""
    detected: np.ndarray
    """Whether the epoch is a detection, shape (epochs,)."""
    alert_epoch: np.ndarray
    """Epoch of each alert, in order of time, shape (alerts,)."""
    alert_first_epoch: np.ndarray
    """First epoch of each alert's history, its own where it has none, shape (alerts,)."""

    @property
    def alert_object(self) -> np.ndarray:
        """Object of each alert, shape (alerts,)."""
        return self.epoch_object[self.alert_epoch]


def _of_kinds(what: str) -> np.ndarray:
    return np.array([getattr(kind, what) for kind in KINDS])


def _passed(key: np.ndarray, kind: np.ndarray, of: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Count the detections among exposures 1 to `number`: evenly spread, so that no exposure has to be looked at."""
    return np.floor(number * _of_kinds("duty")[kind][of] + Chance(key).random("first detection")[of]).astype(np.int64)


def _appeared(key: np.ndarray, kind: np.ndarray, night: int) -> np.ndarray:
    """Give the night on which the object appeared that is at a place now."""
    chance, lives, cycle = Chance(key), _of_kinds("lives")[kind], np.maximum(_of_kinds("lifetime_days")[kind], 1)
    long_ago = _FIRST_LIGHT + np.floor(_APPEARING_DAYS * chance.random("appeared") ** 4).astype(np.int64)
    lately = night - (night + chance.integers("cycle", 0, cycle)) % cycle
    return np.where(lives == Lives.LONG, long_ago, lately)


def _draw_objects(schedule: Schedule, num_alerts: int) -> Objects:
    """Take places in order until their alerts of the night suffice."""
    before, after = schedule.tonight
    shares = [kind.share / kind.duty for kind in KINDS]
    num_places = 4 + int(2 * num_alerts / (after - before).sum())
    while True:
        place, entry = np.divmod(np.arange(num_places * len(before)), len(before))
        where = key_of(schedule.key[entry], place)
        kind = Chance(where).choice("kind", shares)
        appeared = _appeared(where, kind, schedule.night)
        key = key_of(where, appeared)
        unseen = schedule.before_night(entry, appeared)
        every = np.arange(len(key))
        alerts = _passed(key, kind, every, after[entry]) - _passed(key, kind, every, np.maximum(before[entry], unseen))
        alerts[appeared > schedule.night] = 0
        enough = int(np.searchsorted(np.cumsum(alerts), num_alerts)) + 1
        if enough <= len(alerts):
            break
        if num_places == MOST_PLACES:
            raise AssertionError(f"{num_places} places of {len(before)} fields have fewer than {num_alerts} alerts")
        num_places = min(2 * num_places, MOST_PLACES)
    seen = np.flatnonzero(alerts[:enough])
    place, entry, kind, key = place[seen], entry[seen], kind[seen], key[seen]

    chance = Chance(key)
    xpos, ypos = chance.uniform("xpos", 30, WIDTH_PX - 30), chance.uniform("ypos", 30, HEIGHT_PX - 30)
    # An odd factor gives each quadrant one of any 64 places that follow each other.
    rcid = (place * 37 + Chance(schedule.key).integers("quadrant", 0, _NUM_QUADRANTS)[entry]) % _NUM_QUADRANTS
    centre_ra, centre_dec = field_centres(schedule.field[entry])
    dec = centre_dec + (rcid // 8 - 4) * _PITCH_DEG + ypos * _PIXEL_DEG
    ra = centre_ra + ((rcid % 8 - 4) * _PITCH_DEG + xpos * _PIXEL_DEG) / np.cos(np.radians(dec))
    return Objects(
        kind=kind,
        key=key,
        entry=entry,
        place=place,
        appeared=appeared[seen],
        unseen=unseen[seen],
        rcid=rcid,
        xpos=xpos,
        ypos=ypos,
        ra=np.round(ra % 360, 7),
        dec=np.round(dec, 7),
    )


def _magnitudes(objects: Objects, of: np.ndarray, key: np.ndarray, jd: np.ndarray, fid: np.ndarray) -> np.ndarray:
    """Follow each object's light curve: a sine for long-lived objects, a rise and a decline for those seen once."""
    chance = Chance(objects.key)
    bright, faint = _of_kinds("mag")[objects.kind].T
    lives = _of_kinds("lives")[objects.kind]
    peak = bright + (faint - bright) * chance.random("peak") ** 0.7
    redder_mag = chance.uniform("redder", 0, 0.8)

    period_days, amplitude = 10 ** chance.uniform("period", -0.5, 2.5), chance.uniform("amplitude", 0.05, 0.6)
    wave = amplitude[of] * np.sin(2 * np.pi * (jd / period_days[of] + chance.random("phase")[of]))

    age_days = jd - (objects.appeared + ORDINAL_JD)[of]
    rise_days = np.clip(0.25 * _of_kinds("lifetime_days")[objects.kind], 0.5, 15)[of]
    rise = 2.5 * np.clip(1 - age_days / rise_days, 0, 1) ** 2
    decline = 1.5 * np.clip(age_days / rise_days - 1, 0, None) / 3

    mag = peak[of] + np.where(lives[of] == Lives.ONCE, rise + decline, wave)
    return mag + np.where(fid == 1, redder_mag[of], 0) + Chance(key).normal("noise", 0, 0.04)


def draw_batch(
    *, seed: int, night: datetime.date, profile: Profile, group: int, num_groups: int, num_alerts: int
) -> tuple[Batch, np.random.Generator]:
    """Draw a group of a night's alerts, and the source of chance for what each alert has for itself.

    Parameters
    ----------
    seed
        The archive's seed.
    night
        UTC date of the night.
    profile
        How the night's files look.
    group
        Number of the row group in its night.
    num_groups
        How many groups the night has.
    num_alerts
        How many alerts to draw.
    """
    schedule = draw_schedule(seed, night, group=group, num_groups=num_groups)
    exposures, objects = schedule.exposures(), _draw_objects(schedule, num_alerts)

    # One epoch for each exposure of an object's field.
    counts = np.diff(exposures.start)[objects.entry]
    of = np.repeat(np.arange(len(counts)), counts)
    first_epoch = np.cumsum(counts) - counts
    exposure = exposures.start[objects.entry][of] + np.arange(len(of)) - first_epoch[of]
    number, jd, tonight = exposures.number[exposure], exposures.jd[exposure], exposures.tonight[exposure]
    detected = _passed(objects.key, objects.kind, of, number) > _passed(objects.key, objects.kind, of, number - 1)
    detected &= number > objects.unseen[of]

    # All objects in a quadrant share its image, and so its depth.
    image = Chance(key_of(exposures.key[exposure], objects.rcid[of]))
    quality = image.integers("quality", 0, NUM_QUALITIES)
    limit_mag = np.clip(np.random.default_rng([seed, 1]).normal(20.2, 0.5, NUM_QUALITIES), 17.5, 21.4)[quality]

    # What is seen is bright enough to be seen.
    mag = np.full(len(of), np.nan)
    key = key_of(objects.key[of[detected]], number[detected])
    drawn = _magnitudes(objects, of[detected], key, jd[detected], exposures.fid[exposure[detected]])
    mag[detected] = np.minimum(drawn, limit_mag[detected] - Chance(key).uniform("above the limit", 0.1, 0.8))

    alert_epoch = np.flatnonzero(detected & tonight)[:num_alerts]
    alert_epoch = alert_epoch[np.argsort(jd[alert_epoch], kind="stable")]
    return Batch(
        seed=seed,
        profile=profile,
        night=night,
        schedule=schedule,
        exposures=exposures,
        objects=objects,
        epoch_object=of,
        epoch_exposure=exposure,
        epoch_quality=quality,
        epoch_limit_mag=limit_mag,
        epoch_mag=np.clip(mag, 12.6, 21.0),
        detected=detected,
        alert_epoch=alert_epoch,
        alert_first_epoch=_first_of_history(of, jd, alert_epoch),
    ), np.random.default_rng([seed, night.toordinal(), group + 1])


def _first_of_history(of: np.ndarray, jd: np.ndarray, alert: np.ndarray) -> np.ndarray:
    """Find where an alert's history begins: at the first epoch of its object that is not older than a month."""
    # Epochs are in order of object and time: with objects a year apart, in order of one number.
    start = float(jd.min())
    return np.searchsorted(of * 400.0 + (jd - start), of[alert] * 400.0 + (jd[alert] - start) - _HISTORY_DAYS)
