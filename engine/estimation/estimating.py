"""A request's estimate: what is known at once, then the filter itself on a sample, or on everything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from consumer.settings import Limits, Settings, load_settings, whole_number
from consumer.words import count_text
from engine.archive import Fragment
from engine.catalogue import open_catalogue
from engine.estimation.bounds import Bounds, bounds_of
from engine.estimation.counting import Counted, Found, count_all, count_sample, with_labels
from engine.estimation.intervals import interval_of
from engine.estimation.kept import keep_count, kept_count, key_of
from engine.estimation.result import Estimate, Sampled
from engine.estimation.sampling import Sample, draw_sample, row_groups_of
from engine.estimation.scaling import scaled, within_limit
from engine.estimation.sizes import Size, measure_size
from engine.estimation.speeds import seconds_of
from engine.planning import TransferPlan, make_plan
from engine.request import TransferRequest
from engine.storage import for_workers
from engine.surveys import requested_classes
from engine.workers import check_client

if TYPE_CHECKING:
    import distributed

__all__ = ["estimate", "estimate_plan"]

SMALL = 40_000
"""Alerts of the chosen nights up to which all of them are looked at."""
SHARE = 10
"""Of more, one in so many is looked at."""
MOST_ALERTS = 300_000
MOST_GROUPS = 320
_COUNT_S, _SIZE_S = 1.2, 1.6
"""Seconds after which no further row groups are read: to count, and to measure sizes."""
_FEW = 30
"""Alerts that fulfil the conditions below which others are encoded as well, to measure their size."""


def estimate(
    request: TransferRequest,
    *,
    client: distributed.Client | None = None,
    settings: Settings | None = None,
    exact: bool = False,
    seed: int = 0,
    on_plan: Callable[[TransferPlan], None] | None = None,
    on_bounds: Callable[[int], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Return how many alerts a transfer would send, how large they are, and how long it would take.

    The transfer's own filter is run, on a sample of a tenth of the alerts at most; on all of them where they are few,
    or if that is asked for.

    Parameters
    ----------
    request
        What is asked for.
    client
        Where to count if all alerts are to be; None counts here, and a sample is always looked at here.
    settings
        Default: the environment and the configuration file.
    exact
        Count all alerts. On the same files, by the same conditions, this is done once: the count is kept.
    seed
        What the sample is drawn with.
    on_plan
        Called with the plan before an alert is read: its notes say what a user should know.
    on_bounds
        Called, before an alert is read, with how many alerts it can be at most.
    on_wait
        Called with what is waited for, where that may take long.
    progress
        Called as `progress(done, total)` while footers are read, and after `on_plan` while alerts are counted.

    Raises
    ------
    InputError
        If the request can't be fulfilled.
    ClusterError
        If Dask does not answer, or a worker can't run it.
    """
    check_client(client, "estimate")
    seed = whole_number("seed", seed, least=0)
    settings = settings or load_settings()
    if client is not None and exact:
        from engine.workers import check_workers

        for_workers(client, storage_options=settings.storage_options)  # refuses secrets in clear, before all else
        check_workers(client)
    plan = make_plan(request, settings, progress)
    if on_plan:
        on_plan(plan)
    return estimate_plan(
        plan,
        settings=settings,
        client=client,
        exact=exact,
        seed=seed,
        on_bounds=on_bounds,
        on_wait=on_wait,
        progress=progress,
    )


def estimate_plan(
    plan: TransferPlan,
    *,
    settings: Settings,
    client: distributed.Client | None = None,
    exact: bool = False,
    seed: int = 0,
    on_bounds: Callable[[int], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Return the estimate of a plan; see `estimate`."""
    begun = time.monotonic()
    column = _class_column(plan)
    selection = with_labels(plan.selection, column)
    bounds = bounds_of(plan, open_catalogue(plan.selection.archive, _settings_of(plan, settings)), column)
    if on_bounds:
        on_bounds(min(bounds.most, plan.request.limit or bounds.most))
    key = key_of(plan, selection, column)
    counted = kept_count(key)
    from_cache = counted is not None
    if counted is None and exact:
        storage = None
        if client is not None:
            from engine.workers import await_workers

            storage = for_workers(client, storage_options=settings.storage_options)
            await_workers(client, on_wait)
        if on_wait:
            on_wait("counting all alerts of these nights")
        counted = count_all(
            selection,
            column,
            bounds.fragments,
            client=client,
            storage=storage,
            skip_unreadable=plan.request.skip_unreadable,
            progress=progress,
        )
        keep_count(key, counted)
        begun = time.monotonic()
    elif on_wait and not from_cache:
        on_wait("counting a sample of the alerts")
    groups = row_groups_of(bounds.fragments)
    num_alerts = sum(group.num_alerts for group in groups)
    small = num_alerts <= SMALL and counted is None
    sample = draw_sample(
        groups,
        _chance(seed, key),
        most_alerts=num_alerts if small else min(plan.num_archive_alerts // SHARE, MOST_ALERTS),
        most_groups=MOST_GROUPS,
    )
    found = count_sample(
        selection,
        column,
        sample,
        deadline=None if small else begun + (_COUNT_S if counted is None else _COUNT_S / 3),
        skip_unreadable=plan.request.skip_unreadable,
        progress=progress if counted is None else None,
    )
    size = _size(plan, groups, found, begun + _SIZE_S)
    whole = _whole(plan, bounds, sample, found, counted)
    return _finished(plan, settings, column, whole, size, found, sample, seed, from_cache)


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """How many alerts fulfil the conditions, whatever the limit is."""

    middle: int
    low: int
    high: int
    per_night: Mapping[str, int]
    per_class: Mapping[str, int]
    num_left_out: int = 0

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


def _whole(
    plan: TransferPlan, bounds: Bounds, sample: Sample, found: Mapping[int, Found], counted: Counted | None
) -> _Whole:
    """Return how many alerts fulfil the conditions, by what is known best."""
    sampled_labels: dict[str, int] = {}
    for one in found.values():
        for label, number in one.labels.items():
            sampled_labels[label] = sampled_labels.get(label, 0) + number
    if counted is not None:
        total = counted.num_alerts
        return _Whole(
            middle=total,
            low=total,
            high=total,
            per_night=counted.per_night,
            per_class=counted.per_class,
            num_left_out=counted.num_left_out,
        )
    num_left_out = sum(one.group.fragment.num_alerts for one in found.values() if not one.is_readable)
    per_night = _of_nights(plan, sample, found)
    if plan.selection.predicate.sql is None and not plan.request.skip_unreadable:
        held = dict.fromkeys((night.isoformat() for night in plan.nights), 0)
        for fragment in plan.fragments:
            held[fragment.file.night.isoformat()] += fragment.num_alerts
        bounds = replace(bounds, per_night=held)
    if bounds.per_night is not None:
        total = sum(bounds.per_night.values())
        per_class = scaled(sampled_labels, total) if bounds.per_class is None else bounds.per_class
        return _Whole(middle=total, low=total, high=total, per_night=bounds.per_night, per_class=per_class)
    if not found:
        most = bounds.most
        nothing = dict.fromkeys(per_night, 0)
        return _Whole(middle=0, low=0, high=most, per_night=nothing, per_class={})
    rows = np.array([one.group.num_rows for one in found.values()], dtype=np.int64)
    hits = np.array([len(one.positions) for one in found.values()], dtype=np.int64)
    is_whole = len(found) == len(sample.groups)
    if sample.is_all and is_whole:
        total = int(hits.sum())
        return _Whole(
            middle=total,
            low=total,
            high=total,
            per_night=scaled(per_night, total),
            per_class=sampled_labels,
            num_left_out=num_left_out,
        )
    share_of_groups = 1.0 if sample.is_of_all_groups and is_whole else len(found) / sample.num_groups
    weights = np.array([one.group.weight for one in found.values()])
    interval = interval_of(rows, hits, weights, sample.num_alerts, share_of_groups=min(share_of_groups, 1.0))
    low, high = interval.low, min(interval.high, bounds.most)
    middle = min(max(interval.middle, low), high)
    return _Whole(
        middle=middle,
        low=min(low, high),
        high=high,
        per_night=scaled(per_night, middle),
        per_class=scaled(sampled_labels, middle),
        num_left_out=num_left_out,
    )


def _of_nights(plan: TransferPlan, sample: Sample, found: Mapping[int, Found]) -> dict[str, float]:
    """Return night -> alerts that fulfil the conditions, by the share in the night's sample; if it has none, in all."""
    alerts: dict[str, int] = {night.isoformat(): 0 for night in plan.nights}
    for fragment in plan.fragments:
        alerts[fragment.file.night.isoformat()] += fragment.num_alerts
    rows, hits = dict.fromkeys(alerts, 0), dict.fromkeys(alerts, 0)
    for one in found.values():
        night = one.group.fragment.file.night.isoformat()
        rows[night] += one.group.num_rows
        hits[night] += len(one.positions)
    if sample.is_all and len(found) == len(sample.groups):
        return {night: float(number) for night, number in hits.items()}
    everywhere = sum(hits.values()) / max(sum(rows.values()), 1)
    return {
        night: number * (hits[night] / rows[night] if rows[night] else everywhere) for night, number in alerts.items()
    }


def _class_column(plan: TransferPlan) -> str | None:
    """Return the column whose labels are counted: that of the classes asked for, else the content's first."""
    selection = plan.selection
    columns = selection.class_columns
    requested = requested_classes(plan.request.classes, plan.request.exclude_classes, selection.survey)
    asked = [class_.column for class_ in requested.kept if class_.column in columns]
    return next(iter([*asked, *columns]), None)


def _settings_of(plan: TransferPlan, settings: Settings) -> Settings:
    """Return the settings with the TNS catalogue that the request names, by which its classes are counted."""
    catalogue = plan.request.tns_catalogue
    return settings if catalogue is None else settings.model_copy(update={"tns_catalogue": catalogue})


def _chance(seed: int, key: str) -> np.random.Generator:
    """Return what a sample is drawn with: other conditions have another sample, so that they don't err together."""
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _size(
    plan: TransferPlan, groups: list[Fragment], found: Mapping[int, Found], deadline: float
) -> tuple[Size, bool] | None:
    """Return how large datums are, and whether those of alerts that fulfil the conditions were measured."""
    matching = [(one.group.fragment, one.positions) for one in found.values() if len(one.positions)]
    size = measure_size(plan, matching, deadline=deadline)
    if size is not None:
        return size, True
    any_ = [(group, np.arange(group.num_alerts)) for group in groups[:: max(1, len(groups) // 8)]]
    size = measure_size(plan, any_, deadline=deadline)
    return None if size is None else (size, False)


def _finished(
    plan: TransferPlan,
    settings: Settings,
    column: str | None,
    whole: _Whole,
    size: tuple[Size, bool] | None,
    found: Mapping[int, Found],
    sample: Sample,
    seed: int,
    from_cache: bool,
) -> Estimate:
    limit = plan.request.limit
    middle, low, high = (
        number if limit is None else min(number, limit) for number in (whole.middle, whole.low, whole.high)
    )
    per_night = within_limit(whole.per_night, middle)
    per_class = whole.per_class if middle == whole.middle else scaled(whole.per_class, middle)
    alert_nbytes = None if size is None else size[0].alert_nbytes
    nbytes = 0 if alert_nbytes is None else round(middle * alert_nbytes)
    notes = []
    if size is not None and not size[1] and high and plan.selection.predicate.sql is not None:
        notes.append("no alert of the sample fulfils the conditions: the size is that of others")
    if whole.num_left_out:
        notes.append(f"{count_text(whole.num_left_out, 'alert')} can't be read and were not counted")
    estimate_ = Estimate(
        num_alerts=middle,
        num_alerts_low=low,
        num_alerts_high=high,
        exact=low == high,
        nbytes=nbytes,
        per_night=per_night,
        per_class=dict(sorted(per_class.items(), key=lambda item: (-item[1], item[0]))),
        class_column=column,
        alert_nbytes=alert_nbytes,
        seconds=seconds_of(settings.kafka, plan.request.content, plan.num_archive_alerts, nbytes),
        sampled=Sampled(
            num_alerts=sum(one.group.num_rows for one in found.values()),
            num_archive_alerts=plan.num_archive_alerts,
            num_row_groups=len(found),
            num_archive_row_groups=len(row_groups_of(plan.fragments)),
            num_encoded=0 if size is None else size[0].num_alerts,
            seed=seed,
        ),
        limit=limit,
        from_cache=from_cache,
    )
    return replace(estimate_, notes=(*notes, *_notes_on_limits(plan, estimate_, settings.limits)))


def _notes_on_limits(plan: TransferPlan, found: Estimate, limits: Limits) -> list[str]:
    """Return what submit would refuse, or would have counted first."""
    notes = []
    nights = len(plan.request.dates())
    if limits.max_nights is not None and nights > limits.max_nights:
        notes.append(f"above the operator's limit: {nights:,} nights, {limits.max_nights:,} at most")
    of = found.alert_nbytes or 0.0
    for what, most, low, high in (
        ("alerts", limits.max_alerts, found.num_alerts_low, found.num_alerts_high),
        ("bytes", limits.max_nbytes, found.num_alerts_low * of, found.num_alerts_high * of),
    ):
        if most is not None and low > most:
            notes.append(f"above the operator's limit: {round(low):,} {what} at least, {most:,} at most")
        elif most is not None and high > most:
            notes.append(
                f"perhaps above the operator's limit: {round(high):,} {what}, {most:,} at most; submit counts all first"
            )
    return notes
