"""Tetrads: as many as the covariances leave free, vanishing under one factor, and implying all the others."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.kernel.tetrads import nonredundant, tetrads


def every_tetrad(p):
    """All three of each four items."""
    fours = combinations(range(p), 4)
    return np.array([four for a, b, c, d in fours for four in ((a, b, c, d), (a, b, d, c), (a, c, d, b))])


def gradients(cov, items):
    """(m, p (p - 1)/2) derivatives of the tetrads by the covariances, taken numerically."""
    place = np.array(np.triu_indices(len(cov), 1)).T
    columns = []
    for i, k in place:
        up = np.zeros(cov.shape)
        up[i, k] = up[k, i] = 1e-6
        columns.append((tetrads((cov + up)[None], items) - tetrads((cov - up)[None], items))[0] / 2e-6)
    return np.column_stack(columns)


@pytest.mark.parametrize("p", [4, 5, 6, 9])
def test_there_are_as_many_as_one_factor_leaves_free(p):
    """p (p - 1)/2 covariances less p loadings (Bollen & Ting 1993)."""
    assert len(nonredundant(p)) == p * (p - 3) // 2


@pytest.mark.parametrize("p", [2, 3])
def test_fewer_than_four_items_have_none(p):
    assert nonredundant(p).shape == (0, 4)


@pytest.mark.parametrize("p", [4, 5, 6, 7])
def test_they_are_independent_and_imply_the_others(p):
    """At a one-factor covariance their gradients span those of all tetrads, and none is spanned by the rest."""
    loadings = np.random.default_rng(p).uniform(0.4, 0.9, size=p)
    cov = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    chosen, every = gradients(cov, nonredundant(p)), gradients(cov, every_tetrad(p))
    rank = np.linalg.matrix_rank(chosen, tol=1e-6)
    assert rank == len(chosen)
    assert np.linalg.matrix_rank(np.vstack([chosen, every]), tol=1e-6) == rank


@given(st.integers(4, 8), st.integers(0, 10_000))
def test_one_factor_makes_all_vanish_whatever_the_error_variances(p, seed):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=p)
    cov = np.outer(loadings, loadings) + np.diag(rng.uniform(0, 5, size=p))
    assert np.allclose(tetrads(cov[None], every_tetrad(p)), 0, atol=1e-9)


def test_two_factors_leave_some():
    """Items 0, 1 of one and 2, 3 of another factor that correlate 0.5: s01 s23 - s02 s13 = 0.64^2 - 0.32^2."""
    loadings = np.kron(np.eye(2), np.full((2, 1), 0.8))
    cov = loadings @ np.array([[1, 0.5], [0.5, 1]]) @ loadings.T + 0.36 * np.eye(4)
    assert np.allclose(tetrads(cov[None], nonredundant(4)), 0.64**2 - 0.32**2)


@given(st.integers(0, 10_000))
def test_units_of_the_items_multiply_a_tetrad(seed):
    rng = np.random.default_rng(seed)
    cov, unit = np.cov(rng.normal(size=(5, 30))), rng.uniform(-3, 3, size=5)
    items = nonredundant(5)
    scaled = tetrads((cov * np.outer(unit, unit))[None], items)
    assert np.allclose(scaled, tetrads(cov[None], items) * unit[items].prod(axis=1), atol=1e-9)
