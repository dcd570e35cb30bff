"""Regularised canonical correlation of two sets of columns, with permutation p values.

Notation
    X (n, p), Y (n, q)  columns with mean 0 under the weights, gaps at 0; w (n,) case weights
    R_xx, R_yy, R_xy    weighted correlations; R_xx and R_yy are shrunk towards the identity: (1 - lam) R + lam I
    rho (k,)            singular values of R_xx^-1/2 R_xy R_yy^-1/2, k = min(p, q): canonical ridge (Vinod 1976)
lam is the analytic shrinkage of Schäfer & Strimmer (2005). Under the hypothesis that the sets are unrelated the rows of Y may
be exchanged; weights stay with the rows of X. Each rho is compared with the largest of every permutation, so that the
probability of any false root is kept (Winkler et al. 2020).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.kernel.permutation import permuted_labels
from csi.kernel.small_matrices import Array

_EQUAL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Canonical:
    """Correlations (k,), their p values (k,), loadings x (p, k) and y (q, k), and what the first root is by chance.

    Loadings are correlations of the columns with their own set's variate; each root's sign makes the sum of y's positive.
    """

    correlations: Array
    p_values: Array
    x_loadings: Array
    y_loadings: Array
    by_chance: float


def shrinkage(Z: Array, w: Array) -> float:
    """The lam expected to bring the correlations of standardised columns closest to the truth (Schäfer & Strimmer 2005).

    >>> Z = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, -1.0]])
    >>> shrinkage(Z, np.ones(4))
    0.0
    """
    share = w / w.sum()
    n = 1 / (share**2).sum()  # Kish's effective number of rows
    R = _products(Z, Z, share)
    spread = _products(Z**2, Z**2, share) - R**2
    off = ~np.eye(len(R), dtype=bool)
    squares = (R[off] ** 2).sum()
    if squares == 0 or n <= 1:
        return 0.0 if len(R) < 2 else 1.0
    return float(np.clip(spread[off].sum() / (n - 1) / squares, 0, 1))


def canonical(
    X: Array, Y: Array, w: Array, sets: NDArray[np.intp], permutations: int = 999, seed: int = 1
) -> Canonical:
    """Canonical correlations of two sets of columns that vary; rows of Y are exchanged within `sets` (n,).

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(200, 3))
    >>> y = np.column_stack([x[:, 0] + rng.normal(size=200), rng.normal(size=200)])
    >>> found = canonical(x, y, np.ones(200), np.zeros(200, dtype=int), permutations=99)
    >>> found.p_values.tolist()[0], found.x_loadings[0, 0].round(1)
    (0.01, np.float64(1.0))
    """
    share = w / w.sum()
    X = _standardised(X, share)
    lam = shrinkage(X, w), shrinkage(_standardised(Y, share), w)
    R_xx = _products(X, X, share)
    half_x = _inverse_root(R_xx, lam[0])
    left, rho, right, half_y, R_yy = _roots(X, half_x, Y, share, lam[1])
    largest = np.array(
        [
            _roots(X, half_x, Y[rows], share, lam[1])[1][0]
            for labels in permuted_labels(np.arange(len(X)), sets, permutations, seed)
            for rows in labels
        ]
    )
    more = (largest[:, None] >= rho - _EQUAL).sum(axis=0)
    x_loadings, y_loadings = (_loadings(R, half @ a) for R, half, a in ((R_xx, half_x, left), (R_yy, half_y, right)))
    sign = np.where(y_loadings.sum(axis=0) < 0, -1.0, 1.0)
    return Canonical(rho, (1 + more) / (1 + permutations), sign * x_loadings, sign * y_loadings, float(largest.mean()))


def _products(A: Array, B: Array, share: Array) -> Array:
    return np.asarray(A.T @ (B * share[:, None]))


def _standardised(X: Array, share: Array) -> Array:
    centred = X - share @ X
    return np.asarray(centred / np.sqrt(share @ centred**2))


def _inverse_root(R: Array, lam: float) -> Array:
    values, vectors = np.linalg.eigh((1 - lam) * R + lam * np.eye(len(R)))
    # Columns that repeat each other have directions without spread, which no variate may use.
    inverse = np.where(values > 1e-8, 1 / np.sqrt(np.maximum(values, 1e-8)), 0.0)
    return np.asarray((vectors * inverse) @ vectors.T)


def _roots(X: Array, half_x: Array, Y: Array, share: Array, lam: float) -> tuple[Array, Array, Array, Array, Array]:
    Y = _standardised(Y, share)
    R_yy = _products(Y, Y, share)
    half_y = _inverse_root(R_yy, lam)
    left, rho, right = np.linalg.svd(half_x @ _products(X, Y, share) @ half_y, full_matrices=False)
    return left, rho, right.T, half_y, R_yy


def _loadings(R: Array, a: Array) -> Array:
    return np.asarray(R @ a / np.sqrt(np.maximum(np.einsum("ik,ij,jk->k", a, R, a), 1e-300)))
