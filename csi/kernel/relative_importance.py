"""How the explained variance of an outcome is shared out among correlated drivers, for a batch of correlation matrices.

Notation
    R       (B, k + 1, k + 1)  correlations of k drivers and, last, of the outcome
    v(S)    R2 of the linear regression of the outcome on the drivers in S
    blocks  players of a game whose worth is v: single drivers, or groups of drivers that enter together
Shapley (LMG; Lindeman, Merenda & Gold 1980; Groemping 2006): a driver's share is what it adds to v, averaged over all orderings
of the drivers. Grouped drivers: averaged over the orderings in which a group's members stand together (Owen 1977), so that the
members' shares add up to the group's own Shapley value. Every set of shares adds up to v of all drivers. The matrices must be
positive definite; see `sound`.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import factorial

import numpy as np
from numpy.typing import NDArray

from csi.kernel.small_matrices import Array, ldl, solve

MOST_EXACT = 20  # players: a million sets
_WIDE = 8  # players whose sets are held at once, 256 of them
_LANES = 64  # matrices at once: with 256 sets they stay in the cache
_LEAST_EIGENVALUE = 1e-9

Groups = Sequence[Sequence[int]]


def sound(R: Array) -> NDArray[np.bool_]:
    """(B,) whether the drivers' correlations are defined and positive definite and leave the outcome a possible place.

    >>> sound(np.array([[[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]], np.eye(3)])).tolist()
    [False, True]
    """
    defined = np.asarray(np.isfinite(R).all(axis=(1, 2)))
    safe = np.where(defined[:, None, None], R, np.eye(R.shape[1]))
    definite = np.linalg.eigvalsh(safe[:, :-1, :-1])[:, 0] > _LEAST_EIGENVALUE
    possible = np.linalg.eigvalsh(safe)[:, 0] > -_LEAST_EIGENVALUE  # 0 where the drivers tell the outcome exactly
    return np.asarray(defined & definite & possible)


def standardised_regression(R: Array) -> Array:
    """(B, k) coefficients of the regression of the outcome on all drivers, in standard deviations.

    >>> R = np.array([[[1.0, 0.5, 0.6], [0.5, 1.0, 0.6], [0.6, 0.6, 1.0]]])
    >>> standardised_regression(R).round(6).tolist()
    [[0.4, 0.4]]
    """
    C = np.ascontiguousarray(np.moveaxis(R, 0, -1))
    return np.asarray(solve(ldl(C[:-1, :-1]), C[:-1, -1]).T)


def r_squared(R: Array) -> Array:
    """(B,) v of all drivers."""
    return np.asarray((standardised_regression(R) * R[:, :-1, -1]).sum(axis=1))


def johnson(R: Array) -> Array:
    """(B, k) relative weights (Johnson 2000), which add up to R2.

    The drivers are replaced by the orthogonal variables nearest to them, Z = X A^-1 with A the symmetric root of their
    correlations; a driver's weight is the sum over these of a^2 beta^2, its own share in each times what that one explains.

    >>> R = np.array([[[1.0, 0.5, 0.6], [0.5, 1.0, 0.6], [0.6, 0.6, 1.0]]])
    >>> johnson(R).round(6).tolist()
    [[0.24, 0.24]]
    """
    values, vectors = np.linalg.eigh(R[:, :-1, :-1])
    root = np.sqrt(values)
    A = (vectors * root[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    along = np.einsum("bij,bi->bj", vectors, R[:, :-1, -1]) / root
    beta = np.einsum("bij,bj->bi", vectors, along)
    return np.asarray(np.einsum("bij,bj->bi", A**2, beta**2))


def players(k: int, groups: Groups | None = None) -> int:
    """How many players the largest game has that `shapley` must solve; beyond `MOST_EXACT` orderings are sampled."""
    if groups is None:
        return k
    return max(len(groups) - 1 + len(members) for members in groups)


def shapley(R: Array, groups: Groups | None = None) -> Array:
    """(B, k) exact shares of all drivers; `groups` are lists of drivers, every driver in one of them.

    >>> R = np.array([[[1.0, 0.5, 0.6], [0.5, 1.0, 0.3], [0.6, 0.3, 1.0]]])
    >>> shapley(R).round(6).tolist()  # the second driver adds nothing to the first, and 0.09 where it comes first
    [[0.315, 0.045]]
    """
    k = R.shape[1] - 1
    groups = [[j] for j in range(k)] if groups is None else groups
    shares = np.empty((len(R), k))
    for first in range(0, len(R), _LANES):
        part = slice(first, first + _LANES)
        C = np.ascontiguousarray(np.moveaxis(R[part], 0, -1))
        alone = [g for g, members in enumerate(groups) if len(members) == 1]
        if alone:
            shares[part, [groups[g][0] for g in alone]] = _values(C, [], groups)[alone].T
        for g, members in enumerate(groups):
            if len(members) > 1:
                others = [*groups[:g], *groups[g + 1 :]]
                shares[part, list(members)] = _values(C, others, [[j] for j in members]).T
    return shares


def _values(C: Array, outer: Groups, inner: Groups) -> Array:
    """(inner players, B) Owen values of the inner players, who are one group among the outer ones; C is batch last."""
    order = [j for block in (*outer, *inner) for j in block]
    S = C[np.ix_([*order, -1], [*order, -1])]
    number, own = len(outer) + len(inner), len(inner)
    shift = np.arange(number)[::-1]  # the first player is the leading bit of a set's number
    of_outer, of_inner = _shapley_weights(len(outer) + 1), _shapley_weights(own)
    shares, first = np.zeros((own, C.shape[2])), 0
    for unexplained in _unexplained(S, [len(block) for block in (*outer, *inner)]):
        inside = (np.arange(first, first + len(unexplained))[:, None] >> shift) & 1
        others, members = inside[:, : number - own].sum(axis=1), inside[:, number - own :]
        size = members.sum(axis=1)[:, None]
        # A set that holds the player is what it leads to, one without it is what it starts from. Unexplained variance is 1 - v,
        # and the weights of all sets cancel.
        added = np.where(members, of_inner[size - 1], -of_inner[np.minimum(size, own - 1)])
        shares -= (added * of_outer[others][:, None]).T @ unexplained
        first += len(unexplained)
    return shares


def _shapley_weights(number: int) -> Array:
    """(number,) share of the orderings in which a player comes just after one given set of 0, 1, ... others."""
    return np.array([factorial(s) * factorial(number - 1 - s) / factorial(number) for s in range(number)])


def _unexplained(S: Array, sizes: Sequence[int]) -> Iterator[Array]:
    """Variance of the outcome that every set of blocks leaves, in the order of the sets' numbers, in pieces (sets, B).

    S (p + 1, p + 1, B) are the covariances that are left, the blocks (of these sizes) in their order and the outcome last. The
    tree of sets is walked depth first: without the first block, then with it swept out (a Schur complement), each time for all
    replicates; its lowest levels are done side by side.
    """
    if len(sizes) <= _WIDE:
        states = S[None]
        for size in sizes:
            both = np.stack([states[:, size:, size:], _swept(states, size)], axis=1)
            states = both.reshape(-1, *both.shape[2:])
        yield states[:, 0, 0]
        return
    yield from _unexplained(S[sizes[0] :, sizes[0] :], sizes[1:])
    yield from _unexplained(_swept(S[None], sizes[0])[0], sizes[1:])


def _swept(states: Array, count: int) -> Array:
    """Covariances (N, m, m, B) given the first `count` variables, which are taken out."""
    for _ in range(count):
        pull = states[:, 0, 1:] / states[:, :1, 0]
        states = states[:, 1:, 1:] - states[:, 1:, :1] * pull[:, None]
    return states


def random_orderings(groups: Groups, count: int, seed: int) -> NDArray[np.intp]:
    """(count, k) orderings of the drivers in which a group's members stand together, each followed by its reverse.

    What a driver adds when it comes early and when it comes late is opposite from the average, so that pairs err less.

    >>> random_orderings([[0, 1], [2]], 2, seed=1).tolist()
    [[0, 1, 2], [2, 1, 0]]
    """
    rng, found = np.random.default_rng(seed), []
    for _ in range((count + 1) // 2):
        one = [j for g in rng.permutation(len(groups)) for j in rng.permutation(np.asarray(groups[g], dtype=np.intp))]
        found += [one, one[::-1]]
    return np.array(found, dtype=np.intp)


def added_in_order(R: Array, orderings: NDArray[np.intp]) -> Iterator[Array]:
    """(B, k) what each driver adds to v in one ordering after the other."""
    C = np.ascontiguousarray(np.moveaxis(R, 0, -1))
    for ordering in orderings:
        order = [*ordering, -1]
        F = ldl(C[np.ix_(order, order)])
        k = len(ordering)
        added = np.empty((len(R), k))
        added[:, ordering] = (F[k, :k] ** 2 * np.einsum("iib->ib", F)[:k]).T
        yield added


def pair_means(added: Iterable[Array]) -> Array:
    """(M/2, ...) mean of what drivers add in each ordering and its reverse, for `random_orderings`."""
    each = list(added)
    return np.stack([(one + reverse) / 2 for one, reverse in zip(each[::2], each[1::2], strict=True)])


def sampled_shapley(R: Array, orderings: NDArray[np.intp]) -> Array:
    """(B, k) shares averaged over the orderings, which may be some only.

    >>> R = np.array([[[1.0, 0.5, 0.6], [0.5, 1.0, 0.3], [0.6, 0.3, 1.0]]])
    >>> sampled_shapley(R, random_orderings([[0], [1]], 2, seed=1)).round(6).tolist()  # of two drivers a pair is all there is
    [[0.315, 0.045]]
    """
    return np.asarray(sum(added_in_order(R, orderings)) / len(orderings))


def ordering_error(pairs: Array) -> Array:
    """Monte-Carlo standard error of the mean of `pair_means` (M/2, ...).

    >>> float(ordering_error(np.array([1.0, 2.0, 3.0])).round(3))
    0.577
    """
    return np.asarray(pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs)))


def ordering_noise(pairs: Array, draws: int, seed: int) -> Array:
    """(draws, ...) how far the mean of other such pairs would lie from this one: the pairs resampled, one fewer than there are.

    >>> ordering_noise(np.array([0.0, 1.0]), 4, seed=1).tolist()
    [0.5, -0.5, -0.5, 0.5]
    """
    chosen = np.random.default_rng([seed, 1]).integers(0, len(pairs), size=(draws, len(pairs) - 1))
    return np.asarray(pairs[chosen].mean(axis=1) - pairs.mean(axis=0))
