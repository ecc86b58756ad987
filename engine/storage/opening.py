"""Opening Parquet files: once each, their footers first, then the ranges that are asked for and little else."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from engine.storage.encryption import EncryptedError
from engine.storage.expansion import Expansion
from engine.storage.parsing import ParsedFooter, footer_nbytes_of, parse_footer
from engine.storage.ranges import Range, RangedFile
from engine.storage.remote import ChangedError, OpenedFile, RemoteFile, open_remote
from engine.storage.stores import Store

__all__ = ["Expected", "OpenParquet", "open_parquet", "read_tail"]

# Of ten thousands of files most have footers no longer than this; the rest takes one request more.
_TAIL_NBYTES = 64 * 1024
_END_NBYTES = 8
# Besides column chunks, what lies between them may come up to this part of what the footer weighs.
_SPARE_OF_FOOTER = 0.2


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

    parquet: pq.ParquetFile
    source: RangedFile | None
    """None: a file on a local disk, mapped into memory."""
    mapped: memoryview
    """The bytes of a file on a local disk."""
    footer_nbytes: int

    def close(self) -> None:
        """Let go of the file. What Arrow made of a mapped one may still point into it: the system keeps that."""
        self.parquet.close(force=True)
        if self.source is not None:
            self.source.close()

    def fetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the column chunks of some columns in as few requests as make sense, ahead of Arrow's reads."""
        if self.source is not None:
            metadata = self.parquet.metadata
            share = len(row_groups) / max(1, metadata.num_row_groups)
            self.source.fetch(
                _chunks(metadata, row_groups, columns), int(_SPARE_OF_FOOTER * share * self.footer_nbytes)
            )

    def expansion(self, row_groups: Sequence[int], columns: Sequence[str], file_nbytes: int) -> Expansion:
        """Return what some columns of some row groups come to when they are decoded."""
        return Expansion(self.parquet, row_groups, columns, file_nbytes, self._read_at)

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
    if store.is_local:
        return _open_local(path)
    expected = expected or Expected()
    remote = open_remote(store, path, expected.nbytes, expected.etag)
    try:
        try:
            footer = parse_footer(_tail(remote, expected.footer_nbytes))
            if expected.etag and expected.footer_crc and not footer.has_crc(expected.footer_crc):
                raise ChangedError("its footer is another one")
        except ChangedError:
            remote, footer = _copied(store, path, expected)
    except BaseException:
        remote.close()
        raise
    source = RangedFile(remote)
    parquet = pq.ParquetFile(source, metadata=footer.metadata, pre_buffer=False, page_checksum_verification=True)
    return OpenParquet(parquet=parquet, source=source, mapped=memoryview(b""), footer_nbytes=footer.nbytes)


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
        footer = parse_footer(_tail(remote, expected.footer_nbytes))
        if not footer.has_crc(expected.footer_crc):
            raise now
    except BaseException:
        remote.close()
        raise
    return remote, footer


def _open_local(path: str) -> OpenParquet:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
    end = bytes(mapped[-_END_NBYTES:])
    _check_plain(end)
    footer_nbytes = footer_nbytes_of(end)
    footer = parse_footer(bytes(mapped[max(0, size - footer_nbytes - _END_NBYTES) :]))
    parquet = pq.ParquetFile(
        pa.BufferReader(pa.py_buffer(mapped)),
        metadata=footer.metadata,
        pre_buffer=False,
        page_checksum_verification=True,
    )
    return OpenParquet(parquet=parquet, source=None, mapped=mapped, footer_nbytes=footer_nbytes)


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


def _chunks(metadata: pq.FileMetaData, row_groups: Sequence[int], columns: Sequence[str]) -> list[Range]:
    """Return where the column chunks of root columns, or of paths inside them, stand in the file, by row group."""
    prefixes = tuple(f"{column}." for column in columns)
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    wanted = [i for i, path in enumerate(paths) if path in columns or path.startswith(prefixes)]
    found = []
    for chunk in (metadata.row_group(group).column(i) for group in row_groups for i in wanted):
        # A dictionary stands before the data; writers that don't say where it is put 0. A damaged footer says anything.
        offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
        start = min((offset for offset in offsets if offset and offset > 0), default=0)
        found.append((start, start + max(0, chunk.total_compressed_size)))
    return found
