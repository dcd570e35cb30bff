"""Groups compared by exchanging their labels: permutations, the moments of the groups under each, and what MICOM asks of them.

Notation
    X        (n, p)  answers
    w        (n,)    case weights, which stay with their cases whatever the label
    codes    (n,)    group 0 ... K-1 of each case
    labels   (B, n)  the same under B permutations
    S        (p, p)  covariance or correlation of the pooled items
Under the hypothesis that groups do not differ any exchange of labels is as likely as the observed one, so that the share of
permutations at least as extreme as the observation is an exact p value (Fisher 1935); the observation counts as one of them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from csi.kernel.moments import Missing, Moments, moments
from csi.kernel.pls import Layout
from csi.kernel.resample import BLOCK
from csi.kernel.small_matrices import Array, Floats

_CELLS = 4_000_000  # labels in memory at once
_EQUAL = 1e-12  # differences that are rounding only: what is the same in theory must count as equal


def permuted_labels(
    codes: NDArray[np.intp], sets: NDArray[np.intp], permutations: int, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Labels (B, u) of u units exchanged within sets, in pieces of at most 512 permutations.

    The random stream belongs to fixed blocks of 512, so that a permutation does not depend on how many are wanted.

    >>> [labels.sum(axis=1).tolist() for labels in permuted_labels(np.array([0, 0, 1]), np.zeros(3, dtype=int), 2, seed=1)]
    [[1, 1]]
    """
    place = np.argsort(sets, kind="stable")
    piece = max(1, min(BLOCK, _CELLS // len(codes)))
    for number, first in enumerate(range(0, permutations, BLOCK)):
        rng = np.random.default_rng([seed, number])
        wanted = min(BLOCK, permutations - first)
        for row in range(0, wanted, piece):
            # A key below 1 beside a whole number puts the units in order of their sets, and at random within each.
            keys = rng.random((min(piece, wanted - row), len(codes))) + sets
            labels = np.empty(keys.shape, dtype=np.intp)
            labels[:, place] = codes[np.argsort(keys, axis=1)]
            yield labels


def log_exchanges(codes: NDArray[np.intp], sets: NDArray[np.intp]) -> float:
    """Logarithm of the number of different labellings that exchanges within sets can reach.

    >>> round(float(np.exp(log_exchanges(np.array([0, 0, 1, 1]), np.zeros(4, dtype=int)))))
    6
    """
    counts = np.zeros((sets.max() + 1, codes.max() + 1))
    np.add.at(counts, (sets, codes), 1)
    return float((gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1)).sum())


def moments_by_label(
    X: Array, w: Array, labels: NDArray[np.intp], groups: int, missing: Missing, start: Moments
) -> list[Moments]:
    """Moments of each group under labels (B, n), one batch a group; n is the number of cases in the group.

    The last group's sums are what the others leave of the total. With gaps in the answers every group is estimated on its own,
    starting from the moments of the pooled cases.
    """
    sizes = [(labels == g).sum(axis=1) for g in range(groups)]
    if not np.isnan(X).any():
        return _complete_by_label(X, w, labels, sizes)
    found = (moments_where_answered(X, np.where(labels == g, w, 0.0), missing, start) for g in range(groups))
    return [counting(m, size) for m, size in zip(found, sizes, strict=True)]


def moments_where_answered(X: Floats, W: Array, missing: Missing, start: Moments | None = None) -> Moments:
    """`moments`, with NaN covariances in a replicate that has no case with an answer to some item."""
    with np.errstate(invalid="ignore", divide="ignore"):
        m = moments(X, W, missing, start)
    gaps = np.isnan(X)
    if gaps.any():
        lost = ~((W @ ~gaps) > 0).all(axis=1)
        m.cov[lost] = np.nan
    return m


def counting(m: Moments, n: NDArray[np.intp]) -> Moments:
    """The same moments when only `n` (B,) of the rows are in the sample: the divisor n - 1 is theirs."""
    factor = (n / np.maximum(n - 1, 1)) / (m.n / np.maximum(m.n - 1, 1))
    return Moments(n, m.mean, np.moveaxis(np.moveaxis(m.cov, 0, -1) * factor, -1, 0))


def _complete_by_label(X: Array, w: Array, labels: NDArray[np.intp], sizes: list[NDArray[np.intp]]) -> list[Moments]:
    whole, n = moments(X, w[None]), len(X)
    total, first, second = w.sum(), np.zeros((X.shape[1], 1)), np.moveaxis(whole.cov, 0, -1) * (w.sum() * (n - 1) / n)
    found = []
    for g, size in enumerate(sizes[:-1]):
        W = np.where(labels == g, w, 0.0)
        m, weight = moments(X, W), W.sum(axis=1)
        found.append(counting(m, size))
        away = (m.mean - whole.mean).T
        total, first = total - weight, first - weight * away
        second = second - weight * (np.moveaxis(m.cov, 0, -1) * ((n - 1) / n) + away[:, None] * away)
    away = first / total
    cov = second / total - away[:, None] * away
    # What subtraction leaves of a constant is noise on the scale of all cases.
    variances, spread = np.einsum("iib->ib", cov), np.diagonal(whole.cov[0])[:, None]
    variances[variances <= 1e-12 * spread] = 0.0
    last = Moments(np.full(len(labels), n), whole.mean + away.T, np.moveaxis(cov * (n / (n - 1)), -1, 0))
    return [*found, counting(last, sizes[-1])]


def compositional_invariance(first: Array, second: Array, S: Array, layout: Layout) -> Array:
    """C (B, J): correlation of each construct's scores by the weights of two groups, (B, p) each, on the pooled items.

    1 says that both groups form the construct alike (step 2 of MICOM; Henseler, Ringle & Sarstedt 2016). `S` is the pooled
    correlation matrix for weights of standardised items.

    >>> layout = Layout(np.array([0, 0]), np.array([False]), np.array([False]), np.zeros((1, 1), dtype=bool))
    >>> compositional_invariance(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]), np.array([[1, 0.5], [0.5, 1]]), layout).tolist()
    [[0.5]]
    """
    columns = []
    for b in layout.slices:
        one, two, inside = first[:, b], second[:, b], S[b, b]
        seen = one @ inside
        lengths = (seen * one).sum(axis=1) * ((two @ inside) * two).sum(axis=1)
        columns.append((seen * two).sum(axis=1) / np.sqrt(lengths))
    return np.stack(columns, axis=1)


def score_moments(m: Moments, weights: Array, mean: Array, sd: Array, layout: Layout) -> tuple[Array, Array]:
    """Means and variances (B, J) of scores that pooled weights (p,) form of items standardised by the pooled mean and sd (p,)."""
    u = weights / sd
    means = np.add.reduceat((m.mean - mean) * u, layout.starts, axis=1)
    variances = [((m.cov[:, b, b] @ u[b]) * u[b]).sum(axis=1) for b in layout.slices]
    return means, np.stack(variances, axis=1)


def p_below(draws: Array, observed: Array) -> Array:
    """One-sided p value (1 + #draws <= observed)/(1 + #draws) over the first axis; NaN draws are left out."""
    return _share(draws <= observed + _EQUAL, draws)


def p_above(draws: Array, observed: Array) -> Array:
    """One-sided p value (1 + #draws >= observed)/(1 + #draws).

    >>> float(p_above(np.array([0.1, 0.5, 0.9]), np.array(0.9)))
    0.5
    """
    return _share(draws >= observed - _EQUAL, draws)


def p_two_sided(draws: Array, observed: Array) -> Array:
    """Twice the smaller of both, at most 1: groups of unequal size have no symmetric permutation distribution."""
    return np.asarray(np.minimum(1.0, 2 * np.minimum(p_below(draws, observed), p_above(draws, observed))))


def _share(extreme: NDArray[np.bool_], draws: Array) -> Array:
    return np.asarray((1 + extreme.sum(axis=0)) / (1 + np.isfinite(draws).sum(axis=0)))
