"""`archive index`: the catalogue of an archive is built, or brought up to what the archive holds now.

Only files that are new or changed are read, what is gone is dropped, and what was read is kept step by step, so that
whoever breaks it off goes on from there.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consumer.notebooks import html_rows
from consumer.settings import Settings, load_settings
from consumer.words import count_text
from engine.archive import Archive, ArchiveFile, configured_archive, parse_nights
from engine.catalogue.catalogue import Catalogue, matching
from engine.catalogue.holdings import Holdings
from engine.catalogue.measuring import Measure
from engine.catalogue.reading_files import ReadFile, read_files
from engine.catalogue.rows import FileRow, month_of
from engine.catalogue.shelf import Contents, NotWritableError
from engine.catalogue.survey_keys import survey_key
from engine.enrichment import CatalogueFile, TnsClass, find_catalogue
from engine.errors import ArchiveError
from engine.storage import for_workers, without_password
from engine.surveys import Survey, survey_named
from engine.workers import await_workers, check_client, check_workers

if TYPE_CHECKING:
    import distributed

__all__ = ["IndexReport", "index_archive"]

_STEP_S = 30.0
_MOST_SHOWN = 10
_LOOKED_AT = ("path", "night", "size", "etag", "schema", "survey", "columns")


@dataclass(frozen=True, kw_only=True, repr=False)
class IndexReport:
    """What indexing an archive has done."""

    archive: str
    catalogue: str
    """Where it lies: beside the archive's root, or in the user's cache."""
    num_files: int
    """Files of the nights that were looked at."""
    num_read: int
    """Those that were read, since they were new or had changed."""
    num_gone: int
    """Files that the catalogue had and the archive no longer has."""
    unreadable: tuple[tuple[str, str], ...]
    """Files that could not be read, whole or in part, and why."""
    notes: tuple[str, ...]
    elapsed_s: float

    def __repr__(self) -> str:
        return f"<IndexReport: {self.to_text()}>"

    def _repr_html_(self) -> str:
        lines = self.to_text().splitlines()
        return html_rows(lines[0], [("", line) for line in lines[1:]])

    def to_text(self) -> str:
        """Return the report for a terminal."""
        kept = self.num_files - self.num_read
        lines = [
            f"{count_text(self.num_files, 'file')}: {self.num_read:,} read, {kept:,} known already, "
            f"{self.num_gone:,} gone",
            f"catalogue  {self.catalogue}",
            *(f"note: {note}" for note in self.notes),
        ]
        if self.unreadable:
            lines.append(f"{count_text(len(self.unreadable), 'file')} could not be read, and will be tried again:")
            lines += [f"  {reason}" for _, reason in self.unreadable[:_MOST_SHOWN]]
            if len(self.unreadable) > _MOST_SHOWN:
                lines.append(f"  and {len(self.unreadable) - _MOST_SHOWN:,} more; all of them: --json")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for `--json`."""
        return {**vars(self), "unreadable": [{"path": path, "reason": reason} for path, reason in self.unreadable]}


@dataclass(kw_only=True)
class _Month:
    """A month on its way into the catalogue."""

    kept: list[tuple[Holdings, list[int] | None]]
    """Where rows are that stay, None: all; of files that have not changed, and of nights that nobody asked for."""
    read: list[FileRow] = field(default_factory=list)
    is_dirty: bool = False

    def table(self, name: str, target: Holdings) -> pa.Table:
        """Return all rows of the month, as the target shall hold them."""
        read = {row.path for row in self.read}
        tables = [target.table_of(self.read)]
        for held, places in self.kept:
            if held is not target:
                target.adopt(held)
            table = held.month(name)
            table = table if places is None else table.take(pa.array(places, pa.int64()))
            stays = [path not in read for path in table["path"].to_pylist()]
            tables.append(table.filter(pa.array(stays, pa.bool_())))
        return pa.concat_tables(tables)


def index_archive(
    archive: str | None = None,
    *,
    survey: str = "ztf",
    nights: str | Sequence[str] | None = None,
    tns_catalogue: str | None = None,
    anew: bool = False,
    client: distributed.Client | None = None,
    settings: Settings | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> IndexReport:
    """Build the catalogue of an archive, or bring it up to what the archive holds now.

    Parameters
    ----------
    archive
        Root of the archive; None means the configuration's.
    survey
        Whose alerts they are.
    nights
        Which nights, as in a request; None means all.
    tns_catalogue
        What `tnsclass` is computed with, where files lack it; None means the configuration's. Without one it is not
        computed.
    anew
        Whether to read every file of these nights, whatever the catalogue knows.
    client
        Of the cluster that reads the files; None reads them here.
    settings
        Default: the environment and the configuration file.
    on_wait
        Called with what is waited for, where that may take long.
    progress
        Called as `progress(done, total)` while files are read.

    Raises
    ------
    InputError
        If archive, survey, nights or TNS catalogue are not what they should be, or no place can be written.
    ClusterError
        If Dask does not answer, or a worker can't run it.
    """
    began = time.monotonic()
    check_client(client, "index_archive")
    survey_ = survey_named(survey)
    settings = settings or load_settings()
    opened = configured_archive(archive, settings)
    tns_path = tns_catalogue or settings.tns_catalogue
    tns = find_catalogue(tns_path) if tns_path else None
    reader = opened
    if client is not None:
        reader = Archive(opened.url, *for_workers(client, storage_options=settings.storage_options))
        check_workers(client)
    listed_at = time.time()
    wanted = opened.nights() if nights is None else parse_nights(nights)
    files = opened.listing(wanted).files
    chosen = None if nights is None else set(wanted)
    index = _Index(Catalogue(opened, settings), survey_, tns, files, chosen, anew)
    if client is not None and index.to_read:
        await_workers(client, on_wait)
    unreadable: list[tuple[str, str]] = []
    done = 0
    measure = Measure(archive=reader, survey=survey_, tns=tns)
    try:
        with closing(read_files(measure, index.to_read, client)) as reading:
            for found in reading:
                index.take(found)
                unreadable += [(one.file.path, one.problem) for one in found if one.problem]
                done += len(found)
                if progress:
                    progress(done, len(index.to_read))
    except BaseException:
        index.write()  # what was read so far is worth keeping, whatever broke it off
        raise
    if files and len(unreadable) == len(files):
        raise ArchiveError(
            f"none of the {count_text(len(files), 'file')} can be read; the first: {unreadable[0][1]}",
            next_step="repair them, or choose other nights",
        )
    index.end(listed_at)
    return IndexReport(
        archive=without_password(opened.url),
        catalogue=index.target.shelf.shown,
        num_files=len(files),
        num_read=len(index.to_read),
        num_gone=index.num_gone,
        unreadable=tuple(sorted(unreadable)),
        notes=tuple(index.notes),
        elapsed_s=round(time.monotonic() - began, 3),
    )


class _Index:
    """The catalogue on its way to what an archive holds.

    Parameters
    ----------
    catalogue
        What is known before.
    survey, tns
        As what the alerts are read.
    files
        What a listing has found.
    nights
        The nights that were listed; None: all.
    anew
        Whether what is known of them counts for nothing.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        survey: Survey,
        tns: CatalogueFile | None,
        files: Sequence[ArchiveFile],
        nights: set[dt.date] | None,
        anew: bool,
    ):
        self._catalogue, self._anew = catalogue, anew
        self._survey, self._tns, self._nights = survey, tns, nights
        self.target: Holdings = catalogue.beside or catalogue.cached
        self.to_read: list[ArchiveFile] = []
        self.num_gone = 0
        self.notes: list[str] = []
        self._written_at = time.monotonic()
        by_month: dict[str, dict[str, ArchiveFile]] = defaultdict(dict)
        for file in files:
            by_month[month_of(file.night)][catalogue.relative(file.path)] = file
        months = {*by_month, *(month for held in catalogue.holdings for month in held.contents.months)}
        if nights is not None:
            months &= {month_of(night) for night in nights}
        self._months = {month: self._begun(month, by_month[month]) for month in sorted(months)}
        self.notes += [f"{problem}; its files are read anew" for problem in catalogue.problems]

    def take(self, found: Sequence[ReadFile]) -> None:
        """Take what was found in files; now and then what is new is written."""
        for one in found:
            if one.footer is None:
                continue
            ranged = (self._survey.time_field, self._survey.brightness_field, self._survey.ra_field)
            month = self._months[month_of(one.file.night)]
            month.read.append(
                FileRow(
                    path=self._catalogue.relative(one.file.path),
                    footer=one.footer,
                    ranged=tuple(filter(None, (*ranged, self._survey.dec_field))),
                    content=one.content,
                )
            )
            month.is_dirty = True
        if time.monotonic() - self._written_at > _STEP_S:
            self.write()

    def write(self, change: Callable[[Contents], Contents] | None = None) -> None:
        """Write what is new; into the user's cache, where the folder beside the archive does not let us.

        Raises
        ------
        ArchiveError
            If there is no place for it.
        """
        try:
            self._write(change)
        except NotWritableError as exc:
            if self.target is self._catalogue.cached:
                raise ArchiveError(
                    f"the catalogue can't be written to {self.target.shelf.shown}: {exc}",
                    accepted="a place for it: the folder beside the archive's root, or the user's cache",
                    next_step="free some space, or set ALERT_TRANSFER_CACHE to a folder that can be written",
                ) from exc
            self.notes.append(
                f"{self.target.shelf.shown} can't be written ({exc}): the catalogue lies in your cache, for you alone"
            )
            # What lies beside is read as before; only what it lacks goes into the cache.
            self.target = self._catalogue.cached
            for month in self._months.values():
                month.kept = [(self.target, None)]
                month.is_dirty = bool(month.read)
            self.write(change)

    def end(self, listed_at: float) -> None:
        """Write the rest, and when the archive was listed."""

        def indexed(contents: Contents) -> Contents:
            return replace(contents, indexed_at=listed_at)

        self.write(indexed if self._nights is None else None)

    def _write(self, change: Callable[[Contents], Contents] | None) -> None:
        dirty = {name: month for name, month in self._months.items() if month.is_dirty}
        self._written_at = time.monotonic()
        if not dirty and change is None:
            return
        tables = ((name, month.table(name, self.target)) for name, month in dirty.items())
        self.target.write(tables, change or (lambda contents: contents))
        for month in dirty.values():
            month.kept, month.read, month.is_dirty = [(self.target, None)], [], False

    def _begun(self, name: str, files: dict[str, ArchiveFile]) -> _Month:
        """Return a month with what is known of it; what is to be read of it is noted."""
        month = _Month(kept=[])
        known: set[str] = set()
        gone: set[str] = set()
        for held in self._catalogue.holdings:
            table = held.month(name, _LOOKED_AT)
            fits = self._fits(table, held)
            paths, nights = table["path"].to_pylist(), table["night"].to_pylist()
            kept = [place for place in matching(table, files)[0] if fits[place] and paths[place] not in known]
            known |= {paths[place] for place in kept}
            gone |= {path for path, night in zip(paths, nights, strict=True) if path not in files and self._asks(night)}
            if held is self.target:
                kept += [place for place, night in enumerate(nights) if not self._asks(night)]
                month.is_dirty |= len(kept) < len(table)
            else:
                month.is_dirty |= bool(kept)
            if kept:
                month.kept.append((held, sorted(kept)))
        self.num_gone += len(gone)
        self.to_read += [file for path, file in files.items() if path not in known]
        return month

    def _asks(self, night: dt.date) -> bool:
        return self._nights is None or night in self._nights

    def _fits(self, table: pa.Table, held: Holdings) -> list[bool]:
        """Return for each row whether its alerts were read as this survey, with this TNS catalogue where one counts."""
        key, tns = survey_key(self._survey), self._tns and self._tns.version
        from_tns = {name for some in self._survey.enrichments if isinstance(some, TnsClass) for name in some.adds.names}
        fits = []
        for values in zip(*(table[name].to_pylist() for name in ("schema", "survey", "columns")), strict=True):
            schema, survey, columns = values
            versions = {item["column"]: item["tns"] for item in columns or ()}
            of_tns = tns is None or (from_tns <= versions.keys() and set(versions.values()) <= {None, tns})
            fits.append(schema in held.schemas and survey == key and of_tns and not self._anew)
        return fits
