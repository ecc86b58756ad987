"""What the coordinator's tasks do on a worker, once the worker is found right: each is called behind a door.

What they return travels between workers of any kind, and to the coordinator: numbers, arrays, or bytes of ours.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from engine.archive import Fragment
from engine.conditions import filter_table
from engine.errors import AlertTransferError, JobError
from engine.pipeline import NarrowReader
from engine.telemetry import in_job, tell
from engine.transfer.coordinator.dask_events import tell_coordinator
from engine.transfer.manifest_plan import TransferTask
from engine.transfer.worker import count_night, send_fragments

__all__ = ["count", "find", "night", "run", "send", "unpacked"]


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


def find(task: TransferTask, fragment: Fragment) -> np.ndarray:
    """Return the positions of a fragment's selected alerts."""
    selection = task.selection
    return filter_table(NarrowReader(selection=selection)(fragment), selection.predicate.sql)


def count(task: TransferTask, positions: np.ndarray) -> int:
    """Return how many alerts are selected."""
    return len(positions)


def send(
    task: TransferTask,
    fragments: Sequence[Fragment],
    quotas: Sequence[int | None],
    with_identifiers: bool,
    *positions: np.ndarray,
) -> bytes:
    """Send fragments; their outcomes come packed, in order. What fails a fragment that is alone fails the task.

    Parameters
    ----------
    task
        The job.
    fragments, quotas
        What is sent: of each fragment so many of its selected alerts, or all.
    with_identifiers
        Whether the identifiers of all their alerts come, too.
    positions
        What `find` has found of each; where there is nothing, the fragments are filtered here.
    """
    found: Sequence[np.ndarray | None] = positions or [None] * len(fragments)
    outcomes = send_fragments(task, fragments, found, quotas, with_identifiers=with_identifiers)
    if len(outcomes) == 1 and outcomes[0].failure:
        raise outcomes[0].failure
    return pickle.dumps(outcomes)


def night(task: TransferTask, fragments: Sequence[Fragment]) -> bytes:
    """Count a night; the record of it comes packed."""
    return pickle.dumps(count_night(task, fragments))


def unpacked(result: Any) -> Any:
    """Return what a task returned, as the coordinator takes it."""
    return pickle.loads(result) if isinstance(result, bytes) else result
