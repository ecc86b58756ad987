"""Files of the user's cache, written whole."""

from __future__ import annotations

import logging
from pathlib import Path

from consumer.settings import write_cached

__all__ = ["write_whole"]

_log = logging.getLogger("alert_transfer.estimates")


def write_whole(file: Path, text: str, *, most: int) -> None:
    """Write a file of the cache such that a reader finds all of it or the one before; tell in the log if it fails.

    Of its folder the newest `most` files stay.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_cached(file, text, most=most)
    except OSError as exc:
        _log.warning("%s can't be written, so it is not kept: %s", file, exc)
