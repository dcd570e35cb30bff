"""Populations: what is stated is what is there, and samples scatter around it as theory says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi.kernel.effects import path_coefficients
from csi.kernel.estimates import estimate
from csi.kernel.moments import moments
from csi.kernel.pls import Layout
from csi.kernel.population import (
    composite_block,
    construct_correlations,
    item_correlations,
    normal_samples,
    residual_variances,
    sampled_answers,
)

BLOCK = np.repeat(np.arange(4), 3)
PATHS = np.zeros((4, 4))
PATHS[0, 2], PATHS[1, 2], PATHS[2, 3], PATHS[0, 3] = 0.4, 0.3, 0.5, -0.2


def layout(factor, adjacency=PATHS != 0, block=BLOCK):
    J = len(adjacency)
    return Layout(block, np.zeros(J, bool), np.full(J, factor), adjacency)


@given(st.lists(st.floats(-0.4, 0.4), min_size=6, max_size=6), st.floats(-0.5, 0.5))
def test_regressions_on_the_implied_correlations_give_the_paths_back(values, r):
    paths = np.zeros((4, 4))
    paths[np.triu_indices(4, 1)] = values
    paths[0, 1] = 0.0  # two constructs without a cause, correlated as told
    given_ = np.eye(4)
    given_[0, 1] = given_[1, 0] = r
    adjacency = np.triu(np.ones((4, 4), bool), 1)
    adjacency[0, 1] = False
    C = construct_correlations(paths, [0, 1, 2, 3], given_)
    found, r_squared = path_coefficients(C[None], layout(True, adjacency))
    caused = (paths != 0).any(axis=0)
    assert C[0, 1] == r
    assert np.abs(found[0][:, caused] - paths[:, caused]).max(initial=0) < 1e-10
    assert residual_variances(paths, C)[caused] == pytest.approx(1 - r_squared[0][caused])


def test_the_order_of_the_constructs_does_not_matter():
    shuffled = [2, 0, 3, 1]
    C = construct_correlations(PATHS, [0, 1, 2, 3])
    again = construct_correlations(PATHS[np.ix_(shuffled, shuffled)], [1, 3, 0, 2])
    assert np.abs(again - C[np.ix_(shuffled, shuffled)]).max() < 1e-15


def test_consistent_pls_finds_the_paths_of_a_factor_population():
    loadings = np.tile([0.9, 0.8, 0.6], 4)
    R = item_correlations(loadings, BLOCK, construct_correlations(PATHS, [0, 1, 2, 3]))
    e = estimate(R[None], layout(True), tolerance=1e-12)
    assert np.abs(e.paths[0] - PATHS).max() < 1e-9
    assert np.abs(e.loadings[0] - loadings).max() < 1e-9


@pytest.mark.parametrize("mode_b", [False, True])
def test_composites_are_found_in_a_composite_population(mode_b):
    lam = np.array([0.9, 0.8, 0.7])
    C = construct_correlations(PATHS, [0, 1, 2, 3])
    R = item_correlations(np.tile(lam, 4), BLOCK, C, dict.fromkeys(range(4), composite_block(lam)))
    shape = Layout(BLOCK, np.full(4, mode_b), np.zeros(4, bool), PATHS != 0)
    e = estimate(R[None], shape, tolerance=1e-12)
    assert np.abs(e.paths[0] - PATHS).max() < 1e-9
    assert np.abs(e.loadings[0] - np.tile(lam, 4)).max() < 1e-9


@given(st.lists(st.floats(0.3, 0.95), min_size=2, max_size=8).map(np.array))
def test_a_composite_exists_exactly_where_no_error_outweighs_the_others(loadings):
    s = loadings**2 * (1 - loadings**2)
    margin = s.sum() - 2 * s.max()
    R = composite_block(loadings)
    if R is None:
        assert margin < 1e-5
    else:
        assert margin > -1e-9
        assert np.linalg.eigvalsh(R)[0] > -1e-9
        assert np.abs(R @ loadings - (loadings @ loadings) * loadings).max() < 1e-8


def test_one_item_is_its_own_composite():
    assert composite_block(np.array([1.0])).tolist() == [[1.0]]
    assert composite_block(np.array([0.9])) is None


def test_wishart_samples_scatter_as_samples_of_cases_do():
    R = item_correlations(np.tile([0.9, 0.7, 0.6], 4), BLOCK, construct_correlations(PATHS, [0, 1, 2, 3]))
    rng = np.random.default_rng(4)
    drawn = normal_samples(R, 60, 4000, rng)
    cases = np.concatenate([moments(sampled_answers(R, 60, rng), np.ones((1, 60))).correlation for _ in range(4000)])
    for one, other in ((drawn.mean(axis=0), cases.mean(axis=0)), (drawn.std(axis=0), cases.std(axis=0))):
        assert np.abs(one - other).max() < 5 * 0.13 * np.sqrt(2 / 4000)  # an r of 60 cases has an SD of at most 0.13
    expected = (1 - R**2) / np.sqrt(59)  # Fisher's large-sample SD of a correlation
    off = ~np.eye(12, dtype=bool)
    assert drawn.std(axis=0)[off] == pytest.approx(expected[off], rel=0.08)


def test_answers_on_a_scale_have_the_shares_of_the_normal_classes():
    answers = sampled_answers(np.eye(2), 100_000, np.random.default_rng(2), points=5)
    assert np.unique(answers).tolist() == [1, 2, 3, 4, 5]
    # P(Z < -1.5) = 0.0668, P(-1.5 < Z < -0.5) = 0.2417
    assert [(answers == k).mean() for k in (1, 2, 3)] == pytest.approx([0.0668, 0.2417, 0.3829], abs=0.004)
