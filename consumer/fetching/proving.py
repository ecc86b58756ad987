"""What lies in a folder after a run, held against the journal and the manifest, and the receipt that says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa

from consumer.dataset import Folder, add_digests, count_doubles, fragments_of
from consumer.errors import IncompleteError
from consumer.hints import quoted
from consumer.kafka import ManifestFollower
from consumer.receipt import Held, Proof, count_disk, make_receipt, prove, receipt_text

__all__ = ["FolderProof"]


class FolderProof:
    """Compares a folder with what the job sent.

    Parameters
    ----------
    folder
        The folder.
    follower
        Of the job's manifest.
    share
        Which share of the topic it is, None for all of it.
    partitions
        Kafka partitions of that share.
    """

    def __init__(
        self, folder: Folder, follower: ManifestFollower, share: str | None, partitions: Collection[int] | None
    ):
        self._folder = folder
        self._follower = follower
        self._share = share
        self._partitions = partitions
        self.num_doubles: int | None = None
        """Alerts whose identifier an alert before them has already, once `count_doubles` counted them."""
        self.lost: dict[str, str] = {}
        """What is wrong with files that were written, once `look` looked."""
        self.wrong: list[str] = []
        """What else readers meet."""

    def of_journal(self) -> Proof:
        """Return the proof by what was taken into the journal."""
        journal = self._folder.journal
        return prove(self._follower.manifest, journal.seen.counts(), journal.digests, self._partitions)

    def of_disk(self) -> Proof:
        """Return the proof by what lies on the disk, once `look` looked."""
        held = self.held
        proof = prove(self._follower.manifest, held.counts, held.digests, self._partitions)
        is_sound = not self.lost and not self.wrong and not self._folder.journal.num_rejected
        return replace(proof, complete=proof.complete and is_sound)

    def look(self) -> None:
        """Compare the folder with the journal."""
        self.lost, self.wrong = self._folder.look_through()
        self.held = self._count_held()
        """Which written files lie on the disk."""

    def _count_held(self) -> Held:
        """Return which written files lie on the disk: by the journal, or, where some are lost, by the others."""
        journal = self._folder.journal
        if not self.lost:
            files, alerts = len(journal.files), journal.num_alerts
            return Held(num_files=files, num_alerts=alerts, counts=journal.seen.counts(), digests=journal.digests)
        num_files = 0
        counts: dict[int, int] = {}
        digests: dict[int, int] = {}
        for name in journal.files.keys() - self.lost.keys():
            fragments = fragments_of(self._folder.path / name)
            if fragments is None:
                self.lost[name] = f"{name} can't be read"
                continue
            num_files += 1
            for fragment, (num_alerts, digest) in fragments.items():
                counts[fragment] = counts.get(fragment, 0) + num_alerts
                add_digests(digests, {fragment: int(digest, 16)})
        return Held(num_files=num_files, num_alerts=sum(counts.values()), counts=counts, digests=digests)

    def count_doubles(self) -> None:
        """Count the alerts that the archive itself holds too often.

        Raises
        ------
        IncompleteError
            If a file can't be read.
        """
        lost = self._folder.lost()
        written = {name: file for name, file in self._folder.journal.files.items() if name not in lost}
        paths = [self._folder.path / name for name in written]
        num_alerts = sum(file["num_alerts"] for file in written.values())
        id_field = self._follower.manifest.require_plan().id_field
        try:
            self.num_doubles = count_doubles(paths, id_field, num_alerts=num_alerts)
        except (OSError, pa.ArrowException) as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                raise
            raise IncompleteError(
                f"files of {self._folder.path} can't be read: {str(exc).splitlines()[0]}",
                next_step="fetch the topic anew with --restart; see which with: "
                f"alert-transfer verify {quoted(self._folder.path)}",
            ) from exc

    def write_receipt(self) -> None:
        """Put the receipt beside the folder, once `look` looked."""
        on_disk = count_disk(
            str(self._folder.path),
            self.held,
            self.of_disk(),
            num_rejected=self._folder.journal.num_rejected,
            share=self._share,
            num_archive_duplicates=self.num_doubles,
        )
        receipt = make_receipt(self._follower.manifest, state=self._follower.state(), on_disk=on_disk)
        self._folder.write_receipt(receipt.to_dict(), receipt_text(receipt))
