"""The nights: which of them are counted by the identifiers that come with what was sent, and which by tasks."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Sequence

import numpy as np

from consumer.wire import NightDone
from engine.archive import Fragment, count_duplicate_identifiers

__all__ = ["Nights"]

_MOST_ALERTS = 4_000_000


class Nights:
    """Gathers the identifiers of nights whose fragments are all sent by this coordinator, and which are not too large.

    Parameters
    ----------
    job_id
        The job's identity.
    fragments
        All fragments of the job, in order.
    finished
        Numbers of those that were sent before.
    counted
        Nights that need not be counted any more.
    most_alerts
        Of a night: its identifiers are all held at once.
    """

    def __init__(
        self,
        job_id: str,
        fragments: Iterable[Fragment],
        *,
        finished: Container[int],
        counted: Container[str],
        most_alerts: int = _MOST_ALERTS,
    ):
        self._job_id = job_id
        self._left: dict[str, set[int]] = {}
        """Numbers of the fragments of each night of which nothing came yet."""
        self._fragments: dict[str, list[Fragment]] = {}
        self._held: dict[str, list[np.ndarray] | None] = {}
        """Identifiers of each night; None where those of a fragment did not come."""
        for fragment in fragments:
            night = _night(fragment)
            if night not in counted:
                self._fragments.setdefault(night, []).append(fragment)
        for night, those in list(self._fragments.items()):
            num_alerts = sum(fragment.num_alerts for fragment in those)
            if num_alerts > most_alerts or any(fragment.number in finished for fragment in those):
                del self._fragments[night]
            else:
                self._left[night] = {fragment.number for fragment in those}

    @property
    def gathered(self) -> frozenset[str]:
        """Nights that are not counted by tasks, unless `take_in` says so."""
        return frozenset(self._fragments)

    def wants(self, fragments: Iterable[Fragment]) -> bool:
        """Return whether the identifiers of any of these are wanted."""
        return any(_night(fragment) in self._left for fragment in fragments)

    def take_in(self, fragment: Fragment, identifiers: np.ndarray | None) -> NightDone | Sequence[Fragment]:
        """Take in a fragment that is done with.

        Returns
        -------
        counted
            The night's record, if this was the last fragment of a night whose identifiers all came. If some did not:
            the fragments of the night, which a task is to count. Else nothing.
        """
        night = _night(fragment)
        left = self._left.get(night)
        if left is None or fragment.number not in left:
            return ()
        left.remove(fragment.number)
        held = self._held.setdefault(night, [])
        if identifiers is None:
            self._held[night] = None
        elif held is not None:
            held.append(identifiers)
        if left:
            return ()
        del self._left[night]
        fragments, arrays = self._fragments.pop(night), self._held.pop(night)
        if arrays is None:
            return fragments
        return NightDone(
            job_id=self._job_id,
            night=night,
            num_alerts=sum(fragment.num_alerts for fragment in fragments),
            num_duplicates=count_duplicate_identifiers(arrays),
            time=time.time(),
        )


def _night(fragment: Fragment) -> str:
    return fragment.file.night.isoformat()
