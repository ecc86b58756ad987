"""A TNS catalogue as CSV: as the Transient Name Server exports it, or made by hand; plain, gzipped or zipped.

TNS has two forms. `tns_public_objects.csv.zip`, the daily export, begins with a line of the time it is of, and names
its columns `ra`, `declination` (degrees) and `type`. What the search page saves has `RA`, `DEC` (hours and degrees,
`10:20:30.5`) and `Obj. Type`. People also write `10 20 30.5` and `10h20m30.5s`, decimal commas, and other encodings.
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
MOST_NBYTES = 1_000_000_000
"""Of an unpacked file; TNS's daily export has some 70 MB."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WITH_DECIMAL_COMMAS = ";\t"
_DECIMAL_COMMA = r"^([^.,]*\d),(\d[^.,]*)$"
# 10:20:30.5, 10 20 30.5, 10h20m30.5s, 10d20m30.5s, 10°20'30.5"; the sign may be a typesetter's.
_SEXAGESIMAL = (
    r"^(?P<sign>[+\-−]?)\s*(?P<whole>\d{1,3})(?:\s*(?P<unit>[:hd°])\s*|\s+)"
    r"(?P<minutes>[0-5]?\d)(?:\s*[:m'′]\s*|\s+)(?P<seconds>[0-5]?\d(?:\.\d*)?)\s*(?:s|\"|″|'')?$"
)


def read_tns_csv(data: bytes, *, most_nbytes: int = MOST_NBYTES) -> pa.Table:
    """Return a catalogue's objects: ra, declination (degrees, float64), type (text), null where a row has none.

    A fourth column, ra_is_number, says whether the right ascension was given as a plain number.

    Parameters
    ----------
    data
        The whole file, UTF-8, UTF-16 with a byte-order mark, or else Latin-1. Separated by commas, semicolons, tabs or
        bars; lines before that of the columns' names are passed over. Between semicolons and tabs a comma may stand
        for a decimal point.
    most_nbytes
        How large it may be once it is unpacked.

    Raises
    ------
    ValueError
        If it is none, lacks a column or has it twice, or a coordinate is neither a number of degrees nor sexagesimal.
    """
    data = _as_utf8(_unpacked(data, most_nbytes))
    lines = data[:_HEAD_NBYTES].splitlines(keepends=True)[:_MOST_LINES_BEFORE]
    headers = [
        (number, _cells(line, separator), separator) for number, line in enumerate(lines) for separator in _SEPARATORS
    ]
    if not headers:
        raise ValueError("it is empty")
    number, cells, separator = max(headers, key=lambda header: (len(_places(header[1])), len(header[1])))
    places = _places(cells)
    for forms in _NAMES.values():
        serving = [cell for cell in cells if cell.lower() in forms]
        if len(serving) > 1:
            raise ValueError(f"its columns {' and '.join(serving)} could each be the {forms[0]}; leave one in")
    missing = [name for name in _NAMES if name not in places]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}; it has {', '.join(cells)[:200]}")
    table = _rows(data[sum(map(len, lines[: number + 1])) :], len(cells), separator, places)
    with_commas = separator in _WITH_DECIMAL_COMMAS
    texts = {name: _with_points(table[name], with_commas) for name in ("ra", "declination")}
    ra, ra_is_number = _degrees(texts["ra"], "ra")
    declination, _ = _degrees(texts["declination"], "declination")
    return pa.table({"ra": ra, "declination": declination, "type": table["type"], "ra_is_number": ra_is_number})


def _unpacked(data: bytes, most_nbytes: int) -> bytes:
    try:
        if data.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                return _bounded(file.read(most_nbytes + 1), most_nbytes)
        if not data.startswith(b"PK\x03\x04"):
            return data
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = [item.filename for item in packed.infolist() if not item.is_dir()]
            names = [name for name in names if not name.startswith("__MACOSX/")]
            if len(names) != 1:
                raise ValueError(f"the zip holds {len(names)} files instead of one: {', '.join(names[:5])}")
            with packed.open(names[0]) as member:
                return _bounded(member.read(most_nbytes + 1), most_nbytes)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as exc:
        raise ValueError(f"it can't be unpacked: {exc}") from exc


def _bounded(data: bytes, most_nbytes: int) -> bytes:
    if len(data) > most_nbytes:
        raise ValueError(f"unpacked it has more than {most_nbytes:,} bytes")
    return data


def _as_utf8(data: bytes) -> bytes:
    try:
        if data.startswith(_UTF_16):
            return data.decode("utf-16").encode()
    except UnicodeError as exc:
        raise ValueError(f"it begins as UTF-16 and is none: {exc}") from exc
    try:
        data.decode()
    except UnicodeDecodeError:
        # Names and remarks of older lists; each byte is some character, and no coordinate depends on which.
        return data.decode("latin-1").encode()
    return data


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


def _with_points(column: pa.ChunkedArray, with_commas: bool) -> pa.ChunkedArray:
    """Return a coordinate's texts, trimmed, with points for decimal commas."""
    text = pc.utf8_trim_whitespace(column)
    return pc.replace_substring_regex(text, _DECIMAL_COMMA, r"\1.\2") if with_commas else text


def _degrees(text: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return a coordinate in degrees, and whether each was a plain number, null where a row has none.

    Of the sexagesimal forms a right ascension has hours, unless its unit says degrees.
    """
    form = "hours, 10:20:30.5" if name == "ra" else "degrees, -10:20:30.5"
    parts = pc.extract_regex(pc.utf8_lower(text), _SEXAGESIMAL)
    numbers = {part: pc.struct_field(parts, part) for part in ("sign", "whole", "unit", "minutes", "seconds")}
    in_hours = pc.equal(numbers["unit"], "h")
    if name == "ra":
        in_hours = pc.invert(pc.is_in(numbers["unit"], pa.array(["d", "°"])))
    elif pc.any(in_hours).as_py():
        raise ValueError(f"{name} holds what is neither a number of degrees nor in {form}: it is in hours")
    whole, minutes, seconds = (numbers[part].cast(pa.float64()) for part in ("whole", "minutes", "seconds"))
    total = pc.add(whole, pc.add(pc.divide(minutes, 60.0), pc.divide(seconds, 3600.0)))
    sign = pc.if_else(pc.is_in(numbers["sign"], pa.array(["-", "−"])), -1.0, 1.0)
    sexagesimal = pc.multiply(total, pc.multiply(sign, pc.if_else(in_hours, 15.0, 1.0)))
    is_number = pc.is_null(parts)
    try:
        plain = pc.if_else(is_number, text, pa.scalar(None, pa.string())).cast(pa.float64())
    except pa.ArrowInvalid as exc:
        raise ValueError(f"{name} holds what is neither a number of degrees nor in {form}: {exc}") from exc
    return pc.coalesce(sexagesimal, plain), pc.and_(is_number, pc.is_valid(plain))
