"""Messages cut into rounds, and rounds into chunks, whenever and however often they are fetched in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.fetching.boundaries import Boundaries
from consumer.fetching.ordering import Backlog
from consumer.kafka import Messages

__all__ = ["Chunk", "Cutter"]

# What is decoded at a time: of small alerts so many that the processor's caches hold them, of large ones as many as
# memory allows, since columns take as long for a few rows as for some hundreds.
_CHUNK_MESSAGES = 8192
_CHUNK_NBYTES = 64 * 1024 * 1024
# Messages without a value would never fill a round; of alerts there are fewer in one.
_ROUND_MESSAGES = 64 * _CHUNK_MESSAGES


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Messages of one round that follow each other."""

    messages: Messages
    ends_round: bool
    """Whether no further ones belong to the round."""


class Cutter:
    """Puts messages in order and cuts them into chunks, each of one round.

    Parameters
    ----------
    boundaries
        Where rounds end.
    nbytes
        Bytes of datums that were taken before.
    """

    def __init__(self, boundaries: Boundaries, nbytes: int):
        self._boundaries = boundaries
        self._backlog = Backlog()
        self._nbytes = nbytes
        self._nbytes_round = self._num_round = 0

    def __len__(self) -> int:
        return len(self._backlog)

    @property
    def num_settled(self) -> int:
        """How many wait for no message that is still to come."""
        return self._backlog.num_settled

    @property
    def unsettled_nbytes(self) -> int:
        """Bytes of the datums that wait for messages that are still to come."""
        return self._backlog.unsettled_nbytes

    def add(self, messages: Messages, growing: Mapping[int, int]) -> None:
        """Take in messages, each partition's in order.

        Parameters
        ----------
        messages
            What came.
        growing
            Per partition that may still get messages, the offset of the next.
        """
        self._backlog.add(messages)
        self._backlog.settle(growing)

    def settle(self, growing: Mapping[int, int]) -> None:
        """Let messages be cut that wait for others, but for those that wait for what is `growing`."""
        self._backlog.settle(growing)

    def leaders(self, growing: Mapping[int, int]) -> frozenset[int]:
        """Return the partitions that are ahead of the slowest growing one, and so wait for it."""
        return self._backlog.leaders(growing)

    def next(self) -> Chunk | None:
        """Return the next whole chunk, or None if there is none yet."""
        left, most_nbytes = self._bounds()
        messages = self._backlog.take(most_nbytes, _CHUNK_MESSAGES)
        return None if messages is None else self._cut(messages, messages.nbytes >= left)

    def rest(self) -> Chunk:
        """Return what is settled and makes no whole chunk, maybe nothing, as the last of its round."""
        _, most_nbytes = self._bounds()
        return self._cut(self._backlog.take_rest(most_nbytes, _CHUNK_MESSAGES), True)

    def _bounds(self) -> tuple[int, int]:
        left = self._boundaries.left(self._nbytes, self._nbytes_round)
        return left, min(left, _CHUNK_NBYTES)

    def _cut(self, messages: Messages, ends_round: bool) -> Chunk:
        self._nbytes += messages.nbytes
        self._nbytes_round += messages.nbytes
        self._num_round += len(messages)
        ends_round |= self._num_round >= _ROUND_MESSAGES
        if ends_round:
            self._nbytes_round = self._num_round = 0
        return Chunk(messages=messages, ends_round=ends_round)
