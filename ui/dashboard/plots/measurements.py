"""The measurements of an alert and of its object's history, as they stand in a preview's row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import engine

__all__ = ["Measurement", "leaf_of", "measurements_of", "photometry_of", "value_at"]

_JD_OF_MJD = 2_400_000.5
_MOST_MJD = 1e6
_MOST_CHARACTERS = 16


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One point of a light curve."""

    mjd: float
    band: str
    value: float
    """A magnitude or a flux; of an upper limit the faintest magnitude that would have been seen."""
    error: float | None
    kind: str
    """`alert`, `earlier`, `forced` or `limit`."""
    is_negative: bool = False
    """Whether it is fainter than the reference image; `value` is the brightness of the difference."""


def value_at(row: Mapping[str, Any], path: str | None) -> Any:
    """Return the value at a path of a row, None where it or a part of the way is missing."""
    value: Any = row
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if path else None


def leaf_of(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition(".")[2]


def photometry_of(survey: engine.Survey) -> engine.Photometry | None:
    """Return what a light curve is drawn of; of a survey that a file describes, what its brightness tells."""
    if survey.photometry is not None or not survey.brightness_field:
        return survey.photometry
    value = leaf_of(survey.brightness_field)
    is_magnitude = "mag" in value.lower()
    return engine.Photometry(value=value, error=f"{value}Err", unit="mag" if is_magnitude else "flux")


def measurements_of(row: Mapping[str, Any], survey: engine.Survey) -> list[Measurement]:
    """Return the measurements in a row of a preview, in the order of time; the alert's own is the one of kind `alert`.

    What has neither a brightness nor a limit, or no time, is left out.
    """
    photometry = photometry_of(survey)
    if photometry is None:
        return []
    found = [_measured(item, kind, survey, photometry) for item, kind in _items(row, survey)]
    return sorted((one for one in found if one is not None), key=lambda one: one.mjd)


def _items(row: Mapping[str, Any], survey: engine.Survey) -> Iterator[tuple[Mapping[str, Any], str]]:
    parent = survey.time_field.rpartition(".")[0]
    own = row.get(parent) if parent else row
    if isinstance(own, Mapping):
        yield own, "alert"
    for name in survey.history:
        kind = "forced" if "forced" in name.lower() else "earlier"
        for item in row.get(name) or ():
            if isinstance(item, Mapping):
                yield item, kind


def _measured(
    item: Mapping[str, Any], kind: str, survey: engine.Survey, photometry: engine.Photometry
) -> Measurement | None:
    time = _number(item.get(leaf_of(survey.time_field)))
    if time is None:
        return None
    mjd = time - _JD_OF_MJD if time > _JD_OF_MJD else time
    if not 0 < mjd < _MOST_MJD:
        return None
    raw = item.get(leaf_of(survey.band_field)) if survey.band_field else None
    band = "" if raw is None else _name_of(photometry.band_names.get(str(raw), str(raw)))
    value = _number(item.get(photometry.value))
    if value is None:
        limit = _number(item.get(photometry.limit)) if photometry.limit else None
        if limit is None:
            return None
        return Measurement(mjd=mjd, band=band, value=limit, error=None, kind="limit")
    error = _number(item.get(photometry.error)) if photometry.error else None
    sign = str(item.get(photometry.sign)).lower() if photometry.sign else ""
    return Measurement(mjd=mjd, band=band, value=value, error=error, kind=kind, is_negative=sign in ("f", "0", "false"))


def _name_of(text: str) -> str:
    """Return what others wrote as a band's name, short and without what is no character to be shown."""
    return "".join(char for char in text if char.isprintable())[:_MOST_CHARACTERS]


def _number(value: Any) -> float | None:
    """Return a value that is a finite number, and of physical size: -999 and the like stand for none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return None if value in (-99, -999, -9999) else float(value)
