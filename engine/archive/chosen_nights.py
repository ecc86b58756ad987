"""What the archive has in the chosen nights: listed once, and the footers read once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from engine.archive.archive import Archive
from engine.archive.footer import ArchiveFile, Footer
from engine.archive.footer_source import FooterSource
from engine.archive.fragments import newest_first, with_alerts
from engine.archive.listing import Listing
from engine.errors import ArchiveError
from engine.schema import once_a_schema, type_at, union_schemas

__all__ = ["ChosenNights", "read_nights"]


@dataclass(frozen=True, kw_only=True)
class ChosenNights:
    """What a listing and the footers say of the chosen nights."""

    archive: Archive
    listing: Listing
    files: tuple[ArchiveFile, ...]
    """Those that can be read."""
    unreadable: tuple[tuple[ArchiveFile, str], ...]
    """The others, and why."""
    footers: tuple[Footer, ...]
    """Of the files with alerts, or of all if none has any."""
    schemas: tuple[tuple[str, pa.Schema], ...]
    """Path and schema of the footers' files, the newest night first."""
    union: pa.Schema
    """The schema union of these files."""
    without_data: tuple[dt.date, ...]
    """Nights that are asked for and that have no file."""

    def types_at(self, paths: Iterable[str]) -> dict[str, tuple[pa.DataType | None, ...]]:
        """Return path -> the type that the file of each footer has there, None where it has nothing."""
        found = {}
        for path in dict.fromkeys(paths):
            type_in = once_a_schema(partial(type_at, path=path))
            found[path] = tuple(type_in(footer.schema) for footer in self.footers)
        return found


def read_nights(
    archive: Archive,
    wanted: Sequence[dt.date],
    *,
    widen: Iterable[str] = (),
    as_text: Iterable[str] = (),
    ranges_of: Sequence[str] = (),
    skip_unreadable: bool = False,
    progress: Callable[[int, int], None] | None = None,
    source: FooterSource | None = None,
) -> ChosenNights:
    """List the chosen nights and read their footers.

    Parameters
    ----------
    archive
        Where they are.
    wanted
        The nights, in order.
    widen, as_text
        See `engine.schema.union_schemas`.
    ranges_of
        Leaves of which the footers shall say between which values they lie.
    skip_unreadable
        Whether files that can't be read are left out.
    progress
        Called as `progress(done, total)` while footers are read.
    source
        What knows some of the footers, and learns those that are read.

    Raises
    ------
    ArchiveError
        If the archive has none of the nights, a file can't be read and must not be left out, or `widen` names a field
        in which integers and floats do not meet.
    """
    listing = archive.listing(wanted)
    if not listing.files:
        raise _no_data(archive, wanted, listing)
    unreadable: list[tuple[ArchiveFile, str]] = []
    left_out = unreadable if skip_unreadable else None
    read = archive.footers(listing.files, progress, left_out, ranges_of=ranges_of, source=source)
    if not read:
        raise ArchiveError(
            f"none of the {len(listing.files)} files of these nights can be read; the first: {unreadable[0][1]}",
            next_step="repair them, or choose other nights",
        )
    footers = with_alerts(read)
    schemas = tuple((footer.file.path, footer.schema) for footer in newest_first(footers))
    held = {file.night for file in listing.files}
    return ChosenNights(
        archive=archive,
        listing=listing,
        files=tuple(footer.file for footer in read),
        unreadable=tuple(unreadable),
        footers=tuple(footers),
        schemas=schemas,
        union=union_schemas(schemas, widen, as_text),
        without_data=tuple(night for night in wanted if night not in held),
    )


def _no_data(archive: Archive, wanted: Sequence[dt.date], listing: Listing) -> ArchiveError:
    nights = archive.nights()
    asked = wanted[0].isoformat() if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
    asked = "; ".join([asked, *listing.notes])
    if not nights:
        return ArchiveError(f"the archive at {archive.shown!r} is empty: it has no night")
    near = sorted(sorted(nights, key=lambda night: abs((night - wanted[0]).days))[:5])
    return ArchiveError(
        f"the archive has no data of {asked}",
        accepted=f"nights from {nights[0]} to {nights[-1]}, {len(nights)} in all; near it: {', '.join(map(str, near))}",
        next_step="choose among them; list them with: alert-transfer archive info",
    )
