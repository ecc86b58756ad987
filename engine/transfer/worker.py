"""The work of a job on its fragments: filter, read the survivors, hand them to the sink. Runs on Dask workers.

Module-level functions without a Client in them: a test can call them on one fragment.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import distributed
import numpy as np

from consumer.settings import name_process
from consumer.wire import FragmentDone, NightDone
from engine.archive import Fragment, count_duplicates
from engine.errors import JobError
from engine.pipeline import read_content
from engine.sinks import FragmentFigures
from engine.telemetry import job_logger
from engine.transfer.manifest_plan import TransferTask

__all__ = ["Outcome", "count_night", "send_fragment"]

_log = job_logger("transfer")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one fragment of a task."""

    fragment: Fragment
    done: FragmentDone | None = None
    failure: BaseException | None = None
    identifiers: np.ndarray | None = None
    """Those of all alerts of the fragment, shape (n,); None if nobody asked, or if it has alerts without."""


def _name_of_worker() -> str | None:
    worker: distributed.Worker | None
    try:
        worker = distributed.get_worker()
    except ValueError:  # no thread of a task; but the process may be a worker's all the same
        worker = next(iter(distributed.Worker._instances), None)
    if worker is None:
        return None
    return f"the worker {worker.address} (process {os.getpid()} of {socket.gethostname()})"


def _address() -> str | None:
    try:
        address: str = distributed.get_worker().address
    except ValueError:
        return None  # called by hand, without a cluster
    return address


# Whatever lacks a secret here says so by the name that the cluster knows this process by.
name_process(_name_of_worker)


def send_fragment(
    task: TransferTask, fragment: Fragment, positions: np.ndarray | None, quota: int | None
) -> FragmentDone:
    """Send the selected alerts of a fragment; returns once the sink has acknowledged each.

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
        If the sink has no place for an alert, naming it.
    KafkaError
        If an alert was not delivered.
    JobError
        If the cluster no longer wants the fragment.
    """
    begun = time.monotonic()
    survey = task.selection.survey
    figures = FragmentFigures(
        job_id=task.job_id,
        fragment=fragment,
        num_selected=fragment.num_alerts if positions is None else len(positions),
        id_field=survey.id_field,
        id_path=task.selection.projection.path_of(survey.id_field),
        class_columns=task.selection.class_columns,
        labels=task.labels,
    )
    if quota is not None:
        positions = np.arange(fragment.num_alerts)[:quota] if positions is None else positions[:quota]
    is_wanted = _wanted_by_cluster()
    writer = task.sink.open(fragment, figures, is_wanted)
    try:
        for rows, block in read_content(task.selection, fragment, positions):
            if not is_wanted():
                raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
            writer.write(rows, block)
            figures.add(block)
    finally:
        # After reading, so that a change on the way is seen; whatever went wrong, a changed file explains it best.
        task.selection.archive.check_unchanged(fragment.file)
    done = replace(writer.finish(), worker=_address(), seconds=round(time.monotonic() - begun, 3))
    _log.info(
        "fragment %d: %d alerts sent, %d bytes, in %.1f s", done.fragment, done.num_sent, done.nbytes, done.seconds
    )
    return done


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
