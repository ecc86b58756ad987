"""Files of the user's cache, written whole."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]

_log = logging.getLogger("alert_transfer.estimates")


def write_whole(file: Path, text: str, *, most: int) -> None:
    """Write a file of the cache such that a reader finds all of it or the one before; tell in the log if it fails.

    Of its folder the newest `most` files stay.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, suffix=".new", delete=False) as new:
            new.write(text)
        os.replace(new.name, file)
        kept = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in kept[:-most]:
            old.unlink(missing_ok=True)
    except OSError as exc:
        _log.warning("%s can't be written, so it is not kept: %s", file, exc)
