"""LSST's alerts, as the Fink broker archives them.

The identifier stands in `diaSource` in every version of the schema; in the later ones it is a root column besides. The
object is null in `diaObject` for detections of the solar system; `diaSource` has 0 there.
"""

from __future__ import annotations

from engine.surveys.survey import Survey

__all__ = ["LSST"]

LSST = Survey(
    name="lsst",
    candidate="diaSource",
    identity=("diaSource.diaSourceId", "diaObject.diaObjectId", "diaSource.midpointMjdTai", "diaSource.band"),
    id_field="diaSource.diaSourceId",
    object_field="diaObject.diaObjectId",
    band_field="diaSource.band",
    time_field="diaSource.midpointMjdTai",
    time_scale="mjd_tai",
    ra_field="diaSource.ra",
    dec_field="diaSource.dec",
    lightcurve_leaves=tuple(
        f"diaSource.{leaf}"
        for leaf in (
            *("ssObjectId", "visit", "detector", "ra", "dec", "psfFlux", "psfFluxErr", "scienceFlux"),
            *("scienceFluxErr", "templateFlux", "templateFluxErr", "snr", "reliability"),
        )
    ),
    lightcurve_without=("diaObject", "ssSource", "ssObject", "mpc_orbits"),
    history=("prvDiaSources", "prvDiaForcedSources", "prvDiaNondetectionLimits"),
    stamps=("cutoutScience", "cutoutTemplate", "cutoutDifference"),
    night_columns=("year", "month", "day"),
    instead={"diaSource.diaSourceId": "diaSourceId", "diaObject.diaObjectId": "diaSource.diaObjectId"},
    # Rubin's own fields, and Fink's.
    portal_prefixes={"r": ("diaSource.", "diaObject.", ""), "f": ("",)},
    portal_computed={},
)
