"""From messages to new rows: checks keys, drops duplicates, decodes datums, and puts aside what can't be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from consumer.dataset import Seen, first_of_each
from consumer.decoding import Datums, Decoder
from consumer.errors import WireError
from consumer.kafka import Message
from consumer.wire import Manifest, decode_key, partitions_of

__all__ = ["Intake", "Rejected", "Taken"]

# Up to 18 digits always fit int64; longer numbers take the slow path, which rejects them.
_KEYS = re.compile(rb"\d{1,18}:\d{1,18}(,\d{1,18}:\d{1,18})*")


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

    def take(self, messages: Sequence[Message]) -> Taken:
        """Return the new rows in messages that follow each other (each partition's in order).

        A row whose datum is bad counts as not seen: a second copy of it may be good.
        """
        fragments, rows, bad_keys = self._identities(messages)
        rejected = [Rejected(message=messages[at], reason=reason) for at, reason in sorted(bad_keys.items())]
        valid = np.ones(len(messages), dtype=bool)
        valid[list(bad_keys)] = False
        fresh = np.flatnonzero(valid & ~self._seen.contains(fragments, rows))
        decoded = self.decoder.decode(Datums.of([messages[at].value for at in fresh.tolist()]))
        rejected += [Rejected(message=messages[fresh[at]], reason=why) for at, why in sorted(decoded.bad.items())]
        fresh, batch = fresh[decoded.good], decoded.batch
        first = first_of_each(fragments[fresh], rows[fresh])
        if not first.all():
            fresh, batch = fresh[first], batch.filter(pa.array(first))
        self._seen.add(fragments[fresh], rows[fresh])
        return Taken(
            batch=batch,
            fragments=fragments[fresh],
            rows=rows[fresh],
            sizes=np.array([len(messages[at].value) for at in fresh.tolist()], dtype=np.int64),
            num_duplicates=len(messages) - len(fresh) - len(rejected),
            rejected=rejected,
        )

    def _identities(self, messages: Sequence[Message]) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Return fragments, rows (-1 where the key is bad) and the reason per bad key's position."""
        bad: dict[int, str] = {}
        keys = [message.key or b"" for message in messages]
        joined = b",".join(keys)
        if _KEYS.fullmatch(joined) and joined.count(b":") == len(keys):
            numbers = np.array(joined.replace(b":", b",").split(b","), dtype="S18").astype(np.int64).reshape(-1, 2)
        else:
            numbers = np.full((len(keys), 2), -1, dtype=np.int64)
            for at, key in enumerate(keys):
                try:
                    numbers[at] = decode_key(key)
                except WireError as exc:
                    bad[at] = exc.message
                except OverflowError:
                    bad[at] = f"the key {key!r} is of no fragment of the plan"
        fragments, rows = numbers[:, 0], numbers[:, 1]
        planned = (fragments >= 0) & (fragments < len(self._sizes))
        planned[planned] = rows[planned] < self._sizes[fragments[planned]]
        for at in np.flatnonzero(~planned).tolist():
            bad.setdefault(at, f"the key {keys[at]!r} is of no fragment of the plan")
        actual = np.fromiter((message.partition for message in messages), dtype=np.int64, count=len(messages))
        # The partition is a function of the key: a row can't be in two partitions.
        astray = planned & (partitions_of(fragments, rows, self._num_partitions) != actual)
        for at in np.flatnonzero(astray).tolist():
            bad[at] = f"the key {keys[at]!r} does not belong into partition {actual[at]}"
        return fragments, rows, bad
