"""Filters by class label, and the TNS type of an alert by its position; Fink's own labels are in fink_rules.py."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer.values import shown
from engine.errors import JobError, RequestError
from engine.simbad_names import names_of
from engine.stores import cause_of, fresh_info, without_password
from engine.tns_csv import read_tns_csv

__all__ = [
    "ALL_CLASSES",
    "CATALOGUE_FORMS",
    "CatalogueFile",
    "TnsCatalogue",
    "class_filter",
    "column_and_names",
    "find_catalogue",
    "load_tns_catalogue",
    "tnsclass",
]

ALL_CLASSES = "allclasses"
"""The label that chooses every alert."""

TNS_RADIUS_ARCSEC = 1.5

_SIMBAD = re.compile(r"^\(SIMBAD\)\s*")
_TNS = re.compile(r"\(TNS\)\s*")
_TWO_PREFIXES = re.compile(r"(\((SIMBAD|TNS)\)\s*){2}")


def class_filter(classes: Sequence[str], exclude: Sequence[str]) -> str | None:
    """Return the condition, in Spark's SQL, that labels chosen and labels excluded amount to; None keeps every alert.

    `(TNS) X` is compared with `tnsclass` as it stands, `(SIMBAD) X` with `finkclass` as X, and any other label with
    `finkclass`. A type that SIMBAD renamed is compared with each of its names, whichever is given. An alert is kept if
    any chosen label is its own; none chosen, or `allclasses`, keeps all. It is dropped if any excluded label is its
    own: a null label is in no list.

    Raises
    ------
    RequestError
        If a label is blank or has two prefixes, or `allclasses` is excluded.
    """
    chosen, dropped = [_label(x, "classes") for x in classes], [_label(x, "exclude_classes") for x in exclude]
    if ALL_CLASSES in dropped:
        raise RequestError(
            f"exclude_classes has {ALL_CLASSES!r}, which would leave no alert",
            accepted="labels, such as 'Solar System MPC', '(SIMBAD) Star', '(TNS) SN Ia'",
        )
    parts = []
    if chosen and ALL_CLASSES not in chosen:
        parts.append(" OR ".join(f"{column} IN ({_quoted(labels)})" for column, labels in _by_column(chosen)))
    for column, labels in _by_column(dropped):
        parts.append(f"{column} IS NULL OR {column} NOT IN ({_quoted(labels)})")
    return " AND ".join(f"({part})" for part in parts) or None


def _label(label: str, key: str) -> str:
    stripped = label.strip() if isinstance(label, str) else ""
    if not stripped or not _SIMBAD.sub("", stripped, count=1) or _TNS.fullmatch(stripped):
        raise RequestError(
            f"{key} has the label {shown(label)}, which names no class",
            accepted="Fink's labels, such as 'SN candidate'; '(SIMBAD) Star'; '(TNS) SN Ia'; 'allclasses'",
            next_step="leave the label out to take alerts of every class",
        )
    if prefixes := _TWO_PREFIXES.match(stripped):
        bare = stripped[prefixes.end() :]
        raise RequestError(
            f"{key} has the label {label!r}, which begins with two prefixes; a class is looked for by one",
            accepted="'(SIMBAD) Star', a type of SIMBAD; '(TNS) SN Ia', a type of TNS; Fink's labels as they are",
            next_step=f"did you mean {prefixes[1].strip() + ' ' + bare!r}?" if bare else None,
        )
    return stripped


def column_and_names(label: str) -> tuple[str, tuple[str, ...]]:
    """Return the class column that a label is looked for in, and the names that its class has there.

    They are one, the label without `(SIMBAD) `, unless SIMBAD renamed the type; the name in the label is the first.
    """
    label = label.strip()
    return ("tnsclass", (label,)) if _TNS.match(label) else ("finkclass", names_of(_SIMBAD.sub("", label, count=1)))


def _by_column(labels: Sequence[str]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for column, names in sorted(map(column_and_names, labels), key=lambda place: place[0]):
        found.setdefault(column, []).extend(names)
    return list(found.items())


def _quoted(labels: Sequence[str]) -> str:
    escaped = (label.replace("\\", "\\\\").replace("'", "\\'") for label in dict.fromkeys(labels))
    return ", ".join(f"'{label}'" for label in escaped)


@dataclass(frozen=True, kw_only=True, eq=False)
class TnsCatalogue:
    """Objects of the Transient Name Server that have a type, sorted by declination; n of them."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    types: np.ndarray
    """Labels: `(TNS) SN Ia`."""
    notes: tuple[str, ...] = ()
    """What is odd about it, for whoever needs its types."""


CATALOGUE_FORMS = (
    "Parquet, or CSV as TNS exports it (.csv, .csv.gz, .csv.zip), with the columns ra and declination (degrees, as "
    "numbers; in CSV also 10:20:30.5, 10 20 30.5, 10h20m30.5s) and type (text)"
)
"""What a TNS catalogue may be, for messages."""


@dataclass(frozen=True, kw_only=True)
class CatalogueFile:
    """Where a catalogue is, and which: alerts of one job are not matched with two."""

    path: str
    version: str
    """Size in bytes, and the etag or the time of the last change."""


def find_catalogue(path: str) -> CatalogueFile:
    """Return the catalogue at a path, as it is now.

    Raises
    ------
    RequestError
        If there is none.
    """
    if "://" not in path:
        # Workers elsewhere have working directories of their own.
        path = os.path.abspath(os.path.expanduser(path))
    try:
        files, where = fsspec.core.url_to_fs(path)
        info = fresh_info(files, where)
    except Exception as exc:  # each file system has errors of its own
        message = f"the TNS catalogue {without_password(path)} can't be read: {cause_of(exc)}"
        raise RequestError(message, accepted=CATALOGUE_FORMS) from exc
    return CatalogueFile(path=path, version=f"{info.get('size')} {info.get('ETag') or info.get('mtime')}")


def load_tns_catalogue(file: CatalogueFile) -> TnsCatalogue:
    """Read a catalogue with the columns ra, declination (degrees) and type, Parquet or CSV; a process reads it once.

    Objects without a position or a type are left out: the same transient is often in the catalogue twice, as it was
    found and as it was classified.

    Raises
    ------
    RequestError
        If it can't be read, lacks a column, or its columns are not positions in degrees and text.
    JobError
        If it is no longer the one that was found.
    """
    if find_catalogue(file.path) != file:
        raise JobError(
            f"the TNS catalogue {without_password(file.path)} is not the one with which the job was planned",
            accepted="a catalogue that stays as it is until the job has ended, the same for every worker",
            next_step="submit the request again, to have every alert matched with the catalogue of now",
        )
    return _read_catalogue(file)


_PARQUET = b"PAR1"
_HOURS = 24
_FEW_OBJECTS = 10
"""Of fewer it may be chance that they lie in a tenth of the sky."""


@lru_cache(maxsize=2)
def _read_catalogue(found: CatalogueFile) -> TnsCatalogue:
    path, accepted, name = found.path, CATALOGUE_FORMS, without_password(found.path)
    try:
        with fsspec.open(path, "rb") as file:
            head = file.read(len(_PARQUET))
            file.seek(0)
            is_parquet = head == _PARQUET or path.lower().endswith((".parquet", ".parq", ".pq"))
            table = _read_parquet(file) if is_parquet else read_tns_csv(file.read())
    except Exception as exc:  # each file system has errors of its own
        message = without_password(f"the TNS catalogue {name} can't be read: {exc}")
        raise RequestError(message, accepted=accepted) from exc
    try:
        ra, dec = _degrees(table, "ra", 360.0), _degrees(table, "declination", 90.0)
        types = _types(table["type"])
    except ValueError as exc:
        raise RequestError(f"the TNS catalogue {name} can't be read: {exc}", accepted=accepted) from exc
    usable = np.isfinite(ra) & np.isfinite(dec)
    if len(usable) and not usable.any():
        raise RequestError(f"the TNS catalogue {name} has no object with a position", accepted=accepted)
    usable &= types.astype(bool)
    order = np.flatnonzero(usable)[np.argsort(dec[usable], kind="stable")]
    as_numbers = np.ones(len(ra), dtype=bool)
    if "ra_is_number" in table.column_names:
        as_numbers = pc.fill_null(table["ra_is_number"], False).to_numpy()
    notes = _notes_on(without_password(path), ra[order][as_numbers[order]], len(order))
    return TnsCatalogue(ra_deg=ra[order], dec_deg=dec[order], types=types[order], notes=tuple(notes))


def _notes_on(path: str, plain_ra: np.ndarray, num_objects: int) -> list[str]:
    if not num_objects:
        return [
            f"the TNS catalogue {path} has no object with a type and a position: every computed tnsclass is Unknown"
        ]
    if len(plain_ra) >= _FEW_OBJECTS and ((plain_ra >= 0) & (plain_ra <= _HOURS)).all():
        return [
            f"all right ascensions of the TNS catalogue {path} that are plain numbers ({len(plain_ra):,}) are at most "
            f"{_HOURS}: they are read as degrees; hours are given as 10:20:30.5, in CSV"
        ]
    return []


def _read_parquet(file: BinaryIO) -> pa.Table:
    parquet, columns = pq.ParquetFile(file), ["ra", "declination", "type"]
    twice = [name for name in columns if parquet.schema_arrow.names.count(name) > 1]
    if twice:
        raise ValueError(f"it has more than one column {', '.join(twice)}; leave one in")
    missing = [name for name in columns if name not in parquet.schema_arrow.names]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}; it has {', '.join(parquet.schema_arrow.names)}")
    return parquet.read(columns=columns)


def _degrees(table: pa.Table, name: str, bound: float) -> np.ndarray:
    """Return a catalogue's coordinate as float64, NaN where there is none; ValueError says what can't be one."""
    column = table[name]
    try:
        degrees = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise ValueError(f"{name} is of type {column.type} and not a number of degrees: {exc}") from exc
    beyond = np.isfinite(degrees) & (np.abs(degrees) > bound)
    if beyond.any():
        raise ValueError(f"{name} holds {degrees[beyond][0]}, which is beyond {bound:g} degrees")
    return degrees


def _types(column: pa.ChunkedArray) -> np.ndarray:
    """Return a catalogue's types as labels, empty where there is none; ValueError if they are no text."""
    type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_ = pa.types
    if not (is_.is_string(type_) or is_.is_large_string(type_) or is_.is_string_view(type_) or is_.is_null(type_)):
        raise ValueError(f"type is of type {type_} and not text")
    names = [(name or "").strip() for name in column.cast(pa.string()).to_pylist()]
    return np.array([name and (name if _TNS.match(name) else f"(TNS) {name}") for name in names], dtype=object)


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
