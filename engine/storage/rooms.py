"""Memory for what is fetched, used again: the system clears each page that it gives out, 0.4 CPU seconds a GB."""

from __future__ import annotations

import weakref

import numpy as np

__all__ = ["Rooms"]

_SMALL_NBYTES = 1024 * 1024
"""What is smaller the allocator has at hand by itself."""
_FITS = 1.25
"""A room may be so many times as large as what is wanted."""


class Rooms:
    """Rooms of memory, each used again once nobody has anything of it any more; for callers that hold one lock.

    Parameters
    ----------
    most_nbytes
        So much stays idle at most.
    """

    def __init__(self, most_nbytes: int):
        self._most_nbytes = most_nbytes
        # By identity. Rooms come back on any thread at any moment, so that nothing but single steps is done to it.
        self._idle: dict[int, np.ndarray] = {}

    @property
    def idle_nbytes(self) -> int:
        """What is kept, and nobody's."""
        return sum(one.nbytes for one in list(self._idle.values()))

    def take(self, nbytes: int) -> memoryview:
        """Return a room of so many bytes, with anything in them."""
        if nbytes < _SMALL_NBYTES:
            return np.empty(nbytes, np.uint8).data
        fitting = [whole for whole in list(self._idle.values()) if nbytes <= whole.nbytes <= _FITS * nbytes]
        whole = min(fitting, key=lambda one: one.nbytes, default=None)
        if whole is None:
            whole = np.empty(nbytes, np.uint8)
        else:
            del self._idle[id(whole)]
        # Whoever has a part of it, Arrow too, holds this view of it.
        room = whole[:nbytes]
        weakref.finalize(room, self._come_back, whole).atexit = False
        return room.data

    def clear(self) -> None:
        """Give the idle ones back to the system."""
        self._idle.clear()

    def _come_back(self, whole: np.ndarray) -> None:
        if whole.nbytes + self.idle_nbytes <= self._most_nbytes:
            self._idle[id(whole)] = whole
