"""Internal-consistency reliability of the blocks, for a batch of correlation matrices.

Notation
    R    (..., p, p)  item correlations of one block, unit diagonal
    lam  (..., p)     standardised loadings, corr(item, construct score)
    w    (..., p)     outer weights scaled so that w' R w = 1
The leading axes are replicates, segments, waves: whatever the caller batched. Units: pure numbers, 1.0 is perfect.
One item alone has no internal consistency: every coefficient is NaN, never 1.
"""

import numpy as np

from csi.kernel.small_matrices import Array


def cronbach_alpha(R: Array) -> Array:
    """Alpha of the standardised items: p/(p-1) (1 - p / sum of all correlations) (Cronbach 1951).

    >>> float(cronbach_alpha(np.array([[1, 0.5], [0.5, 1]])).round(4))
    0.6667
    """
    p = R.shape[-1]
    total = R.sum(axis=(-2, -1))
    return _undefined_for_single_items(p / max(p - 1, 1) * (1 - p / total), p)


def composite_reliability(lam: Array) -> Array:
    """rho_C: share of true-score variance in the unweighted sum of the items (Fornell & Larcker 1981).

    >>> float(composite_reliability(np.sqrt([0.75, 0.75])).round(4))
    0.8571
    """
    true = lam.sum(-1) ** 2
    error = (1 - lam**2).sum(-1)
    return _undefined_for_single_items(true / (true + error), lam.shape[-1])


def dijkstra_henseler(R: Array, w: Array) -> Array:
    """rho_A: reliability of the PLS score, from how well w w' reproduces R off the diagonal (Dijkstra & Henseler 2015).

    >>> R = np.array([[1, 0.64], [0.64, 1]]); w = np.ones(2) / np.sqrt(R.sum())
    >>> float(dijkstra_henseler(R, w).round(4))
    0.7805
    """
    off = ~np.eye(w.shape[-1], dtype=bool)  # the diagonal of R holds measurement error, so it stays out
    ww = w[..., :, None] * w[..., None, :]
    agreement = (ww * R * off).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = (w**2).sum(-1) ** 2 * agreement / (ww**2 * off).sum(axis=(-2, -1))
    return _undefined_for_single_items(rho, w.shape[-1])


def average_variance_extracted(lam: Array) -> Array:
    """AVE: mean squared loading (Fornell & Larcker 1981).

    >>> float(average_variance_extracted(np.array([0.8, 0.6])))
    0.5
    """
    return _undefined_for_single_items((lam**2).mean(-1), lam.shape[-1])


def _undefined_for_single_items(value: Array, p: int) -> Array:
    return value if p > 1 else np.full_like(value, np.nan)
