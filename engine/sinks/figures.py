"""What a finished fragment's record says of its alerts, counted in one place for every sink."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.wire import FragmentDone, digest_candids
from engine.archive import Fragment
from engine.schema import descend, names_along

__all__ = ["FragmentFigures", "nothing_sent"]

_DIGESTS = 2**128


class FragmentFigures:
    """Counts the alerts of one fragment as they are written.

    Parameters
    ----------
    job_id
        The job's identity.
    fragment
        Whose alerts they are.
    num_selected
        How many of them fulfil the conditions.
    id_field
        Path of the alert's identifier, as conditions name it.
    id_path
        Path of the identifier in the job's content.
    class_columns
        Columns of the content that hold labels.
    labels
        Labels of which the alerts are counted.
    keeps_identifiers
        Whether `seen` is asked for at the end.
    """

    def __init__(
        self,
        *,
        job_id: str,
        fragment: Fragment,
        num_selected: int,
        id_field: str,
        id_path: str,
        class_columns: Sequence[str] = (),
        labels: Collection[str] = (),
        keeps_identifiers: bool = False,
    ):
        self.id_field = id_field
        self._job_id = job_id
        self._fragment = fragment
        self._num_selected = num_selected
        self._id_path = id_path
        self._class_columns = class_columns
        self._labels = labels
        self._num_sent = 0
        self._digest = 0
        self._found: Counter[str] = Counter()
        self._seen: list[pa.Array] | None = [] if keeps_identifiers else None

    def add(self, block: pa.RecordBatch) -> None:
        """Count alerts in the job's content."""
        self._num_sent += block.num_rows
        self._digest = (self._digest + digest_candids(self.identifiers(block))) % _DIGESTS
        if self._seen is not None:
            self._seen.append(self._identifiers(block))
        for name in self._class_columns if self._labels else ():
            counts = pc.value_counts(block.column(name)).to_pylist()
            self._found.update(
                {count["values"]: count["counts"] for count in counts if count["values"] in self._labels}
            )

    def identifiers(self, block: pa.RecordBatch) -> np.ndarray:
        """Return the identifiers of alerts; an alert without one counts as 0, since the digest needs a number."""
        values: np.ndarray = self._identifiers(block).fill_null(0).to_numpy()
        return values

    def _identifiers(self, block: pa.RecordBatch) -> pa.Array:
        names = names_along(block.schema, self._id_path)
        at = block.schema.get_field_index(names[0])
        found = descend({names[0]: block.column(at)} if at >= 0 else {}, names)
        return (pa.nulls(block.num_rows) if found is None else found).cast(pa.int64())

    @property
    def seen(self) -> pa.Array | None:
        """The identifiers of all alerts that were written, int64, null for an alert without one; None if not kept."""
        return None if self._seen is None else pa.concat_arrays([pa.array([], pa.int64()), *self._seen])

    def done(self, *, nbytes: int, partitions: Mapping[int, int]) -> FragmentDone:
        """Return the record of the fragment, all alerts of which are acknowledged.

        Parameters
        ----------
        nbytes
            Bytes of the alerts as the sink has them.
        partitions
            Alerts in each partition of the sink, those without one left out; their sum is that of all alerts.
        """
        return FragmentDone(
            job_id=self._job_id,
            fragment=self._fragment.number,
            num_alerts=self._fragment.num_alerts,
            num_selected=self._num_selected,
            num_sent=self._num_sent,
            nbytes=nbytes,
            partitions=dict(partitions),
            digest=f"{self._digest:032x}",
            time=time.time(),
            labels=dict(self._found),
        )


def nothing_sent(job_id: str, fragment: Fragment, unreadable: str) -> FragmentDone:
    """Return the record of a fragment that is left out, with the reason."""
    return FragmentDone(
        job_id=job_id,
        fragment=fragment.number,
        num_alerts=fragment.num_alerts,
        num_selected=0,
        num_sent=0,
        nbytes=0,
        partitions={},
        digest=f"{0:032x}",
        time=time.time(),
        unreadable=unreadable,
    )
