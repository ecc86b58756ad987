"""What was taken from the topic so far: one checksummed line per round of files, appended and fsynced.

The journal is the truth about the folder. A line is written after the round's files are safe in staging and before
they are renamed into the folder; a line that was torn by a crash is as good as not written.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from consumer.dataset.row_set import Seen
from consumer.errors import IncompleteError

__all__ = ["Journal", "Piece", "Round", "add_digests"]


@dataclass(frozen=True, kw_only=True)
class Round:
    """One set of files and the messages they stand for."""

    index: int
    offsets: dict[int, int]
    """Kafka offset that comes next, per partition."""
    files: list[dict[str, Any]]
    """Each: path (relative to the folder), num_alerts, nbytes."""
    rows: dict[int, str]
    """Rows written, per fragment, as text of intervals."""
    digests: dict[int, str]
    """`wire.digest_candids` of the alerts written, per fragment, 32 hexadecimal digits."""
    num_duplicates: int
    rejected: list[dict[str, Any]] = field(default_factory=list)
    """Messages that could not be read and are kept. Each: partition, offset, key, reason, nbytes (of the value)."""
    spooled: list[dict[str, Any]] = field(default_factory=list)
    """Batches of the round's file in the spool, in its order. Each: folder, part (number of the Parquet file in the
    folder that it will be part of), num_alerts, nbytes (of the datums)."""
    nbytes: int | None = None
    """Bytes of the datums of all messages that it stands for; None where version 0.1.0 wrote it, which noted none."""

    num_more_rejected: int = 0
    """Messages that could not be read, beyond those that are kept (consumer/dataset/rejected.py)."""

    def to_line(self) -> bytes:
        """Return the round as a line with its checksum in front."""
        made = asdict(self)
        if not self.num_more_rejected:
            del made["num_more_rejected"]
        body = json.dumps(made, separators=(",", ":")).encode()
        return b"%08x %s\n" % (zlib.crc32(body), body)

    @classmethod
    def from_line(cls, line: bytes) -> Round:
        """Return the round in a line.

        Raises
        ------
        ValueError
            If the line is torn or altered.
        IncompleteError
            If a later version wrote it, with what this one doesn't know: such a round is neither torn nor damaged.
        """
        checksum, _, body = line.partition(b" ")
        if not line.endswith(b"\n") or int(checksum, 16) != zlib.crc32(body[:-1]):
            raise ValueError("a line does not match its checksum")
        made = json.loads(body)
        for name in ("offsets", "rows", "digests"):  # JSON has text keys only
            made[name] = {int(key): value for key, value in made[name].items()}
        if unknown := sorted(made.keys() - cls.__dataclass_fields__.keys()):
            raise IncompleteError(
                f"the folder was written by a later version of alert-transfer: its journal has {unknown[0]!r}",
                next_step="go on with that version, or fetch the topic into another --outdir",
            )
        return cls(**made)


@dataclass(frozen=True)
class Piece:
    """A batch in the spool (consumer/dataset/spool.py)."""

    round: int
    batch: int
    num_alerts: int
    nbytes: int
    """Bytes of the datums."""


class Journal:
    """The rounds of one folder, folded.

    Parameters
    ----------
    path
        File with the rounds; it need not exist.

    Raises
    ------
    IncompleteError
        If a line other than the last is damaged.
    """

    def __init__(self, path: Path):
        self._path = path
        self._nbytes_valid = 0
        self.last: Round | None = None
        self.seen = Seen()
        self.offsets: dict[int, int] = {}
        self.digests: dict[int, int] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.parts: dict[tuple[str, int], list[Piece]] = {}
        """Batches in the spool that make up a Parquet file, per folder and number of the file."""
        self._last_parts: dict[str, int] = {}
        self.nbytes: int | None = 0
        """Bytes of the datums of all messages that were taken; None where a round doesn't say."""
        self.num_duplicates = 0
        self.rejected: list[dict[str, Any]] = []
        """Messages that could not be read and are kept."""
        self.rejected_nbytes = 0
        """Bytes of those."""
        self.num_rejected = 0
        """Messages that could not be read, kept or not."""
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                entry = Round.from_line(line)
            except (ValueError, KeyError, TypeError) as exc:
                if number == len(lines):
                    break
                raise IncompleteError(
                    f"{path} is damaged: line {number} of {len(lines)} does not match its checksum",
                    next_step="fetch the topic anew with --restart",
                ) from exc
            self._fold(entry)
            self._nbytes_valid += len(line)

    @property
    def num_rounds(self) -> int:
        """Rounds so far; the index of the next."""
        return 0 if self.last is None else self.last.index + 1

    @property
    def num_alerts(self) -> int:
        """Alerts in the folder's files."""
        return sum(file["num_alerts"] for file in self.files.values())

    def last_part(self, folder: str) -> tuple[int, int]:
        """Return the number of a folder's last Parquet file that the spool feeds, and the bytes of its datums."""
        part = self._last_parts.get(folder, 0)
        return part, sum(piece.nbytes for piece in self.parts.get((folder, part), ()))

    def unwritten(self) -> list[tuple[str, int]]:
        """Return folder and number of each Parquet file for which the spool has more rows than the folder."""
        return [
            (folder, part)
            for (folder, part), pieces in self.parts.items()
            if sum(piece.num_alerts for piece in pieces) != self._num_written(folder, part)
        ]

    def needed(self) -> set[int]:
        """Return the rounds whose file in the spool is needed, for a Parquet file that isn't written or may grow."""
        growing = {(folder, part) for folder, part in self._last_parts.items()}
        return {piece.round for key in growing.union(self.unwritten()) for piece in self.parts.get(key, ())}

    def _num_written(self, folder: str, part: int) -> int:
        return self.files.get(f"{folder}/part-{part:05d}.parquet", {"num_alerts": 0})["num_alerts"]

    def append(self, entry: Round) -> None:
        """Write a round and wait until the disk has it."""
        line = entry.to_line()
        begun = self._path.exists()
        if self._nbytes_valid and not begun:
            # Without the rounds before it, this one would be taken for the first.
            raise IncompleteError(
                f"{self._path} was deleted meanwhile",
                next_step="fetch the topic anew with --restart, or into another --outdir",
            )
        with open(self._path, "r+b" if begun else "xb") as file:
            file.truncate(self._nbytes_valid)
            file.seek(self._nbytes_valid)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._nbytes_valid += len(line)
        self._fold(entry)

    def _fold(self, entry: Round) -> None:
        self.last = entry
        self.offsets.update(entry.offsets)
        self.seen.update(entry.rows)
        add_digests(self.digests, {fragment: int(digest, 16) for fragment, digest in entry.digests.items()})
        self.files.update((file["path"], file) for file in entry.files)
        for number, batch in enumerate(entry.spooled):
            piece = Piece(entry.index, number, batch["num_alerts"], batch["nbytes"])
            self.parts.setdefault((batch["folder"], batch["part"]), []).append(piece)
            self._last_parts[batch["folder"]] = batch["part"]
        self.nbytes = None if self.nbytes is None or entry.nbytes is None else self.nbytes + entry.nbytes
        self.num_duplicates += entry.num_duplicates
        self.rejected += entry.rejected
        self.rejected_nbytes += sum(item.get("nbytes", 0) for item in entry.rejected)
        self.num_rejected += len(entry.rejected) + entry.num_more_rejected


def add_digests(total: dict[int, int], more: Mapping[int, int]) -> None:
    """Add digests per fragment to a total, in place (sums modulo 2^128, as `wire.digest_candids` makes them)."""
    for fragment, digest in more.items():
        total[fragment] = (total.get(fragment, 0) + digest) % 2**128
