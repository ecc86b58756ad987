"""Alerts that wait beside the folder until their file is full: used for folders by class, where there may be hundreds.

A round holds a little of each label. Written at once, that would be hundreds of small files a round. So the
rows of a round go into one Arrow file, `spool/<round>.arrow`, a record batch for each label, and the journal says of
each batch which Parquet file it will be part of. A file is full with the row that brings its datums to the target: so
where files begin and end depends on the order and the size of the datums alone, not on rounds. A full file is written
from its batches together with the round that filled it; at the end of a run the last file of each label is written as
far as it goes, and a later run that adds to it puts the longer file in its place.

Batches aren't compressed: with hundreds of labels they are small, each has a buffer or three a column, and LZ4 of those
took as long as all else together. (Version 0.1.0 compressed them; such files are read likewise.)

Memory: one row group of one file, or of two at the end of a run, whatever the number of labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.dataset.journal import Journal, Piece, add_digests
from consumer.dataset.parquet import Receipt, write_pieces
from consumer.dataset.partition import column_at
from consumer.errors import IncompleteError
from consumer.wire import Plan, digests_by_fragment

__all__ = ["Spool", "SpoolReader", "file_name"]

_FRAGMENT = "#fragment"  # no field has this name: Avro's names have no '#'
_MOST_OPEN = 100
_BUFFER_NBYTES = 1024 * 1024
_COUNTED_AT_ONCE = 65_536


class Spool:
    """The rows that wait for their files to be full.

    Parameters
    ----------
    home
        Folder of the Arrow files, one a round.
    journal
        Knows which batches there are, and what each is part of.
    plan
        The job's plan.
    schema
        What the Parquet files hold.
    target_nbytes
        Bytes of datums that make a file full.
    """

    def __init__(self, home: Path, journal: Journal, plan: Plan, schema: pa.Schema, target_nbytes: int):
        self._home = home
        self._journal = journal
        self._plan = plan
        self._schema = schema
        self._stored = schema.append(pa.field(_FRAGMENT, pa.int64()))
        self._target_nbytes = target_nbytes

    def add(
        self,
        path: Path,
        table: pa.Table,
        groups: Sequence[tuple[str, int, int]],
        fragments: np.ndarray,
        sizes: np.ndarray,
    ) -> list[dict[str, Any]]:
        """Write the rows of a round to a new file; returns the batches for the journal, in the file's order.

        Parameters
        ----------
        path
            The file, in staging.
        table
            The rows, n of them, as the Parquet files hold them.
        groups
            Each folder, and from where up to where its rows are.
        fragments, sizes
            Fragment of each row and bytes of its datum, int64, shape (n,).
        """
        pieces = []
        table = table.append_column(_FRAGMENT, pa.array(fragments)).combine_chunks()
        # Buffered: each buffer of a batch and the blanks behind it would be a call of the system's of its own.
        with pa.output_stream(path, buffer_size=_BUFFER_NBYTES) as file, pa.ipc.new_file(file, self._stored) as writer:
            for folder, start, stop in groups:
                for part, num in self._cut(folder, sizes[start:stop]):
                    writer.write_table(table.slice(start, num))
                    nbytes = int(sizes[start : start + num].sum())
                    pieces.append({"folder": folder, "part": part, "num_alerts": num, "nbytes": nbytes})
                    start += num
        return pieces

    def _cut(self, folder: str, sizes: np.ndarray) -> Iterator[tuple[int, int]]:
        """Yield the number of each file that rows of these sizes go into, and how many of them do."""
        part, nbytes = self._journal.last_part(folder)
        while len(sizes):
            if nbytes >= self._target_nbytes:
                part, nbytes = part + 1, 0
            # Up to and with the row that makes the file full.
            num = min(int(np.searchsorted(nbytes + np.cumsum(sizes), self._target_nbytes)) + 1, len(sizes))
            yield part, num
            nbytes += int(sizes[:num].sum())
            sizes = sizes[num:]

    def reading(self, staged: Path) -> SpoolReader:
        """Return what reads batches, of rounds that are in the folder or, of the one that is written, in staging."""
        return SpoolReader(self._home, staged)

    def write(
        self, staged: Path, folder: str, part: int, pieces: Sequence[Piece], reader: SpoolReader
    ) -> dict[str, Any]:
        """Write one Parquet file to staging from its batches; returns it for the journal.

        Parameters
        ----------
        staged
            The round's staging; what belongs to this round lies there already.
        folder, part
            Which file.
        pieces
            Its batches, in order.
        reader
            Reads them.

        Raises
        ------
        IncompleteError
            If a file of the spool is gone or damaged.
        """
        counts: dict[int, int] = {}
        digests: dict[int, int] = {}
        fragments: list[np.ndarray] = []
        candids: list[np.ndarray] = []

        def count() -> None:
            if not fragments:
                return
            found = digests_by_fragment(np.concatenate(fragments), np.concatenate(candids))
            for fragment, (num, digest) in found.items():
                counts[fragment] = counts.get(fragment, 0) + num
                add_digests(digests, {fragment: digest})
            fragments.clear()
            candids.clear()

        def counted() -> Iterator[pa.RecordBatch]:
            for piece in pieces:
                batch = reader.read(piece)
                ids = pc.fill_null(column_at(pa.Table.from_batches([batch]), self._plan.id_field), 0)
                # Copied, since they would keep the batch in memory. Counted many at a time: pieces have few rows.
                fragments.append(batch.column(_FRAGMENT).to_numpy().copy())
                candids.append(ids.to_numpy().copy())
                if sum(map(len, fragments)) >= _COUNTED_AT_ONCE:
                    count()
                yield batch.select(self._schema.names)
            count()

        def receipt() -> Receipt:
            return Receipt(
                topic=self._plan.topic,
                job_id=self._plan.job_id,
                request=self._plan.request,
                fragments={number: (num, f"{digests[number]:032x}") for number, num in sorted(counts.items())},
            )

        path = f"{folder}/part-{part:05d}.parquet"
        write_pieces(staged / path, self._schema, counted(), receipt, id_field=self._plan.id_field)
        return {"path": path, "num_alerts": sum(counts.values()), "nbytes": (staged / path).stat().st_size}


class SpoolReader:
    """Reads batches of the spool, each file opened once; a context manager, for one thread.

    Parameters
    ----------
    home
        Folder of the Arrow files.
    staged
        Folder that may have a newer one.
    """

    def __init__(self, home: Path, staged: Path):
        self._home = home
        self._staged = staged
        self._opened: dict[int, tuple[pa.OSFile, pa.RecordBatchFileReader]] = {}

    def __enter__(self) -> SpoolReader:
        return self

    def __exit__(self, *_: object) -> None:
        for file, _reader in self._opened.values():
            file.close()
        self._opened.clear()

    def read(self, piece: Piece) -> pa.RecordBatch:
        """Return a batch.

        Raises
        ------
        IncompleteError
            If its file is gone or damaged.
        """
        try:
            if piece.round not in self._opened:
                if len(self._opened) == _MOST_OPEN:
                    self._opened.pop(next(iter(self._opened)))[0].close()
                # Read, not mapped: Windows removes no mapped file, and a file stays mapped while a batch of it exists.
                source = pa.OSFile(str(self._path(piece.round)))
                self._opened[piece.round] = source, pa.ipc.open_file(source)
            return self._opened[piece.round][1].get_batch(piece.batch)
        except (OSError, pa.ArrowException) as exc:
            raise IncompleteError(
                f"{self._path(piece.round)}, which holds alerts that are in no file yet, can't be read: {exc}",
                next_step="fetch the topic anew with --restart",
            ) from exc

    def _path(self, index: int) -> Path:
        """Return where a round's file is, or should be."""
        path = self._staged / file_name(index)
        return path if path.exists() else self._home / file_name(index)


def file_name(index: int) -> str:
    """Return the name of the file that holds the batches of a round."""
    return f"{index:05d}.arrow"
