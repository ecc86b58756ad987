"""A catalogue of the Transient Name Server: found, read once a process, and checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.enrichment.tns_csv import read_tns_csv
from engine.errors import JobError, RequestError
from engine.storage import cause_of, fresh_info, without_password

__all__ = ["CATALOGUE_FORMS", "CatalogueFile", "TnsCatalogue", "find_catalogue", "load_tns_catalogue"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TnsCatalogue:
    """Objects of the Transient Name Server that have a type, sorted by declination; n of them."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    types: np.ndarray
    """Labels: `(TNS) SN Ia`."""
    notes: tuple[str, ...] = ()
    """What is odd about it, for users who need its types."""


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


_TNS = re.compile(r"\(TNS\)\s*")
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
