"""The catalogue as planning, estimates and faces ask it."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from consumer.settings import Settings
from engine.archive import Archive, ArchiveFile, Footer
from engine.catalogue.counting import COUNT_COLUMNS, NightSum, add_up, count_classes
from engine.catalogue.holdings import Holdings
from engine.catalogue.places import beside_archive, in_users_cache
from engine.catalogue.rows import FOOTER_COLUMNS, FileRow, UnusableError, footers_in, month_of
from engine.catalogue.shelf import NotWritableError, Shelf
from engine.catalogue.survey_keys import survey_key
from engine.enrichment import find_catalogue
from engine.errors import AlertTransferError
from engine.storage import Store
from engine.surveys import Survey

__all__ = ["LEARN_FROM", "Catalogue", "open_catalogue"]

_log = logging.getLogger("alert_transfer.catalogue")

LEARN_FROM = 64
"""Files whose footers are kept in the user's cache once they had to be read: fewer are read again in no time."""


_IDENTITY = ("path", "night", "size", "etag")


class Catalogue:
    """What is known of an archive's files; perhaps nothing. It is an `engine.archive.FooterSource`.

    What lies beside the archive is read, and written by `archive index` alone. What others had to read themselves goes
    into the user's cache.

    Parameters
    ----------
    archive
        Whose files.
    settings
        Where the TNS catalogue is.
    """

    with_nulls = False
    ranges_of: Sequence[str] = ()

    def __init__(self, archive: Archive, settings: Settings):
        self._archive = archive
        self._settings = settings
        self._asked: tuple[str, ...] = ()
        self._told: set[str] = set()

    @cached_property
    def _root(self) -> str:
        return Store(self._archive.url, self._archive.storage_options).root

    @cached_property
    def beside(self) -> Holdings | None:
        """What lies beside the archive; None where there is no such place."""
        store = beside_archive(self._archive)
        return None if store is None else Holdings(Shelf(store))

    @cached_property
    def cached(self) -> Holdings:
        """What lies in the user's cache."""
        return Holdings(Shelf(in_users_cache(self._archive)))

    @cached_property
    def holdings(self) -> list[Holdings]:
        """All that is held, what was indexed last first: of two that know a file it counts."""
        both = [self.beside, self.cached] if self.beside else [self.cached]
        return sorted(both, key=lambda held: -(held.contents.indexed_at or 0.0))

    @property
    def problems(self) -> list[str]:
        """What is there and can't be used, for people."""
        return [f"{held.shelf.shown}: {problem}" for held in self.holdings for problem in held.shelf.problems]

    def relative(self, path: str) -> str:
        """Return a file's path below the archive's root."""
        return path.removeprefix(self._root).lstrip("/")

    def known(
        self, files: Sequence[ArchiveFile], *, with_nulls: bool = False, ranges_of: Sequence[str] = ()
    ) -> dict[str, Footer]:
        """Return path -> footer of those files that are known as they are now; see `engine.archive.FooterSource`."""
        self._asked = tuple(ranges_of)
        found: dict[str, Footer] = {}
        columns = [*FOOTER_COLUMNS, *(["nulls"] if with_nulls else [])]
        for held in self.holdings:
            left = [file for file in files if file.path not in found]
            for table, places, among in self._matching(held, left, columns):
                asked = _asked(table, with_nulls, ranges_of)
                chosen = [
                    (place, file) for place, file in zip(places, among, strict=True) if asked is None or asked[place]
                ]
                try:
                    rows, of = [place for place, _ in chosen], [file for _, file in chosen]
                    found |= footers_in(table, rows, of, held.schemas, ranges_of)
                except UnusableError as exc:
                    held.shelf.note(str(exc))
        self._tell()
        return found

    def learned(self, footers: Sequence[Footer]) -> None:
        """Keep footers that had to be read in the user's cache, if they are many; it may fail, which is told."""
        if len(footers) < LEARN_FROM:
            return
        months: dict[str, list[FileRow]] = defaultdict(list)
        for footer in footers:
            row = FileRow(path=self.relative(footer.file.path), footer=footer, ranged=self._asked)
            months[month_of(footer.file.night)].append(row)
        held = self.cached
        try:
            held.write((month, _replaced(held.month(month), held.table_of(rows))) for month, rows in months.items())
        except NotWritableError as exc:
            _log.warning("What was read of the archive is not kept: %s can't be written: %s", held.shelf.shown, exc)
        self._tell()

    def class_counts(
        self, survey: Survey, nights: Sequence[dt.date], *, files: Sequence[ArchiveFile] | None = None
    ) -> dict[dt.date, dict[str, dict[str, int]]]:
        """Return night -> class column -> label -> alerts, of nights whose files are all known and unchanged.

        A column is left out of a night where it is not known for all files: `tnsclass` if it was computed with another
        TNS catalogue than that of the settings, say. Alerts without a label are not counted.

        Parameters
        ----------
        survey
            Whose class columns.
        nights
            Which nights.
        files
            What a listing of these nights has found; None lists them now.
        """
        wanted = set(nights)
        listed = self._archive.listing(nights).files if files is None else files
        listed = [file for file in listed if file.night in wanted]
        parts, _ = self._rows_of(listed, COUNT_COLUMNS, survey_key(survey))
        self._tell()
        return count_classes(parts, Counter(file.night for file in listed), self.tns_version())

    def nights_of(
        self, survey: Survey, files: Sequence[ArchiveFile]
    ) -> tuple[dict[dt.date, NightSum], list[ArchiveFile]]:
        """Return night -> what is known of it, and the files that are not known: of these no alert is counted.

        Parameters
        ----------
        survey
            Whose class columns.
        files
            What a listing of these nights has found.
        """
        nights: dict[dt.date, NightSum] = defaultdict(NightSum)
        for file in files:
            nights[file.night].num_files += 1
            nights[file.night].nbytes += file.nbytes
        of_survey, left = self._rows_of(files, (*COUNT_COLUMNS, "num_alerts"), survey_key(survey))
        others, left = self._rows_of(left, ("num_alerts",), None)
        add_up([*of_survey, *others], nights)
        num_files = {night: found.num_files for night, found in nights.items()}
        for night, classes in count_classes(of_survey, num_files, self.tns_version()).items():
            nights[night].classes = classes
        self._tell()
        return dict(nights), left

    def held_nights(self, survey: Survey, nights: Sequence[dt.date] | None) -> dict[dt.date, NightSum]:
        """Return night -> what it had when all nights were last indexed.

        Parameters
        ----------
        survey
            Whose class columns.
        nights
            Which nights; None means all.
        """
        held, key = self.holdings[0], survey_key(survey)
        found: dict[dt.date, NightSum] = {}
        wanted = None if nights is None else set(nights)
        months = held.contents.months if wanted is None else dict.fromkeys(map(month_of, sorted(wanted)))
        of_survey = []
        for _, table in held.months(list(months), ["night", "size", "num_alerts", *COUNT_COLUMNS]):
            of_survey.append(table.filter(pc.equal(table["survey"], key)))
            add_up([table], found, files=True)
        num_files = {night: one.num_files for night, one in found.items()}
        for night, classes in count_classes(of_survey, num_files, self.tns_version()).items():
            found[night].classes = classes
        self._tell()
        return {night: one for night, one in found.items() if wanted is None or night in wanted}

    @property
    def indexed_at(self) -> float | None:
        """When all nights were last indexed, Unix time; None if that never was."""
        return self.holdings[0].contents.indexed_at

    @property
    def shown(self) -> str:
        """Where it lies, for people: what was indexed last."""
        return self.holdings[0].shelf.shown

    def _rows_of(
        self, files: Sequence[ArchiveFile], columns: Sequence[str], key: str | None
    ) -> tuple[list[pa.Table], list[ArchiveFile]]:
        """Return the rows of files as they are now, each once, and the files that have none.

        Parameters
        ----------
        files
            As listed.
        columns
            Of the rows, beside path, night, size and etag.
        key
            Rows count only if they were read as this survey; None: any do.
        """
        parts, left = [], list(files)
        for held in self.holdings:
            found: set[str] = set()
            for table, places, among in self._matching(held, left, [*_IDENTITY, *columns]):
                if key is not None:
                    fits = pc.fill_null(pc.equal(table["survey"], key), False).to_pylist()
                    among = [file for place, file in zip(places, among, strict=True) if fits[place]]
                    places = [place for place in places if fits[place]]
                parts.append(table.take(pa.array(places, pa.int64())))
                found |= {file.path for file in among}
            left = [file for file in left if file.path not in found]
        return parts, left

    def tns_version(self, path: str | None = None) -> str | None:
        """Return the version of a TNS catalogue, that of the settings by default; None if there is none."""
        path = path or self._settings.tns_catalogue
        try:
            return find_catalogue(path).version if path else None
        except AlertTransferError:
            return None  # who needs it is told when it is read

    def _matching(
        self,
        held: Holdings,
        files: Sequence[ArchiveFile],
        columns: Sequence[str],
    ) -> Iterator[tuple[pa.Table, list[int], list[ArchiveFile]]]:
        """Yield tables of what is held, with the rows that are of some files as they are now, and these files."""
        months: dict[str, dict[str, ArchiveFile]] = defaultdict(dict)
        for file in files:
            months[month_of(file.night)][self.relative(file.path)] = file
        for month, table in held.months(list(months), columns):
            yield (table, *matching(table, months[month]))

    def _tell(self) -> None:
        """Say in the log what can't be used, once."""
        for problem in self.problems:
            if problem not in self._told:
                self._told.add(problem)
                _log.warning(
                    "The catalogue of the archive is in part not used, and files are read instead: %s", problem
                )


def matching(table: pa.Table, files: Mapping[str, ArchiveFile]) -> tuple[list[int], list[ArchiveFile]]:
    """Return the rows of a table that are of some files as they are now, and these files.

    Parameters
    ----------
    table
        With the columns path, night, size and etag.
    files
        Path below the root -> file. Of a store that gives files neither ETag nor time none is known again.
    """
    places, found = [], []
    keys = zip(*(table[name].to_pylist() for name in _IDENTITY), strict=True)
    for place, (path, night, size, etag) in enumerate(keys):
        file = files.get(path)
        if file and etag is not None and (file.night, file.nbytes, file.etag) == (night, size, etag):
            places.append(place)
            found.append(file)
    return places, found


def _replaced(table: pa.Table, rows: pa.Table) -> pa.Table:
    """Return a table with rows in the place of those of the same files."""
    new = set(rows["path"].to_pylist())
    kept = [path not in new for path in table["path"].to_pylist()]
    return pa.concat_tables([table.filter(pa.array(kept, pa.bool_())), rows])


def _asked(table: pa.Table, with_nulls: bool, ranges_of: Sequence[str]) -> list[bool] | None:
    """Return for each row whether all that is asked for was looked at; None: of every row."""
    if not with_nulls and not ranges_of:
        return None
    known: list[bool] = table["nulls"].is_valid().to_pylist() if with_nulls else [True] * len(table)
    if not ranges_of:
        return known
    ranged = (set(leaves or ()) for leaves in table["ranged"].to_pylist())
    return [is_known and leaves.issuperset(ranges_of) for is_known, leaves in zip(known, ranged, strict=True)]


def open_catalogue(archive: Archive, settings: Settings) -> Catalogue:
    """Return the catalogue of an archive; nothing is read before it is asked."""
    return Catalogue(archive, settings)
