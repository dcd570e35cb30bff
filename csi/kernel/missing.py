"""Treatments of missing answers: the moments that each makes of incomplete rows under many sets of case weights.

Notation: X (n, p) answers with NaN at the gaps, every row with one answer at least; W (B, n) case weights; see `csi.kernel.sums`.
A replicate in which nobody answered an item has NaN moments of that item; an item whose answers are all the same has variance 0
and says nothing about the others. The other items of such a replicate are those of a sample without the item.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from csi.kernel.gaps import Incomplete, Lanes, deviations
from csi.kernel.small_matrices import Array, Floats, ldl, positive_semidefinite, solve
from csi.kernel.sums import Moments, packed_sums, pair_sums, unpacked, weighted, without_rounding_noise

Attempts = tuple[tuple[int, int, bool], ...]  # steps of EM that are mixed, most steps, whether to stay where they lead
_CELLS = 4_000_000  # cells of the covariances that complete many rows at once
_OF_POINT: Attempts = (5, 30, False), (5, 300, False), (0, 2000, False)
_OF_REPLICATE: Attempts = (5, 30, False), (5, 100, False), (0, 100, True)


def mean_filled(X: Floats, W: Array) -> Moments:
    """Moments of the answers with every gap at its item's weighted mean: a filled cell adds nothing to any product."""
    n, p = X.shape
    observed, centre, D = deviations(X)
    M = observed.astype(float)
    dd, dm, mm = pair_sums(D, D, W), pair_sums(D, M, W), pair_sums(M, M, W)
    diagonal = np.arange(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = dm[diagonal, diagonal] / mm[diagonal, diagonal]
        second = dd - dm * shift[None, :] - np.swapaxes(dm, 0, 1) * shift[:, None] + mm * shift[:, None] * shift
        cov = second / weighted(np.ones((n, 1)), W) * (n / max(n - 1, 1))
        without_rounding_noise(cov, dd[diagonal, diagonal] / mm[diagonal, diagonal])
    return Moments(np.full(len(W), n), centre + shift.T, np.moveaxis(cov, -1, 0))


def pairwise(X: Floats, W: Array) -> Moments:
    """Each correlation from the rows that answered both items, each mean and SD from the rows that answered the item.

    A covariance is the pair's correlation, about the pair's own means and by the pair's own SDs, times the two items' SDs. Such
    correlations need not belong together: their matrix may have negative eigenvalues. NaN where nobody answered both items, or
    where one of them does not vary among those who did.
    """
    observed, centre, D = deviations(X)
    M = observed.astype(float)
    both, squares, levels = pair_sums(M, M, W), pair_sums(D**2, M, W), pair_sums(D, M, W)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = levels / both  # [i, j]: the mean of item i among those who also answered j
        variance = squares / both - level**2
        variance[variance <= 1e-12 * squares / both] = 0.0
        together = pair_sums(D, D, W) / both - level * np.swapaxes(level, 0, 1)
        correlation = together / np.sqrt(variance * np.swapaxes(variance, 0, 1))
        n = observed.sum(axis=0)
        own = np.einsum("iib->ib", variance) * (n / np.maximum(n - 1, 1))[:, None]
        cov = correlation * np.sqrt(own[:, None] * own)
    np.einsum("iib->ib", cov)[...] = own
    mean = centre[:, None] + np.einsum("iib->ib", level)
    return Moments(np.full(len(W), len(X)), mean.T, np.moveaxis(cov, -1, 0))


def most_likely(X: Floats, W: Array, start: Moments | None = None, *, spread: bool = True) -> Moments:
    """Moments of the normal distribution under which the observed answers are most likely (EM; Dempster, Laird & Rubin 1977).

    `start`, the moments of the full sample (a batch of one), is where replicates begin, and they end within about 1e-5 standard
    deviations; without it all settle to 1e-10. Without `spread` the result are the moments of the answers with every gap at its
    conditional mean.

    Where the answers are too few for the gaps (fewer rows than items, say) the likelihood has no maximum inside and EM creeps
    towards a singular matrix. A point that does not settle is NaN; a replicate is taken after a hundred plain steps from `start`,
    when only directions move on which the answers say next to nothing. The correlation of two items that nobody answered
    together rests on the items that were answered with both.
    """
    sample = Incomplete.of(X, W, narrow=start is None)
    # Attempts that fail may overflow on their way.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if start is None:
            everyone = packed_sums(sample.D, np.ones((1, len(X))))[1] / len(X)
            theta = _settled(sample, np.repeat(everyone, len(W), axis=1), 1e-10, _OF_POINT)
        else:
            # Replicates only feed intervals: a hundred-thousandth of an SD is far below their Monte-Carlo error.
            theta = _settled(sample, sample.standardised(start), 1e-5, _OF_REPLICATE)
    if not spread:
        for of, lanes in sample.blocks(np.arange(len(W))):
            theta[:, of] = lanes.completed(lanes.fill(theta[:, of])[0], None)
    return sample.moments(theta)


def delta_adjusted(X: Floats, W: Array, m: Moments, delta: Array, shifted: NDArray[np.bool_] | None = None) -> Moments:
    """Moments if those who skipped an item would have answered otherwise than the rest of their answers suggests.

    A pattern mixture (Little & Rubin 2002; van Buuren 2018, section 3.8): gaps are completed under the moments of the same
    replicate, with the conditional mean moved and the conditional covariance kept. How far is not in the data; the
    question is how large it must be until a conclusion changes.

    Parameters
    ----------
    X, W
        (n, p) answers with NaN at the gaps; (B, n) case weights.
    m
        Moments of `em` for every row of W.
    delta
        (p,) how far each item's gaps lie from their conditional mean, in standard deviations of the item.
    shifted
        (n, p) which gaps are moved, as where only refusals are suspect; None for all.

    Returns
    -------
    Moments
        Equal to `m`, to the tolerance of EM, if delta is 0.

    Examples
    --------
    >>> X, W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]]), np.ones((1, 3))
    >>> m = most_likely(X, W)
    >>> [float(delta_adjusted(X, W, m, np.array([0.0, d])).mean[0, 1].round(3)) for d in (0, -0.3)]
    [4.0, 3.837]
    """
    some = ~np.isnan(X).all(axis=1)
    sample = Incomplete.of(X[some], W[:, some])
    moved = np.ones(len(sample.gaps.row), dtype=bool)
    if shifted is not None:
        moved = shifted[some][sample.incomplete][sample.gaps.row, sample.gaps.item]
    theta = sample.standardised(m)
    for of, lanes in sample.blocks(np.arange(len(W))):
        fill, spreads = lanes.fill(theta[:, of])
        sd = np.sqrt(np.einsum("iib->ib", unpacked(theta[len(delta) :, of])))
        fill += ((delta[:, None] * sd)[sample.gaps.item]) * moved[:, None]
        theta[:, of] = lanes.completed(fill, spreads)
    return sample.moments(theta)


def completed(X: Array, mean: Array, cov: Array | None = None) -> Array:
    """(n, p) answers with every gap at its item's mean (p,) or, given covariances (p, p), at its conditional mean.

    >>> completed(np.array([[2.0, np.nan]]), np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]])).round(6).tolist()
    [[2.0, 1.0]]
    """
    gap = np.isnan(X)
    if not gap.any():
        return X
    D = np.where(gap, 0.0, X - mean)
    if cov is not None:
        # A sample may have lost all spread in a direction; a hair of ridge keeps the solution defined there.
        cov = cov + 1e-12 * np.trace(cov) / len(cov) * np.eye(len(cov))
        incomplete = np.flatnonzero(gap.any(axis=1))
        for rows in np.array_split(incomplete, 1 + incomplete.size * cov.size // _CELLS):
            seen = ~gap[rows]
            among_seen = np.where(seen[:, :, None] & seen[:, None, :], cov, np.eye(len(cov)))
            pull = np.linalg.solve(among_seen, D[rows][:, :, None])[:, :, 0]
            D[rows] = np.where(seen, D[rows], pull @ cov)
    return np.asarray(D + mean)


def completed_domain_means(X: Floats, W: Array, domains: NDArray[np.bool_], m: Moments) -> Array:
    """Means (B, D, p) within each domain (D, n) of answers whose gaps are filled under the moments of the same replicate.

    Under moments of `em` the means of all domains average to the mean of the whole, which means of the observed answers alone do
    not where those who skip an item differ from those who answer it. NaN where nobody of a domain is left.
    """
    some = ~np.isnan(X).all(axis=1)
    sample = Incomplete.of(X[some], W[:, some])
    inside, p = domains[:, some].astype(float), X.shape[1]
    gaps, W = sample.gaps, W[:, some]
    domain, gap = np.nonzero(inside[:, sample.incomplete][:, gaps.row])
    collect = csr_array(
        (np.ones(len(gap)), (domain * p + gaps.item[gap], gap)), shape=(len(domains) * p, len(gaps.row))
    )
    theta, given = sample.standardised(m), np.empty((len(domains) * p, len(W)))
    for of, lanes in sample.blocks(np.arange(len(W))):
        given[:, of] = collect @ (lanes.fill(theta[:, of])[0] * lanes.w[gaps.row])
    with np.errstate(invalid="ignore", divide="ignore"):
        seen = weighted((inside.T[:, :, None] * sample.D[:, None, :]).reshape(len(sample.D), -1), W) / sample.total
        means = (seen + given).reshape(len(domains), p, -1) / (weighted(inside.T, W) / sample.total)[:, None]
    means[:, ~sample.answered] = np.nan
    return np.moveaxis(means * sample.scale[:, None] + sample.centre[:, None], -1, 0)


def _settled(sample: Incomplete, start: Array, tolerance: float, attempts: Attempts) -> Array:
    """Where EM leads from `start` (q, B), in as many attempts as a replicate needs until its covariances are possible ones."""
    theta, p = np.full_like(start, np.nan), len(sample.centre)
    pending = np.arange(start.shape[1])
    for depth, steps, keep in attempts:
        for of, lanes in sample.blocks(pending):
            theta[:, of] = _fixed_points(lanes, start[:, of], tolerance, depth, steps, keep)
        pending = pending[~positive_semidefinite(unpacked(theta[p:, pending]))]
        if not len(pending):
            break
    return theta


def _fixed_points(lanes: Lanes, theta: Array, tolerance: float, depth: int, steps: int, keep: bool) -> Array:
    """EM from `theta` (q, L) until a step of a lane does not exceed `tolerance`; else NaN, or where it is then if `keep`.

    With `depth` the next point is the mixture of the last images whose steps cancel best, lane by lane (Anderson 1965; Walker &
    Ni 2011): its error shrinks several times faster than that of EM.
    """
    found, running = np.full_like(theta, np.nan), np.ones(theta.shape[1], dtype=bool)
    memory: list[tuple[Array, Array]] = []
    step = image = theta
    for number in range(steps):
        last = step, image
        image = lanes.step(theta)
        step = image - theta
        if number:
            memory = [(step - last[0], image - last[1]), *memory][:depth]
        theta = image - _correction(step, memory)
        done = running & ~(np.abs(step).max(axis=0) > tolerance)
        found[:, done] = theta[:, done]
        running &= ~done
        if not running.any():
            break
    if keep:
        found[:, running] = theta[:, running]
    return found


def _correction(step: Array, memory: list[tuple[Array, Array]]) -> Array:
    """What to take off the image so that the remembered changes of steps cancel most of `step` (q, L)."""
    if not memory:
        return np.zeros_like(step)
    products = np.array([[(one * other).sum(axis=0) for other, _ in memory] for one, _ in memory])
    along = np.array([(change * step).sum(axis=0) for change, _ in memory])
    share = np.nan_to_num(solve(ldl(products), along), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(sum(s * moved for s, (_, moved) in zip(share, memory, strict=True)))
