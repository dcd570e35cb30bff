"""Raking: case weights that meet known population margins, for a batch of base weights at once.

Notation
    base    (B, n)  weights before raking, one row a replicate (design weights times resampling counts); 0 = not drawn
    codes   (n,)    category 0 ... K-1 of each case in one margin
    targets (K,)    population of each category, as shares or totals: only their proportions matter
    factor  (B, c)  adjustment of each joint cell of all margins
Iterative proportional fitting (Deming & Stephan 1940) changes all cases of one joint cell by the same factor, so that only
the c cell totals iterate. The total of each row of `base` is kept: multiplying weights by a constant changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

Margin = tuple[NDArray[np.intp], Array]


@dataclass(frozen=True, slots=True, eq=False)
class Raked:
    """Weights (B, n), NaN in a replicate that cannot meet its margins; whether it did (B,); passes over the margins (B,)."""

    weights: Array
    converged: NDArray[np.bool_]
    iterations: NDArray[np.intp]


def rake(
    base: Array,
    margins: Sequence[Margin],
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
    bounds: tuple[float, float] | None = None,
) -> Raked:
    """Weights nearest to `base` whose margins are those of the population.

    Parameters
    ----------
    base
        (B, n) weights, none negative.
    margins
        One (codes, targets) a margin. What to do with cases of unknown category is the caller's to settle before.
    tolerance
        Largest relative deviation of a category from its target (of a category with target 0: its share).
    bounds
        Smallest and largest adjustment, relative to the mean adjustment of the replicate; (0.3, 3) say. With equal base
        weights these are limits on the weight relative to the mean weight. They bind the adjustment and not its product with
        `base`, so that a case drawn twice still counts twice (bounded raking ratio, Deville & Särndal 1992); design
        weights that are themselves too far apart are for `trim`, before resampling.

    Returns
    -------
    Raked
        A replicate in which a category of the population has no weight left, or whose margins and bounds contradict each
        other, has converged False and NaN weights.

    Raises
    ------
    ValueError
        No margin; codes outside 0 ... K-1 (unknown answers); targets or base weights that are negative or not finite;
        bounds that do not enclose 1.

    >>> raked = rake(np.ones((1, 4)), [(np.array([0, 0, 0, 1]), np.array([0.5, 0.5]))])
    >>> raked.weights.round(4).tolist(), raked.iterations.tolist()
    ([[0.6667, 0.6667, 0.6667, 2.0]], [1])
    """
    low, high = bounds or (0.0, np.inf)
    _refuse_nonsense(base, margins, low, high)
    cells, cell = np.unique(np.column_stack([codes for codes, _ in margins]), axis=0, return_inverse=True)
    cell = cell.reshape(-1)  # one release of NumPy gives it a second axis
    indicators = [np.eye(len(t))[code] for code, (_, t) in zip(cells.T, margins, strict=True)]
    shares = [t / t.sum() for _, t in margins]
    mass = _cell_totals(base, cell)
    total = mass.sum(axis=1, keepdims=True)
    possible = (total > 0)[:, 0]
    for indicator, share in zip(indicators, shares, strict=True):
        possible &= ((mass @ indicator > 0) | (share == 0)).all(axis=1)
    factor = np.full_like(mass, np.nan)
    iterations = np.zeros(len(base), dtype=np.intp)
    factor[possible], iterations[possible] = _adjustments(
        mass[possible] / total[possible], indicators, shares, (low, high), (tolerance, max_iterations)
    )
    return Raked(base * factor[:, cell], np.asarray(np.isfinite(factor).all(axis=1)), iterations)


def _refuse_nonsense(base: Array, margins: Sequence[Margin], low: float, high: float) -> None:
    if not margins:
        raise ValueError("Raking needs at least one margin.")
    if not 0 <= low <= 1 <= high:
        raise ValueError(
            f"Bounds ({low:g}, {high:g}) do not enclose 1, the mean adjustment. Give for example (0.3, 3)."
        )
    if not (np.isfinite(base).all() and (base >= 0).all()):
        raise ValueError("Base weights must be finite and not negative.")
    for number, (codes, targets) in enumerate(margins, start=1):
        outside = int(((codes < 0) | (codes >= len(targets))).sum())
        if outside or len(codes) != base.shape[1]:
            raise ValueError(
                f"Margin {number}: {len(codes)} codes for {base.shape[1]} cases, {outside} outside 0 ... {len(targets) - 1}. "
                "Drop cases of unknown category or give them one before raking."
            )
        if not (np.isfinite(targets).all() and (targets >= 0).all() and targets.sum() > 0):
            raise ValueError(f"Margin {number}: targets must be finite, not negative and not all 0.")


def _cell_totals(base: Array, cell: NDArray[np.intp]) -> Array:
    """(B, c) weight of each joint cell; every cell has a case."""
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(cell.max(initial=-1) + 1))
    return np.add.reduceat(base[:, order], starts, axis=1)


def _adjustments(
    mass: Array,
    indicators: list[Array],
    shares: list[Array],
    bounds: tuple[float, float],
    patience: tuple[float, int],
) -> tuple[Array, NDArray[np.intp]]:
    """Factors (B, c) of the cells, NaN where they never settle, and passes (B,); each replicate stops on its own.

    `mass` sums to 1. Margins are measured with the bounded factors while the free ones are adjusted: a cell at its bound leaves
    it again when the others need it to, and what is reached are the margins themselves, not a compromise.
    """
    tolerance, max_iterations = patience
    every, wanted = np.concatenate(indicators, axis=1), np.concatenate(shares)
    final = np.full_like(mass, np.nan)
    iterations = np.zeros(len(mass), dtype=np.intp)
    active, factor = np.arange(len(mass)), np.ones_like(mass)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for step in range(max_iterations + 1):
            bounded = np.clip(factor, *bounds)
            deviation = np.abs((mass * bounded) @ every - wanted) / np.where(wanted > 0, wanted, 1.0)
            largest = deviation.max(axis=1)
            settled, running = largest <= tolerance, largest > tolerance  # NaN is neither: it stops, and stays NaN
            final[active[settled]] = bounded[settled]
            iterations[active] = step
            active, mass, factor = active[running], mass[running], factor[running]
            if not len(active) or step == max_iterations:
                break
            for indicator, share in zip(indicators, shares, strict=True):
                now = (mass * np.clip(factor, *bounds)) @ indicator
                factor *= np.where(share > 0, share / now, 0.0) @ indicator.T
    return final, iterations


def trim(weights: Array, low: float, high: float) -> Array:
    """Weights (B, n) between `low` and `high` times their mean; what is cut off goes to the others in proportion.

    The total of each row holds exactly; its margins only nearly (Potter 1990): `rake` with bounds keeps both. Rows of weight
    0 are not in the sample: they stay 0 and do not count for the mean. Trim design weights before resampling counts
    multiply them, or cases that are drawn often are cut as if they weighed too much.

    Raises
    ------
    ValueError
        `low` and `high` do not enclose 1: no weights of that mean lie between them.

    >>> trim(np.array([[1.0, 1.0, 2.0, 6.0]]), 0.5, 1.6).round(9).tolist()
    [[1.5, 1.5, 3.0, 4.0]]
    """
    if not 0 <= low <= 1 <= high:
        raise ValueError(f"Limits ({low:g}, {high:g}) do not enclose 1, the mean weight. Give for example (0.3, 3).")
    inside = weights > 0
    count = inside.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = weights.sum(axis=1, keepdims=True) / count
        relative = weights / mean
        scale = _total_keeping_scale(relative, low, np.minimum(high, count), count)
        return np.where(inside, mean * np.clip(scale * relative, low, high), weights)


def _total_keeping_scale(relative: Array, low: float, high: NDArray[np.intp] | Array, count: NDArray[np.intp]) -> Array:
    """(B, 1) scale at which the clipped weights sum to `count`: their sum is piecewise linear in it, so the knots tell."""
    inside = relative > 0
    knots = np.concatenate([np.where(inside, bound / relative, 0.0) for bound in (low, high)], axis=1)
    slopes = np.concatenate([relative, -relative], axis=1)
    order = np.argsort(knots, axis=1)
    knots = np.take_along_axis(knots, order, axis=1)
    rate = np.cumsum(np.take_along_axis(slopes, order, axis=1), axis=1)[:, :-1]
    reached = low * count + np.cumsum(rate * np.diff(knots, axis=1), axis=1)  # sum at the knots after the first
    last = np.minimum((reached < count).sum(axis=1, keepdims=True), rate.shape[1] - 1)
    left, right, slope, sum_right = (
        np.take_along_axis(values, last, axis=1) for values in (knots[:, :-1], knots[:, 1:], rate, reached)
    )
    # On a flat stretch every scale will do, and rounding must not carry it away.
    return np.asarray(np.clip(right - (sum_right - count) / np.maximum(slope, np.finfo(float).tiny), left, right))


def design_effect(weights: Array) -> Array:
    """(B,) Kish's design effect of unequal weights, 1 + cv2 (Kish 1965): the factor by which they inflate a variance.

    Cases of weight 0 are not in the sample and do not count.

    >>> design_effect(np.array([[1.0, 1.0, 4.0, 0.0]])).tolist()
    [1.5]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights > 0).sum(axis=1) * (weights**2).sum(axis=1) / weights.sum(axis=1) ** 2, dtype=float)
