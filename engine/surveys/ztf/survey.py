"""ZTF's alerts, as the Fink broker archives them."""

from __future__ import annotations

from engine.enrichment import FinkClass, TnsClass
from engine.surveys.classes import ClassColumn, Classes, LabelForm
from engine.surveys.looks import Photometry
from engine.surveys.survey import Survey

__all__ = ["ZTF"]

# Those of the announcement of the service that users know, as they stand there.
_EXAMPLES = {
    "Faint, away from known sources": (
        "-- Alerts with magnitude above 19.5 and\n"
        "-- at least 2'' distance away to nearest\n"
        "-- source in ZTF reference images:\n"
        "candidate.magpsf > 19.5;\n"
        "candidate.distnr > 2;"
    ),
    "A combination of fields": "(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2);",
    "Machine-learning scores": "rf_snia_vs_nonia > 0.5;\nsnn_snia_vs_nonia > 0.5;",
}

ZTF = Survey(
    name="ztf",
    candidate="candidate",
    identity=("objectId", "candid", "candidate.jd"),
    id_field="candid",
    object_field="objectId",
    band_field="candidate.fid",
    time_field="candidate.jd",
    time_scale="jd_utc",
    ra_field="candidate.ra",
    dec_field="candidate.dec",
    lightcurve_leaves=tuple(
        f"candidate.{leaf}" for leaf in ("magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr")
    ),
    lightcurve_without=(),
    history=("prv_candidates",),
    stamps=("cutoutScience", "cutoutTemplate", "cutoutDifference"),
    night_columns=("year", "month", "day"),
    instead={},
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
    classes=Classes(
        columns=(
            ClassColumn(name="finkclass", lists=("fink", "simbad")),
            ClassColumn(name="cdsxmatch", lists=("simbad",)),
            ClassColumn(name="tnsclass", lists=("tns",), prefix="(TNS)"),
            ClassColumn(name="tns", lists=("tns",)),
        ),
        forms=(
            LabelForm(column="finkclass", kind="Fink's labels", example="SN candidate", renamed_by_simbad=True),
            LabelForm(
                prefix="(SIMBAD)",
                column="finkclass",
                kind="types of SIMBAD",
                example="(SIMBAD) Star",
                renamed_by_simbad=True,
            ),
            LabelForm(prefix="(TNS)", column="tnsclass", kind="types of TNS", example="(TNS) SN Ia"),
        ),
    ),
    brightness_field="candidate.magpsf",
    photometry=Photometry(
        value="magpsf",
        error="sigmapsf",
        unit="mag",
        limit="diffmaglim",
        sign="isdiffpos",
        band_names={"1": "g", "2": "r", "3": "i"},
    ),
    title="Zwicky Transient Facility",
    examples=_EXAMPLES,
    stamp_pixel_arcsec=1.01,
    object_page="https://ztf.fink-portal.org/{object}",
    example="candidate.magpsf < 17",
    enrichments=(FinkClass(), TnsClass(ra_field="candidate.ra", dec_field="candidate.dec")),
)
