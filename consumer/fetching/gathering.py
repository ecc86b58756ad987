"""From chunks of messages to rounds: the rows that are new are decoded, until the round is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consumer.fetching.chunks import Chunk
from consumer.fetching.dedup import Intake, Taken
from consumer.kafka import Messages

__all__ = ["Gatherer", "TakenRound"]


@dataclass(frozen=True, kw_only=True)
class TakenRound:
    """A round that is to be written."""

    taken: list[Taken]
    """Emptied by who writes it, so that no row is there twice."""
    offsets: dict[int, int]
    """Offset that comes next, per partition of which there were messages."""
    nbytes: int
    """Bytes of the datums of all messages."""


class Gatherer:
    """Takes in chunks and hands rounds on.

    Parameters
    ----------
    intake
        Decides which rows are new, and decodes them.
    hand_on
        Called with each round.
    limit
        Stop after the message that brings the new rows to this number; the round ends there.
    """

    def __init__(self, intake: Intake, hand_on: Callable[[TakenRound], None], limit: int | None):
        self._intake = intake
        self._hand_on = hand_on
        self._limit = limit
        self._begin()
        self.num_new = 0
        """Rows that were new."""
        self.num_dropped = 0
        """Messages that gave no new row."""

    def _begin(self) -> None:
        self._taken: list[Taken] = []
        self._offsets: dict[int, int] = {}
        self._nbytes = 0

    @property
    def left(self) -> int | None:
        """How many more rows are wanted, None where there is no limit."""
        return None if self._limit is None else self._limit - self.num_new

    def take(self, chunk: Chunk) -> None:
        """Take in the messages that follow those of the last chunk."""
        messages = chunk.messages
        while len(messages) and self.left != 0:
            num = len(messages) if self.left is None else min(len(messages), self.left)
            if num == len(messages):
                self._take(messages)
                break
            self._take(messages.between(0, num))
            messages = messages.between(num, len(messages))
        if (chunk.ends_round or self.left == 0) and self._offsets:
            whole = TakenRound(taken=self._taken, offsets=self._offsets, nbytes=self._nbytes)
            self._begin()
            self._hand_on(whole)

    def _take(self, messages: Messages) -> None:
        taken = self._intake.take(messages, is_last=True)
        # `np.unique` would import numpy.ma first.
        for partition in np.flatnonzero(np.bincount(messages.partitions)).tolist():
            self._offsets[partition] = int(messages.offsets[messages.partitions == partition][-1]) + 1
        self._taken.append(taken)
        self._nbytes += messages.nbytes
        self.num_new += taken.batch.num_rows
        self.num_dropped += len(messages) - taken.batch.num_rows
