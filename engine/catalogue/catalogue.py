"""The catalogue as planning, estimates and faces ask it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from consumer.settings import Settings
from engine.archive import Archive, ArchiveFile, Footer
from engine.surveys import Survey

__all__ = ["Catalogue", "open_catalogue"]


class Catalogue:
    """What is known of an archive's files; perhaps nothing.

    Parameters
    ----------
    archive
        Whose files.
    settings
        Where the TNS catalogue is.
    """

    def __init__(self, archive: Archive, settings: Settings):
        self._archive = archive
        self._settings = settings

    def known(self, files: Sequence[ArchiveFile]) -> dict[str, Footer]:
        """Return path -> footer of those files that are known as they are now, by path, size and ETag."""
        return {}

    def learned(self, footers: Sequence[Footer]) -> None:
        """Keep footers that had to be read, in the user's cache."""

    def class_counts(
        self, survey: Survey, nights: Sequence[dt.date], *, files: Sequence[ArchiveFile] | None = None
    ) -> dict[dt.date, dict[str, dict[str, int]]]:
        """Return night -> class column -> label -> alerts, of nights whose files are all known and unchanged.

        Parameters
        ----------
        survey
            Whose class columns.
        nights
            Which nights.
        files
            What a listing of these nights has found; None lists them now.
        """
        return {}


def open_catalogue(archive: Archive, settings: Settings) -> Catalogue:
    """Return the catalogue of an archive; nothing is read before it is asked."""
    return Catalogue(archive, settings)
