"""TransferPlan: what a transfer would do, in full."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from consumer.notebooks import html_rows
from consumer.words import count_text, printable, some_text
from engine.archive import ArchiveFile, Fragment, Listing
from engine.conditions import one_text
from engine.pipeline import Selection
from engine.request import TransferRequest
from engine.schema import shown_leaf

__all__ = ["TransferPlan", "new_topic"]

_MOST_PASSED_OVER = 100
# Of what people read; `to_dict` has all.
_MOST_NAMES, _MOST_LINES, _MOST_NOTES = 10, 20, 30


@dataclass(frozen=True, kw_only=True, repr=False)
class TransferPlan:
    """What a transfer would do, in full; `print(plan)` and a notebook tell it to people."""

    request: TransferRequest
    selection: Selection
    labels: tuple[str, ...]
    """The names under which the content holds the classes that are kept, of which the alerts are counted."""
    files: tuple[ArchiveFile, ...]
    unreadable: tuple[tuple[ArchiveFile, str], ...]
    """Files that are left out because they are not Parquet, and why."""
    fragments: tuple[Fragment, ...]
    nights_without_data: tuple[dt.date, ...]
    listing: Listing
    """What lies in the chosen nights, with what is passed over."""
    archive_schema: pa.Schema
    """The schema union of the chosen nights, with the two class columns; what the job does not use may be unsettled."""
    schema: dict[str, Any]
    """Avro schema of the datums."""
    alert_nbytes: int
    """Uncompressed bytes of the content of an alert in the archive, on average."""
    notes: tuple[str, ...]
    """What the user should know before the job starts."""

    @property
    def num_archive_alerts(self) -> int:
        """Alerts in the chosen nights."""
        return sum(fragment.num_alerts for fragment in self.fragments)

    @property
    def num_alerts(self) -> int | None:
        """Alerts that the job will send, or None where only the filter can tell."""
        if self.selection.predicate.sql is not None:
            return None
        return min(self.num_archive_alerts, self.request.limit or self.num_archive_alerts)

    @property
    def nights(self) -> list[dt.date]:
        """Nights with data."""
        return sorted({file.night for file in self.files})

    def to_dict(self) -> dict[str, Any]:
        """Return the plan's figures as plain values, for `--json`."""
        return {
            "request": self.request.to_dict(),
            "archive": self.selection.archive.url,
            "nights": [night.isoformat() for night in self.nights],
            "nights_without_data": [night.isoformat() for night in self.nights_without_data],
            "num_archive_alerts": self.num_archive_alerts,
            "num_alerts": self.num_alerts,
            "num_files": len(self.files),
            "unreadable_files": [file.path for file, _ in self.unreadable],
            **self._passed_over(),
            "num_fragments": len(self.fragments),
            "sql": self.selection.predicate.sql,
            "leaves": list(self.selection.predicate.leaves),
            "columns": self.selection.projection.schema.names,
            "notes": list(self.notes),
        }

    def _passed_over(self) -> dict[str, Any]:
        names = [*self.listing.passed_over, *self.listing.repeated, *self.listing.beside]
        return {
            "num_passed_over": len(names),
            "passed_over": names[:_MOST_PASSED_OVER],
            "num_hidden": self.listing.num_hidden,
        }

    def to_text(self, *, debug: bool = False) -> str:
        """Return the plan as people read it: short, whatever its size.

        Parameters
        ----------
        debug
            Tell also the predicate that dask-sql answers, and the leaves that are read for it.
        """
        lines = []
        for name, text in self._entries(debug):
            lines += [f"{'' if number else name:<12}{line}" for number, line in enumerate(text.splitlines())]
        return "\n".join(lines)

    def __str__(self) -> str:
        return printable(self.to_text())

    def __repr__(self) -> str:
        return (
            f"<TransferPlan: {self.request.content} of {count_text(self.num_archive_alerts, 'alert')} in "
            f"{count_text(len(self.nights), 'night')} of {self.selection.archive.shown}>"
        )

    def _repr_html_(self) -> str:
        return html_rows("What the transfer would do", self._entries())

    def _entries(self, debug: bool = False) -> list[tuple[str, str]]:
        """Return names and texts of what the plan says, in order."""
        nights, predicate = self.nights, self.selection.predicate
        span = nights[0].isoformat() if len(nights) == 1 else f"{nights[0]} to {nights[-1]}"
        files, fragments = count_text(len(self.files), "file"), count_text(len(self.fragments), "fragment")
        entries = [
            ("archive", self.selection.archive.shown),
            ("nights", f"{len(nights):,} with data, {span}"),
            ("alerts", f"{self.num_archive_alerts:,} in {files}, {fragments}"),
            ("conditions", _first_lines(one_text(self.request.where).strip()) or "none"),
            ("classes", self._classes()),
            ("content", self._content()),
        ]
        if self.request.limit:
            entries.append(("limit", f"{self.request.limit:,}"))
        if debug:
            entries.append(("predicate", predicate.sql or "every alert"))
            entries.append(("reads", ", ".join(map(shown_leaf, predicate.leaves)) or "nothing before the content"))
        entries += [("note", note) for note in self.notes[:_MOST_NOTES]]
        if len(self.notes) > _MOST_NOTES:
            entries.append(("", f"and {count_text(len(self.notes) - _MOST_NOTES, 'more note')}"))
        return entries

    def _classes(self) -> str:
        kept, dropped = self.request.classes, self.request.exclude_classes
        return (some_text(kept, _MOST_NAMES) or "all") + (
            f"; without {some_text(dropped, _MOST_NAMES)}" if dropped else ""
        )

    def _content(self) -> str:
        names = self.selection.projection.schema.names
        listed = f" ({some_text(names, _MOST_NAMES)})" if self.request.content == "fields" else ""
        return f"{self.request.content}: {count_text(len(names), 'column')}{listed}"


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], *([f"and {count_text(more, 'more line')}"] if more > 0 else [])])


def new_topic(survey: str, now: dt.datetime, *, is_test: bool = False) -> str:
    """Return a topic name that nobody else makes and nobody guesses; that of a test says so."""
    return f"ftransfer_{survey}_{now:%Y-%m-%d}{'_test' if is_test else ''}_{secrets.token_hex(6)}"
