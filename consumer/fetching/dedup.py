"""From messages to new rows: checks keys, drops duplicates, decodes datums, and puts aside what can't be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from consumer.dataset import Seen, first_of_each
from consumer.decoding import Datums, Decoder
from consumer.fetching.keys import decode_keys
from consumer.kafka import Message, Messages
from consumer.wire import Manifest, partitions_of

__all__ = ["Intake", "Rejected", "Taken"]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A message that could not be read."""

    message: Message
    reason: str


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of some messages."""

    batch: pa.RecordBatch
    """New rows, in the order of their messages."""
    fragments: np.ndarray
    """Fragment of each new row, int64, shape (n,)."""
    rows: np.ndarray
    """Row in its fragment, int64, shape (n,)."""
    sizes: np.ndarray
    """Bytes of its datum, int64, shape (n,)."""
    num_duplicates: int
    rejected: list[Rejected]


class Intake:
    """Takes each row of a job once.

    Parameters
    ----------
    manifest
        A planned manifest: schema, fragments and number of partitions come from it.
    seen
        Rows that were taken before; what is taken is added to it.
    """

    def __init__(self, manifest: Manifest, seen: Seen):
        plan = manifest.require_plan()
        self.decoder = Decoder(plan.schema)
        self._seen = seen
        self._num_partitions = plan.num_partitions
        sizes = {item["fragment"]: item["num_alerts"] for part in manifest.parts.values() for item in part.fragments}
        self._sizes = np.zeros(max(sizes, default=-1) + 1, dtype=np.int64)
        self._sizes[list(sizes)] = list(sizes.values())

    def take(self, messages: Messages, *, is_last: bool = False) -> Taken:
        """Return the new rows in messages that follow each other (each partition's in order).

        A row whose datum is bad counts as not seen: a second copy of it may be good.

        Parameters
        ----------
        messages
            The messages.
        is_last
            Whether nobody reads their values afterwards: then these go as soon as they are joined.
        """
        fragments, rows, bad_keys = self._identities(messages)
        rejected = [Rejected(message=messages.message(at), reason=reason) for at, reason in sorted(bad_keys.items())]
        valid = np.ones(len(messages), dtype=bool)
        valid[list(bad_keys)] = False
        fresh = np.flatnonzero(valid & ~self._seen.contains(fragments, rows))
        values = [messages.values[at] for at in fresh.tolist()]
        if is_last:
            messages.drop_values()
            datums = Datums.drained(values)
        else:
            datums = Datums.of(values)
        del values
        decoded = self.decoder.decode(datums)
        rejected += [
            Rejected(message=messages.message(int(fresh[at]), datums.datum(at)), reason=why)
            for at, why in sorted(decoded.bad.items())
        ]
        del datums
        fresh, batch = fresh[decoded.good], decoded.batch
        first = first_of_each(fragments[fresh], rows[fresh])
        if not first.all():
            fresh, batch = fresh[first], batch.filter(pa.array(first))
        self._seen.add(fragments[fresh], rows[fresh])
        return Taken(
            batch=batch,
            fragments=fragments[fresh],
            rows=rows[fresh],
            sizes=messages.sizes[fresh],
            num_duplicates=len(messages) - len(fresh) - len(rejected),
            rejected=rejected,
        )

    def _identities(self, messages: Messages) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Return fragments, rows (-1 where the key is bad) and the reason per bad key's position."""
        fragments, rows, bad = decode_keys(messages.keys)
        planned = (fragments >= 0) & (fragments < len(self._sizes))
        planned[planned] = rows[planned] < self._sizes[fragments[planned]]
        for at in np.flatnonzero(~planned).tolist():
            bad.setdefault(at, f"the key {messages.keys[at]!r} is of no fragment of the plan")
        # The partition is a function of the key: a row can't be in two partitions.
        astray = planned & (partitions_of(fragments, rows, self._num_partitions) != messages.partitions)
        for at in np.flatnonzero(astray).tolist():
            bad[at] = f"the key {messages.keys[at]!r} does not belong into partition {messages.partitions[at]}"
        return fragments, rows, bad
