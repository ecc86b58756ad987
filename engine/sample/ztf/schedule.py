"""When the sample archive's survey looks where: fields, nights, exposures.

The schedule is one, from the survey's first night on: whether a field is observed on a night depends on nothing but the
seed, the field and the night. So the history of an alert holds the very exposures that earlier nights' alerts are of.
A field is observed for a week or so on end, two or more times a night in two filters, then left alone for a while, and
not at all in the months in which the Sun is near it.
"""

import datetime
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.sample.chance import Chance, key_of
from engine.sample.ztf.schema import nearest_profile

__all__ = [
    "FIRST_FIELD",
    "MOST_LAYERS",
    "NUM_FIELDS",
    "ORDINAL_JD",
    "Exposures",
    "Schedule",
    "draw_schedule",
    "field_centres",
    "midnight_jd",
]

FIRST_FIELD, NUM_FIELDS = 245, 636
"""Fields of the survey's grid, by number."""
MOST_LAYERS = 10
"""How often a field may count."""
ORDINAL_JD = 1721424.5
"""Julian date of the day before the first of all, as `datetime.date` counts them."""

_FIRST_NIGHT = datetime.date(2018, 1, 1).toordinal()
_RUN_NIGHTS, _RUN_SHARE = 8, 0.35
"""How long a field is observed on end, and its share of the time."""
_HISTORY_NIGHTS = 31
_FIELDS_A_GROUP = 3
_PRIME = 641
"""The least prime number that is larger than the number of fields."""
_NIGHT_START, _NIGHT_LENGTH = 0.10, 0.42
"""The night in California as fractions of the UTC day."""
_QUARTERS = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 1, 3, 0], [0, 1, 2, 3]])
"""Quarter of the night of each visit, by the night's number of visits."""


@dataclass(frozen=True, kw_only=True)
class Exposures:
    """Exposures of a group's fields in the last weeks, by field and time; each array has the shape (exposures,)."""

    start: np.ndarray
    """Place of each field's first exposure, shape (fields + 1,)."""
    jd: np.ndarray
    """Julian date."""
    fid: np.ndarray
    """Filter."""
    field: np.ndarray
    """Number of the field in the survey's grid."""
    number: np.ndarray
    """How many exposures of the field there were until then, itself included."""
    key: np.ndarray
    """What chance knows it by."""
    tonight: np.ndarray
    """Whether it is of the night itself."""
    partner: np.ndarray
    """Whether it was taken for a partner's programme rather than the public one."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """All exposures of some fields until a night.

    A large archive has more alerts a field than the camera's image could tell apart; such a field counts several times,
    as layers that are exposed one after the other.
    """

    seed: int
    """The archive's seed."""
    night: int
    """The night, as an ordinal."""
    field: np.ndarray
    """Number of each field in the survey's grid, shape (fields,)."""
    layer: np.ndarray
    """Its layer, shape (fields,)."""
    before: np.ndarray
    """Exposures of each field before each night from the first to the one after this, shape (fields, nights + 1)."""

    @cached_property
    def key(self) -> np.ndarray:
        """What chance knows each field by, shape (fields,)."""
        return key_of(self.seed, self.field, self.layer)

    @property
    def tonight(self) -> tuple[np.ndarray, np.ndarray]:
        """Exposures of each field before the night and until its end, shape (fields,) each."""
        return self.before[:, -2], self.before[:, -1]

    def before_night(self, place: np.ndarray, night: np.ndarray) -> np.ndarray:
        """Give how many exposures of the fields at these places there were before these nights."""
        return self.before[place, np.clip(night - _FIRST_NIGHT, 0, self.night - _FIRST_NIGHT)]

    def jd_of(self, place: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Give the time of a field's exposure by its number, 1 being the survey's first."""
        # All fields' counts one after the other, made to grow from each field to the next, so that one search does.
        step = int(self.before.max()) + 1
        rising = (self.before[:, 1:] + step * np.arange(len(self.field))[:, None]).ravel()
        night = np.searchsorted(rising, number + step * place) - place * (self.before.shape[1] - 1)
        visit = number - self.before[place, night] - 1
        visits = self.before[place, night + 1] - self.before[place, night]
        return self._jd(place, night + _FIRST_NIGHT, visit, visits)

    def _jd(self, place: np.ndarray, night: np.ndarray, visit: np.ndarray, visits: np.ndarray) -> np.ndarray:
        """Give a visit a time of its own: no two exposures of a night begin together, whatever their fields."""
        chance = Chance(key_of(self.seed, night))
        order = (self.field[place] - FIRST_FIELD) * chance.integers("stride", 1, _PRIME)
        order = (order + chance.integers("shift", 0, _PRIME)) % _PRIME * MOST_LAYERS + self.layer[place]
        share = (_QUARTERS[visits, visit] + (order + 0.5) / (_PRIME * MOST_LAYERS)) / 4
        return np.round(night + ORDINAL_JD + _NIGHT_START + _NIGHT_LENGTH * share, 7)

    def exposures(self) -> Exposures:
        """Give the exposures of the night and of the month before it."""
        first = max(0, self.before.shape[1] - 1 - _HISTORY_NIGHTS)
        window = self.before[:, first:]
        counts = np.diff(window, axis=1)
        place, column = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
        number = np.arange(len(place)) - np.repeat(_starts(counts.sum(1))[:-1], counts.sum(1)) + 1 + window[place, 0]
        visit = number - window[place, column] - 1
        night = column + first + _FIRST_NIGHT
        jd = self._jd(place, night, visit, counts[place, column])
        key = key_of(self.key[place], number)
        chance = Chance(key)
        with_i = np.array([3 in nearest_profile(year).filters for year in range(2018, 2100)])
        year = np.floor((jd - 2458119.5) / 365.25).astype(np.int64)
        alternating = 1 + (visit + Chance(key_of(self.key[place], night)).coin("first filter", 0.5)) % 2
        return Exposures(
            start=_starts(counts.sum(1)),
            jd=jd,
            fid=np.where(with_i[year] & chance.coin("i", 0.06), 3, alternating),
            field=self.field[place],
            number=number,
            key=key,
            tonight=night == self.night,
            partner=Chance(self.key).coin("partner", 0.15)[place],
        )


def midnight_jd(night: datetime.date) -> float:
    """Give the Julian date of the night's 0 h UTC."""
    return night.toordinal() + ORDINAL_JD


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])


def field_centres(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spread the grid's fields evenly over the sky north of -28 degrees; a field keeps its place for ever."""
    share = (field - FIRST_FIELD + 0.5) / NUM_FIELDS
    low, high = np.sin(np.radians(-25)), np.sin(np.radians(80))
    golden = (np.sqrt(5) - 1) / 2
    return field * golden % 1 * 360, np.degrees(np.arcsin(low + share * (high - low)))


def _visits(seed: int, field: np.ndarray, night: np.ndarray) -> np.ndarray:
    """Give how often fields are observed on nights, shape (fields, nights)."""
    ra, _ = field_centres(field)
    opposite_sun_deg = (night + ORDINAL_JD - 2459845.5) * 360 / 365.2422
    far = np.abs((ra[:, None] - opposite_sun_deg + 180) % 360 - 180) < 110
    # Whether a field's run is on is asked once a run, not once a night.
    run = (night + Chance(key_of(seed, field)).integers("phase", 0, _RUN_NIGHTS)[:, None]) // _RUN_NIGHTS
    runs = np.arange(run.min(), run.max() + 1)
    on = Chance(key_of(seed, field[:, None], runs)).coin("run", _RUN_SHARE)
    on = far & np.take_along_axis(on, run - runs[0], axis=1)
    share = Chance(key_of(seed, field[:, None], night)).random("visits")
    year = np.array([datetime.date.fromordinal(int(day)).year for day in night])
    visits = np.zeros(on.shape, np.int64)
    for each in np.unique(year):
        possible = np.array(nearest_profile(int(each)).visits)
        mine = year == each
        visits[:, mine] = possible[(share[:, mine] * len(possible)).astype(np.int64)]
    return np.where(on, visits, 0)


def draw_schedule(seed: int, night: datetime.date, *, group: int, num_groups: int) -> Schedule:
    """Give the fields of one of a night's groups, which no other group has, with all their exposures."""
    ordinal = night.toordinal()
    field = FIRST_FIELD + np.arange(NUM_FIELDS)
    field = field[_visits(seed, field, np.array([ordinal]))[:, 0] > 0]
    # The same order in every night, so that a small archive sees the same fields again.
    field = field[np.argsort(key_of(seed, field), kind="stable")]
    num_layers = min(MOST_LAYERS, -(-_FIELDS_A_GROUP * num_groups // len(field)))
    layer = np.repeat(np.arange(num_layers), len(field))[group::num_groups]
    field = np.tile(field, num_layers)[group::num_groups]
    visits = _visits(seed, field, np.arange(_FIRST_NIGHT, ordinal + 1))
    before = np.concatenate([np.zeros((len(field), 1), np.int64), np.cumsum(visits, axis=1)], axis=1)
    return Schedule(seed=seed, night=ordinal, field=field, layer=layer, before=before)
