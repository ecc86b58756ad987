"""The loop: submit what is next, take in what has ended, until the job is in a final state."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic

from consumer.settings import Window, without_secrets
from consumer.wire import FINAL_STATES, FragmentDone, NightDone, Plan, Record, StateChange
from consumer.words import count_text
from engine.archive import Fragment
from engine.errors import AlertTransferError
from engine.sinks import OUTAGES, ManifestStore, Sink
from engine.telemetry import in_job, tell
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT, Load, Rules
from engine.transfer.coordinator.flow import Flow
from engine.transfer.coordinator.heartbeat import Cancelled, Replaced, Watch
from engine.transfer.coordinator.in_flight import InFlight
from engine.transfer.coordinator.job_log import JobLog
from engine.transfer.coordinator.limit import count_selected, share_out
from engine.transfer.coordinator.nights import Nights
from engine.transfer.coordinator.pace import Pace
from engine.transfer.coordinator.queueing import await_turn
from engine.transfer.coordinator.retries import (
    OUTAGE_S,
    Attempts,
    check_progress,
    deleted,
    starts,
    through_outages,
)
from engine.transfer.coordinator.window import Backlog
from engine.transfer.manifest_plan import fragments_of

__all__ = ["Coordinator"]

_SOON_S = 0.25
_SCAN_TOLD_EVERY_S = 30.0


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
        self._watch = Watch(store, plan.job_id, self._name, facts=self.facts)
        self._log = JobLog(plan.job_id, self._name, len(self._manifest.log.lines))
        self._pace = Pace()
        self._scan = (0, 0)
        """Alerts that a limited job has looked at, and those of them that are selected."""
        self._scan_told_at = time.monotonic()
        self._in_flight: InFlight[FutureT] | None = None
        self._num_sent = 0
        self._num_looked_at = 0
        self._num_selected = 0
        self._acknowledged: Counter[int] = Counter()  # alerts, per partition of the sink

    def run(self) -> str:
        """Return the final state, `replaced` by another coordinator, or `interrupted` as the cluster is lost."""
        with in_job(self._plan.topic, self._log.add):
            try:
                await_turn(self._store, self._plan, self._name, self._log)
            except Replaced:
                return "replaced"
        self._write_state("running")
        # From here on the manifest names this coordinator, or a later one, and holds all that was finished before.
        self._watch.note(through_outages(self._store, self._store.refresh))
        with in_job(self._plan.topic, self._log.add):
            return self._run()

    def _run(self) -> str:
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
        self._hear()
        if not self._cluster.is_connected:
            tell(
                "the Dask scheduler can't be reached any more: the job stops here", level="error", event="cluster-lost"
            )
            with contextlib.suppress(*OUTAGES):  # nobody waits for that line
                self._store.append(*self._log.take(last=True))
            return "interrupted"  # whatever was raised, it was raised because the cluster is lost
        self._cluster.cancel(self._in_flight.futures if self._in_flight is not None else [])
        if state is None or through_outages(self._store, self._store.refresh).coordinator != self._name:
            return "replaced"
        self._write_state(state, error)
        self._announce(state)
        return state

    def _send_all(self) -> None:
        rules = self._cluster.take_up(self._manifest, self._name)
        tell(self._cluster.facts, event="start")
        if len(starts(self._manifest)) > 1:  # whoever takes a job up writes `queued` first
            tell(
                "the worker that coordinated the job died, or can't be reached; another one goes on",
                level="warning",
                event="coordinator-lost",
            )
        self._sink = self._sink.take_up(self._plan)  # a plan of another version may have other partitions
        attempts = Attempts(self._plan.topic, self._plan.job_id, skip_unreadable=rules.skip_unreadable)
        # Copied once: the watch goes on to read, and what is not sent again must be what was counted.
        finished = dict(self._manifest.fragments)
        for done in finished.values():
            self._count(done)
        if finished:
            fragments = count_text(self._plan.num_fragments, "fragment")
            tell(f"{len(finished):,} of {fragments} were finished before", event="resume")
        planned, is_limited = fragments_of(self._manifest), rules.limit is not None
        counted = set(self._manifest.nights)
        # A job with a limit reads on only as far as it must: most of its nights are never read whole.
        nights = Nights(self._plan.job_id, () if is_limited else planned, finished=finished, counted=counted)
        backlog = Backlog(
            planned,
            finished=finished,
            counted=counted | nights.gathered,
            num_threads=self._cluster.num_threads,
            **Window.model_validate(self._plan.details.get("window", {})).model_dump(),
        )
        self._flow = flow = Flow(backlog, nights.wants)
        self._in_flight = in_flight = InFlight(self._cluster, attempts, flow, nights, self._await_sink)
        self._watch.check_wanted()
        check_progress(self._plan.topic, self._manifest)
        if rules.limit is not None and backlog and not finished and in_flight.send_here(backlog.first, rules.limit):
            backlog.take_one()  # for a job of few alerts that is often all
        self._cluster.leave_thread()
        while backlog or in_flight:
            backlog.num_threads = self._cluster.num_threads  # workers come and go
            if rules.limit is not None:
                # What is sent next depends on what was sent, and the end on no night's count.
                if not in_flight.is_sending:
                    if self._num_sent >= rules.limit:
                        break
                    if backlog:
                        in_flight.send(*self._next_window(rules, rules.limit, attempts, backlog))
            elif loads := flow.next_loads(backlog.num_threads):
                in_flight.send(loads)
            in_flight.count_nights(backlog)
            self._collect(in_flight)
        through_outages(self._store, lambda: self._sink.check_holds(self._acknowledged))

    def _next_window(
        self, rules: Rules, limit: int, attempts: Attempts, backlog: Backlog
    ) -> tuple[list[Load], list[FutureT] | None, list[int]]:
        """Return what is to be sent next of a job with a limit: a window, or its first as far as that is shared out."""
        window = backlog.take(self._flow.window_size(backlog.num_threads))
        found: list[FutureT] | None = None
        counts = [fragment.num_alerts for fragment in window]
        if rules.is_filtered:
            found = self._cluster.filter(window)
            look = partial(self._look_at_counts, window)
            counts, failed = count_selected(self._cluster, window, found, limit - self._num_sent, look)
            attempts.use_up(failed)
        quotas = share_out(counts, limit - self._num_sent, skip_unreadable=rules.skip_unreadable)
        backlog.put_back(window[len(quotas) :])
        if found:
            self._cluster.cancel(found[len(quotas) :])
            found = found[: len(quotas)]
        loads = [Load(fragments=(fragment,)) for fragment in window[: len(quotas)]]
        return loads, found, quotas

    def _look_at_counts(self, window: Sequence[Fragment], counts: Sequence[int]) -> None:
        """Take in how far the filter of a limited job is in a window, and whether the job is still wanted."""
        looked_at = self._num_looked_at + sum(fragment.num_alerts for fragment, _ in zip(window, counts, strict=False))
        self._scan = looked_at, self._num_selected + sum(counts)
        if time.monotonic() - self._scan_told_at > _SCAN_TOLD_EVERY_S:
            self._scan_told_at = time.monotonic()
            total = self._manifest.num_archive_alerts
            tell(f"looked through {looked_at:,} of {count_text(total, 'alert')}; {self._scan[1]:,} found", event="scan")
        self._hear()
        if self._log.is_due:
            self._write()
        self._watch.check_wanted()

    def _collect(self, in_flight: InFlight[FutureT]) -> None:
        """Take in what has ended, waiting a moment for the first of it."""
        finished: list[FragmentDone | NightDone] = []
        try:
            in_flight.take_in(self._cluster.ended(_SOON_S), finished)
        finally:
            # What was sent is told, also where something else ends the job.
            self._hear()
            if finished or self._log.is_due:
                self._write(*finished)
        for done in finished:
            if isinstance(done, FragmentDone):
                self._count(done)
                self._pace.finished(done)
                self._flow.learn(done)
        self._pace.look(list(in_flight.works))
        self._watch.check_wanted()

    def _await_sink(self) -> None:
        """Return once the sink answers, before something is sent to it again."""
        self._sink.await_answer(OUTAGE_S)
        if not through_outages(self._store, self._sink.exists):
            raise deleted(self._sink.place)

    def _hear(self) -> None:
        for line in self._cluster.new_lines():
            self._log.take_in(line)

    def facts(self) -> Mapping[str, int | None]:
        """Return what a heartbeat says of the job; called from another thread."""
        looked_at, found = self._scan
        facts: dict[str, int | None] = {"num_workers": self._cluster.num_workers}
        return facts | ({"num_looked_at": looked_at, "num_found": found} if looked_at else {})

    def _count(self, done: FragmentDone) -> None:
        self._num_sent += done.num_sent
        self._num_looked_at += done.num_alerts
        self._num_selected += done.num_selected
        self._acknowledged.update(done.partitions)

    def _write_state(self, state: str, error: dict[str, Any] | None = None) -> None:
        job_id, now = self._plan.job_id, time.time()
        change = StateChange(job_id=job_id, state=state, time=now, error=error, coordinator=self._name)
        self._write(change, last=state in FINAL_STATES)

    def _write(self, *records: Record, last: bool = False) -> None:
        """Write records, and what the log has to say: each message that Kafka must acknowledge takes its time."""
        written = [*self._log.take(last=last), *records]
        through_outages(self._store, lambda: self._store.append(*written))

    def _announce(self, state: str) -> None:
        through_outages(self._store, lambda: self._store.announce(self._plan, state, self._manifest.num_sent))
