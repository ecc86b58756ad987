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
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from engine.archive.footer import ArchiveFile, Footer
from engine.archive.footer_source import FooterSource
from engine.archive.footers import FooterMaker, footer_crc
from engine.archive.fragments import Fragment
from engine.archive.listing import Listing, has_years, list_nights, night_folders
from engine.errors import AlertTransferError, ArchiveError, UnreadableError
from engine.schema import (
    columns_for,
    combined,
    compute_leaves,
    existing,
    names_along,
    readable_together,
    split_leaf,
    type_at,
)
from engine.storage import (
    EncryptedError,
    Expansion,
    ExpansionError,
    OpenParquet,
    Store,
    cause_of,
    check_rows,
    open_parquet,
    parse_footer,
    read_tail,
    without_password,
)

__all__ = ["Archive"]

_T = TypeVar("_T")
# Each is 64 KB or a little more.
_TAILS_AHEAD = 64
_AS_INDEXED = "a file that is as it was when the archive was listed or indexed"
_INDEX_ANEW = "have every file read once more, alert-transfer archive index --anew, and submit the request again"


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

    def read_leaves(self, fragment: Fragment, leaves: Sequence[str], types: Sequence[pa.DataType]) -> pa.Table:
        """Return leaves of a fragment as a flat table, columns named by their paths.

        Parameters
        ----------
        fragment
            What to read; the table has its `num_alerts` rows, in the order of the source.
        leaves
            Paths (`candidate.magpsf`), or derived leaves: `size(prv_candidates)`, `present(lc_features_g)`; of
            predicates of lists, their inputs.
        types
            Type that each comes out in; a leaf that the file lacks is null.

        Raises
        ------
        UnreadableError
            If a row group is not the Parquet it should be, naming it.
        ArchiveError
            If the file can't be read, or holds a value that its type has no place for.
        """
        opened = self._open(fragment.file)
        parquet = opened.parquet
        _check_as_planned(fragment, parquet)
        roots = dict.fromkeys(names_along(parquet.schema_arrow, split_leaf(leaf)[1])[0] for leaf in leaves)
        columns = columns_for(parquet.schema_arrow, parquet.schema, leaves)
        self._guard(fragment.file, partial(opened.hold, fragment.row_groups, columns))
        expansion = self._expansion(fragment, opened, fragment.row_groups, columns)
        parts = []
        for groups in readable_together(parquet.schema_arrow, columns, fragment.row_groups):
            read = _Reading(parquet, groups, columns)
            table = self._guard(fragment.file, partial(_read_groups, parquet, groups, columns, expansion), read)
            num_alerts = sum(parquet.metadata.row_group(group).num_rows for group in groups)
            sources = {name: combined(table[name]) for name in roots if name in table.column_names}
            arrays = compute_leaves(sources, leaves, types, num_alerts, fragment.file.path)
            parts.append(pa.table(arrays, schema=pa.schema(list(zip(leaves, types, strict=True)))))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()

    def read_leaf_blocks(
        self, fragment: Fragment, leaves: Sequence[str], types: Sequence[pa.DataType], block_nbytes: int
    ) -> Iterator[pa.Table]:
        """Yield what `read_leaves` returns in blocks: of a large row group, too, little is in memory.

        Parameters
        ----------
        fragment, leaves, types
            As for `read_leaves`.
        block_nbytes
            What the columns that are read come to in a block, by the footer.
        """
        opened = self._open(fragment.file)
        parquet = opened.parquet
        _check_as_planned(fragment, parquet)
        schema = pa.schema(list(zip(leaves, types, strict=True)))
        columns = columns_for(parquet.schema_arrow, parquet.schema, leaves)
        if not columns:
            nothing = compute_leaves({}, leaves, types, fragment.num_alerts, fragment.file.path)
            yield pa.table(nothing, schema=schema)
            return
        self._guard(fragment.file, partial(opened.hold, fragment.row_groups, columns))
        expansion = self._expansion(fragment, opened, fragment.row_groups, columns)
        block_alerts = expansion.rows_within(block_nbytes)
        for groups in readable_together(parquet.schema_arrow, columns, fragment.row_groups):
            batches = expansion.batches(block_alerts, partial(parquet.iter_batches, row_groups=groups, columns=columns))
            read = _Reading(parquet, groups, columns)
            while (batch := self._guard(fragment.file, partial(next, batches, None), read)) is not None:
                sources = dict(zip(batch.schema.names, batch.columns, strict=True))
                arrays = compute_leaves(sources, leaves, types, batch.num_rows, fragment.file.path)
                yield pa.table(arrays, schema=schema)

    def read_blocks(
        self, fragment: Fragment, columns: Sequence[str], row_groups: Sequence[int], block_alerts: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield the alerts of some row groups of a fragment in blocks, as the file has them.

        Parameters
        ----------
        fragment
            Where to read.
        columns
            Root columns or paths inside them; those that the file lacks are left out.
        row_groups
            Row groups of the fragment, in order.
        block_alerts
            Alerts a block at most.

        Raises
        ------
        UnreadableError
            If a row group is not the Parquet it should be, naming it.
        ArchiveError
            If the file can't be read.
        """
        opened = self._open(fragment.file)
        parquet = opened.parquet
        _check_as_planned(fragment, parquet)
        names = existing(parquet.schema_arrow, columns)
        if not names:
            for row_group in row_groups:
                n = fragment.row_group_alerts[fragment.row_groups.index(row_group)]
                yield pa.record_batch([pa.nulls(n)], names=[""]).select([])
            return
        self._guard(fragment.file, partial(opened.hold, row_groups, names))
        expansion = self._expansion(fragment, opened, row_groups, names)
        for groups in readable_together(parquet.schema_arrow, names, row_groups):
            batches = expansion.batches(block_alerts, partial(parquet.iter_batches, row_groups=groups, columns=names))
            read = _Reading(parquet, groups, names)
            while (batch := self._guard(fragment.file, partial(next, batches, None), read)) is not None:
                yield batch

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
            raise ArchiveError(
                f"{without_password(file.path)} has changed since the job was planned: "
                f"{file.nbytes} bytes, ETag {file.etag} then; {now.nbytes} bytes, ETag {now.etag} now",
                next_step="submit the request again, to plan it on what is there now",
            )

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

    def _expansion(
        self, fragment: Fragment, opened: OpenParquet, row_groups: Sequence[int], columns: Sequence[str]
    ) -> Expansion:
        def checked() -> Expansion:
            expansion = opened.expansion(row_groups, columns, fragment.file.nbytes)
            expansion.check_claimed()
            return expansion

        return self._guard(fragment.file, checked)

    def _open(self, file: ArchiveFile) -> OpenParquet:
        return self._guard(file, lambda: open_parquet(self._store, file.path))

    def _guard(self, file: ArchiveFile, action: Callable[[], _T], read: _Reading | None = None) -> _T:
        try:
            return action()
        except (MemoryError, AlertTransferError):
            raise
        except Exception as exc:
            # Arrow's errors about the bytes that it found: its own, plain OSErrors without a number, and names that are
            # no text. All else the system or the store says: it could not be reached, or did not let us.
            of_bytes = isinstance(exc, pa.ArrowException | UnicodeDecodeError)
            if not of_bytes and (type(exc) is not OSError or exc.errno is not None):
                if not isinstance(exc, OSError) and self.is_local:
                    raise
                raise ArchiveError(
                    f"{without_password(file.path)} can't be read: {cause_of(exc)}",
                    next_step="check that it is there and readable"
                    + (", and that the server answers requests for ranges of a file" if self._store.is_web else ""),
                ) from exc
            what = f"{without_password(file.path)} ({file.nbytes} bytes)"
            if isinstance(exc, EncryptedError):
                what, accepted = f"{what} is Parquet that is not read", "Parquet without encryption"
                mend = "have the file written without encryption"
            elif isinstance(exc, ExpansionError):
                what = f"{what} is Parquet that expands without bound"
                accepted = "row groups that come to a size that their bytes explain"
                mend = "have the file written anew in smaller row groups"
            else:
                what = f"{read.culprit() if read else ''}{what} is not Parquet that can be read"
                accepted, mend = "Parquet", "repair the file"
            raise UnreadableError(
                f"{what}: {exc}",
                accepted=accepted,
                next_step=f"{mend}, leave out the night {file.night}, or send the rest with --skip-unreadable",
            ) from exc


def _check_as_planned(fragment: Fragment, parquet: pq.ParquetFile) -> None:
    """Raise if a file has other row groups, or other alerts in all, than the plan has of it, or lacks what it has.

    A plan may be made of what a catalogue says. That each fragment's row groups are as planned, and that all of the
    file's together are all that it has, proves that nothing of it is missed.
    """
    metadata = parquet.metadata
    there = [metadata.row_group(group).num_rows for group in fragment.row_groups if group < metadata.num_row_groups]
    has = [name for name in fragment.lacking if type_at(parquet.schema_arrow, name) is not None]
    if tuple(there) == fragment.row_group_alerts and fragment.file_alerts in (None, metadata.num_rows) and not has:
        return
    if has:
        raise ArchiveError(
            f"{without_password(fragment.file.path)} has {', '.join(has)}, which it lacked when the job was planned",
            accepted=_AS_INDEXED,
            next_step=_INDEX_ANEW,
        )
    raise ArchiveError(
        f"{without_password(fragment.file.path)} has other row groups than were planned: {metadata.num_rows:,} alerts "
        f"in {metadata.num_row_groups:,} row groups, with {there} where {list(fragment.row_group_alerts)} were expected"
        + ("" if fragment.file_alerts is None else f" of {fragment.file_alerts:,}"),
        accepted=_AS_INDEXED,
        next_step=_INDEX_ANEW,
    )


def _is_of(footer: Footer, file: ArchiveFile) -> bool:
    known = footer.file
    return (known.path, known.nbytes, known.etag, known.night) == (file.path, file.nbytes, file.etag, file.night)


def _read_groups(
    parquet: pq.ParquetFile, groups: Sequence[int], columns: Sequence[str], expansion: Expansion
) -> pa.Table:
    """Return columns of row groups; in batches where a value may be so long that all at once are too much."""
    num_rows = sum(parquet.metadata.row_group(group).num_rows for group in groups)
    if expansion.rows_at_once(num_rows) >= num_rows:
        return parquet.read_row_groups(groups, columns=columns)
    read = partial(parquet.iter_batches, row_groups=groups, columns=columns)
    return pa.Table.from_batches(list(expansion.batches(num_rows, read)))


@dataclass(frozen=True)
class _Reading:
    """What was being read of a file when it failed."""

    parquet: pq.ParquetFile
    row_groups: Sequence[int]
    columns: Sequence[str]

    def culprit(self) -> str:
        """Return the row group that can't be read, as the beginning of a sentence."""
        for group in self.row_groups:
            try:
                for _ in self.parquet.iter_batches(1024, row_groups=[group], columns=list(self.columns)):
                    pass
            except (pa.ArrowException, OSError):
                return f"row group {group} of "
        return ""
