"""Discriminant validity and collinearity of the blocks, for a batch of correlation matrices.

Notation
    R  (B, p, p)  item correlations, items of a construct standing together as in `layout`
"""

import numpy as np

from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array


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
    with np.errstate(invalid="ignore"):
        ratio = sums / (size[:, None] * size) / np.sqrt(mono[:, :, None] * mono[:, None, :])
    undefined = layout.mode_b & (size > 1)
    shown = np.tri(len(size), k=-1, dtype=bool) & ~undefined[:, None] & ~undefined
    return np.where(shown, ratio, np.nan)


def item_vif(R: Array, layout: Layout) -> Array:
    """Variance inflation of each item by the other items of its block: (B, p); 1 for a single item, inf if redundant."""
    vif = np.empty(R.shape[:2])
    for block in layout.slices:
        inside = R[:, block, block]
        singular = np.linalg.cond(inside) > 1e12
        inverse = np.linalg.inv(np.where(singular[:, None, None], np.eye(inside.shape[-1]), inside))
        vif[:, block] = np.where(singular[:, None], np.inf, np.diagonal(inverse, axis1=1, axis2=2))
    return vif
