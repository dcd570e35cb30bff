"""Shares of explained variance: the average over all orderings, and what must hold of any of them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csi.kernel import relative_importance as kernel


def correlations(k, seed, draws=3):
    """Correlation matrices of k drivers and an outcome that depends on them."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        X = rng.normal(size=(60, k)) @ (np.eye(k) + rng.uniform(-0.6, 0.9, size=(k, k)))
        found.append(np.corrcoef(np.column_stack([X, X @ rng.normal(size=k) + rng.normal(size=60)]).T))
    return np.array(found)


def r2(R, drivers):
    """R2 of the regression on some drivers, by solving the normal equations."""
    drivers = list(drivers)
    return float(R[-1, drivers] @ np.linalg.solve(R[np.ix_(drivers, drivers)], R[drivers, -1])) if drivers else 0.0


def brute_force(R, orderings):
    """What each driver adds, averaged over the orderings one by one."""
    shares = np.zeros(len(R) - 1)
    for ordering in orderings:
        for i, j in enumerate(ordering):
            shares[j] += (r2(R, ordering[: i + 1]) - r2(R, ordering[:i])) / len(orderings)
    return shares


def respecting(groups):
    """All orderings in which the members of a group stand together."""
    found = []
    for order in permutations(range(len(groups))):
        orderings = [()]
        for g in order:
            orderings = [one + two for one in orderings for two in permutations(groups[g])]
        found += orderings
    return found


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_lmg_is_the_average_over_all_orderings(k):
    R = correlations(k, seed=k)
    expected = [brute_force(one, list(permutations(range(k)))) for one in R]
    assert np.abs(kernel.shapley(R) - expected).max() < 1e-10


@pytest.mark.parametrize("groups", [[[0, 1], [2], [3]], [[3, 0], [1, 4, 2]], [[0, 1, 2, 3]], [[4], [1, 0], [2, 3]]])
def test_grouped_drivers_average_over_the_orderings_that_keep_groups_together(groups):
    R = correlations(sum(map(len, groups)), seed=7)
    expected = [brute_force(one, respecting(groups)) for one in R]
    assert np.abs(kernel.shapley(R, groups) - expected).max() < 1e-10


def test_members_add_up_to_the_shapley_value_of_their_group():
    """A game of the groups alone, each entering as a whole."""
    groups = [[0, 1], [2, 3, 4], [5]]
    R = correlations(6, seed=3)
    shares = kernel.shapley(R, groups)
    for one, share in zip(R, shares, strict=True):
        for g, members in enumerate(groups):
            added = []
            for order in permutations(range(3)):
                before = [j for h in order[: order.index(g)] for j in groups[h]]
                added.append(r2(one, before + members) - r2(one, before))
            assert share[members].sum() == pytest.approx(np.mean(added), abs=1e-10)


def test_more_drivers_than_are_held_at_once_are_walked_depth_first():
    R = correlations(kernel._WIDE + 3, seed=5, draws=kernel._LANES + 2)
    shares = kernel.shapley(R)
    assert np.allclose(shares.sum(axis=1), kernel.r_squared(R), atol=1e-10)
    grouped = kernel.shapley(R, [[j] for j in reversed(range(R.shape[1] - 1))])
    assert np.allclose(grouped, shares, atol=1e-12)


def test_orthogonal_drivers_have_their_squared_correlations():
    R = np.eye(5)
    R[-1, :-1] = R[:-1, -1] = [0.5, -0.4, 0.3, 0.0]
    for shares in (kernel.shapley(R[None]), kernel.johnson(R[None])):
        assert np.allclose(shares[0], [0.25, 0.16, 0.09, 0.0], atol=1e-12)


def test_johnson_is_what_the_paper_defines():
    """Regress on the nearest orthogonal variables, then these on the drivers (Johnson 2000), from singular values."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    y = X @ [1.0, 0.5, -0.3, 0.2] + rng.normal(size=300)
    X, y = ((v - v.mean(axis=0)) / v.std(axis=0) / np.sqrt(300) for v in (X, y))
    P, delta, Q = np.linalg.svd(X, full_matrices=False)
    Z = P @ Q
    beta, Lambda = Z.T @ y, Q.T @ np.diag(delta) @ Q
    expected = Lambda**2 @ beta**2
    R = np.corrcoef(np.column_stack([X, y]).T)[None]
    assert np.abs(kernel.johnson(R)[0] - expected).max() < 1e-10


@given(k=st.integers(2, 7), seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_shares_add_up_and_follow_their_drivers(k, seed):
    R = correlations(k, seed, draws=2)
    order = np.random.default_rng(seed).permutation(k)
    turned = np.ones(k + 1)
    turned[seed % k] = -1.0
    for of in (kernel.shapley, kernel.johnson):
        shares = of(R)
        assert np.allclose(shares.sum(axis=1), kernel.r_squared(R), atol=1e-9)
        assert (shares > -1e-12).all()
        assert np.allclose(of(R[:, [*order, k]][:, :, [*order, k]]), shares[:, order], atol=1e-9)
        assert np.allclose(of(R * turned * turned[:, None]), shares, atol=1e-9)  # a driver coded the other way


def test_regression_is_that_of_least_squares():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3))
    y = X @ [1.0, -0.5, 0.2] + rng.normal(size=200)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    z = (y - y.mean()) / y.std()
    expected, residual, *_ = np.linalg.lstsq(Z, z, rcond=None)
    R = np.corrcoef(np.column_stack([X, y]).T)[None]
    assert np.allclose(kernel.standardised_regression(R)[0], expected, atol=1e-10)
    assert kernel.r_squared(R)[0] == pytest.approx(1 - residual[0] / 200, abs=1e-10)


class TestSampledOrderings:
    def test_group_members_stand_together_and_every_second_ordering_is_the_reverse(self):
        groups = [[0, 3], [1], [2, 4, 5]]
        orderings = kernel.random_orderings(groups, 40, seed=1)
        assert (orderings[1::2] == orderings[::2, ::-1]).all()
        for ordering in orderings.tolist():
            assert tuple(ordering) in set(respecting(groups))

    def test_the_error_says_how_far_the_exact_shares_are(self):
        R = correlations(8, seed=11, draws=1)
        exact = kernel.shapley(R)[0]
        misses = []
        for seed in range(60):
            orderings = kernel.random_orderings([[j] for j in range(8)], 40, seed)
            pairs = kernel.pair_means(added[0] for added in kernel.added_in_order(R, orderings))
            assert pairs.mean(axis=0).sum() == pytest.approx(kernel.r_squared(R)[0], abs=1e-12)
            assert np.allclose(kernel.sampled_shapley(R, orderings)[0], pairs.mean(axis=0), atol=1e-12)
            misses.append((pairs.mean(axis=0) - exact) / kernel.ordering_error(pairs))
        assert 0.8 < np.std(misses) < 1.3
        assert abs(np.mean(misses)) < 0.2

    def test_noise_has_the_size_of_the_error_and_moves_no_variance_away(self):
        rng = np.random.default_rng(0)
        pairs = rng.dirichlet(np.ones(4), size=30)
        noise = kernel.ordering_noise(pairs, 4000, seed=1)
        assert np.allclose(noise.sum(axis=1), 0, atol=1e-12)
        assert noise.std(axis=0) == pytest.approx(kernel.ordering_error(pairs), rel=0.06)


def test_matrices_without_shares_are_told_apart():
    R = correlations(3, seed=1, draws=1)[0]
    copy = R.copy()
    copy[1], copy[:, 1] = copy[0], copy[:, 0]
    copy[1, 1] = copy[0, 1] = copy[1, 0] = 1.0
    impossible = R.copy()
    impossible[0, 1] = impossible[1, 0] = 1.2
    undefined = np.full_like(R, np.nan)
    assert kernel.sound(np.array([R, copy, impossible, undefined])).tolist() == [True, False, False, False]


def test_how_large_the_game_is():
    assert kernel.players(14) == 14
    assert kernel.players(24, [[*range(8)], [*range(8, 16)], [*range(16, 24)]]) == 10
