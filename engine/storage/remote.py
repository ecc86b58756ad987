"""Where the bytes of a remote file come from: ranges of one version of it, asked for from any thread at once."""

from __future__ import annotations

import io
import threading
from itertools import chain, repeat
from typing import Any, Protocol

from fsspec.asyn import sync
from fsspec.spec import AbstractBufferedFile

from engine.storage.retrying import CutShortError, retried
from engine.storage.stores import Store

__all__ = ["ChangedError", "OpenedFile", "RemoteFile", "S3Object", "open_remote"]

_PART_NBYTES = 1024 * 1024
"""So much of an answer is taken at once, at most."""


class ChangedError(OSError):
    """A file is not the one any more that was planned or opened."""


class RemoteFile(Protocol):
    """Gives ranges of a file."""

    nbytes: int

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`, or up to the file's end; safe to call from several threads."""

    def read_into(self, start: int, room: memoryview) -> None:
        """Put the bytes from `start` on where they are wanted, as many as there is room for; the file must have them.

        As safe as `read`, and without its copies. What fails leaves anything there.
        """

    def close(self) -> None:
        """Let go of it; who waits for a range is told as soon as may be."""


class S3Object:
    """One version of an object on S3: each range comes of it, or not at all.

    Parameters
    ----------
    files
        s3fs's file system, whose own retries are off.
    path
        Bucket and key.
    nbytes, etag
        Of the version.
    """

    def __init__(self, files: Any, path: str, nbytes: int, etag: str):
        self.nbytes = nbytes
        self.etag = etag
        self._files = files
        bucket, key, version = files.split_path(path)
        self._object = {"Bucket": bucket, "Key": key, **files.req_kw} | ({"VersionId": version} if version else {})
        from engine.storage.direct import SignedObject  # brings botocore, which other stores do without

        self._direct = SignedObject(files, self._object)
        self._stopped = threading.Event()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`.

        Raises
        ------
        ChangedError
            If the object is another one by now.
        """
        data = bytearray(max(0, min(end, self.nbytes) - start))
        self.read_into(start, memoryview(data))
        return bytes(data)

    def read_into(self, start: int, room: memoryview) -> None:
        """Put the bytes from `start` on into some room, all of which they fill.

        Raises
        ------
        ChangedError
            If the object is another one by now.
        """
        if room.nbytes:
            ways = chain([self._asked_directly], repeat(self._asked))
            retried(lambda: next(ways)(start, room), self._stopped)

    def close(self) -> None:
        """Have no request sent again."""
        self._stopped.set()

    def _asked_directly(self, start: int, room: memoryview) -> None:
        if not self._direct.fill(start, room, self.etag):
            self._asked(start, room)

    def _asked(self, start: int, room: memoryview) -> None:
        try:
            num_came: int = sync(self._files.loop, self._answer, start, room)
        except OSError as exc:
            # 416: there is no such range, on a server that does not know conditions.
            if _status(exc) in (412, 416):
                raise ChangedError(f"its ETag is no longer {self.etag}") from exc
            raise
        if num_came != room.nbytes:
            raise CutShortError(f"{num_came} bytes came of {room.nbytes}")
        self._direct.note_answered_otherwise()

    async def _answer(self, start: int, room: memoryview) -> int:
        """Fill the room with an answer, as far as it goes; return how many bytes came."""
        wanted = f"bytes={start}-{start + room.nbytes - 1}"
        answer = await self._files._call_s3("get_object", **self._object, Range=wanted, IfMatch=f'"{self.etag}"')
        with_etag = str(answer.get("ETag") or "").strip('"')
        try:
            if with_etag and with_etag != self.etag:
                raise ChangedError(f"its ETag is {with_etag}, and was {self.etag}")
            num_came = 0
            # Each part goes to its place as it comes: the whole body in one piece would be a further copy.
            while part := await answer["Body"].read(_PART_NBYTES):
                end = num_came + len(part)
                if end <= room.nbytes:
                    room[num_came:end] = part
                num_came = end
            return num_came
        finally:
            answer["Body"].close()


class OpenedFile:
    """A file that the store's file system opened: on the web, on FTP, in an object store of another kind.

    Parameters
    ----------
    file
        Opened for reading.
    at_once
        Whether ranges of it may be asked for at once.
    """

    def __init__(self, file: Any, *, at_once: bool):
        self._file = file
        self._reads_ranges = at_once and isinstance(file, AbstractBufferedFile)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.nbytes: int = file.seek(0, io.SEEK_END)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`, or up to the file's end."""
        end = min(end, self.nbytes)
        if end <= start:
            return b""
        return retried(lambda: self._asked(start, end), self._stopped)

    def read_into(self, start: int, room: memoryview) -> None:
        """Put the bytes from `start` on into some room, all of which they must fill."""
        data = self.read(start, start + room.nbytes)
        if len(data) != room.nbytes:
            raise CutShortError(f"{len(data)} bytes came of {room.nbytes}")
        room[:] = data

    def close(self) -> None:
        """Have no request sent again, and close the file."""
        self._stopped.set()
        if not self._reads_ranges:  # else a range may be on its way, and there is nothing to let go of
            with self._lock:
                self._file.close()

    def _asked(self, start: int, end: int) -> bytes:
        if self._reads_ranges:
            data: bytes = self._file._fetch_range(start, end)
            return data
        with self._lock:
            self._file.seek(start)
            held: bytes = self._file.read(end - start)
            return held


def open_remote(store: Store, path: str, nbytes: int | None, etag: str | None) -> RemoteFile:
    """Return a remote file, by one version of it where the store can tell versions apart.

    Parameters
    ----------
    store
        Where it lies.
    path
        Its path there.
    nbytes, etag
        What is known of it; what is not is asked for.
    """
    if store.reads_versions:
        if not nbytes or not etag:
            entry = store.entry(path)
            nbytes, etag = entry.nbytes or 0, entry.version or ""
        return S3Object(store.files_for_ranges, path, nbytes, etag)
    return OpenedFile(store.open(path, afresh=True), at_once=store.num_threads > 1)


def _status(exc: BaseException) -> int | None:
    answer = getattr(exc.__cause__, "response", None)
    status: int | None = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
    return status
