"""Levels and effects on the ruler of 0-100 points (Fornell et al. 1996; Ringle & Sarstedt 2016).

Notation
    weights   (B, p)  standardised outer weights
    sd        (B, p)  item standard deviations on the items' own scales
    low, high (p,)    scale ends from the codebook, never from what was observed
    u         (B, p)  unstandardised outer weights, w/sd of the item in points, summing to 1 within each construct
A construct's level is then a weighted mean of its items' levels in points, whatever the scales they were asked on.
"""

import numpy as np

from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array


def points(values: Array, low: Array, high: Array) -> Array:
    """Put item values (..., p) on 0-100 by their own scale ends.

    >>> points(np.array([1.0, 5.5]), np.array([1, 1]), np.array([10, 10])).tolist()
    [0.0, 50.0]
    """
    return 100 * (values - low) / (high - low)


def unit_weights(weights: Array, sd: Array, low: Array, high: Array, layout: Layout) -> tuple[Array, Array]:
    """U (B, p), and the standard deviation in points (B, J) that the construct's 0-100 score has."""
    raw = weights / (100 * sd / (high - low))
    total = np.add.reduceat(raw, layout.starts, axis=-1)
    return raw / total[..., layout.block], 1 / total


def construct_levels(u: Array, item_points: Array, layout: Layout) -> Array:
    """Construct levels (B, J) in points; a negative weight is used as it is, not clipped."""
    return np.add.reduceat(u * item_points, layout.starts, axis=-1)


def effects_in_points(total_effects: Array, score_sd: Array, attenuation: Array) -> Array:
    """Unstandardised total effects (B, J, J): points of the column construct per point of the row construct.

    For a common factor the effect is of the factor, whose spread is that of its score times sqrt(reliability).
    """
    spread = score_sd * attenuation
    return total_effects * spread[:, None, :] / spread[:, :, None]
