"""What the operator allows one request: held against it before anything is started."""

from __future__ import annotations

from consumer.settings import Limits
from engine.errors import RequestError
from engine.planning import TransferPlan
from engine.request import TransferRequest

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


def check_alerts(plan: TransferPlan, limits: Limits) -> None:
    """Raise if a plan sends more than it may, as far as that is known before it runs: without conditions, or a limit.

    Raises
    ------
    RequestError
        With both numbers.
    """
    most = plan.request.limit if plan.num_alerts is None else plan.num_alerts
    if most is None:
        return
    most = min(most, plan.num_archive_alerts)
    if limits.max_alerts is not None and most > limits.max_alerts:
        raise RequestError(
            f"the request may send {most:,} alerts",
            accepted=f"{limits.max_alerts:,} alerts at most, by limits.max_alerts of the configuration",
            next_step="choose fewer nights, add conditions, or give a --limit",
        )
    nbytes = most * plan.alert_nbytes
    if limits.max_nbytes is not None and nbytes > limits.max_nbytes:
        raise RequestError(
            f"the request may send {most:,} alerts of {plan.alert_nbytes:,} bytes in the archive, {nbytes:,} bytes",
            accepted=f"{limits.max_nbytes:,} bytes at most, by limits.max_nbytes of the configuration",
            next_step="choose a smaller content or fewer nights, add conditions, or give a --limit",
        )
