"""What completion in the shell remembers of archives, so that it need not read one at each press of a key.

It lies in the user's cache folder, and is written only once a shell has asked for a completion.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumer.settings import cache_folder, write_cached

__all__ = ["last_archive", "note_archive", "remember", "remembered", "start_remembering"]

_MOST_ARCHIVES = 50
_LAST = "last"


def note_archive(url: str) -> None:
    """Remember which archive was used last."""
    if "@" not in url.partition("://")[2].partition("/")[0]:  # no password lies about
        _write(_LAST, {"archive": url})


def last_archive() -> str | None:
    """Return the archive that was used last, if it is known."""
    found = _read(_LAST)
    return None if found is None else str(found["archive"])


def remember(url: str, facts: Mapping[str, Any]) -> None:
    """Remember facts of an archive, as JSON has them."""
    _write(_name_of(url), {"archive": url, "at": time.time(), **facts})


def remembered(url: str) -> dict[str, Any] | None:
    """Return what is remembered of an archive, with `at`, when it was (Unix time, seconds)."""
    found = _read(_name_of(url))
    return found if found is not None and found.get("archive") == url else None


def start_remembering() -> None:
    """Make the folder, without which nothing is written."""
    with contextlib.suppress(OSError):  # then nothing is remembered
        _folder().mkdir(parents=True, exist_ok=True)


def _folder() -> Path:
    return cache_folder("completion")


def _name_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def _read(name: str) -> dict[str, Any] | None:
    try:
        found = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "archive" in found else None


def _write(name: str, document: Mapping[str, Any]) -> None:
    folder = _folder()
    if not folder.is_dir():
        return
    # It only serves the next completion: a command must not fail for it.
    with contextlib.suppress(OSError):
        write_cached(folder / f"{name}.json", json.dumps(document), most=_MOST_ARCHIVES)
