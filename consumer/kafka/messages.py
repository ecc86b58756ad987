"""Messages of a data topic, many at a time: numbers as arrays, keys and values as they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Message", "Messages"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the data topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Messages:
    """Messages of the data topic, each partition's in order."""

    partitions: np.ndarray
    """Partition of each, int64, shape (n,)."""
    offsets: np.ndarray
    """Offset of each, int64, shape (n,)."""
    sizes: np.ndarray
    """Bytes of each value, int64, shape (n,)."""
    keys: Sequence[bytes | None]
    values: list[bytes]
    """Empty once `drop_values` was called."""

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Message]:
        return map(self.message, range(len(self)))

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return int(self.sizes.sum())

    def message(self, position: int, value: bytes | None = None) -> Message:
        """Return one of them; its value is to be given where the values were dropped."""
        value = self.values[position] if value is None else value
        return Message(int(self.partitions[position]), int(self.offsets[position]), self.keys[position], value)

    def between(self, start: int, stop: int) -> Messages:
        """Return those from one position up to another."""
        return Messages(
            partitions=self.partitions[start:stop],
            offsets=self.offsets[start:stop],
            sizes=self.sizes[start:stop],
            keys=self.keys[start:stop],
            values=self.values[start:stop],
        )

    def drop_values(self) -> None:
        """Let the memory of the values go, whoever else knows these messages."""
        self.values.clear()

    def take(self, positions: np.ndarray) -> Messages:
        """Return those at some positions, in that order."""
        listed = positions.tolist()
        return Messages(
            partitions=self.partitions[positions],
            offsets=self.offsets[positions],
            sizes=self.sizes[positions],
            keys=[self.keys[at] for at in listed],
            values=[self.values[at] for at in listed],
        )

    @classmethod
    def made(
        cls,
        partitions: Sequence[int | None],
        offsets: Sequence[int | None],
        keys: Sequence[bytes | None],
        values: list[bytes],
    ) -> Messages:
        """Return messages of what librdkafka returned; only one that is yet to be sent has no partition or offset."""
        return cls(
            partitions=np.array(partitions, dtype=np.int64),
            offsets=np.array(offsets, dtype=np.int64),
            sizes=np.fromiter(map(len, values), dtype=np.int64, count=len(values)),
            keys=keys,
            values=values,
        )

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Messages:
        """Return messages that were made one by one."""
        listed = list(messages)
        return cls.made(
            [message.partition for message in listed],
            [message.offset for message in listed],
            [message.key for message in listed],
            [message.value for message in listed],
        )

    @classmethod
    def joined(cls, parts: Sequence[Messages]) -> Messages:
        """Return the messages of all parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        none = np.empty(0, dtype=np.int64)
        return cls(
            partitions=np.concatenate([none, *(part.partitions for part in parts)]),
            offsets=np.concatenate([none, *(part.offsets for part in parts)]),
            sizes=np.concatenate([none, *(part.sizes for part in parts)]),
            keys=[key for part in parts for key in part.keys],
            values=[value for part in parts for value in part.values],
        )
