"""Where the catalogue of an archive lies: beside its root, or in the user's cache. Never below the root."""

from __future__ import annotations

import hashlib
import json

from consumer.settings import cache_folder, masked
from engine.archive import Archive
from engine.storage import Store, without_password

__all__ = ["beside_archive", "in_users_cache"]

_BESIDE = ".catalogue"


def beside_archive(archive: Archive) -> Store | None:
    """Return the folder beside an archive's root; None where there is no such place: the root has nothing above it.

    What follows a bucket or a host by a dot would be another's bucket or host.
    """
    root = Store(archive.url, archive.storage_options)
    if root.is_local:
        path = root.root.rstrip("/")
        return Store(f"{path}{_BESIDE}", archive.storage_options) if path else None
    url = archive.url.rstrip("/")
    _, _, place = url.rpartition("://")
    if "/" not in place or "?" in url or "#" in url:
        return None
    return Store(f"{url}{_BESIDE}", archive.storage_options)


def in_users_cache(archive: Archive) -> Store:
    """Return the folder in the user's cache that an archive has there, by its URL."""
    root = Store(archive.url, archive.storage_options)
    name = root.real_path(root.root) if root.is_local else without_password(archive.url).rstrip("/")
    # The same URL at two endpoints is two archives.
    options = json.dumps(masked(archive.storage_options), sort_keys=True, default=str)
    digest = hashlib.sha256(f"{name}\n{options}".encode()).hexdigest()[:16]
    return Store(str(cache_folder("catalogues") / digest), {})
