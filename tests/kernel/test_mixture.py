"""Mixtures of regressions: the likelihood is what it says, never falls, and singular starts are given up and counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from csi.kernel.mixture import (
    criteria,
    expectation_maximisation,
    fewest_cases,
    parameters,
    random_posteriors,
    regressions,
)
from csi.kernel.pls import Layout


def layout_with(adjacency):
    J = len(adjacency)
    return Layout(np.arange(J), np.zeros(J, bool), np.zeros(J, bool), np.array(adjacency, dtype=bool))


TWO_CAUSES = layout_with([[0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])


def scores(n=120, seed=0):
    """Two kinds of cases in turn: the first cause works on one kind, the second on the other."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, n))
    kind = np.arange(n) % 2
    third = np.where(kind == 0, first, second) + 0.2 * rng.normal(size=n)
    return np.column_stack([first, second, third, 0.5 * first - 0.5 * third + 0.4 * rng.normal(size=n)]), kind


def ended(Y, w, K=2, starts=6, **settings):
    return expectation_maximisation(Y, w, TWO_CAUSES, random_posteriors(starts, K, len(Y), 1), **settings)


def test_one_segment_is_ordinary_least_squares():
    Y, _ = scores()
    fitted = regressions(Y, np.ones(120), np.ones((1, 1, 120)), TWO_CAUSES)
    design = np.column_stack([np.ones(120), Y[:, :2]])
    slopes, (squares,), *_ = np.linalg.lstsq(design, Y[:, 2])
    assert fitted.intercept[0, 0, 2] == pytest.approx(slopes[0], abs=1e-12)
    assert np.allclose(fitted.paths[0, 0, :2, 2], slopes[1:], atol=1e-12)
    assert fitted.residual[0, 0, 2] == pytest.approx(squares / 120)
    assert fitted.r_squared[0, 0, 2] == pytest.approx(1 - squares / ((Y[:, 2] - Y[:, 2].mean()) ** 2).sum())


def test_the_log_likelihood_is_that_of_the_normal_mixture():
    Y, _ = scores()
    found = ended(Y, np.ones(120), starts=1, tolerance=1e-12)
    fitted = regressions(Y, np.ones(120), found.posterior, TWO_CAUSES)
    density = np.zeros(120)
    for k in range(2):
        predicted = fitted.intercept[0, k] + Y @ fitted.paths[0, k]
        each = norm.pdf(Y, predicted, np.sqrt(fitted.residual[0, k]))
        density += fitted.share[0, k] * each[:, 2] * each[:, 3]
    assert found.log_likelihood[0] == pytest.approx(np.log(density).sum(), abs=1e-6)


@given(seed=st.integers(0, 10_000), K=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_the_log_likelihood_never_falls(seed, K):
    Y, _ = scores(seed=seed)
    w = np.random.default_rng(seed).uniform(0.5, 1.5, size=120)
    P = random_posteriors(3, K, 120, seed)
    short, long = (expectation_maximisation(Y, w, TWO_CAUSES, P, max_iterations=steps) for steps in (3, 9))
    both = ~long.singular
    assert (long.log_likelihood[both] >= short.log_likelihood[both] - 1e-8).all()
    assert np.allclose(long.posterior.sum(axis=1), 1)


def test_a_batch_of_starts_is_many_single_starts():
    Y, _ = scores()
    P = random_posteriors(4, 3, 120, 5)
    together = expectation_maximisation(Y, np.ones(120), TWO_CAUSES, P)
    for s in range(4):
        alone = expectation_maximisation(Y, np.ones(120), TWO_CAUSES, P[[s]])
        assert alone.log_likelihood[0] == pytest.approx(together.log_likelihood[s], abs=1e-9)
        assert alone.iterations[0] == together.iterations[s]


def test_weight_two_is_the_case_given_twice():
    Y, _ = scores()
    w = 1.0 + (np.arange(120) < 40)
    P = random_posteriors(2, 2, 120, 1)
    twice = np.repeat(np.arange(120), w.astype(int))
    weighted = expectation_maximisation(Y, w, TWO_CAUSES, P, tolerance=1e-11)
    repeated = expectation_maximisation(Y[twice], np.ones(160), TWO_CAUSES, P[:, :, twice], tolerance=1e-11)
    assert np.allclose(weighted.log_likelihood, repeated.log_likelihood, atol=1e-8)
    assert np.allclose(weighted.posterior[:, :, twice], repeated.posterior, atol=1e-6)


def test_planted_kinds_are_told_apart():
    Y, kind = scores(400)
    found = ended(Y, np.ones(400))
    assigned = found.posterior[found.log_likelihood.argmax()].argmax(axis=0)
    assert max((assigned == kind).mean(), (assigned != kind).mean()) > 0.9


def test_a_segment_on_a_line_is_singular_and_given_up():
    """Thirty cases without any error draw one segment's variance to zero, where the likelihood has no bound."""
    Y, _ = scores()
    Y[:30, 2] = Y[:30, 0]
    Y[:30, 3] = -Y[:30, 0]
    on_the_line = np.zeros((2, 2, 120))
    on_the_line[0, 0, :30] = on_the_line[0, 1, 30:] = 1.0
    on_the_line[1] = random_posteriors(1, 2, 120, 3)[0]
    found = expectation_maximisation(Y, np.ones(120), TWO_CAUSES, on_the_line)
    assert found.singular[0]
    assert found.log_likelihood[0] == -np.inf


def test_a_segment_of_nearly_no_one_is_singular():
    Y, _ = scores()
    P = np.empty((1, 2, 120))
    P[0, 0] = 0.9 * fewest_cases(TWO_CAUSES) / 120
    P[0, 1] = 1 - P[0, 0]
    assert expectation_maximisation(Y, np.ones(120), TWO_CAUSES, P).singular.all()


def test_a_cause_that_repeats_another_has_no_solution():
    Y, _ = scores()
    Y[:, 1] = Y[:, 0]
    assert expectation_maximisation(Y, np.ones(120), TWO_CAUSES, np.ones((1, 1, 120))).singular.all()


def test_iterations_that_run_out_are_not_called_converged():
    Y, _ = scores()
    assert not ended(Y, np.ones(120), max_iterations=2).converged.any()


def test_parameters_are_counted_per_segment():
    # Four slopes, two intercepts, two variances in each of three segments, and two free shares.
    assert parameters(TWO_CAUSES, 3) == 3 * 8 + 2


def test_sure_and_unsure_memberships():
    w = np.ones(4)
    sure = criteria(-10.0, -30.0, np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]]), w, TWO_CAUSES)
    unsure = criteria(-10.0, -30.0, np.full((2, 4), 0.5), w, TWO_CAUSES)
    assert (sure["EN"], sure["NFI"], sure["NEC"]) == (1, 1, 0)
    assert (unsure["EN"], unsure["NFI"]) == (0, 0)
    assert unsure["NEC"] == pytest.approx(4 * np.log(2) / 20)
    one = criteria(-30.0, -30.0, np.ones((1, 4)), w, TWO_CAUSES)
    assert one["NEC"] == 1
    assert np.isnan(one["EN"])
