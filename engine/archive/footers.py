"""What is taken out of the footers of Parquet files: schema, row groups, sizes, and what their statistics tell."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from engine.archive.footer import ArchiveFile, Footer, Leaves
from engine.storage import ParsedFooter, footer_crc

__all__ = ["FooterMaker"]

_MOST_HEADS = 64


@dataclass(frozen=True, kw_only=True)
class _Head:
    """How a footer begins and what it repeats of Arrow's schema: footers that are equal in both have one schema."""

    begins: bytes
    arrow: bytes
    schema: pa.Schema
    leaves: Leaves


class FooterMaker:
    """Makes `Footer` of what files' footers say; those of files with one schema share it. For one thread.

    Parameters
    ----------
    with_nulls
        Whether they shall say how many nulls each column has.
    ranges_of
        Leaf columns of which they shall say between which values they lie.
    """

    def __init__(self, with_nulls: bool = False, ranges_of: Sequence[str] = ()):
        self._with_nulls = with_nulls
        self._ranges_of = frozenset(ranges_of)
        self._heads: list[_Head] = []
        """Those met last, the latest first."""
        self._schemas: dict[bytes, pa.Schema] = {}

    def footer_of(self, file: ArchiveFile, parsed: ParsedFooter) -> Footer:
        """Return what a file's footer says, and the file with the CRC and the length of its footer."""
        metadata, head = parsed.metadata, self._head(parsed)
        row_groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        places = range(len(head.leaves.paths))
        sizes = [[row_group.column(place).total_uncompressed_size for place in places] for row_group in row_groups]
        return Footer.of(
            replace(file, footer_crc=footer_crc(metadata), footer_nbytes=parsed.nbytes),
            head.schema,
            (row_group.num_rows for row_group in row_groups),
            head.leaves,
            sizes,
            _nulls(row_groups, len(places)) if self._with_nulls else None,
            self._ranges(row_groups, head.leaves) if self._ranges_of else None,
        )

    def _head(self, parsed: ParsedFooter) -> _Head:
        """Return schema and leaves. To have Arrow make them takes as long as all the rest: it does so once for each."""
        arrow = parsed.arrow_bytes()
        for place, head in enumerate(self._heads):
            if parsed.begins_with(head.begins) and arrow == head.arrow:
                if place:
                    self._heads.insert(0, self._heads.pop(place))
                return head
        schema = parsed.arrow_schema().remove_metadata()
        # By its bytes, since a schema with unknown extension types can't be hashed.
        print_ = hashlib.blake2b(schema.serialize(), digest_size=16).digest()
        columns = parsed.metadata.schema
        head = _Head(
            begins=parsed.schema_bytes(),
            arrow=arrow,
            schema=self._schemas.setdefault(print_, schema),
            leaves=Leaves.of(columns.column(i).path for i in range(len(columns))),
        )
        if head.begins:
            self._heads.insert(0, head)
            del self._heads[_MOST_HEADS:]
        return head

    def _ranges(self, row_groups: Sequence[pq.RowGroupMetaData], leaves: Leaves) -> dict[str, tuple[float, float]]:
        """Return leaf -> its least and greatest value, of the numbers that the statistics of each row group tell."""
        found = {}
        for place in leaves.below(tuple(self._ranges_of)):
            column = leaves.paths[place]
            ranges = [
                (statistics.min, statistics.max)
                for group in row_groups
                if (statistics := group.column(int(place)).statistics) is not None
                and statistics.has_min_max
                and isinstance(statistics.min, int | float)
            ]
            if column in self._ranges_of and ranges and len(ranges) == len(row_groups):
                found[column] = (min(least for least, _ in ranges), max(greatest for _, greatest in ranges))
        return found


def _nulls(row_groups: Sequence[pq.RowGroupMetaData], num_leaves: int) -> list[int]:
    """Return the nulls of each leaf in the file, -1 where its statistics don't say."""
    counts = [0] * num_leaves
    for row_group in row_groups:
        for place in range(num_leaves):
            statistics = row_group.column(place).statistics
            if statistics is None or not statistics.has_null_count or counts[place] < 0:
                counts[place] = -1
            else:
                counts[place] += statistics.null_count
    return counts
