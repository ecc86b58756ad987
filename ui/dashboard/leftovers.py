"""What sessions leave behind: freed soon after their end, by searches that hold the other sessions up for little time.

A session is some 15,000 objects that know each other in circles, so Python frees them when it looks for garbage, and by
itself it rarely does. Panel looks once no session has ended for five seconds: on a server in use that may be late, and
then the one search takes seconds.
"""

from __future__ import annotations

import asyncio
import gc
import time

__all__ = ["Leftovers"]

_PAUSE_S = 0.2
_MOST_OF_TIME = 0.05
"""More of the time is not spent in searches: beside 20 open sessions, one takes 0.2 s."""
_LONGEST_PAUSE_S = 5.0
"""Where so many end that it is more all the same, a longer pause would only make the next search longer."""


class Leftovers:
    """The search for what ended sessions have left.

    Parameters
    ----------
    pause_s
        After the end of a session, until the search begins; what is told meanwhile belongs to the same search.
    """

    def __init__(self, *, pause_s: float = _PAUSE_S):
        self._pause_s = pause_s
        self._has_more = asyncio.Event()

    def session_ended(self) -> None:
        """Tell that a session has ended, in the loop; it need not have been let go yet."""
        self._has_more.set()

    async def collect(self) -> None:
        """Free what is left of each session that has ended, again and again until it is cancelled."""
        pause_s = self._pause_s
        while True:
            await self._has_more.wait()
            await asyncio.sleep(pause_s)
            self._has_more.clear()
            begun = time.perf_counter()
            gc.collect()
            took_s = time.perf_counter() - begun
            pause_s = min(max(self._pause_s, took_s / _MOST_OF_TIME), _LONGEST_PAUSE_S)
