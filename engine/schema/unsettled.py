"""A field of the schema union that has no type, since its files disagree or hold what can't leave.

Such a field stands in the union like any other, and stops nothing until a job uses it. Its type holds the error that is
raised then.
"""

from __future__ import annotations

import json

import pyarrow as pa

from engine.errors import ArchiveError
from engine.schema.paths import names_along

__all__ = ["Unsettled", "check_settled", "field_at", "first_unsettled"]


class Unsettled(pa.ExtensionType):
    """The type of a field that has none.

    Parameters
    ----------
    message, accepted, next_step
        Of the error that tells it.
    types
        What the files have, in short: `int32 or string`.
    """

    def __init__(self, message: str, accepted: str, next_step: str, types: str):
        self.message, self.accepted, self.next_step, self.types = message, accepted, next_step, types
        super().__init__(pa.null(), "alert_transfer.unsettled")

    def __arrow_ext_serialize__(self) -> bytes:
        return json.dumps([self.message, self.accepted, self.next_step, self.types]).encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> Unsettled:
        return cls(*json.loads(serialized))

    def __reduce__(self) -> tuple[type[Unsettled], tuple[str, ...]]:
        return Unsettled, (self.message, self.accepted, self.next_step, self.types)


def first_unsettled(type_: pa.DataType) -> Unsettled | None:
    """Return the first type within a type, itself included, that is not settled."""
    if isinstance(type_, Unsettled):
        return type_
    inside = (first_unsettled(type_.field(i).type) for i in range(type_.num_fields))
    return next((found for found in inside if found is not None), None)


def check_settled(type_: pa.DataType, way_out: str = "") -> None:
    """Raise if a type that is to be used, or anything within it, is not settled.

    Parameters
    ----------
    type_
        Of a field of the union.
    way_out
        What the user may do apart from choosing other nights, to follow `, or`.

    Raises
    ------
    ArchiveError
        With what the files have instead.
    """
    found = first_unsettled(type_)
    if found is not None:
        next_step = f"{found.next_step}, or {way_out}" if way_out else found.next_step
        raise ArchiveError(found.message, accepted=found.accepted, next_step=next_step)


def field_at(union: pa.Schema, path: str) -> pa.Field | None:
    """Return the field of a schema union at a path through structs, or None where there is none.

    Raises
    ------
    ArchiveError
        If what it would be inside of is not settled.
    """
    root, *rest = names_along(union, path)
    if root not in union.names:
        return None
    field = union.field(root)
    for name in rest:
        if not pa.types.is_struct(field.type):
            check_settled(field.type)
            return None
        if field.type.get_field_index(name) < 0:
            return None
        field = field.type.field(name)
    return field
