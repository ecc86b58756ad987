"""How a job starts: what it needs is made, its plan written, its coordinator launched; or nothing is left behind."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from consumer.wire import Plan, StateChange
from engine.errors import AlertTransferError, JobError
from engine.planning import TransferPlan
from engine.sinks import OUTAGES, ManifestStore, Sink, taken_back_on_failure
from engine.transfer.manifest_plan import plan_records
from engine.transfer.queue_place import is_taken_up

if TYPE_CHECKING:
    import distributed

__all__ = ["start_again", "start_new"]

_LOOK_EVERY_S = 0.5  # at the coordinator, which may fail before it writes anything
_FIRST_RECORD_S = 180.0  # a cluster that is busy, or whose workers are just starting


def start_new(
    plan: TransferPlan,
    client: distributed.Client,
    sink: Sink,
    store: ManifestStore,
    storage_options: Mapping[str, Any],
    *,
    owner: str = "",
    made_with: Mapping[str, Any] | None = None,
    on_prepared: Callable[[], None] = lambda: None,
    patience_s: float = _FIRST_RECORD_S,
) -> None:
    """Start a job; returns when its coordinator's first record stands in the manifest, also if the job has to wait.

    Parameters
    ----------
    plan
        What the job does.
    client
        The cluster that runs it.
    sink
        Where its alerts go; nothing is there yet.
    store
        Its manifest, likewise.
    storage_options
        For the archive's file system; sent to the workers as they are.
    owner
        Whose job it is.
    made_with
        Groups of the settings that the plan's record is to tell: `window` is read by the coordinator.
    on_prepared
        Called once there is room for the alerts, and none of them yet. If it raises, nothing is started.
    patience_s
        How long the cluster may take to run the coordinator.

    Raises
    ------
    AlertTransferError
        If it can't be started; nothing is left behind then, or the error says what.
    """
    now, job_id = time.time(), uuid.uuid4().hex
    prepared = sink.prepare(plan)
    with taken_back_on_failure(prepared.discard, store.topic):
        on_prepared()
        terms = {**(made_with or {}), **prepared.terms()}
        records = plan_records(plan, topic=store.topic, job_id=job_id, created_at=now, owner=owner, **terms)
        written = [*records, StateChange(job_id=job_id, state="queued", time=now, by=owner or None)]
        store.append(*written)
        store.announce(next(record for record in written if isinstance(record, Plan)), "queued", 0)
        _launch(client, sink, store, storage_options, patience_s)


def start_again(
    job_id: str,
    client: distributed.Client,
    sink: Sink,
    store: ManifestStore,
    storage_options: Mapping[str, Any],
    *,
    by: str = "",
    patience_s: float = _FIRST_RECORD_S,
) -> None:
    """Start a job that was stopped once more; the parameters are those of `start_new`, its identity, and who asks.

    Raises
    ------
    JobError
        If no worker takes it up.
    """
    store.append(StateChange(job_id=job_id, state="queued", time=time.time(), by=by or None))
    _launch(client, sink, store, storage_options, patience_s)


def _launch(
    client: distributed.Client,
    sink: Sink,
    store: ManifestStore,
    storage_options: Mapping[str, Any],
    patience_s: float,
) -> None:
    # Here, so that looking at jobs does not wait for Dask to be imported.
    from engine.transfer.coordinator import launch
    from engine.workers import check_workers, refusal_of

    coordinator = launch(client, store, sink, storage_options)
    deadline = time.monotonic() + patience_s
    look = store.refresh
    while True:
        # The store may be away for a moment; the job has been handed over, and nothing must be taken back for that.
        with contextlib.suppress(*OUTAGES):
            # Not the state that silence gives: after half of this time that would read `interrupted`.
            if is_taken_up(look()):
                return
            look = partial(store.wait_for_more, _LOOK_EVERY_S)
        if coordinator.status == "finished" and refusal_of(coordinator.result()):
            # It was handed on to another worker, if one is right.
            check_workers(client, one_suffices=True)
        if coordinator.status == "error" or time.monotonic() > deadline:
            why = coordinator.exception() if coordinator.status == "error" else None
            if isinstance(why, AlertTransferError):
                raise why
            raise JobError(
                _why_not(coordinator, patience_s),
                next_step=f"check that the workers run the same version of alert-transfer and reach {store.address}",
            )


def _why_not(coordinator: distributed.Future[Any], patience_s: float) -> str:
    if coordinator.status == "error":
        why = coordinator.exception()
        return f"the Dask cluster can't run the job: {type(why).__name__}: {why}"
    return f"no worker of the Dask cluster took up the job within {patience_s:g} s"
