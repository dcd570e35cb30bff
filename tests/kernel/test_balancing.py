"""Groups made alike: logistic regression in batches, overlap weights and calibration, each against another computation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from csi.kernel.ascent import Slope, summits
from csi.kernel.balancing import calibrated_weights, overlap_weights, tilted
from csi.kernel.logistic import coefficients, fitted_probabilities


def invented(seed, n=200, k=3, B=4):
    """Covariates, a group that depends on them, weights of which some are 0."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, k))
    group = rng.random(n) < 1 / (1 + np.exp(-Z[:, 0]))
    return Z, group, rng.gamma(2, size=(B, n)) * (rng.random((B, n)) < 0.8)


class TestLogistic:
    def test_each_replicate_is_the_optimum_of_a_general_optimiser(self):
        Z, y, W = invented(1)
        Z = np.column_stack([np.ones(len(Z)), Z])
        for b, w in zip(coefficients(Z, y, W), W, strict=True):
            best = minimize(lambda c, w=w: (w * (np.logaddexp(0, Z @ c) - y * (Z @ c))).sum(), np.zeros(4), tol=1e-12)
            assert np.allclose(b, best.x, atol=1e-4)

    def test_fitted_and_observed_means_agree(self):
        Z, y, W = invented(2)
        Z = np.column_stack([np.ones(len(Z)), Z])
        p = fitted_probabilities(Z, y, W)
        assert np.allclose((W * p) @ Z, (W * y) @ Z, atol=1e-6 * W.sum())

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_a_replicate_does_not_depend_on_its_neighbours(self, seed):
        Z, y, W = invented(seed, n=80)
        whole = fitted_probabilities(Z, y, W)
        alone = np.concatenate([fitted_probabilities(Z, y, w[None]) for w in W])
        assert np.allclose(whole, alone, atol=1e-9)

    def test_a_covariate_that_tells_some_cases_without_error_leaves_the_others_as_they_are(self):
        Z, y, W = invented(3)
        told = np.zeros(len(Z))
        told[np.flatnonzero(y)[:7]] = 1
        both = np.column_stack([np.ones(len(Z)), Z, told])
        p = fitted_probabilities(both, y, W, tolerance=1e-8)
        rest = told == 0
        assert np.allclose(p[:, rest], fitted_probabilities(both[rest][:, :4], y[rest], W[:, rest]), atol=1e-5)
        assert (p[:, ~rest][W[:, ~rest] > 0] > 0.999).all()

    def test_columns_that_repeat_one_another_do_no_harm(self):
        Z, y, W = invented(4)
        once = np.column_stack([np.ones(len(Z)), Z])
        assert np.allclose(
            fitted_probabilities(np.column_stack([once, Z]), y, W), fitted_probabilities(once, y, W), atol=1e-6
        )

    def test_one_outcome_alone_has_no_regression(self):
        Z, y, W = invented(5)
        W[1, y] = 0
        W[2] = np.nan
        assert np.isnan(fitted_probabilities(Z, y, W)).any(axis=1).tolist() == [False, True, True, False]


class TestAlike:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_the_groups_have_the_same_means(self, seed):
        Z, group, W = invented(seed)
        for weights in (overlap_weights(Z, group, W), calibrated_weights(Z, group, W)):
            assert np.allclose(weights[:, group].sum(axis=1), 1)
            assert np.allclose(weights[:, group] @ Z[group], weights[:, ~group] @ Z[~group], atol=1e-4)
            assert ((weights > 0) <= (W > 0)).all()

    def test_overlap_weights_are_the_chance_to_be_in_the_other_group(self):
        Z, group, W = invented(6)
        chance = fitted_probabilities(np.column_stack([np.ones(len(Z)), Z]), group, W)
        wanted = W * (1 - chance)
        found = overlap_weights(Z, group, W)[:, group]
        assert np.allclose(found, wanted[:, group] / wanted[:, group].sum(axis=1, keepdims=True), atol=1e-6)

    def test_calibration_leaves_the_group_and_moves_the_others_least(self):
        """Entropy balancing by a general optimiser of its primal: the smallest sum of w log(w / base)."""
        Z, group, W = invented(7, n=40, k=2, B=1)
        W += 0.1
        found = calibrated_weights(Z, group, W)[0]
        assert np.allclose(found[group], W[0, group] / W[0, group].sum())
        base = W[0, ~group] / W[0, ~group].sum()
        target = found[group] @ Z[group]
        best = minimize(
            lambda w: (w * np.log(w / base)).sum(),
            base,
            method="SLSQP",
            bounds=[(1e-12, 1)] * len(base),
            constraints={"type": "eq", "fun": lambda w: np.append(w @ Z[~group] - target, w.sum() - 1)},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        assert best.success
        assert np.allclose(found[~group], best.x, atol=1e-5)

    def test_means_out_of_reach_are_not_met_in_part(self):
        out = tilted(np.array([[0.0], [1.0]]), np.ones((2, 2)), np.array([[0.5, 1.5]]))
        assert np.isnan(out).any(axis=1).tolist() == [False, True]

    def test_groups_with_nobody_in_between_have_no_overlap(self):
        Z = np.r_[np.linspace(-2, -1, 20), np.linspace(1, 2, 20)][:, None]
        group = Z[:, 0] > 0
        assert np.isnan(overlap_weights(Z, group, np.ones((1, 40)))).all()
        assert np.isnan(calibrated_weights(Z, group, np.ones((1, 40)))).all()


def test_a_summit_is_found_from_where_a_whole_step_would_lead_down():
    """-sqrt(1 + x2): where |x| > 1 a whole step of Newton's method leads ever further away."""

    def slope(b, which):
        root = np.sqrt(1 + (b - 5) ** 2)
        return Slope(-root.sum(axis=0), -(b - 5) / root, 1 / root[None] ** 3)

    assert summits(slope, 1, np.array([0])) == pytest.approx(5.0)
