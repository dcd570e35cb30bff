"""Populations with known truth, and the item correlations of samples drawn from them.

Notation
    paths     (J, J)  standardised path coefficients, rows = from, columns = to, 0 where there is no path
    C         (J, J)  construct correlations
    loadings  (p,)    correlation of each item with its own construct
    block     (p,)    number of the construct that each item belongs to
    R         (p, p)  item correlations
Constructs and items have unit variance. Between blocks items correlate through their constructs alone; inside a block a common
factor implies the correlations (lambda lambda' + Theta), a composite has its own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from csi.kernel.small_matrices import Array


def construct_correlations(paths: Array, order: Sequence[int], exogenous: Array | None = None) -> Array:
    """(J, J) correlations that the paths imply when every construct has unit variance and residuals are uncorrelated.

    Parameters
    ----------
    order
        Construct numbers, causes before effects.
    exogenous
        (J, J) of which the correlations among constructs without a cause are taken; uncorrelated if absent.

    >>> paths = np.array([[0, 0.5, 0.2], [0, 0, 0.4], [0, 0, 0]])
    >>> construct_correlations(paths, [0, 1, 2]).round(10).tolist()
    [[1.0, 0.5, 0.4], [0.5, 1.0, 0.5], [0.4, 0.5, 1.0]]
    """
    J = len(paths)
    caused = (paths != 0).any(axis=0)
    C = np.eye(J)
    if exogenous is not None:
        free = np.ix_(~caused, ~caused)
        C[free] = exogenous[free]
        np.fill_diagonal(C, 1.0)
    done = [k for k in order if not caused[k]]
    for k in order:
        if caused[k]:
            C[done, k] = C[k, done] = C[np.ix_(done, done)] @ paths[done, k]
            done.append(k)
    return C


def residual_variances(paths: Array, C: Array) -> Array:
    """(J,) variance that the causes leave unexplained: 1 - R2; a population needs each above 0.

    >>> residual_variances(np.array([[0, 0.6], [0, 0]]), np.array([[1, 0.6], [0.6, 1]])).round(10).tolist()
    [1.0, 0.64]
    """
    return np.asarray(1 - np.einsum("jk,jl,lk->k", paths, C, paths))


def item_correlations(
    loadings: Array, block: NDArray[np.intp], C: Array, within: dict[int, Array] | None = None
) -> Array:
    """(p, p) item correlations; `within` holds the (m, m) correlations of the blocks that are composites.

    >>> item_correlations(np.array([0.8, 0.5, 1.0]), np.array([0, 0, 1]), np.array([[1, 0.5], [0.5, 1]])).tolist()
    [[1.0, 0.4, 0.4], [0.4, 1.0, 0.25], [0.4, 0.25, 1.0]]
    """
    R = loadings[:, None] * loadings * C[np.ix_(block, block)]
    for j, correlations in (within or {}).items():
        items = np.flatnonzero(block == j)
        R[np.ix_(items, items)] = correlations
    np.fill_diagonal(R, 1.0)
    return R


def composite_block(loadings: Array) -> Array | None:
    """(m, m) item correlations of a composite with these loadings (m,), whose weights are in proportion to them.

    R loadings = (loadings' loadings) loadings, so that Mode A and Mode B both find the composite. Of the matrices with this
    property it is the one whose errors are independent but for cancelling out in the composite:
    R = lambda lambda' + cov(e | lambda'e = 0).

    None where no such matrix exists: with s = lambda^2 (1 - lambda^2), no item's s may exceed the sum of the others', so two
    items need equal loadings; one item needs a loading of 1. Loadings of several items lie strictly between 0 and 1 in size.

    >>> composite_block(np.array([0.8, 0.8])).round(10).tolist()
    [[1.0, 0.28], [0.28, 1.0]]
    >>> composite_block(np.array([0.8, 0.7])) is None
    True
    """
    outer = np.outer(loadings, loadings)
    if len(loadings) == 1:
        return np.ones((1, 1)) if abs(loadings[0]) == 1 else None
    s = loadings**2 * (1 - loadings**2)
    largest = int(s.argmax())

    def shares(t: float) -> Array:
        """Shares q of the items in the total error, where the largest has t: q (1 - q) is in proportion to s."""
        q = (1 - np.sqrt(np.maximum(1 - 4 * s / s[largest] * t * (1 - t), 0.0))) / 2
        q[largest] = t
        return np.asarray(q)

    def excess(t: float) -> float:
        return float(shares(t).sum() - 1)

    top = next((t for t in (0.5, 1 - 1e-6) if excess(t) >= -1e-12), None)
    if top is None:
        return None
    t = top if abs(excess(top)) <= 1e-12 else float(brentq(excess, 0.0, top, xtol=1e-14))
    q = shares(t)
    R = outer + s[largest] / (t * (1 - t)) * (np.diag(q) - np.outer(q, q)) / outer
    np.fill_diagonal(R, 1.0)
    return np.asarray(R)


def normal_samples(R: Array, n: int, draws: int, rng: np.random.Generator) -> Array:
    """(draws, p, p) item correlations of samples of n normal cases, drawn without the cases: Wishart matrices (Bartlett 1933).

    Needs n > p and R positive definite (`numpy.linalg.LinAlgError` otherwise).

    >>> normal_samples(np.eye(2), 10, 3, np.random.default_rng(1)).shape
    (3, 2, 2)
    """
    p = len(R)
    A = np.tril(rng.standard_normal((draws, p, p)), k=-1)
    diagonal = np.arange(p)
    A[:, diagonal, diagonal] = np.sqrt(rng.chisquare(n - 1 - diagonal, size=(draws, p)))
    factor = np.linalg.cholesky(R) @ A
    S = factor @ np.swapaxes(factor, 1, 2)
    sd = np.sqrt(S[:, diagonal, diagonal])
    return np.asarray(S / (sd[:, :, None] * sd[:, None, :]))


def sampled_answers(R: Array, n: int, rng: np.random.Generator, points: int | None = None) -> Array:
    """(n, p) normal answers with these correlations; with `points`, cut into 1 ... points, of equal width within -2.5 to 2.5 SD.

    >>> sampled_answers(np.eye(3), 2, np.random.default_rng(1), points=5).tolist()
    [[3.0, 4.0, 3.0], [2.0, 4.0, 3.0]]
    """
    X = rng.standard_normal((n, len(R))) @ np.linalg.cholesky(R).T
    if points is None:
        return np.asarray(X)
    return np.asarray(1.0 + np.searchsorted(np.linspace(-2.5, 2.5, points + 1)[1:-1], X), dtype=np.float64)
