"""What is wrong with a path that a condition names, and what can be written instead."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from engine.conditions.scalar_leaves import nearest, scalar_leaves
from engine.schema import Unsettled, is_list, origin_of

__all__ = ["FieldError", "check_comparable", "check_settled", "not_scalar", "of_list", "unknown_field"]


class FieldError(Exception):
    """A path that names no field, or none that can be compared; `names` are the nearest that do."""

    def __init__(self, message: str, *, names: Sequence[str] = (), next_step: str | None = None):
        super().__init__(message)
        self.message, self.names, self.next_step = message, tuple(names), next_step


def check_comparable(path: str, field: pa.Field) -> None:
    """Refuse a field whose values no condition can compare: decimals, times of day, durations."""
    check_settled(path, field.type)
    origin = origin_of(field)
    if origin:
        # As a text or a number it would compare otherwise than in Spark: '9.50' is after '12.30', '5 s' is not 5.
        raise FieldError(
            f"{path} is of type {origin} in the archive, which no condition can compare",
            next_step=f"select by it in the alerts that come; whether it is there tells {path} IS NOT NULL",
        )


def check_settled(path: str, type_: pa.DataType | None) -> None:
    """Refuse a field on whose type the files disagree."""
    if isinstance(type_, Unsettled):
        raise FieldError(
            f"{path} can't be in a condition: {type_.message}",
            next_step=f"compare other fields, or {type_.next_step}",
        )


def unknown_field(schema: pa.Schema, parts: Sequence[str]) -> FieldError:
    """Return the refusal of a path that names nothing, with the nearest that names something."""
    path = ".".join(parts)[:200]
    return FieldError(
        f"there is no field {path}",
        names=nearest(path, list(scalar_leaves(schema))),
        next_step="list the fields with: alert-transfer archive fields",
    )


def not_scalar(path: str, type_: pa.DataType) -> FieldError:
    """Return the refusal of a struct, a map, a list, or of another type that no condition compares."""
    if pa.types.is_struct(type_):
        names = [f"{path}.{member.name}" for member in type_.fields][:5]
        return FieldError(
            f"{path} is a struct, which can't be compared",
            names=names,
            next_step=f"name one of its fields; whether there is a struct at all tells {path} IS NOT NULL",
        )
    if pa.types.is_map(type_):
        return FieldError(
            f"{path} is a map, which can't be compared",
            next_step=f"name one of its keys, as {path}.key; whether there is a map at all tells {path} IS NOT NULL",
        )
    if is_list(type_):
        return FieldError(
            f"{path} is a list, which can't be compared",
            names=[f"size({path})", *of_list(path, [])],
            next_step=f"its size is -1 where there is none; that tells {path} IS NULL, too",
        )
    return FieldError(f"{path} is of type {type_}, which can't be compared", next_step="compare other fields")


def of_list(path: str, inside: Sequence[str]) -> list[str]:
    """Return what can be written for the items of a list, or for a field of them."""
    field = "".join(f".{name}" for name in inside)
    return [f"{path}[0]{field}", f"exists({path}, x -> x{field} …)", f"size(filter({path}, x -> x{field} …))"]
