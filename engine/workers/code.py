"""Which code of ours this process runs: a version, and a digest of the files behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["PACKAGE", "loaded_code"]

PACKAGE = "alert-transfer"
_ROOTS = ("consumer", "engine")


@cache
def loaded_code() -> str:
    """Return the version and a digest of all `.py` files of engine and consumer: `0.2.0 (3f9a1c04d2e8)`.

    Taken once a process, some 20 ms, the first time that it is wanted. On a worker that is before the first task of
    ours: if the files change later, the worker still runs what it has imported, and says so.
    """
    digest = hashlib.blake2b(digest_size=6)
    for root in _ROOTS:
        for name, data in sorted(_sources(files(root), root)):
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
    return f"{version(PACKAGE)} ({digest.hexdigest()})"


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, path)
        elif entry.name.endswith(".py"):
            yield path, entry.read_bytes()
