"""Which alerts are looked at: drawn by chance, evenly over nights, files and row groups.

Where the row groups are few enough to be opened, alerts are drawn out of all of them, one out of each run of ten or
more neighbours: then each alert has the same chance by itself, and it does no harm that alike alerts stand together.
Else the archive is cut into stretches of as many alerts each, of each of which one row group is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.archive import Fragment

__all__ = ["RowGroup", "Sample", "draw_sample", "row_groups_of"]

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Alerts that are looked at, of one row group."""

    fragment: Fragment
    """The row group alone."""
    rows: np.ndarray | None
    """Which of its alerts, ascending, shape (n,), n > 0; None: all."""
    weight: float
    """Share of all alerts that it stands for."""

    @property
    def num_rows(self) -> int:
        """Alerts that are looked at."""
        return self.fragment.num_alerts if self.rows is None else len(self.rows)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Alerts that are looked at."""

    groups: tuple[RowGroup, ...]
    """In the archive's order."""
    num_alerts: int
    """All alerts of which they were drawn."""
    num_groups: int
    """All row groups with alerts."""
    is_all: bool
    """Whether nothing was left out."""
    is_of_all_groups: bool
    """Whether each alert had the same chance by itself, whatever row group it is in."""
    files: tuple[tuple[int, ...], ...]
    """Places of `groups`, file by file, such that any first few of the files lie evenly over the archive."""


def row_groups_of(fragments: Sequence[Fragment]) -> list[Fragment]:
    """Return fragments of one row group each, in their order; those without alerts are left out."""
    return [
        replace(fragment, row_groups=(group,), row_group_alerts=(num_alerts,))
        for fragment in fragments
        for group, num_alerts in zip(fragment.row_groups, fragment.row_group_alerts, strict=True)
        if num_alerts
    ]


def draw_sample(
    groups: Sequence[Fragment], chance: np.random.Generator, *, most_alerts: int, most_groups: int
) -> Sample:
    """Return which alerts are looked at.

    Parameters
    ----------
    groups
        Row groups with alerts, in the archive's order.
    chance
        What is drawn with.
    most_alerts, most_groups
        How many alerts are looked at, in how many row groups.
    """
    sizes = np.array([group.num_alerts for group in groups], dtype=np.int64)
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    is_all, of_all = total <= most_alerts, len(groups) <= most_groups
    if is_all:
        drawn = [RowGroup(fragment=g, rows=None, weight=g.num_alerts / total) for g in groups]
    elif of_all:
        drawn = _out_of_all(groups, ends - sizes, total, most_alerts, chance)
    else:
        drawn = _out_of_some(groups, sizes, ends, most_alerts, most_groups, chance)
    return Sample(
        groups=tuple(drawn),
        num_alerts=total,
        num_groups=len(groups),
        is_all=is_all,
        is_of_all_groups=is_all or of_all,
        files=_by_file(drawn, chance.random()),
    )


def _by_file(drawn: Sequence[RowGroup], start: float) -> tuple[tuple[int, ...], ...]:
    """Return places of row groups, file by file, the files in steps of the golden section through the archive."""
    places: dict[str, list[int]] = {}
    for place, group in enumerate(drawn):
        places.setdefault(group.fragment.file.path, []).append(place)
    files = list(places.values())
    turns = (np.arange(len(files)) * _GOLDEN + start) % 1.0
    return tuple(tuple(files[turn]) for turn in np.argsort(turns, kind="stable").tolist())


def _out_of_all(
    groups: Sequence[Fragment], starts: np.ndarray, total: int, most_alerts: int, chance: np.random.Generator
) -> list[RowGroup]:
    """Draw one alert out of each of `most_alerts` stretches of all alerts; a stretch is longer than an alert."""
    at = ((np.arange(most_alerts) + chance.random(most_alerts)) * (total / most_alerts)).astype(np.int64)
    at = np.unique(np.minimum(at, total - 1))
    owners = np.searchsorted(starts, at, side="right") - 1
    bounds = np.searchsorted(owners, np.arange(len(groups) + 1))
    return [
        RowGroup(fragment=group, rows=at[first:last] - starts[place], weight=group.num_alerts / total)
        for place, (group, first, last) in enumerate(zip(groups, bounds[:-1], bounds[1:], strict=True))
        if last > first
    ]


def _out_of_some(
    groups: Sequence[Fragment],
    sizes: np.ndarray,
    ends: np.ndarray,
    most_alerts: int,
    most_groups: int,
    chance: np.random.Generator,
) -> list[RowGroup]:
    """Draw a row group out of each of `most_groups` stretches, by its alerts, and alerts evenly out of it."""
    points = (np.arange(most_groups) + chance.random(most_groups)) * (ends[-1] / most_groups)
    places, times = np.unique(np.searchsorted(ends, points, side="right"), return_counts=True)
    drawn = []
    for place, time in zip(places.tolist(), times.tolist(), strict=True):
        size = int(sizes[place])
        wanted = max(1, most_alerts * time // most_groups)
        rows = None
        if wanted < size:
            rows = np.unique(((np.arange(wanted) + chance.random(wanted)) * (size / wanted)).astype(np.int64))
        drawn.append(RowGroup(fragment=groups[place], rows=rows, weight=time / most_groups))
    return drawn
