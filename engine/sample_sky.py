"""The sky of the sample archive: fields, exposures, objects in them, and when each object was seen.

Everything is drawn for one row group at a time. A group's alerts lie in fields of its own, so that groups can be made
independently and no two alerts share a `candid`.
"""

import datetime
from dataclasses import dataclass

import numpy as np

from engine.sample_kinds import KINDS, Lives
from engine.sample_schema import Profile

__all__ = ["HEIGHT_PX", "WIDTH_PX", "Batch", "Exposures", "Objects", "draw_batch", "midnight_jd"]

WIDTH_PX, HEIGHT_PX = 3072, 3080
"""Size of a quadrant of the camera; it has 64 in 8 rows of 8."""
_PIXEL_DEG = 1.01 / 3600
_PITCH_DEG = 0.87
_NUM_QUADRANTS = 64

_VISITS_TONIGHT = 3
_NIGHT_START, _NIGHT_LENGTH = 0.10, 0.42
"""The night in California as fractions of the UTC day."""
_FIRST_FIELD, _LAST_FIELD = 245, 880
_NUM_FIELDS_A_NIGHT = 300
_FIELDS_WITHOUT_HISTORY = 0.02
_NUM_QUALITIES = 4096
_FIRST_LIGHT_JD = 2458080.0


@dataclass(frozen=True, kw_only=True)
class Exposures:
    """Exposures of a group's fields, by field and time; each array has the shape (exposures,)."""

    start: np.ndarray
    """Place of each field's first exposure, shape (fields + 1,)."""
    jd: np.ndarray
    """Julian date."""
    fid: np.ndarray
    """Filter."""
    field: np.ndarray
    """Number of the field in the survey's grid."""
    tonight: np.ndarray
    """Whether it is of the night itself."""
    partner: np.ndarray
    """Whether it was taken for a partner's programme rather than the public one."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Objects of a group; each array has the shape (objects,)."""

    kind: np.ndarray
    """Place in KINDS."""
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
    appeared_jd: np.ndarray
    """When it appeared first."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A row group's worth of alerts.

    An epoch is one exposure of one object: a detection or an upper limit. Epochs are ordered by object and time.
    """

    profile: Profile
    """How the night's files look."""
    night: datetime.date
    """The night."""
    first_alert: int
    """How many alerts of the night come before."""
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
    first_epoch: np.ndarray
    """First epoch of each object, shape (objects,)."""
    alert_epoch: np.ndarray
    """Epoch of each alert, in order of time, shape (alerts,)."""

    @property
    def alert_object(self) -> np.ndarray:
        """Object of each alert, shape (alerts,)."""
        return self.epoch_object[self.alert_epoch]


def midnight_jd(night: datetime.date) -> float:
    """Give the Julian date of the night's 0 h UTC."""
    return night.toordinal() + 1721424.5


def _field_centres(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spread the grid's fields evenly over the sky north of -28 degrees; a field keeps its place for ever."""
    share = (field - _FIRST_FIELD + 0.5) / (_LAST_FIELD - _FIRST_FIELD + 1)
    low, high = np.sin(np.radians(-25)), np.sin(np.radians(80))
    golden = (np.sqrt(5) - 1) / 2
    return field * golden % 1 * 360, np.degrees(np.arcsin(low + share * (high - low)))


def _fields_of_the_night(seed: int, night: datetime.date, num_fields: int) -> np.ndarray:
    """Choose fields that are far from the Sun; the same for all groups of a night."""
    rng = np.random.default_rng([seed, night.toordinal(), 0])
    field = np.arange(_FIRST_FIELD, _LAST_FIELD + 1)
    ra, _ = _field_centres(field)
    opposite_sun_deg = (midnight_jd(night) - 2459845.5) * 360 / 365.2422
    far = np.abs((ra - opposite_sun_deg + 180) % 360 - 180) < 110
    visible = rng.permutation(field[far])
    return np.resize(visible, num_fields)


def _draw_exposures(
    rng: np.random.Generator, profile: Profile, night: datetime.date, seed: int, group: int, num_groups: int
) -> Exposures:
    num_fields_all = max(_NUM_FIELDS_A_NIGHT, 3 * num_groups)
    mine = np.arange(group, num_fields_all, num_groups)
    fields = _fields_of_the_night(seed, night, num_fields_all)[mine]
    num_past = rng.integers(*profile.num_visits, size=len(mine), endpoint=True)
    num_past[rng.random(len(mine)) < _FIELDS_WITHOUT_HISTORY] = 0

    of_field = np.repeat(np.arange(len(mine)), num_past)
    past_jd = midnight_jd(night) - rng.integers(1, 30, len(of_field), endpoint=True)
    past_jd = past_jd + _NIGHT_START + _NIGHT_LENGTH * rng.random(len(of_field))
    past_fid = rng.choice(profile.filters, len(of_field), p=_filter_shares(profile))

    # Tonight each field has a slot in each third of the night: no two exposures begin together.
    slot = mine[:, None] + num_fields_all * np.arange(_VISITS_TONIGHT)
    share = (slot + 0.5) / (num_fields_all * _VISITS_TONIGHT)
    tonight_jd = midnight_jd(night) + _NIGHT_START + _NIGHT_LENGTH * share
    tonight_fid = np.broadcast_to([2, 1, 2], tonight_jd.shape)

    of_field = np.concatenate([of_field, np.repeat(np.arange(len(mine)), _VISITS_TONIGHT)])
    jd = np.round(np.concatenate([past_jd, tonight_jd.ravel()]), 7)
    order = np.lexsort((jd, of_field))
    counts = num_past + _VISITS_TONIGHT
    partner = rng.random(len(mine)) < 0.15
    return Exposures(
        start=np.concatenate([[0], np.cumsum(counts)]),
        jd=jd[order],
        fid=np.concatenate([past_fid, tonight_fid.ravel()])[order],
        field=fields[of_field[order]],
        tonight=jd[order] > midnight_jd(night),
        partner=partner[of_field[order]],
    )


def _filter_shares(profile: Profile) -> np.ndarray:
    shares = np.array([{1: 0.47, 2: 0.47, 3: 0.06}[fid] for fid in profile.filters])
    return shares / shares.sum()


def _draw_objects(rng: np.random.Generator, exposures: Exposures, of_field: np.ndarray, night_jd: float) -> Objects:
    num = len(of_field)
    kind = rng.choice(len(KINDS), num, p=_normalised([kind.share for kind in KINDS]))
    rcid = rng.integers(0, _NUM_QUADRANTS, num)
    xpos, ypos = rng.uniform(30, WIDTH_PX - 30, num), rng.uniform(30, HEIGHT_PX - 30, num)
    centre_ra, centre_dec = _field_centres(exposures.field[exposures.start[of_field]])
    dec = centre_dec + (rcid // 8 - 4) * _PITCH_DEG + ypos * _PIXEL_DEG
    ra = centre_ra + ((rcid % 8 - 4) * _PITCH_DEG + xpos * _PIXEL_DEG) / np.cos(np.radians(dec))

    lives = np.array([kind.lives for kind in KINDS])[kind]
    youngest, oldest = np.array([kind.age_days for kind in KINDS])[kind].T
    long_ago = night_jd - rng.uniform(60, max(61, night_jd - _FIRST_LIGHT_JD), num)
    appeared = np.where(lives == Lives.LONG, long_ago, night_jd - rng.uniform(youngest, np.maximum(oldest, 1e-6)))
    appeared = np.where(lives == Lives.MOVING, night_jd, appeared)
    return Objects(
        kind=kind,
        rcid=rcid,
        xpos=xpos,
        ypos=ypos,
        ra=np.round(ra % 360, 7),
        dec=np.round(dec, 7),
        appeared_jd=np.round(appeared, 7),
    )


def _normalised(shares: list[float]) -> np.ndarray:
    return np.array(shares) / sum(shares)


def _magnitudes(rng: np.random.Generator, objects: Objects, of: np.ndarray, jd: np.ndarray, fid: np.ndarray):
    """Follow each object's light curve: a sine for what lives long, a rise and a decline for what lives once."""
    num = len(objects.kind)
    bright, faint = np.array([kind.mag for kind in KINDS])[objects.kind].T
    lives = np.array([kind.lives for kind in KINDS])[objects.kind]
    peak = bright + (faint - bright) * rng.random(num) ** 0.7
    redder_mag = rng.uniform(0, 0.8, num)

    period_days, phase, amplitude = 10 ** rng.uniform(-0.5, 2.5, num), rng.random(num), rng.uniform(0.05, 0.6, num)
    wave = amplitude[of] * np.sin(2 * np.pi * (jd / period_days[of] + phase[of]))

    age_days = jd - objects.appeared_jd[of]
    lifetime_days = np.array([kind.age_days[1] for kind in KINDS])[objects.kind]
    rise_days = np.clip(0.25 * lifetime_days, 0.5, 15)[of]
    rise = 2.5 * np.clip(1 - age_days / rise_days, 0, 1) ** 2
    decline = 1.5 * np.clip(age_days / rise_days - 1, 0, None) / 3

    mag = peak[of] + np.where(lives[of] == Lives.ONCE, rise + decline, wave)
    return mag + np.where(fid == 1, redder_mag[of], 0) + rng.normal(0, 0.04, len(of))


def draw_batch(
    *, seed: int, night: datetime.date, profile: Profile, group: int, num_groups: int, first_alert: int, num_alerts: int
) -> tuple[Batch, np.random.Generator]:
    """Draw a group of a night's alerts, and the source of chance from which its columns are to be drawn.

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
    first_alert
        How many alerts of the night come before.
    num_alerts
        How many alerts to draw.
    """
    rng = np.random.default_rng([seed, night.toordinal(), group + 1])
    exposures = _draw_exposures(rng, profile, night, seed, group, num_groups)
    num_objects = num_alerts
    of_field = rng.integers(0, len(exposures.start) - 1, num_objects)
    objects = _draw_objects(rng, exposures, of_field, midnight_jd(night))

    # One epoch for each exposure of an object's field.
    counts = np.diff(exposures.start)[of_field]
    of = np.repeat(np.arange(num_objects), counts)
    first_epoch = np.concatenate([[0], np.cumsum(counts)[:-1]])
    exposure = exposures.start[of_field][of] + np.arange(len(of)) - first_epoch[of]
    tonight, jd, fid = exposures.tonight[exposure], exposures.jd[exposure], exposures.fid[exposure]

    # All objects in a quadrant share its image, and so its depth.
    quality = (exposure * _NUM_QUADRANTS + objects.rcid[of]) * 2654435761 % _NUM_QUALITIES
    limit_mag = np.clip(rng.normal(20.2, 0.5, _NUM_QUALITIES), 17.5, 21.4)[quality]

    mag = _magnitudes(rng, objects, of, jd, fid)
    duty = np.array([kind.duty for kind in KINDS])[objects.kind][of]
    seen_before = ~tonight & (jd >= objects.appeared_jd[of]) & (mag < limit_mag - 0.1) & (rng.random(len(of)) < duty)
    again = np.array([kind.again for kind in KINDS])[objects.kind][of]
    sure = counts - _VISITS_TONIGHT + rng.integers(0, _VISITS_TONIGHT, num_objects)
    seen_tonight = tonight & ((np.arange(len(of)) - first_epoch[of] == sure[of]) | (rng.random(len(of)) < again))
    # What is seen tonight is bright enough to be seen.
    mag = np.where(tonight, np.minimum(mag, limit_mag - rng.uniform(0.1, 0.8, len(of))), mag)

    alert_epoch = np.flatnonzero(seen_tonight)[:num_alerts]
    return Batch(
        profile=profile,
        night=night,
        first_alert=first_alert,
        exposures=exposures,
        objects=objects,
        epoch_object=of,
        epoch_exposure=exposure,
        epoch_quality=quality,
        epoch_limit_mag=limit_mag,
        epoch_mag=np.clip(mag, 12.6, 21.0),
        detected=seen_before | seen_tonight,
        first_epoch=first_epoch,
        alert_epoch=alert_epoch[np.argsort(jd[alert_epoch], kind="stable")],
    ), rng
