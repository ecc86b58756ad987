"""The class of an alert, as Spark computes it: a pandas function for its Python workers, and an expression of its SQL.

Both are the rules of docs/classes.md. This module runs in Spark's environment and imports nothing of the project.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["INPUTS", "finkclass", "finkclass_sql", "tnsclass"]

INPUTS = (
    "cdsxmatch",
    "roid",
    "mulens",
    "snn_snia_vs_nonia",
    "snn_sn_vs_all",
    "rf_snia_vs_nonia",
    "rf_kn_vs_nonkn",
    "tracklet",
    "candidate.ndethist",
    "candidate.drb",
    "candidate.classtar",
    "candidate.jd",
    "candidate.jdstarthist",
)
"""Fields that the rules look at, in the order of `finkclass`'s arguments."""

_HOSTS = (
    *("Unknown", "Candidate_SN*", "SN*_Candidate", "SN", "Transient", "Fail", "Fail 504", "galaxy", "Galaxy", "EmG"),
    *("Seyfert", "Seyfert_1", "Seyfert_2", "BlueCompG", "StarburstG", "LSB_G", "HII_G", "High_z_G", "GinPair"),
    *("GinGroup", "BClG", "GinCl", "PartofG", "Compact_Gr_G", "IG", "PairG", "GroupG", "ClG", "SuperClG", "Void"),
    *("LINER", "Possible_ClG", "Possible_SClG", "GravLens_Candidate"),
)

_RULES_SQL = {
    "microlensing": "{mulens} > 0",
    "sn": "{sn_like} AND {jd} - {jdstarthist} <= 90 AND {ndethist} > 1 AND roid != 3",
    "early_sn": "{sn_like} AND {ndethist} <= 20 AND {rf_snia_vs_nonia} > 0.5",
    "kilonova": "{good} AND {rf_kn_vs_nonkn} > 0.5 AND {jd} - {jdstarthist} < 5 AND {ndethist} < 20 AND roid != 3",
    "sso_candidate": "roid = 2",
    "tracklet": "startswith(CAST(tracklet AS STRING), 'TRCK_')",
    "sso_mpc": "roid = 3",
    "simbad": "cdsxmatch NOT IN ('Unknown', 'Transient') AND NOT startswith(cdsxmatch, 'Fail')"
    " AND NOT startswith(cdsxmatch, 'Galaxy')",
}
_LABELS = {
    "sso_mpc": "Solar System MPC",
    "tracklet": "Tracklet",
    "sso_candidate": "Solar System candidate",
    "kilonova": "Kilonova candidate",
    "early_sn": "Early SN Ia candidate",
    "sn": "SN candidate",
    "microlensing": "Microlensing candidate",
}
"""Rule -> its label, the one that wins first."""
_EXCLUSIVE = ("microlensing", "sn", "sso_candidate", "sso_mpc")


def finkclass(
    cdsxmatch: pd.Series,
    roid: pd.Series,
    mulens: pd.Series,
    snn_snia: pd.Series,
    snn_sn: pd.Series,
    rf_snia: pd.Series,
    rf_kn: pd.Series,
    tracklet: pd.Series,
    ndethist: pd.Series,
    drb: pd.Series,
    classtar: pd.Series,
    jd: pd.Series,
    jdstarthist: pd.Series,
) -> pd.Series:
    """Return Fink's label of each alert; the arguments are `INPUTS`."""
    age_days = jd - jdstarthist
    good = cdsxmatch.isin(_HOSTS) & (drb > 0.5) & (classtar > 0.4)
    sn_like = good & ((snn_snia > 0.5) | (snn_sn > 0.5))
    holds = {
        "microlensing": mulens > 0,
        "sn": sn_like & (age_days <= 90) & (ndethist > 1) & (roid != 3),
        "early_sn": sn_like & (ndethist <= 20) & (rf_snia > 0.5),
        "kilonova": good & (rf_kn > 0.5) & (age_days < 5) & (ndethist < 20) & (roid != 3),
        "sso_candidate": roid == 2,
        "tracklet": tracklet.astype(object).fillna("").astype(str).str.startswith("TRCK_"),
        "sso_mpc": roid == 3,
    }
    label = pd.Series("Unknown", index=cdsxmatch.index, dtype=object)
    for rule, name in reversed(_LABELS.items()):
        label[holds[rule]] = name
    label[np.sum([holds[rule] for rule in _EXCLUSIVE], axis=0) > 1] = "Ambiguous"
    known = cdsxmatch.fillna("Unknown")
    simbad = ~known.isin(["Unknown", "Transient"]) & ~known.str.startswith(("Fail", "Galaxy"))
    return label.where(~simbad, cdsxmatch)


def tnsclass(ra: pd.Series, dec: pd.Series) -> pd.Series:
    """Return the type in the Transient Name Server's catalogue, of which none is given here."""
    return pd.Series("Unknown", index=ra.index, dtype=object)


def finkclass_sql() -> str:
    """Return the label as an expression of Spark's SQL, which needs no Python worker."""
    # NaN is the largest number of Spark's SQL, and compares false in the rules.
    number = {leaf.rpartition(".")[2]: f"nanvl(CAST({leaf} AS DOUBLE), CAST(NULL AS DOUBLE))" for leaf in INPUTS}
    hosts = ", ".join(f"'{host}'" for host in _HOSTS)
    good = f"cdsxmatch IN ({hosts}) AND {number['drb']} > 0.5 AND {number['classtar']} > 0.4"
    sn_like = f"{good} AND ({number['snn_snia_vs_nonia']} > 0.5 OR {number['snn_sn_vs_all']} > 0.5)"
    rules = {
        name: f"coalesce({rule.format(good=good, sn_like=sn_like, **number)}, false)"
        for name, rule in _RULES_SQL.items()
    }
    several = " + ".join(f"CAST({rules[name]} AS INT)" for name in _EXCLUSIVE)
    cases = [f"WHEN {rules['simbad']} THEN cdsxmatch", f"WHEN {several} > 1 THEN 'Ambiguous'"]
    cases += [f"WHEN {rules[name]} THEN '{label}'" for name, label in _LABELS.items()]
    return f"CASE {' '.join(cases)} ELSE 'Unknown' END"
