"""Logistic regression under many sets of case weights at once, as every replicate of a bootstrap asks for.

Notation
    Z   (n, k)  covariates, the first column ones; best of unit spread
    y   (n,)    0 or 1
    W   (B, n)  case weights, one row a replicate; any scale
The likelihood of each replicate is climbed by Newton's method, which here is iterated weighted least squares. Where a covariate
tells y without error among some of the cases their fitted probabilities go to 0 or 1 and the others' are found as ever.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from csi.kernel.ascent import Slope, summits
from csi.kernel.small_matrices import Array
from csi.kernel.sums import pairs, unpacked, weighted


def fitted_probabilities(Z: Array, y: NDArray[np.bool_], W: Array, *, tolerance: float = 1e-9) -> Array:
    """(B, n) probability of y = 1 by maximum likelihood; NaN in a replicate with only one outcome or none that settles.

    The largest mean gradient is then below `tolerance`: within each replicate the weighted means of every covariate under y and
    under the fitted probabilities agree to it.

    >>> Z, y = np.ones((4, 1)), np.array([True, False, False, False])
    >>> fitted_probabilities(Z, y, np.array([[1.0, 1, 1, 1], [3, 1, 1, 1]])).round(6)[:, 0].tolist()
    [0.25, 0.5]
    """
    b = coefficients(Z, y, W, tolerance=tolerance)
    return np.asarray(expit(b @ Z.T))


def coefficients(Z: Array, y: NDArray[np.bool_], W: Array, *, tolerance: float = 1e-9) -> Array:
    """(B, k) coefficients of the regression behind `fitted_probabilities`; those of cases told without error only grow.

    >>> Z = np.column_stack([np.ones(4), [0.0, 0, 1, 1]])
    >>> coefficients(Z, np.array([True, False, True, False]), np.array([[1.0, 1, 3, 1]])).round(4).tolist()
    [[0.0, 1.0986]]
    """
    row, column, _ = pairs(Z.shape[1])
    products, outcome = Z[:, row] * Z[:, column], y.astype(float)
    total = W.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (W @ outcome) / total
    members = np.flatnonzero((share > 0) & (share < 1))  # NaN is neither

    def likelihood(b: Array, which: NDArray[np.intp]) -> Slope:
        w, eta = W[which] / total[which, None], b.T @ Z.T
        p = expit(eta)
        value = (w * (outcome * eta - np.logaddexp(0, eta))).sum(axis=1)
        return Slope(value, weighted(Z, w * (outcome - p)), unpacked(weighted(products, w * p * (1 - p))))

    b = np.full((len(W), Z.shape[1]), np.nan)
    b[members] = summits(likelihood, Z.shape[1], members, tolerance=tolerance).T
    return b
