"""The loop: submit what is next, take in what has ended, until the job is in a final state."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic

import numpy as np
from distributed.scheduler import KilledWorker

from consumer.settings import Window, without_secrets
from consumer.wire import FINAL_STATES, FragmentDone, NightDone, Plan, Record, StateChange
from consumer.words import count_text
from engine.archive import Fragment
from engine.errors import AlertTransferError
from engine.sinks import OUTAGES, ManifestStore, Sink
from engine.telemetry import in_job, tell
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT, Load, Rules, Work
from engine.transfer.coordinator.flow import Flow
from engine.transfer.coordinator.heartbeat import Cancelled, Replaced, Watch
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
    named,
    starts,
    through_outages,
)
from engine.transfer.coordinator.window import Backlog
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.worker import Outcome

__all__ = ["Coordinator"]

_SOON_S = 0.25
_SCAN_TOLD_EVERY_S = 30.0


def _told(exc: Exception) -> dict[str, Any]:
    """Return an error that is none of ours as a job's manifest has it."""
    return {"message": without_secrets(f"{type(exc).__name__}: {exc}"), "accepted": None, "next": None}


def _parts(work: Load | str) -> Sequence[Work]:
    return [work] if isinstance(work, str) else work.fragments


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
        self._in_flight: dict[FutureT, Load | str] = {}
        self._lost: list[FutureT] = []
        self._nights_left: deque[Sequence[Fragment]] = deque()
        """Fragments of each night that a task is to count once no fragment waits any more."""
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
        fragments, is_limited = fragments_of(self._manifest), rules.limit is not None
        counted = set(self._manifest.nights)
        # A job with a limit reads on only as far as it must: most of its nights are never read whole.
        self._nights = Nights(self._plan.job_id, () if is_limited else fragments, finished=finished, counted=counted)
        backlog = Backlog(
            fragments,
            finished=finished,
            counted=counted | self._nights.gathered,
            num_threads=self._cluster.num_threads,
            is_limited=is_limited,
            **Window.model_validate(self._plan.details.get("window", {})).model_dump(),
        )
        self._flow = Flow(backlog, self._nights.wants)
        self._watch.check_wanted()
        check_progress(self._plan.topic, self._manifest)
        if rules.limit is not None and not finished and backlog:
            self._send_first_here(rules.limit, backlog)
        self._cluster.leave_thread()
        while backlog or self._in_flight or self._nights_left:
            backlog.num_threads = self._cluster.num_threads  # workers come and go
            if rules.limit is not None:
                # What is sent next depends on what was sent, and the end on no night's count.
                if not self._num_sending():
                    if self._num_sent >= rules.limit:
                        break
                    if backlog:
                        self._submit_window(rules, rules.limit, attempts, backlog)
            elif loads := self._flow.next_loads(backlog.num_threads):
                self._in_flight |= zip(self._cluster.send(loads), loads, strict=True)
            self._submit_nights(backlog)
            self._collect(attempts)
        through_outages(self._store, lambda: self._sink.check_holds(self._acknowledged))

    def _num_sending(self) -> int:
        return sum(isinstance(work, Load) for work in self._in_flight.values())

    def _send_first_here(self, limit: int, backlog: Backlog) -> None:
        """Have the first fragment of a job with a limit sent here, if that may be: for few alerts that is often all."""
        load = Load(fragments=(backlog.first,))
        if (future := self._cluster.send_here(load, limit)) is not None:
            backlog.take_one()
            self._in_flight[future] = load

    def _submit_window(self, rules: Rules, limit: int, attempts: Attempts, backlog: Backlog) -> None:
        """Have the fragments of the next window sent, or the first of them where the limit is not shared out further."""
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
        self._in_flight |= zip(self._cluster.send(loads, found, quotas), loads, strict=True)

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
        try:
            for future in [*lost, *ended]:
                if future not in self._in_flight:
                    continue  # it was given up, and ended all the same
                if future.status in ("lost", "pending"):
                    # Its worker died after it had finished: the scheduler has it computed again.
                    if future not in lost:
                        what = named(self._in_flight[future])
                        tell(f"{what} is worked on again: what came of it was lost with its worker", event="lost-result")
                    self._lost.append(future)
                else:
                    self._take_in(attempts, future, finished)
            self._part_those_that_died()
            self._hasten()
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
        self._pace.look([part for work in self._in_flight.values() for part in _parts(work)])
        self._watch.check_wanted()

    def _take_in(self, attempts: Attempts, future: FutureT, finished: list[FragmentDone | NightDone]) -> None:
        """Take in what came of a task: records are added to those that are to be written, what failed is judged."""
        if future.status == "cancelled":
            # Not by this coordinator: a future is called so when the connection to the scheduler breaks.
            raise ClusterLost
        work, failure = self._in_flight[future], future.exception() if future.status == "error" else None
        if isinstance(work, str):
            if failure is None:
                finished.append(future.result())
                self._flow.ended(work)
                self._let_go(future)
            elif attempts.judge(work, failure) is None:
                self._await_sink()
                self._cluster.retry(future)
            return
        if isinstance(failure, KilledWorker) and len(work.fragments) > 1:
            self._part(future, work, work.fragments)
            return
        if failure is None:
            outcomes: list[Outcome] = future.result()
        else:
            outcomes = [Outcome(fragment=fragment, failure=failure) for fragment in work.fragments]
        again: list[Fragment] = []
        for outcome in sorted(outcomes, key=lambda one: one.failure is not None):
            done = outcome.done
            if outcome.failure is not None:
                done = attempts.judge(outcome.fragment, outcome.failure)
            if done is None:
                again.append(outcome.fragment)
            else:
                finished.append(done)
                self._count_night_of(outcome.fragment, outcome.identifiers, finished)
        if again:
            self._await_sink()
        if failure is not None and len(again) == len(work.fragments) == 1:
            self._cluster.retry(future)
        else:
            self._part(future, work, again)

    def _part(self, future: FutureT, load: Load, again: Sequence[Fragment]) -> None:
        """Let go of a task, and have these of its fragments sent again, each alone: one that kills spares others."""
        for fragment in again:
            alone = self._flow.again([fragment])
            self._in_flight[self._cluster.send_again(future, alone)] = alone
        self._flow.ended(load)
        self._let_go(future)

    def _hasten(self) -> None:
        """Submit once more what other jobs would pass for ever, now that it is the turn of this one."""
        if (load := self._flow.stuck()) is not None:
            future = next(one for one, work in self._in_flight.items() if work is load)
            self._cluster.cancel([future])
            self._flow.ended(load)
            hastened = self._flow.again(load.fragments)
            self._in_flight[self._cluster.send_again(future, hastened)] = hastened
            self._let_go(future)

    def _part_those_that_died(self) -> None:
        for future in self._cluster.died():
            load = self._in_flight.get(future)
            if isinstance(load, Load) and len(load.fragments) > 1:
                tell(f"{named(load)} were on a worker that died: each is sent alone now", event="parted")
                self._cluster.cancel([future])
                self._part(future, load, load.fragments)

    def _let_go(self, future: FutureT) -> None:
        del self._in_flight[future]
        self._cluster.release(future)

    def _count_night_of(
        self, fragment: Fragment, identifiers: np.ndarray | None, finished: list[FragmentDone | NightDone]
    ) -> None:
        counted = self._nights.take_in(fragment, identifiers)
        if isinstance(counted, NightDone):
            finished.append(counted)
        elif counted:
            self._nights_left.append(counted)

    def _await_sink(self) -> None:
        """Return once the sink answers, before something is sent to it again."""
        self._sink.await_answer(OUTAGE_S)
        if not through_outages(self._store, self._sink.exists):
            raise deleted(self._sink.place)

    def _submit_nights(self, backlog: Backlog) -> None:
        """Have nights counted by tasks, once no fragment waits any more."""
        if backlog:
            return
        self._nights_left += [fragments for _, fragments in backlog.take_nights()]
        while self._nights_left and self._flow.has_room_for_night(backlog.num_threads):
            fragments = self._nights_left.popleft()
            night = fragments[0].file.night.isoformat()
            future = self._cluster.count_night(fragments, is_extra=self._flow.add_night(night))
            self._in_flight[future] = night

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
