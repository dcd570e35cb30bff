"""The gaps of incomplete rows, and what the other answers of a row say about them under many normal distributions at once.

Notation
    D     (m, p)     deviations of the incomplete rows from some origin, 0 at the gaps
    mean  (p, L)     means of L distributions, in the same units; the batch is last and always L wide (see `LANES`)
    cov   (p, p, L)  their covariances
    fill  (g, L)     the conditional mean of every gap given the answers of its row
With K the inverse of the covariance of all items, the gaps of a row have the conditional covariance K_mm^-1 and the conditional
mean K_mm^-1 (K_m. mean - K_mo d_o), where m are the items the row misses and o those it answers (Little & Rubin 2002). So the
work is in proportion to the gaps, not to the answers; rows with the same gaps share their conditional covariance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from csi.kernel.small_matrices import Array, Floats
from csi.kernel.sums import Moments, answered_means, packed_sums, pairs, row_chunks, unpacked, weighted

_FEW, _MANY = 8, 64  # lanes of a point estimate, of replicates
_CELLS = 1_000_000  # numbers in the largest array
_RIDGE = 1e-12  # of the mean variance: keeps the inverse defined where a direction has lost all its spread


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Rows that miss the same number s of items."""

    cells: NDArray[np.intp]  # (s, r) numbers of the gaps
    rows: NDArray[np.intp]  # (r,)
    items: NDArray[np.intp]  # (s, P) items that each pattern misses
    pattern: NDArray[np.intp]  # (r,) pattern of each row
    collect: csr_array  # (p (p + 1)/2, s (s + 1)/2 r) sums products of two gaps of a row by their items


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The gaps, item by item, and the incomplete rows in groups; `lanes` distributions are treated together."""

    D: Array
    row: NDArray[np.intp]  # (g,) row of each gap
    item: NDArray[np.intp]  # (g,) item of each gap, ascending
    of_item: list[slice]
    groups: list[_Group]
    lanes: int

    @classmethod
    def of(cls, D: Array, observed: NDArray[np.bool_], widest: int) -> "Gaps":
        """The gaps of rows that all have one; at most `widest` lanes, fewer where there are many gaps."""
        item, row = np.nonzero(~observed.T)
        ends = np.searchsorted(item, np.arange(observed.shape[1] + 1))
        lanes = max(8, min(widest, _CELLS // 8 // max(len(row), 1) // 8 * 8))
        number = np.zeros(observed.shape, dtype=np.intp)
        number[row, item] = np.arange(len(row))
        count = (~observed).sum(axis=1)
        groups = []
        for s in np.unique(count):
            rows = np.flatnonzero(count == s)
            together = max(1, _CELLS // (8 * lanes * int(s) ** 2))
            for first in range(0, len(rows), together):
                groups.append(_group(rows[first : first + together], observed, number))
        return cls(D, row, item, [slice(a, b) for a, b in pairwise(ends)], groups, lanes)

    def conditional(self, mean: Array, cov: Array) -> tuple[Array, list[Array]]:
        """Conditional means (g, L) of all gaps, and per group the conditional covariances (s, s, P, L) of its patterns."""
        p = len(mean)
        ridge = _RIDGE * np.einsum("iib->b", cov)[:, None, None] / p
        K = np.linalg.inv(np.moveaxis(cov, -1, 0) + ridge * np.eye(p))
        K = np.ascontiguousarray(np.moveaxis(K, 0, -1))
        natural = (K * mean).sum(axis=1)
        pull = np.empty((len(self.row), mean.shape[1]))
        for a, here in enumerate(self.of_item):
            pull[here] = natural[a] - self.D[self.row[here]] @ K[a]
        fill, spreads = np.empty_like(pull), []
        for group in self.groups:
            spreads.append(_inverse(K[group.items[:, None], group.items]))
            fill[group.cells] = (spreads[-1][:, :, group.pattern] * pull[group.cells]).sum(axis=1)
        return fill, spreads

    def sums(self, w: Array, fill: Array, spreads: list[Array] | None) -> Array:
        """Packed weighted sums of what filling adds to the rows' deviations and to their products, under w (m, L).

        Without `spreads` the gaps count as if they had been answered exactly so.
        """
        p = self.D.shape[1]
        _, _, place = pairs(p)
        sums = np.zeros((p + p * (p + 1) // 2, fill.shape[1]))
        given = fill * w[self.row]
        for a, here in enumerate(self.of_item):
            sums[a] = given[here].sum(axis=0)
            sums[p + place[a]] += self.D[self.row[here]].T @ given[here]
        for k, group in enumerate(self.groups):
            one, other = np.triu_indices(len(group.cells))
            products = fill[group.cells[one]] * given[group.cells[other]]
            if spreads is not None:
                products += spreads[k][one, other][:, group.pattern] * w[group.rows]
            sums[p:] += group.collect @ products.reshape(-1, fill.shape[1])
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Replicates that are computed together; see `Incomplete` for what a point `theta` (q, L) is."""

    gaps: Gaps
    w: Array  # (m, L) shares of the incomplete rows
    seen: Array  # (q, L) packed sums over what was answered
    free: NDArray[np.bool_]  # (q, L) what is estimated
    held: Array  # (q, L) the rest

    def fill(self, theta: Array) -> tuple[Array, list[Array]]:
        """Conditional means and covariances of the gaps; see `Gaps.conditional`."""
        p = self.gaps.D.shape[1]
        return self.gaps.conditional(theta[:p], unpacked(theta[p:]))

    def step(self, theta: Array) -> Array:
        """A step of EM: fill the gaps, add their conditional covariances, take moments again."""
        return self.completed(*self.fill(theta))

    def completed(self, fill: Array, spreads: list[Array] | None) -> Array:
        """The point of the answers with filled gaps."""
        p = self.gaps.D.shape[1]
        row, column, _ = pairs(p)
        theta = self.seen + self.gaps.sums(self.w, fill, spreads)
        theta[p:] -= theta[row] * theta[column]
        return np.where(self.free, theta, self.held)


@dataclass(frozen=True, slots=True, eq=False)
class Incomplete:
    """Answers with gaps under a batch of weights, on items of unit spread so that one tolerance serves all.

    A point `theta` (q, B) is the packed means and covariances of every replicate. Items that do not vary in a replicate are held
    at their level, with unit variance and no covariances, so that they neither pull nor are pulled.
    """

    centre: Array  # (p,)
    scale: Array  # (p,)
    D: Array  # (n, p) standardised deviations, 0 at the gaps
    incomplete: NDArray[np.bool_]  # (n,)
    gaps: Gaps
    W: Array  # (B, m) shares of the incomplete rows
    total: Array  # (B,)
    seen: Array  # (q, B) packed sums over what was answered
    answered: NDArray[np.bool_]  # (p, B)
    free: NDArray[np.bool_]  # (q, B) what is estimated
    held: Array  # (q, B) the rest

    @classmethod
    def of(cls, X: Floats, W: Array, *, narrow: bool = False) -> "Incomplete":
        """`narrow` completes few replicates together, which suits the many steps of a point estimate."""
        p = X.shape[1]
        observed, centre, D = deviations(X)
        scale = np.sqrt((D**2).sum(axis=0) / np.maximum(observed.sum(axis=0), 1))
        scale[scale == 0] = 1.0
        D /= scale
        row, column, _ = pairs(p)
        total, seen = packed_sums(D, W)
        with np.errstate(invalid="ignore", divide="ignore"):
            seen = seen / total
            share = weighted(observed.astype(float), W) / total
            level, square = seen[:p] / share, seen[p:][row == column] / share
            varies = square - level**2 > 1e-12 * square
        answered = np.asarray(share > 0)
        held = np.concatenate(
            [np.where(answered, level, 0.0), np.broadcast_to((row == column)[:, None], (len(row), len(W)))]
        )
        free = np.concatenate([varies, varies[row] & varies[column]])
        part = np.asarray(~observed.all(axis=1))
        gaps = Gaps.of(D[part], observed[part], _FEW if narrow else _MANY)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = W[:, part] / total[:, None]
        return cls(centre, scale, D, part, gaps, shares, total, seen, answered, free, held)

    def blocks(self, replicates: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], Lanes]]:
        """Some replicates, as many as there are lanes at a time, and their lanes.

        The last lanes are filled up with copies, so that all are computed alike to the last bit.
        """
        for first in range(0, len(replicates), self.gaps.lanes):
            of = replicates[np.minimum(first + np.arange(self.gaps.lanes), len(replicates) - 1)]
            w = np.ascontiguousarray(self.W[of].T)
            yield of, Lanes(self.gaps, w, self.seen[:, of], self.free[:, of], self.held[:, of])

    def standardised(self, m: Moments) -> Array:
        """The point `theta` of moments in units of the answers."""
        n = len(self.D)
        row, column, _ = pairs(len(self.centre))
        mean = ((m.mean - self.centre) / self.scale).T
        cov = (m.cov[:, row, column] / (self.scale[row] * self.scale[column])).T * (max(n - 1, 1) / n)
        theta = np.concatenate([mean, cov])
        return np.where(self.free & np.isfinite(theta), theta, self.held)

    def moments(self, theta: Array) -> Moments:
        """The moments of `theta` in units of the answers."""
        n, p = len(self.D), len(self.centre)
        row, column, _ = pairs(p)
        lost = np.concatenate([~self.answered, ~(self.answered[row] & self.answered[column])])
        theta = np.where(
            lost, np.nan, np.where(self.free, theta, np.concatenate([self.held[:p], np.zeros_like(theta[p:])]))
        )
        cov = theta[p:] * (self.scale[row] * self.scale[column])[:, None] * (n / max(n - 1, 1))
        return Moments(
            np.full(theta.shape[1], n), self.centre + theta[:p].T * self.scale, np.moveaxis(unpacked(cov), -1, 0)
        )


def deviations(X: Floats) -> tuple[NDArray[np.bool_], Array, Array]:
    """What is observed (n, p), its means (p,), 0 for an item without answers, and deviations with 0 at the gaps (n, p)."""
    observed, centre, D = ~np.isnan(X), answered_means(X), np.empty(X.shape)
    for rows in row_chunks(*X.shape):
        D[rows] = np.where(observed[rows], X[rows] - centre, 0.0)
    return observed, centre, D


def _group(rows: NDArray[np.intp], observed: NDArray[np.bool_], number: NDArray[np.intp]) -> _Group:
    p = observed.shape[1]
    patterns, pattern = np.unique(observed[rows], axis=0, return_inverse=True)
    items = np.nonzero(~patterns)[1].reshape(len(patterns), -1).T
    missed = items[:, pattern]
    one, other = np.triu_indices(len(items))
    target = pairs(p)[2][missed[one], missed[other]].ravel()
    shape = (p * (p + 1) // 2, len(target))
    collect = csr_array((np.ones(len(target)), (target, np.arange(len(target)))), shape=shape)
    return _Group(number[rows, missed], rows, items, pattern, collect)


def _inverse(A: Array) -> Array:
    """Inverses of positive definite matrices (s, s, ...), by sweeping each pivot once (Beaton 1964)."""
    A = A.copy()
    for k in range(len(A)):
        pivot = A[k, k].copy()
        row = A[k] / pivot
        A -= A[:, k, None] * row
        A[k] = A[:, k] = row
        A[k, k] = -1 / pivot
    return -A
