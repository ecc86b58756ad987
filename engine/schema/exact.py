"""Decimals, times of day and durations, for which Avro has no plain type: as exact texts and whole numbers.

A decimal leaves as text with all its digits, a time of day as text, a duration as a whole number of its unit. Files of
different scales or units meet in the finest of them, which the metadata of the union's field tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["decimal_text", "exact_kind", "exact_metadata", "exact_number", "kept_exact", "origin_of", "unit_of"]

_ORIGIN, _SCALE, _UNIT = b"origin", b"scale", b"unit"
_UNITS = ("s", "ms", "us", "ns")
_UNIT_NAMES = dict(zip(_UNITS, ("seconds", "milliseconds", "microseconds", "nanoseconds"), strict=True))


def exact_kind(type_: pa.DataType) -> str | None:
    """Return `decimal`, `time of day` or `duration` of such a type; None of any other."""
    if pa.types.is_decimal(type_):
        return "decimal"
    if pa.types.is_time(type_):
        return "time of day"
    return "duration" if pa.types.is_duration(type_) else None


def exact_metadata(types: Iterable[pa.DataType]) -> dict[bytes, bytes]:
    """Return what a field of the union has to know of the decimals, times of day and durations that meet in it."""
    found = [type_ for type_ in types if exact_kind(type_)]
    if not found:
        return {}
    metadata = {_ORIGIN: ", ".join(dict.fromkeys(map(str, found))).encode()}
    scales = [type_.scale for type_ in found if pa.types.is_decimal(type_)]
    if scales:
        metadata[_SCALE] = str(max(scales)).encode()
    units = [type_.unit for type_ in found if pa.types.is_duration(type_)]
    if units:
        metadata[_UNIT] = max(units, key=_UNITS.index).encode()
    return metadata


def kept_exact(field: pa.Field) -> str | None:
    """Return `decimal`, `time of day` or `duration` of a field of the union that stands for such; None of any other."""
    metadata = field.metadata or {}
    if _ORIGIN not in metadata:
        return None
    return "decimal" if _SCALE in metadata else "duration" if _UNIT in metadata else "time of day"


def origin_of(field: pa.Field) -> str | None:
    """Return the types that files have where the union has an exact text or number, such as `decimal128(10, 2)`."""
    origin = (field.metadata or {}).get(_ORIGIN)
    return origin.decode() if origin else None


def unit_of(field: pa.Field) -> str | None:
    """Return the unit that a duration is counted in, such as `microseconds`; None of any other field."""
    unit = (field.metadata or {}).get(_UNIT)
    return _UNIT_NAMES[unit.decode()] if unit else None


def decimal_text(array: pa.Array, metadata: Mapping[bytes, bytes]) -> pa.Array:
    """Return decimals as texts with as many digits behind the point as the union's scale, and no exponent."""
    if array.type.scale < 0:
        array = array.cast(pa.decimal256(76, 0))
    scale = max(int(metadata.get(_SCALE, 0)), array.type.scale)
    digits = _unscaled(array)
    negative = pc.starts_with(digits, "-")
    digits = _joined(pc.utf8_ltrim(digits, "-"), "0" * (scale - array.type.scale))
    if scale:
        digits = pc.utf8_lpad(digits, scale + 1, "0")
        whole, fraction = pc.utf8_slice_codeunits(digits, 0, -scale), pc.utf8_slice_codeunits(digits, -scale)
        digits = pc.binary_join_element_wise(whole, fraction, ".")
    return pc.if_else(negative, _joined("-", digits), digits)


def _joined(left: pa.Array | str, right: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(left, right, "")


def _unscaled(array: pa.Array) -> pa.Array:
    """Return the digits of decimals without their point, as texts. Arrow's own text of a decimal has an exponent."""
    of_width = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[array.type.bit_width]
    whole = of_width(array.type.precision, 0)
    return pa.Array.from_buffers(whole, len(array), array.buffers(), offset=array.offset).cast(pa.string())


def exact_number(array: pa.Array, metadata: Mapping[bytes, bytes]) -> pa.Array:
    """Return durations as int64, in the union's unit.

    Raises
    ------
    ArrowInvalid
        If one is beyond int64 in that unit.
    """
    unit = metadata.get(_UNIT, array.type.unit.encode()).decode()
    return array.cast(pa.duration(unit)).cast(pa.int64())
