"""A survey of one's own: a YAML file that says where its fields stand, read as a `Survey` without code.

docs/surveys.md tells its keys. The same table, as plain values, travels with a job's plan, since workers and the user
who resumes a job have no such file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from consumer.settings import items_of, read_table, read_text, shown
from consumer.wire import TIME_SCALES
from engine.errors import RequestError
from engine.schema import has_path
from engine.surveys.survey import Survey

__all__ = ["described_as", "missing_in", "read_survey", "survey_of"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_NEEDED = {
    "name": "small letters, digits and _, such as elasticc",
    "identifier": "the path of the alert's identifier, a whole number: alertId",
    "time": "the path of the time of the detection: diaSource.midPointTai",
    "time_scale": ", ".join(TIME_SCALES),
    "ra": "the path of the right ascension, in degrees: diaSource.ra",
    "dec": "the path of the declination, in degrees: diaSource.dec",
}
_PATHS = {
    "object": "the path of the object's name or number: diaObject.diaObjectId",
    "band": "the path of the filter: diaSource.filterName",
    "brightness": "the path of the brightness, a magnitude or a flux: diaSource.psFlux",
    "detection": "the struct of the detection, whose fields come out under their own names: diaSource",
}
_LISTS = {
    "lightcurve": "paths of what the lightcurve content takes to the top level",
    "lightcurve_without": "root columns that the lightcurve content leaves out",
    "history": "root columns with the earlier detections",
    "stamps": "root columns with the stamps",
    "night_columns": "root columns that repeat the night",
}
_ACCEPTED = {**_NEEDED, **_PATHS, **_LISTS}


def read_survey(path: str) -> Survey:
    """Return the survey that a YAML file describes.

    Raises
    ------
    RequestError
        If the file can't be read, or a key is missing, unknown, or not what it should be.
    """
    what = "the description of the survey"
    text = read_text(path, what, error=RequestError)
    accepted = f"the keys {', '.join(_ACCEPTED)}"
    return survey_of(read_table(text, what, error=RequestError, accepted=accepted))


def survey_of(table: Mapping[str, Any]) -> Survey:
    """Return the survey that a table describes.

    Raises
    ------
    RequestError
        If a key is missing, unknown, or not what it should be.
    """
    for key in table:
        if key not in _ACCEPTED:
            raise RequestError(
                f"the description of the survey has the key {shown(key)}, which means nothing",
                accepted=f"the keys {', '.join(_ACCEPTED)}",
                next_step="leave it out; docs/surveys.md tells what each is",
            )
    for key, accepted in _NEEDED.items():
        if table.get(key) is None:
            raise RequestError(f"the description of the survey lacks the key {key!r}", accepted=f"{key}: {accepted}")
    paths = {key: _path(key, table[key]) for key in (*_NEEDED, *_PATHS) if table.get(key) is not None}
    lists = {key: items_of(key, table.get(key), partial(_path, key), error=RequestError) for key in _LISTS}
    if not _NAME.fullmatch(paths["name"]):
        raise _refused("name", paths["name"])
    if paths["time_scale"] not in TIME_SCALES:
        raise _refused("time_scale", paths["time_scale"])
    known = ("identifier", "object", "time", "band")
    return Survey(
        name=paths["name"],
        candidate=paths.get("detection", ""),
        identity=tuple(dict.fromkeys(paths[key] for key in known if key in paths)),
        id_field=paths["identifier"],
        object_field=paths.get("object"),
        band_field=paths.get("band"),
        time_field=paths["time"],
        time_scale=paths["time_scale"],
        ra_field=paths["ra"],
        dec_field=paths["dec"],
        lightcurve_leaves=lists["lightcurve"],
        lightcurve_without=lists["lightcurve_without"],
        history=lists["history"],
        stamps=lists["stamps"],
        night_columns=lists["night_columns"] if "night_columns" in table else ("year", "month", "day"),
        instead={},
        portal_prefixes={},
        portal_computed={},
        brightness_field=paths.get("brightness"),
        is_described=True,
    )


def missing_in(schema: pa.Schema, survey: Survey) -> dict[str, list[str]]:
    """Return what a described survey names and no file has: path -> the keys that name it; of known surveys, nothing.

    Those of the night may always be missing, since the folders tell it.
    """
    missing: dict[str, list[str]] = {}
    for key, value in described_as(survey).items() if survey.is_described else ():
        if key in ("name", "time_scale", "night_columns"):
            continue
        for path in [value] if isinstance(value, str) else value:
            if not has_path(schema, path):
                missing.setdefault(path, []).append(key)
    return missing


def described_as(survey: Survey) -> dict[str, Any]:
    """Return the table that `survey_of` makes the same survey of, as far as a file can describe one."""
    table = {
        "name": survey.name,
        "identifier": survey.id_field,
        "object": survey.object_field,
        "band": survey.band_field,
        "time": survey.time_field,
        "time_scale": survey.time_scale,
        "ra": survey.ra_field,
        "dec": survey.dec_field,
        "brightness": survey.brightness_field,
        "detection": survey.candidate or None,
        "lightcurve": list(survey.lightcurve_leaves),
        "lightcurve_without": list(survey.lightcurve_without),
        "history": list(survey.history),
        "stamps": list(survey.stamps),
        "night_columns": list(survey.night_columns),
    }
    return {key: value for key, value in table.items() if value is not None}


def _path(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or any(not part for part in value.split(".")):
        raise _refused(key, value)
    return value.strip()


def _refused(key: str, value: Any) -> RequestError:
    return RequestError(
        f"{key} {'holds' if key in _LISTS else 'is'} {shown(value)} in the description of the survey",
        accepted=f"{key}: {_ACCEPTED[key]}",
        next_step=None
        if isinstance(value, str | list | dict)
        else "write a path; if that is a field's name, put it in quotation marks",
    )
