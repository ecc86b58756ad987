"""Knowing when a topic is read to its end."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.kafka import DataReader, ManifestFollower
from consumer.wire import FINAL_STATES

__all__ = ["ENDED", "End"]

ENDED = FINAL_STATES | {"interrupted"}
"""States of a job that sends nothing more, unless it is taken up again."""


class End:
    """Knows when everything is read: once the job has ended, no further alert comes into Kafka.

    Parameters
    ----------
    follower
        Of the job's manifest.
    reader
        Of its alerts.
    state_before
        The job's state before the reader was made.
    wait
        Whether to wait for the end of a job that goes on.
    """

    def __init__(self, follower: ManifestFollower, reader: DataReader, state_before: str, *, wait: bool):
        self._follower = follower
        self._reader = reader
        self._wait = wait
        self._ends: Mapping[int, int] | None = None
        if not wait or state_before in ENDED:
            # To ask now would take a moment: Kafka answers after the fetches that it has been asked for.
            self._ends = reader.ends_at_first
        self.state = follower.state()

    @property
    def is_known(self) -> bool:
        """Whether it is known up to which messages there is something to read: so many come, however slow Kafka is."""
        return self._ends is not None

    def reached(self) -> bool:
        """Whether every partition is read to its end, and the end is known."""
        return not self.growing() and self.is_known

    def growing(self) -> dict[int, int]:
        """Return the offset that comes next, per partition that is not read to its end; looks at the manifest first."""
        self._follower.refresh()
        self.state = self._follower.state()
        if self._wait:
            if self.state not in ENDED:
                self._ends = None  # a job can be taken up again
            elif self._ends is None:
                # Asked after the final state was read: every alert was acknowledged before that was written.
                self._ends = self._reader.ends()
        positions = self._reader.positions
        if self._ends is None:
            return dict(positions)
        return {partition: at for partition, at in positions.items() if at < self._ends[partition]}
