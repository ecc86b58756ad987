"""The work of a job on its fragments: filter, read the survivors, hand them to the sink. Runs on Dask workers.

Module-level functions without a Client in them: a test can call them on one fragment.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import distributed
import numpy as np

from consumer.settings import name_process
from consumer.wire import FragmentDone, NightDone
from engine.archive import Fragment, OpenFragment, count_duplicates, open_ahead
from engine.conditions import filter_table
from engine.errors import JobError
from engine.pipeline import NarrowReader, SelectedContent
from engine.sinks import FragmentFigures
from engine.telemetry import job_logger
from engine.transfer.manifest_plan import TransferTask

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
    with contextlib.closing(_Sending(task, fragment, open_, positions, quota, _wanted_by_cluster())) as sending:
        sending.select()
        sending.take()
        sending.send()
        return sending.finish()


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
    is_wanted = _wanted_by_cluster()
    outcomes: dict[int, Outcome] = {}

    def attempt(sending: _Sending, *steps: Callable[[], object]) -> bool:
        try:
            for step in steps:
                step()
        except JobError:
            raise  # nothing ails: the job does not want it any more
        except Exception as exc:  # noqa: BLE001  the coordinator judges it
            outcomes[sending.fragment.number] = Outcome(fragment=sending.fragment, failure=exc)
            return False
        return True

    def settle(sending: _Sending) -> None:
        outcomes[sending.fragment.number] = Outcome(
            fragment=sending.fragment, done=sending.finish(), identifiers=sending.identifiers
        )

    def abandon() -> None:
        if under_way:
            under_way.abandon()

    chosen: _Sending | None = None
    under_way: _Sending | None = None
    with contextlib.ExitStack() as stack:
        sendings = _opened(task, fragments, positions, quotas, is_wanted, with_identifiers, stack)
        stack.callback(abandon)
        # What is selected is known of the next fragment, and is being fetched, while one is read and encoded, and the
        # one before is on its way.
        for sending in itertools.chain(sendings, [None]):
            is_chosen = sending is not None and attempt(sending, sending.select)
            if chosen:
                is_sent = attempt(chosen, chosen.take, chosen.send)
                if under_way:
                    attempt(under_way, partial(settle, under_way))
                under_way = chosen if is_sent else None
            chosen = sending if is_chosen else None
        if under_way:
            attempt(under_way, partial(settle, under_way))
            under_way = None
    return [outcomes[fragment.number] for fragment in fragments]


def _opened(
    task: TransferTask,
    fragments: Sequence[Fragment],
    positions: Sequence[np.ndarray | None],
    quotas: Sequence[int | None],
    is_wanted: Callable[[], bool],
    with_identifiers: bool,
    stack: contextlib.ExitStack,
) -> Iterator[_Sending]:
    """Yield what sends each fragment; of a store that takes its time the next ones are opened meanwhile.

    What is open is closed with the stack.
    """
    selection = task.selection
    if selection.predicate.sql is not None and positions[0] is None:
        columns = NarrowReader(selection=selection).leaves(fragments, with_identifiers=with_identifiers)
    else:
        columns = list(selection.projection.columns())
    ahead = stack.enter_context(contextlib.closing(open_ahead(selection.archive, fragments, columns)))
    for (fragment, open_), found, quota in zip(ahead, positions, quotas, strict=True):
        with_its = with_identifiers and quota is None
        sending = _Sending(task, fragment, open_, found, quota, is_wanted, with_identifiers=with_its)
        stack.callback(sending.close)
        yield sending


class _Sending:
    """One fragment on its way: selected, then taken from the archive, then sent, then acknowledged."""

    def __init__(
        self,
        task: TransferTask,
        fragment: Fragment,
        open_: Callable[[], OpenFragment],
        positions: np.ndarray | None,
        quota: int | None,
        is_wanted: Callable[[], bool],
        *,
        with_identifiers: bool = False,
    ):
        self.fragment = fragment
        self.identifiers: np.ndarray | None = None
        """Once it is taken, if they were asked for."""
        self._task = task
        self._positions = positions
        self._quota = quota
        self._is_wanted = is_wanted
        self._with_identifiers = with_identifiers
        self._open = open_
        self._opened: OpenFragment | None = None
        self._seconds = 0.0
        """Spent on it, without what was done for other fragments in between."""

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def select(self) -> None:
        """Find which alerts are sent, and begin to fetch them."""
        with self._timed():
            selection, fragment = self._task.selection, self.fragment
            self._opened = self._open()
            with self._checked():
                if self._positions is None and selection.predicate.sql is not None:
                    self._positions = self._selected(self._opened)
                self._num_selected = fragment.num_alerts if self._positions is None else len(self._positions)
                if self._quota is not None:
                    all_of_them = np.arange(fragment.num_alerts) if self._positions is None else self._positions
                    self._positions = all_of_them[: self._quota]
                self._content = SelectedContent(selection, self._opened, self._positions)
                self._content.fetch()

    def _selected(self, opened: OpenFragment) -> np.ndarray:
        """Return the positions of the alerts that fulfil the predicate."""
        selection = self._task.selection
        reader = NarrowReader(selection=selection)
        if self._with_identifiers:
            table, identifiers = reader.with_identifiers(opened)
            self.identifiers = identifiers.drop_null().to_numpy()
        else:
            table = reader.of(opened)
        return filter_table(table, selection.predicate.sql)

    def take(self) -> None:
        """Read the selected alerts, and have them encoded."""
        task, fragment = self._task, self.fragment
        survey = task.selection.survey
        figures = FragmentFigures(
            job_id=task.job_id,
            fragment=fragment,
            num_selected=self._num_selected,
            id_field=survey.id_field,
            id_path=task.selection.projection.path_of(survey.id_field),
            class_columns=task.selection.class_columns,
            labels=task.labels,
            keeps_identifiers=self._with_identifiers and self._positions is None,
        )
        self._writer = task.sink.open(fragment, figures, self._is_wanted, _scratch_folder())
        with self._timed():
            with self._checked():
                for rows, block in self._content.blocks():
                    if not self._is_wanted():
                        raise JobError("stopped on the way: the job was cancelled, or another worker does the same")
                    self._writer.write(rows, block)
                    figures.add(block)
            assert self._opened is not None
            # Once more after reading: so a change on the way is seen.
            self._opened.check_unchanged()
            self.close()
            del self._content  # it holds what is mapped of the file
            if figures.seen is not None:
                self.identifiers = figures.seen.drop_null().to_numpy()

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        """Tell of a changed file, whatever else went wrong: that explains it best."""
        assert self._opened is not None
        try:
            yield
        except Exception:
            self._opened.check_unchanged()
            self.close()
            raise

    def send(self) -> None:
        """Have the sink take the alerts."""
        with self._timed():
            self._writer.send()

    def abandon(self) -> None:
        """Have the sink drop what it has not sent yet: the job does not want the fragment any more."""
        self._writer.abandon()

    def finish(self) -> FragmentDone:
        """Return the record of the fragment once the sink has acknowledged all of it."""
        with self._timed():
            done = self._writer.finish()
        seconds = round(self._seconds, 3)
        _log.info(
            "fragment %d: %d alerts sent, %d bytes, in %.1f s", done.fragment, done.num_sent, done.nbytes, seconds
        )
        return replace(done, worker=_address(), seconds=seconds)

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds += time.monotonic() - begun


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
