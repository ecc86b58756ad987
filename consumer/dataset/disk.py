"""What is asked of the disk: to keep a file or the entries of a folder for good, and whether it tells names by case."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["DRAFT", "ignores_case", "make_folders", "sync", "sync_all", "write_file"]

DRAFT = ".tmp"
"""End of the name of a file that `write_file` has not finished."""

_SYNCED_AT_ONCE = 8
_FEW = 4
"""So many are synced sooner than threads are begun."""

# Errors of systems that can't be told to write the entries of a folder to disk: some network drives, all of Windows.
_NO_SYNC = {
    *(errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF),
    *(errno.EACCES, errno.EPERM, errno.EISDIR),
}


def write_file(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    draft = path.with_name(path.name + DRAFT)
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the disk has a file's content or a folder's entries; the latter where the system can do that."""
    is_folder = path.is_dir()
    try:
        # Windows syncs only what is open for writing.
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        if not is_folder or exc.errno not in _NO_SYNC:
            raise


def sync_all(paths: Iterable[Path]) -> None:
    """Do what `sync` does with each path, some at a time: the disk takes hardly longer for several than for one.

    Raises
    ------
    OSError
        What `sync` raised of the first of them that it raised anything of.
    """
    listed = list(paths)
    if len(listed) < _FEW:
        for path in listed:
            sync(path)
        return
    with ThreadPoolExecutor(_SYNCED_AT_ONCE, thread_name_prefix="alert-transfer syncing") as pool:
        for done in [pool.submit(sync, path) for path in listed]:
            done.result()


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those whose entries changed."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return [path.parent for path in missing]


def ignores_case(folder: Path) -> bool:
    """Whether names that differ only in their capitals are one name in a folder; tried there, nothing is left of it."""
    # The name is one that readers pass over, in case this process is killed in between.
    trial = folder / "case=probe"
    trial.mkdir(exist_ok=True)
    try:
        return (folder / "CASE=PROBE").exists()
    finally:
        trial.rmdir()
