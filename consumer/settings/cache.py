"""The user's cache: what was fetched or found out at some cost, and may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "write_cached"]


def cache_folder(name: str) -> Path:
    """Return a folder of the user's cache, there or not: in `$ALERT_TRANSFER_CACHE`, else where the system keeps such.

    The latter is `alert-transfer` in `$XDG_CACHE_HOME` or `~/.cache`, on a Mac in `~/Library/Caches`.
    """
    if given := os.environ.get("ALERT_TRANSFER_CACHE"):
        return Path(given).expanduser().absolute() / name
    import platformdirs  # here: most commands need no cache

    return platformdirs.user_cache_path("alert-transfer").absolute() / name


def write_cached(file: Path, text: str, *, most: int) -> None:
    """Write a JSON file of the cache such that a reader finds all of it or the one before.

    Of its folder, which must be there, the newest `most` files stay.

    Raises
    ------
    OSError
        If it can't be written.
    """
    import tempfile  # here: most commands write no such file

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, suffix=".new", delete=False) as new:
        new.write(text)
    os.replace(new.name, file)
    kept = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-most]:
        old.unlink(missing_ok=True)
