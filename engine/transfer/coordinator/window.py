"""The window: which fragments are submitted next, in which order, and how many; and when a night is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence

from engine.archive import Fragment

__all__ = ["Backlog"]


class Backlog:
    """The fragments of a job that wait to be sent, in the archive's order, and the nights that wait to be counted.

    The windows keep all workers busy without flooding the scheduler.

    Parameters
    ----------
    fragments
        All fragments of the job, in order.
    finished
        Numbers of those that need not be sent any more.
    counted
        Nights that need not be counted any more.
    num_threads
        Fragments that the cluster works on at once.
    is_limited
        Whether the job has a limit: then what a window may send depends on what the windows before it found, so none
        begins before the last has ended.
    min_fragments
        Fragments that the cluster has at once, at least.
    fragments_per_thread
        And so many for each of its threads.
    """

    def __init__(
        self,
        fragments: Sequence[Fragment],
        *,
        finished: Container[int],
        counted: Container[str],
        num_threads: int,
        is_limited: bool,
        min_fragments: int = 32,
        fragments_per_thread: int = 4,
    ):
        self._waiting = deque(fragment for fragment in fragments if fragment.number not in finished)
        self._capacity = max(min_fragments, fragments_per_thread * num_threads)
        self._is_limited = is_limited
        self._nights: dict[str, list[Fragment]] = {}
        for fragment in fragments:
            if (night := _night(fragment)) not in counted:
                self._nights.setdefault(night, []).append(fragment)

    def __len__(self) -> int:
        """Return how many fragments wait."""
        return len(self._waiting)

    def is_due(self, num_in_flight: int) -> bool:
        """Return whether the next window is to be submitted while so many tasks have not ended."""
        if not self._waiting:
            return False
        return num_in_flight == 0 if self._is_limited else num_in_flight <= self._capacity // 2

    def take(self) -> list[Fragment]:
        """Take the fragments of the next window."""
        return [self._waiting.popleft() for _ in range(min(self._capacity, len(self._waiting)))]

    def put_back(self, fragments: Sequence[Fragment]) -> None:
        """Have fragments that were taken last wait again."""
        self._waiting.extendleft(reversed(fragments))

    def take_nights(self) -> list[tuple[str, list[Fragment]]]:
        """Take those nights of which no fragment waits any more, each with all its fragments."""
        next_night = _night(self._waiting[0]) if self._waiting else None
        due = [night for night in self._nights if next_night is None or night < next_night]
        return [(night, self._nights.pop(night)) for night in due]


def _night(fragment: Fragment) -> str:
    return fragment.file.night.isoformat()
