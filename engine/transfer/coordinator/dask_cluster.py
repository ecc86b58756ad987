"""A Dask cluster, as the coordinator uses it."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import dask
import distributed

from consumer.wire import Manifest
from engine.archive import Fragment
from engine.conditions import filter_fragments
from engine.pipeline import NarrowReader
from engine.sinks import Sink
from engine.transfer.coordinator.cluster import Rules
from engine.transfer.manifest_plan import TransferTask, task_of
from engine.transfer.worker import count_night, send_fragment

__all__ = ["DaskCluster"]

_Future: TypeAlias = "distributed.Future[Any]"


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
    """

    def __init__(self, client: distributed.Client, sink: Sink, storage_options: Mapping[str, Any]):
        self._client = client
        self._sink = sink
        self._storage_options = storage_options
        self._ended: queue.SimpleQueue[_Future] = queue.SimpleQueue()
        self._inputs: dict[_Future, Any] = {}
        """What each future that is followed needs: without it Dask could not run what failed again."""

    @property
    def num_threads(self) -> int:
        """Return how many tasks run at once."""
        return sum(self._client.nthreads().values())

    @property
    def is_connected(self) -> bool:
        """Return whether the scheduler is still there."""
        return self._client.status == "running"

    def take_up(self, manifest: Manifest, coordinator: str) -> Rules:
        """Make the job's task, and have it sent to each worker once."""
        self._task: TransferTask = task_of(manifest, self._sink, self._storage_options)
        self._shared = dask.delayed(self._task, name=f"task-{self._task.job_id}-{coordinator}", traverse=False)
        return Rules(
            is_filtered=self._task.selection.predicate.sql is not None,
            limit=self._task.limit,
            skip_unreadable=self._task.skip_unreadable,
        )

    def filter(self, window: Sequence[Fragment]) -> list[_Future]:
        """Find the selected alerts of fragments."""
        found: list[_Future] = self._client.compute(self._filters(window))
        return found

    def _filters(self, window: Sequence[Fragment]) -> list[Any]:
        selection = self._task.selection
        predicate = selection.predicate
        if predicate.sql is None:
            return []
        return filter_fragments(NarrowReader(selection=selection), window, predicate.schema, predicate.sql)

    def count(self, found: Sequence[_Future]) -> list[_Future]:
        """Count the selected alerts of fragments."""
        lengths: list[_Future] = self._client.map(len, found, pure=False)
        return lengths

    def send(
        self, window: Sequence[Fragment], found: Sequence[_Future] | None, quotas: Sequence[int | None]
    ) -> list[_Future]:
        """Send fragments."""
        filters = self._filters(window) if found is None else []
        positions = found or filters or [None] * len(window)
        send = dask.delayed(send_fragment, pure=False)
        sends = [send(self._shared, *item) for item in zip(window, positions, quotas, strict=True)]
        # The filters are futures of their own: Dask can run what failed again only where the client knows all of it.
        futures = self._client.compute([*filters, *sends])
        inputs, sent = futures[: len(filters)] or positions, futures[len(filters) :]
        for future, needed in zip(sent, inputs, strict=True):
            # Let go of now, they might be forgotten before the scheduler has learnt what needs them.
            self._follow(future, needed)
        return sent

    def count_night(self, fragments: Sequence[Fragment]) -> _Future:
        """Count the alerts of a night, after the fragments that wait to be sent."""
        future: _Future = self._client.submit(count_night, self._task, fragments, pure=False, priority=-1)
        self._follow(future, None)
        return future

    def _follow(self, future: _Future, needed: Any) -> None:
        self._inputs[future] = needed
        future.add_done_callback(self._ended.put)

    def ended(self, timeout_s: float) -> list[_Future]:
        """Return what ended since the last call."""
        found: list[_Future] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._ended.get(timeout=timeout_s))
            while True:
                found.append(self._ended.get_nowait())
        return found

    def wait(self, futures: Sequence[_Future], timeout_s: float) -> None:
        """Return when all these futures have ended, or after a time."""
        with contextlib.suppress(TimeoutError):
            distributed.wait(futures, timeout=timeout_s)

    def retry(self, future: _Future) -> None:
        """Run a task again, and what it needs of others that failed."""
        future.retry()
        if future in self._inputs:
            future.add_done_callback(self._ended.put)

    def release(self, future: _Future) -> None:
        """Let go of a future, and of what it needs."""
        del self._inputs[future]

    def cancel(self, futures: Sequence[_Future]) -> None:
        """Stop tasks, also those that others wait for."""
        self._client.cancel(list(futures), force=True)
