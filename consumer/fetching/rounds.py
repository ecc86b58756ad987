"""One round: messages in, finished Parquet files in the folder out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.dataset import (
    Folder,
    Partitioning,
    Piece,
    Receipt,
    RejectedMessage,
    Round,
    Seen,
    Spool,
    add_digests,
    by_fragment,
    column_at,
    file_name,
    keep_rejected,
    write_parquet,
)
from consumer.fetching.dedup import Intake, Taken
from consumer.kafka import Message
from consumer.wire import Plan, digest_candids

__all__ = ["RoundWriter"]

_CHUNK_NBYTES = 16 * 1024 * 1024
_CHUNK_MESSAGES = 8192


class RoundWriter:
    """Writes rounds of messages into a folder.

    Parameters
    ----------
    folder
        Where to.
    plan
        The job's plan.
    intake
        Decides which rows are new; shares the folder's set of rows that were seen.
    partitioning
        Which folder a row goes to.
    file_nbytes
        Bytes of datums that make a file of a class full.
    """

    def __init__(self, folder: Folder, plan: Plan, intake: Intake, partitioning: Partitioning, file_nbytes: int):
        self._folder = folder
        self._plan = plan
        self._intake = intake
        self._partitioning = partitioning
        self._file_nbytes = file_nbytes
        self._spool = None
        if partitioning.has_many_folders:
            self._spool = Spool(folder.spool, folder.journal, plan, partitioning.schema, file_nbytes)

    def write(self, messages: list[Message], limit: int | None = None) -> int:
        """Write the new rows of messages, and what was taken into the journal; returns their number.

        Parameters
        ----------
        messages
            In order; the list is emptied, which gives memory back as the work goes on.
        limit
            Stop after the message that brings the new rows to this number.
        """
        offsets: dict[int, int] = {}
        taken: list[Taken] = []
        num_new = 0
        messages.reverse()
        while messages and (limit is None or num_new < limit):
            chunk = _next_chunk(messages, None if limit is None else limit - num_new)
            offsets.update((message.partition, message.offset + 1) for message in chunk)
            taken.append(self._intake.take(chunk))
            num_new += taken[-1].batch.num_rows
        messages.clear()
        if offsets:
            self._write_round(taken, offsets)
        return num_new

    def write_tails(self) -> None:
        """Write the files that aren't full as far as they go, in the place of what earlier runs wrote of them."""
        unwritten = self._folder.journal.unwritten()
        if self._spool is None or not unwritten:
            return
        staged = self._folder.stage()
        files = [self._spool.write(staged, *key, self._folder.journal.parts[key]) for key in sorted(unwritten)]
        none = np.empty(0, dtype=np.int64)
        self._commit(files, {}, none, none, {}, [])

    def write_empty(self) -> None:
        """Write one file without rows, so that a job that found nothing reads as a table with its columns."""
        none = np.empty(0, dtype=np.int64)
        staged = self._folder.stage()
        file, _ = self._write_file(staged, "", self._partitioning.empty_table(), none, none)
        self._commit([file], {}, none, none, {}, [])

    def _write_round(self, taken: Sequence[Taken], offsets: Mapping[int, int]) -> None:
        table = pa.Table.from_batches([part.batch for part in taken], schema=self._intake.decoder.schema)
        fragments = np.concatenate([part.fragments for part in taken])
        rows = np.concatenate([part.rows for part in taken])
        candids = pc.fill_null(column_at(table, self._plan.id_field), 0).to_numpy()
        table_of_files = self._partitioning.without_path_columns(table)
        staged = self._folder.stage()
        if self._spool is not None:
            sizes = np.concatenate([part.sizes for part in taken])
            groups = list(self._partitioning.split(table)) if len(rows) else []
            self._folder.check_names(folder for folder, _ in groups)
            spooled = self._spool.add(staged / self._file_of_round, table_of_files, groups, fragments, sizes)
            digests = {fragment: digest_candids(candids[at]) for fragment, at in by_fragment(fragments)}
            self._commit(
                self._write_full(self._spool, staged, spooled), digests, fragments, rows, offsets, taken, spooled
            )
            return
        groups = list(self._partitioning.split(table)) if len(rows) else []
        self._folder.check_names(folder for folder, _ in groups)
        files, digests = [], {}
        for folder, at in groups:
            part = table_of_files if len(at) == len(rows) else table_of_files.take(pa.array(at))
            file, part_digests = self._write_file(staged, folder, part, fragments[at], candids[at])
            files.append(file)
            add_digests(digests, part_digests)
        self._commit(files, digests, fragments, rows, offsets, taken)

    @property
    def _file_of_round(self) -> str:
        return file_name(self._folder.journal.num_rounds)

    def _write_full(self, spool: Spool, staged: Path, spooled: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Write those files that the round's batches make full."""
        journal, files = self._folder.journal, []
        for number, batch in enumerate(spooled):
            key = batch["folder"], batch["part"]
            piece = Piece(journal.num_rounds, number, batch["num_alerts"], batch["nbytes"])
            pieces = [*journal.parts.get(key, ()), piece]
            if sum(piece.nbytes for piece in pieces) >= self._file_nbytes:
                files.append(spool.write(staged, *key, pieces))
        return files

    def _write_file(
        self, staged: Path, folder: str, table: pa.Table, fragments: np.ndarray, candids: np.ndarray
    ) -> tuple[dict[str, Any], dict[int, int]]:
        digests = {fragment: digest_candids(candids[at]) for fragment, at in by_fragment(fragments)}
        counts = {fragment: len(at) for fragment, at in by_fragment(fragments)}
        receipt = Receipt(
            topic=self._plan.topic,
            job_id=self._plan.job_id,
            request=self._plan.request,
            fragments={number: (counts[number], f"{digest:032x}") for number, digest in digests.items()},
        )
        # Rounds are numbered, so no file can take the name of another.
        name = f"part-{self._folder.journal.num_rounds:05d}.parquet"
        path = f"{folder}/{name}" if folder else name
        write_parquet(staged / path, table, receipt, id_field=self._plan.id_field)
        return {"path": path, "num_alerts": table.num_rows, "nbytes": (staged / path).stat().st_size}, digests

    def _commit(
        self,
        files: list[dict[str, Any]],
        digests: Mapping[int, int],
        fragments: np.ndarray,
        rows: np.ndarray,
        offsets: Mapping[int, int],
        taken: Sequence[Taken],
        spooled: Sequence[dict[str, Any]] = (),
    ) -> None:
        written = Seen()
        written.add(fragments, rows)
        rejected = (
            RejectedMessage(
                partition=item.message.partition,
                offset=item.message.offset,
                key=item.message.key,
                value=item.message.value,
                reason=item.reason,
            )
            for part in taken
            for item in part.rejected
        )
        kept = keep_rejected(self._folder.journal, rejected)
        entry = Round(
            index=self._folder.journal.num_rounds,
            offsets=dict(sorted(offsets.items())),
            files=files,
            rows=written.to_texts(),
            digests={fragment: f"{digest:032x}" for fragment, digest in sorted(digests.items())},
            num_duplicates=sum(part.num_duplicates for part in taken),
            rejected=kept.entries,
            num_more_rejected=kept.num_more,
            spooled=list(spooled),
        )
        self._folder.commit(entry, kept.values)


def _next_chunk(messages: list[Message], limit: int | None) -> list[Message]:
    """Remove and return the next messages of a reversed list: so many that memory stays small, `limit` at most."""
    most = _CHUNK_MESSAGES if limit is None else min(_CHUNK_MESSAGES, limit)
    chunk: list[Message] = []
    nbytes = 0
    while messages and len(chunk) < most and nbytes < _CHUNK_NBYTES:
        chunk.append(messages.pop())
        nbytes += len(chunk[-1].value)
    return chunk
