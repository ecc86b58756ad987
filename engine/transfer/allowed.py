"""What the operator allows one request: held against it before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from consumer.settings import Limits, Settings
from engine.errors import RequestError
from engine.planning import TransferPlan
from engine.request import TransferRequest

if TYPE_CHECKING:
    import distributed

    from engine.estimation import Estimate

__all__ = ["check_alerts", "check_nights"]


def check_nights(request: TransferRequest, limits: Limits) -> None:
    """Raise if a request names more nights than it may.

    Raises
    ------
    RequestError
        With both numbers.
    """
    nights = len(request.dates())
    if limits.max_nights is not None and nights > limits.max_nights:
        raise RequestError(
            f"the request names {nights:,} nights",
            accepted=f"{limits.max_nights:,} nights at most, by limits.max_nights of the configuration",
            next_step="ask for fewer nights at a time",
        )


def check_alerts(
    plan: TransferPlan,
    settings: Settings,
    *,
    client: distributed.Client | None = None,
    on_wait: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Raise if a plan sends more alerts or bytes than it may.

    Where only the filter can tell, an estimate decides; where its interval holds the limit, all alerts are counted.
    Bytes are those of datums, measured on some alerts.

    Parameters
    ----------
    plan
        What would be sent.
    settings
        Whose limits count.
    client
        Where all alerts are counted if they must be; None counts here.
    on_wait
        Called with what is waited for.
    progress
        Called as `progress(done, total)` while alerts are counted.

    Raises
    ------
    RequestError
        With both numbers.
    """
    limits = settings.limits
    most = min(plan.num_archive_alerts, plan.request.limit or plan.num_archive_alerts)
    if limits.max_nbytes is None and (limits.max_alerts is None or most <= limits.max_alerts):
        return
    if limits.max_alerts is not None and plan.num_alerts is not None and plan.num_alerts > limits.max_alerts:
        raise _too_many(plan.num_alerts, limits.max_alerts, "sends")
    # dask-sql takes seconds to import: not before there is something to count.
    from engine.estimation import estimate_plan

    found = estimate_plan(plan, settings=settings, on_wait=on_wait, progress=progress)
    _refuse(found, limits)
    if _may_be_above(found, limits) and not found.exact:
        if on_wait:
            on_wait(
                f"the request may send up to {found.num_alerts_high:,} alerts, which is above the operator's limits"
            )
        found = estimate_plan(plan, settings=settings, client=client, exact=True, on_wait=on_wait, progress=progress)
        _refuse(found, limits)


def _refuse(found: Estimate, limits: Limits) -> None:
    verb = "sends" if found.exact else "sends at least"
    if limits.max_alerts is not None and found.num_alerts_low > limits.max_alerts:
        raise _too_many(found.num_alerts_low, limits.max_alerts, verb)
    size = found.alert_nbytes or 0.0
    nbytes = round(found.num_alerts_low * size)
    if limits.max_nbytes is not None and nbytes > limits.max_nbytes:
        raise RequestError(
            f"the request {verb} {found.num_alerts_low:,} alerts of about {size:,.0f} bytes, {nbytes:,} bytes",
            accepted=f"{limits.max_nbytes:,} bytes at most, by limits.max_nbytes of the configuration",
            next_step="choose a smaller content or fewer nights, add conditions, or give a --limit",
        )


def _may_be_above(found: Estimate, limits: Limits) -> bool:
    most, size = found.num_alerts_high, found.alert_nbytes or 0.0
    alerts = limits.max_alerts is not None and most > limits.max_alerts
    return alerts or (limits.max_nbytes is not None and most * size > limits.max_nbytes)


def _too_many(num_alerts: int, most: int, verb: str) -> RequestError:
    return RequestError(
        f"the request {verb} {num_alerts:,} alerts",
        accepted=f"{most:,} alerts at most, by limits.max_alerts of the configuration",
        next_step="choose fewer nights, add conditions, or give a --limit",
    )
