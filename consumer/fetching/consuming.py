"""Fetch a topic to Parquet, each alert once, whatever interrupts it.

How the files come about. Messages have one order that depends on the topic alone: by offset, then by partition. They
are written in rounds of `round_nbytes` of datums in that order, one file per folder and round, numbered by the round:
so the same topic gives the same files, however often the consumer was stopped in between. A round ends where its bytes
are full, never because of time; only the end of the topic, `limit` and `wait=False` end one early. Files by class are
filled over many rounds, up to the same bytes (consumer/dataset/spool.py), else there would be hundreds a round.

A round is written to staging, then entered into the journal together with the offsets that come next, then renamed
into the folder (consumer/dataset/folder.py). What was fetched but not written when the consumer stops is fetched again.

A message's key names its fragment and its row. The consumer keeps the set of rows that it has taken. So it drops second
copies, and a later copy fills a gap, in whatever order they come.

Memory: a round's datums, once as they came and once or twice as Arrow tables, and what partitions deliver ahead of
others before they are held. Measured with rounds of 128 MB: 0.7 GB for lightcurves, 0.9 GB for full packets. By class
rounds are of 32 MB: 0.4 and 0.6 GB with 250 labels.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from consumer.dataset import (
    PARTITIONINGS,
    Folder,
    Journal,
    Partitioning,
    Seen,
    Share,
    add_digests,
    check_fields,
    check_free,
    check_owner,
    count_doubles,
    fragments_of,
    locate,
)
from consumer.errors import AlertTransferError, IncompleteError, InputError, JobError
from consumer.fetching.date_notes import note_on_dates
from consumer.fetching.dedup import Intake
from consumer.fetching.ordering import Backlog
from consumer.fetching.rounds import RoundWriter
from consumer.hints import quoted
from consumer.kafka import Cluster, DataReader, ManifestFollower, Message
from consumer.receipt import Held, Proof, count_disk, make_receipt, prove, receipt_text
from consumer.settings import load_settings, one_line, refuse_user, whole_number
from consumer.wire import FINAL_STATES, LeftOut, Manifest, check_topic
from consumer.words import count_text

__all__ = ["ConsumeProgress", "ConsumeResult", "consume", "stream"]

_PLAN_TIMEOUT_S = 60.0
_REJECTED_TOLD = 10
_ENDED = FINAL_STATES | {"interrupted"}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True)
class ConsumeProgress:
    """How far a consumer is."""

    state: str
    """The job's state."""
    num_alerts: int
    """Alerts fetched so far, those of earlier runs included."""
    num_expected: int | None
    """Alerts of the whole job, or None while that is not known."""


@dataclass(frozen=True, kw_only=True)
class ConsumeResult:
    """What a consumer has done."""

    topic: str
    state: str
    """The job's state: `complete`, `empty`, `failed`, `cancelled`, `interrupted`, or one of a job that goes on."""
    num_alerts: int
    """Alerts in the folder now."""
    num_alerts_new: int
    """Alerts that this run added."""
    num_duplicates: int
    """Second copies that this run dropped."""
    num_rejected: int
    """Messages in all runs that could not be read; the first 1,000 lie in `outdir.transfer/rejected`."""
    num_files: int
    """Files in the folder that this and earlier runs wrote."""
    outdir: str
    complete: bool
    """The job is at its end, every alert of it is in the folder, where readers meet nothing else, and no message was
    rejected."""
    stopped_early: bool
    """There may be more to come: `limit` was reached, or the job goes on and `wait` was False."""
    missing: int
    """Alerts that the job sends (or has sent, where the sum isn't known) and that are not in the folder."""
    num_unfinished: int
    """Alerts in the folder of fragments that the job has not finished: no record of the manifest proves them."""
    num_left_out: int
    """Alerts of the archive, selected or not, that could not be read and were left out, as the request allowed."""
    num_files_left_out: int
    """Files that were left out besides: how many alerts they hold is not known."""
    num_passed_over: int
    """Records of the manifest that can't be read, or can't be by the plan: they prove nothing."""
    num_left_out_here: int
    """Alerts of what was left out that had been sent before, and are in the folder."""
    left_out: list[LeftOut]
    """What of the archive was left out, and why."""
    num_archive_duplicates: int
    """Alerts in the folder whose identifier an alert there before them has already, of whatever night: rows that the
    archive itself holds too often."""
    error: dict[str, Any] | None
    """Why the job failed, if it did."""
    problems: list[str]
    """Files that this or an earlier run wrote and that do not lie on the disk as they were written: their alerts count
    as missing. And what else readers meet in the folder or below it: copies, files of other programs, links that lead
    back."""


def consume(
    topic: str,
    outdir: str | os.PathLike[str],
    *,
    kafka: str | None = None,
    kafka_options: Mapping[str, Any] | None = None,
    partitionby: str = "time",
    limit: int | None = None,
    wait: bool = True,
    restart: bool = False,
    share: str | None = None,
    round_nbytes: int = 128 * 1024 * 1024,
    progress: Callable[[ConsumeProgress], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ConsumeResult:
    """Fetch a topic into a folder of Parquet files; run again, it goes on where it was stopped.

    It ends when the job has ended and all it sent is in the folder. Where the job failed, was cancelled or was
    interrupted, what it had sent is fetched and the result's `state` tells.

    Parameters
    ----------
    topic
        The data topic, `ftransfer_…`.
    outdir
        Folder on this machine; what isn't Parquet goes to `<outdir>.transfer` beside it.
    kafka
        `host:port[,host:port]`; default: the environment's ALERT_TRANSFER_KAFKA, or the configuration's.
    kafka_options
        Further librdkafka properties (security); default: the configuration's. A value may be `{"env": NAME}` or
        `{"file": PATH}`.
    partitionby
        `time` (folders of the UTC date), `finkclass`, `tnsclass`, or `none` (no folders).
    limit
        Stop after so many new alerts.
    wait
        Whether to wait for the rest of a job that still runs; else take what is there now.
    restart
        Empty what this program wrote into the folder, and begin anew.
    share
        `1/2` for the first of two consumers that fetch the topic together, each into a folder of its own; None fetches
        all of it.
    round_nbytes
        Bytes of datums that one round of files holds; a file is at most as large.
    progress
        Called now and then.
    note
        Called with a sentence worth telling the user.

    Raises
    ------
    InputError
        If the topic, the folder or an option is wrong; nothing was changed.
    KafkaError
        If Kafka does not answer, or no longer has the alerts; what was written stays, and the next run goes on.
    IncompleteError
        If files that an earlier run wrote are gone or damaged, or if the disk takes no more; the next run goes on.
    """
    check_topic(topic)
    if partitionby not in PARTITIONINGS:
        raise InputError(f"can't partition by {partitionby!r}", accepted=", ".join(PARTITIONINGS))
    limit = None if limit is None else whole_number("limit", limit, otherwise=", or none")
    own = None if share is None else Share.parse(share)
    with _told_when_refused(outdir, InputError):
        path = locate(outdir)
        check_free(path, restart=restart)
        if not restart:
            check_owner(path, topic=topic, partitionby=partitionby, share=share)
    cluster = _cluster(kafka, kafka_options)
    with closing(ManifestFollower(cluster, topic)) as follower:
        plan = follower.wait_for_plan(_PLAN_TIMEOUT_S).require_plan()
        # Checked before the folder is touched.
        partitions = own.partitions(plan.num_partitions) if own else None
        intake_schema = Intake(follower.manifest, Seen()).decoder.schema
        check_fields(intake_schema, time_field=plan.time_field, id_field=plan.id_field)
        Partitioning(partitionby, intake_schema, plan.time_field, time_scale=plan.time_scale)
        if restart:
            # Raises where Kafka no longer has every alert: what lies in the folder could not be fetched again.
            DataReader(cluster, topic, plan.num_partitions, {}, partitions).close()
        with _told_when_refused(path, InputError):
            opened = Folder(
                path,
                topic=topic,
                job_id=plan.job_id,
                partitionby=partitionby,
                request=plan.request,
                share=share,
                restart=restart,
                note=note or _ignore,
            )
        with opened as folder, _told_when_refused(path, IncompleteError):
            partitioning = Partitioning(
                partitionby, intake_schema, plan.time_field, folder.names, time_scale=plan.time_scale
            )
            fetch = _Fetch(
                folder, follower, partitioning, own, limit, wait, round_nbytes, progress or _ignore, note or _ignore
            )
            return fetch.run(cluster)


@contextmanager
def _told_when_refused(path: str | os.PathLike[str], kind: type[AlertTransferError]) -> Iterator[None]:
    """Raise what the disk refuses as an error of this kind, or as IncompleteError where the disk is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise IncompleteError(
                f"{path} can't be written any further: {os.strerror(exc.errno)}",
                next_step="make room there, then run it again: it goes on where it was stopped",
            ) from exc
        if exc.errno is None:
            raise
        if exc.errno == errno.ENAMETOOLONG:
            raise kind(
                f"{exc.filename or path} can't be made: {os.strerror(exc.errno)}",
                next_step="choose an --outdir whose path is shorter",
            ) from exc
        raise kind(
            f"{exc.filename or path} can't be used: {os.strerror(exc.errno)}",
            accepted="an output folder that can be read and written, and likewise the folder that it lies in",
            next_step="have that changed and run it again: it goes on where it was stopped; or choose another --outdir",
        ) from exc


def stream(
    topic: str, *, kafka: str | None = None, kafka_options: Mapping[str, Any] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a topic's alerts as Arrow batches, each alert once, nothing on disk; ends when the job has.

    Parameters
    ----------
    topic, kafka, kafka_options
        As of `consume`.

    Raises
    ------
    InputError
        If the topic is wrong.
    KafkaError
        If Kafka does not answer, or no longer has the alerts.
    JobError
        At the end, if the job failed, was cancelled or interrupted, or if alerts are missing that it sent.
    """
    check_topic(topic)
    return _stream(topic, _cluster(kafka, kafka_options))


def _stream(topic: str, cluster: Cluster) -> Iterator[pa.RecordBatch]:
    with closing(ManifestFollower(cluster, topic)) as follower:
        plan = follower.wait_for_plan(_PLAN_TIMEOUT_S).require_plan()
        seen, rejected = Seen(), 0
        intake = Intake(follower.manifest, seen)
        with closing(DataReader(cluster, topic, plan.num_partitions, {})) as reader:
            end = _End(follower, reader, wait=True)
            while not end.reached():
                if messages := reader.read(0.2):
                    taken = intake.take(messages)
                    rejected += len(taken.rejected)
                    if taken.batch.num_rows:
                        yield taken.batch
        _check_stream(follower.manifest, end.state, seen, rejected)


def _check_stream(manifest: Manifest, state: str, seen: Seen, num_rejected: int) -> None:
    topic = manifest.require_plan().topic
    if state not in ("complete", "empty"):
        raise JobError(
            f"the job of {topic} is {state}: {count_text(len(seen), 'alert')} came, and that is not all",
            next_step=f"see why with: alert-transfer log {topic}",
        )
    proof = prove(manifest, seen.counts(), None)
    if not proof.complete:
        raise JobError(
            f"the job of {topic} sent {count_text(proof.num_expected, 'alert')}, {len(seen):,} came; "
            f"{count_text(num_rejected, 'message')} can't be read",
            next_step="submit the request again",
        )


class _End:
    """Knows when everything is read: once the job has ended, no further alert comes into Kafka."""

    def __init__(self, follower: ManifestFollower, reader: DataReader, *, wait: bool):
        self._follower = follower
        self._reader = reader
        self._wait = wait
        self._ends = None if wait else reader.ends()
        self.state = follower.state()

    def reached(self) -> bool:
        """Whether every partition is read to its end, and the end is known."""
        return not self.growing() and self._ends is not None

    def growing(self) -> dict[int, int]:
        """Return the offset that comes next, per partition that is not read to its end; looks at the manifest first."""
        self._follower.refresh()
        self.state = self._follower.state()
        if self._wait:
            if self.state not in _ENDED:
                self._ends = None  # a job can be taken up again
            elif self._ends is None:
                # Asked after the final state was read: every alert was acknowledged before that was written.
                self._ends = self._reader.ends()
        positions = self._reader.positions
        if self._ends is None:
            return dict(positions)
        return {partition: at for partition, at in positions.items() if at < self._ends[partition]}


class _Fetch:
    """One run of `consume` on an open folder."""

    def __init__(
        self,
        folder: Folder,
        follower: ManifestFollower,
        partitioning: Partitioning,
        share: Share | None,
        limit: int | None,
        wait: bool,
        round_nbytes: int,
        progress: Callable[[ConsumeProgress], None],
        note: Callable[[str], None],
    ):
        self._folder = folder
        self._follower = follower
        self._plan = follower.manifest.require_plan()
        self._share = str(share) if share else None
        self._partitions = partitions = share.partitions(self._plan.num_partitions) if share else None
        self._wait = wait
        self._limit = limit
        # Files by class don't depend on rounds, and to sort a round by class takes more memory than to write it.
        self._round_nbytes = max(1, round_nbytes // 4) if partitioning.has_many_folders else round_nbytes
        self._partitioning = partitioning
        self._progress = progress
        self._note = note
        # A set of its own: the journal folds each round into its own only once the round is on disk.
        seen = Seen()
        seen.update(folder.journal.seen.to_texts())
        self._writer = RoundWriter(folder, self._plan, Intake(follower.manifest, seen), partitioning, round_nbytes)
        self._backlog = Backlog(range(self._plan.num_partitions) if partitions is None else sorted(partitions))
        self._num_before = len(folder.journal.seen)
        self._rejected_before = (folder.journal.num_rejected, len(folder.journal.rejected))
        self._duplicates_before = folder.journal.num_duplicates
        self._lost: dict[str, str] = {}
        self._wrong: list[str] = []
        self._num_doubles: int | None = None

    def run(self, cluster: Cluster) -> ConsumeResult:
        self._folder.append_manifest(self._follower.take_lines())
        state = self._follower.state()
        try:
            # Where every row is here, nothing is left to fetch, whether or not Kafka still has it.
            if not self._proof().complete:
                state = self._fetch(cluster)
            self._writer.write_tails()
            if self._proof().complete:
                self._folder.drop_spool()
                if not self._journal.files:
                    self._writer.write_empty()
            self._folder.append_manifest(self._follower.take_lines())
            self._num_doubles = self._count_doubles()
        finally:
            # Also when stopped half-way: users want to know what is on disk by then.
            self._lost, self._wrong = self._folder.look_through()
            self._held = self._count_held()
            self._write_receipt()
        self._tell_rejected()
        self._tell_dates()
        return self._result(state)

    def _proof_of_disk(self) -> Proof:
        """Return the proof, once the folder is compared with the journal."""
        held = self._held
        proof = prove(self._follower.manifest, held.counts, held.digests, self._partitions)
        is_sound = not self._lost and not self._wrong and not self._journal.num_rejected
        return replace(proof, complete=proof.complete and is_sound)

    def _count_held(self) -> Held:
        """Return which written files lie on the disk: by the journal, or, where some are lost, by the others."""
        journal = self._journal
        if not self._lost:
            files, alerts = len(journal.files), journal.num_alerts
            return Held(num_files=files, num_alerts=alerts, counts=journal.seen.counts(), digests=journal.digests)
        num_files = 0
        counts: dict[int, int] = {}
        digests: dict[int, int] = {}
        for name in journal.files.keys() - self._lost.keys():
            fragments = fragments_of(self._folder.path / name)
            if fragments is None:
                self._lost[name] = f"{name} can't be read"
                continue
            num_files += 1
            for fragment, (num_alerts, digest) in fragments.items():
                counts[fragment] = counts.get(fragment, 0) + num_alerts
                add_digests(digests, {fragment: int(digest, 16)})
        return Held(num_files=num_files, num_alerts=sum(counts.values()), counts=counts, digests=digests)

    def _count_doubles(self) -> int:
        lost = self._folder.lost()
        files = [self._folder.path / name for name in self._journal.files if name not in lost]
        try:
            return count_doubles(files, self._plan.id_field)
        except (OSError, pa.ArrowException) as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                raise
            raise IncompleteError(
                f"files of {self._folder.path} can't be read: {str(exc).splitlines()[0]}",
                next_step="fetch the topic anew with --restart; see which with: "
                f"alert-transfer verify {quoted(self._folder.path)}",
            ) from exc

    def _tell_rejected(self) -> None:
        before, kept_before = self._rejected_before
        told = self._journal.rejected[kept_before:][:_REJECTED_TOLD]
        for item in told:
            reason = one_line(item["reason"])
            self._note(f"partition {item['partition']}, offset {item['offset']} can't be read: {reason}"[:300])
        if more := self._journal.num_rejected - before - len(told):
            self._note(f"and {count_text(more, 'more message')}")
        if wrong := self._follower.manifest.passed_over.text("the manifest"):
            self._note(wrong)

    def _tell_dates(self) -> None:
        if self._partitioning.by != "time":
            return
        plan, parts = self._plan, self._follower.manifest.parts.values()
        nights = [file["night"] for part in parts for file in part.files]
        if note := note_on_dates(self._journal.files.values(), nights, plan.time_field, plan.time_scale):
            self._note(note)

    def _write_receipt(self) -> None:
        on_disk = count_disk(
            str(self._folder.path),
            self._held,
            self._proof_of_disk(),
            num_rejected=self._journal.num_rejected,
            share=self._share,
            num_archive_duplicates=self._num_doubles,
        )
        receipt = make_receipt(self._follower.manifest, state=self._follower.state(), on_disk=on_disk)
        self._folder.write_receipt(receipt.to_dict(), receipt_text(receipt))

    def _fetch(self, cluster: Cluster) -> str:
        """Fetch everything that is there; returns the job's state afterwards."""
        offsets = self._journal.offsets
        plan = self._plan
        with closing(DataReader(cluster, plan.topic, plan.num_partitions, offsets, self._partitions)) as reader:
            end = _End(self._follower, reader, wait=self._wait)
            self._read(reader, end)
            return end.state

    @property
    def _journal(self) -> Journal:
        return self._folder.journal

    @property
    def _num_new(self) -> int:
        return len(self._journal.seen) - self._num_before

    def _proof(self) -> Proof:
        journal = self._journal
        return prove(self._follower.manifest, journal.seen.counts(), journal.digests, self._partitions)

    def _left(self) -> int | None:
        return None if self._limit is None else self._limit - self._num_new

    def _read(self, reader: DataReader, end: _End) -> None:
        growing = end.growing()
        while self._left() != 0:
            while (messages := self._backlog.take(self._round_nbytes, growing)) is not None:
                self._write(reader, messages)
                if self._left() == 0:
                    return
            left = self._left()
            if end.reached() or (left is not None and len(self._backlog) >= left):
                self._write(reader, self._backlog.take_all())
                if end.reached():
                    return
                continue
            # Partitions that run ahead of the others are held, else memory would fill with what can't be written yet.
            ahead = self._backlog.nbytes > self._round_nbytes * 5 // 4
            reader.hold(self._backlog.leaders(growing) if ahead else frozenset())
            self._backlog.add(reader.read(0.2))
            growing = end.growing()
            self._report(end.state)

    def _write(self, reader: DataReader, messages: list[Message]) -> None:
        self._writer.write(messages, self._left())
        if self._journal.offsets:
            reader.show_progress(self._journal.offsets)
        self._folder.append_manifest(self._follower.take_lines())

    def _report(self, state: str) -> None:
        num_alerts = len(self._journal.seen) + len(self._backlog)
        num_expected = self._follower.manifest.num_alerts if self._partitions is None else None
        if num_expected is not None:
            # What waits to be written may be second copies.
            num_alerts = max(len(self._journal.seen), min(num_alerts, num_expected))
        self._progress(ConsumeProgress(state=state, num_alerts=num_alerts, num_expected=num_expected))

    def _result(self, state: str) -> ConsumeResult:
        journal, manifest = self._journal, self._follower.manifest
        proof = self._proof_of_disk()
        self._report(state)
        return ConsumeResult(
            topic=self._plan.topic,
            state=state,
            num_alerts=self._held.num_alerts,
            num_alerts_new=self._num_new,
            num_duplicates=journal.num_duplicates - self._duplicates_before,
            num_rejected=journal.num_rejected,
            num_files=self._held.num_files,
            outdir=str(self._folder.path),
            complete=proof.complete,
            stopped_early=self._left() == 0 or (not self._wait and state not in _ENDED),
            missing=proof.missing,
            num_unfinished=proof.num_unfinished,
            num_left_out=manifest.num_left_out,
            num_files_left_out=manifest.num_files_left_out,
            num_passed_over=manifest.passed_over.count,
            num_left_out_here=proof.num_left_out_here,
            left_out=manifest.left_out,
            num_archive_duplicates=self._num_doubles or 0,
            error=manifest.error,
            problems=[*self._lost.values(), *self._wrong],
        )


def _cluster(kafka: str | None, options: Mapping[str, Any] | None) -> Cluster:
    if options is None:
        settings = load_settings(kafka=kafka)
        bootstrap, options = settings.kafka, settings.kafka_options
    else:  # whoever gives the options has read a configuration, or wants none
        bootstrap = kafka or os.environ.get("ALERT_TRANSFER_KAFKA")
    if not bootstrap:
        raise InputError(
            "no Kafka was named",
            accepted="--kafka host:port[,host:port], ALERT_TRANSFER_KAFKA, or kafka in the configuration",
            next_step="ask your broker for its address, or start a Kafka here with: alert-transfer broker",
        )
    return Cluster(bootstrap=refuse_user(bootstrap), options=dict(options))


def _ignore(_: object) -> None:
    """Take reports of progress where the caller wants none."""
