"""The archive that a user names, or else the configuration."""

from __future__ import annotations

from consumer.settings import Settings
from engine.archive.archive import Archive
from engine.errors import RequestError

__all__ = ["configured_archive"]


def configured_archive(url: str | None, settings: Settings) -> Archive:
    """Return the archive at a URL; of None, the configuration's.

    Raises
    ------
    RequestError
        If neither names one.
    """
    if (place := url or settings.archive) is None:
        raise RequestError("no archive is given", next_step="give --archive URL, or set it in the configuration")
    return Archive(place, settings.storage_options)
