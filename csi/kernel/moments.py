"""Item means and covariances under many sets of case weights at once: one matrix product for a whole batch.

Notation
    X     (n, p)     answers, NaN where missing
    W     (B, n)     case weights, one row a replicate (survey weights times resampling counts); any scale
    mean  (B, p)     weighted item means
    cov   (B, p, p)  weighted covariances; the divisor is (sum of weights) (n - 1)/n with n the number of answering rows,
                     so that a constant factor on the weights changes nothing and equal weights give the usual n - 1
Missing answers: `em` are the moments of the normal distribution under which the observed answers are most likely (Little &
Rubin 2002), `listwise` drops incomplete rows, `mean` puts the item's mean in (it attenuates; kept for comparison).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array

Missing = Literal["em", "listwise", "mean"]
_ROWS = 16_384  # rows of X whose products are in memory at once


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


def moments(X: Array, W: Array, missing: Missing = "em", start: Moments | None = None) -> Moments:
    """Moments of the rows of X under every row of W.

    `start`, the moments of the full sample, saves the replicates of `em` most of their iterations. Rows without any
    answer carry no information and are left out under every rule.

    >>> m = moments(np.array([[1.0, 2.0], [3.0, 6.0]]), np.ones((1, 2)))
    >>> m.mean.tolist(), m.cov.tolist()
    ([[2.0, 4.0]], [[[2.0, 4.0], [4.0, 8.0]]])
    """
    observed = ~np.isnan(X)
    answering = observed.all(axis=1) if missing == "listwise" else observed.any(axis=1)
    if not answering.all():
        X, W, observed = X[answering], W[:, answering], observed[answering]
    if observed.all():
        return _complete(X, W)
    if missing == "mean":
        return _mean_filled(X, W, observed)
    return _expectation_maximisation(X, W, observed, start)


def joined(parts: list[Moments]) -> Moments:
    """One batch made of several; covariances stay batch last in memory, as they were computed and will be used."""
    cov = np.concatenate([np.moveaxis(part.cov, 0, -1) for part in parts], axis=-1)
    n, mean = (np.concatenate([getattr(part, name) for part in parts]) for name in ("n", "mean"))
    return Moments(n, mean, np.moveaxis(cov, -1, 0))


def _row_chunks(n: int) -> Iterator[slice]:
    for first in range(0, n, _ROWS):
        yield slice(first, min(first + _ROWS, n))


def _moments_from_sums(n: int, centre: Array, total: Array, first: Array, second: Array) -> Moments:
    """From sums about `centre`: total (B,), first (p, B), second (p, p, B)."""
    shift = first / total
    cov = second / total
    square = np.einsum("iib->ib", cov).copy()
    cov -= shift[:, None] * shift
    cov *= n / max(n - 1, 1)
    _without_rounding_noise(cov, square)
    return Moments(np.full(len(total), n), centre + shift.T, np.moveaxis(cov, -1, 0))


def _without_rounding_noise(cov: Array, square: Array) -> None:
    """Set a variance (p, p, B) to 0 where it is only what rounding leaves of the mean square (p, B) of a constant."""
    diagonal = np.einsum("iib->ib", cov)  # a view that writes
    diagonal[diagonal <= 1e-12 * square] = 0.0


def _complete(X: Array, W: Array) -> Moments:
    n, p = X.shape
    centre = X.mean(axis=0) if n else np.zeros(p)
    total, first, second = _weighted_sums(X - centre, W)
    return _moments_from_sums(n, centre, total, first, second)


def _weighted_sums(D: Array, W: Array) -> tuple[Array, Array, Array]:
    """Sums of w, w d and w d d' over the rows: (B,), (p, B), (p, p, B). Symmetric products are taken once."""
    n, p = D.shape
    upper = np.triu_indices(p)
    sums = np.zeros((1 + p + len(upper[0]), len(W)))
    for rows in _row_chunks(n):
        d = D[rows]
        Z = np.concatenate([np.ones((len(d), 1)), d, d[:, upper[0]] * d[:, upper[1]]], axis=1)
        sums += Z.T @ W[:, rows].T
    place = np.empty((p, p), dtype=np.intp)
    place[upper] = place[upper[::-1]] = np.arange(len(upper[0]))
    return sums[0], sums[1 : p + 1], sums[p + 1 :][place]


def _mean_filled(X: Array, W: Array, observed: NDArray[np.bool_]) -> Moments:
    """Products over the pairs that both answered; a filled cell lies on the mean and adds nothing."""
    n, p = X.shape
    centre = np.nanmean(X, axis=0)
    D = np.where(observed, X - centre, 0.0)
    M = observed.astype(float)
    left, right = (grid.ravel() for grid in np.indices((p, p)))
    pair = np.zeros((3, p * p, len(W)))
    for rows in _row_chunks(n):
        d, m, w = D[rows], M[rows], W[:, rows].T
        pair[0] += (d[:, left] * d[:, right]).T @ w
        pair[1] += (d[:, left] * m[:, right]).T @ w
        pair[2] += (m[:, left] * m[:, right]).T @ w
    dd, dm, mm = pair.reshape(3, p, p, len(W))
    diagonal = np.arange(p)
    shift = dm[diagonal, diagonal] / mm[diagonal, diagonal]
    second = dd - dm * shift[None, :] - dm.transpose(1, 0, 2) * shift[:, None] + mm * shift[:, None] * shift[None, :]
    total = W.sum(axis=1)
    cov = second / total * (n / max(n - 1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        _without_rounding_noise(cov, np.einsum("iib->ib", dd) / mm[diagonal, diagonal])
    return Moments(np.full(len(W), n), centre + shift.T, np.moveaxis(cov, -1, 0))


def _expectation_maximisation(X: Array, W: Array, observed: NDArray[np.bool_], start: Moments | None) -> Moments:
    """Normal-theory EM, a few replicates at a time; items are put on unit spread so that one tolerance serves all."""
    n, p = X.shape
    # Replicates only feed intervals: a hundred-thousandth of a standard deviation is far below their Monte-Carlo error.
    tolerance = 1e-10 if start is None else 1e-5
    start = start or _mean_filled(X, np.ones((1, n)), observed)
    centre = start.mean[0]
    scale = np.where(start.sd[0] > 0, start.sd[0], 1.0)
    D = np.where(observed, (X - centre) / scale, 0.0)
    sigma = start.cov[0] / (scale[:, None] * scale) * (max(n - 1, 1) / n)
    W = W / W.sum(axis=1, keepdims=True)
    whole = observed.all(axis=1)
    _, first, second = _weighted_sums(D[whole], W[:, whole])
    gaps = _Gaps.of(D[~whole], observed[~whole])
    mean, cov = np.empty((len(W), p)), np.empty((len(W), p, p))
    together = max(1, 1_000_000 // max(gaps.D.size, 1))  # replicates whose completed answers fit in cache
    for b in (slice(i, i + together) for i in range(0, len(W), together)):
        fixed = first.T[b], np.moveaxis(second, -1, 0)[b]
        mean[b], cov[b] = _em_batch(gaps, W[b][:, ~whole], fixed, sigma, tolerance)
    cov *= scale[:, None] * scale * (n / max(n - 1, 1))
    # EM only creeps towards the zero variance of an item whose observed answers are all the same.
    constant = np.einsum("iib->ib", np.moveaxis(_mean_filled(X, W, observed).cov, 0, -1)) == 0
    np.einsum("bii->bi", cov)[constant.T] = 0.0
    return Moments(np.full(len(W), n), centre + mean * scale, cov)


@dataclass(frozen=True, slots=True, eq=False)
class _Gaps:
    """The incomplete rows: deviations with zeros at the gaps, where the gaps are, and rows grouped by gap count."""

    D: Array  # (m, p)
    observed: NDArray[np.bool_]  # (m, p)
    groups: list[tuple[NDArray[np.intp], NDArray[np.intp]]]  # rows (g,), items missed (g, s), for each count s

    @classmethod
    def of(cls, D: Array, observed: NDArray[np.bool_]) -> "_Gaps":
        count = (~observed).sum(axis=1)
        groups = [(np.flatnonzero(count == s), s) for s in np.unique(count)]
        missed = [(rows, np.nonzero(~observed[rows])[1].reshape(len(rows), s)) for rows, s in groups]
        return cls(D, observed, missed)


def _em_batch(
    gaps: _Gaps, W: Array, fixed: tuple[Array, Array], sigma: Array, tolerance: float, max_iterations: int = 2000
) -> tuple[Array, Array]:
    """EM for a batch of weights; `fixed` are the sums over the complete rows, which no step changes."""
    B, p = len(W), gaps.D.shape[1]
    mean, cov = np.zeros((B, p)), np.broadcast_to(sigma, (B, p, p)).copy()
    final_mean, final_cov = np.full_like(mean, np.nan), np.full_like(cov, np.nan)  # NaN if it never settles
    active = np.arange(B)
    for _ in range(max_iterations):
        new_mean, new_cov = _em_step(gaps, W[active], (fixed[0][active], fixed[1][active]), mean, cov)
        change = np.maximum(np.abs(new_mean - mean).max(axis=1), np.abs(new_cov - cov).max(axis=(1, 2)))
        running = change > tolerance
        final_mean[active[~running]], final_cov[active[~running]] = new_mean[~running], new_cov[~running]
        active, mean, cov = active[running], new_mean[running], new_cov[running]
        if not len(active):
            break
    return final_mean, final_cov


def _em_step(gaps: _Gaps, W: Array, fixed: tuple[Array, Array], mean: Array, cov: Array) -> tuple[Array, Array]:
    """Fill the gaps with their conditional means, add their conditional covariances, take moments again."""
    B, p = mean.shape
    filled, conditional = _conditional_means(gaps, mean, cov)
    residual = np.zeros((B, p * p))
    for (rows, items), covariance in zip(gaps.groups, conditional, strict=True):
        place = (items[:, :, None] * p + items[:, None, :]).ravel()
        np.add.at(residual.T, place, (covariance * W[:, rows, None, None]).reshape(B, -1).T)
    new_mean = fixed[0] + np.einsum("bm,bmp->bp", W, filled)
    second = fixed[1] + np.swapaxes(filled * W[:, :, None], 1, 2) @ filled + residual.reshape(B, p, p)
    return new_mean, second - new_mean[:, :, None] * new_mean[:, None, :]


def _conditional_means(gaps: _Gaps, mean: Array, cov: Array) -> tuple[Array, list[Array]]:
    """(B, m, p) answers with every gap at its conditional mean, and per group the (B, g, s, s) conditional covariances."""
    # A replicate may have lost all spread in a direction; a hair of ridge keeps the precision defined there.
    ridge = 1e-12 * np.einsum("bii->b", cov)[:, None, None] / cov.shape[1]
    K = np.linalg.inv(cov + ridge * np.eye(cov.shape[1]))
    filled = np.where(gaps.observed, gaps.D - mean[:, None, :], 0.0)  # deviations from the mean
    pull = filled @ K
    batch = np.arange(len(mean))[:, None]
    covariances = []
    for rows, items in gaps.groups:
        precision = K[batch[:, :, None, None], items[:, :, None], items[:, None, :]]
        covariance = 1 / precision if items.shape[1] == 1 else np.linalg.inv(precision)
        needed = pull[batch[:, :, None], rows[:, None], items]
        filled[batch[:, :, None], rows[:, None], items] = -(covariance @ needed[..., None])[..., 0]
        covariances.append(covariance)
    return filled + mean[:, None, :], covariances


def completed_domain_means(X: Array, W: Array, domains: NDArray[np.bool_], m: Moments) -> Array:
    """Means (B, D, p) within each domain (D, n) of answers whose gaps are filled under the moments of the same replicate.

    Under moments of `em` the means of all domains average to the mean of the whole, which means of the observed answers alone do
    not where those who skip an item differ from those who answer it. NaN where nobody of a domain is left.
    """
    observed = ~np.isnan(X)
    some, whole = observed.any(axis=1), observed.all(axis=1)
    part = some & ~whole
    gaps = _Gaps.of(np.where(observed[part], X[part], 0.0), observed[part])
    inside = domains.astype(float)
    sums = np.moveaxis(np.einsum("dn,np->ndp", inside[:, whole], X[whole]), 0, -1) @ W[:, whole].T
    sums = np.ascontiguousarray(np.moveaxis(sums, -1, 0))
    together = max(1, 1_000_000 // max(gaps.D.size, 1))
    for b in (slice(i, i + together) for i in range(0, len(W), together)):
        filled, _ = _conditional_means(gaps, m.mean[b], m.cov[b])
        sums[b] += (W[b][:, None, part] * inside[:, part]) @ filled
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / (W[:, some] @ inside[:, some].T)[:, :, None])


def domain_means(X: Array, W: Array, domains: NDArray[np.bool_]) -> Array:
    """Means (B, D, p) of the observed answers within each domain (D, n): segments of the same replicates.

    NaN where a domain has no answer left in a replicate.
    """
    observed = ~np.isnan(X)
    values = np.where(observed, X, 0.0)
    p = X.shape[1]
    inside = domains.T[:, :, None]
    sums = W @ (inside * values[:, None, :]).reshape(len(X), -1)
    counts = W @ (inside * observed[:, None, :]).reshape(len(X), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums / counts).reshape(len(W), len(domains), p)
