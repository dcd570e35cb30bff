"""Case weights under which two groups of cases have the same covariates, for a batch of replicates at once.

Notation
    Z      (n, k)  covariates, without a constant; best of unit spread
    group  (n,)    True for one group, False for the other
    W      (B, n)  case weights before balancing, one row a replicate (survey weights times resampling counts)
What comes back are weights (B, n), W included, each group's summing to 1, under which the groups' weighted means of every
covariate agree. Whom the groups then stand for is what the functions differ in.
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.ascent import Slope, summits
from csi.kernel.logistic import fitted_probabilities
from csi.kernel.small_matrices import Array
from csi.kernel.sums import pairs, unpacked, weighted

_SEPARATED = 1e-6  # of the cases' mean chance to be in the other group: less is none


def overlap_weights(Z: Array, group: NDArray[np.bool_], W: Array) -> Array:
    """Each case counts with its chance to be in the other group (Li, Morgan & Zaslavsky 2018).

    Both groups then stand for the cases that might as well have been in either, for whom the difference of the groups has the
    smallest variance. NaN in a replicate whose groups have nobody in between.

    >>> Z, group = np.array([[0.0], [0], [1], [0], [1], [1]]), np.array([True] * 3 + [False] * 3)
    >>> overlap_weights(Z, group, np.ones((1, 6))).round(3).tolist()
    [[0.25, 0.25, 0.5, 0.5, 0.25, 0.25]]
    """
    chance = fitted_probabilities(np.column_stack([np.ones(len(Z)), Z]), group, W, tolerance=1e-7)
    weights = W * np.where(group, 1 - chance, chance)
    with np.errstate(invalid="ignore", divide="ignore"):
        separated = ~(weights.sum(axis=1) > _SEPARATED * W.sum(axis=1))
    weights[separated] = np.nan
    return _shares(weights, group)


def calibrated_weights(Z: Array, group: NDArray[np.bool_], W: Array) -> Array:
    """The cases outside the group are weighted to the covariate means of the group, which keeps its own weights.

    Among all such weights these are the nearest to W (raking with numeric margins; Deville & Särndal 1992, entropy balancing of
    Hainmueller 2012). NaN in a replicate in which no weights of the others reach the group's means.

    >>> Z, group = np.array([[0.0], [0], [1], [0], [1], [1]]), np.array([True] * 3 + [False] * 3)
    >>> calibrated_weights(Z, group, np.ones((1, 6))).round(3).tolist()
    [[0.333, 0.333, 0.333, 0.667, 0.167, 0.167]]
    """
    ours = _shares(W, group)
    targets = weighted(Z[group], ours[:, group])
    weights = ours.copy()
    weights[:, ~group] = tilted(Z[~group], ours[:, ~group], targets)
    weights[np.isnan(weights).any(axis=1)] = np.nan
    return weights


def tilted(Z: Array, W: Array, targets: Array) -> Array:
    """Weights (B, n) proportional to W exp(Z b), summing to 1, whose means of the covariates are `targets` (k, B).

    >>> tilted(np.array([[0.0], [1.0]]), np.ones((1, 2)), np.array([[0.25]])).round(6).tolist()
    [[0.75, 0.25]]
    """
    row, column, _ = pairs(Z.shape[1])
    products = Z[:, row] * Z[:, column]
    members = np.flatnonzero(np.isfinite(targets).all(axis=0) & (W.sum(axis=1) > 0))

    def dual(b: Array, which: NDArray[np.intp]) -> Slope:
        exponent = b.T @ Z.T - (b * targets[:, which]).sum(axis=0)[:, None]
        top = np.where(W[which] > 0, exponent, -np.inf).max(axis=1, keepdims=True)
        p = W[which] * np.exp(np.minimum(exponent - top, 0))
        total = p.sum(axis=1, keepdims=True)
        mean = weighted(Z, p / total)
        square = unpacked(weighted(products, p / total))
        return Slope(-(top + np.log(total))[:, 0], targets[:, which] - mean, square - mean[:, None] * mean)

    b = np.full((Z.shape[1], len(W)), np.nan)
    b[:, members] = summits(dual, Z.shape[1], members)
    exponent = b.T @ Z.T
    weights = W * np.exp(exponent - exponent.max(axis=1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _shares(W: Array, group: NDArray[np.bool_]) -> Array:
    """The weights with each group's summing to 1; NaN where a group has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = np.where(group, W, 0.0).sum(axis=1, keepdims=True)
        outside = np.where(group, 0.0, W).sum(axis=1, keepdims=True)
        shares = np.where(group, W / inside, W / outside)
    shares[~((inside > 0) & (outside > 0))[:, 0]] = np.nan
    return np.asarray(shares)
