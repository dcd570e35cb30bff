"""Limits of all differences between J levels at once, and of their ranks (Mogstad, Romano, Shaikh & Wilhelm 2024).

The largest standardised difference over the whole family of pairs is what the bootstrap is asked for, so that every limit of the
family holds together. A rank's limits count who is surely better and who is surely worse. Quantiles of ranks in the draws would
be too narrow where levels are nearly equal, because every draw shuffles them around the estimated order.

Notation
    point (J,)    estimates
    draws (B, J)  joint bootstrap draws of them
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

Family = Literal["all", "each"]


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Row level minus column level (J, J), with limits and adjusted p values that hold for the whole family."""

    estimate: Array
    low: Array
    high: Array
    p_value: Array

    def ranks(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(J,) first and last place of every level; 1 is the highest."""
        return 1 + (self.high < 0).sum(axis=1), len(self.low) - (self.low > 0).sum(axis=1)


def differences(point: Array, draws: Array, level: float = 0.95, family: Family = "all") -> Differences:
    """All pairwise differences; the family are "all" pairs, or for "each" level its own differences from the others.

    >>> draws = np.random.default_rng(1).normal([[9.0, 5.0, 5.0]], 0.5, size=(999, 3))
    >>> first, last = differences(np.array([9.0, 5.0, 5.1]), draws).ranks()
    >>> first.tolist(), last.tolist()
    ([1, 2, 2], [1, 3, 3])
    """
    J = len(point)
    estimate = point[:, None] - point
    cov = np.atleast_2d(np.cov(draws, rowvar=False))
    variance = np.diag(cov)[:, None] + np.diag(cov) - 2 * cov
    error = np.sqrt(np.maximum(variance, 0.0))
    moved = error > 1e-12 * np.maximum(np.abs(point).max(), 1.0)  # of what never differs in a draw nothing is learnt
    scale = np.where(moved, error, np.inf)
    away = draws - point
    largest = np.zeros((J, len(draws)))
    for j in range(J):
        largest[j] = (np.abs(away[:, [j]] - away) / scale[j]).max(axis=1)
    if family == "all":
        largest[:] = largest.max(axis=0)
    critical = np.quantile(largest, level, axis=1)[:, None]
    t = np.abs(estimate) / scale
    beyond = np.array([[np.count_nonzero(largest[j] >= t[j, k]) for k in range(J)] for j in range(J)])
    p = np.where(moved, (1 + beyond) / (1 + len(draws)), 1.0)
    return Differences(estimate, estimate - critical * error, estimate + critical * error, p)
