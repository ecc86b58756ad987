"""What is particular to a survey. A second survey is a second entry in `SURVEYS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.values import shown
from engine.errors import RequestError

__all__ = ["SURVEYS", "Survey", "survey_named"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Names of the fields that mean something to the engine."""

    name: str
    candidate: str
    """Struct with the properties of the detection."""
    identity: tuple[str, ...]
    """Paths that let an alert be known and put into its night, in every content."""
    id_field: str
    """The alert's identifier: int64, unique."""
    time_field: str
    """Julian date, UTC, days."""
    ra_field: str
    """Right ascension, ICRS, degrees."""
    dec_field: str
    """Declination, ICRS, degrees."""
    lightcurve_leaves: tuple[str, ...]
    """What the lightcurve content takes out of the candidate to the top level."""
    history: str
    """List of the object's earlier detections."""
    stamps: tuple[str, ...]
    night_columns: tuple[str, ...]
    """Root columns that repeat the folder's name."""
    portal_prefixes: Mapping[str, tuple[str, ...]]
    """Prefix of names in the portal's REST interface (`i` of `i:magpsf`) -> where the fields stand that it names, each
    as the beginning of a path."""
    portal_computed: Mapping[str, str | None]
    """Names there of what the portal computes -> what comes near it in a condition, None where nothing does."""


_ZTF = Survey(
    name="ztf",
    candidate="candidate",
    identity=("objectId", "candid", "candidate.jd"),
    id_field="candid",
    time_field="candidate.jd",
    ra_field="candidate.ra",
    dec_field="candidate.dec",
    lightcurve_leaves=tuple(
        f"candidate.{leaf}" for leaf in ("magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr")
    ),
    history="prv_candidates",
    stamps=("cutoutScience", "cutoutTemplate", "cutoutDifference"),
    night_columns=("year", "month", "day"),
    portal_prefixes={"i": ("", "candidate."), "d": ("",), "b": ("",), "v": ("",)},
    portal_computed={
        "v:classification": "finkclass",
        "v:lastdate": "candidate.jd",
        "v:firstdate": "candidate.jdstarthist",
        "v:lapse": "candidate.jd - candidate.jdstarthist",
        "v:rate": "mag_rate",
        "v:dg": None,
        "v:dr": None,
        "v:g-r": None,
        "v:rate(g-r)": None,
        "v:constellation": None,
        "v:separation_degree": None,
    },
)

SURVEYS = {_ZTF.name: _ZTF}


def survey_named(name: str) -> Survey:
    """Return a survey by its name.

    Raises
    ------
    RequestError
        If there is none.
    """
    try:
        return SURVEYS[name]
    except KeyError as exc:
        raise RequestError(f"there is no survey {shown(name)}", accepted=", ".join(SURVEYS)) from exc
