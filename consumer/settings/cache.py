"""The user's cache: what was fetched or found out at some cost, and may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """Return a folder of the user's cache, there or not: in `$ALERT_TRANSFER_CACHE`, else where the system keeps such.

    The latter is `alert-transfer` in `$XDG_CACHE_HOME` or `~/.cache`, on a Mac in `~/Library/Caches`.
    """
    if given := os.environ.get("ALERT_TRANSFER_CACHE"):
        return Path(given).expanduser().absolute() / name
    import platformdirs  # here: most commands need no cache

    return platformdirs.user_cache_path("alert-transfer").absolute() / name
