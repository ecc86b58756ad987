"""Several consumers that fetch one topic together, each into a folder of its own: each takes some partitions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from consumer.errors import InputError

__all__ = ["Share"]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Part `index` of `of`: the Kafka partitions p with `p mod of == index - 1`."""

    index: int
    """From 1 on."""
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> Share:
        """Return the share that a text such as `1/2` names.

        Raises
        ------
        InputError
            If it names none.
        """
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", str(text).strip())
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(
                f"{text!r} is not a share of a topic",
                accepted="1/2 for the first of two consumers, 2/2 for the second",
            )
        return cls(index=int(found[1]), of=int(found[2]))

    def partitions(self, num_partitions: int) -> frozenset[int]:
        """Return the Kafka partitions of the share.

        Raises
        ------
        InputError
            If there are fewer partitions than shares.
        """
        if self.of > num_partitions:
            raise InputError(
                f"the topic has {num_partitions} partitions, too few for {self.of} shares",
                accepted=f"I/N with N up to {num_partitions}",
            )
        return frozenset(range(self.index - 1, num_partitions, self.of))
