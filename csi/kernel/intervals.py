"""Confidence limits beyond percentiles: bias-corrected, accelerated (BCa) and studentised bootstrap intervals; the jackknife.

Notation
    draws   (B, m)  bootstrap replicates of m quantities; NaN draws are left out
    point   (m,)    their estimates
    left    (U, m)  estimates without one primary unit each
    strata  (U,)    stratum of the unit left out
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from csi.kernel.resample import quantiles_at
from csi.kernel.small_matrices import Array


def bias_corrected_interval(
    draws: Array, point: Array, level: float = 0.95, acceleration: Array | float = 0.0
) -> tuple[Array, Array]:
    """BC limits, or BCa with the acceleration of `acceleration_of` (Efron 1987).

    >>> draws = np.random.default_rng(1).normal(size=(4000, 1))
    >>> low, high = bias_corrected_interval(draws, np.zeros(1))
    >>> bool(abs(low[0] + 1.96) < 0.15 and abs(high[0] - 1.96) < 0.15)
    True
    """
    finite = np.isfinite(draws)
    count = np.maximum(finite.sum(axis=0), 1)
    below = ((finite & (draws < point)).sum(axis=0) + 0.5 * (finite & (draws == point)).sum(axis=0)) / count
    # An estimate outside all draws has no finite correction; half a draw is the most that can be told.
    shift = ndtri(np.clip(below, 0.5 / count, 1 - 0.5 / count))
    limits = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = shift + ndtri(tail)
        limits.append(quantiles_at(draws, ndtr(shift + z / (1 - acceleration * z))))
    return limits[0], limits[1]


def acceleration_of(left: Array, strata: NDArray[np.intp]) -> Array:
    """(m,) acceleration from delete-one estimates, stratified (Davison & Hinkley 1997, eq. 5.28)."""
    squares, cubes = np.zeros(left.shape[1]), np.zeros(left.shape[1])
    for h in np.unique(strata):
        influence, n = _influence(left[strata == h])
        squares += np.nansum(influence**2, axis=0) / n**2
        cubes += np.nansum(influence**3, axis=0) / n**3
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(cubes / (6 * squares**1.5))


def jackknife_error(left: Array, strata: NDArray[np.intp]) -> Array:
    """(m,) stratified jackknife standard errors (Jones 1974); NaN where an estimate without some unit is not defined."""
    variance = np.zeros(left.shape[1])
    for h in np.unique(strata):
        influence, n = _influence(left[strata == h])
        variance += (influence**2).sum(axis=0) / (n * (n - 1))
    return np.sqrt(variance)


def jackknife_bias(left: Array, point: Array, strata: NDArray[np.intp]) -> Array:
    """(m,) jackknife estimate of the bias: the sum over strata of (n_h - 1)(mean of the delete-one estimates - estimate)."""
    bias = np.zeros(left.shape[1])
    for h in np.unique(strata):
        inside = left[strata == h]
        bias += (len(inside) - 1) * (inside.mean(axis=0) - point)
    return bias


def studentised_interval(
    draws: Array, errors: Array, point: Array, error: Array, level: float = 0.95
) -> tuple[Array, Array]:
    """Limits estimate - t* error from the draws of t = (draw - estimate)/(its own error) (Davison & Hinkley 1997, 5.2.1).

    `errors` (B, m) are the standard errors of the draws, `error` (m,) that of the estimate.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (draws - point) / np.where(errors > 0, errors, np.nan)
    tails = [np.full(point.shape, q) for q in ((1 + level) / 2, (1 - level) / 2)]
    upper, lower = (quantiles_at(t, q) for q in tails)
    return point - upper * error, point - lower * error


def _influence(left: Array) -> tuple[Array, int]:
    n = len(left)
    return (n - 1) * (left.mean(axis=0) - left), n
