"""Gaussian copula terms of construct scores, the regressions that hold them, and whether a score is normal.

Notation
    S    (B, n, J)  scores of J constructs, one set a replicate
    W    (B, n)     case weights, any scale
    H    (B, n, J)  share of the weight at or below a score: the empirical distribution, adjusted at its end and at ties
    c    (B, n, J)  Phi^-1(H), the copula term
    z, w (n,)       one standardised score and its weights
An error that is correlated with a predictor through a Gaussian copula is a multiple of c plus noise that is independent of the
predictor, so that c as a further regressor takes the endogenous part out (Park & Gupta 2012). Where the predictor is normal,
c is the predictor itself, and nothing can be told apart.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from csi.kernel.small_matrices import Array, ldl, solve

# Answers alike give scores alike but for rounding, and ties must stay ties.
_DECIMALS = 9


def copula_terms(S: Array, W: Array) -> Array:
    """Phi^-1(H) with H = F - (P - 1/n)/2, n/(n + 1) at most: F the share of the weight at or below a score, P that of its ties.

    Without ties H is F, and n/(n + 1) for the highest score (Becker, Proksch & Ringle 2022). Ties stand at their mean rank: at
    the last of them, a tenth of the answers at the end of the scale leaves half of the bias in. A row without weight has 0.

    >>> copula_terms(np.array([[[1.0], [5.0], [2.0]]]), np.ones((1, 3)))[0, :, 0].round(3).tolist()
    [-0.431, 0.674, 0.431]
    """
    n = S.shape[1]
    rounded = S.round(_DECIMALS)
    order = rounded.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(rounded, order, axis=1)
    share = np.take_along_axis(np.broadcast_to(W[..., None], S.shape), order, axis=1)
    share = share / share.sum(axis=1, keepdims=True)
    upto = share.cumsum(axis=1)
    first, last = np.ones(S.shape, dtype=bool), np.ones(S.shape, dtype=bool)
    first[:, 1:] = last[:, :-1] = ordered[:, 1:] > ordered[:, :-1]
    F = np.minimum.accumulate(np.where(last, upto, np.inf)[:, ::-1], axis=1)[:, ::-1]
    below = np.maximum.accumulate(np.where(first, upto - share, -np.inf), axis=1)
    H = np.empty(S.shape)
    np.put_along_axis(H, order, np.minimum((F + below + 1 / n) / 2, n / (n + 1)), axis=1)
    return ndtri(np.where(W[..., None] > 0, H, 0.5))


def joint_moments(S: Array, W: Array, endogenous: NDArray[np.intp]) -> Array:
    """Covariances (B, J + P, J + P) of the standardised scores and of the copula terms of P of them.

    Every regression of one score on others, with any of the copula terms, can be read off them.
    """
    share = (W / W.sum(axis=1, keepdims=True))[..., None]
    S = S - (share * S).sum(axis=1, keepdims=True)
    S = S / np.sqrt((share * S**2).sum(axis=1, keepdims=True))
    c = copula_terms(S[..., endogenous], W)
    V = np.concatenate([S, c - (share * c).sum(axis=1, keepdims=True)], axis=2)
    return np.asarray(np.swapaxes(V * share, 1, 2) @ V)


def regression(moments: Array, effect: int, causes: NDArray[np.intp]) -> Array:
    """Coefficients (B, k) of one variable on others from covariances; NaN where they cannot be told apart.

    >>> regression(np.array([[[1.0, 0.3], [0.3, 1.0]]]), 1, np.array([0])).tolist()
    [[0.3]]
    """
    A = np.ascontiguousarray(np.moveaxis(moments, 0, -1))
    return np.asarray(solve(ldl(A[np.ix_(causes, causes)]), A[causes, effect]).T)


def cramer_von_mises(z: Array, w: Array) -> tuple[float, float]:
    """W2 = n int (H - Phi)^2 dPhi of a standardised score, and its p value if the score were normal (Stephens 1986).

    Mean and SD are taken as estimated. n is the effective number of cases under unequal weights (Kish 1965).

    >>> statistic, p = cramer_von_mises(ndtri((np.arange(200) + 0.5) / 200), np.ones(200))
    >>> statistic < 0.01, p > 0.9
    (True, True)
    """
    order = z.argsort()
    u = np.concatenate([[0.0], ndtr(z[order]), [1.0]])
    H = np.concatenate([[0.0], w[order].cumsum() / w.sum()])
    n = w.sum() ** 2 / (w**2).sum()
    statistic = float(n * ((u[1:] - H) ** 3 - (u[:-1] - H) ** 3).sum() / 3)
    return statistic, _tail(statistic * (1 + 0.5 / n))


def _tail(x: float) -> float:
    """The p value of the modified statistic (Stephens 1986, table 4.9, as fitted piece by piece)."""
    if x < 0.0275:
        return float(1 - np.exp(-13.953 + 775.5 * x - 12542.61 * x**2))
    if x < 0.051:
        return float(1 - np.exp(-5.903 + 179.546 * x - 1515.29 * x**2))
    if x < 0.092:
        return float(np.exp(0.886 - 31.62 * x + 10.897 * x**2))
    # The parabola turns upwards beyond 1.1, where p is nothing anyway.
    x = min(x, 1.1)
    return float(np.exp(1.111 - 34.242 * x + 12.832 * x**2))


def skewness(z: Array, w: Array) -> float:
    """Weighted third moment of a standardised score.

    >>> skewness(np.array([-1.0, 1.0]), np.ones(2))
    0.0
    """
    share = w / w.sum()
    d = z - share @ z
    return float(share @ d**3 / (share @ d**2) ** 1.5)
