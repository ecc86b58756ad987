"""The coordinator: a long-running task on the cluster that sees one job through.

It alone writes the job's manifest. It submits fragments in bounded windows, writes a record for each that is finished,
beats, minds requests to cancel, and ends the job in a final state. Run again elsewhere, it goes on from the manifest.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import dask
import distributed

from consumer.wire import FINAL_STATES, HEARTBEAT_EVERY_S, FragmentDone, Heartbeat, Manifest, StateChange
from engine.archive import Fragment
from engine.errors import AlertTransferError, JobError, KafkaError
from engine.filtering import filter_fragments
from engine.kafka import KafkaCluster, ManifestReader, ManifestWriter
from engine.task import fragments_of, task_of
from engine.transfer import NarrowReader, send_fragment

__all__ = ["coordinate"]

_WINDOW_FRAGMENTS = 32
_ATTEMPTS = 3


def coordinate(topic: str, kafka: KafkaCluster, storage_options: Mapping[str, Any]) -> str:
    """See a planned job through; returns its final state. Runs as a task on the cluster.

    Parameters
    ----------
    topic
        The job's topic; its manifest holds the plan.
    kafka
        Where it is.
    storage_options
        For the archive's file system.

    Raises
    ------
    KafkaError
        If the manifest can't be written: then nobody can be told anything but by silence.
    """
    reader = ManifestReader(kafka, topic)
    try:
        manifest = reader.refresh()
        if manifest.stated in FINAL_STATES:
            return manifest.stated
        if manifest.plan is None:
            raise JobError(f"the manifest of {topic} holds no plan", next_step="submit again")
        # worker_client secedes: the coordinator takes no thread of its worker away from the fragments.
        with distributed.worker_client() as client:
            return _Coordinator(client, kafka, manifest, reader).run(storage_options)
    finally:
        reader.close()


class _Cancelled(Exception):
    """Somebody asked for the job to stop."""


class _Coordinator:
    def __init__(self, client: distributed.Client, kafka: KafkaCluster, manifest: Manifest, reader: ManifestReader):
        self._client = client
        self._kafka = kafka
        self._manifest = manifest
        self._reader = reader
        self._plan = manifest.plan
        self._name = uuid.uuid4().hex
        self._writer = ManifestWriter(kafka, self._plan.topic)
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._results: queue.SimpleQueue[distributed.Future] = queue.SimpleQueue()
        self._in_flight: dict[distributed.Future, Fragment] = {}
        self._attempts: dict[int, int] = {}
        self._num_sent = manifest.num_sent

    def run(self, storage_options: Mapping[str, Any]) -> str:
        self._write_state("running")
        watch = threading.Thread(target=self._watch, name="alert-transfer-heartbeat", daemon=True)
        watch.start()
        error = None
        try:
            task = task_of(self._manifest, self._kafka, storage_options)
            done = set(self._manifest.fragments)
            todo = [fragment for fragment in fragments_of(self._manifest) if fragment.number not in done]
            self._send(task, todo)
            state = "complete" if self._num_sent else "empty"
        except _Cancelled:
            state = "cancelled"
        except AlertTransferError as exc:
            state, error = "failed", exc.as_dict()
        except Exception as exc:  # noqa: BLE001  whatever it is, the job must not just fall silent
            state, error = "failed", {"message": f"{type(exc).__name__}: {exc}", "accepted": None, "next": None}
        finally:
            self._ended.set()
            watch.join()
        self._client.cancel(list(self._in_flight), force=True)
        self._write_state(state, error)
        return state

    def _watch(self) -> None:
        """Beat, and mind requests to cancel, until the end."""
        next_beat = time.monotonic() + HEARTBEAT_EVERY_S
        while not self._ended.is_set():
            try:
                if self._reader.wait_for_more(0.5).cancel_requested:
                    self._cancelled.set()
                if time.monotonic() >= next_beat:
                    self._writer.append(Heartbeat(job_id=self._plan.job_id, coordinator=self._name, time=time.time()))
                    next_beat = time.monotonic() + HEARTBEAT_EVERY_S
            except KafkaError:
                # A broker that is away comes back, or the fragments fail for good and end the job.
                self._ended.wait(1.0)

    def _send(self, task, todo: Sequence[Fragment]) -> None:
        """Send all fragments, in windows that keep the workers busy without flooding the scheduler."""
        waiting = deque(todo)
        shared = dask.delayed(task, name=f"task-{self._plan.job_id}-{self._name}", traverse=False)
        threads = sum(self._client.nthreads().values())
        capacity = max(_WINDOW_FRAGMENTS, 4 * threads)
        while waiting or self._in_flight:
            # With a limit, how much a window may send depends on what the windows before it found.
            ready = len(self._in_flight) <= capacity // 2 if task.limit is None else not self._in_flight
            if waiting and ready:
                if task.limit is not None and self._num_sent >= task.limit:
                    return
                self._submit(task, shared, [waiting.popleft() for _ in range(min(capacity, len(waiting)))])
            self._collect()

    def _submit(self, task, shared, window: Sequence[Fragment]) -> None:
        positions: list[Any] = [None] * len(window)
        if task.question.sql is not None:
            positions = filter_fragments(NarrowReader.of(task), window, task.question.schema, task.question.sql)
        quotas: Sequence[int | None] = [None] * len(window)
        if task.limit is not None:
            positions, quotas = self._quotas(task, window, positions)
        send = dask.delayed(send_fragment, pure=False)
        sends = [send(shared, *item) for item in zip(window, positions, quotas, strict=True)]
        for fragment, future in zip(window, self._client.compute(sends), strict=True):
            self._in_flight[future] = fragment
            future.add_done_callback(self._results.put)

    def _quotas(self, task, window: Sequence[Fragment], positions: Sequence[Any]) -> tuple[list[Any], list[int]]:
        """Return what of each fragment makes up the first `limit` matches, in the archive's order."""
        counts = [fragment.num_alerts for fragment in window]
        if task.question.sql is not None:
            positions = self._client.compute(list(positions))
            counts = self._client.gather(self._client.map(len, positions, pure=False))
        left, quotas = task.limit - self._num_sent, []
        for count in counts:
            quotas.append(min(count, left))
            left -= quotas[-1]
        return list(positions), quotas

    def _collect(self) -> None:
        """Take in what is finished, waiting a moment for the first of it."""
        try:
            future = self._results.get(timeout=0.25)
        except queue.Empty:
            future = None
        finished: list[FragmentDone] = []
        while future is not None:
            self._take(future, finished)
            future = None if self._results.empty() else self._results.get()
        if finished:
            self._writer.append(*finished)
            self._num_sent += sum(done.num_sent for done in finished)
        if self._cancelled.is_set():
            raise _Cancelled

    def _take(self, future: distributed.Future, finished: list[FragmentDone]) -> None:
        fragment = self._in_flight[future]
        if future.status == "finished":
            finished.append(future.result())
            del self._in_flight[future]
            return
        failure = future.exception() if future.status == "error" else None
        attempts = self._attempts[fragment.number] = self._attempts.get(fragment.number, 0) + 1
        if isinstance(failure, KafkaError) and attempts < _ATTEMPTS:
            # Kafka may be back by now; what was delivered of the fragment already is known again by its keys.
            future.retry()
            future.add_done_callback(self._results.put)
            return
        if isinstance(failure, AlertTransferError):
            raise failure
        what = f"fragment {fragment.number} ({fragment.file.path}, row groups {list(fragment.row_groups)})"
        if isinstance(failure, distributed.scheduler.KilledWorker):
            raise JobError(
                f"{what} ended its worker {failure.allowed_failures + 1} times, most likely for lack of memory",
                next_step="give the workers more memory, then: alert-transfer resume " + self._plan.topic,
            ) from failure
        raise JobError(f"{what} failed: {type(failure).__name__}: {failure}") from failure

    def _write_state(self, state: str, error: dict[str, Any] | None = None) -> None:
        record = StateChange(job_id=self._plan.job_id, state=state, time=time.time(), error=error)
        self._writer.append(record)
        self._kafka.announce_job(
            {
                "topic": self._plan.topic,
                "job_id": self._plan.job_id,
                "state": state,
                "created_at": self._plan.created_at,
                "num_alerts_sent": self._num_sent,
            }
        )
