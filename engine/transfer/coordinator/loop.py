"""The loop: submit what is next, take in what has ended, until the job is in a final state."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from typing import Any, Generic

from consumer.settings import Window, without_secrets
from consumer.wire import FragmentDone, NightDone, Plan, StateChange
from engine.errors import AlertTransferError
from engine.sinks import ManifestStore, Sink
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT, Rules, Work
from engine.transfer.coordinator.heartbeat import Cancelled, Replaced, Watch
from engine.transfer.coordinator.limit import count_selected, share_out
from engine.transfer.coordinator.retries import OUTAGE_S, Attempts, check_progress, deleted, through_outages
from engine.transfer.coordinator.window import Backlog
from engine.transfer.manifest_plan import fragments_of

__all__ = ["Coordinator"]

_SOON_S = 0.25


def _told(exc: Exception) -> dict[str, Any]:
    """Return an error that is none of ours as a job's manifest has it."""
    return {"message": without_secrets(f"{type(exc).__name__}: {exc}"), "accepted": None, "next": None}


class Coordinator(Generic[FutureT]):
    """Takes one job from its plan, or from where others left it, to its final state.

    Parameters
    ----------
    plan
        The job's plan.
    store
        Its manifest, which was read.
    sink
        Where the alerts go.
    cluster
        What sends them.
    """

    def __init__(self, plan: Plan, store: ManifestStore, sink: Sink, cluster: Cluster[FutureT]):
        self._store = store
        self._sink = sink
        self._cluster = cluster
        self._manifest = store.manifest
        self._plan = plan
        self._name = uuid.uuid4().hex
        self._watch = Watch(store, plan.job_id, self._name)
        self._in_flight: dict[FutureT, Work] = {}
        self._lost: list[FutureT] = []
        self._num_sent = 0
        self._acknowledged: Counter[int] = Counter()  # alerts, per partition of the sink

    def run(self) -> str:
        """Return the final state, `replaced` by another coordinator, or `interrupted` as the cluster is lost."""
        self._write_state("running")
        # From here on the manifest names this coordinator, or a later one, and holds all that was finished before.
        self._watch.note(through_outages(self._store, self._store.refresh))
        error = None
        with self._watch.running():
            try:
                self._announce("running")
                self._send_all()
                state = "complete" if self._num_sent else "empty"
            except Cancelled:
                state = "cancelled"
            except (Replaced, ClusterLost):
                state = None
            except AlertTransferError as exc:
                state, error = "failed", exc.as_dict()
            except Exception as exc:  # noqa: BLE001  whatever it is, the job must not just fall silent
                state, error = (
                    "failed",
                    _told(exc),
                )
        if not self._cluster.is_connected:
            return "interrupted"  # whatever was raised, it was raised because the cluster is lost
        self._cluster.cancel(list(self._in_flight))
        if state is None or through_outages(self._store, self._store.refresh).coordinator != self._name:
            return "replaced"
        self._write_state(state, error)
        self._announce(state)
        return state

    def _send_all(self) -> None:
        rules = self._cluster.take_up(self._manifest, self._name)
        self._sink = self._sink.take_up(self._plan)  # a plan of another version may have other partitions
        attempts = Attempts(self._plan.topic, self._plan.job_id, skip_unreadable=rules.skip_unreadable)
        # Copied once: the watch goes on to read, and what is not sent again must be what was counted.
        finished = dict(self._manifest.fragments)
        for done in finished.values():
            self._count(done)
        backlog = Backlog(
            fragments_of(self._manifest),
            finished=finished,
            counted=set(self._manifest.nights),
            num_threads=self._cluster.num_threads,
            is_limited=rules.limit is not None,
            **Window.model_validate(self._plan.details.get("window", {})).model_dump(),
        )
        self._watch.check_wanted()
        check_progress(self._plan.topic, self._manifest)
        self._submit_nights(backlog)
        while backlog or self._in_flight:
            if backlog.is_due(len(self._in_flight)):
                if rules.limit is not None and self._num_sent >= rules.limit:
                    break
                self._submit(rules, attempts, backlog)
                self._submit_nights(backlog)
            self._collect(attempts)
        through_outages(self._store, lambda: self._sink.check_holds(self._acknowledged))

    def _submit(self, rules: Rules, attempts: Attempts, backlog: Backlog) -> None:
        """Have the fragments of the next window sent, or the first of them where a limit is not shared out further."""
        window = backlog.take()
        found: list[FutureT] | None = None
        quotas: list[int] | list[None] = [None] * len(window)
        if rules.limit is not None:
            counts = [fragment.num_alerts for fragment in window]
            if rules.is_filtered:
                found = self._cluster.filter(window)
                counts, failed = count_selected(self._cluster, window, found, self._watch.check_wanted)
                attempts.use_up(failed)
            quotas = share_out(counts, rules.limit - self._num_sent, skip_unreadable=rules.skip_unreadable)
            backlog.put_back(window[len(quotas) :])
            window, found = window[: len(quotas)], found and found[: len(quotas)]
        self._in_flight |= zip(self._cluster.send(window, found, quotas), window, strict=True)

    def _submit_nights(self, backlog: Backlog) -> None:
        for night, fragments in backlog.take_nights():
            self._in_flight[self._cluster.count_night(fragments)] = night

    def _collect(self, attempts: Attempts) -> None:
        """Take in what has ended, waiting a moment for the first of it."""
        ended = self._cluster.ended(_SOON_S)
        lost, self._lost = self._lost, []
        finished: list[FragmentDone | NightDone] = []
        for future in [*lost, *ended]:
            if future.status in ("lost", "pending"):
                # Its worker died after it had finished: the scheduler has it computed again.
                self._lost.append(future)
            elif (done := self._outcome(attempts, future)) is not None:
                finished.append(done)
                del self._in_flight[future]
                self._cluster.release(future)
        if finished:
            through_outages(self._store, lambda: self._store.append(*finished))
            for done in finished:
                if isinstance(done, FragmentDone):
                    self._count(done)
        self._watch.check_wanted()

    def _outcome(self, attempts: Attempts, future: FutureT) -> FragmentDone | NightDone | None:
        """Return the record of what a task did, or None if it runs once more."""
        if future.status == "finished":
            done: FragmentDone | NightDone = future.result()
            return done
        if future.status == "cancelled":
            # Not by this coordinator: a future is called so when the connection to the scheduler breaks.
            raise ClusterLost
        left_out = attempts.judge(self._in_flight[future], future.exception())
        if left_out is None:
            self._sink.await_answer(OUTAGE_S)
            if not through_outages(self._store, self._sink.exists):
                raise deleted(self._sink.place)
            self._cluster.retry(future)
        return left_out

    def _count(self, done: FragmentDone) -> None:
        self._num_sent += done.num_sent
        self._acknowledged.update(done.partitions)

    def _write_state(self, state: str, error: dict[str, Any] | None = None) -> None:
        job_id, now = self._plan.job_id, time.time()
        change = StateChange(job_id=job_id, state=state, time=now, error=error, coordinator=self._name)
        through_outages(self._store, lambda: self._store.append(change))

    def _announce(self, state: str) -> None:
        through_outages(self._store, lambda: self._store.announce(self._plan, state, self._manifest.num_sent))
