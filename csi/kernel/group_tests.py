"""Tests of a difference between two groups from what their bootstraps say, and the price of many tests.

Notation
    difference      (m,)    estimate of group 1 minus estimate of group 2
    errors          (2, m)  bootstrap standard errors of the groups
    n               (2,)    their sizes
    first, second   (B, m)  bootstrap draws of the groups
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from csi.kernel.small_matrices import Array


def pooled_t(difference: Array, errors: Array, n: NDArray[np.intp]) -> tuple[Array, Array]:
    """Statistic and two-sided p value when both groups vary alike (Keil, Tan, Wei, Saarinen, Tuunainen & Wassenaar 2000)."""
    freedom = float(n.sum() - 2)
    pooled = ((n - 1) ** 2 / freedom) @ errors**2 * (1 / n).sum()
    return _student(difference, pooled, np.full(difference.shape, freedom))


def welch_t(difference: Array, errors: Array, n: NDArray[np.intp]) -> tuple[Array, Array]:
    """Statistic and two-sided p value when they need not: Welch-Satterthwaite (Sarstedt, Henseler & Ringle 2011).

    >>> t, p = welch_t(np.array([0.4]), np.array([[0.1], [0.1]]), np.array([101, 101]))
    >>> print(f"{t[0]:.3f} {p[0]:.4f}")
    2.843 0.0049
    """
    parts = ((n - 1) / n)[:, None] * errors**2
    variance = parts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = variance**2 / (parts**2 / (n - 1)[:, None]).sum(axis=0) - 2
    return _student(difference, variance, freedom)


def _student(difference: Array, variance: Array, freedom: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        # A quantity that never varies, such as the weight of a single item, cannot be tested.
        t = difference / np.sqrt(np.where(variance > 1e-24, variance, np.nan))
    return t, np.asarray(2 * stdtr(freedom, -np.abs(t)))


def p_not_larger(first: Array, second: Array, paired: bool = False) -> Array:
    """P that group 1's parameter is not larger than group 2's (PLS-MGA: Henseler, Ringle & Sinkovics 2009).

    The draws are turned about their means, and every draw of one group meets every draw of the other; `paired` draws, those of
    one resample of both groups, only meet their partners. NaN draws are left out, and the share counts one case against
    either side so that it is never 0 or 1.

    >>> float(p_not_larger(np.array([[2.0], [4.0]]), np.array([[0.0], [3.5]]))[0])  # 1 of 4 pairs
    0.3333333333333333
    """
    columns = zip(_turned(first).T, _turned(second).T, strict=True)
    return np.array([_share_of_pairs(a, b, paired) for a, b in columns])


def _turned(draws: Array) -> Array:
    finite = np.isfinite(draws)
    mean = np.where(finite, draws, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    return np.asarray(2 * mean - draws)


def _share_of_pairs(a: Array, b: Array, paired: bool) -> float:
    if paired:
        both = np.isfinite(a) & np.isfinite(b)
        less, equal, count = int((a[both] < b[both]).sum()), int((a[both] == b[both]).sum()), int(both.sum())
    else:
        a, b = a[np.isfinite(a)], np.sort(b[np.isfinite(b)])
        not_above, below = np.searchsorted(b, a, side="right"), np.searchsorted(b, a, side="left")
        less, equal, count = int((len(b) - not_above).sum()), int((not_above - below).sum()), len(a) * len(b)
    return (less + equal / 2 + 1) / (count + 2) if count else np.nan


def holm(p: Array) -> Array:
    """Holm's (1979) adjustment of p values (m,): how small the level may become before the first is not rejected; NaN stays NaN.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(np.where(np.isnan(p), np.inf, p), kind="stable")[: int(np.isfinite(p).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted
