"""How many alerts of all fulfil a condition, by a sample of them: an estimate, and an interval around it.

The interval is Clopper and Pearson's for the sample's effective size (Korn and Graubard, Survey Methodology 24, 1998,
193): as large as the sample where its alerts were drawn one by one, and smaller where whole row groups were drawn and
alerts of one row group are alike. docs/decisions/0023-estimates.md tells why so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "interval_of"]

_LEVEL, _LEVEL_BY_GROUPS = 0.95, 0.985
"""Of alerts that were drawn one by one, and of row groups: how far these differ is itself known by the sample alone."""
_TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A number of alerts, as a sample tells it."""

    middle: int
    low: int
    high: int
    effective_size: float
    """How many alerts, drawn one by one, would tell as much as the sample."""


def interval_of(
    rows: np.ndarray, hits: np.ndarray, weights: np.ndarray, num_alerts: int, *, share_of_groups: float
) -> Interval:
    """Return how many alerts of all fulfil a condition.

    Parameters
    ----------
    rows, hits
        Alerts that were sampled of each row group, in the archive's order, and how many of them fulfil the condition;
        shape (groups,). Each has a row at least.
    weights
        Share of all alerts that each row group stands for, shape (groups,).
    num_alerts
        All alerts.
    share_of_groups
        Of the row groups with alerts, how many were sampled: 1 where alerts were drawn out of all of them, each with
        the same chance.

    Returns
    -------
    Interval
        Holds the truth in about 95 of 100 cases, and in more where alerts were drawn out of all row groups.
    """
    num_rows, num_hits = int(rows.sum()), int(hits.sum())
    weights = weights / weights.sum()
    if share_of_groups >= 1.0:
        share = num_hits / num_rows
        size, level = float(num_rows), _LEVEL
    else:
        level = _LEVEL_BY_GROUPS
        share = float((weights * hits / rows).sum())
        size = _effective_size(rows, hits, weights, share, share_of_groups)
    low, high = _clopper_pearson(share * size, size, level)
    middle = round(share * num_alerts)
    # What was seen is there, and what was seen not to match does not.
    least, most = num_hits, num_alerts - (num_rows - num_hits)
    return Interval(
        middle=min(max(middle, least), most),
        low=min(max(math.floor(low * num_alerts), least), most),
        high=min(max(math.ceil(high * num_alerts), least), most),
        effective_size=size,
    )


def _effective_size(
    rows: np.ndarray, hits: np.ndarray, weights: np.ndarray, share: float, share_of_groups: float
) -> float:
    """Return the sample's size divided by how much more its mean varies than that of alerts drawn one by one."""
    num_rows, num_groups, num_with_hits = int(rows.sum()), len(rows), int((hits > 0).sum())
    if num_groups < 2:
        return 1.0
    effect = 1.0 + _UNSEEN_EFFECT / (1 + num_with_hits) ** 3
    if 0.0 < share < 1.0:
        # Each group stands for its stretch of the archive, so neighbours say how much the groups of one stretch differ.
        parts = num_groups * weights * (hits / rows - share)
        variance = float((np.diff(parts) ** 2).sum()) / (2 * num_groups * (num_groups - 1))
        if num_with_hits < _FEW_GROUPS:  # few pairs of neighbours tell anything then
            variance = max(variance, float((parts**2).sum()) / (num_groups * (num_groups - 1)))
        plain = share * (1.0 - share) / num_rows
        effect = max(effect, (1.0 - share_of_groups) * variance / plain)
    effect *= (_student(num_groups - 1) / _student(10_000)) ** 2
    return max(1.0, num_rows / effect)


_FEW_GROUPS = 10
_UNSEEN_EFFECT = 30.0
"""How much alike alerts of a row group may be of which none was seen to fulfil the condition: what is rare often stands
together, and who sees none of it does not know. It counts less, the more row groups have any."""


def _clopper_pearson(hits: float, size: float, level: float) -> tuple[float, float]:
    """Return the share of all that a number of hits speaks for: the least and the greatest."""
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else _beta_quantile(tail, hits, size - hits + 1)
    high = 1.0 if hits >= size else _beta_quantile(1 - tail, hits + 1, size - hits)
    return low, high


def _student(freedom: float) -> float:
    """Return the quantile of Student's distribution beyond which both tails of the interval's level lie."""
    x = _beta_quantile(1 - _LEVEL, freedom / 2, 0.5)
    return math.sqrt(freedom * (1 / x - 1))


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Return the x at which the regularized incomplete beta function of a and b is `share`."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if _beta(middle, a, b) < share:
            low = middle
        else:
            high = middle
        if high - low <= 1e-12 * high:
            break
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function: Lentz's continued fraction."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(1.0 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, _inverse(1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = _inverse(1.0 + term * d)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return math.exp(front) * fraction / a


def _inverse(value: float) -> float:
    return 1.0 / (value if abs(value) > _TINY else _TINY)
