"""Fink's own labels: the broker's rules on an alert's scores, flags and SIMBAD type."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.schema import combined

__all__ = ["FINKCLASS_INPUTS", "TEXT_INPUTS", "finkclass", "finkclass_rules", "impossible_labels"]

FINKCLASS_INPUTS = (
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
"""Leaves that the rules of `finkclass` look at; an archive may lack any of them."""
TEXT_INPUTS = ("cdsxmatch", "tracklet")
"""Those of them that are texts; the others are numbers."""

# SIMBAD types that a supernova's host, or the transient itself before anybody knew it, may have.
_HOSTS = [
    *("Unknown", "Candidate_SN*", "SN*_Candidate", "SN", "Transient", "Fail", "Fail 504", "galaxy", "Galaxy", "EmG"),
    *("Seyfert", "Seyfert_1", "Seyfert_2", "BlueCompG", "StarburstG", "LSB_G", "HII_G", "High_z_G", "GinPair"),
    *("GinGroup", "BClG", "GinCl", "PartofG", "Compact_Gr_G", "IG", "PairG", "GroupG", "ClG", "SuperClG", "Void"),
    *("LINER", "Possible_ClG", "Possible_SClG", "GravLens_Candidate"),
]

_GOOD = ("cdsxmatch", "candidate.drb", "candidate.classtar")
_SUPERNOVA_LIKE = (*_GOOD, "snn_snia_vs_nonia|snn_sn_vs_all")
_AGE = ("candidate.jd", "candidate.jdstarthist")
_NEEDS = {
    "Microlensing candidate": ("mulens",),
    "SN candidate": (*_SUPERNOVA_LIKE, *_AGE, "candidate.ndethist"),
    "Early SN Ia candidate": (*_SUPERNOVA_LIKE, "candidate.ndethist", "rf_snia_vs_nonia"),
    "Kilonova candidate": (*_GOOD, *_AGE, "candidate.ndethist", "rf_kn_vs_nonkn"),
    "Solar System candidate": ("roid",),
    "Tracklet": ("tracklet",),
    "Solar System MPC": ("roid",),
    "SIMBAD's types": ("cdsxmatch",),
}
"""Inputs without which a rule never holds; of those with a bar between them one is enough."""


def finkclass(leaves: pa.Table | pa.RecordBatch) -> pa.Array:
    """Return Fink's label of each alert.

    The rules are those of the Fink broker (fink-filters, `extract_fink_classification`); a null or NaN compares false.

    Parameters
    ----------
    leaves
        Flat table, n rows, of columns named as in `FINKCLASS_INPUTS`; one that is absent counts as null.

    Returns
    -------
    Array of string, shape (n,)
    """
    label = np.full(leaves.num_rows, "Unknown", dtype=object)
    rules = finkclass_rules(leaves)
    simbad = rules.pop("SIMBAD")
    for name, holds in rules.items():
        label[holds] = name
    return pc.if_else(pa.array(simbad), _texts(leaves, "cdsxmatch"), pa.array(label, pa.string()))


def finkclass_rules(leaves: pa.Table | pa.RecordBatch) -> dict[str, np.ndarray]:
    """Return label -> where its rule holds, in the order in which one overrides those before it.

    So of the rules that hold for an alert the last gives its label. `SIMBAD`, the last of all, gives the alert's
    `cdsxmatch`; where none holds the label is Unknown.

    Parameters
    ----------
    leaves
        As for `finkclass`, n rows.

    Returns
    -------
    Arrays of bool, shape (n,) each
    """
    number = {name: _numbers(leaves, name) for name in FINKCLASS_INPUTS if name not in TEXT_INPUTS}
    cdsxmatch, tracklet_name = _texts(leaves, "cdsxmatch"), _texts(leaves, "tracklet")
    roid, drb, classtar = number["roid"], number["candidate.drb"], number["candidate.classtar"]
    ndethist = number["candidate.ndethist"]
    with np.errstate(invalid="ignore"):  # NaN less NaN, and comparisons with it
        age_days = number["candidate.jd"] - number["candidate.jdstarthist"]
        host = _true(pc.is_in(cdsxmatch, value_set=pa.array(_HOSTS)))
        good = host & (drb > 0.5) & (classtar > 0.4)
        supernova_like = good & ((number["snn_snia_vs_nonia"] > 0.5) | (number["snn_sn_vs_all"] > 0.5))

        microlensing = number["mulens"] > 0
        sn = supernova_like & (age_days <= 90) & (ndethist > 1) & (roid != 3)
        early_sn = supernova_like & (ndethist <= 20) & (number["rf_snia_vs_nonia"] > 0.5)
        kilonova = good & (number["rf_kn_vs_nonkn"] > 0.5) & (age_days < 5) & (ndethist < 20) & (roid != 3)
        sso_candidate, sso_mpc = roid == 2, roid == 3
    return {
        "Microlensing candidate": microlensing,
        "SN candidate": sn,
        "Early SN Ia candidate": early_sn,
        "Kilonova candidate": kilonova,
        "Solar System candidate": sso_candidate,
        "Tracklet": _true(pc.starts_with(tracklet_name, "TRCK_")),
        "Solar System MPC": sso_mpc,
        "Ambiguous": microlensing.astype(int) + sn + sso_candidate + sso_mpc > 1,
        "SIMBAD": _is_simbad(cdsxmatch),
    }


def impossible_labels(missing: Collection[str]) -> list[str]:
    """Return the labels that no alert can get by the rules where these inputs are all null."""
    impossible = [
        label for label, needs in _NEEDS.items() if any(set(need.split("|")) <= set(missing) for need in needs)
    ]
    # Ambiguous takes two of three: microlensing, a supernova, something of the Solar System.
    if len({"Microlensing candidate", "SN candidate", "Solar System MPC"} - set(impossible)) < 2:
        impossible.append("Ambiguous")
    return impossible


def _is_simbad(cdsxmatch: pa.Array) -> np.ndarray:
    unknown = _true(pc.is_in(cdsxmatch, value_set=pa.array(["Unknown", "Transient"])))
    unknown |= _true(pc.starts_with(cdsxmatch, "Fail")) | _true(pc.starts_with(cdsxmatch, "Galaxy"))
    return _true(pc.is_valid(cdsxmatch)) & ~unknown


def _numbers(leaves: pa.Table | pa.RecordBatch, name: str) -> np.ndarray:
    if name not in leaves.schema.names:
        return np.full(leaves.num_rows, np.nan)
    return pc.fill_null(leaves[name].cast(pa.float64()), np.nan).to_numpy()


def _texts(leaves: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    if name not in leaves.schema.names:
        return pa.nulls(leaves.num_rows, pa.string())
    texts = leaves[name].cast(pa.string())
    return combined(texts) if isinstance(texts, pa.ChunkedArray) else texts


def _true(mask: pa.Array) -> np.ndarray:
    return pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
