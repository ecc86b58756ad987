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
    by_fragment,
    column_at,
    file_name,
    keep_rejected,
    write_parquet,
)
from consumer.fetching.dedup import Taken
from consumer.fetching.gathering import TakenRound
from consumer.fetching.stages import Stage, running
from consumer.wire import Plan, digest_candids

__all__ = ["RoundWriter"]

_WRITERS = 2
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


class RoundWriter:
    """Writes rounds into a folder.

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
        self._spool = None
        if partitioning.has_many_folders:
            self._spool = Spool(folder.spool, folder.journal, plan, partitioning.schema, file_nbytes)

    def write(self, whole: TakenRound, go_on: Callable[[], None]) -> None:
        """Write the rows of a round, and what was taken into the journal.

        Parameters
        ----------
        whole
            The round.
        go_on
            Called before each part of the work; raises where it is not wanted any more.
        """
        fragments = np.concatenate([part.fragments for part in whole.taken])
        row_numbers = np.concatenate([part.rows for part in whole.taken])
        rows = self._sorted(whole.taken, fragments)
        go_on()
        self._folder.check_names(folder for folder, _, _ in rows.groups)
        staged = self._folder.stage()
        spooled: Sequence[dict[str, Any]] = ()
        if self._spool is None:
            files = [self._write_file(staged, rows, *group, go_on) for group in rows.groups]
        else:
            spooled = self._spool.add(staged / self._file_of_round, rows.table, rows.groups, rows.fragments, rows.sizes)
            files = self._write_full(self._spool, staged, spooled, go_on)
        digests = {fragment: digest_candids(rows.candids[at]) for fragment, at in by_fragment(rows.fragments)}
        self._commit(files, digests, fragments, row_numbers, whole.offsets, whole.taken, spooled, whole.nbytes)

    def write_tails(self) -> None:
        """Write the files that aren't full as far as they go, in the place of what earlier runs wrote of them."""
        unwritten = self._folder.journal.unwritten()
        if self._spool is None or not unwritten:
            return
        staged = self._folder.stage()
        files = self._write_side_by_side(self._spool, staged, sorted(unwritten))
        none = np.empty(0, dtype=np.int64)
        self._commit(files, {}, none, none, {}, [])

    def _write_side_by_side(self, spool: Spool, staged: Path, keys: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        """Write files from the spool, two at a time: there may be hundreds."""
        written: dict[tuple[str, int], dict[str, Any]] = {}
        parts = self._folder.journal.parts

        def writing(reader: SpoolReader) -> Callable[[tuple[str, int]], None]:
            def write(key: tuple[str, int]) -> None:
                written[key] = spool.write(staged, *key, parts[key], reader)

            return write

        with ExitStack() as opened:
            readers = [opened.enter_context(spool.reading(staged)) for _ in range(_WRITERS)]
            stages = [Stage("writing files", writing(reader), most=2) for reader in readers]
            opened.enter_context(running(*stages))
            for key, stage in zip(keys, cycle(stages), strict=False):
                while not stage.put(key, _WAIT_S):
                    pass
            while not all(stage.wait(_WAIT_S) for stage in stages):
                pass
        return [written[key] for key in keys]

    def write_empty(self) -> None:
        """Write one file without rows, so that a job that found nothing reads as a table with its columns."""
        none = np.empty(0, dtype=np.int64)
        table = self._partitioning.empty_table()
        rows = _Rows(table=table, fragments=none, candids=none, sizes=none, groups=[])
        self._commit([self._write_file(self._folder.stage(), rows, "", 0, 0, _not_stopped)], {}, none, none, {}, [])

    def _sorted(self, taken: Sequence[Taken], fragments: np.ndarray) -> _Rows:
        table = pa.Table.from_batches([part.batch for part in taken], schema=self._schema)
        candids = pc.fill_null(column_at(table, self._plan.id_field), 0).to_numpy()
        sizes = np.concatenate([part.sizes for part in taken])
        found = list(self._partitioning.split(table)) if len(fragments) else []
        ends = np.cumsum([len(at) for _, at in found], dtype=np.int64).tolist()
        groups = [(folder, end - len(at), end) for (folder, at), end in zip(found, ends, strict=True)]
        table = self._partitioning.without_path_columns(table)
        order = np.concatenate([np.empty(0, dtype=np.int64), *(at for _, at in found)])
        if (np.diff(order) != 1).any():
            # All rows at once, since to take those of a part goes through all of the table; and column by column, since
            # the table is there a second time then.
            at = pa.array(order)
            columns = [column.combine_chunks().take(at) for column in table.columns]
            table = pa.Table.from_arrays(columns, schema=table.schema)
            fragments, candids, sizes = fragments[order], candids[order], sizes[order]
        return _Rows(table=table, fragments=fragments, candids=candids, sizes=sizes, groups=groups)

    @property
    def _file_of_round(self) -> str:
        return file_name(self._folder.journal.num_rounds)

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
        self, staged: Path, rows: _Rows, folder: str, start: int, stop: int, go_on: Callable[[], None]
    ) -> dict[str, Any]:
        fragments, candids = rows.fragments[start:stop], rows.candids[start:stop]
        receipt = Receipt(
            topic=self._plan.topic,
            job_id=self._plan.job_id,
            request=self._plan.request,
            fragments={
                fragment: (len(at), f"{digest_candids(candids[at]):032x}") for fragment, at in by_fragment(fragments)
            },
        )
        # Rounds are numbered, so no file can take the name of another.
        name = f"part-{self._folder.journal.num_rounds:05d}.parquet"
        path = f"{folder}/{name}" if folder else name
        table = rows.table.slice(start, stop - start)
        write_parquet(staged / path, table, receipt, id_field=self._plan.id_field, go_on=go_on)
        return {"path": path, "num_alerts": table.num_rows, "nbytes": (staged / path).stat().st_size}

    def _commit(
        self,
        files: list[dict[str, Any]],
        digests: Mapping[int, int],
        fragments: np.ndarray,
        rows: np.ndarray,
        offsets: Mapping[int, int],
        taken: Sequence[Taken],
        spooled: Sequence[dict[str, Any]] = (),
        nbytes: int = 0,
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
            nbytes=nbytes,
        )
        self._folder.commit(entry, kept.values)


def _not_stopped() -> None:
    """Let work go on that no other thread waits for."""
