"""One run of `consume` on an open folder: what lacks is fetched, and what is there is proved and told."""

from __future__ import annotations

from collections.abc import Callable

from consumer.dataset import Folder, Journal, Partitioning, Seen, Share
from consumer.fetching.boundaries import boundaries_of
from consumer.fetching.date_notes import note_on_dates
from consumer.fetching.dedup import Intake
from consumer.fetching.ends import ENDED
from consumer.fetching.fetcher import Fetcher
from consumer.fetching.proving import FolderProof
from consumer.fetching.results import ConsumeProgress, ConsumeResult
from consumer.fetching.rounds import RoundWriter
from consumer.kafka import Cluster, ManifestFollower
from consumer.settings import one_line
from consumer.words import count_text

__all__ = ["Run"]

_REJECTED_TOLD = 10


class Run:
    """One run of `consume` on an open folder; parameters as of `consume`."""

    def __init__(
        self,
        folder: Folder,
        follower: ManifestFollower,
        partitioning: Partitioning,
        share: Share | None,
        limit: int | None,
        wait: bool,
        round_nbytes: int | None,
        progress: Callable[[ConsumeProgress], None],
        note: Callable[[str], None],
    ):
        self._folder = folder
        self._follower = follower
        self._plan = follower.manifest.require_plan()
        self._partitions = share.partitions(self._plan.num_partitions) if share else None
        self._wait = wait
        self._limit = limit
        self._partitioning = partitioning
        self._progress = progress
        self._note = note
        journal = folder.journal
        by_label = partitioning.has_many_folders
        boundaries = boundaries_of(journal.num_rounds, journal.nbytes, round_nbytes, by_label=by_label)
        # A set of its own: the journal folds each round into its own only once the round is on disk.
        seen = Seen()
        seen.update(journal.seen.to_texts())
        intake = Intake(follower.manifest, seen)
        self._writer = RoundWriter(folder, self._plan, intake.decoder.schema, partitioning, boundaries.file_nbytes)
        self._fetcher = Fetcher(
            folder,
            follower,
            intake,
            self._writer,
            boundaries,
            partitions=self._partitions,
            limit=limit,
            wait=wait,
            progress=progress,
        )
        self._proof = FolderProof(folder, follower, str(share) if share else None, self._partitions)
        self._num_before = len(journal.seen)
        self._rejected_before = (journal.num_rejected, len(journal.rejected))
        self._duplicates_before = journal.num_duplicates

    def run(self, cluster: Cluster) -> ConsumeResult:
        """Fetch what lacks, as far as it is there."""
        self._folder.append_manifest(self._follower.take_lines())
        state = self._follower.state()
        try:
            # Where every row is here, nothing is left to fetch, whether or not Kafka still has it.
            if not self._proof.of_journal().complete:
                state = self._fetcher.run(cluster)
            self._writer.write_tails()
            if self._proof.of_journal().complete:
                self._folder.drop_spool()
                if not self._journal.files:
                    self._writer.write_empty()
            self._folder.append_manifest(self._follower.take_lines())
            self._proof.count_doubles()
        finally:
            # Also when stopped half-way: users want to know what is on disk by then.
            self._proof.look()
            self._proof.write_receipt()
        self._tell_rejected()
        self._tell_dates()
        return self._result(state)

    @property
    def _journal(self) -> Journal:
        return self._folder.journal

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

    def _result(self, state: str) -> ConsumeResult:
        journal, manifest, held = self._journal, self._follower.manifest, self._proof.held
        proof = self._proof.of_disk()
        num_taken = len(journal.seen)
        num_expected = manifest.num_alerts if self._partitions is None else None
        self._progress(ConsumeProgress(state=state, num_alerts=num_taken, num_expected=num_expected))
        is_full = self._limit is not None and num_taken - self._num_before >= self._limit
        return ConsumeResult(
            topic=self._plan.topic,
            state=state,
            num_alerts=held.num_alerts,
            num_alerts_new=num_taken - self._num_before,
            num_duplicates=journal.num_duplicates - self._duplicates_before,
            num_rejected=journal.num_rejected,
            num_files=held.num_files,
            outdir=str(self._folder.path),
            complete=proof.complete,
            stopped_early=is_full or (not self._wait and state not in ENDED),
            missing=proof.missing,
            num_unfinished=proof.num_unfinished,
            num_left_out=manifest.num_left_out,
            num_files_left_out=manifest.num_files_left_out,
            num_passed_over=manifest.passed_over.count,
            num_left_out_here=proof.num_left_out_here,
            left_out=manifest.left_out,
            num_archive_duplicates=self._proof.num_doubles or 0,
            error=manifest.error,
            problems=[*self._proof.lost.values(), *self._proof.wrong],
        )
