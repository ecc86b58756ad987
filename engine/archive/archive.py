"""The archive: its nights and files on any file system, their footers, fragments, and reading them.

An archive is a root that holds `year=2021/month=11/day=22/*.parquet`, months and days padded with a zero or not.
Files disagree in their schemas; whatever is read here comes out in the types of the job's schema union.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa

from engine.archive.footer import ArchiveFile, Footer
from engine.archive.footer_source import FooterSource
from engine.archive.footers import FooterMaker
from engine.archive.fragments import Fragment
from engine.archive.guarding import guarded, has_changed
from engine.archive.listing import Listing, has_years, list_nights, night_folders
from engine.archive.open_fragment import OpenFragment
from engine.errors import ArchiveError, UnreadableError
from engine.storage import (
    Expected,
    Store,
    check_rows,
    footer_crc,
    open_parquet,
    parse_footer,
    read_tail,
    without_password,
)

__all__ = ["Archive"]

_T = TypeVar("_T")
# Each is 64 KB or a little more.
_TAILS_AHEAD = 64


class Archive:
    """An archive on any file system that fsspec knows.

    Parameters
    ----------
    url
        Root that holds `year=…/month=…/day=…`: a path or any fsspec URL (`s3://bucket/science`).
    storage_options
        What the file system needs (endpoint, credentials); see fsspec. Never written to a manifest. A value may be
        `{"env": NAME}` or `{"file": PATH}`, which is read by each process that uses the archive.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None):
        self.url = str(url)
        self.storage_options = dict(storage_options or {})
        self._store = Store(self.url, self.storage_options)

    def __reduce__(self) -> tuple[Any, ...]:
        return Archive, (self.url, self.storage_options)

    @property
    def shown(self) -> str:
        """The URL for people: without a password."""
        return self._store.shown

    @property
    def is_local(self) -> bool:
        """Whether the files lie on a local disk."""
        return self._store.is_local

    def nights(self) -> list[dt.date]:
        """Return every night that has a folder, in order.

        Raises
        ------
        ArchiveError
            If the archive does not exist, can't be read or has no night.
        """
        nights, _ = night_folders(self._store)
        if not nights:
            self._check_root()
        return sorted(nights)

    def files(self, nights: Sequence[dt.date]) -> list[ArchiveFile]:
        """Return the Parquet files of these nights, by night and path.

        Nights without data are left out.

        Raises
        ------
        ArchiveError
            If the archive does not exist, can't be read or has no night.
        """
        return list(self.listing(nights).files)

    def listing(self, nights: Sequence[dt.date]) -> Listing:
        """Return what lies in these nights now: the files, and what is passed over.

        Raises
        ------
        ArchiveError
            If the archive does not exist or can't be read, or a link in it leads nowhere.
        """
        listing = list_nights(self._store, nights)
        if not listing.files:
            self._check_root()
        return listing

    def footers(
        self,
        files: Sequence[ArchiveFile],
        progress: Callable[[int, int], None] | None = None,
        unreadable: list[tuple[ArchiveFile, str]] | None = None,
        *,
        with_nulls: bool = False,
        ranges_of: Sequence[str] = (),
        source: FooterSource | None = None,
    ) -> list[Footer]:
        """Return the footers of files, in their order.

        Parameters
        ----------
        files
            From `files`.
        progress
            Called as `progress(done, total)` after each.
        unreadable
            Takes files that are not Parquet, and why; they are left out then.
        with_nulls
            Whether the footers shall say how many nulls each column has.
        ranges_of
            Leaf columns of which they shall say between which values they lie.
        source
            What knows some of them, and learns those that are read.

        Raises
        ------
        UnreadableError
            If a file is not Parquet, and `unreadable` is None.
        ArchiveError
            If a file can't be read.
        """
        known = source.known(files, with_nulls=with_nulls, ranges_of=ranges_of) if source else {}
        # What is known of another file under this path, larger or older, is not known of this one.
        known = {file.path: known[file.path] for file in files if file.path in known and _is_of(known[file.path], file)}
        maker = FooterMaker(
            with_nulls or (source is not None and source.with_nulls),
            (*ranges_of, *(source.ranges_of if source else ())),
        )
        read: list[Footer] = []
        footers = []
        with closing(self._tails([file for file in files if file.path not in known])) as tails:
            for done, file in enumerate(files, 1):
                try:
                    footer = known.get(file.path) or self._made(maker, file, next(tails))
                except UnreadableError as exc:
                    if unreadable is None:
                        raise
                    unreadable.append((file, exc.as_told))
                else:
                    footers.append(footer)
                    if file.path not in known:
                        read.append(footer)
                if progress:
                    progress(done, len(files))
        if source and read:
            source.learned(read)
        return footers

    def open(self, fragment: Fragment) -> OpenFragment:
        """Return a fragment with its file open, to read from it what a task needs; close it, or use it in `with`.

        May be called from any thread.

        Raises
        ------
        UnreadableError
            If the file is not the Parquet it should be.
        ArchiveError
            If it can't be read, is gone, or is not the one that was planned.
        """
        try:
            return self._open(fragment)
        except Exception:
            self.check_unchanged(fragment.file)  # a changed file explains best whatever went wrong
            raise

    def read_leaves(self, fragment: Fragment, leaves: Sequence[str], types: Sequence[pa.DataType]) -> pa.Table:
        """Open a fragment and return leaves of it. See `OpenFragment.read_leaves`."""
        with self._open(fragment) as opened:
            return opened.read_leaves(leaves, types)

    def read_blocks(
        self, fragment: Fragment, columns: Sequence[str], row_groups: Sequence[int], block_alerts: int
    ) -> Iterator[pa.RecordBatch]:
        """Open a fragment and yield alerts of it in blocks. See `OpenFragment.read_blocks`."""
        with self._open(fragment) as opened:
            yield from opened.read_blocks(columns, row_groups, block_alerts)

    def check_rows(self, fragment: Fragment) -> None:
        """Raise if a fragment claims more rows than a file of its size can hold.

        Raises
        ------
        UnreadableError
            Naming the file.
        """
        self._guard(fragment.file, lambda: check_rows(fragment.num_alerts, fragment.file.nbytes))

    def check_unchanged(self, file: ArchiveFile) -> None:
        """Raise if a file is gone, or is not the one that was planned by its size, its ETag and its footer.

        Raises
        ------
        ArchiveError
            Naming the file.
        """
        try:
            entry = self._guard(file, lambda: self._store.entry(file.path))
        except ArchiveError as exc:
            if not isinstance(exc.__cause__, FileNotFoundError):
                raise
            raise ArchiveError(
                f"{without_password(file.path)} was in the archive when the job was planned, and is gone",
                accepted="files that every worker of the cluster can read, until the job has ended",
                next_step="submit the request again, to plan it on what is there now; an archive on a disk has to be "
                "there on each machine that runs workers",
            ) from exc
        now = replace(file, nbytes=entry.nbytes or 0, etag=entry.version, footer_crc=None)
        if (now.nbytes, now.etag) == (file.nbytes, file.etag):
            return
        if now.nbytes != file.nbytes or file.footer_crc is None or self._footer_crc(now) != file.footer_crc:
            raise has_changed(file, f"{now.nbytes} bytes, ETag {now.etag} now")

    def _footer_crc(self, file: ArchiveFile) -> str | None:
        try:
            return self._guard(file, lambda: footer_crc(parse_footer(read_tail(self._store, file.path)).metadata))
        except UnreadableError:
            return None

    def _check_root(self) -> None:
        """Raise unless the root has years."""
        entries = self._store.entries(self._store.root)
        if has_years(entries):
            return
        accepted = "a root that holds year=…/month=…/day=…/*.parquet"
        if target := self._store.dangling_root():
            raise ArchiveError(
                f"the archive {self._store.shown!r} is a link to {target}, which is not there",
                accepted=accepted,
                next_step="repair the link; the disk that it leads to may not be mounted",
            )
        if not entries and not self._store.is_there():
            raise ArchiveError(
                f"there is no archive at {self._store.shown!r}", accepted=accepted, next_step="check the path or URL"
            )
        inside = [entry.name for entry in entries if entry.is_folder and has_years(self._store.entries(entry.path))]
        next_step = (
            f"try {self._store.shown.rstrip('/')}/{inside[0]}"
            if inside
            else "make one to try with: alert-transfer archive sample DIR"
        )
        raise ArchiveError(
            f"the archive at {self._store.shown!r} is empty: no year=… in it", accepted=accepted, next_step=next_step
        )

    def _tails(self, files: Sequence[ArchiveFile]) -> Generator[bytes | UnreadableError]:
        """Yield the ends of files, in their order, or why one can't be read.

        Threads wait for the store, one thread parses: Arrow parses one footer at a time whoever asks, and of ten
        thousands no more lie in memory than are fetched ahead.
        """

        def read(file: ArchiveFile) -> bytes | UnreadableError:
            try:
                return self._guard(file, partial(read_tail, self._store, file.path))
            except UnreadableError as exc:
                return exc

        with ThreadPoolExecutor(self._store.num_threads) as pool:
            ahead: deque[Future[bytes | UnreadableError]] = deque()
            try:
                for file in files:
                    ahead.append(pool.submit(read, file))
                    if len(ahead) >= _TAILS_AHEAD:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _made(self, maker: FooterMaker, file: ArchiveFile, tail: bytes | UnreadableError) -> Footer:
        if isinstance(tail, UnreadableError):
            raise tail
        return self._guard(file, lambda: maker.footer_of(file, parse_footer(tail)))

    def _open(self, fragment: Fragment) -> OpenFragment:
        file = fragment.file
        expected = Expected(
            nbytes=file.nbytes, etag=file.etag, footer_nbytes=file.footer_nbytes, footer_crc=file.footer_crc
        )
        opened = self._guard(file, lambda: open_parquet(self._store, file.path, expected))
        return OpenFragment(self._store, fragment, opened, self.check_unchanged)

    def _guard(self, file: ArchiveFile, action: Callable[[], _T]) -> _T:
        return guarded(self._store, file, action)


def _is_of(footer: Footer, file: ArchiveFile) -> bool:
    known = footer.file
    return (known.path, known.nbytes, known.etag, known.night) == (file.path, file.nbytes, file.etag, file.night)
