"""Resampling as matrices of case weights, and what to read off the draws.

Seeds: the random stream and the matrix product belong to fixed blocks of 512 draws, so that the same seed gives the same
resamples on any chunking and any number of threads.
"""

from collections.abc import Iterator

import numpy as np

from csi.kernel.small_matrices import Array

BLOCK = 512
_CELLS = 4_000_000  # counts in memory at once


def rao_wu_counts(n: int, draws: int, seed: int) -> Iterator[Array]:
    """Bootstrap counts for one stratum of n primary units, in pieces (B, n) of at most 512 replicates and 4 million counts.

    Each replicate draws n - 1 units with replacement (Rao & Wu 1988; Rao, Wu & Yue 1992); the factor n/(n - 1) of
    their rescaling is a constant here and cancels in every weighted moment. With n - 1 draws the bootstrap variance of a
    mean is exactly s2/n.

    >>> [block.sum(axis=1).tolist() for block in rao_wu_counts(5, 2, seed=1)]
    [[4.0, 4.0]]
    """
    piece = max(
        1, min(BLOCK, _CELLS // n)
    )  # depends on n alone, so that a replicate is always computed in the same piece
    for number, first in enumerate(range(0, draws, BLOCK)):
        rng = np.random.default_rng([seed, number])
        wanted = min(BLOCK, draws - first)
        for row in range(0, wanted, piece):
            # A piece is always drawn whole: its first rows do not depend on how many rows are wanted.
            units = rng.integers(0, n, size=(min(piece, BLOCK - row), n - 1))[: wanted - row]
            offsets = n * np.arange(len(units))[:, None]
            yield np.bincount((units + offsets).ravel(), minlength=n * len(units)).reshape(-1, n).astype(float)


def percentile_interval(draws: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Lower and upper limits (quantiles of type 7) over the first axis; NaN draws are left out.

    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> print(f"{low:g} {high:g}")
    5 95
    """
    tail = (1 - level) / 2
    low, high = _quantiles(draws, [tail, 1 - tail])
    return low, high


def _quantiles(draws: Array, probabilities: list[float]) -> Array:
    """Type 7 quantiles of the finite draws; NaN where there is none."""
    ordered = np.sort(np.asfortranarray(draws), axis=0)  # NaN last; quicker than np.quantile, which only partitions
    count = np.isfinite(ordered).sum(axis=0)
    out = np.empty((len(probabilities), *draws.shape[1:]))
    for i, q in enumerate(probabilities):
        position = np.maximum(q * (count - 1), 0)
        below = np.floor(position).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(count - 1, 0))
        lower = np.take_along_axis(ordered, below[None], axis=0)[0]
        upper = np.take_along_axis(ordered, above[None], axis=0)[0]
        out[i] = np.where(count > 0, lower + (position - below) * (upper - lower), np.nan)
    return out


def p_value(draws: Array) -> Array:
    """Two-sided p of the hypothesis 0: the percentile interval inverted, min(1, 2 (1 + min(#<=0, #>=0))/(B + 1)).

    >>> float(p_value(np.array([1.0, 2.0, 3.0])))
    0.5
    """
    finite = np.isfinite(draws)
    below = (finite & (draws <= 0)).sum(axis=0)
    above = (finite & (draws >= 0)).sum(axis=0)
    count = finite.sum(axis=0)
    return np.where(count > 0, np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (count + 1)), np.nan)


def standard_error(draws: Array) -> Array:
    """Standard deviation of the finite draws (divisor draws - 1); NaN with fewer than two."""
    finite = np.isfinite(draws)
    count = finite.sum(axis=0)
    centre = np.where(finite, draws, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, (draws - centre) ** 2, 0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
