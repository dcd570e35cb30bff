"""Factors and solves for many small symmetric matrices at once, with the batch on the LAST axis.

Notation
    A    (k, k, B)  symmetric matrices, k small (items of a block, predecessors of a construct)
    b    (k, B)     right-hand sides
Each scalar operation of the textbook algorithm becomes one vector operation over the batch, which stays in cache;
LAPACK called once a matrix would spend its time on the calls. The factors are square-root-free (LDL'), because
disattenuated correlations may be indefinite and still have a solution. A singular matrix gives NaN in its own batch
column and leaves the others alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]  # in single or double precision


def ldl(A: Array) -> Array:
    """A = L D L' with unit lower triangular L: D stands on the diagonal, L below it, the rest is not set.

    >>> F = ldl(np.array([[4.0, 2.0], [2.0, 5.0]])[:, :, None])
    >>> [float(F[i, j, 0]) for i, j in ((0, 0), (1, 0), (1, 1))]
    [4.0, 0.5, 4.0]
    """
    k = len(A)
    F = A.copy()
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for j in range(k - 1):
            below = F[j + 1 :, j]
            multiplier = below / F[j, j]
            F[j + 1 :, j + 1 :] -= multiplier[:, None] * below
            F[j + 1 :, j] = multiplier
    # A pivot that is only rounding noise means a singular matrix: NaN rather than a huge number.
    sound = np.array([np.abs(F[j, j]) > 1e-13 * np.abs(A[j, j]) for j in range(k)]).all(axis=0)
    if not sound.all():
        F[:, :, ~sound] = np.nan
    return F


def solve(F: Array, b: Array) -> Array:
    """X with A x = b, given the factors of `ldl`.

    >>> F = ldl(np.array([[4.0, 2.0], [2.0, 5.0]])[:, :, None])
    >>> solve(F, np.array([[8.0], [12.0]])).ravel().tolist()
    [1.0, 2.0]
    """
    k = len(b)
    x = b.copy()
    for i in range(k - 1):
        x[i + 1 :] -= F[i + 1 :, i] * x[i]
    for i in range(k):
        x[i] /= F[i, i]
    for i in reversed(range(1, k)):
        x[:i] -= F[i, :i] * x[i]
    return x


def diagonal_of_inverse(R: Array) -> Array:
    """(B, k) diagonals of the inverses of R (B, k, k), batch first: inf where a matrix is singular, NaN where it is undefined.

    >>> diagonal_of_inverse(np.array([[[1.0, 0.6], [0.6, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])).round(4).tolist()
    [[1.5625, 1.5625], [inf, inf]]
    """
    defined = np.isfinite(R).all(axis=(1, 2))
    out = np.full(R.shape[:2], np.nan)
    inside = R[defined]
    singular = np.linalg.cond(inside) > 1e12
    inverse = np.linalg.inv(np.where(singular[:, None, None], np.eye(R.shape[-1]), inside))
    out[defined] = np.where(singular[:, None], np.inf, np.diagonal(inverse, axis1=1, axis2=2))
    return out


def positive_semidefinite(A: Array) -> NDArray[np.bool_]:
    """(B,) whether no eigenvalue is negative, but for rounding; not where a value is NaN.

    >>> positive_semidefinite(np.array([[[1.0, 1.0], [1.0, 1.5]], [[1.0, 1.5], [1.0, 1.0]]])).tolist()
    [True, False]
    """
    k = len(A)
    scale = np.einsum("iib->b", A) / k
    factors = ldl(A + 1e-9 * scale * np.eye(k)[:, :, None])
    return np.asarray((np.einsum("iib->ib", factors) > 0).all(axis=0))
