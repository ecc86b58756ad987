"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
import time

__all__ = ["end_with_parent"]


def end_with_parent(grace_s: float = 0.0) -> None:
    """Have this process end when the one that started it has ended.

    Parameters
    ----------
    grace_s
        So long it may take to end in order.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "this process was started by multiprocessing"

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        time.sleep(grace_s)
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="lifeline").start()
