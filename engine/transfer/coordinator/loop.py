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
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT, Rules, Work
from engine.transfer.coordinator.heartbeat import Cancelled, Replaced, Watch
from engine.transfer.coordinator.job_log import JobLog
from engine.transfer.coordinator.limit import count_selected, share_out
from engine.transfer.coordinator.pace import Pace
from engine.transfer.coordinator.retries import (
    OUTAGE_S,
    Attempts,
    check_progress,
    deleted,
    named,
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
        self._in_flight: dict[FutureT, Work] = {}
        self._lost: list[FutureT] = []
        self._num_sent = 0
        self._num_looked_at = 0
        self._num_selected = 0
        self._acknowledged: Counter[int] = Counter()  # alerts, per partition of the sink

    def run(self) -> str:
        """Return the final state, `replaced` by another coordinator, or `interrupted` as the cluster is lost."""
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
        self._cluster.cancel(list(self._in_flight))
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
            # Under a limit what is sent next depends on what was sent, and on no night's count.
            is_limited = rules.limit is not None
            if backlog.is_due(self._num_sending() if is_limited else len(self._in_flight)):
                if rules.limit is not None and self._num_sent >= rules.limit:
                    break
                self._submit(rules, attempts, backlog)
                self._submit_nights(backlog)
            self._collect(attempts)
        through_outages(self._store, lambda: self._sink.check_holds(self._acknowledged))

    def _num_sending(self) -> int:
        return sum(isinstance(work, Fragment) for work in self._in_flight.values())

    def _submit(self, rules: Rules, attempts: Attempts, backlog: Backlog) -> None:
        """Have the fragments of the next window sent, or the first of them where a limit is not shared out further."""
        window = backlog.take()
        found: list[FutureT] | None = None
        quotas: list[int] | list[None] = [None] * len(window)
        if rules.limit is not None:
            counts = [fragment.num_alerts for fragment in window]
            if rules.is_filtered:
                found = self._cluster.filter(window)
                look = partial(self._look_at_counts, window)
                counts, failed = count_selected(self._cluster, window, found, rules.limit - self._num_sent, look)
                attempts.use_up(failed)
            quotas = share_out(counts, rules.limit - self._num_sent, skip_unreadable=rules.skip_unreadable)
            backlog.put_back(window[len(quotas) :])
            if found:
                self._cluster.cancel(found[len(quotas) :])
            window, found = window[: len(quotas)], found and found[: len(quotas)]
        self._in_flight |= zip(self._cluster.send(window, found, quotas), window, strict=True)

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
                if future not in lost:
                    what = named(self._in_flight[future])
                    tell(f"{what} is worked on again: what came of it was lost with its worker", event="lost-result")
                self._lost.append(future)
            elif (done := self._outcome(attempts, future)) is not None:
                finished.append(done)
                del self._in_flight[future]
                self._cluster.release(future)
        self._hear()
        if finished or self._log.is_due:
            self._write(*finished)
        for done in finished:
            if isinstance(done, FragmentDone):
                self._count(done)
                self._pace.finished(done)
        self._pace.look(self._in_flight.values())
        self._watch.check_wanted()

    def _hear(self) -> None:
        for line in self._cluster.new_lines():
            self._log.take_in(line)

    def facts(self) -> Mapping[str, int | None]:
        """Return what a heartbeat says of the job; called from another thread."""
        looked_at, found = self._scan
        facts: dict[str, int | None] = {"num_workers": self._cluster.num_workers}
        return facts | ({"num_looked_at": looked_at, "num_found": found} if looked_at else {})

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
