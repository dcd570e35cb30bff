"""Canonical correlations: known values, shrinkage between none and whole, p values that hold under no relation."""

import numpy as np
import pytest

from csi.kernel.canonical import canonical, shrinkage


def sets_of(n, rho, seed=1, p=3, q=2):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)), rng.normal(size=(n, q))
    Y[:, 0] = rho * X[:, 0] + np.sqrt(1 - rho**2) * Y[:, 0]
    return X, Y, np.ones(n), np.zeros(n, dtype=int)


def test_close_to_the_plain_correlations_of_many_rows():
    from sklearn.cross_decomposition import CCA

    X, Y, w, one = sets_of(3000, 0.6)
    found = canonical(X, Y, w, one, permutations=19)
    U, V = CCA(n_components=2, scale=False).fit(X, Y).transform(X, Y)
    plain = [abs(np.corrcoef(U[:, k], V[:, k])[0, 1]) for k in range(2)]
    assert found.correlations[0] == pytest.approx(plain[0], abs=0.01)
    assert found.correlations[0] == pytest.approx(0.6, abs=0.03)
    assert abs(found.x_loadings[0, 0]) > 0.98


def test_weights_are_copies():
    X, Y, _, one = sets_of(120, 0.5)
    twice = np.r_[np.arange(120), np.arange(60)]
    by_weight = canonical(X, Y, np.where(np.arange(120) < 60, 2.0, 1.0), one, permutations=19)
    by_copy = canonical(X[twice], Y[twice], np.ones(180), np.zeros(180, dtype=int), permutations=19)
    assert by_weight.x_loadings[:, 0] == pytest.approx(by_copy.x_loadings[:, 0], abs=0.05)


def test_p_values_hold_when_nothing_is_related():
    p = [canonical(*sets_of(60, 0.0, seed=seed), permutations=39).p_values[0] for seed in range(60)]
    assert np.mean(np.array(p) <= 0.10) <= 0.22  # 6 of 60 are expected; over 13 has a probability below 0.01
    assert 0.3 < np.mean(p) < 0.7


def test_rows_are_exchanged_within_sets_alone():
    """Where sets differ in both sides, exchange within sets finds nothing and exchange over all does."""
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1], 100)
    X, Y = (rng.normal(size=(200, 2)) + 2.0 * group[:, None] for _ in range(2))
    assert canonical(X, Y, np.ones(200), np.zeros(200, dtype=int), permutations=39).p_values[0] == 1 / 40
    assert canonical(X, Y, np.ones(200), group, permutations=39).p_values[0] > 1 / 40


def test_shrinkage_is_small_for_many_rows_and_large_for_few():
    rng = np.random.default_rng(2)
    mix = rng.normal(size=(6, 6))
    lams = []
    for n in (12, 5000):
        X = rng.normal(size=(n, 6)) @ mix
        lams.append(shrinkage((X - X.mean(axis=0)) / X.std(axis=0), np.ones(n)))
    assert 0 <= lams[1] < 0.02 < lams[0] <= 1
    assert shrinkage(np.ones((5, 1)), np.ones(5)) == 0


def test_columns_that_repeat_each_other():
    X, Y, w, one = sets_of(200, 0.5)
    found = canonical(np.column_stack([X, X[:, 0]]), Y, w, one, permutations=19)
    assert np.isfinite(found.correlations).all()
    assert (found.correlations <= 1).all()
