"""Item means and covariances under many sets of case weights at once: one matrix product for a whole batch.

Notation: X (n, p) answers, NaN where missing; W (B, n) case weights, one row a replicate (survey weights times resampling
counts), any scale. Moments and their divisor are those of `csi.kernel.sums`, missing answers those of `csi.kernel.missing`:
    em          moments of the normal distribution under which the observed answers are most likely (Little & Rubin 2002)
    pairwise    each correlation from the rows that answered both items
    listwise    complete rows only
    regression  gaps at their conditional mean under the moments of `em`
    mean        gaps at the item's mean
`regression` and `mean` forget that a gap is uncertain: they understate variances, `mean` also attenuates correlations and
`regression` inflates them. Both are kept for comparison.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel.missing import mean_filled, most_likely, pairwise
from csi.kernel.small_matrices import Array, Floats
from csi.kernel.sums import Moments, complete_moments, joined, row_chunks, weighted

__all__ = ["CONDITIONAL", "Missing", "Moments", "answering", "domain_means", "joined", "moments"]

Missing = Literal["em", "pairwise", "listwise", "regression", "mean"]
CONDITIONAL: tuple[Missing, ...] = ("em", "regression")  # a gap counts with its mean given the row's other answers


def moments(X: Floats, W: Array, missing: Missing = "em", start: Moments | None = None) -> Moments:
    """Moments of the rows of X under every row of W; each replicate's are the same in every batch.

    `start`, the moments of the full sample, makes the replicates of `em` and `regression` many times quicker. Rows without
    any answer carry no information and are left out under every rule.

    >>> m = moments(np.array([[1.0, 2.0], [3.0, 6.0]]), np.ones((1, 2)))
    >>> m.mean.tolist(), m.cov.tolist()
    ([[2.0, 4.0]], [[[2.0, 4.0], [4.0, 8.0]]])
    """
    used, complete = answering(X, missing)
    if not used.all():
        X, W = X[used], W[:, used]
    if complete:
        return complete_moments(X, W)
    if missing == "mean":
        return mean_filled(X, W)
    if missing == "pairwise":
        return pairwise(X, W)
    return most_likely(X, W, start, spread=missing == "em")


def answering(X: Floats, missing: Missing) -> tuple[NDArray[np.bool_], bool]:
    """Rows (n,) that a treatment of missing answers uses, and whether these have no gap.

    >>> used, complete = answering(np.array([[1.0, np.nan], [np.nan, np.nan]]), "em")
    >>> used.tolist(), complete
    ([True, False], False)
    """
    n, p = X.shape
    given = np.empty(n, dtype=np.intp)
    for rows in row_chunks(n, p):
        given[rows] = np.count_nonzero(~np.isnan(X[rows]), axis=1)
    used = np.asarray(given >= (p if missing == "listwise" else 1))
    return used, bool((given[used] == p).all())


def domain_means(X: Floats, W: Array, domains: NDArray[np.bool_]) -> Array:
    """Means (B, D, p) of the observed answers within each domain (D, n): segments of the same replicates.

    NaN where a domain has no answer left in a replicate.
    """
    observed = ~np.isnan(X)
    values = np.where(observed, X, 0.0)
    p = X.shape[1]
    inside = domains.T[:, :, None].astype(float)
    sums = weighted((inside * values[:, None, :]).reshape(len(X), -1), W)
    counts = weighted((inside * observed[:, None, :]).reshape(len(X), -1), W)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums / counts).T.reshape(len(W), len(domains), p)
