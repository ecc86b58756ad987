"""Bytes of an alert's datum: some alerts are read in the content that was asked for, and encoded as the job would."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.archive import Fragment
from engine.errors import UnreadableError
from engine.pipeline import read_content
from engine.planning import TransferPlan
from engine.schema import encode

__all__ = ["Size", "measure_size"]

_ALERTS, _LEAST_ALERTS = 600, 100
_READ_NBYTES = 128_000_000
_LARGE_NBYTES = 40_000_000
_LEAST_GROUPS, _MOST_GROUPS = 3, 24


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large datums are."""

    alert_nbytes: float
    """On average."""
    num_alerts: int
    """Alerts that were encoded."""


def measure_size(
    plan: TransferPlan, found: Sequence[tuple[Fragment, np.ndarray]], *, deadline: float | None = None
) -> Size | None:
    """Return how large the datums of alerts are, None if there is none.

    Parameters
    ----------
    plan
        What is read of them.
    found
        Row groups in the archive's order, and the positions of alerts in each.
    deadline
        When to read no further row group, by `time.monotonic`.
    """
    numbers = np.array([len(positions) for _, positions in found], dtype=np.int64)
    total = int(numbers.sum())
    if not total:
        return None
    nbytes = plan.alert_nbytes * max(sum(group.num_alerts for group, _ in found) // len(found), 1)
    # Stamps are most of an alert that is so large, and are of one size: a single row group tells it.
    least = 1 if nbytes > _LARGE_NBYTES else _LEAST_GROUPS
    num_picks = int(min(max(_READ_NBYTES // max(nbytes, 1), _LEAST_GROUPS), _MOST_GROUPS, len(found)))
    # Evenly among the alerts, so that a row group is read the more likely the more of them it has.
    at = ((np.arange(num_picks) + 0.5) * (total / num_picks)).astype(np.int64)
    places, times = np.unique(np.searchsorted(np.cumsum(numbers), at, side="right"), return_counts=True)
    read: list[tuple[float, int, int]] = []
    for place, time_ in zip(*_spread(places, times), strict=True):
        if len(read) >= least and deadline is not None and time.monotonic() > deadline:
            break
        group, positions = found[place]
        wanted = max(_ALERTS * time_ // num_picks, _LEAST_ALERTS)
        some = positions[np.unique(np.linspace(0, len(positions) - 1, min(wanted, len(positions))).astype(np.int64))]
        try:
            blocks = [encode(block, plan.schema) for _, block in read_content(plan.selection, group, some)]
        except UnreadableError:
            if not plan.request.skip_unreadable:
                raise
            continue
        encoded = sum(map(_nbytes, blocks))
        read.append((encoded / len(some), time_, len(some)))
    if not read:
        return None
    times_ = sum(time_ for _, time_, _ in read)
    mean = sum(nbytes_ * time_ for nbytes_, time_, _ in read) / times_
    return Size(alert_nbytes=mean, num_alerts=sum(number for _, _, number in read))


def _spread(places: np.ndarray, times: np.ndarray) -> tuple[list[int], list[int]]:
    """Return row groups in an order any beginning of which lies evenly over the archive."""
    order = np.argsort((np.arange(len(places)) * ((5**0.5 - 1) / 2)) % 1.0, kind="stable")
    return places[order].tolist(), times[order].tolist()


def _nbytes(datums: pa.LargeBinaryArray) -> int:
    return int(pc.sum(pc.binary_length(datums)).as_py() or 0)
