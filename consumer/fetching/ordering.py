"""Messages that were fetched but not yet written, and where one round of files ends and the next begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consumer.kafka import Message

__all__ = ["Backlog"]


class Backlog:
    """Fetched messages in one order that does not depend on when they came: by offset, then by partition.

    Parameters
    ----------
    partitions
        Partitions that are read.
    """

    def __init__(self, partitions: Iterable[int]):
        self._waiting: dict[int, list[Message]] = {partition: [] for partition in partitions}
        self._num_settled = dict.fromkeys(self._waiting, 0)
        self._settled_nbytes = 0
        self.nbytes = 0
        """Bytes of the datums that wait."""

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())

    def add(self, messages: Iterable[Message]) -> None:
        """Take in messages, each partition's in order."""
        for message in messages:
            self._waiting[message.partition].append(message)
            self.nbytes += len(message.value)

    def take(self, nbytes: int, growing: Mapping[int, int]) -> list[Message] | None:
        """Return the next messages in order, up to the one that brings them to `nbytes`, or None if they are too few.

        Parameters
        ----------
        nbytes
            Bytes of datums.
        growing
            Per partition that may still get messages, the offset of the next: messages after it are not settled,
            for what is still to come goes before them.
        """
        self._settle(growing)
        if self._settled_nbytes < nbytes:
            return None
        return self._cut(nbytes)

    def take_all(self) -> list[Message]:
        """Return all messages, in order."""
        self._settle({})
        return self._cut(None)

    def leaders(self, growing: Mapping[int, int]) -> frozenset[int]:
        """Return the partitions that are ahead of the slowest growing one, and so wait for it."""
        slowest = min(growing.values(), default=0)
        return frozenset(partition for partition, offset in growing.items() if offset > slowest)

    def _settle(self, growing: Mapping[int, int]) -> None:
        bound = min(((offset, partition) for partition, offset in growing.items()), default=None)
        for partition, waiting in self._waiting.items():
            at = self._num_settled[partition]
            while at < len(waiting) and (bound is None or (waiting[at].offset, partition) < bound):
                self._settled_nbytes += len(waiting[at].value)
                at += 1
            self._num_settled[partition] = at

    def _cut(self, nbytes: int | None) -> list[Message]:
        settled = [m for partition, waiting in self._waiting.items() for m in waiting[: self._num_settled[partition]]]
        settled.sort(key=lambda message: (message.offset, message.partition))
        taken_nbytes, num_taken = 0, 0
        while num_taken < len(settled) and (nbytes is None or taken_nbytes < nbytes):
            taken_nbytes += len(settled[num_taken].value)
            num_taken += 1
        taken = settled[:num_taken]
        counts = dict.fromkeys(self._waiting, 0)
        for message in taken:
            counts[message.partition] += 1
        for partition, count in counts.items():
            del self._waiting[partition][:count]
            self._num_settled[partition] -= count
        self._settled_nbytes -= taken_nbytes
        self.nbytes -= taken_nbytes
        return taken
