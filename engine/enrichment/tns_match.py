"""The TNS type of an alert, by its position."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.enrichment.tns_catalogue import TnsCatalogue

__all__ = ["tnsclass"]

TNS_RADIUS_ARCSEC = 1.5


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
