"""What an alert is classified as: Fink's own label, its TNS type by position, and filters by label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.errors import RequestError

__all__ = ["FINKCLASS_INPUTS", "TnsCatalogue", "class_filter", "finkclass", "load_tns_catalogue", "tnsclass"]

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

TNS_RADIUS_ARCSEC = 1.5

# SIMBAD types that a supernova's host, or the transient itself before anybody knew it, may have.
_HOSTS = [
    *("Unknown", "Candidate_SN*", "SN*_Candidate", "SN", "Transient", "Fail", "Fail 504", "galaxy", "Galaxy", "EmG"),
    *("Seyfert", "Seyfert_1", "Seyfert_2", "BlueCompG", "StarburstG", "LSB_G", "HII_G", "High_z_G", "GinPair"),
    *("GinGroup", "BClG", "GinCl", "PartofG", "Compact_Gr_G", "IG", "PairG", "GroupG", "ClG", "SuperClG", "Void"),
    *("LINER", "Possible_ClG", "Possible_SClG", "GravLens_Candidate"),
]
_ALL = "allclasses"
_SIMBAD = re.compile(r"\(SIMBAD\)\s*")
_TNS = re.compile(r"\(TNS\)\s*")


def finkclass(leaves: pa.Table) -> pa.Array:
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
    number = {name: _numbers(leaves, name) for name in FINKCLASS_INPUTS if name not in ("cdsxmatch", "tracklet")}
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
    tracklet = _true(pc.starts_with(tracklet_name, "TRCK_"))

    label = np.full(leaves.num_rows, "Unknown", dtype=object)
    for holds, name in (
        (microlensing, "Microlensing candidate"),
        (sn, "SN candidate"),
        (early_sn, "Early SN Ia candidate"),
        (kilonova, "Kilonova candidate"),
        (sso_candidate, "Solar System candidate"),
        (tracklet, "Tracklet"),
        (sso_mpc, "Solar System MPC"),
        (microlensing.astype(int) + sn + sso_candidate + sso_mpc > 1, "Ambiguous"),
    ):
        label[holds] = name
    return pc.if_else(pa.array(_is_simbad(cdsxmatch)), cdsxmatch, pa.array(label, pa.string()))


def _is_simbad(cdsxmatch: pa.Array) -> np.ndarray:
    unknown = _true(pc.is_in(cdsxmatch, value_set=pa.array(["Unknown", "Transient"])))
    unknown |= _true(pc.starts_with(cdsxmatch, "Fail")) | _true(pc.starts_with(cdsxmatch, "Galaxy"))
    return _true(pc.is_valid(cdsxmatch)) & ~unknown


def _numbers(leaves: pa.Table, name: str) -> np.ndarray:
    if name not in leaves.column_names:
        return np.full(leaves.num_rows, np.nan)
    return pc.fill_null(leaves[name].cast(pa.float64()), np.nan).to_numpy()


def _texts(leaves: pa.Table, name: str) -> pa.Array:
    if name not in leaves.column_names:
        return pa.nulls(leaves.num_rows, pa.string())
    texts = leaves[name].cast(pa.string()).combine_chunks()
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _true(mask: pa.Array) -> np.ndarray:
    return pc.fill_null(mask, False).to_numpy(zero_copy_only=False)


def class_filter(classes: Sequence[str], exclude: Sequence[str]) -> str | None:
    """Return the condition, in Spark's SQL, that labels chosen and labels excluded amount to; None keeps every alert.

    `(TNS) X` is compared with `tnsclass` as it stands, `(SIMBAD) X` with `finkclass` as X, and any other label with
    `finkclass`. An alert is kept if any chosen label is its own; none chosen, or `allclasses`, keeps all. It is
    dropped if any excluded label is its own: a null label is in no list.

    Raises
    ------
    RequestError
        If a label is blank, or `allclasses` is excluded.
    """
    chosen, dropped = [_label(x, "classes") for x in classes], [_label(x, "exclude_classes") for x in exclude]
    if _ALL in dropped:
        raise RequestError(
            f"exclude_classes has {_ALL!r}, which would leave no alert",
            accepted="labels, such as 'Solar System MPC', '(SIMBAD) Star', '(TNS) SN Ia'",
        )
    parts = []
    if chosen and _ALL not in chosen:
        parts.append(" OR ".join(f"{column} IN ({_quoted(labels)})" for column, labels in _by_column(chosen)))
    for column, labels in _by_column(dropped):
        parts.append(f"{column} IS NULL OR {column} NOT IN ({_quoted(labels)})")
    return " AND ".join(f"({part})" for part in parts) or None


def _label(label: str, key: str) -> str:
    stripped = label.strip() if isinstance(label, str) else ""
    if not stripped or not _SIMBAD.sub("", stripped, count=1) or _TNS.fullmatch(stripped):
        raise RequestError(
            f"{key} has the label {label!r}, which names no class",
            accepted="Fink's labels, such as 'SN candidate'; '(SIMBAD) Star'; '(TNS) SN Ia'; 'allclasses'",
            next_step="leave the label out to take alerts of every class",
        )
    return stripped


def _by_column(labels: Sequence[str]) -> list[tuple[str, list[str]]]:
    tns = [label for label in labels if _TNS.match(label)]
    fink = [_SIMBAD.sub("", label, count=1) if _SIMBAD.match(label) else label for label in labels if label not in tns]
    return [(column, found) for column, found in (("finkclass", fink), ("tnsclass", tns)) if found]


def _quoted(labels: Sequence[str]) -> str:
    escaped = (label.replace("\\", "\\\\").replace("'", "\\'") for label in dict.fromkeys(labels))
    return ", ".join(f"'{label}'" for label in escaped)


@dataclass(frozen=True, kw_only=True, eq=False)
class TnsCatalogue:
    """Objects of the Transient Name Server, sorted by declination; n of them."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    types: np.ndarray
    """Labels: `(TNS) SN Ia`, or `Unknown` where the type is not known."""


@lru_cache(maxsize=2)
def load_tns_catalogue(path: str) -> TnsCatalogue:
    """Read a catalogue from Parquet with the columns ra, declination (degrees) and type; once per process and path.

    Raises
    ------
    RequestError
        If it can't be read, lacks a column, or its coordinates are not numbers.
    """
    columns = ["ra", "declination", "type"]
    accepted = "a Parquet file with the columns ra and declination (degrees) and type"
    try:
        with fsspec.open(str(path), "rb") as file:
            parquet = pq.ParquetFile(file)
            missing = [name for name in columns if name not in parquet.schema_arrow.names]
            if missing:
                found = ", ".join(parquet.schema_arrow.names)
                raise RequestError(
                    f"the TNS catalogue {path} lacks {', '.join(missing)}; it has {found}", accepted=accepted
                )
            table = parquet.read(columns=columns)
        ra, dec = (pc.fill_null(table[name].cast(pa.float64()), np.nan).to_numpy() for name in columns[:2])
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as exc:
        if isinstance(exc, RequestError):
            raise
        raise RequestError(f"the TNS catalogue {path} can't be read: {exc}", accepted=accepted) from exc
    names = table["type"].cast(pa.string()).to_pylist()
    types = np.array([f"(TNS) {n.strip()}" if n and n.strip() else "Unknown" for n in names], dtype=object)
    usable = np.isfinite(ra) & np.isfinite(dec)
    order = np.flatnonzero(usable)[np.argsort(dec[usable], kind="stable")]
    return TnsCatalogue(ra_deg=ra[order], dec_deg=dec[order], types=types[order])


def tnsclass(ra: np.ndarray, dec: np.ndarray, catalogue: TnsCatalogue | None) -> pa.Array:
    """Return the TNS label of each position: that of the nearest object within 1.5 arcsec, else `Unknown`.

    Separations are by the haversine formula, which is exact for small angles.

    Parameters
    ----------
    ra, dec
        Degrees, shape (n,); NaN where unknown.
    catalogue
        None makes every label `Unknown`.

    Returns
    -------
    Array of string, shape (n,)
    """
    ra, dec = np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64)
    labels = np.full(len(ra), "Unknown", dtype=object)
    if catalogue is None or not len(catalogue.dec_deg):
        return pa.array(labels, pa.string())
    radius_deg = TNS_RADIUS_ARCSEC / 3600
    usable = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    first = np.searchsorted(catalogue.dec_deg, dec[usable] - radius_deg, side="left")
    last = np.searchsorted(catalogue.dec_deg, dec[usable] + radius_deg, side="right")
    num_near = last - first
    # One pair for each object of the catalogue in an alert's strip of declination.
    alert = np.repeat(usable, num_near)
    within = np.arange(num_near.sum()) - np.repeat(np.cumsum(num_near) - num_near, num_near)
    source = np.repeat(first, num_near) + within
    ra1, dec1 = np.radians(ra[alert]), np.radians(dec[alert])
    ra2, dec2 = np.radians(catalogue.ra_deg[source]), np.radians(catalogue.dec_deg[source])
    haversine = np.sin((dec2 - dec1) / 2) ** 2 + np.cos(dec1) * np.cos(dec2) * np.sin((ra2 - ra1) / 2) ** 2
    separation_deg = np.degrees(2 * np.arcsin(np.sqrt(haversine)))
    matched = np.flatnonzero(separation_deg <= radius_deg)
    farthest_first = matched[np.argsort(-separation_deg[matched], kind="stable")]
    labels[alert[farthest_first]] = catalogue.types[source[farthest_first]]  # the nearest is written last
    return pa.array(labels, pa.string())
