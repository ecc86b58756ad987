"""A TNS catalogue as CSV: as the Transient Name Server exports it, or made by hand; plain, gzipped or zipped.

TNS has two forms. `tns_public_objects.csv.zip`, the daily export, begins with a line of the time it is of, and names
its columns `ra`, `declination` (degrees) and `type`. What the search page saves has `RA`, `DEC` (hours and degrees,
`10:20:30.5`) and `Obj. Type`.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

__all__ = ["read_tns_csv"]

_NAMES = {"ra": ("ra",), "declination": ("declination", "dec"), "type": ("type", "obj. type")}
_SEPARATORS = ",;\t|"
_HEAD_NBYTES = 65_536
_MOST_LINES_BEFORE = 20
_SEXAGESIMAL = r"^(?P<sign>[+-]?)(?P<whole>\d{1,3}):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d(?:\.\d*)?)$"


def read_tns_csv(data: bytes) -> pa.Table:
    """Return a catalogue's columns ra, declination (degrees, float64) and type (text), null where a row has none.

    Parameters
    ----------
    data
        The whole file. Separated by commas, semicolons, tabs or bars; lines before that of the columns' names are
        passed over.

    Raises
    ------
    ValueError
        If it is none, lacks a column, or a coordinate is neither a number of degrees nor sexagesimal.
    """
    data = _unpacked(data)
    lines = data[:_HEAD_NBYTES].splitlines(keepends=True)[:_MOST_LINES_BEFORE]
    headers = [
        (number, _cells(line, separator), separator) for number, line in enumerate(lines) for separator in _SEPARATORS
    ]
    if not headers:
        raise ValueError("it is empty")
    number, cells, separator = max(headers, key=lambda header: (len(_places(header[1])), len(header[1])))
    places = _places(cells)
    missing = [name for name in _NAMES if name not in places]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}; it has {', '.join(cells)[:200]}")
    table = _rows(data[sum(map(len, lines[: number + 1])) :], len(cells), separator, places)
    return pa.table(
        {
            "ra": _degrees(table["ra"], "ra", of_one=15.0),
            "declination": _degrees(table["declination"], "declination", of_one=1.0),
            "type": table["type"],
        }
    )


def _unpacked(data: bytes) -> bytes:
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if not data.startswith(b"PK\x03\x04"):
            return data
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = [item.filename for item in packed.infolist() if not item.is_dir()]
            names = [name for name in names if not name.startswith("__MACOSX/")]
            if len(names) != 1:
                raise ValueError(f"the zip holds {len(names)} files instead of one: {', '.join(names[:5])}")
            return packed.read(names[0])
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as exc:
        raise ValueError(f"it can't be unpacked: {exc}") from exc


def _cells(line: bytes, separator: str) -> list[str]:
    text = line.decode("utf-8-sig", errors="replace").strip("\r\n")
    return [cell.strip().removeprefix("#").strip() for cell in next(csv.reader([text], delimiter=separator), [])]


def _places(cells: Sequence[str]) -> dict[str, int]:
    """Return which cell of a header has each of the columns that are found in it."""
    lowered = [cell.lower() for cell in cells]
    return {
        name: lowered.index(given) for name, forms in _NAMES.items() for given in reversed(forms) if given in lowered
    }


def _rows(data: bytes, num_columns: int, separator: str, places: dict[str, int]) -> pa.Table:
    if not data.strip():
        return pa.table({name: pa.array([], pa.string()) for name in places})
    columns = [str(place) for place in range(num_columns)]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(column_names=columns),
            parse_options=pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                include_columns=[str(place) for place in places.values()],
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as exc:
        raise ValueError(f"it is no CSV of {num_columns} columns, as its line of names has: {str(exc)[:300]}") from exc
    return table.rename_columns(list(places))


def _degrees(column: pa.ChunkedArray, name: str, *, of_one: float) -> pa.ChunkedArray:
    """Return a coordinate in degrees; a whole one of the sexagesimal form is `of_one` degrees."""
    text = pc.utf8_trim_whitespace(column)
    parts = pc.extract_regex(text, _SEXAGESIMAL)
    numbers = {part: pc.struct_field(parts, part) for part in ("sign", "whole", "minutes", "seconds")}
    whole, minutes, seconds = (numbers[part].cast(pa.float64()) for part in ("whole", "minutes", "seconds"))
    total = pc.add(whole, pc.add(pc.divide(minutes, 60.0), pc.divide(seconds, 3600.0)))
    sexagesimal = pc.multiply(total, pc.if_else(pc.equal(numbers["sign"], "-"), -of_one, of_one))
    try:
        plain = pc.if_else(pc.is_valid(parts), pa.scalar(None, pa.string()), text).cast(pa.float64())
    except pa.ArrowInvalid as exc:
        form = "hours, 10:20:30.5" if name == "ra" else "degrees, -10:20:30.5"
        raise ValueError(f"{name} holds what is neither a number of degrees nor in {form}: {exc}") from exc
    return pc.coalesce(sexagesimal, plain)
