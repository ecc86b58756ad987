"""Opening Parquet files: once each, their footers first, then the ranges that are asked for and little else."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow._parquet import ParquetReader

from engine.storage.encryption import EncryptedError
from engine.storage.expansion import Expansion
from engine.storage.layout import Layout, layout_of
from engine.storage.parsing import ParsedFooter, footer_nbytes_of, parse_footer
from engine.storage.ranges import Range, RangedFile
from engine.storage.remote import ChangedError, OpenedFile, RemoteFile, S3Object, open_remote
from engine.storage.stores import Store

__all__ = ["Expected", "OpenParquet", "open_parquet", "read_tail"]

# Of ten thousands of files most have footers no longer than this; the rest takes one request more.
_TAIL_NBYTES = 64 * 1024
_END_NBYTES = 8
# Besides column chunks, what lies between them may come up to this part of what the footer weighs.
_SPARE_OF_FOOTER = 0.1
# Of 20 alerts and 20 columns, to hand them to Arrow's threads takes as long as to decode them.
_FEW_VALUES = 20_000
_DONT_NEED: int | None = getattr(mmap, "MADV_DONTNEED", None)  # not every system has it


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is known of a file before it is opened."""

    nbytes: int | None = None
    etag: str | None = None
    footer_nbytes: int | None = None
    footer_crc: str | None = None


@dataclass(frozen=True, kw_only=True)
class OpenParquet:
    """A Parquet file that was opened, and where its bytes come from."""

    reader: ParquetReader
    """Arrow's own under `pyarrow.parquet.ParquetFile`, which works out anew for each file what a layout holds."""
    metadata: pq.FileMetaData
    layout: Layout
    source: RangedFile | None
    """None: a file on a local disk, mapped into memory."""
    mapped: memoryview
    """The bytes of a file on a local disk."""
    footer_nbytes: int
    is_one_version: bool
    """Whether all that is read of it is of one version, or the reading fails."""

    def close(self) -> None:
        """Let go of the file. What Arrow made of a mapped one may still point into it: the system keeps that."""
        self.reader.close()
        if self.source is not None:
            self.source.close()

    def fetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the column chunks of some columns in as few requests as make sense, ahead of Arrow's reads."""
        if self.source is not None:
            share = len(row_groups) / max(1, self.metadata.num_row_groups)
            spare = int(_SPARE_OF_FOOTER * share * self.footer_nbytes)
            self.source.fetch(_chunks(self.metadata, row_groups, self.layout.places(columns)), spare)

    def read(self, row_groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Return root columns, or paths inside them, of some row groups."""
        places = list(self.layout.places(columns))
        return self.reader.read_row_groups(
            list(row_groups), column_indices=places, use_threads=self._is_much(row_groups, places)
        )

    def batches(self, row_groups: Sequence[int], columns: Sequence[str], num_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield them in batches of so many rows at most."""
        yield from self.batches_of(row_groups, self.layout.places(columns), num_rows)

    def batches_of(self, row_groups: Sequence[int], places: Sequence[int], num_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield leaves, by place, of some row groups in batches of so many rows at most."""
        for batch in self.reader.iter_batches(
            num_rows,
            row_groups=list(row_groups),
            column_indices=list(places),
            use_threads=self._is_much(row_groups, places),
        ):
            yield batch
            self.let_go_of_pages()

    def chunk(self, row_group: int, place: int) -> memoryview:
        """Return the bytes of a column chunk, read once, as Arrow reads it."""
        (((start, end),),) = _chunks(self.metadata, [row_group], [place])
        if self.source is None:
            return self.mapped[start:end]
        self.source.seek(start)
        return self.source.read_buffer(end - start)

    def let_go_of_pages(self) -> None:
        """Have a mapped file count for no memory of ours: the system keeps its pages, and gives back what is read on.

        A fragment of full alerts has more than a hundred megabytes of them.
        """
        if _DONT_NEED is not None and isinstance(self.mapped.obj, mmap.mmap):
            self.mapped.obj.madvise(_DONT_NEED)

    def _is_much(self, row_groups: Sequence[int], places: Sequence[int]) -> bool:
        """Return whether it is worth while to have several threads decode columns."""
        return len(places) * sum(self.metadata.row_group(group).num_rows for group in row_groups) > _FEW_VALUES

    def expansion(self, row_groups: Sequence[int], columns: Sequence[str], file_nbytes: int) -> Expansion:
        """Return what some columns of some row groups come to when they are decoded."""
        return Expansion(self, row_groups, columns, file_nbytes, self._read_at, self.layout)

    def _read_at(self, offset: int, nbytes: int) -> bytes:
        if self.source is None:
            return bytes(self.mapped[max(0, offset) : max(0, offset) + nbytes])
        return self.source.peek(offset, offset + nbytes)


def read_tail(store: Store, path: str) -> bytes:
    """Return the end of a file, which holds its footer if it is Parquet.

    Raises
    ------
    EncryptedError
        If its footer is encrypted. All that the file system raises comes out as well.
    """
    if store.is_local:
        with open(path, "rb") as local:
            return _tail(OpenedFile(local, at_once=False), None)
    with closing(OpenedFile(store.open(path, afresh=False), at_once=store.num_threads > 1)) as file:
        return _tail(file, None)


def open_parquet(store: Store, path: str, expected: Expected | None = None) -> OpenParquet:
    """Open a file to read alerts from it.

    Raises
    ------
    ChangedError
        If it is not the one that was expected, where that shows; on a disk it is not looked at.
    pyarrow.ArrowException, OSError
        If it is not Parquet, or encrypted. All that the file system raises comes out as well.
    """
    expected = expected or Expected()
    if store.is_local:
        return _open_local(path, expected.footer_crc)
    remote = open_remote(store, path, expected.nbytes, expected.etag)
    try:
        try:
            footer = parse_footer(_tail(remote, expected.footer_nbytes), checked_crc=expected.footer_crc)
            if expected.etag and expected.footer_crc and not footer.has_crc(expected.footer_crc):
                raise ChangedError("its footer is another one")
        except ChangedError:
            remote, footer = _copied(store, path, expected)
    except BaseException:
        remote.close()
        raise
    source = RangedFile(remote)
    reader = _reader(source, footer.metadata)
    return OpenParquet(
        reader=reader,
        metadata=footer.metadata,
        layout=layout_of(footer, lambda: reader.schema_arrow),
        source=source,
        mapped=memoryview(b""),
        footer_nbytes=footer.nbytes,
        is_one_version=isinstance(remote, S3Object) and remote.etag == expected.etag,
    )


def _copied(store: Store, path: str, expected: Expected) -> tuple[RemoteFile, ParsedFooter]:
    """Return a file that has another ETag than expected, and its footer, if it only was copied or touched.

    Raises
    ------
    ChangedError
        If it has another size or footer.
    """
    entry = store.entry(path)
    now = ChangedError(f"{entry.nbytes} bytes, ETag {entry.version}")
    if entry.nbytes != expected.nbytes or expected.footer_crc is None:
        raise now
    remote = open_remote(store, path, entry.nbytes, entry.version)
    try:
        footer = parse_footer(_tail(remote, expected.footer_nbytes), checked_crc=expected.footer_crc)
        if not footer.has_crc(expected.footer_crc):
            raise now
    except BaseException:
        remote.close()
        raise
    return remote, footer


def _open_local(path: str, checked_crc: str | None) -> OpenParquet:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    end = bytes(mapped[-_END_NBYTES:])
    _check_plain(end)
    reader = _reader(pa.BufferReader(pa.py_buffer(mapped)))
    tail = bytes(mapped[max(0, size - footer_nbytes_of(end) - _END_NBYTES) :])
    footer = parse_footer(tail, reader.metadata, checked_crc)
    return OpenParquet(
        reader=reader,
        metadata=footer.metadata,
        layout=layout_of(footer, lambda: reader.schema_arrow),
        source=None,
        mapped=mapped,
        footer_nbytes=footer.nbytes,
        is_one_version=False,
    )


def _reader(source: pa.NativeFile | RangedFile, metadata: pq.FileMetaData | None = None) -> ParquetReader:
    reader = ParquetReader()
    reader.open(
        source,
        metadata=metadata,
        pre_buffer=False,
        page_checksum_verification=True,
        arrow_extensions_enabled=True,
    )
    return reader


def _tail(file: RemoteFile, footer_nbytes: int | None) -> bytes:
    """Return the end of a file with the whole footer in it.

    Parameters
    ----------
    file
        Where it comes from.
    footer_nbytes
        Length of the footer, if it is known.
    """
    size = file.nbytes
    start = max(0, size - (_TAIL_NBYTES if footer_nbytes is None else footer_nbytes + _END_NBYTES))
    tail = file.read(start, size)
    _check_plain(tail)
    missing = footer_nbytes_of(tail) + _END_NBYTES - len(tail)
    if start and missing > 0:
        tail = file.read(max(0, start - missing), start) + tail
    return tail


def _check_plain(tail: bytes) -> None:
    if tail[-4:] == b"PARE":
        raise EncryptedError("it is encrypted, its footer too")


def _chunks(metadata: pq.FileMetaData, row_groups: Sequence[int], places: Sequence[int]) -> list[list[Range]]:
    """Return where the column chunks of some leaves stand in the file, for each row group."""

    def chunk_of(group: int, place: int) -> Range:
        chunk = metadata.row_group(group).column(place)
        # A dictionary stands before the data; writers that don't say where it is put 0. A damaged footer says anything.
        offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
        start = min((offset for offset in offsets if offset and offset > 0), default=0)
        return start, start + max(0, chunk.total_compressed_size)

    return [[chunk_of(group, place) for place in places] for group in row_groups]
