"""A fixed cost and a marginal one, fitted through what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.figures import Figure

__all__ = ["Line", "fit", "fitted_figures", "points_of"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What anything takes, and what each one more takes."""

    fixed: float
    each: float

    def at(self, number: float) -> float:
        """Return what so many take."""
        return self.fixed + self.each * number


def fit(points: Iterable[tuple[float, float]]) -> Line:
    """Return the line nearest to points, by least squares of the shares by which it misses them.

    Times vary by a share of themselves, so a miss of a tenth counts alike at one second and at a hundred. Neither cost
    is below zero: where one would be, the other explains all.

    Parameters
    ----------
    points
        Number, and what that many took; at least one, all of them above zero.
    """
    x, y = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    weights = 1 / y
    if len(np.unique(x)) > 1:
        each, fixed = np.linalg.lstsq(np.column_stack([x * weights, weights]), np.ones_like(y), rcond=None)[0]
        if each >= 0 and fixed >= 0:
            return Line(fixed=float(fixed), each=float(each))
        if each < 0:
            return Line(fixed=float(_share_of(weights)), each=0.0)
    return Line(fixed=0.0, each=float(_share_of(x * weights)))


def _share_of(shares: np.ndarray) -> float:
    """Return the number of which so many shares come nearest to one each."""
    return float(shares.sum() / (shares**2).sum())


def points_of(
    figures: Iterable[Figure], axis: str, quantity: str, what: str = "alert-transfer"
) -> list[tuple[float, float]]:
    """Return the points of an axis of growth, `<axis> <number>`, in order of their numbers."""
    found = {
        float(number): figure.median
        for figure in figures
        for name, _, number in [figure.case.rpartition(" ")]
        if (name, figure.quantity, figure.what) == (axis, quantity, what)
    }
    return sorted(found.items())


def fitted_figures(figures: Sequence[Figure], axes: Iterable[str], quantities: Iterable[str]) -> list[Figure]:
    """Return what is fixed and what each one more takes, of each axis and quantity that was measured."""
    found = []
    for axis in axes:
        for quantity in quantities:
            points = [point for point in points_of(figures, axis, quantity) if point[1] > 0]
            if len(points) < 2:
                continue
            line = fit(points)
            for part, value in (("fixed", line.fixed), ("each", line.each)):
                found.append(
                    Figure(section="growth", case=axis, what="fitted", quantity=f"{part}_{quantity}", runs=[value])
                )
    return found
