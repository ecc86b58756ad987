"""Fetching: from Kafka to rounds in the folder, reading, decoding and writing side by side.

The caller's thread reads messages and puts them in order; a second one decodes them; a third writes the files of
rounds; a fourth waits until the disk has them, and makes them part of the folder. Each waits where the next has enough,
so memory is bounded. (A thread of librdkafka's own brings the messages into memory.) Progress is told, and Ctrl-C
arrives, in the caller's thread, which waits nowhere for long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass

from consumer.dataset import Folder
from consumer.fetching.boundaries import Boundaries
from consumer.fetching.chunks import Chunk, Cutter
from consumer.fetching.dedup import Intake
from consumer.fetching.ends import End
from consumer.fetching.gathering import Gatherer, TakenRound
from consumer.fetching.results import ConsumeProgress
from consumer.fetching.rounds import RoundWriter, StagedRound
from consumer.fetching.stages import Stage, running
from consumer.kafka import Cluster, DataReader, ManifestFollower

__all__ = ["Fetcher"]

# Messages that were read and wait for those of other partitions.
_MOST_WAITING_NBYTES = 32 * 1024 * 1024
_WAIT_S = 0.2


@dataclass(frozen=True)
class _Written:
    """What is in the folder."""

    num_alerts: int
    offsets: dict[int, int]


class Fetcher:
    """Fetches what a topic has for a folder.

    Parameters
    ----------
    folder
        The folder.
    follower
        Of the job's manifest.
    intake
        Decides which rows are new; knows those of the folder.
    writer
        Writes rounds into the folder.
    boundaries
        Where rounds end.
    partitions
        Kafka partitions to read; None for all of them.
    limit
        Stop after so many new alerts.
    wait
        Whether to wait for the rest of a job that still runs.
    progress
        Called now and then.
    """

    def __init__(
        self,
        folder: Folder,
        follower: ManifestFollower,
        intake: Intake,
        writer: RoundWriter,
        boundaries: Boundaries,
        *,
        partitions: Collection[int] | None,
        limit: int | None,
        wait: bool,
        progress: Callable[[ConsumeProgress], None],
    ):
        self._folder = folder
        self._follower = follower
        self._writer = writer
        self._partitions = partitions
        self._wait = wait
        self._progress = progress
        self._cutter = Cutter(boundaries, folder.journal.nbytes or 0)
        self._num_before = len(folder.journal.seen)
        self._num_read = 0
        self._written = self._shown = _Written(self._num_before, folder.journal.offsets)
        self._gatherer = Gatherer(intake, self._hand_to_writing, limit)
        self._decoding = Stage("decoding", self._gatherer.take, most=1)
        self._writing = Stage("writing", self._write, most=1)
        self._committing = Stage("committing", self._commit, most=1)

    def run(self, cluster: Cluster) -> str:
        """Fetch everything that is there; returns the job's state afterwards."""
        plan = self._follower.manifest.require_plan()
        offsets = self._folder.journal.offsets
        state = self._follower.state()
        with closing(DataReader(cluster, plan.topic, plan.num_partitions, offsets, self._partitions)) as reader:
            end = End(self._follower, reader, state, wait=self._wait)
            with running(self._decoding, self._writing, self._committing):
                self._read(reader, end)
            return end.state

    def _report(self, state: str) -> None:
        num_expected = self._follower.manifest.num_alerts if self._partitions is None else None
        num_alerts = self._num_before + self._num_read - self._gatherer.num_dropped
        if num_expected is not None:
            # What waits to be decoded may be second copies.
            num_alerts = max(self._written.num_alerts, min(num_alerts, num_expected))
        self._progress(ConsumeProgress(state=state, num_alerts=num_alerts, num_expected=num_expected))

    def _read(self, reader: DataReader, end: End) -> None:
        growing, is_quiet = end.growing(), False
        while self._gatherer.left != 0:
            while (chunk := self._cutter.next()) is not None:
                self._hand_over(chunk, reader, end)
            if end.reached():
                self._cutter.settle({})
                self._hand_over_rest(reader, end)
                if end.reached():
                    return
                growing = end.growing()
            elif self._is_enough(is_quiet and not end.is_known):
                if self._is_idle():
                    self._hand_over_rest(reader, end)
                self._tell(reader, end)  # of what is being decoded, some may be new
            else:
                # Partitions that run ahead of the others are held, else memory would fill with what can't be taken yet.
                # Not for what only waits for its chunk to be whole: what librdkafka has of a partition that is held
                # is dropped, and fetched again later.
                is_much = self._cutter.unsettled_nbytes > _MOST_WAITING_NBYTES
                reader.hold(self._cutter.leaders(growing) if is_much else frozenset())
                messages = reader.read(_WAIT_S)
                is_quiet = not len(messages)
                self._num_read += len(messages)
                growing = end.growing()
                self._cutter.add(messages, growing)
                self._tell(reader, end)
        self._drain(reader, end)

    def _is_enough(self, is_stuck: bool) -> bool:
        """Whether what was read suffices for the limit; where nobody knows if more comes, what waits counts, too."""
        left = self._gatherer.left
        if left is None or len(self._cutter) < left:
            return False
        if is_stuck:
            self._cutter.settle({})
        return self._cutter.num_settled >= left

    def _hand_over(self, chunk: Chunk, reader: DataReader, end: End) -> None:
        while not self._decoding.put(chunk, _WAIT_S):
            self._tell(reader, end)

    def _hand_over_rest(self, reader: DataReader, end: End) -> None:
        """Have all that is settled written, whether or not it makes a whole round."""
        while (chunk := self._cutter.next()) is not None:
            self._hand_over(chunk, reader, end)
        self._hand_over(self._cutter.rest(), reader, end)
        self._drain(reader, end)

    def _drain(self, reader: DataReader, end: End) -> None:
        """Wait until all that was handed over is in the folder."""
        while not self._is_idle():
            self._tell(reader, end)
        self._tell(reader, end)

    def _is_idle(self) -> bool:
        return all(stage.wait(_WAIT_S) for stage in (self._decoding, self._writing, self._committing))

    def _tell(self, reader: DataReader, end: End) -> None:
        """Raise what went wrong in another thread, and tell how far all is."""
        for stage in (self._committing, self._writing, self._decoding):
            stage.check()
        written = self._written
        if written is not self._shown:
            self._shown = written
            reader.show_progress(written.offsets)
            self._folder.append_manifest(self._follower.take_lines())
        self._report(end.state)

    def _hand_to_writing(self, whole: TakenRound) -> None:
        self._writing.put(whole)

    def _write(self, whole: TakenRound) -> None:
        staged = self._writer.stage(whole, self._writing.check_wanted, self._await_committed)
        self._committing.put(staged)

    def _await_committed(self) -> None:
        while not self._committing.wait(_WAIT_S):
            self._writing.check_wanted()

    def _commit(self, staged: StagedRound) -> None:
        self._writer.commit(staged)
        self._written = _Written(len(self._folder.journal.seen), dict(self._folder.journal.offsets))
