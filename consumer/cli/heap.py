"""How a command's process takes memory, and keeps what it has done with.

Of the process, so nothing for a library to do: it is called by commands alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

__all__ = ["keep_freed_memory", "use_system_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_… of glibc's malloc.h
_KEPT_NBYTES = 256 * 1024 * 1024
"""Of one block."""
_KEPT_IN_ALL_NBYTES = 1024 * 1024 * 1024
_POOL = "ARROW_DEFAULT_MEMORY_POOL"


def use_system_memory() -> None:
    """Have Arrow take its memory from glibc as all else does; nothing happens elsewhere, or once Arrow is loaded.

    Its own allocator gives freed memory back, and takes it anew page by page: that costs a tenth of what fetching large
    alerts takes. And what each of the two keeps, the other can't use.
    """
    if not _is_glibc() or _POOL in os.environ or "pyarrow" in sys.modules:
        return
    os.environ[_POOL] = "system"
    try:
        import pyarrow  # noqa: F401  # it looks once, when it is loaded
    finally:
        del os.environ[_POOL]  # nothing for processes that are started here


def keep_freed_memory() -> None:
    """Have glibc keep large blocks that are freed, for the next of their size; elsewhere do nothing.

    Chunks of messages have some 60 MB each, columns up to 15, and glibc hands such blocks back at once. To get them
    anew, page by page, takes a quarter of what fetching large alerts costs the system. Threads share what is kept.
    """
    if _is_glibc():
        malloc = ctypes.CDLL(None)
        malloc.mallopt(_MMAP_THRESHOLD, _KEPT_NBYTES)
        malloc.mallopt(_TRIM_THRESHOLD, _KEPT_IN_ALL_NBYTES)
        malloc.mallopt(_ARENA_MAX, 1)


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
