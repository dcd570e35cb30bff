"""Resampling as matrices of case weights, and what to read off the draws.

Seeds: the random stream and the matrix product belong to fixed blocks of 512 draws, so that the same seed gives the same
resamples on any chunking and any number of threads.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

BLOCK = 512
_CELLS = 16_000_000  # counts in memory at once; each pass over many cases costs the same for few replicates as for some
_MANY = 4096  # units beyond which rows of counts are drawn one by one


def rao_wu_counts(sizes: int | Sequence[int], draws: int, seed: int) -> Iterator[Array]:
    """Bootstrap multipliers of primary units, in pieces (B, units) of at most 512 replicates and 16 million numbers.

    `sizes` is the number of units, or of those in each stratum; the units of a stratum stand together. Each replicate draws
    n_h - 1 units of a stratum with replacement and multiplies their counts by n_h/(n_h - 1) (Rao & Wu 1988; Rao, Wu & Yue 1992),
    so that the bootstrap variance of a mean is the usual one; with a single stratum the factor is a constant that cancels in
    every weighted moment and is left out.

    >>> [block.sum(axis=1).tolist() for block in rao_wu_counts(5, 2, seed=1)]
    [[4.0, 4.0]]
    """
    strata = [sizes] if isinstance(sizes, int) else list(sizes)
    # The piece depends on the sizes alone, so that a replicate is always computed in the same piece.
    piece = max(1, min(BLOCK, _CELLS // sum(strata)))
    for number, first in enumerate(range(0, draws, BLOCK)):
        if len(strata) == 1:
            streams = [np.random.default_rng([seed, number])]
        else:
            streams = [np.random.default_rng([seed, number, h]) for h in range(len(strata))]
        wanted = min(BLOCK, draws - first)
        for row in range(0, wanted, piece):
            drawn, kept = min(piece, BLOCK - row), min(piece, wanted - row)
            parts = [_counts(rng, n, drawn, kept) for rng, n in zip(streams, strata, strict=True)]
            if len(parts) == 1:
                yield parts[0]
            else:
                yield np.concatenate([part * (n / (n - 1)) for part, n in zip(parts, strata, strict=True)], axis=1)


def _counts(rng: np.random.Generator, n: int, drawn: int, kept: int) -> Array:
    """Counts (kept, n) of the first rows of `drawn`; the stream is the same whether rows are drawn together or one by one."""
    if n > _MANY:  # together they would take several times the memory
        counts = np.empty((kept, n))
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n, size=n - 1), minlength=n)
        return counts
    # A piece is always drawn whole: its first rows do not depend on how many rows are wanted.
    units = rng.integers(0, n, size=(drawn, n - 1))[:kept]
    offsets = n * np.arange(len(units))[:, None]
    return np.bincount((units + offsets).ravel(), minlength=n * len(units)).reshape(-1, n).astype(float)


def delete_one_multipliers(sizes: Sequence[int]) -> Iterator[tuple[Array, int]]:
    """Jackknife multipliers, one row a unit left out: pieces (B, units) and the stratum they belong to.

    The other units of the stratum stand in for the one left out by the factor n_h/(n_h - 1).

    >>> [(block.tolist(), h) for block, h in delete_one_multipliers([2])]
    [([[0.0, 2.0], [2.0, 0.0]], 0)]
    """
    total, first = sum(sizes), 0
    piece = max(1, _CELLS // total)
    for h, n in enumerate(sizes):
        for start in range(0, n, piece):
            left_out = np.arange(start, min(start + piece, n))
            block = np.ones((len(left_out), total))
            block[:, first : first + n] = n / (n - 1)
            block[np.arange(len(left_out)), first + left_out] = 0.0
            yield block, h
        first += n


def percentile_interval(draws: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Lower and upper limits (quantiles of type 7) over the first axis; NaN draws are left out.

    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> print(f"{low:g} {high:g}")
    5 95
    """
    tail = (1 - level) / 2
    ordered, count = _ordered(draws)
    low, high = (_quantile(ordered, count, np.asarray(q)) for q in (tail, 1 - tail))
    return low, high


def quantiles_at(draws: Array, probabilities: Array) -> Array:
    """Type 7 quantiles over the first axis, at a probability of its own for each quantity; NaN draws are left out.

    >>> quantiles_at(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), np.array([0.5, 1.0])).tolist()
    [2.0, 3.0]
    """
    return _quantile(*_ordered(draws), probabilities)


def _ordered(draws: Array) -> tuple[Array, NDArray[np.intp]]:
    """The draws in order, NaN last, and how many are finite; sorting is quicker than np.quantile, which only partitions."""
    ordered = np.sort(np.asfortranarray(draws), axis=0)
    return ordered, np.isfinite(ordered).sum(axis=0)


def _quantile(ordered: Array, count: NDArray[np.intp], q: Array) -> Array:
    """Type 7; NaN where no draw is finite."""
    position = np.maximum(q * (count - 1), 0)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    lower = np.take_along_axis(ordered, below[None], axis=0)[0]
    upper = np.take_along_axis(ordered, above[None], axis=0)[0]
    return np.where(count > 0, lower + (position - below) * (upper - lower), np.nan)


def p_value(draws: Array) -> Array:
    """Two-sided p of the hypothesis 0: the percentile interval inverted, min(1, 2 (1 + min(#<=0, #>=0))/(B + 1)).

    >>> float(p_value(np.array([1.0, 2.0, 3.0])))
    0.5
    """
    finite = np.isfinite(draws)
    count = finite.sum(axis=0)
    if not finite.all():
        draws = np.where(finite, draws, np.nan)  # which compares as neither
    below, above = (np.count_nonzero(side, axis=0) for side in (draws <= 0, draws >= 0))
    return np.where(count > 0, np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (count + 1)), np.nan)


def standard_error(draws: Array) -> Array:
    """Standard deviation of the finite draws (divisor draws - 1); NaN with fewer than two."""
    finite = np.isfinite(draws)
    if len(draws) > 1 and finite.all():
        return np.asarray(draws.std(axis=0, ddof=1))
    count = finite.sum(axis=0)
    centre = np.where(finite, draws, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, (draws - centre) ** 2, 0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
