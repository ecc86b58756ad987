"""The archive: its nights and files on any file system, their footers, fragments, and reading them.

An archive is a root that holds `year=2021/month=11/day=22/*.parquet`, months and days padded with a zero or not.
Files disagree in their schemas; whatever is read here comes out in the types of the job's schema union.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import fsspec
import fsspec.implementations.local
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from engine.derived_leaves import column_for, compute_leaf, split_leaf
from engine.errors import ArchiveError, UnreadableError
from engine.fragments import ArchiveFile, Footer, Fragment
from engine.leaves import combined, existing, readable_together
from engine.paths import descend, names_along
from engine.union import conform

__all__ = ["Archive"]

_LEVEL = {name: re.compile(rf"{name}=(\d+)$") for name in ("year", "month", "day")}
_FOOTER_THREADS = 16


class Archive:
    """An archive on any file system that fsspec knows.

    Parameters
    ----------
    url
        Root that holds `year=…/month=…/day=…`: a path or any fsspec URL (`s3://bucket/science`).
    storage_options
        What the file system needs (endpoint, credentials); see fsspec. Never written to a manifest.
    """

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None):
        self.url = str(url)
        self.storage_options = dict(storage_options or {})
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self.url, **self.storage_options)
        except (ValueError, ImportError) as exc:
            raise ArchiveError(
                f"the archive {self.url!r} is on a file system that can't be opened: {exc}",
                accepted="a path, s3://bucket/folder, or another URL that fsspec knows",
                next_step="check the URL; some file systems need a package of their own",
            ) from exc

    def __reduce__(self):
        return Archive, (self.url, self.storage_options)

    @property
    def is_local(self) -> bool:
        """Whether the files lie on a local disk."""
        return isinstance(self._fs, fsspec.implementations.local.LocalFileSystem)

    def nights(self) -> list[dt.date]:
        """Return every night that has a folder, in order.

        Raises
        ------
        ArchiveError
            If the archive does not exist, can't be read or has no night.
        """
        return sorted(self._folders())

    def files(self, nights: Sequence[dt.date]) -> list[ArchiveFile]:
        """Return the Parquet files of these nights, by night and path.

        Nights without data are left out.

        Raises
        ------
        ArchiveError
            If the archive does not exist, can't be read or has no night.
        """
        folders = self._folders(set(nights))
        with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
            listed = list(pool.map(self._files_of, sorted(folders.items())))
        return sorted((file for files in listed for file in files), key=lambda file: (file.night, file.path))

    def footers(
        self,
        files: Sequence[ArchiveFile],
        progress=None,
        unreadable: list[tuple[ArchiveFile, str]] | None = None,
        *,
        with_nulls: bool = False,
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

        Raises
        ------
        UnreadableError
            If a file is not Parquet, and `unreadable` is None.
        ArchiveError
            If a file can't be read.
        """

        def read(file: ArchiveFile) -> Footer | None:
            try:
                return self._footer(file, with_nulls)
            except UnreadableError as exc:
                if unreadable is None:
                    raise
                unreadable.append((file, exc.message))
                return None

        footers = []
        with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
            for done, footer in enumerate(pool.map(read, files), 1):
                if footer is not None:
                    footers.append(footer)
                if progress:
                    progress(done, len(files))
        return footers

    def read_leaves(self, fragment: Fragment, leaves: Sequence[str], types: Sequence[pa.DataType]) -> pa.Table:
        """Return leaves of a fragment as a flat table, columns named by their paths.

        Parameters
        ----------
        fragment
            What to read; the table has its `num_alerts` rows, in the order of the source.
        leaves
            Paths (`candidate.magpsf`), or derived leaves: `size(prv_candidates)`, `present(lc_features_g)`.
        types
            Type that each comes out in; a leaf that the file lacks is null.

        Raises
        ------
        UnreadableError
            If a row group is not the Parquet it should be, naming it.
        ArchiveError
            If the file can't be read, or holds a value that its type has no place for.
        """
        parquet = self._open(fragment.file)
        ways = [(function, names_along(parquet.schema_arrow, path)) for function, path in map(split_leaf, leaves)]
        roots = dict.fromkeys(names[0] for _, names in ways)
        columns = existing(parquet.schema_arrow, [column_for(parquet.schema_arrow, leaf) for leaf in leaves])
        parts = []
        for groups in readable_together(parquet.schema_arrow, columns, fragment.row_groups):
            read = _Reading(parquet, groups, columns)
            read_groups = partial(parquet.read_row_groups, groups, columns=columns)
            table = self._guard(fragment.file, read_groups, read)
            num_alerts = sum(parquet.metadata.row_group(group).num_rows for group in groups)
            sources = {name: combined(table[name]) for name in roots if name in table.column_names}
            arrays = []
            for leaf, (function, names), type_ in zip(leaves, ways, types, strict=True):
                found = descend(sources, names)
                if found is None or pa.types.is_null(found.type):
                    arrays.append(pa.nulls(num_alerts, type_))
                elif function is not None:
                    arrays.append(compute_leaf(function, found))
                else:
                    arrays.append(conform(found, type_, leaf, fragment.file.path))
            parts.append(pa.table(arrays, schema=pa.schema(list(zip(leaves, types, strict=True)))))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()

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
        parquet = self._open(fragment.file)
        names = existing(parquet.schema_arrow, columns)
        if not names:
            for row_group in row_groups:
                n = fragment.row_group_alerts[fragment.row_groups.index(row_group)]
                yield pa.record_batch([pa.nulls(n)], names=[""]).select([])
            return
        for groups in readable_together(parquet.schema_arrow, names, row_groups):
            batches = parquet.iter_batches(block_alerts, row_groups=groups, columns=names)
            read = _Reading(parquet, groups, names)
            while (batch := self._guard(fragment.file, partial(next, batches, None), read)) is not None:
                yield batch

    def check_unchanged(self, file: ArchiveFile) -> None:
        """Raise if a file is gone, or is not the one that was planned by its size, its ETag and its footer.

        Raises
        ------
        ArchiveError
            Naming the file.
        """
        try:
            now = self._described(self._guard(file, lambda: self._fs.info(file.path)), file.night)
        except ArchiveError as exc:
            if not isinstance(exc.__cause__, FileNotFoundError):
                raise
            raise ArchiveError(
                f"{file.path} was in the archive when the job was planned, and is gone",
                accepted="files that every worker of the cluster can read, until the job has ended",
                next_step="submit the request again, to plan it on what is there now; an archive on a disk has to be "
                "there on each machine that runs workers",
            ) from exc
        if (now.nbytes, now.etag) == (file.nbytes, file.etag):
            return
        if now.nbytes != file.nbytes or file.footer_crc is None or self._footer_crc(now) != file.footer_crc:
            raise ArchiveError(
                f"{file.path} has changed since the job was planned: {file.nbytes} bytes, ETag {file.etag} then; "
                f"{now.nbytes} bytes, ETag {now.etag} now",
                next_step="submit the request again, to plan it on what is there now",
            )

    def _footer_crc(self, file: ArchiveFile) -> str | None:
        try:
            return self._footer(file, with_nulls=False).file.footer_crc
        except UnreadableError:
            return None

    def _folders(self, wanted: set[dt.date] | None = None) -> dict[dt.date, list[str]]:
        """Return night -> its folders (one padded, one bare, where an archive has both)."""
        found: dict[dt.date, list[str]] = {}
        years = self._level(self._root, "year")
        if not years:
            self._explain_emptiness()
        for year, year_path in years:
            if wanted is not None and not any(night.year == year for night in wanted):
                continue
            for month, month_path in self._level(year_path, "month"):
                if wanted is not None and not any((night.year, night.month) == (year, month) for night in wanted):
                    continue
                for day, day_path in self._level(month_path, "day"):
                    try:
                        night = dt.date(year, month, day)
                    except ValueError as exc:
                        raise ArchiveError(f"{day_path} does not name a day of the calendar: {exc}") from exc
                    if wanted is None or night in wanted:
                        found.setdefault(night, []).append(day_path)
        return found

    def _level(self, path: str, name: str) -> list[tuple[int, str]]:
        found = []
        for entry in self._list(path):
            match = _LEVEL[name].search(entry["name"].rstrip("/"))
            if match and entry["type"] == "directory":
                found.append((int(match[1]), entry["name"].rstrip("/")))
        return found

    def _list(self, path: str) -> list[dict[str, Any]]:
        try:
            return self._fs.ls(path, detail=True)
        except FileNotFoundError:
            return []
        except NotADirectoryError as exc:
            raise ArchiveError(f"{path} is a file, not a folder of an archive") from exc
        except Exception as exc:  # every file system has errors of its own; we name the archive and the cause
            raise ArchiveError(
                f"the archive {self.url!r} can't be read: {type(exc).__name__}: {exc}",
                next_step="check the URL, the endpoint and the credentials",
            ) from exc

    def _explain_emptiness(self) -> None:
        accepted = "a root that holds year=…/month=…/day=…/*.parquet"
        entries = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in self._list(self._root)]
        if not entries and not (self.is_local and self._fs.isdir(self._root)):
            raise ArchiveError(
                f"there is no archive at {self.url!r}", accepted=accepted, next_step="check the path or URL"
            )
        inside = [name for name in entries if self._level(f"{self._root}/{name}", "year")]
        next_step = (
            f"try {self.url.rstrip('/')}/{inside[0]}"
            if inside
            else "make one to try with: alert-transfer archive sample DIR"
        )
        raise ArchiveError(
            f"the archive at {self.url!r} is empty: no year=… in it", accepted=accepted, next_step=next_step
        )

    def _files_of(self, night_folders: tuple[dt.date, list[str]]) -> list[ArchiveFile]:
        night, folders = night_folders
        return [self._described(entry, night) for folder in folders for entry in self._parquet_below(folder)]

    def _parquet_below(self, folder: str) -> Iterator[dict[str, Any]]:
        for entry in self._list(folder):
            name = entry["name"].rstrip("/").rsplit("/", 1)[-1]
            # Spark leaves _SUCCESS, _temporary and hidden checksum files beside the data.
            if name.startswith(("_", ".")):
                continue
            if entry["type"] == "file" and name.endswith(".parquet"):
                yield entry
            elif entry["type"] == "directory" and ("=" in name or name.endswith(".parquet")):
                # A night partitioned further, or a data set that was written under a file's name.
                yield from self._parquet_below(entry["name"].rstrip("/"))

    def _described(self, info: Mapping[str, Any], night: dt.date) -> ArchiveFile:
        etag = info.get("ETag") or info.get("etag") or info.get("mtime")
        return ArchiveFile(
            path=info["name"],
            night=night,
            nbytes=int(info["size"]),
            etag=None if etag is None else str(etag).strip('"'),
        )

    def _footer(self, file: ArchiveFile, with_nulls: bool) -> Footer:
        parquet = self._open(file)
        return self._guard(file, lambda: self._parse_footer(file, parquet, with_nulls))

    @staticmethod
    def _parse_footer(file: ArchiveFile, parquet: pq.ParquetFile, with_nulls: bool) -> Footer:
        metadata = parquet.metadata
        sizes = []
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            chunks = (row_group.column(i) for i in range(row_group.num_columns))
            sizes.append({chunk.path_in_schema: chunk.total_uncompressed_size for chunk in chunks})
        footer = io.BytesIO()
        metadata.write_metadata_file(footer)
        return Footer(
            file=replace(file, footer_crc=f"{zlib.crc32(footer.getbuffer()):08x}"),
            schema=parquet.schema_arrow,
            row_groups=tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)),
            column_nbytes=tuple(sizes),
            null_counts=_null_counts(metadata) if with_nulls else {},
        )

    def _open(self, file: ArchiveFile) -> pq.ParquetFile:
        if self.is_local:
            how = {"memory_map": True}
        else:
            # A remote file is fetched in few large ranges: the column chunks that are asked for, together.
            how = {"filesystem": pa.fs.PyFileSystem(pa.fs.FSSpecHandler(self._fs)), "pre_buffer": True}
        return self._guard(file, lambda: pq.ParquetFile(file.path, page_checksum_verification=True, **how))

    def _guard(self, file: ArchiveFile, action, read: _Reading | None = None):
        try:
            return action()
        except MemoryError:
            raise
        except Exception as exc:
            # Arrow's errors about the bytes that it found: its own, plain OSErrors without a number, and names that are
            # no text. All else the system or the store says: it could not be reached, or did not let us.
            of_bytes = isinstance(exc, pa.ArrowException | UnicodeDecodeError)
            if not of_bytes and (type(exc) is not OSError or exc.errno is not None):
                if not isinstance(exc, OSError) and self.is_local:
                    raise
                raise ArchiveError(
                    f"{file.path} can't be read: {exc or type(exc).__name__}",
                    next_step="check that it is there and readable",
                ) from exc
            where = "" if read is None else read.culprit()
            raise UnreadableError(
                f"{where}{file.path} ({file.nbytes} bytes) is not Parquet that can be read: {exc}",
                accepted="Parquet",
                next_step=f"repair the file, leave out the night {file.night}, or send the rest with --skip-unreadable",
            ) from exc


def _null_counts(metadata: pq.FileMetaData) -> dict[str, int | None]:
    counts: dict[str, int | None] = {}
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for chunk in map(row_group.column, range(row_group.num_columns)):
            statistics = chunk.statistics
            known = statistics is not None and statistics.has_null_count
            before = counts.get(chunk.path_in_schema, 0)
            counts[chunk.path_in_schema] = before + statistics.null_count if known and before is not None else None
    return counts


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
