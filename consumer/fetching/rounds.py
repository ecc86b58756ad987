"""One round: rows in, finished Parquet files in the folder out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
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
    SpoolReader,
    column_at,
    file_name,
    keep_rejected,
    sync,
    write_parquet,
)
from consumer.fetching.dedup import Taken
from consumer.fetching.gathering import TakenRound
from consumer.fetching.stages import Stage, running
from consumer.wire import Plan, digests_by_fragment

__all__ = ["RoundWriter", "StagedRound"]

_WRITERS = 2
_UNSYNCED = 8
_WAIT_S = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """The rows of a round, those of one folder beside each other; in a folder they keep their order."""

    table: pa.Table
    """As the files hold them."""
    fragments: np.ndarray
    """Fragment of each, int64, shape (n,)."""
    candids: np.ndarray
    """Identifier of each, int64, shape (n,); 0 for null."""
    sizes: np.ndarray
    """Bytes of its datum, int64, shape (n,)."""
    groups: list[tuple[str, int, int]]
    """Each folder, and from where up to where its rows are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedRound:
    """A round whose files lie in staging. Of the rows it holds no more than the journal notes."""

    index: int
    files: list[dict[str, Any]]
    digests: Mapping[int, int]
    fragments: np.ndarray
    """Fragment of each row, int64, shape (n,)."""
    rows: np.ndarray
    """Number in its fragment of each, int64, shape (n,)."""
    offsets: Mapping[int, int]
    rejected: list[RejectedMessage]
    num_duplicates: int
    spooled: Sequence[dict[str, Any]]
    nbytes: int


class RoundWriter:
    """Writes rounds into a folder: into staging first, and from there for good, each round after the one before it.

    A round may be staged while the one before it is committed, in another thread.

    Parameters
    ----------
    folder
        Where to.
    plan
        The job's plan.
    schema
        Schema of the job's alerts.
    partitioning
        Which folder a row goes to.
    file_nbytes
        Bytes of datums that make a file of a class full.
    """

    def __init__(
        self,
        folder: Folder,
        plan: Plan,
        schema: pa.Schema,
        partitioning: Partitioning,
        file_nbytes: int,
    ):
        self._folder = folder
        self._plan = plan
        self._schema = schema
        self._partitioning = partitioning
        self._file_nbytes = file_nbytes
        self._next = folder.journal.num_rounds
        self._spool = None
        if partitioning.has_many_folders:
            self._spool = Spool(folder.spool, folder.journal, plan, partitioning.schema, file_nbytes)

    def stage(self, whole: TakenRound, go_on: Callable[[], None], await_last: Callable[[], None]) -> StagedRound:
        """Write the files of a round into staging.

        Parameters
        ----------
        whole
            The round.
        go_on
            Called before each part of the work; raises where it is not wanted any more.
        await_last
            Waits until the round before is committed: what waits in the spool is known only then.
        """
        index = self._next
        fragments = np.concatenate([part.fragments for part in whole.taken])
        row_numbers = np.concatenate([part.rows for part in whole.taken])
        rejected = [item for part in whole.taken for item in part.rejected]
        num_duplicates = sum(part.num_duplicates for part in whole.taken)
        rows = self._sorted(whole.taken, fragments)
        go_on()
        spooled: Sequence[dict[str, Any]] = ()
        if self._spool is not None:
            await_last()
        self._folder.check_names((folder for folder, _, _ in rows.groups), is_first=not index)
        staged = self._folder.stage(index)
        if self._spool is None:
            files = [self._write_file(staged, rows, *group, index, go_on) for group in rows.groups]
        else:
            spooled = self._spool.add(staged / file_name(index), rows.table, rows.groups, rows.fragments, rows.sizes)
            files = self._write_full(self._spool, staged, spooled, go_on)
        self._next = index + 1
        return StagedRound(
            index=index,
            files=files,
            digests={
                fragment: digest for fragment, (_, digest) in digests_by_fragment(rows.fragments, rows.candids).items()
            },
            fragments=fragments,
            rows=row_numbers,
            offsets=whole.offsets,
            rejected=[
                RejectedMessage(
                    partition=item.message.partition,
                    offset=item.message.offset,
                    key=item.message.key,
                    value=item.message.value,
                    reason=item.reason,
                )
                for item in rejected
            ],
            num_duplicates=num_duplicates,
            spooled=spooled,
            nbytes=whole.nbytes,
        )

    def commit(self, staged: StagedRound) -> None:
        """Make a round part of the folder, and what was taken for it part of the journal."""
        written = Seen()
        written.add(staged.fragments, staged.rows)
        kept = keep_rejected(self._folder.journal, staged.rejected)
        entry = Round(
            index=staged.index,
            offsets=dict(sorted(staged.offsets.items())),
            files=staged.files,
            rows=written.to_texts(),
            digests={fragment: f"{digest:032x}" for fragment, digest in sorted(staged.digests.items())},
            num_duplicates=staged.num_duplicates,
            rejected=kept.entries,
            num_more_rejected=kept.num_more,
            spooled=list(staged.spooled),
            nbytes=staged.nbytes,
        )
        self._folder.commit(entry, kept.values)

    def write_tails(self) -> None:
        """Write the files that aren't full as far as they go, in the place of what earlier runs wrote of them."""
        unwritten = self._folder.journal.unwritten()
        if self._spool is None or not unwritten:
            return
        staged = self._folder.stage()
        self._commit_files(self._write_side_by_side(self._spool, staged, sorted(unwritten)))

    def _write_side_by_side(self, spool: Spool, staged: Path, keys: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        """Write files from the spool, two at a time: there may be hundreds.

        The disk gets each as soon as it is written; to commit them, which waits for it, then takes hardly any time.
        """
        written: dict[tuple[str, int], dict[str, Any]] = {}
        parts = self._folder.journal.parts
        syncing = Stage("syncing files", sync, most=_UNSYNCED)

        def writing(reader: SpoolReader) -> Callable[[tuple[str, int]], None]:
            def write(key: tuple[str, int]) -> None:
                written[key] = spool.write(staged, *key, parts[key], reader)
                syncing.put(staged / written[key]["path"])

            return write

        with ExitStack() as opened:
            readers = [opened.enter_context(spool.reading(staged)) for _ in range(_WRITERS)]
            stages = [Stage("writing files", writing(reader), most=2) for reader in readers]
            opened.enter_context(running(*stages, syncing))
            for key, stage in zip(keys, cycle(stages), strict=False):
                while not stage.put(key, _WAIT_S):
                    pass
            while not (all(stage.wait(_WAIT_S) for stage in stages) and syncing.wait(_WAIT_S)):
                pass
        return [written[key] for key in keys]

    def write_empty(self) -> None:
        """Write one file without rows, so that a job that found nothing reads as a table with its columns."""
        none = np.empty(0, dtype=np.int64)
        table = self._partitioning.empty_table()
        rows = _Rows(table=table, fragments=none, candids=none, sizes=none, groups=[])
        index = self._folder.journal.num_rounds
        self._commit_files([self._write_file(self._folder.stage(), rows, "", 0, 0, index, _not_stopped)])

    def _sorted(self, taken: list[Taken], fragments: np.ndarray) -> _Rows:
        """Return the rows of what was taken, which is emptied."""
        table = pa.Table.from_batches([part.batch for part in taken], schema=self._schema)
        candids = pc.fill_null(column_at(table, self._plan.id_field), 0).to_numpy()
        sizes = np.concatenate([part.sizes for part in taken])
        found = list(self._partitioning.split(table)) if len(fragments) else []
        ends = np.cumsum([len(at) for _, at in found], dtype=np.int64).tolist()
        groups = [(folder, end - len(at), end) for (folder, at), end in zip(found, ends, strict=True)]
        table = self._partitioning.without_path_columns(table)
        order = np.concatenate([np.empty(0, dtype=np.int64), *(at for _, at in found)])
        if (np.diff(order) != 1).any():
            # All rows at once, since to take those of a part goes through all of the table; and column by column, so
            # that few are there twice.
            schema, columns, chosen = table.schema, table.columns, pa.array(order)
            taken.clear()
            del table
            for number, column in enumerate(columns):
                columns[number] = column.take(chosen)
            table = pa.Table.from_arrays(columns, schema=schema)
            fragments, candids, sizes = fragments[order], candids[order], sizes[order]
        return _Rows(table=table, fragments=fragments, candids=candids, sizes=sizes, groups=groups)

    def _write_full(
        self, spool: Spool, staged: Path, spooled: Sequence[Mapping[str, Any]], go_on: Callable[[], None]
    ) -> list[dict[str, Any]]:
        """Write those files that the round's batches make full."""
        journal, files = self._folder.journal, []
        for number, batch in enumerate(spooled):
            key = batch["folder"], batch["part"]
            piece = Piece(journal.num_rounds, number, batch["num_alerts"], batch["nbytes"])
            pieces = [*journal.parts.get(key, ()), piece]
            if sum(piece.nbytes for piece in pieces) >= self._file_nbytes:
                go_on()
                with spool.reading(staged) as reader:
                    files.append(spool.write(staged, *key, pieces, reader))
        return files

    def _write_file(
        self, staged: Path, rows: _Rows, folder: str, start: int, stop: int, index: int, go_on: Callable[[], None]
    ) -> dict[str, Any]:
        fragments, candids = rows.fragments[start:stop], rows.candids[start:stop]
        receipt = Receipt(
            topic=self._plan.topic,
            job_id=self._plan.job_id,
            request=self._plan.request,
            fragments={
                fragment: (num, f"{digest:032x}")
                for fragment, (num, digest) in digests_by_fragment(fragments, candids).items()
            },
        )
        # Rounds are numbered, so no file can take the name of another.
        name = f"part-{index:05d}.parquet"
        path = f"{folder}/{name}" if folder else name
        table = rows.table.slice(start, stop - start)
        write_parquet(staged / path, table, receipt, id_field=self._plan.id_field, go_on=go_on)
        return {"path": path, "num_alerts": table.num_rows, "nbytes": (staged / path).stat().st_size}

    def _commit_files(self, files: list[dict[str, Any]]) -> None:
        """Commit a round that takes no messages in."""
        none = np.empty(0, dtype=np.int64)
        staged = StagedRound(
            index=self._folder.journal.num_rounds,
            files=files,
            digests={},
            fragments=none,
            rows=none,
            offsets={},
            rejected=[],
            num_duplicates=0,
            spooled=(),
            nbytes=0,
        )
        self.commit(staged)


def _not_stopped() -> None:
    """Let work go on that no other thread waits for."""
