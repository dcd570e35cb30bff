"""Moments of a batch of case weights, and the weighted sums they are made of.

Notation
    X     (n, p)     answers, in single or double precision; every sum is taken in double precision, some rows at a time
    W     (B, n)     case weights, one row a replicate; any scale
    mean  (B, p)     weighted item means
    cov   (B, p, p)  weighted covariances; the divisor is (sum of weights) (n - 1)/n with n the number of answering rows,
                     so that a constant factor on the weights changes nothing and equal weights give the usual n - 1
Packed: the p items followed by the p (p + 1)/2 pairs of the upper triangle, row by row; the batch axis is last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array, Floats

_CELLS = 5_000_000  # products of a row's items in memory at once
_LANES, _FEW_LANES, _MANY_ROWS = 64, 16, 250_000  # replicates in one matrix product, and of more rows than that


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Number of answering rows (B,), item means (B, p), covariances (B, p, p)."""

    n: NDArray[np.intp]
    mean: Array
    cov: Array

    def part(self, replicates: slice) -> "Moments":
        """The moments of some of the replicates."""
        return Moments(self.n[replicates], self.mean[replicates], self.cov[replicates])

    def of_items(self, items: NDArray[np.intp]) -> "Moments":
        """The moments of some of the items, in the order asked."""
        return Moments(self.n, self.mean[:, items], self.cov[:, items[:, None], items])

    def mapped(self, linear: Array, offset: Array) -> "Moments":
        """Moments of the columns X linear + offset, with linear (B, p, q) and offset (B, q)."""
        mean = np.einsum("bp,bpq->bq", self.mean, linear) + offset
        return Moments(self.n, mean, np.swapaxes(linear, 1, 2) @ self.cov @ linear)

    @property
    def sd(self) -> Array:
        """(B, p) standard deviations."""
        return np.sqrt(np.maximum(np.diagonal(self.cov, axis1=1, axis2=2), 0.0))

    @property
    def correlation(self) -> Array:
        """(B, p, p); NaN for an item that does not vary."""
        sd = np.where(self.sd > 0, self.sd, np.nan)
        R = self.cov / sd[:, :, None]
        R /= sd[:, None, :]
        diagonal = np.arange(R.shape[1])
        R[:, diagonal, diagonal] = np.where(np.isfinite(sd), 1.0, np.nan)
        return R


def joined(parts: list[Moments]) -> Moments:
    """One batch made of several; covariances stay batch last in memory, as they were computed and will be used."""
    if len(parts) == 1:
        return parts[0]
    cov = np.concatenate([np.moveaxis(part.cov, 0, -1) for part in parts], axis=-1)
    n, mean = (np.concatenate([getattr(part, name) for part in parts]) for name in ("n", "mean"))
    return Moments(n, mean, np.moveaxis(cov, -1, 0))


def room_for(count: int, p: int) -> Moments:
    """Moments of `count` replicates of p items, to be filled in with `put`; memory is taken as it is filled."""
    cov = np.moveaxis(np.empty((p, p, count)), -1, 0)
    return Moments(np.zeros(count, dtype=np.intp), np.full((count, p), np.nan), cov)


def put(whole: Moments, first: int, part: Moments) -> None:
    """Fill in the moments of some replicates, the first of them at `first`."""
    place = slice(first, first + len(part.n))
    whole.n[place], whole.mean[place], whole.cov[place] = part.n, part.mean, part.cov


def pairs(p: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Of every packed pair its row and its column; of every row and column (p, p) the pair's position.

    >>> row, column, place = pairs(2)
    >>> row.tolist(), column.tolist(), place.tolist()
    ([0, 0, 1], [0, 1, 1], [[0, 1], [1, 2]])
    """
    row, column = np.triu_indices(p)
    place = np.empty((p, p), dtype=np.intp)
    place[row, column] = place[column, row] = np.arange(len(row))
    return row, column, place


def weighted(Z: Array, W: Array, together: int = _LANES) -> Array:
    """(k, B) weighted sums of the columns of Z (n, k).

    Every product is taken for exactly `together` replicates: BLAS then adds in the same order whoever the neighbours are, and a
    replicate has the same sums to the last bit in every batch.
    """
    sums = np.empty((Z.shape[1], len(W)))
    for first in range(0, len(W), together):
        lanes = W[first : first + together]
        w = np.zeros((together, len(Z)))
        w[: len(lanes)] = lanes
        sums[:, first : first + together] = (Z.T @ w.T)[:, : len(lanes)]
    return sums


def row_chunks(n: int, width: int) -> Iterator[slice]:
    """The rows, as many at a time as may have their products, `width` of each, in memory."""
    step = max(64, _CELLS // width)
    for first in range(0, n, step):
        yield slice(first, min(first + step, n))


def answered_means(X: Floats) -> Array:
    """(p,) plain means of the answers to each item, NaN being none; 0 for an item without any.

    >>> answered_means(np.array([[1.0, np.nan], [4.0, np.nan]])).tolist()
    [2.5, 0.0]
    """
    total, count = np.zeros((2, X.shape[1]))
    for rows in row_chunks(*X.shape):
        observed = ~np.isnan(X[rows])
        total += np.where(observed, X[rows], 0.0).sum(axis=0, dtype=float)
        count += observed.sum(axis=0)
    return np.asarray(total / np.maximum(count, 1))


def packed_sums(X: Floats, W: Array, centre: Array | float = 0.0) -> tuple[Array, Array]:
    """Sums of w (B,), and packed sums of w d and w d d' over the rows d = x - centre of X (n, p).

    Symmetric products are taken once.
    """
    n, p = X.shape
    row, column, _ = pairs(p)
    if 2 * len(W) <= p:
        return _one_by_one(X, W, centre)
    sums = np.zeros((1 + p + len(row), len(W)))
    together = _LANES if n <= _MANY_ROWS else _FEW_LANES
    for rows in row_chunks(n, len(sums)):
        d = np.subtract(X[rows], centre, dtype=float)
        Z = np.concatenate([np.ones((len(d), 1)), d, d[:, row] * d[:, column]], axis=1)
        sums += weighted(Z, W[:, rows], together)
    return sums[0], sums[1:]


def _one_by_one(X: Floats, W: Array, centre: Array | float) -> tuple[Array, Array]:
    """The same for few replicates, for which the products of all pairs of items would cost more than they save."""
    p = X.shape[1]
    row, column, _ = pairs(p)
    sums = np.zeros((p + len(row), len(W)))
    for rows in row_chunks(len(X), p):
        d = np.subtract(X[rows], centre, dtype=float)
        for b, w in enumerate(W[:, rows]):
            weighted_rows = d * w[:, None]
            sums[:p, b] += weighted_rows.sum(axis=0)
            sums[p:, b] += (weighted_rows.T @ d)[row, column]
    return W.sum(axis=1), sums


def pair_sums(left: Array, right: Array, W: Array) -> Array:
    """(p, p, B) sums of w left_i right_j over the rows, for two sets (n, p) of what is known of the same items."""
    n, p = left.shape
    sums = np.zeros((p * p, len(W)))
    for rows in row_chunks(n, p * p):
        sums += weighted((left[rows, :, None] * right[rows, None, :]).reshape(-1, p * p), W[:, rows])
    return sums.reshape(p, p, len(W))


def unpacked(triangle: Array) -> Array:
    """(p, p, B) symmetric matrices of packed pairs (p (p + 1)/2, B).

    >>> unpacked(np.array([[1.0], [2.0], [3.0]]))[:, :, 0].tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    p = (int(np.sqrt(8 * len(triangle) + 1)) - 1) // 2
    return triangle[pairs(p)[2]]


def complete_moments(X: Floats, W: Array) -> Moments:
    """Moments of rows without a gap; NaN where no weight is left."""
    n, p = X.shape
    centre = X.mean(axis=0, dtype=float) if n else np.zeros(p)
    total, sums = packed_sums(X, W, centre)
    return moments_from_sums(n, centre, total, sums[:p], unpacked(sums[p:]))


def moments_from_sums(n: int, centre: Array, total: Array, first: Array, second: Array) -> Moments:
    """From sums about `centre`: total (B,), first (p, B), second (p, p, B)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = first / total
        cov = second / total
    square = np.einsum("iib->ib", cov).copy()
    cov -= shift[:, None] * shift
    cov *= n / max(n - 1, 1)
    without_rounding_noise(cov, square)
    return Moments(np.full(len(total), n), centre + shift.T, np.moveaxis(cov, -1, 0))


def without_rounding_noise(cov: Array, square: Array) -> None:
    """Set a variance (p, p, B) to 0 where it is only what rounding leaves of the mean square (p, B) of a constant."""
    diagonal = np.einsum("iib->ib", cov)  # a view that writes
    diagonal[diagonal <= 1e-12 * square] = 0.0
