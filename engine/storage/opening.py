"""Opening Parquet files: their footers first, then the ranges that are asked for and little else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow.parquet as pq

from engine.storage.encryption import EncryptedError
from engine.storage.expansion import Expansion
from engine.storage.parsing import footer_nbytes_of, parse_footer
from engine.storage.stores import Store

__all__ = ["OpenParquet", "open_parquet", "read_tail"]

# Of ten thousands of files most have footers no longer than this; the rest takes one request more.
_TAIL_NBYTES = 64 * 1024
# What lies between two column chunks is fetched with them, up to this: a request costs more.
_GAP_NBYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class OpenParquet:
    """A Parquet file that was opened, and where its bytes come from."""

    parquet: pq.ParquetFile
    source: _Ranges | None
    """None: a file on a local disk, mapped into memory."""
    path: str

    def close(self) -> None:
        """Let go of the file."""
        self.parquet.close(force=True)
        if self.source is not None:
            self.source.close()

    def fetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Fetch the column chunks of some columns in as few requests as make sense, ahead of Arrow's reads."""
        if self.source is not None:
            self.source.hold(_chunks(self.parquet.metadata, row_groups, columns))

    def expansion(self, row_groups: Sequence[int], columns: Sequence[str], file_nbytes: int) -> Expansion:
        """Return what some columns of some row groups come to when they are decoded; to be asked for once held."""
        return Expansion(self.parquet, row_groups, columns, file_nbytes, self._read_at)

    def _read_at(self, offset: int, nbytes: int) -> bytes:
        if self.source is None:
            with open(self.path, "rb") as file:
                return _read(file, offset, offset + nbytes)
        self.source.seek(offset)
        return self.source.read(nbytes)


def read_tail(store: Store, path: str) -> bytes:
    """Return the end of a file, which holds its footer if it is Parquet.

    Raises
    ------
    EncryptedError
        If its footer is encrypted. All that the file system raises comes out as well.
    """
    with _open(store, path, afresh=False) as file:
        return _tail(file)


def open_parquet(store: Store, path: str) -> OpenParquet:
    """Open a file to read alerts from it.

    Raises
    ------
    pyarrow.ArrowException, OSError
        If it is not Parquet, or encrypted. All that the file system raises comes out as well.
    """
    with ExitStack() as opened:
        file = opened.enter_context(_open(store, path, afresh=True))
        metadata = parse_footer(_tail(file)).metadata
        if not store.is_local:
            opened.pop_all()  # the alerts are read from it
    source = None if store.is_local else _Ranges(file)
    parquet = pq.ParquetFile(
        path if source is None else source,
        metadata=metadata,
        memory_map=source is None,
        pre_buffer=False,
        page_checksum_verification=True,
    )
    return OpenParquet(parquet=parquet, source=source, path=path)


def _open(store: Store, path: str, *, afresh: bool) -> io.IOBase:
    if store.is_local:
        return open(path, "rb")
    return store.open(path, afresh=afresh)


def _tail(file: io.IOBase) -> bytes:
    """Return the end of a file with the whole footer in it."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _TAIL_NBYTES)
    tail = _read(file, start, size)
    if tail[-4:] == b"PARE":
        raise EncryptedError("it is encrypted, its footer too")
    footer_nbytes = footer_nbytes_of(tail)
    if start and footer_nbytes + 8 > len(tail):
        first = max(0, size - footer_nbytes - 8)
        tail = _read(file, first, start) + tail
    return tail


def _read(file: io.IOBase, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start) if end > start else b""


def _chunks(metadata: pq.FileMetaData, row_groups: Sequence[int], columns: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the column chunks of root columns, or of paths inside them, stand in the file: starts and ends."""
    prefixes = tuple(f"{column}." for column in columns)
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    wanted = [i for i, path in enumerate(paths) if path in columns or path.startswith(prefixes)]
    found = []
    for chunk in (metadata.row_group(group).column(i) for group in row_groups for i in wanted):
        # A dictionary stands before the data; writers that don't say where it is put 0. A damaged footer says anything.
        offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
        start = min((offset for offset in offsets if offset and offset > 0), default=0)
        found.append((start, start + max(0, chunk.total_compressed_size)))
    return sorted(found)


class _Ranges(io.RawIOBase):
    """A file that keeps ranges of it in memory."""

    def __init__(self, file: io.IOBase):
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self._at = 0
        self._held: list[tuple[int, memoryview]] = []

    def hold(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Fetch ranges, neighbouring ones together. They replace those that were held."""
        merged: list[tuple[int, int]] = []
        for start, end in ranges:
            end = min(end, self._size)
            if merged and start - merged[-1][1] <= _GAP_NBYTES:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._held = []
        self._held = [(start, memoryview(_read(self._file, start, end))) for start, end in merged]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        data = self._held_bytes(end)
        if data is None:
            data = _read(self._file, self._at, end)
        self._at += len(data)
        return data

    def _held_bytes(self, end: int) -> bytes | None:
        for start, held in self._held:
            if start <= self._at and end <= start + len(held):
                return bytes(held[self._at - start : end - start])
        return None
