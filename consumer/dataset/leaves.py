"""How each leaf of a Parquet file is written: what is worth compressing, a dictionary and statistics.

It depends on the rows of the file alone, so the same rows are the same file, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["leaf_options"]

# How what is compressed already begins: gzip, bzip2, zstd, xz, JPEG, PNG.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"\xff\xd8\xff", b"\x89PNG")
# To set a compressor up takes longer than to write so few numbers. Beside images they count for nothing in a file's
# size; without images they are what it consists of. Texts and lists of few rows beside images are worth compressing, by
# what needs hardly any setting up; a dictionary of texts is another page, and makes nothing smaller.
_FEW_ROWS = 512


@dataclass(frozen=True, kw_only=True)
class _Leaf:
    path: str
    """Its name in Parquet."""
    type: pa.DataType
    steps: tuple[str, ...] | None
    """Names from the root column on, None where lists are on the way."""


def leaf_options(schema: pa.Schema, rows: pa.Table) -> dict[str, Any]:
    """Return what a `ParquetWriter` is to know of the leaves of a schema.

    Parameters
    ----------
    schema
        Of the file.
    rows
        The first rows of the file, as they come.
    """
    leaves = _leaves_of(schema)
    is_small = rows.num_rows < _FEW_ROWS and any(pa.types.is_binary(leaf.type) for leaf in leaves)
    return {
        "compression": {leaf.path: _compression(leaf, rows, is_small=is_small) for leaf in leaves},
        # Measurements are seldom equal: with dictionaries of them files of real alerts of three surveys are larger, by
        # 1 to 20 %, and take half as long again to write.
        "use_dictionary": [leaf.path for leaf in leaves if pa.types.is_string(leaf.type) and not is_small],
        # Readers pass over row groups by the least and greatest value of a column, or of a field in one. None does so
        # by values inside of lists, or by images.
        "write_statistics": [leaf.path for leaf in leaves if leaf.steps and not pa.types.is_binary(leaf.type)],
    }


@lru_cache(maxsize=4)
def _leaves_of(schema: pa.Schema) -> tuple[_Leaf, ...]:
    """Return the leaves of a schema; by class there are hundreds of files of one."""
    return tuple(leaf for field in schema for leaf in _leaves(field.type, field.name, (field.name,)))


def _leaves(kind: pa.DataType, path: str, steps: tuple[str, ...] | None) -> Iterator[_Leaf]:
    """Yield the leaves of a type."""
    if pa.types.is_struct(kind):
        for inner in kind:
            yield from _leaves(inner.type, f"{path}.{inner.name}", steps and (*steps, inner.name))
    elif pa.types.is_map(kind):
        yield from _leaves(kind.key_type, f"{path}.key_value.key", None)
        yield from _leaves(kind.item_type, f"{path}.key_value.value", None)
    elif pa.types.is_list(kind):
        yield from _leaves(kind.value_type, f"{path}.list.element", None)
    else:
        yield _Leaf(path=path, type=kind, steps=steps)


def _compression(leaf: _Leaf, rows: pa.Table, *, is_small: bool) -> str:
    """Return how a leaf is to be compressed."""
    is_image = pa.types.is_binary(leaf.type)
    if is_image and leaf.steps is not None:
        return "none" if _is_compressed(leaf.steps, rows) else "zstd"
    if is_image or not is_small:
        return "zstd"
    return "snappy" if leaf.steps is None or pa.types.is_string(leaf.type) else "none"


def _is_compressed(steps: tuple[str, ...], rows: pa.Table) -> bool:
    """Whether the first image in a leaf is compressed already."""
    root, *inner = steps
    for chunk in rows.column(root).chunks:
        values = pc.struct_field(chunk, inner) if inner else chunk
        for value in values:
            if start := (value.as_py() or b"")[:8]:
                return start.startswith(_COMPRESSED)
    return False
