"""Bias-corrected, accelerated and studentised limits; the jackknife."""

import numpy as np
import pytest
from scipy.stats import bootstrap, skew

from csi.kernel.intervals import (
    acceleration_of,
    bias_corrected_interval,
    jackknife_bias,
    jackknife_error,
    studentised_interval,
)
from csi.kernel.resample import delete_one_multipliers, percentile_interval, rao_wu_counts


@pytest.fixture(scope="module")
def skewed():
    return np.random.default_rng(2).exponential(size=40)


def left_out(x, statistic):
    return np.array([[statistic(np.delete(x, i))] for i in range(len(x))])


def test_symmetric_draws_need_no_correction():
    draws = np.random.default_rng(1).normal(size=(20_000, 1))
    draws = np.concatenate([draws, -draws])
    plain, corrected = percentile_interval(draws), bias_corrected_interval(draws, np.zeros(1))
    assert np.abs(np.array(plain) - np.array(corrected)).max() < 1e-10


def test_bca_equals_scipy(skewed):
    rng = np.random.default_rng(3)
    peer = bootstrap((skewed,), np.mean, n_resamples=4000, method="BCa", rng=rng)
    draws = peer.bootstrap_distribution[:, None]
    a = acceleration_of(left_out(skewed, np.mean), np.zeros(len(skewed), int))
    low, high = bias_corrected_interval(draws, np.array([skewed.mean()]), acceleration=a)
    assert low[0] == pytest.approx(peer.confidence_interval.low, abs=1e-9)
    assert high[0] == pytest.approx(peer.confidence_interval.high, abs=1e-9)


def test_acceleration_of_a_mean_is_a_sixth_of_its_skewness(skewed):
    a = acceleration_of(left_out(skewed, np.mean), np.zeros(len(skewed), int))
    assert a[0] == pytest.approx(skew(skewed) / 6 / np.sqrt(len(skewed)), rel=1e-10)


def test_jackknife_of_a_mean_is_its_textbook_error(skewed):
    left = left_out(skewed, np.mean)
    strata = np.zeros(len(skewed), int)
    assert jackknife_error(left, strata)[0] == pytest.approx(skewed.std(ddof=1) / np.sqrt(len(skewed)), rel=1e-10)
    assert jackknife_bias(left, np.array([skewed.mean()]), strata)[0] == pytest.approx(0, abs=1e-12)


def test_jackknife_removes_the_bias_of_the_plain_variance(skewed):
    left = left_out(skewed, np.var)
    bias = jackknife_bias(left, np.array([skewed.var()]), np.zeros(len(skewed), int))
    assert skewed.var() - bias[0] == pytest.approx(skewed.var(ddof=1), rel=1e-10)


def test_strata_are_left_out_one_by_one():
    """A stratified mean: the jackknife error is that of the textbook, whatever lies between the strata."""
    rng = np.random.default_rng(5)
    sizes, x = [12, 30], np.concatenate([rng.normal(0, 1, 12), rng.normal(50, 3, 30)])
    blocks = [block for block, _ in delete_one_multipliers(sizes)]
    strata = np.repeat([0, 1], sizes)
    W = np.concatenate(blocks)
    left = (W @ x / W.sum(axis=1))[:, None]
    share = np.array(sizes) / sum(sizes)
    variances = np.array([x[:12].var(ddof=1) / 12, x[12:].var(ddof=1) / 30])
    assert jackknife_error(left, strata)[0] == pytest.approx(np.sqrt((share**2 * variances).sum()), rel=1e-10)


def test_rao_wu_within_strata_has_the_textbook_variance():
    rng = np.random.default_rng(5)
    sizes, x = [5, 30], np.concatenate([rng.normal(0, 1, 5), rng.normal(50, 3, 30)])
    means = np.concatenate([W @ x / W.sum(axis=1) for W in rao_wu_counts(sizes, 6000, seed=1)])
    share = np.array(sizes) / sum(sizes)
    variances = np.array([x[:5].var(ddof=1) / 5, x[5:].var(ddof=1) / 30])
    assert means.std() == pytest.approx(np.sqrt((share**2 * variances).sum()), rel=0.04)
    first = next(iter(rao_wu_counts(sizes, 600, seed=1)))
    assert (first == next(iter(rao_wu_counts(sizes, 700, seed=1)))).all()


def test_studentised_limits_of_a_mean_are_those_of_t():
    """With normal draws and their exact errors the limits are those of Student's t."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=30)
    samples = rng.choice(x, size=(20_000, 30))
    errors = samples.std(axis=1, ddof=1)[:, None] / np.sqrt(30)
    error = np.array([x.std(ddof=1) / np.sqrt(30)])
    low, high = studentised_interval(samples.mean(axis=1)[:, None], errors, np.array([x.mean()]), error)
    half = 2.045 * error[0]
    assert (high[0] - low[0]) / 2 == pytest.approx(half, rel=0.12)


def test_draws_that_failed_are_left_out():
    draws = np.random.default_rng(1).normal(size=(500, 2))
    holed = np.vstack([draws, np.full((50, 2), np.nan)])
    for a, b in zip(
        bias_corrected_interval(draws, np.zeros(2)), bias_corrected_interval(holed, np.zeros(2)), strict=True
    ):
        assert np.allclose(a, b)
