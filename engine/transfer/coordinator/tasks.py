"""What the coordinator's tasks do on a worker, once the worker is found right: each is called behind a door.

What they return travels between workers of any kind, and to the coordinator: numbers, arrays, or bytes of ours.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import cloudpickle
import dask
import numpy as np
import pyarrow as pa

from engine.archive import Fragment
from engine.conditions import filter_fragments
from engine.errors import AlertTransferError, JobError
from engine.pipeline import NarrowReader, Selection
from engine.telemetry import in_job, tell
from engine.transfer.coordinator.dask_events import tell_coordinator
from engine.transfer.manifest_plan import TransferTask
from engine.transfer.worker import Outcome, count_night, send_fragment

__all__ = ["count", "find", "night", "packed_graph", "run", "send", "unpacked"]

_SELECTION = "selection"


def run(task: TransferTask, topic: str, channel: str, sealed: bytes, *inputs: Any) -> Any:
    """Run a pickled call, a function of this module with its own arguments, for a job.

    Parameters
    ----------
    task, topic
        The job, and its name.
    channel
        Where its coordinator listens.
    sealed
        What the call works on, in words; the function; its arguments.
    inputs
        What was computed before, its last arguments.
    """
    what, function, *arguments = pickle.loads(sealed)
    with in_job(topic, partial(tell_coordinator, channel)):
        try:
            return function(task, *arguments, *inputs)
        except JobError:
            raise  # nothing ails: the job does not want it any more
        except Exception as exc:
            why = exc.as_told if isinstance(exc, AlertTransferError) else f"{type(exc).__name__}: {exc}"
            tell(f"{what} failed: {why}", level="warning", event="failure")
            raise


def find(task: TransferTask, graph: bytes, key: Any) -> np.ndarray:
    """Return the positions of a fragment's selected alerts, as a packed graph of its own computes them."""
    found: np.ndarray = dask.get(_Unpickler(io.BytesIO(graph), task.selection).load(), key)
    return found


def packed_graph(graph: Mapping[Any, Any], selection: Selection) -> bytes:
    """Return a fragment's graph without the selection in it, which each worker has from the job's task."""
    file = io.BytesIO()
    _Pickler(file, selection).dump(dict(graph))
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):
    def __init__(self, file: io.BytesIO, selection: Selection):
        super().__init__(file)
        self._selection = selection

    def persistent_id(self, obj: object) -> str | None:
        return _SELECTION if obj is self._selection else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, selection: Selection):
        super().__init__(file)
        self._selection = selection

    def persistent_load(self, pid: object) -> Selection:
        assert pid == _SELECTION
        return self._selection


def count(task: TransferTask, positions: np.ndarray) -> int:
    """Return how many alerts are selected."""
    return len(positions)


def send(
    task: TransferTask,
    fragments: Sequence[Fragment],
    quotas: Sequence[int | None],
    with_identifiers: bool,
    *positions: np.ndarray | None,
) -> bytes:
    """Send fragments, one after another; what became of each comes packed."""
    outcomes = []
    for at, (fragment, quota) in enumerate(zip(fragments, quotas, strict=True)):
        predicate = task.selection.predicate
        try:
            if positions:
                found = positions[at]
            elif predicate.sql is None:
                found = None
            else:
                reader = NarrowReader(selection=task.selection)
                (delayed,) = filter_fragments(reader, [fragment], predicate.schema, predicate.sql)
                found = delayed.compute(scheduler="sync")
            done = send_fragment(task, fragment, found, quota)
            ids = None
            if with_identifiers:
                id_field = task.selection.survey.id_field
                ids = task.selection.archive.read_leaves(fragment, [id_field], [pa.int64()])[id_field].to_numpy()
            outcomes.append(Outcome(fragment=fragment, done=done, identifiers=ids))
        except JobError:
            raise
        except Exception as exc:
            why = exc.as_told if isinstance(exc, AlertTransferError) else f"{type(exc).__name__}: {exc}"
            tell(f"fragment {fragment.number} failed: {why}", level="warning", event="failure")
            outcomes.append(Outcome(fragment=fragment, failure=exc))
    return pickle.dumps(outcomes)


def night(task: TransferTask, fragments: Sequence[Fragment]) -> bytes:
    """Count a night; the record of it comes packed."""
    return pickle.dumps(count_night(task, fragments))


def unpacked(result: Any) -> Any:
    """Return what a task returned, as the coordinator takes it."""
    return pickle.loads(result) if isinstance(result, bytes) else result
