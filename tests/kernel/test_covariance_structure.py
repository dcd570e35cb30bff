"""Covariance structures: derivatives are those of the discrepancy, and the maximum is where lavaan finds it."""

import numpy as np
import pytest
from conftest import square
from hypothesis import given, settings
from hypothesis import strategies as st

from csi.kernel.covariance_structure import (
    Structure,
    case_scores,
    gradient,
    information,
    jacobian,
    maximum_likelihood,
)
from csi.kernel.overall_fit import likelihood_distance
from csi.kernel.pls import Layout


def structure_of(sizes, adjacency):
    sizes, adjacency = np.array(sizes), np.array(adjacency, dtype=bool)
    none = np.zeros(len(sizes), dtype=bool)
    return Structure.of(Layout(np.repeat(np.arange(len(sizes)), sizes), none, ~none, adjacency))


@pytest.fixture
def triangle():
    """Two exogenous constructs, one of them a single item, and an effect."""
    return structure_of([3, 1, 3], [[0, 0, 1], [0, 0, 1], [0, 0, 0]])


@pytest.fixture
def theta(triangle):
    return triangle.start(np.eye(7)) + np.random.default_rng(3).uniform(0, 0.2, triangle.parameters)


@pytest.fixture
def correlations():
    return np.corrcoef(np.random.default_rng(4).normal(size=(60, 7)).T)


def test_implied_covariances_are_those_of_the_equations(triangle, theta):
    """Sigma equals the covariance of answers made by the model's own equations, term by term."""
    s = triangle.solution(theta)
    loadings, paths, residual, variance, covariance = np.split(theta, [4, 6, 12, 15])
    a, c = np.array([1, *loadings[:2]]), np.array([1, *loadings[2:]])
    between = paths[0] * variance[0] + paths[1] * covariance[0]  # of the first construct and the effect
    assert np.allclose(s.Sigma[:3, :3], variance[0] * np.outer(a, a) + np.diag(residual[:3]))
    assert np.allclose(s.Sigma[:3, 3], a * covariance[0])
    assert np.allclose(s.Sigma[:3, 4:], between * np.outer(a, c))
    assert s.Sigma[3, 3] == pytest.approx(variance[1])


def test_gradient_and_complex_step_are_the_derivatives(triangle, theta, correlations):
    R = correlations

    def discrepancy(t):
        return float(likelihood_distance(R[None], triangle.solution(t).Sigma[None])[0])

    h = 1e-6 * np.eye(len(theta))
    numeric = np.array([(discrepancy(theta + e) - discrepancy(theta - e)) / 2e-6 for e in h])
    assert np.abs(gradient(R, triangle, theta) - numeric).max() < 1e-7
    second = np.array([(gradient(R, triangle, theta + e) - gradient(R, triangle, theta - e)) / 2e-6 for e in h])
    assert np.abs(jacobian(lambda t: gradient(R, triangle, t), theta) - second).max() < 1e-7


def test_information_is_half_the_curvature_where_the_model_is_true(triangle, theta):
    Sigma = triangle.solution(theta).Sigma
    curvature = jacobian(lambda t: gradient(Sigma, triangle, t), theta)
    assert np.abs(information(triangle, theta) - curvature / 2).max() < 1e-9


def test_scores_of_the_cases_add_up_to_the_gradient(triangle, theta):
    """The mean score less that of the model's own moments is minus half the gradient of the discrepancy."""
    Z = np.random.default_rng(5).normal(size=(40, 7))
    Z -= Z.mean(axis=0)
    S = Z.T @ Z / len(Z)
    scores = case_scores(Z, triangle, theta, triangle.solution(theta).Sigma)
    assert np.abs(scores.mean(axis=0) + gradient(S, triangle, theta) / 2).max() < 1e-10
    assert np.abs(case_scores(Z, triangle, theta, S).mean(axis=0)).max() < 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_parameters_of_a_true_model_are_found_from_the_plain_start(seed):
    rng = np.random.default_rng(seed)
    structure = structure_of([3, 2, 1, 3], np.triu(np.ones((4, 4)), 1))
    q = structure.start(np.eye(9))
    truth = q * rng.uniform(0.7, 1.3, len(q)) + np.where(q == 0, rng.uniform(0.2, 0.6, len(q)), 0)
    S = structure.solution(truth).Sigma
    found = maximum_likelihood(S, structure, structure.start(S))
    assert found.converged
    assert found.discrepancy == pytest.approx(0, abs=1e-10)
    assert np.abs(found.theta - truth).max() < 1e-6


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_models_of_two_constructs_or_more_never_have_more_parameters_than_moments(sizes, seed):
    rng = np.random.default_rng(seed)
    structure = structure_of(sizes, np.triu(rng.random((len(sizes), len(sizes))) < 0.7, 1))
    assert structure.degrees_of_freedom >= 0


def test_units_change_the_numbers_and_not_the_model(triangle, theta):
    s = triangle.solution(theta)
    items, constructs = np.arange(1.0, 8), np.array([1.0, 4.0, 5.0])
    rescaled = s.rescaled(items, constructs)
    assert np.allclose(rescaled.Sigma, s.Sigma * items * items[:, None])
    assert np.allclose(rescaled.Phi, s.Phi * constructs * constructs[:, None])
    standardised = s.standardised()
    assert np.allclose(np.diagonal(standardised.Sigma), 1)
    assert np.allclose(np.diagonal(standardised.Phi), 1)


@pytest.fixture(scope="module")
def case(reference):
    return reference("lavaan_mobi_cfa_ml")


@pytest.fixture(scope="module")
def solved(case):
    structure = structure_of([5, 3, 7, 2, 3, 3], np.zeros((6, 6)))
    S = square(case["sample_cov_n"]).to_numpy()
    sd = np.sqrt(np.diagonal(S))
    R = S / sd / sd[:, None]
    return S, sd, R, structure, maximum_likelihood(R, structure, structure.start(R))


class TestConfirmatoryFactorAnalysis:
    """Six constructs of the mobi data without paths, all correlated: every parameter and error equals lavaan's."""

    def test_parameters(self, case, solved):
        _, sd, _, structure, found = solved
        marker = sd[structure.layout.starts]
        raw = structure.solution(found.theta).rescaled(sd, marker)
        ours = structure.entries(raw)
        expected = [p["est"] for p in case["parameters"]]  # lavaan prints them in the same order
        assert np.abs(ours - expected).max() < 5e-5

    def test_errors(self, case, solved):
        _, sd, _, structure, found = solved
        marker = sd[structure.layout.starts]
        J = jacobian(
            lambda t: structure.entries(structure.solution(t).rescaled(sd, marker)), found.theta
        )  # fmt: skip
        covariance = np.linalg.inv(information(structure, found.theta)) / case["fit_measures"]["ntotal"]
        ours = np.sqrt(np.diagonal(J @ covariance @ J.T))
        assert np.abs(ours - [p["se"] for p in case["parameters"]]).max() < 1e-5

    def test_our_maximum_is_the_flatter_one(self, case, solved):
        """What differs from lavaan is where its iteration stopped: there the slope is still a hundred thousandth."""
        _, sd, R, structure, found = solved
        marker = sd[structure.layout.starts]
        theirs = np.array([p["est"] for p in case["parameters"]])
        ours = structure.entries(structure.solution(found.theta).rescaled(sd, marker))
        unit = ours[structure.is_free] / found.theta
        steepness = np.abs(gradient(R, structure, theirs[structure.is_free] / unit)).max()
        assert found.slope < 1e-9
        assert 1e-6 < steepness < 1e-3
        assert found.discrepancy <= 2 * case["fit_measures"]["fmin"] + 1e-12  # lavaan's fmin is F/2
