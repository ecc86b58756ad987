"""How a coordinator begins: on which worker is Dask's affair; how often, the job's."""

from __future__ import annotations

import contextlib
import operator
import uuid
from collections.abc import Mapping
from typing import Any

import distributed

from consumer.wire import FINAL_STATES, Plan
from engine.errors import JobError
from engine.sinks import ManifestStore, Sink
from engine.transfer.coordinator.queueing import most_running, waits
from engine.transfer.coordinator.retries import starts, through_outages
from engine.workers import Sent

__all__ = ["coordinate", "launch"]

_FEW = 1_000


def launch(
    client: distributed.Client,
    store: ManifestStore,
    sink: Sink,
    storage_options: Mapping[str, Any],
    num_starts: int = 0,
) -> distributed.Future[Any]:
    """Start a job's coordinator on a cluster, which keeps it running when the caller is gone.

    A worker that is not right for it (`engine.workers`) hands it on to another one. The parameters are those of
    `coordinate`.
    """
    key = f"coordinate-{store.topic}-{uuid.uuid4().hex}"
    call = Sent(coordinate, store, sink, dict(storage_options), num_starts, moves_on=True)
    # Put on a worker at once, before what waits there. Dask takes the coordinators of all jobs for one group, and keeps
    # the tasks of a large one back until a worker has room, however high their priority.
    workers = list(client.nthreads())
    where = {"workers": workers, "allow_other_workers": True} if workers else {}
    future = client.submit(operator.call, call, key=key, pure=False, priority=100, **where)
    distributed.fire_and_forget(future)
    return future


def coordinate(store: ManifestStore, sink: Sink, storage_options: Mapping[str, Any], num_starts: int = 0) -> str:
    """Take a planned job to its final state, and return that. Runs as a task on the cluster.

    If the coordinator's worker dies, Dask runs the coordinator again on another one. But a job may take days, and Dask
    drops a task without notice once four of its workers have died. So a coordinator that Dask has started again
    launches a new one in its place, for which Dask counts from zero, and ends. The fifth coordinator in a row that
    begins with no fragment finished in between fails the job with an error that says so.

    Parameters
    ----------
    store
        The job's manifest, which holds the plan.
    sink
        Where the alerts go; the plan says how.
    storage_options
        For the archive's file system.
    num_starts
        How many coordinators had begun, since the job was queued, when this one was launched.

    Raises
    ------
    KafkaError
        If the store is away for an hour, or refuses access: then nobody can be told, and the job reads as interrupted.
    JobError
        If the manifest holds no plan, or is gone.
    """
    # Here, so that whoever submits a job waits neither for dask-sql nor for pandas. Workers preload them.
    from engine.transfer.coordinator.dask_cluster import DaskCluster
    from engine.transfer.coordinator.loop import Coordinator

    try:
        through_outages(store, store.exists)  # a broker that was just started is given a moment to know it
        manifest = through_outages(store, store.refresh)
        if manifest.stated in FINAL_STATES:
            return manifest.stated
        if manifest.plan is None:
            raise JobError(f"the manifest of {store.topic} holds no plan", next_step="submit again")
        num_begun = len(starts(manifest)) + waits(manifest)
        # One that begins again holds no thread: what it would send in it may have killed the worker before.
        leave = distributed.secede if _is_for_few(manifest.plan) and not num_begun else None
        # worker_client secedes: the coordinator takes no thread of its worker away from the fragments.
        with _client(is_seceding=leave is None) as client:
            if num_begun > num_starts:
                launch(client, store, sink, storage_options, num_begun)
                return "replaced"
            with contextlib.closing(DaskCluster(client, sink, storage_options, leave)) as cluster:
                return Coordinator(manifest.plan, store, sink, cluster).run()
    finally:
        store.close()


def _is_for_few(plan: Plan) -> bool:
    """Return whether a job sends so few alerts that its first fragment may be all that it needs."""
    limit = plan.details.get("limit")
    return isinstance(limit, int) and limit <= _FEW and most_running(plan) is None


def _client(*, is_seceding: bool) -> contextlib.AbstractContextManager[distributed.Client]:
    return distributed.worker_client() if is_seceding else distributed.worker_client(separate_thread=False)
