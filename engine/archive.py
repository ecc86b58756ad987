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
from dataclasses import dataclass, field, replace
from typing import Any

import fsspec
import fsspec.implementations.local
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from engine.errors import ArchiveError, UnreadableError
from engine.union import conform

__all__ = ["Archive", "ArchiveFile", "Footer", "Fragment", "cut_fragments"]

_LEVEL = {name: re.compile(rf"{name}=(\d+)$") for name in ("year", "month", "day")}
_FOOTER_THREADS = 16
_LIST_SIZE = re.compile(r"size\((.+)\)$")


@dataclass(frozen=True, kw_only=True)
class ArchiveFile:
    """One file of the archive, and what tells whether it is still the same."""

    path: str
    """Path on the archive's file system."""
    night: dt.date
    nbytes: int
    etag: str | None
    """The object store's ETag; on a local disk the time of the last change."""
    footer_crc: str | None = None
    """CRC-32 of the footer, 8 hexadecimal digits, once it is read: it holds the place, size and range of every column
    chunk, so a file that was only copied or touched is known again."""


@dataclass(frozen=True, kw_only=True)
class Footer:
    """What a file's footer says."""

    file: ArchiveFile
    schema: pa.Schema
    row_groups: tuple[int, ...]
    """Number of alerts in each row group."""
    column_nbytes: tuple[Mapping[str, int], ...] = field(repr=False)
    """Uncompressed bytes of each leaf column in each row group."""

    def nbytes_of(self, columns: Sequence[str], row_group: int) -> int:
        """Return the uncompressed bytes of root columns, or of paths inside them, in a row group."""
        return sum(size for path, size in self.column_nbytes[row_group].items() if _covers(columns, path))


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """Whole row groups of one file; the unit of work of a transfer."""

    number: int
    """Position in the plan; part of each message key."""
    file: ArchiveFile
    row_groups: tuple[int, ...]
    row_group_alerts: tuple[int, ...]
    """Alerts in each of the row groups."""
    lacking: tuple[str, ...] = ()
    """Class columns that the file does not have, so that they are computed."""

    @property
    def num_alerts(self) -> int:
        """Alerts in the fragment."""
        return sum(self.row_group_alerts)


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
        self, files: Sequence[ArchiveFile], progress=None, unreadable: list[tuple[ArchiveFile, str]] | None = None
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

        Raises
        ------
        UnreadableError
            If a file is not Parquet, and `unreadable` is None.
        ArchiveError
            If a file can't be read.
        """

        def read(file: ArchiveFile) -> Footer | None:
            try:
                return self._footer(file)
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
            Paths (`candidate.magpsf`), or `size(prv_candidates)` for the number of items of a list.
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
        roots = dict.fromkeys(_LIST_SIZE.sub(r"\1", leaf).split(".")[0] for leaf in leaves)
        paths = [_LIST_SIZE.sub(r"\1", leaf) for leaf in leaves]
        columns = _existing(parquet.schema_arrow, paths)
        read = _Reading(parquet, fragment.row_groups, columns)
        table = self._guard(fragment.file, lambda: parquet.read_row_groups(fragment.row_groups, columns=columns), read)
        sources = {name: _combined(table[name]) for name in roots if name in table.column_names}
        arrays = []
        for leaf, path, type_ in zip(leaves, paths, types, strict=True):
            found = _descend(sources, path)
            if found is None or pa.types.is_null(found.type):
                arrays.append(pa.nulls(fragment.num_alerts, type_))
            elif leaf != path:
                arrays.append(pc.list_value_length(found).cast(type_))
            else:
                arrays.append(conform(found, type_, leaf, fragment.file.path))
        return pa.table(arrays, schema=pa.schema(list(zip(leaves, types, strict=True))))

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
        names = _existing(parquet.schema_arrow, columns)
        if not names:
            for row_group in row_groups:
                n = fragment.row_group_alerts[fragment.row_groups.index(row_group)]
                yield pa.record_batch([pa.nulls(n)], names=[""]).select([])
            return
        batches = parquet.iter_batches(block_alerts, row_groups=list(row_groups), columns=names)
        read = _Reading(parquet, row_groups, names)
        while (batch := self._guard(fragment.file, lambda: next(batches, None), read)) is not None:
            yield batch

    def check_unchanged(self, file: ArchiveFile) -> None:
        """Raise if a file is gone, or is not the one that was planned by its size, its ETag and its footer.

        Raises
        ------
        ArchiveError
            Naming the file.
        """
        try:
            now = self._described(self._fs.info(file.path), file.night)
        except FileNotFoundError as exc:
            raise ArchiveError(
                f"{file.path} was in the archive when the job was planned, and is gone",
                next_step="submit the request again, to plan it on what is there now",
            ) from exc
        if (now.nbytes, now.etag) == (file.nbytes, file.etag):
            return
        if now.nbytes != file.nbytes or self._footer(now).file.footer_crc != file.footer_crc:
            raise ArchiveError(
                f"{file.path} has changed since the job was planned: {file.nbytes} bytes, ETag {file.etag} then; "
                f"{now.nbytes} bytes, ETag {now.etag} now",
                next_step="submit the request again, to plan it on what is there now",
            )

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
        files = []
        for folder in folders:
            for entry in self._list(folder):
                name = entry["name"].rsplit("/", 1)[-1]
                # Spark leaves _SUCCESS and hidden checksum files beside the data.
                if entry["type"] == "file" and name.endswith(".parquet") and not name.startswith(("_", ".")):
                    files.append(self._described(entry, night))
        return files

    def _described(self, info: Mapping[str, Any], night: dt.date) -> ArchiveFile:
        etag = info.get("ETag") or info.get("etag") or info.get("mtime")
        return ArchiveFile(
            path=info["name"],
            night=night,
            nbytes=int(info["size"]),
            etag=None if etag is None else str(etag).strip('"'),
        )

    def _footer(self, file: ArchiveFile) -> Footer:
        parquet = self._open(file)
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
        except (pa.ArrowException, OSError) as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                # The system's own errors; Arrow's about the bytes it found have no number.
                raise ArchiveError(
                    f"{file.path} can't be read: {exc}", next_step="check that it is there and readable"
                ) from exc
            where = "" if read is None else read.culprit()
            raise UnreadableError(
                f"{where}{file.path} ({file.nbytes} bytes) is not Parquet that can be read: {exc}",
                accepted="Parquet",
                next_step=f"repair the file, leave out the night {file.night}, or send the rest with --skip-unreadable",
            ) from exc


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


def cut_fragments(
    footers: Sequence[Footer],
    columns: Sequence[str],
    *,
    target_nbytes: int,
    max_alerts: int,
    max_row_groups: int | None = None,
    class_columns: Sequence[str] = (),
) -> list[Fragment]:
    """Return the fragments of files: neighbouring row groups together until they hold `target_nbytes`.

    Parameters
    ----------
    footers
        In the archive's order (night, file).
    columns
        Root columns or paths inside them that will be read; their uncompressed bytes are what counts.
    target_nbytes, max_alerts, max_row_groups
        A fragment is closed when it has reached one of them.
    class_columns
        Root columns whose absence a fragment notes.
    """
    fragments: list[Fragment] = []

    def close(footer: Footer, groups: list[int]) -> None:
        if groups:
            alerts = tuple(footer.row_groups[group] for group in groups)
            lacking = tuple(name for name in class_columns if _lacks(footer.schema, name))
            fragments.append(
                Fragment(
                    number=len(fragments),
                    file=footer.file,
                    row_groups=tuple(groups),
                    row_group_alerts=alerts,
                    lacking=lacking,
                )
            )

    for footer in footers:
        groups: list[int] = []
        nbytes = alerts = 0
        for group, num_alerts in enumerate(footer.row_groups):
            groups.append(group)
            alerts += num_alerts
            nbytes += footer.nbytes_of(columns, group)
            if nbytes >= target_nbytes or alerts >= max_alerts or len(groups) == max_row_groups:
                close(footer, groups)
                groups, nbytes, alerts = [], 0, 0
        close(footer, groups)
    return fragments


def _lacks(schema: pa.Schema, name: str) -> bool:
    return name not in schema.names or pa.types.is_null(schema.field(name).type)


def _covers(columns: Sequence[str], parquet_path: str) -> bool:
    parts = parquet_path.split(".")
    prefixes = {".".join(parts[:i]) for i in range(1, len(parts) + 1)}
    return any(column in prefixes for column in columns)


def _existing(schema: pa.Schema, paths: Sequence[str]) -> list[str]:
    """Return the Parquet columns that hold these paths, as far as the file has them."""
    columns: dict[str, None] = {}
    for path in paths:
        root, *rest = path.split(".")
        if root not in schema.names:
            continue
        type_, column = schema.field(root).type, root
        for name in rest:
            if not pa.types.is_struct(type_):
                break  # a map: its keys are values, so the whole of it is read
            if type_.get_field_index(name) < 0:
                column = ""
                break
            type_, column = type_.field(name).type, f"{column}.{name}"
        if column:
            columns[column] = None
    # Parquet would read a column twice that is named with and within its parent.
    return [c for c in columns if not any(c.startswith(f"{other}.") for other in columns)]


def _descend(sources: Mapping[str, pa.Array], path: str) -> pa.Array | None:
    root, *rest = path.split(".")
    array = sources.get(root)
    for depth, name in enumerate(rest):
        if array is None or pa.types.is_null(array.type):
            return None
        if pa.types.is_map(array.type):
            # A key may itself hold dots.
            key = pa.scalar(".".join(rest[depth:]), array.type.key_type)
            return pc.map_lookup(array, key, "first")
        if array.type.get_field_index(name) < 0:
            return None
        array = pc.struct_field(array, name)  # minds the nulls of the parent, unlike StructArray.field
    return array


def _combined(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
