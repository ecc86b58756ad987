"""Estimate: how many alerts a request selects, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from consumer.notebooks import html_rows
from consumer.words import count_text, on_one_line, printable

__all__ = ["Estimate", "Sampled"]

_MOST_CLASSES, _MOST_NIGHTS = 10, 10
_DIGITS = 3


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What an estimate was made of."""

    num_alerts: int
    """Alerts on which the conditions were computed."""
    num_archive_alerts: int
    """Alerts of the chosen nights."""
    num_row_groups: int
    """Row groups that these alerts were drawn out of."""
    num_archive_row_groups: int
    num_encoded: int
    """Alerts that were encoded to measure their size."""
    seed: int
    """What was drawn with: the same seed draws the same alerts of the same files for the same conditions."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Estimate:
    """How many alerts a request selects; `print(estimate)` and a notebook tell it to people."""

    num_alerts: int
    """Alerts that the job would send, the request's limit included."""
    num_alerts_low: int
    num_alerts_high: int
    """The truth lies between these, both included, in 95 of 100 cases."""
    exact: bool
    """Whether all alerts were counted, so that the three are one."""
    nbytes: int
    """Bytes of the datums that the job would send."""
    per_night: Mapping[str, int]
    """Night (`2021-11-22`) -> alerts; of a sample, scaled such that they add up to `num_alerts`."""
    per_class: Mapping[str, int]
    """Label -> alerts, the most frequent first, likewise; of alerts without one under `""`."""
    class_column: str | None
    """The column whose labels are counted; None where alerts have none."""
    alert_nbytes: float | None
    """Bytes of an alert's datum, on average; None where no alert was encoded."""
    seconds: float | None
    """How long the job would take, by jobs that ended here; None while none has."""
    sampled: Sampled
    limit: int | None
    """The request's."""
    from_cache: bool
    """Whether all alerts were counted before, on the same files by the same conditions."""
    notes: tuple[str, ...] = field(default=())
    """What a user should know beside the plan's notes: limits of the operator that are passed, what was not counted."""

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values, for `--json`."""
        return asdict(self) | {
            "per_night": dict(self.per_night),
            "per_class": dict(self.per_class),
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """Return the estimate as people read it."""
        lines = []
        for name, text in self._entries():
            lines += [f"{'' if number else name:<12}{line}" for number, line in enumerate(text.splitlines())]
        return "\n".join(lines)

    def __str__(self) -> str:
        return printable(self.to_text())

    def __repr__(self) -> str:
        return f"<Estimate: {self._alerts()}, {_size_text(self.nbytes)}>"

    def _repr_html_(self) -> str:
        return html_rows("What the transfer would send", self._entries())

    def _alerts(self) -> str:
        if self.exact:
            return count_text(self.num_alerts, "alert")
        low, high = _rounded(self.num_alerts_low, down=True), _rounded(self.num_alerts_high, down=False)
        if self.num_alerts == 0:
            return f"hardly an alert (at most {high:,})"
        return f"about {count_text(_nearest(self.num_alerts), 'alert')} ({low:,} to {high:,})"

    def _entries(self) -> list[tuple[str, str]]:
        seconds = "not known yet how long it takes: no job has ended here"
        if self.seconds is not None:
            seconds = f"some {_seconds_text(self.seconds)} to send"
        entries = [
            ("estimate", f"{self._alerts()}, {_size_text(self.nbytes)}, {seconds}"),
            ("counted on", self._sample()),
        ]
        if self.limit is not None:
            entries.append(("limit", f"{self.limit:,}, which is counted in"))
        if len(self.per_night) > 1:
            entries.append(("nights", self._shown(self.per_night, _MOST_NIGHTS, "night")))
        if self.class_column is not None and self.per_class:
            entries.append(("classes", self._shown(self.per_class, _MOST_CLASSES, "label")))
        entries += [("note", note) for note in self.notes]
        return entries

    def _sample(self) -> str:
        of = self.sampled
        if self.from_cache:
            return f"all {of.num_archive_alerts:,} alerts of these nights, before"
        if self.exact and not of.num_alerts:
            return f"what footers and catalogue say of all {of.num_archive_alerts:,} alerts of these nights"
        if self.exact:
            return f"all {of.num_archive_alerts:,} alerts of these nights"
        return (
            f"{of.num_alerts:,} of {of.num_archive_alerts:,} alerts of these nights, drawn "
            f"out of {of.num_row_groups:,} of {of.num_archive_row_groups:,} row groups"
        )

    def _shown(self, counts: Mapping[str, int], most: int, what: str) -> str:
        some = list(counts.items())[:most]
        about = "" if self.exact else "about "
        lines = [
            f"{about}{number if self.exact else _nearest(number):,}  {on_one_line(name) or 'without'}"
            for name, number in some
        ]
        if len(counts) > most:
            lines.append(f"and {count_text(len(counts) - most, f'more {what}')}")
        return "\n".join(lines)


def _rounded(number: int, *, down: bool) -> int:
    """Return a number with few digits, no closer to the middle of an interval than it is."""
    step = 10 ** max(len(str(number)) - _DIGITS, 0)
    return number // step * step if down else -(-number // step) * step


def _nearest(number: int) -> int:
    return round(number, min(_DIGITS - len(str(number)), 0))


def _size_text(nbytes: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if nbytes < 1000:
            return (
                f"{nbytes:.0f} bytes"
                if unit == "bytes"
                else f"{nbytes:.2g} {unit}"
                if nbytes < 10
                else f"{nbytes:.0f} {unit}"
            )
        nbytes /= 1000
    return f"{nbytes:.1f} TB"


def _seconds_text(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60):,} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
