"""What an archive holds: its nights with files, bytes, alerts and classes, as far as that is known without reading."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumer.notebooks import html_rows, html_table
from consumer.settings import Settings, load_settings
from consumer.terms import in_face_terms
from consumer.words import age_text, count_text, verb_text
from engine.archive import ArchiveFile, configured_archive, parse_nights
from engine.catalogue.catalogue import open_catalogue
from engine.catalogue.counting import NightSum
from engine.storage import without_password
from engine.surveys import survey_named

__all__ = ["ArchiveInfo", "NightInfo", "archive_info"]


@dataclass(frozen=True, kw_only=True)
class NightInfo:
    """What an archive has of a night."""

    night: dt.date
    num_files: int
    nbytes: int
    """Of the files."""
    num_alerts: int
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Class column -> label -> alerts, of the columns for which that is known of all files."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ArchiveInfo:
    """What an archive holds."""

    archive: str
    nights: tuple[NightInfo, ...]
    """In order."""
    catalogue: str | None
    """Where the catalogue lies that knew of these files; None if there is none that did."""
    catalogue_age_s: float | None
    """Seconds since all nights were last indexed; None if that never was."""
    is_listed: bool
    """Whether the archive was listed just now; else this is what it held when it was indexed."""
    num_known_files: int
    """Files that the catalogue knew as they are; the footers of the others were read."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Files that can't be read, and why; their alerts are not counted."""

    @property
    def num_files(self) -> int:
        """Files of these nights."""
        return sum(night.num_files for night in self.nights)

    @property
    def nbytes(self) -> int:
        """Bytes of these files."""
        return sum(night.nbytes for night in self.nights)

    @property
    def num_alerts(self) -> int:
        """Alerts of these nights."""
        return sum(night.num_alerts for night in self.nights)

    @property
    def first_night(self) -> dt.date | None:
        """The first night; None if there is none."""
        return self.nights[0].night if self.nights else None

    @property
    def last_night(self) -> dt.date | None:
        """The last night; None if there is none."""
        return self.nights[-1].night if self.nights else None

    def classes(self) -> dict[str, dict[str, int]]:
        """Return class column -> label -> alerts of all nights for which they are known, the most frequent first."""
        counts: dict[str, Counter[str]] = {}
        for night in self.nights:
            for column, labels in night.classes.items():
                counts.setdefault(column, Counter()).update(labels)
        return {column: dict(labels.most_common()) for column, labels in sorted(counts.items())}

    def __repr__(self) -> str:
        return f"<ArchiveInfo: {self.summary()}>"

    def _repr_html_(self) -> str:
        rows = [(n.night, f"{n.num_alerts:,}", f"{n.num_files:,}", f"{n.nbytes:,}") for n in self.nights]
        notes = [("", self.origin()), *(("note", note) for note in self.notes())]
        return html_rows(self.summary(), notes) + html_table(("night", "alerts", "files", "bytes"), rows)

    def summary(self) -> str:
        """Return it in one sentence."""
        nights = count_text(len(self.nights), "night")
        span = f", {self.first_night} to {self.last_night}" if len(self.nights) > 1 else ""
        return (
            f"{count_text(self.num_alerts, 'alert')} in {count_text(self.num_files, 'file')}, {self.nbytes:,} bytes, "
            f"of {nights}{span}, in {self.archive}"
        )

    def origin(self) -> str:
        """Return where these figures are from, in one line."""
        if self.catalogue is None:
            return "by the footers of the files; no catalogue knows them"
        age = "" if self.catalogue_age_s is None else f", indexed {age_text(self.catalogue_age_s)} ago"
        known = f"{self.num_known_files:,} of {count_text(self.num_files, 'file')}"
        return f"by the catalogue {self.catalogue}{age}; it knows {known}"

    def notes(self) -> list[str]:
        """Return what a reader should know of these figures."""
        notes = []
        if not self.is_listed and self.catalogue_age_s is not None:
            notes.append(f"this is what the archive held {age_text(self.catalogue_age_s)} ago, when it was indexed")
        num_whole = sum(1 for night in self.nights if night.classes)
        if 0 < num_whole < len(self.nights):
            notes.append(f"classes are known of {num_whole:,} of {count_text(len(self.nights), 'night')}")
        elif not num_whole and self.nights:
            notes.append(in_face_terms("classes are not known; count them with: alert-transfer archive index"))
        if self.unreadable:
            files = verb_text(len(self.unreadable), "file", "files")
            notes.append(f"{len(self.unreadable):,} {files} can't be read; the first: {self.unreadable[0][1]}")
        return notes

    def to_dict(self, *, classes: bool = False) -> dict[str, Any]:
        """Return plain values, for `--json`; with `classes` also the alerts of each class."""
        nights: dict[str, Any] = {}
        for night in self.nights:
            held = {"files": night.num_files, "nbytes": night.nbytes, "alerts": night.num_alerts}
            more = {"classes": {column: dict(labels) for column, labels in night.classes.items()}} if classes else {}
            nights[night.night.isoformat()] = held | more
        return {
            "archive": self.archive,
            "nights": nights,
            "first_night": self.first_night and self.first_night.isoformat(),
            "last_night": self.last_night and self.last_night.isoformat(),
            "num_files": self.num_files,
            "nbytes": self.nbytes,
            "num_alerts": self.num_alerts,
            "catalogue": self.catalogue,
            "catalogue_age_s": self.catalogue_age_s,
            "is_listed": self.is_listed,
            "num_known_files": self.num_known_files,
            "unreadable": [{"path": path, "reason": reason} for path, reason in self.unreadable],
            **({"classes": self.classes()} if classes else {}),
        }


def archive_info(
    archive: str | None = None,
    *,
    survey: str = "ztf",
    nights: str | Sequence[str] | None = None,
    max_age_s: float | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ArchiveInfo:
    """Return what an archive holds, night by night.

    The archive is listed, and what its catalogue knows of the files is not read again; of the others the footers are.
    Classes are counted by `archive index` alone.

    Parameters
    ----------
    archive
        Root of the archive; None means the configuration's.
    survey
        Whose class columns are meant.
    nights
        As in a request; None means all.
    max_age_s
        Where all nights were indexed within so many seconds, answer from the catalogue alone: nothing is listed.
    settings
        Default: the environment and the configuration file.
    progress
        Called as `progress(done, total)` while footers are read.

    Raises
    ------
    RequestError
        If no archive is given, or a night is not one.
    ArchiveError
        If the archive can't be read.
    """
    survey_ = survey_named(survey)
    settings = settings or load_settings()
    opened = configured_archive(archive, settings)
    wanted = None if nights is None else parse_nights(nights)
    catalogue = open_catalogue(opened, settings)
    now, indexed_at = time.time(), catalogue.indexed_at
    age = None if indexed_at is None else max(0.0, now - indexed_at)
    unreadable: list[tuple[str, str]] = []
    if max_age_s is not None and age is not None and age <= max_age_s:
        held = catalogue.held_nights(survey_, wanted)
        is_listed, num_known = False, sum(night.num_files for night in held.values())
    else:
        there = opened.nights() if wanted is None else wanted
        files = opened.listing(there).files
        held, left = catalogue.nights_of(survey_, files)
        is_listed, num_known = True, len(files) - len(left)
        failed: list[tuple[ArchiveFile, str]] = []
        footers = opened.footers(left, progress, failed)
        catalogue.learned(footers)
        unreadable = [(file.path, reason) for file, reason in failed]
        for footer in footers:
            held[footer.file.night].num_alerts += sum(footer.row_groups)
        if wanted is None:
            held = {night: NightSum() for night in there} | held  # a night may be an empty folder
    return ArchiveInfo(
        archive=without_password(opened.url),
        nights=tuple(
            NightInfo(
                night=night,
                num_files=found.num_files,
                nbytes=found.nbytes,
                num_alerts=found.num_alerts,
                classes=found.classes,
            )
            for night, found in sorted(held.items())
        ),
        catalogue=catalogue.shown if num_known else None,
        catalogue_age_s=age,
        is_listed=is_listed,
        num_known_files=num_known,
        unreadable=tuple(unreadable),
    )
