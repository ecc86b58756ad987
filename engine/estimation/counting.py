"""Counting: the job's own filter on alerts of row groups, here or on workers, and the classes of what fulfils it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.archive import Archive, Fragment
from engine.conditions import filter_table
from engine.errors import UnreadableError
from engine.estimation.sampling import RowGroup, Sample
from engine.pipeline import NarrowReader, Predicate, Selection

if TYPE_CHECKING:
    import distributed

__all__ = ["Counted", "Found", "count_all", "count_sample", "with_labels"]

_AT_ONCE = 8
_LEAST_FILES = 4
"""Read whatever time it takes: fewer say nothing."""
_CALL_ALERTS = 50_000
_MOST_CALLS = 64
_CALLS_A_THREAD = 2


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found in a row group."""

    group: RowGroup
    positions: np.ndarray
    """Alerts that fulfil the conditions, of those that were looked at: positions in the row group, shape (k,)."""
    labels: Mapping[str, int]
    """Label -> how many of them bear it; `""` stands for none."""
    is_readable: bool = True
    """Whether it could be read; nothing of it is sent otherwise."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What counting everything has given."""

    per_night: Mapping[str, int]
    per_class: Mapping[str, int]
    num_left_out: int = 0
    """Alerts that can't be read, where the request allows to leave them out."""

    @property
    def num_alerts(self) -> int:
        """Alerts that fulfil the conditions."""
        return sum(self.per_night.values())


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What a call has counted."""

    nights: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    num_left_out: int = 0


def with_labels(selection: Selection, column: str | None) -> Selection:
    """Return a selection whose narrow tables hold a class column beside what the predicate reads."""
    predicate = selection.predicate
    if column is None or column in predicate.leaves:
        return selection
    wider = Predicate(sql=predicate.sql, leaves=(*predicate.leaves, column), types=(*predicate.types, pa.string()))
    return replace(selection, predicate=wider)


def count_sample(
    selection: Selection,
    column: str | None,
    sample: Sample,
    *,
    deadline: float | None = None,
    skip_unreadable: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, Found]:
    """Return place of a sample's row group -> what was found in it, in the archive's order.

    Parameters
    ----------
    selection
        From `with_labels`.
    column
        Whose labels are counted.
    sample
        What is looked at.
    deadline
        When to stop, by `time.monotonic`; what was looked at by then lies evenly over the archive.
    skip_unreadable
        Leave row groups out that can't be read, rather than raise.
    progress
        Called as `progress(done, total)` in files.
    """
    reader = NarrowReader(selection=selection)
    nothing = np.array([], dtype=np.int64)
    read: list[tuple[int, RowGroup, pa.Table]] = []
    found: dict[int, Found] = {}

    def tables_of(file: tuple[int, tuple[int, ...]]) -> list[pa.Table | None] | None:
        number, places = file
        if deadline is not None and number >= _LEAST_FILES and time.monotonic() > deadline:
            return None
        return _read_file(reader, [sample.groups[place] for place in places], skip_unreadable)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, (places, tables) in enumerate(
            zip(sample.files, pool.map(tables_of, enumerate(sample.files)), strict=True), 1
        ):
            for place, table in zip(places, tables or (), strict=tables is not None):
                if table is None:
                    group = sample.groups[place]
                    found[place] = Found(group=group, positions=nothing, labels={}, is_readable=False)
                else:
                    read.append((place, sample.groups[place], table))
            if progress:
                progress(done, len(sample.files))
    found |= _filtered(selection, column, read)
    return dict(sorted(found.items()))


def _read_file(reader: NarrowReader, groups: Sequence[RowGroup], skip_unreadable: bool) -> list[pa.Table | None]:
    """Return the narrow tables of row groups of one file, which is opened once; None for what can't be read."""
    sizes = [group.fragment.num_alerts for group in groups]
    starts = np.cumsum([0, *sizes[:-1]])
    whole = replace(
        groups[0].fragment,
        row_groups=tuple(group.fragment.row_groups[0] for group in groups),
        row_group_alerts=tuple(sizes),
    )
    rows = None
    if any(group.rows is not None for group in groups):
        rows = np.concatenate(
            [
                start + (np.arange(size) if group.rows is None else group.rows)
                for start, size, group in zip(starts, sizes, groups, strict=True)
            ]
        )
    table = _read(reader, skip_unreadable, RowGroup(fragment=whole, rows=rows, weight=1.0))
    if table is None:
        # One of them is damaged: which, each tells by itself.
        return [None] if len(groups) == 1 else [_read(reader, skip_unreadable, group) for group in groups]
    ends = np.cumsum([group.num_rows for group in groups]).tolist()
    return [table.slice(end - group.num_rows, group.num_rows) for end, group in zip(ends, groups, strict=True)]


def _read(reader: NarrowReader, skip_unreadable: bool, group: RowGroup) -> pa.Table | None:
    try:
        return reader(group.fragment, group.rows)
    except UnreadableError:
        if not skip_unreadable:
            raise
        return None


def _filtered(
    selection: Selection, column: str | None, read: Sequence[tuple[int, RowGroup, pa.Table]]
) -> dict[int, Found]:
    """Return what the filter finds in narrow tables; it is planned once for all of them."""
    if not read:
        return {}
    table = pa.concat_tables([table for _, _, table in read])
    hits = filter_table(table, selection.predicate.sql)
    ends = np.cumsum([len(part) for _, _, part in read])
    bounds = [0, *np.searchsorted(hits, ends).tolist()]
    found: dict[int, Found] = {}
    for (place, group, part), first, last, end in zip(read, bounds[:-1], bounds[1:], ends.tolist(), strict=True):
        here = hits[first:last] - (end - len(part))
        positions = here if group.rows is None else group.rows[here]
        found[place] = Found(group=group, positions=positions, labels=_labels(part, column, here))
    return found


def _labels(table: pa.Table, column: str | None, positions: np.ndarray) -> dict[str, int]:
    if column is None or not len(positions):
        return {}
    texts = pc.fill_null(table[column].cast(pa.string()).take(pa.array(positions)), "")
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(texts).to_pylist()}


def count_all(
    selection: Selection,
    column: str | None,
    fragments: Sequence[Fragment],
    *,
    client: distributed.Client | None = None,
    storage: Sequence[Mapping[str, Any]] | None = None,
    skip_unreadable: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Counted:
    """Return how many alerts of fragments fulfil the conditions; several calls are in flight at once.

    Parameters
    ----------
    selection
        From `with_labels`.
    column
        Whose labels are counted.
    fragments
        All of them.
    client, storage
        Where to count, and the archive's storage options as they may be sent there; None counts here.
    skip_unreadable
        Leave row groups out that can't be read, rather than raise.
    progress
        Called as `progress(done, total)` in alerts.

    Raises
    ------
    ArchiveError
        If a file can't be read, or has changed.
    ClusterError
        If no worker can count.
    """
    calls, total = _calls(fragments), sum(fragment.num_alerts for fragment in fragments)
    count: Callable[[Sequence[Fragment]], _Part] = partial(_count, selection, column, skip_unreadable)
    threads = os.cpu_count() or 1
    if client is not None:
        from engine.workers import on_worker

        if storage is not None:
            selection = replace(selection, archive=Archive(selection.archive.url, *storage))
        threads = min(_MOST_CALLS, max(1, sum(client.nthreads().values())) * _CALLS_A_THREAD)
        count = partial(on_worker, client, _count, selection, column, skip_unreadable)
    nights = Counter({fragment.file.night.isoformat(): 0 for fragment in fragments})
    labels: Counter[str] = Counter()
    done = num_left_out = 0
    pool = ThreadPoolExecutor(threads)
    try:
        waiting: dict[Future[_Part], int] = {
            pool.submit(count, call): sum(f.num_alerts for f in call) for call in calls
        }
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                part = future.result()
                nights.update(part.nights)
                labels.update(part.labels)
                num_left_out += part.num_left_out
                done += waiting.pop(future)
            if progress:
                progress(done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return Counted(per_night=dict(sorted(nights.items())), per_class=dict(labels), num_left_out=num_left_out)


def _calls(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    """Return fragments in runs of some ten thousand alerts."""
    calls: list[list[Fragment]] = []
    held = _CALL_ALERTS
    for fragment in fragments:
        if held >= _CALL_ALERTS:
            calls.append([])
            held = 0
        calls[-1].append(fragment)
        held += fragment.num_alerts
    return calls


def _count(selection: Selection, column: str | None, skip_unreadable: bool, fragments: Sequence[Fragment]) -> _Part:
    """Count in fragments; runs on workers too."""
    part, num_left_out = _Part(), 0
    read = partial(_read, NarrowReader(selection=selection), skip_unreadable)
    tables = []
    for fragment in fragments:
        group = RowGroup(fragment=fragment, rows=None, weight=1.0)
        table = read(group)
        if table is None:
            num_left_out += fragment.num_alerts
        else:
            tables.append((fragment.number, group, table))
    for found in _filtered(selection, column, tables).values():
        part.nights[found.group.fragment.file.night.isoformat()] += len(found.positions)
        part.labels.update(found.labels)
    return replace(part, num_left_out=num_left_out)
