"""What belongs to a night: the levels of an archive, the Parquet files below them, and what is passed over.

    year=2021/month=11/day=22/part-0.parquet      month=7 and month=07 are one month, as for all readers of such folders
                              hour=03/part-0.parq     a night partitioned further
                              data.parquet/part.0.pq  a data set that was written under a file's name

A level is matched by its whole name: `xyear=2021`, `old_day=22` and `day=22.bak` are none. Names that begin with `_` or
`.` were put aside, or are a writer's own, at every level. Links are followed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from engine.archive.footer import ArchiveFile
from engine.errors import ArchiveError
from engine.storage import Entry, Store, without_password

__all__ = ["Listing", "has_years", "list_nights", "night_folders"]

_LEVELS = ("year", "month", "day")
_LEVEL = {name: re.compile(rf"{name}=([0-9]+)") for name in _LEVELS}
# Names that a writer may have taken for a level: they are told, since alerts may lie there.
_NEARLY = re.compile(r"(?:year|month|day)\s*=|=\s*[0-9]+", re.IGNORECASE)
_PARQUET = re.compile(r".*\.(?:parquet|parq|pq)", re.IGNORECASE | re.DOTALL)
# On a disk links in circles are noticed; elsewhere only that it goes down and down.
_MOST_FOLDERS_DEEP = 16
_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What an archive has of some nights, as it is now."""

    files: tuple[ArchiveFile, ...]
    """Those that are read, by night and path."""
    passed_over: tuple[str, ...] = ()
    """What else lies in the nights and might hold alerts, by its path below the root; folders end in a slash."""
    repeated: tuple[str, ...] = ()
    """Links in a night to what the night has already; they are not read again."""
    beside: tuple[str, ...] = ()
    """What lies on the way to the nights and is in none of them: Parquet files, and names that are nearly a level."""
    num_hidden: int = 0
    """Files of the nights whose names begin with `_` or `.` and that are no Parquet by name: `_SUCCESS`, checksums."""

    @property
    def notes(self) -> list[str]:
        """A note on each kind of what was found in the nights, or on the way to them, and is not read."""
        said = {
            "passed over in these nights, since they are no Parquet files by name or were put aside": self.passed_over,
            "passed over in these nights, since they are links to what is read already": self.repeated,
            "passed over, since they are in no year=…/month=…/day=…": self.beside,
        }
        return [f"{what}: {len(names)} ({_some(names)})" for what, names in said.items() if names]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, kw_only=True)
class _Folder:
    path: str
    real: str
    """On a disk the path without links."""
    is_linked: bool = False
    """Whether a link below the root leads there."""


@dataclass(kw_only=True)
class _Night:
    """What is found of one night, on the way."""

    night: dt.date
    files: list[Entry] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    num_hidden: int = 0
    seen: set[str] = field(default_factory=set)
    """Real paths of what was read, on a disk."""


def has_years(entries: Iterable[Entry]) -> bool:
    """Return whether a folder that has these entries could be the root of an archive."""
    return any(_level(entry, "year") is not None for entry in entries)


def night_folders(
    store: Store, wanted: set[dt.date] | None = None
) -> tuple[dict[dt.date, list[_Folder]], tuple[str, ...]]:
    """Return night -> its folders, of all nights or of those wanted, and what lies beside them.

    Raises
    ------
    ArchiveError
        If the archive can't be read, a link on the way leads nowhere, or a folder names no day of the calendar.
    """
    found: dict[tuple[int, ...], list[_Folder]] = {(): [_root(store)]}
    beside: list[str] = []
    for depth, name in enumerate(_LEVELS, 1):
        above = [(numbers, folder) for numbers, folders in found.items() for folder in folders]
        needed = None if wanted is None else {_numbers(night)[:depth] for night in wanted}
        with ThreadPoolExecutor(store.num_threads) as pool:
            below = list(pool.map(partial(_below, store, name, needed), above))
        found = {}
        for numbers, entry, folder in chain.from_iterable(below):
            if folder is None:
                beside.append(store.relative(entry.path) + ("/" if entry.is_folder else ""))
            else:
                found.setdefault(numbers, []).append(folder)
    nights = {}
    for numbers, folders in found.items():
        try:
            nights[dt.date(*numbers)] = folders
        except (ValueError, OverflowError) as exc:
            raise ArchiveError(
                f"{without_password(folders[0].path)} does not name a day of the calendar: {exc}"
            ) from exc
    return nights, tuple(sorted(beside))


def list_nights(store: Store, wanted: Iterable[dt.date]) -> Listing:
    """Return what an archive has of these nights.

    Raises
    ------
    ArchiveError
        As `night_folders`; and if a file's link leads nowhere or the store does not say how large a file is.
    """
    folders, beside = night_folders(store, set(wanted))
    with ThreadPoolExecutor(store.num_threads) as pool:
        nights = list(pool.map(lambda item: _read_night(store, *item), sorted(folders.items())))
        listed = [(night.night, entry) for night in nights for entry in night.files]
        unsized = [(night, entry) for night, entry in listed if entry.nbytes is None]
        sized = pool.map(lambda item: (item[0], store.sized(item[1])), unsized)
        files = [_file(night, entry) for night, entry in listed if entry.nbytes is not None]
        files += [_file(night, entry) for night, entry in sized]
    return Listing(
        files=tuple(sorted(files, key=lambda file: (file.night, file.path))),
        passed_over=tuple(sorted(name for night in nights for name in night.passed_over)),
        repeated=tuple(sorted(name for night in nights for name in night.repeated)),
        beside=beside,
        num_hidden=sum(night.num_hidden for night in nights),
    )


def _root(store: Store) -> _Folder:
    return _Folder(path=store.root, real=store.real_path(store.root) if store.is_local else store.root)


def _numbers(night: dt.date) -> tuple[int, int, int]:
    return night.year, night.month, night.day


def _level(entry: Entry, name: str) -> int | None:
    """Return the number of a level by its name; leading zeros count for nothing, as for all readers of such folders."""
    match = _LEVEL[name].fullmatch(entry.name)
    return int(match[1]) if match and not entry.is_file else None


def _below(
    store: Store, name: str, needed: set[tuple[int, ...]] | None, above: tuple[tuple[int, ...], _Folder]
) -> list[tuple[tuple[int, ...], Entry, _Folder | None]]:
    """Return the folders of the next level, and with None instead what is nearly one."""
    numbers, parent = above
    found = []
    for entry in _ordered(store.entries(parent.path)):
        number = _level(entry, name)
        if number is not None:
            if needed is None or (*numbers, number) in needed:
                entry = store.followed(entry)
                folder = _folder(store, parent, entry) if entry.is_folder else None
                found.append(((*numbers, number), entry, folder))
        elif not _is_hidden(entry) and (_NEARLY.search(entry.name) or _PARQUET.fullmatch(entry.name)):
            found.append((numbers, entry, None))
    return found


def _ordered(entries: list[Entry]) -> list[Entry]:
    """Return entries by name, links last: of two ways to one file, the one without a link is the file's."""
    return sorted(entries, key=lambda entry: (entry.target is not None or entry.is_link, entry.name))


def _folder(store: Store, above: _Folder, entry: Entry) -> _Folder:
    if store.is_local and entry.target is not None:
        return _Folder(path=entry.path, real=store.real_path(entry.path), is_linked=True)
    return _Folder(path=entry.path, real=f"{above.real}/{entry.name}", is_linked=above.is_linked)


def _is_hidden(entry: Entry) -> bool:
    return entry.name.startswith(("_", "."))


def _read_night(store: Store, night: dt.date, folders: list[_Folder]) -> _Night:
    found = _Night(night=night)
    # Links last, here too: month=07 may be a link to month=7.
    for folder in sorted(folders, key=lambda folder: (folder.is_linked, folder.path)):
        if folder.real in found.seen:
            found.repeated.append(store.relative(folder.path) + "/")
        else:
            _read_folder(store, folder, found, 0)
    return found


def _read_folder(store: Store, folder: _Folder, found: _Night, depth: int) -> None:
    if depth > _MOST_FOLDERS_DEEP:
        raise ArchiveError(
            f"the folders of the night {found.night} go deeper than {_MOST_FOLDERS_DEEP}: "
            f"{without_password(folder.path)}",
            next_step="look for a link that leads back to a folder above it",
        )
    found.seen.add(folder.real)
    for entry in _ordered(store.entries(folder.path)):
        name = store.relative(entry.path)
        is_parquet = bool(_PARQUET.fullmatch(entry.name))
        if _is_hidden(entry):
            if entry.is_folder or (is_parquet and not entry.name.startswith("._")):
                found.passed_over.append(name + ("/" if entry.is_folder else ""))
            else:
                found.num_hidden += 1
            continue
        if is_parquet or "=" in entry.name:
            entry = store.followed(entry)
        inside = _folder(store, folder, entry)
        may_be_repeated = store.is_local and inside.real in found.seen
        if entry.is_folder and (is_parquet or "=" in entry.name):
            if may_be_repeated:
                found.repeated.append(name + "/")
            else:
                _read_folder(store, inside, found, depth + 1)
        elif entry.is_file and is_parquet:
            if may_be_repeated:
                found.repeated.append(name)
            else:
                found.seen.add(inside.real)
                found.files.append(entry)
        else:
            found.passed_over.append(name + ("/" if entry.is_folder else ""))


def _file(night: dt.date, entry: Entry) -> ArchiveFile:
    return ArchiveFile(path=entry.path, night=night, nbytes=entry.nbytes or 0, etag=entry.version)
