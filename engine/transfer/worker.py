"""The work of a job on its fragments: filter, read the survivors, encode, produce. Runs on Dask workers.

Module-level functions without a Client in them: a test can call them on one fragment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.wire import FragmentDone, NightDone, digest_candids, encode_keys, partitions_of
from engine.archive import Fragment, count_duplicates
from engine.errors import EncodeError, JobError, MessageSizeError
from engine.kafka import FragmentSender
from engine.pipeline import Selection, read_content
from engine.schema import descend, encode, names_along
from engine.transfer.manifest_plan import TransferTask

__all__ = ["count_night", "send_fragment"]

# What Kafka adds to a key and a value in a batch of one, and a margin.
_FRAMING_NBYTES = 1024


def send_fragment(
    task: TransferTask, fragment: Fragment, positions: np.ndarray | None, quota: int | None
) -> FragmentDone:
    """Send the selected alerts of a fragment; returns once Kafka has acknowledged each.

    Nothing is sent before all is read and encoded: of a fragment that can't be read to its end nothing leaves.

    Parameters
    ----------
    task
        The job.
    fragment
        What to send of.
    positions
        Positions of the selected alerts in the fragment, ascending, shape (k,); None selects all.
    quota
        Send only the first so many of them; None sends all.

    Raises
    ------
    ArchiveError
        If the file is not the one that was planned, or can't be read.
    EncodeError
        If an alert is larger than a message of the topic may be, naming it.
    KafkaError
        If a message was not delivered.
    JobError
        If the cluster no longer wants the fragment.
    """
    num_selected = fragment.num_alerts if positions is None else len(positions)
    if quota is not None:
        positions = np.arange(fragment.num_alerts)[:quota] if positions is None else positions[:quota]
    is_wanted = _wanted_by_cluster()
    encoded: list[tuple[np.ndarray, pa.Array]] = []
    largest = (0, 0, 0)  # bytes, row, identifier
    nbytes = digest = 0
    labels: Counter[str] = Counter()
    try:
        for rows, block in read_content(task.selection, fragment, positions):
            if not is_wanted():
                raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
            datums = encode(block, task.schema)
            sizes = np.diff(np.frombuffer(datums.buffers()[1], dtype=np.int64)[: len(datums) + 1])
            candids = _identifiers(block, task.selection)
            at = int(np.argmax(sizes))
            largest = max(largest, (int(sizes[at]), int(rows[at]), int(candids[at])))
            if largest[0] > task.max_message_nbytes - _FRAMING_NBYTES:
                raise _too_large(task, fragment, largest, task.max_message_nbytes)
            encoded.append((rows, datums))
            digest = (digest + digest_candids(candids)) % 2**128
            nbytes += int(sizes.sum())
            labels += _labels_in(block, task.selection.survey.class_columns, task.labels)
    finally:
        # After reading, so that a change on the way is seen; whatever went wrong, a changed file explains it best.
        task.selection.archive.check_unchanged(fragment.file)
    sender = FragmentSender(task.kafka, task.topic, is_wanted)
    per_partition = np.zeros(task.num_partitions, dtype=np.int64)
    try:
        for rows, datums in encoded:
            partitions = partitions_of(fragment.number, rows, task.num_partitions)
            sender.send(encode_keys(fragment.number, rows), datums.to_pylist(), partitions.tolist())
            per_partition += np.bincount(partitions, minlength=task.num_partitions)
        sender.finish()
    except MessageSizeError as exc:
        # What the topic takes was lowered since the job was planned.
        lowered = task.kafka.max_message_nbytes(task.topic)
        if largest[0] <= lowered - _FRAMING_NBYTES:
            raise
        raise _too_large(task, fragment, largest, lowered) from exc
    return FragmentDone(
        job_id=task.job_id,
        fragment=fragment.number,
        num_alerts=fragment.num_alerts,
        num_selected=num_selected,
        num_sent=int(per_partition.sum()),
        nbytes=nbytes,
        partitions={partition: int(n) for partition, n in enumerate(per_partition) if n},
        digest=f"{digest:032x}",
        time=time.time(),
        labels=dict(labels),
    )


def _labels_in(block: pa.RecordBatch, columns: Sequence[str], labels: Collection[str]) -> Counter[str]:
    """Return how many alerts of a block bear each of some labels, those that none bears left out."""
    found: Counter[str] = Counter()
    for name in columns if labels else ():
        counts = pc.value_counts(block.column(name)).to_pylist()
        found.update({count["values"]: count["counts"] for count in counts if count["values"] in labels})
    return found


def _identifiers(block: pa.RecordBatch, selection: Selection) -> np.ndarray:
    path = selection.projection.path_of(selection.survey.id_field)
    found = descend(dict(zip(block.schema.names, block.columns, strict=True)), names_along(block.schema, path))
    # An alert without identifier counts as 0: the digest needs a number, and null has none of its own.
    return (pa.nulls(block.num_rows) if found is None else found).cast(pa.int64()).fill_null(0).to_numpy()


def _too_large(task: TransferTask, fragment: Fragment, largest: tuple[int, int, int], most_nbytes: int) -> EncodeError:
    nbytes, row, identifier = largest
    return EncodeError(
        f"the alert {identifier} ({fragment.file.path}, row {row} of row groups {list(fragment.row_groups)}) "
        f"takes {nbytes:,} bytes as a message",
        accepted=f"{most_nbytes - _FRAMING_NBYTES:,} bytes, by the max.message.bytes of {task.topic}",
        next_step="choose a smaller content, or leave the alert out with a condition: "
        f"{task.selection.survey.id_field} != {identifier}",
    )


def _wanted_by_cluster() -> Callable[[], bool]:
    """Return what tells whether the Dask task that runs in this thread is still wanted.

    Dask forgets a running task that was cancelled, or that another worker does by now, but can't stop its thread.
    """
    try:
        worker = distributed.get_worker()
        key = worker.get_current_task()
    except ValueError:
        return lambda: True  # called by hand, without a cluster

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return is_wanted


def count_night(task: TransferTask, fragments: Sequence[Fragment]) -> NightDone:
    """Return the counts of one night, all fragments of which are given.

    Raises
    ------
    ArchiveError
        If a file can't be read and the job does not allow to leave such out.
    """
    num_alerts, num_duplicates = count_duplicates(
        task.selection.archive, fragments, task.selection.survey.id_field, skip_unreadable=task.skip_unreadable
    )
    return NightDone(
        job_id=task.job_id,
        night=fragments[0].file.night.isoformat(),
        num_alerts=num_alerts,
        num_duplicates=num_duplicates,
        time=time.time(),
    )
