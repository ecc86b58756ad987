"""The window: which fragments are submitted next, in which order, and how many; and when a night is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence

from engine.archive import Fragment

__all__ = ["Backlog"]


class Backlog:
    """The fragments of a job that wait to be sent, in the archive's order, and the nights that wait to be counted.

    Under a limit they are submitted in windows, which keep all workers busy without flooding the scheduler; else
    `Flow` takes them.

    Parameters
    ----------
    fragments
        All fragments of the job, in order.
    finished
        Numbers of those that need not be sent any more.
    counted
        Nights that need not be counted any more.
    num_threads
        Tasks that the cluster works on at once.
    min_fragments
        Tasks that the cluster may have at once, at least.
    fragments_per_thread
        And so many for each of its threads, where that is more.
    """

    def __init__(
        self,
        fragments: Sequence[Fragment],
        *,
        finished: Container[int],
        counted: Container[str],
        num_threads: int,
        min_fragments: int = 32,
        fragments_per_thread: int = 4,
    ):
        self._waiting = deque(fragment for fragment in fragments if fragment.number not in finished)
        self.num_alerts = sum(fragment.num_alerts for fragment in self._waiting)
        """Alerts of the archive in the fragments that wait."""
        self.num_threads = num_threads
        self._min_fragments, self._fragments_per_thread = min_fragments, fragments_per_thread
        self._nights: dict[str, list[Fragment]] = {}
        for fragment in fragments:
            if (night := _night(fragment)) not in counted:
                self._nights.setdefault(night, []).append(fragment)

    def __len__(self) -> int:
        """Return how many fragments wait."""
        return len(self._waiting)

    def capacity(self, num_threads: int) -> int:
        """Return how many tasks a cluster of so many threads may have at once."""
        return max(self._min_fragments, self._fragments_per_thread * num_threads)

    @property
    def first(self) -> Fragment:
        """The next fragment that waits."""
        return self._waiting[0]

    def take_one(self) -> Fragment:
        """Take the next fragment."""
        fragment = self._waiting.popleft()
        self.num_alerts -= fragment.num_alerts
        return fragment

    def take(self, most: int | None = None) -> list[Fragment]:
        """Take the fragments of the next window, `most` at most."""
        capacity = self.capacity(self.num_threads)
        return [self.take_one() for _ in range(min(capacity, len(self), most or capacity))]

    def put_back(self, fragments: Sequence[Fragment]) -> None:
        """Have fragments that were taken last wait again."""
        self._waiting.extendleft(reversed(fragments))
        self.num_alerts += sum(fragment.num_alerts for fragment in fragments)

    def take_nights(self) -> list[tuple[str, list[Fragment]]]:
        """Take those nights of which no fragment waits any more, each with all its fragments."""
        next_night = _night(self._waiting[0]) if self._waiting else None
        due = [night for night in self._nights if next_night is None or night < next_night]
        return [(night, self._nights.pop(night)) for night in due]


def _night(fragment: Fragment) -> str:
    return fragment.file.night.isoformat()
