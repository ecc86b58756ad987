"""Messages that could not be read: so many of them are kept that a user can find out why, and the others are counted.

A user who may write into a topic may fill it with what is no alert. A disk must not be full of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from consumer.dataset.journal import Journal

__all__ = ["MOST_REJECTED", "KeptRejected", "RejectedMessage", "keep_rejected"]

MOST_REJECTED = 1_000
"""Messages that are kept of a topic in all."""
_MOST_NBYTES = 100_000_000
_KEY_CHARACTERS = 200
_REASON_CHARACTERS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedMessage:
    """A message that could not be read."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    reason: str


@dataclass(kw_only=True)
class KeptRejected:
    """What is kept of a round's messages that could not be read."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """For the journal, one each (`Round.rejected`)."""
    values: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """The bytes of each, by partition and offset."""
    num_more: int = 0
    """Messages that are counted only."""


def keep_rejected(journal: Journal, messages: Iterable[RejectedMessage]) -> KeptRejected:
    """Return what is kept of messages that could not be read: the first of the topic, 1,000 and 100 MB at most.

    Parameters
    ----------
    journal
        Says how many are kept already.
    messages
        Those of the next round.
    """
    kept = KeptRejected()
    num, nbytes = len(journal.rejected), journal.rejected_nbytes
    # Once one is not kept, no later one is: so the same topic leaves the same behind, however its rounds are cut.
    is_full = journal.num_rejected > num
    for message in messages:
        if is_full or kept.num_more or num >= MOST_REJECTED or nbytes + len(message.value) > _MOST_NBYTES:
            kept.num_more += 1
            continue
        num, nbytes = num + 1, nbytes + len(message.value)
        key = (message.key or b"")[:_KEY_CHARACTERS]
        kept.entries.append(
            {
                "partition": message.partition,
                "offset": message.offset,
                "key": key.decode("utf-8", "backslashreplace"),
                "reason": message.reason[:_REASON_CHARACTERS],
                "nbytes": len(message.value),
            }
        )
        kept.values[message.partition, message.offset] = message.value
    return kept
