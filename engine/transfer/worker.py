"""The work of a job on its fragments: filter, read the survivors, hand them to the sink. Runs on Dask workers.

Module-level functions without a Client in them: a test can call them on one fragment.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import distributed
import numpy as np

from consumer.settings import name_process
from consumer.wire import FragmentDone, NightDone
from engine.archive import Fragment, count_duplicates, open_ahead
from engine.errors import JobError
from engine.pipeline import NarrowReader
from engine.telemetry import job_logger
from engine.transfer.manifest_plan import TransferTask
from engine.transfer.sending import Part, Sending, together

__all__ = ["Outcome", "count_night", "send_fragment", "send_fragments"]

_log = job_logger("transfer")


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


def _scratch_folder() -> str | None:
    try:
        folder: str = distributed.get_worker().local_directory
    except ValueError:
        return None
    return folder


# Whatever lacks a secret here says so by the name that the cluster knows this process by.
name_process(_name_of_worker)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a fragment: its record, or why there is none."""

    fragment: Fragment
    done: FragmentDone | None = None
    failure: Exception | None = None
    identifiers: np.ndarray | None = None
    """Of all its alerts that have one, int64, shape (n,), in any order; None if they were not asked for."""


def send_fragment(
    task: TransferTask, fragment: Fragment, positions: np.ndarray | None = None, quota: int | None = None
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
        Positions of the selected alerts in the fragment, ascending, shape (k,); None: the predicate tells them.
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
    open_ = partial(task.selection.archive.open, fragment)
    part = Part(fragment=fragment, open=open_, positions=positions, quota=quota)
    with contextlib.closing(Sending(task, [part], _wanted_by_cluster(), _scratch_folder())) as sending:
        sending.select()
        sending.take()
        sending.send(part)
        return sending.with_seconds(sending.finish(part), _address())


def send_fragments(
    task: TransferTask,
    fragments: Sequence[Fragment],
    positions: Sequence[np.ndarray | None],
    quotas: Sequence[int | None],
    *,
    with_identifiers: bool = False,
) -> list[Outcome]:
    """Send the selected alerts of fragments; returns once the sink has acknowledged each.

    While the sink takes those of one fragment, the next is read and encoded.

    Parameters
    ----------
    task, fragments, positions, quotas
        As for `send_fragment`, for each fragment one.
    with_identifiers
        Whether to return the identifiers of all alerts, which are read anyway, or cost little beside what is.

    Returns
    -------
    list of Outcome
        One for each fragment, in their order. What fails one leaves the others as they are.

    Raises
    ------
    JobError
        If the cluster no longer wants them.
    """
    chosen: Sending | None = None
    with contextlib.ExitStack() as stack:
        way = _Way(task, _wanted_by_cluster(), stack)
        parts = _parts(task, fragments, positions, quotas, with_identifiers, stack)
        batches = stack.enter_context(contextlib.closing(together(parts, task.selection.block_alerts)))
        sendings = map(way.sending, batches)
        # What is selected is known of the next fragments, and is being fetched, while some are read and encoded, and
        # those before are on their way.
        while chosen or (chosen := way.selected(sendings)):
            following = way.selected(sendings)
            way.take(chosen)
            chosen = following
        way.finish()
    return [way.outcomes[fragment.number] for fragment in fragments]


def _parts(
    task: TransferTask,
    fragments: Sequence[Fragment],
    positions: Sequence[np.ndarray | None],
    quotas: Sequence[int | None],
    with_identifiers: bool,
    stack: contextlib.ExitStack,
) -> Iterator[Part]:
    """Yield the fragments with what opens each; of a store that takes its time the next ones are opened meanwhile."""
    selection = task.selection
    if selection.predicate.sql is not None and positions[0] is None:
        columns = NarrowReader(selection=selection).leaves(fragments, with_identifiers=with_identifiers)
    else:
        columns = list(selection.projection.columns())
    ahead = stack.enter_context(contextlib.closing(open_ahead(selection.archive, fragments, columns)))
    for (fragment, open_), found, quota in zip(ahead, positions, quotas, strict=True):
        with_its = with_identifiers and quota is None
        yield Part(fragment=fragment, open=open_, positions=found, quota=quota, with_identifiers=with_its)


class _Way:
    """The way of a task's fragments: what fails one leaves the others as they are.

    Parameters
    ----------
    task
        The job.
    is_wanted
        Returns whether the fragments still are.
    stack
        What is open is closed with it, and what is on its way abandoned.
    """

    def __init__(self, task: TransferTask, is_wanted: Callable[[], bool], stack: contextlib.ExitStack):
        self.outcomes: dict[int, Outcome] = {}
        """By the fragments' numbers."""
        self._task = task
        self._is_wanted = is_wanted
        self._folder = _scratch_folder()
        self._stack = stack
        self._alone: deque[Part] = deque()
        """Of fragments that failed together; each is tried by itself."""
        self._under_way: Sending | None = None
        stack.callback(self._abandon)

    def sending(self, parts: Sequence[Part]) -> Sending:
        """Return what sends fragments."""
        sending = Sending(self._task, parts, self._is_wanted, self._folder)
        self._stack.callback(sending.close)
        return sending

    def selected(self, sendings: Iterator[Sending]) -> Sending | None:
        """Return the next fragments of which it is known what is sent, or None after the last."""
        while True:
            sending = self.sending([self._alone.popleft()]) if self._alone else next(sendings, None)
            if sending is None or self._attempt(sending, sending.select):
                return sending

    def take(self, sending: Sending) -> None:
        """Have fragments read and sent, then wait for those before."""
        is_taken = self._attempt(sending, partial(sending.take, self._send_on))
        if is_taken:
            self._attempt_each(sending, sending.send)
        self.finish()
        self._under_way = sending if is_taken else None

    def _send_on(self) -> None:
        """Have the sink take more of those that are on their way: its queue empties while others are read."""
        if self._under_way is not None:
            self._attempt_each(self._under_way, self._under_way.send_on)

    def finish(self) -> None:
        """Wait for those that are on their way."""
        if self._under_way is None:
            return
        sending, done = self._under_way, {}

        def finish(part: Part) -> None:
            done[part] = sending.finish(part)

        self._attempt_each(sending, finish)
        self._under_way = None
        address = _address()
        for part, record in done.items():
            record = sending.with_seconds(record, address)
            _log.info(
                "fragment %d: %d alerts sent, %d bytes, in %.1f s",
                *(record.fragment, record.num_sent, record.nbytes, record.seconds),
            )
            self.outcomes[record.fragment] = Outcome(fragment=part.fragment, done=record, identifiers=part.identifiers)

    def _attempt(self, sending: Sending, step: Callable[[], object]) -> bool:
        """Try what is done to all of them before any is sent; return whether it went well."""
        try:
            step()
        except JobError:
            raise  # nothing ails: the job does not want it any more
        except Exception as exc:  # noqa: BLE001  the coordinator judges it
            sending.close()
            if len(sending.parts) > 1:
                # Any of them may be the one that ails.
                self._alone += [part.anew(self._task.selection.archive) for part in sending.parts]
            else:
                self._fail(sending.parts[0], exc)
            return False
        return True

    def _attempt_each(self, sending: Sending, step: Callable[[Part], object]) -> None:
        """Try what is done to each; the sending goes on with those for which it went well."""
        for part in list(sending.parts):
            try:
                step(part)
            except JobError:
                raise
            except Exception as exc:  # noqa: BLE001  the coordinator judges it
                sending.parts.remove(part)
                self._fail(part, exc)

    def _fail(self, part: Part, failure: Exception) -> None:
        self.outcomes[part.fragment.number] = Outcome(fragment=part.fragment, failure=failure)

    def _abandon(self) -> None:
        if self._under_way is not None:
            self._under_way.abandon()


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
