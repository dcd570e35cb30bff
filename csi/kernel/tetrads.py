"""Vanishing tetrads of a block of items: what one common factor implies for their covariances (Bollen & Ting 1993, 2000).

Notation
    cov      (B, p, p)  covariances of the items of one block
    g h i j             four items; tau_ghij = s_gh s_ij - s_gi s_hj
If the items reflect one factor, s_gh = lambda_g lambda_h off the diagonal, and every tetrad vanishes. Of the three tetrads of
each four items, p (p - 3)/2 in all are not implied by others (p (p - 1)/2 covariances, p loadings).
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array


def nonredundant(p: int) -> NDArray[np.intp]:
    """(p (p - 3)/2, 4) items of tetrads that imply all others, taken in the order of the items.

    Both of the first three items with each other one, and one of the first two with each other pair: a tetrad is taken as soon
    as those before do not imply it. Another order of the items takes others, which say the same of the population.

    >>> nonredundant(5).tolist()
    [[0, 1, 2, 3], [0, 1, 3, 2], [0, 1, 2, 4], [0, 1, 4, 2], [0, 1, 3, 4]]
    """
    first = [items for j in range(3, p) for items in ((0, 1, 2, j), (0, 1, j, 2))]
    others = [(0, 1, i, j) for j in range(4, p) for i in range(3, j)]
    return np.array(first + others, dtype=np.intp).reshape(-1, 4)


def tetrads(cov: Array, items: NDArray[np.intp]) -> Array:
    """(B, m) tetrads s_gh s_ij - s_gi s_hj of m times four items.

    >>> loadings = np.array([0.9, 0.8, 0.7, 0.6])
    >>> tetrads(np.outer(loadings, loadings)[None], nonredundant(4)).round(12).tolist()
    [[0.0, 0.0]]
    """
    g, h, i, j = items.T
    return np.asarray(cov[:, g, h] * cov[:, i, j] - cov[:, g, i] * cov[:, h, j])
