"""Messages that were fetched and are not taken yet, in one order that does not depend on when they came."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from consumer.kafka import Messages

__all__ = ["Backlog"]

# As a rule Kafka's answers come one after the other, each of one partition. Else messages are sorted first.
_MANY_CUTS = 100


class Backlog:
    """Fetched messages in order: by offset, then by partition.

    A message is settled when none can come any more that goes before it.
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[int, deque[Messages]] = defaultdict(deque)
        self._settled: deque[Messages] = deque()
        self._num_waiting = self._settled_nbytes = 0
        self.num_settled = 0
        """Messages that are settled."""
        self.nbytes = 0
        """Bytes of the datums that wait."""

    @property
    def unsettled_nbytes(self) -> int:
        """Bytes of those that still wait for others."""
        return self.nbytes - self._settled_nbytes

    def __len__(self) -> int:
        return self._num_waiting + self.num_settled

    def add(self, messages: Messages) -> None:
        """Take in messages, each partition's in order."""
        cuts = np.flatnonzero(np.diff(messages.partitions)) + 1
        if len(cuts) > _MANY_CUTS:
            messages = messages.take(np.argsort(messages.partitions, kind="stable"))
            cuts = np.flatnonzero(np.diff(messages.partitions)) + 1
        bounds = [0, *cuts.tolist(), len(messages)]
        for start, stop in pairwise(bounds):
            if start < stop:
                self._waiting[int(messages.partitions[start])].append(messages.between(start, stop))
        self._num_waiting += len(messages)
        self.nbytes += messages.nbytes

    def settle(self, growing: Mapping[int, int]) -> None:
        """Find out which messages are settled.

        Parameters
        ----------
        growing
            Per partition that may still get messages, the offset of the next: what is still to come goes before the
            messages after it.
        """
        bound = min(((offset, partition) for partition, offset in growing.items()), default=None)
        parts = []
        for partition, waiting in self._waiting.items():
            # The first offset of this partition that is not settled.
            end = None if bound is None else bound[0] + (partition < bound[1])
            while waiting and (end is None or waiting[0].offsets[0] < end):
                block = waiting.popleft()
                num = len(block) if end is None else int(np.searchsorted(block.offsets, end))
                if num < len(block):
                    waiting.appendleft(block.between(num, len(block)))
                parts.append(block.between(0, num))
        if parts:
            found = Messages.joined(parts)
            found = found.take(np.lexsort((found.partitions, found.offsets)))
            self._settled.append(found)
            self._num_waiting -= len(found)
            self.num_settled += len(found)
            self._settled_nbytes += found.nbytes

    def take(self, nbytes: int, most: int) -> Messages | None:
        """Return the next settled messages, or None if they are too few.

        They go up to the one that brings them to `nbytes` or that is the `most`-th.
        """
        if self._settled_nbytes < nbytes and self.num_settled < most:
            return None
        return self._cut(nbytes, most)

    def take_rest(self, nbytes: int, most: int) -> Messages:
        """Return the next settled messages, as `take` does, or all there are if they are fewer."""
        return self._cut(nbytes, most)

    def leaders(self, growing: Mapping[int, int]) -> frozenset[int]:
        """Return the partitions that are ahead of the slowest growing one, and so wait for it."""
        slowest = min(growing.values(), default=0)
        return frozenset(partition for partition, offset in growing.items() if offset > slowest)

    def _cut(self, nbytes: int, most: int) -> Messages:
        parts = [Messages.of(())]
        while self._settled and nbytes > 0 and most > 0:
            block = self._settled.popleft()
            num = min(int(np.searchsorted(np.cumsum(block.sizes), nbytes)) + 1, most, len(block))
            if num < len(block):
                self._settled.appendleft(block.between(num, len(block)))
            parts.append(block.between(0, num))
            nbytes -= parts[-1].nbytes
            most -= num
        taken = Messages.joined(parts[1:] or parts)
        self.num_settled -= len(taken)
        self._settled_nbytes -= taken.nbytes
        self.nbytes -= taken.nbytes
        return taken
