"""Holding a worker's thread: a coordinator may send a first fragment before it leaves its thread to other tasks.

It was given that thread before all fragments of others. So a job that sends few alerts ends within one task's time,
however many wait. A flood of such jobs must not stop the others: they hold a worker half of the time at most.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator

__all__ = ["held"]

_lock = threading.Lock()
_free_at = 0.0


@contextlib.contextmanager
def held() -> Iterator[bool]:
    """Hold this process's turn for the block; yield False instead where it is not free yet after the last one."""
    global _free_at
    with _lock:
        is_held = time.monotonic() >= _free_at
        if is_held:
            _free_at = math.inf
    if not is_held:
        yield False
        return
    begun = time.monotonic()
    try:
        yield True
    finally:
        with _lock:
            now = time.monotonic()
            _free_at = now + (now - begun)
