"""TransferPlan: what a transfer would do, in full."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

import pyarrow as pa

from engine.archive import ArchiveFile, Fragment, Listing
from engine.conditions import one_text
from engine.pipeline import Selection
from engine.request import TransferRequest
from engine.schema import shown_leaf

__all__ = ["TransferPlan", "new_topic"]

_MOST_PASSED_OVER = 100


@dataclass(frozen=True, kw_only=True)
class TransferPlan:
    """What a transfer would do, in full; `print(plan)` tells it to people."""

    request: TransferRequest
    selection: Selection
    files: tuple[ArchiveFile, ...]
    unreadable: tuple[tuple[ArchiveFile, str], ...]
    """Files that are left out because they are not Parquet, and why."""
    fragments: tuple[Fragment, ...]
    nights_without_data: tuple[dt.date, ...]
    listing: Listing
    """What lies in the chosen nights, with what is passed over."""
    archive_schema: pa.Schema
    """The schema union of the chosen nights, with the two class columns; what the job does not use may be unsettled."""
    schema: dict
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

    def to_dict(self) -> dict:
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

    def _passed_over(self) -> dict:
        names = [*self.listing.passed_over, *self.listing.repeated, *self.listing.beside]
        return {
            "num_passed_over": len(names),
            "passed_over": names[:_MOST_PASSED_OVER],
            "num_hidden": self.listing.num_hidden,
        }

    def __str__(self) -> str:
        nights, predicate = self.nights, self.selection.predicate
        span = nights[0].isoformat() if len(nights) == 1 else f"{nights[0]} to {nights[-1]}"
        lines = [
            f"archive     {self.selection.archive.shown}",
            f"nights      {len(nights)} with data, {span}",
            f"alerts      {self.num_archive_alerts:,} in {len(self.files):,} files, {len(self.fragments):,} fragments",
            f"conditions  {one_text(self.request.where).strip() or 'none'}".replace("\n", "\n            "),
            f"classes     {self._classes()}",
            f"asks        {predicate.sql or 'every alert'}",
            f"reads       {', '.join(map(shown_leaf, predicate.leaves)) or 'nothing before the content'}",
            f"content     {self.request.content}: {len(self.selection.projection.schema)} columns",
        ]
        if self.request.limit:
            lines.append(f"limit       {self.request.limit:,}")
        lines += [f"note        {note}" for note in self.notes]
        return "\n".join(lines)

    def _classes(self) -> str:
        kept = ", ".join(self.request.classes) or "all"
        return kept + (f"; without {', '.join(self.request.exclude_classes)}" if self.request.exclude_classes else "")


def new_topic(survey: str, now: dt.datetime) -> str:
    """Return a topic name that nobody else makes and nobody guesses."""
    return f"ftransfer_{survey}_{now:%Y-%m-%d}_{secrets.token_hex(6)}"
