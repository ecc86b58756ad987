"""Conditions to begin with: those of the announcement of the service that users know, and such of LSST."""

from __future__ import annotations

__all__ = ["examples_of"]

_ZTF = {
    "Faint, away from known sources": (
        "-- Alerts with magnitude above 19.5 and\n"
        "-- at least 2'' distance away to nearest\n"
        "-- source in ZTF reference images:\n"
        "candidate.magpsf > 19.5;\n"
        "candidate.distnr > 2;"
    ),
    "A combination of fields": ("(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2);"),
    "Machine-learning scores": "rf_snia_vs_nonia > 0.5;\nsnn_snia_vs_nonia > 0.5;",
}
_LSST = {
    "Bright in g": "diaSource.psfFlux > 13500;\ndiaSource.band = 'g';",
    "Seen more than three times": "diaObject.nDiaSources > 3;",
    "A magnitude": "31.4 - 2.5 * LOG10(diaSource.scienceFlux) < 21;",
    "Supernovae": "clf.snnSnVsOthers_score > 0.5;\nxm.tns_type IN ('SN Ia', 'SN II');",
}


def examples_of(survey: str, own: str = "") -> dict[str, str]:
    """Return name -> conditions.

    Parameters
    ----------
    survey
        Its name.
    own
        The survey's own example, for one that is not known here.
    """
    return {"ztf": _ZTF, "lsst": _LSST}.get(survey, {"Example": f"{own};"} if own else {})
