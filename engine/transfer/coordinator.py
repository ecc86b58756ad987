"""The coordinator: a long-running task on the cluster that sees one job through.

It alone writes the job's manifest. It submits fragments in bounded windows, writes a record for each that is finished,
beats, minds requests to cancel, and ends the job in a final state. Run again elsewhere, it goes on from the manifest.

Of two coordinators of one job the one that said `running` last sees it through. The other, which was thought dead,
steps down as soon as it reads that; what it writes until then of the job's state, readers of the manifest ignore.

While Kafka is away it waits. When the Dask scheduler is lost it falls silent, and the job reads as interrupted.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dask
import distributed
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from consumer.wire import (
    FINAL_STATES,
    HEARTBEAT_EVERY_S,
    FragmentDone,
    Heartbeat,
    Manifest,
    NightDone,
    StateChange,
    manifest_topic,
)
from engine.archive import Fragment
from engine.conditions import filter_fragments
from engine.errors import AlertTransferError, ArchiveError, JobError, KafkaError, UnreadableError
from engine.kafka import KafkaCluster, ManifestReader, ManifestWriter
from engine.pipeline import NarrowReader
from engine.transfer.manifest_plan import TransferTask, fragments_of, task_of
from engine.transfer.worker import count_night, send_fragment

__all__ = ["coordinate", "launch"]

_WINDOW_FRAGMENTS = 32
_ATTEMPTS = 3
_ATTEMPTS_TO_TELL = 30
_MOST_DEATHS = 4
_OUTAGE_S = 3600.0
_SOON_S = 0.25
# Kafka may be back by now; what was delivered of the fragment already is known again by its keys. A store of files may
# be back too, and bytes that came over a network may have been damaged there.
_PASSING = (KafkaError, ArchiveError)
_Work = Fragment | str
"""What a task of the cluster does: send a fragment, or count a night."""


def launch(
    client: distributed.Client,
    topic: str,
    kafka: KafkaCluster,
    storage_options: Mapping[str, Any],
    num_starts: int = 0,
) -> distributed.Future:
    """Start a job's coordinator on a cluster, which holds on to it: the caller may go.

    The parameters are those of `coordinate`.
    """
    key = f"coordinate-{topic}-{uuid.uuid4().hex}"
    arguments = (topic, kafka, dict(storage_options), num_starts)
    future = client.submit(coordinate, *arguments, key=key, pure=False, priority=100)
    distributed.fire_and_forget(future)
    return future


def coordinate(topic: str, kafka: KafkaCluster, storage_options: Mapping[str, Any], num_starts: int = 0) -> str:
    """See a planned job through; returns its final state. Runs as a task on the cluster.

    Dask runs it again where its worker died, but not for ever: it gives up a task whose workers died four times, and
    says so to nobody. A job may take days. So who is run again has a new coordinator take its place, and who begins
    for the fifth time with nothing finished in between fails the job in plain words.

    Parameters
    ----------
    topic
        The job's topic; its manifest holds the plan.
    kafka
        Where it is.
    storage_options
        For the archive's file system.
    num_starts
        How many coordinators had begun, since the job was queued, when this one was launched.

    Raises
    ------
    KafkaError
        If Kafka is away for an hour, or refuses us: then nobody can be told anything but by silence.
    JobError
        If the manifest holds no plan, or is gone.
    """
    _ride_out(kafka, topic, lambda: kafka.has_topic(manifest_topic(topic)))
    reader = _ride_out(kafka, topic, lambda: ManifestReader(kafka, topic))
    try:
        manifest = _ride_out(kafka, topic, reader.refresh)
        if manifest.stated in FINAL_STATES:
            return manifest.stated
        if manifest.plan is None:
            raise JobError(f"the manifest of {topic} holds no plan", next_step="submit again")
        # worker_client secedes: the coordinator takes no thread of its worker away from the fragments.
        with distributed.worker_client() as client:
            if len(starts := _starts(manifest)) > num_starts:
                launch(client, topic, kafka, storage_options, len(starts))
                return "replaced"
            return _Coordinator(client, kafka, manifest, reader).run(storage_options)
    finally:
        reader.close()


def _starts(manifest: Manifest) -> list[float]:
    """Return when coordinators began since the job was queued last."""
    found: list[float] = []
    for change in manifest.changes:
        if change.state == "queued":
            found = []
        elif change.state == "running":
            found.append(change.time)
    return found


class _Cancelled(Exception):
    """Somebody asked for the job to stop."""


class _Replaced(Exception):
    """Another coordinator sees the job through."""


class _Abandoned(Exception):
    """The connection to the Dask scheduler broke."""


def _ride_out(kafka: KafkaCluster, topic: str, action: Callable[[], Any]) -> Any:
    """Return what an action returns, which is tried again when Kafka is back from an outage.

    Raises
    ------
    JobError
        If the job's manifest is gone: then there is nothing left to see through.
    """

    def await_kafka(_: RetryCallState) -> None:
        kafka.await_answer(_OUTAGE_S)
        with contextlib.suppress(KafkaError):  # it is away again, as the next attempt will find
            if not kafka.has_topic(manifest_topic(topic)):
                raise _deleted(manifest_topic(topic))

    retrying = Retrying(
        retry=retry_if_exception_type(KafkaError),
        stop=stop_after_attempt(_ATTEMPTS_TO_TELL),
        wait=wait_fixed(1.0),  # a Kafka that has just come back may answer one question and not yet the next
        before_sleep=await_kafka,
        reraise=True,
    )
    return retrying(action)


def _deleted(topic: str) -> JobError:
    return JobError(f"the topic {topic} was deleted while the job ran", next_step="submit the request again")


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
        self._replaced = threading.Event()
        self._ended = threading.Event()
        self._results: queue.SimpleQueue[distributed.Future] = queue.SimpleQueue()
        self._in_flight: dict[distributed.Future, _Work] = {}
        self._inputs: dict[distributed.Future, Any] = {}
        self._lost: list[distributed.Future] = []
        self._attempts: dict[_Work, int] = {}
        self._num_sent = 0
        self._kept: Counter[int] = Counter()  # alerts that Kafka acknowledged, per partition

    def run(self, storage_options: Mapping[str, Any]) -> str:
        self._write_state("running")
        # From here on the manifest names us, or who came after us, and holds what was finished before us.
        self._heed(self._insist(self._reader.refresh))
        watch = threading.Thread(target=self._watch, name="alert-transfer-heartbeat", daemon=True)
        watch.start()
        error = None
        try:
            self._announce("running")
            task = task_of(self._manifest, self._kafka, storage_options)
            done = dict(self._manifest.fragments)
            for fragment_done in done.values():
                self._count_sent(fragment_done)
            todo = [fragment for fragment in fragments_of(self._manifest) if fragment.number not in done]
            self._check_wanted()
            self._check_progress()
            self._send(task, todo)
            self._check_kept()
            state = "complete" if self._num_sent else "empty"
        except _Cancelled:
            state = "cancelled"
        except (_Replaced, _Abandoned):
            state = None
        except AlertTransferError as exc:
            state, error = "failed", exc.as_dict()
        except Exception as exc:  # noqa: BLE001  whatever it is, the job must not just fall silent
            state, error = "failed", {"message": f"{type(exc).__name__}: {exc}", "accepted": None, "next": None}
        finally:
            self._ended.set()
            watch.join()
        if self._client.status != "running":
            return "interrupted"  # whatever was raised, it was raised because the scheduler is lost
        self._client.cancel(list(self._in_flight), force=True)
        if state is None or self._insist(self._reader.refresh).coordinator != self._name:
            return "replaced"
        self._write_state(state, error)
        self._announce(state)
        return state

    def _watch(self) -> None:
        """Beat, mind requests to cancel and other coordinators, until the end."""
        next_beat = time.monotonic() + HEARTBEAT_EVERY_S
        while not self._ended.is_set():
            try:
                # First of all: whoever can't read may still say that he lives.
                if time.monotonic() >= next_beat:
                    self._writer.append(Heartbeat(job_id=self._plan.job_id, coordinator=self._name, time=time.time()))
                    next_beat = time.monotonic() + HEARTBEAT_EVERY_S
                self._heed(self._reader.wait_for_more(0.5))
            except KafkaError:
                # A broker that is away comes back, or the fragments fail for good and end the job.
                self._ended.wait(1.0)

    def _heed(self, manifest: Manifest) -> None:
        if manifest.cancel_requested:
            self._cancelled.set()
        if manifest.coordinator != self._name:
            self._replaced.set()

    def _check_wanted(self) -> None:
        if self._replaced.is_set():
            raise _Replaced
        if self._cancelled.is_set():
            raise _Cancelled

    def _send(self, task: TransferTask, todo: Sequence[Fragment]) -> None:
        """Send all fragments, in windows that keep the workers busy without flooding the scheduler."""
        waiting = deque(todo)
        shared = dask.delayed(task, name=f"task-{self._plan.job_id}-{self._name}", traverse=False)
        threads = sum(self._client.nthreads().values())
        capacity = max(_WINDOW_FRAGMENTS, 4 * threads)
        nights = self._nights()
        self._count(task, nights, waiting)
        while waiting or self._in_flight:
            # With a limit, how much a window may send depends on what the windows before it found.
            ready = len(self._in_flight) <= capacity // 2 if task.limit is None else not self._in_flight
            if waiting and ready:
                if task.limit is not None and self._num_sent >= task.limit:
                    return
                self._submit(task, shared, waiting, capacity)
                self._count(task, nights, waiting)
            self._collect(task)

    def _check_kept(self) -> None:
        """Raise if Kafka holds less than it acknowledged: it lost messages, or the topic was made anew."""
        ends = self._insist(lambda: self._kafka.ends(self._plan.topic, self._plan.num_partitions))
        short = {partition: num_alerts - ends[partition] for partition, num_alerts in self._kept.items()}
        short = {partition: lack for partition, lack in short.items() if lack > 0}
        if short:
            raise JobError(
                f"Kafka acknowledged {sum(short.values())} alerts that the topic {self._plan.topic} does not hold"
                f" (partitions {sorted(short)}): they were lost there, or the topic was made anew",
                next_step="ask Kafka's operators about unclean leader elections, and submit the request again",
            )

    def _check_progress(self) -> None:
        """Raise if coordinators before us died again and again, and nothing was finished in between."""
        starts = _starts(self._manifest)
        last = max((done.time for done in self._manifest.fragments.values()), default=0.0)
        if len(starts) > _MOST_DEATHS and starts[-1 - _MOST_DEATHS] > last:
            raise JobError(
                f"the worker that saw the job through ended {_MOST_DEATHS} times with no fragment finished in between, "
                "most likely for lack of memory",
                next_step="give the workers more memory, then: alert-transfer resume " + self._plan.topic,
            )

    def _nights(self) -> dict[str, list[Fragment]]:
        """Return the fragments of each night that isn't counted yet, the nights in order."""
        nights: dict[str, list[Fragment]] = {}
        for fragment in fragments_of(self._manifest):
            night = fragment.file.night.isoformat()
            if night not in self._manifest.nights:
                nights.setdefault(night, []).append(fragment)
        return nights

    def _count(self, task: TransferTask, nights: dict[str, list[Fragment]], waiting: Sequence[Fragment]) -> None:
        """Have those nights counted of which no fragment waits; they are taken out of `nights`."""
        next_night = waiting[0].file.night.isoformat() if waiting else None
        for night in [night for night in nights if next_night is None or night < next_night]:
            self._follow(night, self._client.submit(count_night, task, nights.pop(night), pure=False, priority=-1))

    def _submit(self, task: TransferTask, shared, waiting: deque[Fragment], most: int) -> None:
        """Have the next fragments sent, `most` of them or fewer; they are taken from `waiting`."""
        window = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        predicate = task.selection.predicate
        positions: list[Any] = [None] * len(window)
        if predicate.sql is not None:
            positions = filter_fragments(
                NarrowReader(selection=task.selection), window, predicate.schema, predicate.sql
            )
        quotas: Sequence[int | None] = [None] * len(window)
        if task.limit is not None:
            if task.selection.predicate.sql is not None:
                positions = self._client.compute(list(positions))
            quotas = self._quotas(task, window, positions)
            waiting.extendleft(reversed(window[len(quotas) :]))
        send = dask.delayed(send_fragment, pure=False)
        sends = [send(shared, *item) for item in zip(window, positions, quotas, strict=False)]
        if task.selection.predicate.sql is not None and task.limit is None:
            # Futures of their own: Dask can run what failed again only where the client knows of all that failed.
            futures = self._client.compute([*positions, *sends])
            positions, sent = futures[: len(window)], futures[len(window) :]
        else:
            sent = self._client.compute(sends)
        for fragment, future, found in zip(window, sent, positions, strict=False):
            self._follow(fragment, future)
            # Let go of now, they might be forgotten before the scheduler has learnt what needs them.
            self._inputs[future] = found

    def _follow(self, work: _Work, future: distributed.Future) -> None:
        self._in_flight[future] = work
        future.add_done_callback(self._results.put)

    def _quotas(self, task: TransferTask, window: Sequence[Fragment], positions: Sequence[Any]) -> list[int]:
        """Return how many alerts of each fragment are among the first `limit` matches, in the archive's order.

        Where fragments may turn out to be unreadable, and alerts behind them fill their place, the fragment that the
        limit cuts waits until those before it are sent; what is returned is shorter than the window then.
        """
        counts = [fragment.num_alerts for fragment in window]
        if task.selection.predicate.sql is not None:
            counts = self._counts(window, positions)
        left, quotas = task.limit - self._num_sent, []
        for count in counts:
            if count > left and quotas and task.skip_unreadable:
                break
            quotas.append(min(count, left))
            left -= quotas[-1]
        return quotas

    def _counts(self, window: Sequence[Fragment], positions: Sequence[distributed.Future]) -> list[int]:
        """Return how many alerts of each fragment are selected, up to the first of which that can't be found out.

        That one counts as 0, and those behind it wait: they must not take its place in the limit before it is sent, or
        left out. If it ends the job instead, it comes first when the job is taken up again.
        """
        lengths = self._client.map(len, positions, pure=False)
        for attempts_left in reversed(range(_ATTEMPTS)):
            while not all(length.done() for length in lengths):
                with contextlib.suppress(TimeoutError):
                    distributed.wait(lengths, timeout=_SOON_S)
                self._check_wanted()
            if any(length.status == "cancelled" for length in lengths):
                raise _Abandoned
            failed = {fragment: x for fragment, x in zip(window, lengths, strict=True) if x.status == "error"}
            again = [length for length in failed.values() if isinstance(length.exception(), _PASSING)]
            if attempts_left and again:
                self._client.retry(again)
                continue
            # To send it will say why. It must not work out now, when nothing of it was counted.
            self._attempts |= dict.fromkeys(failed, _ATTEMPTS)
            counts: list[int] = []
            for fragment, length in zip(window, lengths, strict=True):
                counts.append(0 if fragment in failed else length.result())
                if fragment in failed:
                    break
            return counts
        raise AssertionError("the last attempt returns")

    def _collect(self, task: TransferTask) -> None:
        """Take in what is finished, waiting a moment for the first of it."""
        if self._lost:
            time.sleep(_SOON_S)
            for future in self._lost:
                self._results.put(future)
            self._lost = []
        try:
            future = self._results.get(timeout=_SOON_S)
        except queue.Empty:
            future = None
        finished: list[FragmentDone | NightDone] = []
        while future is not None:
            self._take(task, future, finished)
            future = None if self._results.empty() else self._results.get()
        if finished:
            self._insist(lambda: self._writer.append(*finished))
            for done in finished:
                if isinstance(done, FragmentDone):
                    self._count_sent(done)
        self._check_wanted()

    def _count_sent(self, done: FragmentDone) -> None:
        self._num_sent += done.num_sent
        self._kept.update(done.partitions)

    def _take(self, task: TransferTask, future: distributed.Future, finished: list[FragmentDone | NightDone]) -> None:
        work = self._in_flight[future]
        if future.status == "finished":
            finished.append(future.result())
            self._drop(future)
            return
        if future.status in ("lost", "pending"):
            # Its worker died after it had finished: the scheduler has it computed again.
            self._lost.append(future)
            return
        if future.status == "cancelled":
            # Not by us: so it is when the connection to the scheduler breaks.
            raise _Abandoned
        failure = future.exception()
        attempts = self._attempts[work] = self._attempts.get(work, 0) + 1
        if isinstance(failure, _PASSING) and attempts < _ATTEMPTS:
            self._kafka.await_answer(_OUTAGE_S)
            if not self._insist(lambda: self._kafka.has_topic(self._plan.topic)):
                raise _deleted(self._plan.topic)
            future.retry()
            future.add_done_callback(self._results.put)
            return
        if isinstance(failure, UnreadableError) and task.skip_unreadable and isinstance(work, Fragment):
            finished.append(_left_out(task, work, failure))
            self._drop(future)
            return
        if isinstance(failure, AlertTransferError):
            raise failure
        what = f"the count of {work}"
        if isinstance(work, Fragment):
            what = f"fragment {work.number} ({work.file.path}, row groups {list(work.row_groups)})"
        if isinstance(failure, distributed.scheduler.KilledWorker):
            raise JobError(
                f"{what} ended its worker {failure.allowed_failures + 1} times, most likely for lack of memory",
                next_step="give the workers more memory, then: alert-transfer resume " + self._plan.topic,
            ) from failure
        raise JobError(f"{what} failed: {type(failure).__name__}: {failure}") from failure

    def _drop(self, future: distributed.Future) -> None:
        del self._in_flight[future]
        self._inputs.pop(future, None)

    def _insist(self, action: Callable[[], Any]) -> Any:
        return _ride_out(self._kafka, self._plan.topic, action)

    def _write_state(self, state: str, error: dict[str, Any] | None = None) -> None:
        job_id, now = self._plan.job_id, time.time()
        change = StateChange(job_id=job_id, state=state, time=now, error=error, coordinator=self._name)
        self._insist(lambda: self._writer.append(change))

    def _announce(self, state: str) -> None:
        self._insist(lambda: self._kafka.announce_job(self._plan, state, self._manifest.num_sent))


def _left_out(task: TransferTask, fragment: Fragment, failure: UnreadableError) -> FragmentDone:
    return FragmentDone(
        job_id=task.job_id,
        fragment=fragment.number,
        num_alerts=fragment.num_alerts,
        num_selected=0,
        num_sent=0,
        nbytes=0,
        partitions={},
        digest=f"{0:032x}",
        time=time.time(),
        unreadable=failure.message,
    )
