"""Reliability of sums of items and of the difference of two sums, from item covariances.

Notation
    S  (..., p, p)    covariances of the items of one sum
    S  (..., 2p, 2p)  covariances of the items of two sums, the first sum's items before the second's
The leading axes are replicates, segments, waves. Units: pure numbers, 1.0 is perfect. Of one item alone nothing is known: NaN.
"""

import numpy as np

from csi.kernel.small_matrices import Array


def alpha_of_sum(S: Array) -> Array:
    """Cronbach's (1951) alpha of the sum of the items as they are: p/(p-1) (1 - trace / sum of all covariances).

    >>> float(alpha_of_sum(np.array([[4.0, 1.0], [1.0, 1.0]])).round(4))
    0.5714
    """
    p = S.shape[-1]
    total = S.sum(axis=(-2, -1))
    if p == 1:
        return np.full_like(total, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(p / (p - 1) * (1 - np.trace(S, axis1=-2, axis2=-1) / total))


def reliability_of_difference(S: Array) -> tuple[Array, Array]:
    """Reliability of the first sum minus the second, and the correlation of the two sums.

    (v1 a1 + v2 a2 - 2 r s1 s2) / (v1 + v2 - 2 r s1 s2) with the variances v, alphas a and correlation r of the sums (Johns 1981;
    Peter, Churchill & Brown 1993): the closer the two go together, the less of their difference is more than error.

    >>> same = np.array([[1.0, 0.5], [0.5, 1.0]]); apart = np.full((2, 2), 0.25)
    >>> difference, r = reliability_of_difference(np.block([[same, apart], [apart, same]]))
    >>> round(float(difference), 4), round(float(r), 4)
    (0.5, 0.3333)
    """
    p = S.shape[-1] // 2
    first, second = S[..., :p, :p], S[..., p:, p:]
    v1, v2, c = (part.sum(axis=(-2, -1)) for part in (first, second, S[..., :p, p:]))
    true = v1 * alpha_of_sum(first) + v2 * alpha_of_sum(second) - 2 * c
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(true / (v1 + v2 - 2 * c)), np.asarray(c / np.sqrt(v1 * v2))
