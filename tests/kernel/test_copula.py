"""Copula terms: ranks made normal, the regressions that hold them, and whether a score is normal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from csi.kernel.copula import copula_terms, cramer_von_mises, joint_moments, regression, skewness

ONES = np.ones((1, 200))


def term(x, w=None):
    x = np.asarray(x, dtype=float)
    return copula_terms(x[None, :, None], np.ones((1, len(x))) if w is None else np.asarray(w, dtype=float)[None])[
        0, :, 0
    ]


def test_without_ties_it_is_the_published_adjusted_rank():
    """Becker, Proksch & Ringle (2022): k/n, and n/(n + 1) for the highest."""
    x = np.random.default_rng(1).normal(size=50)
    H = stats.rankdata(x) / 50
    assert np.allclose(term(x), stats.norm.ppf(np.where(H == 1, 50 / 51, H)), atol=1e-12)


def test_ties_stand_at_their_mean_rank():
    assert np.allclose(stats.norm.cdf(term([1, 2, 2, 3])), [1 / 4, 2.5 / 4, 2.5 / 4, 4 / 5])


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_only_the_order_of_the_scores_matters(seed, scale, shift):
    x = np.random.default_rng(seed).integers(1, 11, size=40)
    assert np.allclose(term(x), term(np.exp(scale * x / 10) + shift), atol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_the_unit_of_the_weights_is_nothing(seed, unit):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=30), rng.uniform(0.2, 3, size=30)
    assert np.allclose(term(x, w), term(x, unit * w), atol=1e-9)


def test_a_row_without_weight_moves_nobody():
    x = np.array([3.0, 1.0, 2.0, 9.0, -7.0])
    with_them = stats.norm.cdf(term(x, [1, 1, 1, 0, 0])[:3])
    # Five rows stand in both, so that 1/n and n/(n + 1) are the same; what the two without weight answer does not matter.
    other = stats.norm.cdf(term([3.0, 1.0, 2.0, 0.0, 2.5], [1, 1, 1, 0, 0])[:3])
    assert np.allclose(with_them, other)


def test_regressions_equal_least_squares_on_the_columns():
    rng = np.random.default_rng(2)
    S = rng.gamma(2, size=(1, 200, 3))
    S[..., 2] += 0.5 * S[..., 0]
    w = rng.uniform(0.5, 2, size=200)
    moments = joint_moments(S, w[None], np.array([1]))
    found = regression(moments, 2, np.array([0, 1, 3]))[0]
    mean, sd = np.average(S[0], axis=0, weights=w), np.sqrt(np.cov(S[0].T, aweights=w, ddof=0).diagonal())
    Z = (S[0] - mean) / sd
    columns = np.column_stack([Z[:, :2], term(S[0, :, 1], w), np.ones(200)])
    root = np.sqrt(w)[:, None]
    expected = np.linalg.lstsq(columns * root, Z[:, 2] * root[:, 0], rcond=None)[0]
    assert np.allclose(found, expected[:3], atol=1e-10)


def test_a_planted_endogeneity_is_taken_out():
    """Mean over 200 samples of 1,000: least squares is off by half a unit, the corrected slope by chance only."""
    rng = np.random.default_rng(3)
    error = rng.normal(size=(200, 1000))
    hidden = 0.5 * error + np.sqrt(0.75) * rng.normal(size=error.shape)
    x = stats.gamma.ppf(stats.norm.cdf(hidden), 2)
    S = np.stack([x, 0.5 * x + error], axis=-1)
    moments = joint_moments(S, np.ones(x.shape), np.array([0]))
    unit = S[..., 1].std(axis=1) / x.std(axis=1)
    plain = regression(moments, 1, np.array([0]))[:, 0] * unit
    corrected = regression(moments, 1, np.array([0, 2]))[:, 0] * unit
    assert plain.mean() > 0.8
    assert corrected.mean() == pytest.approx(0.5, abs=4 * corrected.std() / np.sqrt(200) + 0.01)


def test_a_pile_at_the_end_of_the_scale_leaves_little_bias():
    """A fifth of the answers at the top. Terms at the last of the ties leave half of the bias of 0.46 in."""
    rng = np.random.default_rng(4)
    error = rng.normal(size=(200, 1000))
    hidden = 0.5 * error + np.sqrt(0.75) * rng.normal(size=error.shape)
    x = np.minimum(-stats.gamma.ppf(stats.norm.cdf(-hidden), 2), -stats.gamma.ppf(0.2, 2))
    x /= x.std()
    S = np.stack([x, 0.5 * x + error], axis=-1)
    corrected = regression(joint_moments(S, np.ones(x.shape), np.array([0])), 1, np.array([0, 2]))[:, 0]
    assert abs((corrected * S[..., 1].std(axis=1)).mean() - 0.5) < 0.1


def test_cramer_von_mises_equals_simulation_under_normality():
    """scipy simulates the distribution of the same statistic with estimated mean and SD."""
    rng = np.random.default_rng(5)
    for x in (rng.normal(size=150), rng.gamma(20, size=150)):
        found, p = cramer_von_mises((x - x.mean()) / x.std(ddof=1), np.ones(150))
        peer = stats.goodness_of_fit(stats.norm, x, statistic="cvm", n_mc_samples=1999, rng=rng)
        assert found == pytest.approx(peer.statistic, abs=1e-12)
        assert p == pytest.approx(peer.pvalue, abs=0.04)


def test_a_normal_score_is_rejected_as_often_as_the_level_says():
    X = np.random.default_rng(6).normal(size=(1000, 120))
    Z = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, ddof=1, keepdims=True)
    p = np.array([cramer_von_mises(z, np.ones(120))[1] for z in Z])
    for level in (0.05, 0.5):
        assert (p < level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 1000))


def test_equal_weights_of_any_size_are_no_weights():
    z = np.random.default_rng(7).gamma(2, size=80)
    assert cramer_von_mises(z - z.mean(), np.full(80, 3.0)) == pytest.approx(
        cramer_von_mises(z - z.mean(), np.ones(80))
    )
    assert skewness(z, np.ones(80)) == pytest.approx(stats.skew(z))


def test_p_never_rises_with_the_statistic():
    away = np.linspace(0, 3, 30)
    z = np.sort(np.random.default_rng(8).normal(size=300))
    found = [cramer_von_mises(np.where(z > 1, z + shift, z), np.ones(300)) for shift in away]
    assert (np.diff([p for _, p in sorted(found)]) <= 1e-6).all()
