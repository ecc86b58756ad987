"""Alerts as a preview gives them, made by hand."""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np
from astropy.io import fits

import engine

__all__ = ["LSST", "ZTF", "fits_bytes", "lsst_row", "ztf_row"]

ZTF, LSST = engine.survey_named("ztf"), engine.survey_named("lsst")


def fits_bytes(pixels: np.ndarray, *, packed: bool = False, **cards: Any) -> bytes:
    """Return an image as FITS."""
    header = fits.Header(list(cards.items()))
    to = io.BytesIO()
    fits.PrimaryHDU(pixels.astype(np.float32), header).writeto(to)
    return gzip.compress(to.getvalue()) if packed else to.getvalue()


def ztf_row(**candidate: Any) -> dict[str, Any]:
    """Return an alert of ZTF with two earlier measurements: a detection in g, and an upper limit in r."""
    own = {"jd": 2459540.5, "fid": 1, "magpsf": 18.0, "sigmapsf": 0.1, "diffmaglim": 20.0, "isdiffpos": "t"}
    own |= {"ra": 320.0, "dec": 13.5} | candidate
    earlier = {"jd": 2459530.5, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.2, "diffmaglim": 20.1, "isdiffpos": "f"}
    limit = {"jd": 2459520.5, "fid": 2, "magpsf": None, "sigmapsf": None, "diffmaglim": 19.5, "isdiffpos": None}
    return {
        "objectId": "ZTF18abcdefg",
        "candid": 1,
        "candidate": own,
        "prv_candidates": [earlier, limit],
        "finkclass": "SN candidate",
        "tnsclass": "",
    }


def lsst_row() -> dict[str, Any]:
    """Return an alert of LSST with an earlier detection and a forced measurement below the reference."""
    own = {"midpointMjdTai": 61041.2, "band": "i", "psfFlux": 1500.0, "psfFluxErr": 300.0, "ra": 63.5, "dec": -46.6}
    return {
        "diaSource": own | {"diaSourceId": 7},
        "diaObject": {"diaObjectId": 42},
        "prvDiaSources": [own | {"midpointMjdTai": 61040.2, "band": "g", "psfFlux": 1200.0}],
        "prvDiaForcedSources": [own | {"midpointMjdTai": 61039.2, "psfFlux": -50.0}],
    }
