"""Which leaves are taken from their pages for a few rows, and how they go back into the columns they belong to.

The large leaves of bytes, such as stamps: Arrow would decode all of them for the few that are wanted. All others are
read by Arrow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.chunk_values import Picked
from engine.storage.dictionaries import CODECS
from engine.storage.layout import Layout

__all__ = ["pickable", "picked_array", "put_together"]

_LARGE_NBYTES = 1024
"""Values that are shorter on average are decoded as fast as they are found."""
_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}


def pickable(
    layout: Layout, metadata: pq.FileMetaData, row_groups: Sequence[int], places: Sequence[int]
) -> tuple[int, ...]:
    """Return those of the leaves at `places` whose values can be taken from their pages, and are large."""
    of_bytes = layout.once(("leaves of bytes",), lambda: _leaves_of_bytes(layout))
    return tuple(
        place
        for place in places
        if place in of_bytes and all(_is_large(metadata.row_group(group), place) for group in row_groups)
    )


def _is_large(group: pq.RowGroupMetaData, place: int) -> bool:
    chunk = group.column(place)
    return (
        chunk.compression in CODECS
        and _ENCODINGS.issuperset(chunk.encodings)
        and chunk.num_values == group.num_rows
        and chunk.total_uncompressed_size > _LARGE_NBYTES * group.num_rows
    )


def _leaves_of_bytes(layout: Layout) -> frozenset[int]:
    """Return the places of leaves of bytes that stand in structs alone."""
    found: set[int] = set()

    def walk(field: pa.Field, place: int, level: int) -> int:
        level += field.nullable
        if pa.types.is_struct(field.type):
            for child in field.type:
                place = walk(child, place, level)
            return place
        if field.type in (pa.binary(), pa.large_binary()) and place < len(layout.paths):
            column = layout.parquet.column(place)
            is_as_read = (column.max_repetition_level, column.max_definition_level) == (0, level)
            if layout.kinds[place] == "BYTE_ARRAY" and is_as_read:
                found.add(place)
        return place + _num_leaves(field.type)

    num_leaves = 0
    for field in layout.schema:
        num_leaves = walk(field, num_leaves, 0)
    # Or else the leaves are not where Arrow's schema says.
    return frozenset(found) if num_leaves == len(layout.paths) else frozenset()


def _num_leaves(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _num_leaves(kind.storage_type)
    if pa.types.is_dictionary(kind) or not pa.types.is_nested(kind):
        return 1
    return sum(_num_leaves(kind.field(number).type) for number in range(kind.num_fields))


def picked_array(picked: Picked, kind: pa.DataType) -> pa.Array:
    """Return values as an array of `binary` or `large_binary`."""
    validity = None if picked.is_there.all() else pa.array(picked.is_there).buffers()[1]
    offsets = picked.offsets.astype(np.int64 if kind == pa.large_binary() else np.int32)
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(picked.data)]
    return pa.Array.from_buffers(kind, len(picked.is_there), buffers)


def put_together(
    schema: pa.Schema,
    places: Collection[int],
    read: pa.RecordBatch | None,
    picked: Mapping[int, Picked],
) -> pa.RecordBatch:
    """Return rows with the leaves at some places, as Arrow would read them.

    Parameters
    ----------
    schema
        The file's.
    places
        Of all leaves that are wanted.
    read
        What Arrow read: the leaves that are not picked; None if all are.
    picked
        The others, by place.
    """
    fields, arrays, place, column = [], [], 0, 0
    for field in schema:
        end = place + _num_leaves(field.type)
        inside = [one for one in places if place <= one < end]
        if inside:
            there = None
            if read is not None and not picked.keys() >= set(inside):
                there = (read.schema.field(column), read.column(column))
                column += 1
            made, array = _Builder(places, picked).build(field, place, 0, there)
            fields.append(made)
            arrays.append(array)
        place = end
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


class _Builder:
    def __init__(self, places: Collection[int], picked: Mapping[int, Picked]):
        self._places = places
        self._picked = picked

    def build(
        self, field: pa.Field, place: int, level: int, read: tuple[pa.Field, pa.Array] | None
    ) -> tuple[pa.Field, pa.Array]:
        """Return a field with the leaves that are wanted of it."""
        end = place + _num_leaves(field.type)
        picked = [one for one in self._picked if place <= one < end]
        if not picked:
            assert read is not None
            return read
        if not pa.types.is_struct(field.type):
            return field, picked_array(self._picked[place], field.type)
        level += field.nullable
        children, column, at = [], 0, place
        for child in field.type:
            after = at + _num_leaves(child.type)
            inside = {one for one in self._places if at <= one < after}
            if inside:
                there = None
                if read is not None and not self._picked.keys() >= inside:
                    there = (read[0].type.field(column), read[1].field(column))
                    column += 1
                children.append(self.build(child, at, level, there))
            at = after
        arrays, fields = [array for _, array in children], [made for made, _ in children]
        mask = self._mask(field, level, read, self._picked[picked[0]])
        made = pa.field(field.name, pa.struct(fields), field.nullable, field.metadata)
        return made, pa.StructArray.from_arrays(arrays, fields=fields, mask=mask)

    @staticmethod
    def _mask(
        field: pa.Field, level: int, read: tuple[pa.Field, pa.Array] | None, picked: Picked
    ) -> pa.BooleanArray | None:
        """Return where a struct is null."""
        if not field.nullable:
            return None
        if read is not None:
            return read[1].is_null() if read[1].null_count else None
        assert picked.definitions is not None
        missing = picked.definitions < level
        return pa.array(missing) if missing.any() else None
