"""Kinds of objects in the sample archive: how often they come, how they behave, and what the broker says of them."""

from dataclasses import dataclass
from enum import IntEnum

from engine.sample.ztf.stamps import HOST_GALAXY, HOST_NOTHING, HOST_STAR

__all__ = ["KINDS", "Kind", "Lives", "Origin"]


class Lives(IntEnum):
    """How an object behaves over the years."""

    LONG = 0
    """It varies at its place for years."""
    ONCE = 1
    """It appears, rises, fades."""
    MOVING = 2
    """It is here tonight only: nothing at this place before."""


class Origin(IntEnum):
    """What an object is, whatever the broker makes of it."""

    STAR = 0
    AGN = 1
    TRANSIENT = 2
    ASTEROID = 3
    BOGUS = 4


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of object."""

    name: str
    """What it is."""
    share: float
    """Its share of the alerts, as long as all of its objects have appeared."""
    origin: Origin
    """What it is by nature."""
    lives: Lives
    """How it behaves."""
    host: int
    """What its template stamp shows."""
    mag: tuple[float, float]
    """Brightest and faintest typical magnitude of the change."""
    duty: float
    """Share of the exposures that detect it."""
    lifetime_days: int = 0
    """How long an object is seen that is seen once."""
    cdsxmatch: tuple[tuple[str, float], ...] = (("Unknown", 1.0),)
    """SIMBAD types with their shares, by SIMBAD's names of today; `*` takes any type of stars."""
    roid: int = 0
    """Solar-system flag: 2 is a candidate, 3 is known to the Minor Planet Center."""
    supernova_score: tuple[float, float] = (0.0, 0.45)
    """Range of the deep learner's scores, `snn_*`."""
    early_score: tuple[float, float] = (0.0, 0.3)
    """Range of `rf_snia_vs_nonia`."""
    kilonova_score: tuple[float, float] = (0.0, 0.2)
    """Range of `rf_kn_vs_nonkn`."""
    mulens_score: tuple[float, float] = (0.0, 0.0)
    """Range of `mulens`."""
    in_tracklet: bool = False
    """Whether it is one of several alerts on a line, where the year knows of tracklets."""


_NEW_SUPERNOVA = (
    ("Unknown", 0.74),
    ("Galaxy", 0.16),
    ("Fail 504", 0.01),
    ("Transient", 0.02),
    ("EmissionG", 0.02),
    ("GtowardsCl", 0.02),
    ("Seyfert2", 0.01),
    ("Supernova", 0.02),
)

KINDS = (
    Kind(
        name="variable star",
        share=0.5,
        origin=Origin.STAR,
        lives=Lives.LONG,
        host=HOST_STAR,
        mag=(14.0, 19.3),
        duty=0.85,
        cdsxmatch=(("*", 0.86), ("Unknown", 0.14)),
    ),
    Kind(
        name="active galaxy",
        share=0.08,
        origin=Origin.AGN,
        lives=Lives.LONG,
        host=HOST_GALAXY,
        mag=(17.0, 19.8),
        duty=0.6,
        cdsxmatch=(
            ("QSO", 0.4),
            ("AGN", 0.15),
            ("AGN_Candidate", 0.1),
            ("Seyfert1", 0.12),
            ("Seyfert2", 0.04),
            ("BLLac", 0.06),
            ("Blazar", 0.04),
            ("Galaxy", 0.09),
        ),
    ),
    Kind(
        name="supernova",
        share=0.06,
        origin=Origin.TRANSIENT,
        lives=Lives.ONCE,
        host=HOST_GALAXY,
        mag=(16.5, 19.2),
        duty=0.85,
        lifetime_days=70,
        cdsxmatch=_NEW_SUPERNOVA,
        supernova_score=(0.5, 1.0),
        early_score=(0.0, 0.5),
    ),
    Kind(
        name="young supernova",
        share=0.025,
        origin=Origin.TRANSIENT,
        lives=Lives.ONCE,
        host=HOST_GALAXY,
        mag=(17.5, 19.5),
        duty=0.8,
        lifetime_days=25,
        cdsxmatch=_NEW_SUPERNOVA,
        supernova_score=(0.5, 1.0),
        early_score=(0.5, 1.0),
    ),
    Kind(
        name="kilonova",
        share=0.007,
        origin=Origin.TRANSIENT,
        lives=Lives.ONCE,
        host=HOST_GALAXY,
        mag=(17.5, 19.5),
        duty=0.8,
        lifetime_days=4,
        cdsxmatch=(("Unknown", 0.8), ("Galaxy", 0.2)),
        kilonova_score=(0.5, 1.0),
    ),
    Kind(
        name="microlensing event",
        share=0.01,
        origin=Origin.STAR,
        lives=Lives.LONG,
        host=HOST_STAR,
        mag=(15.0, 19.0),
        duty=0.8,
        mulens_score=(0.05, 1.0),
    ),
    Kind(
        name="asteroid",
        share=0.2,
        origin=Origin.ASTEROID,
        lives=Lives.MOVING,
        host=HOST_NOTHING,
        mag=(16.5, 19.9),
        duty=0.5,
        cdsxmatch=(("Unknown", 0.99), ("Star", 0.01)),
        roid=3,
    ),
    Kind(
        name="new asteroid",
        share=0.013,
        origin=Origin.ASTEROID,
        lives=Lives.MOVING,
        host=HOST_NOTHING,
        mag=(18.0, 20.0),
        duty=0.5,
        roid=2,
    ),
    Kind(
        name="satellite",
        share=0.003,
        origin=Origin.ASTEROID,
        lives=Lives.MOVING,
        host=HOST_NOTHING,
        mag=(16.0, 19.0),
        duty=0.5,
        in_tracklet=True,
    ),
    Kind(
        name="slow asteroid in front of a star",
        share=0.006,
        origin=Origin.ASTEROID,
        lives=Lives.LONG,
        host=HOST_STAR,
        mag=(16.5, 19.5),
        duty=0.6,
        roid=2,
        mulens_score=(0.05, 1.0),
    ),
    Kind(
        name="bogus or unknown",
        share=0.09,
        origin=Origin.BOGUS,
        lives=Lives.LONG,
        host=HOST_NOTHING,
        mag=(17.0, 20.2),
        duty=0.25,
        cdsxmatch=(("Unknown", 0.93), ("Fail 504", 0.02), ("Transient", 0.01), ("Galaxy", 0.04)),
    ),
)
"""All kinds; an object's kind is a place in this tuple. The shares make every class of the broker's rules appear."""
