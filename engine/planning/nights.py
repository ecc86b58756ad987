"""What the archive has in the chosen nights: listed once, and the footers read once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from consumer.settings import Settings
from engine.archive import Archive, ArchiveFile, Footer, Listing, unite, with_alerts
from engine.errors import ArchiveError, RequestError
from engine.planning.notes import notes_on_listing
from engine.request import TransferRequest
from engine.surveys import Survey

__all__ = ["ChosenNights", "read_nights"]


@dataclass(frozen=True, kw_only=True)
class ChosenNights:
    """What a listing and the footers say of the chosen nights."""

    archive: Archive
    wanted: tuple[dt.date, ...]
    listing: Listing
    files: tuple[ArchiveFile, ...]
    """Those that can be read."""
    unreadable: tuple[tuple[ArchiveFile, str], ...]
    """The others, and why."""
    footers: tuple[Footer, ...]
    """Of the files with alerts, or of all if none has any."""
    union: pa.Schema
    """The schema union of these files."""

    @property
    def without_data(self) -> tuple[dt.date, ...]:
        """Nights that are asked for and that have no file."""
        held = {file.night for file in self.listing.files}
        return tuple(night for night in self.wanted if night not in held)


def read_nights(
    request: TransferRequest, settings: Settings, survey: Survey, progress: Callable[[int, int], None] | None = None
) -> ChosenNights:
    """List the chosen nights and read their footers.

    Parameters
    ----------
    request, settings
        What is asked for, and where the archive is, if the request does not say.
    survey
        Whose alerts they are.
    progress
        Called as `progress(done, total)` while footers are read.

    Raises
    ------
    RequestError
        If nothing names an archive, or `widen` a field in which integers and floats do not meet.
    ArchiveError
        If the archive has none of the nights, or a file can't be read and the request does not allow to leave it out.
    """
    url = request.archive or settings.archive
    if url is None:
        raise RequestError(
            "the request names no archive",
            accepted="the root that holds year=…/month=…/day=…, a path or a URL",
            next_step="give --archive URL, or set it in the configuration",
        )
    archive = Archive(url, settings.storage_options)
    wanted = request.dates()
    listing = archive.listing(wanted)
    if not listing.files:
        raise _no_data(archive, wanted, listing)
    unreadable: list[tuple[ArchiveFile, str]] = []
    read = archive.footers(listing.files, progress, unreadable if request.skip_unreadable else None)
    if not read:
        raise ArchiveError(
            f"none of the {len(listing.files)} files of these nights can be read; the first: {unreadable[0][1]}",
            next_step="repair them, or choose other nights",
        )
    footers = with_alerts(read)
    return ChosenNights(
        archive=archive,
        wanted=tuple(wanted),
        listing=listing,
        files=tuple(footer.file for footer in read),
        unreadable=tuple(unreadable),
        footers=tuple(footers),
        union=unite(footers, widen=request.widen, as_text=survey.night_columns),
    )


def _no_data(archive: Archive, wanted: list[dt.date], listing: Listing) -> ArchiveError:
    nights = archive.nights()
    asked = wanted[0].isoformat() if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
    asked = "; ".join([asked, *notes_on_listing(listing)])
    if not nights:
        return ArchiveError(f"the archive at {archive.shown!r} is empty: it has no night")
    near = sorted(sorted(nights, key=lambda night: abs((night - wanted[0]).days))[:5])
    return ArchiveError(
        f"the archive has no data of {asked}",
        accepted=f"nights from {nights[0]} to {nights[-1]}, {len(nights)} in all; near it: {', '.join(map(str, near))}",
        next_step="choose among them; list them with: alert-transfer archive info",
    )
