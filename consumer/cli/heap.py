"""How a command's process keeps memory that it has done with."""

from __future__ import annotations

import ctypes
import platform

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_… of glibc's malloc.h
_KEPT_NBYTES = 256 * 1024 * 1024


def keep_freed_memory() -> None:
    """Have glibc keep large blocks that are freed, for the next of their size; elsewhere do nothing.

    Chunks of messages and columns have some 30 MB each, and glibc hands such blocks back at once. To get them anew,
    page by page, takes a quarter of what fetching large alerts costs the system. Of the process, so nothing for a
    library to do: it is called by commands alone.
    """
    if platform.libc_ver()[0] == "glibc":
        malloc = ctypes.CDLL(None)
        malloc.mallopt(_MMAP_THRESHOLD, _KEPT_NBYTES)
        malloc.mallopt(_TRIM_THRESHOLD, _KEPT_NBYTES)
