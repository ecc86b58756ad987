"""A Dask cluster, as the coordinator uses it.

Its workers may be others': one that joins while the job runs may lack our code, or have another version of it. So each
task goes through a door (`engine.workers`). The log names a worker that refuses one, once; it is not used again.
"""

from __future__ import annotations

import contextlib
import operator
import platform
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import dask
import distributed
import pyarrow as pa
from distributed.protocol.pickle import dumps

from consumer.wire import LogLine, Manifest
from consumer.words import count_text
from engine.archive import Fragment
from engine.sinks import Sink
from engine.telemetry import tell
from engine.transfer.coordinator import tasks
from engine.transfer.coordinator.cluster import Load, Rules, Work
from engine.transfer.coordinator.dask_events import DaskEvents
from engine.transfer.coordinator.dask_task import DaskTask
from engine.transfer.coordinator.holding import held
from engine.transfer.coordinator.retries import named
from engine.transfer.manifest_plan import TransferTask, task_of
from engine.workers import Refusal, Sent, loaded_code, no_worker_left

__all__ = ["DaskCluster"]

_NO_WORKER_S = 60.0
_LOOK_EVERY_S = 1.0
# Dask's priorities: of one, tasks run in the order in which they were submitted.
_TURN = 0
_EXTRA = -1
_CALL = dask.delayed(operator.call, pure=False, traverse=False)


class DaskCluster:
    """A Dask cluster; see `Cluster`.

    Parameters
    ----------
    client
        Its client.
    sink
        What the workers send to.
    storage_options
        For the archive's file system.
    leave
        Leaves the thread to other tasks, which the caller holds until then. None: it was left before.
    """

    def __init__(
        self,
        client: distributed.Client,
        sink: Sink,
        storage_options: Mapping[str, Any],
        leave: Callable[[], None] | None = None,
    ):
        self._leave = leave
        self._num_threads, self._count_threads_at = 0, 0.0
        self._client = client
        self._sink = sink
        self._storage_options = storage_options
        self._ended: queue.SimpleQueue[DaskTask] = queue.SimpleQueue()
        self._followed: set[DaskTask] = set()
        self._wrong: dict[str, str] = {}
        """Address of each worker that refused a task -> why."""
        self._others: list[str] = []
        """Workers that have refused none, as of the last look."""
        self._next_look_at = 0.0
        self._is_door_sent = False
        self._events: DaskEvents | None = None
        self._waiting: dict[DaskTask, float] = {}
        """Tasks for which no worker is left -> since when."""

    @property
    def num_threads(self) -> int:
        """Return how many tasks run at once, as of the last second."""
        if time.monotonic() >= self._count_threads_at and self.is_connected:
            with contextlib.suppress(OSError):  # the scheduler is away: the last answer stands
                self._num_threads = sum(self._client.nthreads().values())
            self._count_threads_at = time.monotonic() + _LOOK_EVERY_S
        return self._num_threads

    @property
    def num_workers(self) -> int:
        """Return how many workers there are, as far as was told."""
        return len(self._events.workers) if self._events else 0

    @property
    def facts(self) -> str:
        """Return what the cluster is and runs."""
        here = f"Python {platform.python_version()}, Dask {distributed.__version__}, pyarrow {pa.__version__}"
        workers, threads = count_text(self.num_workers, "worker"), count_text(self.num_threads, "thread")
        scheduler = self._client.scheduler
        at = f" at {scheduler.address}" if scheduler else ""
        return f"alert-transfer {loaded_code()}, {here}; {workers} with {threads}{at}"

    @property
    def is_connected(self) -> bool:
        """Return whether the scheduler is still there."""
        return self._client.status == "running"

    def take_up(self, manifest: Manifest, coordinator: str) -> Rules:
        """Make the job's task, and have it sent to each worker once."""
        self._topic = manifest.require_plan().topic
        self._task: TransferTask = task_of(manifest, self._sink, self._storage_options)
        self._channel = channel = f"alert-transfer-{self._task.job_id}-{coordinator}"
        self._events = DaskEvents(self._client, self._topic, channel)
        call = Sent(tasks.run, self._task, self._topic, channel)
        # Handed over with the first tasks; then a future of it, by which the scheduler knows it.
        self._door: Any = dask.delayed(call, name=f"task-{self._topic}-{coordinator}", traverse=False)
        return Rules(
            is_filtered=self._task.selection.predicate.sql is not None,
            limit=self._task.limit,
            skip_unreadable=self._task.skip_unreadable,
        )

    def new_lines(self) -> list[LogLine]:
        """Return what came since the last call."""
        return self._events.take() if self._events else []

    def filter(self, window: Sequence[Fragment]) -> list[DaskTask]:
        """Find the selected alerts of fragments."""
        found = [self._made("find", fragment, fragment) for fragment in window]
        self._submit(found)
        return found

    def count(self, found: Sequence[DaskTask]) -> list[DaskTask]:
        """Count the selected alerts of fragments."""
        counts = [self._made("count", one.work, needed=one) for one in found]
        self._submit(counts)
        return counts

    def send(
        self,
        loads: Sequence[Load],
        found: Sequence[DaskTask] | None = None,
        quotas: Sequence[int | None] | None = None,
    ) -> list[DaskTask]:
        """Send fragments."""
        sends = [
            self._made_send(load, None if quotas is None else [quotas[at]], None if found is None else found[at])
            for at, load in enumerate(loads)
        ]
        for priority in (_TURN, _EXTRA):
            if made := [task for task in sends if task.priority == priority]:
                self._submit(made, follow=made)
        return sends

    def send_here(self, load: Load, quota: int) -> DaskTask | None:
        """Send a fragment in this thread."""
        if self._leave is None:
            return None
        with held() as is_held:
            if not is_held:
                return None
            made = self._made_send(load, [quota], None)
            made.run_here(partial(tasks.run, self._task, self._topic, self._channel, made.sealed))
        self._followed.add(made)
        self._ended.put(made)
        return made

    def leave_thread(self) -> None:
        """Leave the thread to other tasks."""
        if self._leave is not None:
            leave, self._leave = self._leave, None
            leave()

    def send_again(self, future: DaskTask, load: Load) -> DaskTask:
        """Send fragments of a task by another one."""
        assert isinstance(future.work, Load)
        quotas = dict(zip(future.work.fragments, future.quotas, strict=True))
        made = self._made_send(load, [quotas[fragment] for fragment in load.fragments], future.needed)
        self._submit([made], follow=[made])
        return made

    def died(self) -> list[DaskTask]:
        """Return the tasks that were on workers that died."""
        keys = self._events.take_dead() if self._events else set()
        if not keys:
            return []
        return [task for task in self._followed if task.future is not None and task.future.key in keys]

    def count_night(self, fragments: Sequence[Fragment]) -> DaskTask:
        """Count the alerts of a night."""
        night = fragments[0].file.night.isoformat()
        counted = self._made("night", night, fragments)
        self._submit([counted], follow=[counted])
        return counted

    def _made_send(self, load: Load, quotas: list[int | None] | None, needed: DaskTask | None) -> DaskTask:
        quotas = [None] * len(load.fragments) if quotas is None else quotas
        arguments = (load.fragments, quotas, load.with_identifiers)
        made = self._made("send", load, *arguments, needed=needed, priority=_EXTRA if load.is_extra else _TURN)
        made.quotas = quotas
        return made

    def _made(
        self, name: str, work: Work | Load, *arguments: Any, needed: DaskTask | None = None, priority: int = _TURN
    ) -> DaskTask:
        sealed = dumps((named(work), getattr(tasks, name), *arguments))
        return DaskTask(name, work, sealed, needed, priority=priority, on_refusal=self._elsewhere)

    def _submit(self, made: Sequence[DaskTask], follow: Iterable[DaskTask] = ()) -> None:
        """Have tasks computed, each with what it needs: of these themselves, or of what is computed already."""
        places = self._places()
        if places == []:
            for task in made:
                task.take(None)
                self._waiting.setdefault(task, time.monotonic())
        else:
            delayed: dict[DaskTask, Any] = {}
            for task in sorted(made, key=lambda one: one.needed is not None):
                inputs = [] if task.needed is None else [delayed.get(task.needed, task.needed.future)]
                # Scheduler and workers log keys: so their lines name the job. Their pages group by what is before it.
                key = f"alert-transfer-{task.name}-{self._topic}-{uuid.uuid4().hex}"
                delayed[task] = _CALL(self._door, task.sealed, *inputs, dask_key_name=key)
            # Tasks that are submitted together have one priority.
            priority = made[0].priority if made else _TURN
            if places is None and priority == _TURN and self._events:
                # Of a task that may run on some workers, Dask decides at once on which, and it waits there by its
                # priority. Of a large group that may run on any, it keeps all but a few back until workers have room:
                # tasks that are put on workers, and those of small groups, would pass them for ever.
                places = sorted(self._events.workers)
            where = {"workers": places, "allow_other_workers": True} if places else {}
            door = [] if self._is_door_sent else [self._door]
            futures = self._client.compute([*delayed.values(), *door], priority=priority, **where)
            for task, future in zip(delayed, futures[: len(delayed)], strict=True):
                task.take(future)
            if door:
                self._door, self._is_door_sent = futures[-1], True
        for task in follow:
            self._followed.add(task)
            self._call_back(task)

    def _call_back(self, task: DaskTask) -> None:
        if task.future is not None:
            task.future.add_done_callback(lambda _: self._ended.put(task))

    def _places(self) -> list[str] | None:
        """Return the workers that may be right, or None while all may be."""
        if not self._wrong:
            return None
        if time.monotonic() >= self._next_look_at:
            self._others = [worker for worker in self._client.nthreads() if worker not in self._wrong]
            self._next_look_at = time.monotonic() + _LOOK_EVERY_S
        return self._others

    def _elsewhere(self, task: DaskTask, refusal: Refusal) -> None:
        """Have a task that was refused computed on another worker, and before it what it needs, where that was."""
        if refusal.worker not in self._wrong:
            text = f"{refusal.worker} is not used for this job: it {refusal.problem}"
            tell(text, level="warning", event="worker-refused")
            self._wrong[refusal.worker] = refusal.problem
            self._next_look_at = 0.0
        needed = task.needed
        if needed and needed.future is not None and needed.future.key == refusal.key:
            self._submit([needed])
        self._submit([task], follow=[task] if task in self._followed else [])

    def _submit_waiting(self) -> None:
        """Submit what waits for a worker once there is one, or let it fail."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        if self._places() != []:
            made = list(waiting)
            self._submit(made, follow=[task for task in made if task in self._followed])
        elif time.monotonic() - min(waiting.values()) < _NO_WORKER_S:
            self._waiting = waiting
        else:
            for task in waiting:
                task.fail(no_worker_left(self._wrong))
                self._ended.put(task)

    def ended(self, timeout_s: float) -> list[DaskTask]:
        """Return what ended since the last call."""
        self._submit_waiting()
        found: list[DaskTask] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._ended.get(timeout=timeout_s))
            while True:
                found.append(self._ended.get_nowait())
        return [task for task in dict.fromkeys(found) if task in self._followed and not task.has_moved()]

    def wait(self, futures: Sequence[DaskTask], timeout_s: float) -> None:
        """Return when all these tasks have ended, or after a time."""
        self._submit_waiting()
        with contextlib.suppress(TimeoutError):
            if submitted := [task.future for task in futures if task.future is not None]:
                distributed.wait(submitted, timeout=timeout_s)
            else:
                time.sleep(timeout_s)

    def retry(self, future: DaskTask) -> None:
        """Run a task again, and what it needs of others that failed."""
        if future.future is None:
            self._submit([future], follow=[future])
            return
        future.future.retry()
        if future in self._followed:
            self._call_back(future)

    def release(self, future: DaskTask) -> None:
        """Let go of a task, and of what it needs."""
        self._followed.discard(future)

    def cancel(self, futures: Sequence[DaskTask]) -> None:
        """Stop tasks, also those that others wait for."""
        self._client.cancel([task.future for task in futures if task.future is not None], force=True)

    def close(self) -> None:
        """Listen to the cluster no more."""
        if self._events:
            self._events.close()
