"""Means of many items within the parts of a sample, for a batch of case weights.

Notation
    X      (n, p)  answers, NaN at gaps
    W      (B, n)  case weights, one row a replicate
    codes  (n,)    the part 0 ... parts - 1 of each case, -1 for none
The parts of one division (regions, say) do not overlap, so that a pass over the cases gives the sums of all of them. Divisions
with few parts are crossed first, and one pass gives the sums of the cells, of which those of the parts are made.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

Division = tuple[NDArray[np.intp], int]  # codes and the number of parts
_ROWS = 100  # of a cell on average, so that products of matrices stay quick


def divided_sums(X: Array, W: Array, divisions: Sequence[Division]) -> tuple[Array, Array]:
    """Sums of the weighted answers and of their weights in all parts of all divisions, one after the other: (B, S, p) each.

    >>> whole, halves = (np.array([0, 0, 0]), 1), (np.array([1, 0, -1]), 2)
    >>> divided_sums(np.array([[1.0], [2.0], [4.0]]), np.ones((1, 3)), [whole, halves])[0][0, :, 0].tolist()
    [7.0, 2.0, 1.0]
    """
    ends = np.cumsum([0, *(parts for _, parts in divisions)])
    sums, weights = np.zeros((2, len(W), ends[-1], X.shape[1]))
    for together in _crossed([codes for codes, _ in divisions], len(X) // _ROWS):
        shape = [divisions[d][1] + 1 for d in together]  # the last is for those of no part
        number = np.ravel_multi_index([divisions[d][0] % size for d, size in zip(together, shape, strict=True)], shape)
        found, cell = np.unique(number, return_inverse=True)
        of_cells = sliced_sums(X, W, cell, len(found))
        for d, part in zip(together, np.unravel_index(found, shape), strict=True):
            members = (part == np.arange(divisions[d][1])[:, None]).astype(float)
            for whole, parts in zip((sums, weights), of_cells, strict=True):
                whole[:, ends[d] : ends[d + 1]] = members @ parts
    return sums, weights


def _crossed(codes: Sequence[NDArray[np.intp]], most: int) -> list[list[int]]:
    """Which divisions are crossed with which, so that none has more than `most` cells if it can be helped."""
    groups: list[list[int]] = []
    cells = 0
    for d, of in enumerate(codes):
        levels = len(np.unique(of))
        if groups and cells * levels <= most:
            groups[-1].append(d)
            cells *= levels
        else:
            groups.append([d])
            cells = levels
    return groups


def sliced_sums(X: Array, W: Array, codes: NDArray[np.intp], parts: int) -> tuple[Array, Array]:
    """The same for one division, (B, parts, p) each: one matrix product a part.

    >>> X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    >>> sums, weights = sliced_sums(X, np.ones((1, 3)), np.array([0, 0, 1]), 2)
    >>> sums.tolist(), weights.tolist()
    ([[[4.0, 2.0], [5.0, 6.0]]], [[[2.0, 1.0], [1.0, 1.0]]])
    """
    sums, weights = np.zeros((2, len(W), parts, X.shape[1]))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(parts + 1))
    for part, (first, last) in enumerate(pairwise(ends)):
        rows = order[first:last]
        w, x = W[:, rows], X[rows]
        observed = ~np.isnan(x)
        sums[:, part] = w @ np.where(observed, x, 0.0)
        weights[:, part] = w.sum(axis=1)[:, None] if observed.all() else w @ observed.astype(float)
    return sums, weights
