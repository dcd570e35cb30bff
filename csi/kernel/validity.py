"""Discriminant validity and collinearity of the blocks, for a batch of correlation matrices.

Notation
    R  (B, p, p)  item correlations, items of a construct standing together as in `layout`
"""

import numpy as np
from numpy.typing import NDArray

from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array, diagonal_of_inverse


def htmt2(R: Array, layout: Layout) -> Array:
    """HTMT with geometric instead of arithmetic means (Roemer, Schuberth & Henseler 2021): (B, J, J), lower triangle.

    Consistent for items of unequal loadings. NaN where any correlation that enters is not positive, and for Mode B.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.where(R > 0, R, np.nan))
    logs[:, np.arange(R.shape[1]), np.arange(R.shape[1])] = 0.0
    size = layout.sizes
    rows = np.stack([logs[:, b].sum(axis=1) for b in layout.slices], axis=1)
    sums = np.stack([rows[:, :, b].sum(axis=2) for b in layout.slices], axis=2)
    mono = np.diagonal(sums, axis1=1, axis2=2) / np.maximum(size * (size - 1), 1)
    ratio = np.exp(sums / (size[:, None] * size) - (mono[:, :, None] + mono[:, None, :]) / 2)
    return np.where(_comparable(layout), ratio, np.nan)


def htmt(R: Array, layout: Layout, signed: bool = False) -> Array:
    """Heterotrait-monotrait ratio of every pair of constructs: (B, J, J), lower triangle, NaN elsewhere.

    Absolute correlations by default; `signed=True` is the original of Henseler, Ringle & Sarstedt (2015). The
    monotrait term of a single item is 1. NaN for Mode B, whose items need not correlate.
    """
    size = layout.sizes
    values = R if signed else np.abs(R)
    rows = np.stack([values[:, b].sum(axis=1) for b in layout.slices], axis=1)
    sums = np.stack([rows[:, :, b].sum(axis=2) for b in layout.slices], axis=2)
    pairs = np.maximum(size * (size - 1), 1)
    mono = np.where(size > 1, (np.diagonal(sums, axis1=1, axis2=2) - size) / pairs, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = sums / (size[:, None] * size) / np.sqrt(mono[:, :, None] * mono[:, None, :])
    return np.where(_comparable(layout), ratio, np.nan)


def _comparable(layout: Layout) -> NDArray[np.bool_]:
    """(J, J) pairs of the lower triangle whose items are expected to correlate within their blocks."""
    undefined = layout.mode_b & (layout.sizes > 1)
    return np.tri(len(undefined), k=-1, dtype=bool) & ~undefined[:, None] & ~undefined


def full_collinearity_vif(C: Array) -> Array:
    """Variance inflation of each construct by all the others (B, J); above 3.3 speaks for common-method bias (Kock 2015).

    >>> full_collinearity_vif(np.array([[[1.0, 0.6], [0.6, 1.0]]])).round(4).tolist()
    [[1.5625, 1.5625]]
    """
    return diagonal_of_inverse(C)


def item_vif(R: Array, layout: Layout) -> Array:
    """Variance inflation of each item by the other items of its block: (B, p); 1 for a single item, inf if redundant."""
    vif = np.empty(R.shape[:2])
    for block in layout.slices:
        vif[:, block] = diagonal_of_inverse(R[:, block, block])
    return vif
