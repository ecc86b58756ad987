"""LSST's alerts, as the Fink broker archives them.

The identifier stands in `diaSource` in every version of the schema; in the later ones it is a root column besides. The
object is null in `diaObject` for detections of the solar system; `diaSource` has 0 there.
"""

from __future__ import annotations

from engine.surveys.classes import ClassColumn, Classes, LabelForm
from engine.surveys.looks import Photometry
from engine.surveys.survey import Survey

__all__ = ["LSST"]

_FLAGS = ("pred.is_sso", "pred.is_first", "pred.is_cataloged")
_TYPES = (
    *("pred.main_label_crossmatch", "pred.main_label_classifier", "clf.cats_class", "xm.vsx_Type", "xm.gcvs_type"),
    *("xm.spicy_class", "xm.x3hsp_type", "xm.x4lac_type", "xm.tns_type", "xm.simbad_otype"),
)

_EXAMPLES = {
    "Bright in g": "diaSource.psfFlux > 13500;\ndiaSource.band = 'g';",
    "Seen more than three times": "diaObject.nDiaSources > 3;",
    "A magnitude": "31.4 - 2.5 * LOG10(diaSource.scienceFlux) < 21;",
    "Supernovae": "clf.snnSnVsOthers_score > 0.5;\nxm.tns_type IN ('SN Ia', 'SN II');",
}

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
    brightness_field="diaSource.psfFlux",
    photometry=Photometry(value="psfFlux", error="psfFluxErr", unit="nJy"),
    title="Vera C. Rubin Observatory, LSST",
    examples=_EXAMPLES,
    object_page="https://lsst.fink-portal.org/{object}",
    example="diaSource.psfFlux > 13500",
    classes=Classes(
        columns=(
            ClassColumn(name="xm.simbad_otype", lists=("simbad",)),
            ClassColumn(name="xm.tns_type", lists=("tns",)),
        ),
        forms=(
            LabelForm(
                prefix="(SIMBAD)",
                column="xm.simbad_otype",
                kind="types of SIMBAD",
                example="(SIMBAD) Star",
                renamed_by_simbad=True,
            ),
            LabelForm(prefix="(TNS)", column="xm.tns_type", kind="types of TNS", example="(TNS) SN Ia"),
            *(LabelForm(prefix=flag, column=flag, kind="flags", example=flag, is_flag=True) for flag in _FLAGS),
            *(
                LabelForm(
                    prefix=f"{path}=",
                    column=path,
                    kind="types of the broker",
                    example=f"{path}=…",
                    renamed_by_simbad=path == "xm.simbad_otype",
                )
                for path in _TYPES
            ),
        ),
    ),
)
