"""What is taken out of the footer of a Parquet file: schema, row groups, sizes, and what its statistics tell."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import replace

import pyarrow.parquet as pq

from engine.archive.fragments import ArchiveFile, Footer

__all__ = ["footer_of"]


def footer_of(
    file: ArchiveFile, parquet: pq.ParquetFile, with_nulls: bool = False, ranges_of: Sequence[str] = ()
) -> Footer:
    """Return what a file's footer says, and the file with the CRC of its footer.

    Parameters
    ----------
    file, parquet
        The file, and its footer as Arrow has read it.
    with_nulls
        Whether it shall say how many nulls each column has.
    ranges_of
        Leaf columns of which it shall say between which values they lie.
    """
    metadata = parquet.metadata
    sizes = []
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        chunks = (row_group.column(i) for i in range(row_group.num_columns))
        sizes.append({chunk.path_in_schema: chunk.total_uncompressed_size for chunk in chunks})
    footer = io.BytesIO()
    metadata.write_metadata_file(footer)
    return Footer(
        file=replace(file, footer_crc=f"{zlib.crc32(footer.getbuffer()):08x}"),
        schema=parquet.schema_arrow,
        row_groups=tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)),
        column_nbytes=tuple(sizes),
        null_counts=_null_counts(metadata) if with_nulls else {},
        ranges=_ranges(metadata, ranges_of) if ranges_of else {},
    )


def _null_counts(metadata: pq.FileMetaData) -> dict[str, int | None]:
    counts: dict[str, int | None] = {}
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for chunk in map(row_group.column, range(row_group.num_columns)):
            statistics = chunk.statistics
            known = statistics is not None and statistics.has_null_count
            before = counts.get(chunk.path_in_schema, 0)
            counts[chunk.path_in_schema] = before + statistics.null_count if known and before is not None else None
    return counts


def _ranges(metadata: pq.FileMetaData, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return column -> its least and greatest value, of the numbers that the statistics of each row group tell."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row_group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(row_group.column, range(row_group.num_columns)):
            statistics = chunk.statistics if chunk.path_in_schema in columns else None
            if statistics is not None and statistics.has_min_max and isinstance(statistics.min, int | float):
                found.setdefault(chunk.path_in_schema, []).append((statistics.min, statistics.max))
    return {
        column: (min(least for least, _ in ranges), max(greatest for _, greatest in ranges))
        for column, ranges in found.items()
        if len(ranges) == metadata.num_row_groups
    }
