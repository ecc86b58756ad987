"""Fragments: what the files of an archive are cut into, by what their footers say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.archive.footer import ArchiveFile, Footer
from engine.schema import once_a_schema, union_schemas

__all__ = [
    "Fragment",
    "average_nbytes",
    "cut_fragments",
    "newest_first",
    "unite",
    "with_alerts",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fragment:
    """Whole row groups of one file; the unit of work of a transfer."""

    number: int
    """Position in the plan; part of each message key."""
    file: ArchiveFile
    row_groups: tuple[int, ...]
    row_group_alerts: tuple[int, ...]
    """Alerts in each of the row groups."""
    lacking: tuple[str, ...] = ()
    """Class columns that the file does not have, so that they are computed."""
    file_alerts: int | None = None
    """All alerts that the file has by the plan; None where the fragment is not a plan's."""

    @property
    def num_alerts(self) -> int:
        """Alerts in the fragment."""
        return sum(self.row_group_alerts)


def with_alerts(footers: Sequence[Footer]) -> list[Footer]:
    """Return the footers of files that hold alerts, or all if none does.

    What a file without a row calls its columns says nothing: pandas writes an empty table's as floats.
    """
    return [footer for footer in footers if any(footer.row_groups)] or list(footers)


def unite(footers: Sequence[Footer], *, widen: Iterable[str] = (), as_text: Iterable[str] = ()) -> pa.Schema:
    """Return the schema union of files; fields keep the order of the newest night. See `union_schemas`.

    Parameters
    ----------
    footers
        In any order.
    widen, as_text
        See `union_schemas`.

    Raises
    ------
    ArchiveError
        If `widen` names a field in which integers and floats do not meet.
    """
    return union_schemas([(f.file.path, f.schema) for f in newest_first(footers)], widen, as_text)


def newest_first(footers: Iterable[Footer]) -> list[Footer]:
    """Return footers by night, the newest first, and by path."""
    return sorted(footers, key=lambda f: (-f.file.night.toordinal(), f.file.path))


def average_nbytes(footers: Sequence[Footer], columns: Sequence[str]) -> int:
    """Return the uncompressed bytes that root columns, or paths inside them, have an alert."""
    total = sum(sum(footer.all_nbytes_of(columns)) for footer in footers)
    return total // max(sum(sum(footer.row_groups) for footer in footers), 1)


def cut_fragments(
    footers: Sequence[Footer],
    columns: Sequence[str],
    *,
    target_nbytes: int,
    max_alerts: int,
    max_row_groups: int | None = None,
    class_columns: Sequence[str] = (),
) -> list[Fragment]:
    """Return the fragments of files: neighbouring row groups together until they hold `target_nbytes`.

    Parameters
    ----------
    footers
        In the archive's order (night, file).
    columns
        Root columns or paths inside them that will be read; their uncompressed bytes are what counts.
    target_nbytes, max_alerts, max_row_groups
        A fragment is closed when it has reached one of them.
    class_columns
        Root columns whose absence a fragment notes.
    """
    fragments: list[Fragment] = []
    lacking_in = once_a_schema(lambda schema: tuple(name for name in class_columns if _lacks(schema, name)))

    def close(footer: Footer, groups: list[int]) -> None:
        if groups:
            alerts = tuple(footer.row_groups[group] for group in groups)
            fragments.append(
                Fragment(
                    number=len(fragments),
                    file=footer.file,
                    row_groups=tuple(groups),
                    row_group_alerts=alerts,
                    lacking=lacking_in(footer.schema),
                    file_alerts=sum(footer.row_groups),
                )
            )

    for footer in footers:
        groups: list[int] = []
        nbytes = alerts = 0
        sizes = footer.all_nbytes_of(columns)
        for group, num_alerts in enumerate(footer.row_groups):
            groups.append(group)
            alerts += num_alerts
            nbytes += sizes[group]
            if nbytes >= target_nbytes or alerts >= max_alerts or len(groups) == max_row_groups:
                close(footer, groups)
                groups, nbytes, alerts = [], 0, 0
        close(footer, groups)
    return fragments


def _lacks(schema: pa.Schema, name: str) -> bool:
    index = schema.get_field_index(name)
    return index < 0 or pa.types.is_null(schema.field(index).type)
