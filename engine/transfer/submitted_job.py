"""Jobs that were submitted, here or anywhere: how they stand, what they did, and that they shall stop.

A job is its topics. Anyone with the topic's name can follow the job; there is nothing else to keep. Nothing here needs
Dask, so that a job's status is there at once.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.notebooks import drawn_in_place, html_rows, in_notebook
from consumer.receipt import Receipt, make_receipt
from consumer.terms import in_face_terms
from consumer.wire import FINAL_STATES, HEARTBEAT_EVERY_S, CancelRequest, Manifest, Plan, StateChange, check_topic
from consumer.words import verb_text
from engine.errors import InputError, JobError, KafkaError
from engine.kafka import KafkaCluster, own_name
from engine.sinks import KafkaManifestStore, ManifestStore
from engine.transfer.log_text import JobLog, LogReader
from engine.transfer.pace import pace_of, warnings_of
from engine.transfer.queue_place import place_text, queue_place
from engine.transfer.remembering import remember
from engine.transfer.versions import engine_version, is_resumable, shown_version

__all__ = ["Job", "JobStatus"]

_OUTAGE_S = 300.0
_PLANNED_S = 5.0
_NEWS_S = 0.5
_TWO_HEARTBEATS_S = 2 * HEARTBEAT_EVERY_S + 1.0


@dataclass(frozen=True, kw_only=True, repr=False)
class JobStatus:
    """How a job stands."""

    topic: str
    state: str
    num_alerts: int | None
    """Alerts that the job sends in all; None until it is known."""
    num_alerts_sent: int
    """Alerts of finished fragments. Of a job that was stopped, Kafka may hold a part of others besides."""
    num_fragments: int
    num_fragments_done: int
    nbytes: int
    elapsed_s: float
    """Seconds that the job took, or takes so far; those between an end (or its silence) and its being taken up again
    don't count."""
    first_alert_s: float | None
    """Seconds from submit until the first fragment's alerts were acknowledged, counted likewise."""
    error: dict[str, Any] | None
    left_out: list[dict[str, Any]]
    """What of the archive could not be read and was left out, as the request allowed. Each: path, row_groups (None:
    the whole file), num_alerts (None: not known), reason."""
    num_left_out: int
    """Alerts of `left_out`, selected or not, as far as their number is known."""
    num_files_left_out: int
    """Files of `left_out` of which not even the number of alerts is known."""
    num_duplicates: int | None
    """Alerts of the archive's nights, selected or not, whose identifier an alert before them in the night has already;
    None unless the job has come to its end and all nights are counted."""
    engine_version: str
    """The version that planned the job."""
    next_step: str | None
    """What can be done with a job that was stopped; None for others."""
    num_passed_over: int = 0
    """Records of the manifest that can't be read, or can't be by the plan: they count for nothing."""
    passed_over: str | None = None
    """How many those are and what is wrong with the first, in words; None if there is none."""
    owner: str = ""
    """Whose job it is, as its plan says; empty where that does not say."""
    request: dict[str, Any] = field(default_factory=dict)
    """What was asked for, as the plan has it."""
    alerts_per_s: float | None = None
    """Alerts sent a second, of all seconds that the job took; None until some are there."""
    bytes_per_s: float | None = None
    alerts_per_s_lately: float | None = None
    """Alerts sent a second within the last minute (of a job that has ended, its last)."""
    bytes_per_s_lately: float | None = None
    left_s: float | None = None
    """Seconds that the job will still take, by the archive's alerts that are left and the time that those before took;
    None until that can be told, and once it has ended."""
    num_archive_alerts: int | None = None
    """Alerts of the archive that the job looks through, selected or not."""
    num_looked_at: int = 0
    """Those of them that it has looked at."""
    num_found: int = 0
    """Those of these that are selected."""
    num_workers: int | None = None
    """Workers of the cluster, as the coordinator said last; None if it said nothing."""
    workers: list[dict[str, Any]] = field(default_factory=list)
    """Those that sent fragments. Each: worker (its address), num_fragments, num_alerts_sent, worked_lately (within the
    last minute)."""
    warnings: list[str] = field(default_factory=list)
    """What a user should look at: what was left out or passed over, and the last of what the log warns of."""
    queue_place: int | None = None
    """Place of a job that waits, as only so many jobs of its owner may run at once; from 1. None: it does not wait."""

    @classmethod
    def of(cls, manifest: Manifest, now: float) -> JobStatus:
        """Return how a job stands by its manifest, which holds a plan, at `now` (Unix time, seconds)."""
        plan_ = manifest.require_plan()
        begun = plan_.created_at
        state = manifest.state_at(now)
        has_ended = state in FINAL_STATES or state == "interrupted"
        ended = (manifest.last_sign_at or begun) if has_ended else now
        first = manifest.first_alert_s
        elapsed_s = max(0.0, round(ended - begun - manifest.paused_s, 3))
        pace = pace_of(manifest, elapsed_s=elapsed_s, now=ended, runs=not has_ended)
        num_looked_at, num_found = _looked_at(manifest, has_ended)
        return cls(
            topic=plan_.topic,
            state=state,
            num_alerts=manifest.num_alerts,
            num_alerts_sent=manifest.num_sent,
            num_fragments=plan_.num_fragments,
            num_fragments_done=len(manifest.fragments),
            nbytes=manifest.nbytes,
            elapsed_s=elapsed_s,
            first_alert_s=None if first is None else round(first, 3),
            error=manifest.error,
            left_out=[asdict(part) for part in manifest.left_out],
            num_left_out=manifest.num_left_out,
            num_files_left_out=manifest.num_files_left_out,
            num_duplicates=_num_duplicates(manifest),
            engine_version=plan_.engine_version,
            next_step=_next_step(plan_, state),
            num_passed_over=manifest.passed_over.count,
            passed_over=manifest.passed_over.text("the manifest") or None,
            owner=plan_.owner,
            request=plan_.request,
            num_archive_alerts=manifest.num_archive_alerts if manifest.is_planned else None,
            num_looked_at=num_looked_at,
            num_found=num_found,
            num_workers=manifest.beat.num_workers if manifest.beat else None,
            warnings=warnings_of(manifest),
            queue_place=None if has_ended else queue_place(manifest),
            **vars(pace),
        )

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in FINAL_STATES or self.state == "interrupted"

    def __repr__(self) -> str:
        return f"<JobStatus of {self.topic}: {self.state_text}, {self._progress()}>"

    def _repr_html_(self) -> str:
        error = self.error or {}
        steps = dict.fromkeys(in_face_terms(step) for step in (error.get("next"), self.next_step) if step)
        rows = [
            ("state", self.state_text),
            ("alerts", self._progress()),
            ("scan", self.scan),
            ("fragments", f"{self.num_fragments_done:,} of {self.num_fragments:,} finished"),
            ("elapsed", f"{self.elapsed_s:.1f} s" + ("" if self.left_s is None else f", {self.left_s:.0f} s left")),
            ("rate", "" if self.alerts_per_s is None else f"{self.alerts_per_s:,.0f} alerts/s"),
            ("workers", self.workers_at_work),
            ("warnings", "\n".join(in_face_terms(text) for text in self.warnings if text != self.passed_over)),
            ("error", in_face_terms(error.get("message") or "")),
            ("accepted", in_face_terms(error.get("accepted") or "")),
            ("next", "\n".join(steps)),
            ("passed over", self.passed_over),
        ]
        return html_rows(self.topic, [(name, text) for name, text in rows if text])

    @property
    def state_text(self) -> str:
        """The state, and the place of a job that waits."""
        return self.state if self.queue_place is None else f"{self.state}, {place_text(self.queue_place, self.owner)}"

    @property
    def scan(self) -> str:
        """How far a job with conditions is through the archive, in words; nothing of one that sends every alert."""
        if not self.num_archive_alerts or not self._has_conditions:
            return ""
        of = f"{self.num_looked_at:,} of {self.num_archive_alerts:,} alerts"
        return f"{'looked' if self.is_final else 'looks'} through {of}; {self.num_found:,} found"

    @property
    def _has_conditions(self) -> bool:
        return any(self.request.get(name) for name in ("where", "classes", "exclude_classes"))

    @property
    def workers_at_work(self) -> str:
        """How many workers there are, and how many of them had work lately, in words; nothing where nobody said."""
        if self.num_workers is None and not self.workers:
            return ""
        lately = sum(worker["worked_lately"] for worker in self.workers)
        num_workers = max(self.num_workers or 0, lately)
        return f"{num_workers:,}, of which {lately:,} {verb_text(lately, 'has', 'have')} sent alerts within a minute"

    def _progress(self) -> str:
        of = "" if self.num_alerts is None else f" of {self.num_alerts:,}"
        return f"{self.num_alerts_sent:,}{of} alerts sent"

    def to_dict(self) -> dict[str, Any]:
        """Return the status as the command line's JSON has it."""
        return asdict(self)


class Job:
    """A job that was submitted, here or anywhere.

    Parameters
    ----------
    topic
        Its topic.
    kafka
        The Kafka that has it.
    store
        Its manifest; default: the one that Kafka has.

    Raises
    ------
    InputError
        If there is no such job.
    """

    def __init__(self, topic: str, kafka: KafkaCluster, store: ManifestStore | None = None):
        self.topic = check_topic(topic)
        self.kafka = kafka
        if store is None:
            kafka.check()
            store = KafkaManifestStore(kafka, topic)
        self._store = store
        self._is_remembered = False
        store.manifest  # noqa: B018  opened now, so that a job that is not there is told at once

    def __repr__(self) -> str:
        return f"Job({self.topic!r})"

    def _repr_html_(self) -> str:
        # As it was last read: what shows an object must not wait for Kafka.
        manifest = self._store.manifest
        if manifest.plan is None:
            return html_rows(self.topic, [("next", "job.status() reads how it stands")])
        return JobStatus.of(manifest, time.time())._repr_html_()

    @property
    def manifest(self) -> Manifest:
        """Return the job's manifest as far as it is written."""
        return self._store.refresh()

    def wait_for_more(self, timeout_s: float) -> Manifest:
        """Return the manifest once it has grown, or as it is after `timeout_s`."""
        return self._store.wait_for_more(timeout_s)

    def status(self) -> JobStatus:
        """Return how the job stands now.

        Raises
        ------
        InputError
            If its manifest holds no plan.
        WireError
            If it is one that this program can't read.
        """
        self._planned()
        return self._status_now()

    def _status_now(self) -> JobStatus:
        """Return how the job stands, as far as its manifest was read."""
        manifest = self._store.manifest
        status = JobStatus.of(manifest, time.time())
        if status.state == "complete" and not self._is_remembered:
            self._is_remembered = True
            remember(manifest, self.kafka, nbytes=status.nbytes, elapsed_s=status.elapsed_s)
        return status

    def _planned(self) -> Manifest:
        manifest = self._store.refresh()
        deadline = time.monotonic() + _PLANNED_S
        while manifest.plan is None and manifest.refusal is None and time.monotonic() < deadline:
            manifest = self.wait_for_more(0.5)  # somebody may be submitting it just now
        manifest.check_readable()
        if manifest.plan is None:
            wrong = manifest.passed_over.text("it")
            raise InputError(
                f"{self.topic} is no job: its manifest holds no plan" + (f". {wrong}" if wrong else ""),
                accepted="the topic of a job of the last 30 days whose submission was not broken off",
                next_step="submit the request again, under another name",
            )
        return manifest

    def wait(self, progress: bool = False, on_change: Callable[[JobStatus], None] | None = None) -> JobStatus:
        """Return once the job is in a final state, or is interrupted.

        Parameters
        ----------
        progress
            Draw a bar on stderr; in a notebook, show how the job stands in the cell.
        on_change
            Called with the status whenever something happened.

        Returns
        -------
        JobStatus
            Look at its state: a job that failed raises nothing here.

        Raises
        ------
        KafkaError
            If Kafka is away for five minutes; the job, elsewhere, waits longer.
        """
        with _bar(self.topic) if progress else contextlib.nullcontext() as draw:
            for status in self._statuses():
                for listener in (draw, on_change):
                    if listener:
                        listener(status)
        return status

    def _statuses(self) -> Iterator[JobStatus]:
        """Yield how the job stands whenever something may have happened; the last one says how it ended."""
        # Other machines' clocks may be wrong, and Kafka may have been away: a job is taken for interrupted only once it
        # was silent for two heartbeats while we read.
        silent_since, last_sign_at = time.monotonic(), self._store.manifest.last_sign_at
        has_grown = False
        while True:
            try:
                status = self._status_now() if has_grown else self.status()
            except KafkaError:
                self._store.await_answer(_OUTAGE_S)
                silent_since = time.monotonic()
                continue
            if self._store.manifest.last_sign_at != last_sign_at:
                silent_since, last_sign_at = time.monotonic(), self._store.manifest.last_sign_at
            if status.state != "interrupted" or time.monotonic() - silent_since > _TWO_HEARTBEATS_S:
                yield status
                if status.is_final:
                    return
            has_grown, begun = False, time.monotonic()
            with contextlib.suppress(KafkaError):  # if it is away, the next status() says so
                self.wait_for_more(_NEWS_S)
                has_grown = time.monotonic() - begun < _NEWS_S

    def cancel(self, by: str | None = None) -> JobStatus:
        """Ask the job to stop, and return once it has; what was sent stays readable. The log says who asked.

        Parameters
        ----------
        by
            Who asks; default: Kafka's user, as the settings name it, else the system's.

        Raises
        ------
        JobError
            If it has ended already.
        """
        status = self.status()
        if status.state in FINAL_STATES:
            state = "has failed" if status.state == "failed" else f"is {status.state}"
            raise JobError(f"the job {self.topic} can't be cancelled: it {state} already")
        plan_ = self._store.manifest.require_plan()
        by = by or own_name(self.kafka.options) or None
        self._store.append(CancelRequest(job_id=plan_.job_id, time=time.time(), by=by))
        while not (status := self.status()).is_final:
            self.wait_for_more(0.5)
        if status.state == "interrupted":
            # No coordinator is left that could say so.
            self._store.append(StateChange(job_id=plan_.job_id, state="cancelled", time=time.time(), by=by))
            self._store.announce(plan_, "cancelled", status.num_alerts_sent)
        return self.status()

    def log(self) -> JobLog:
        """Return what happened, from all workers and the coordinator: a line each, in order, with its time (UTC).

        It prints as it is read, and shows in a notebook.
        """
        return JobLog(LogReader().read(self._planned(), time.time(), to_its_end=True))

    def follow_log(self) -> Iterator[str]:
        """Yield the lines of the log as they come, until the job is in a final state, or is interrupted.

        Lines that come together are in the order of their times; a worker's may come a moment late.

        Raises
        ------
        KafkaError
            If Kafka is away for five minutes; the job, elsewhere, waits longer.
        """
        reader = LogReader()
        for status in self._statuses():
            yield from reader.read(self._store.manifest, time.time(), to_its_end=status.is_final)

    def receipt(self) -> Receipt:
        """Return what the job sent, of what, and what was left out; of a job that still runs, what it has sent so far.

        Raises
        ------
        JobError
            If the manifest holds no whole plan.
        """
        manifest = self._planned()
        return make_receipt(manifest, state=manifest.state_at(time.time()))

    def request(self) -> dict[str, Any]:
        """Return the job's request, as `TransferRequest.from_dict` takes it, without the topic, which exists now."""
        asked = self._planned().require_plan().request
        return {name: value for name, value in asked.items() if name != "topic"}

    def close(self) -> None:
        """Leave Kafka."""
        self._store.close()


def _looked_at(manifest: Manifest, has_ended: bool) -> tuple[int, int]:
    """Return how many alerts the job has looked at, and found; the coordinator of one that runs knows more of it."""
    looked_at, found = manifest.num_looked_at, sum(done.num_selected for done in manifest.fragments.values())
    beat = manifest.beat
    if beat and not has_ended and beat.num_looked_at is not None and beat.num_looked_at > looked_at:
        looked_at, found = min(beat.num_looked_at, manifest.num_archive_alerts), beat.num_found or 0
    return looked_at, found


def _num_duplicates(manifest: Manifest) -> int | None:
    # Not while it runs: what a receipt is made of is all of the plan, and a status is made again and again.
    ended = manifest.is_planned and manifest.stated in ("complete", "empty")
    return make_receipt(manifest).totals.num_duplicates if ended else None


def _next_step(plan_: Plan, state: str) -> str | None:
    if state not in ("interrupted", "failed", "cancelled"):
        return None
    if is_resumable(plan_.engine_version):
        return f"take it up again with: alert-transfer resume {plan_.topic}"
    return (
        f"version {shown_version(plan_.engine_version)} planned it, which version {engine_version()} can't go on with; "
        f"submit its request again: alert-transfer status {plan_.topic} --request > request.yaml, then "
        "alert-transfer submit --request request.yaml"
    )


@contextlib.contextmanager
def _bar(topic: str) -> Iterator[Callable[[JobStatus], None]]:
    if in_notebook():
        # Rich would need ipywidgets, which a notebook need not have.
        yield drawn_in_place()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("fragments"))
    shown = (*columns, TextColumn("{task.fields[alerts]:,} alerts"), TimeElapsedColumn())
    with Progress(*shown, console=Console(file=sys.stderr)) as bar:
        row = bar.add_task(topic, total=None, alerts=0)
        yield lambda status: bar.update(
            row,
            total=status.num_fragments,
            completed=status.num_fragments_done,
            alerts=status.num_alerts_sent,
            description=f"{topic} {status.state}",
        )
