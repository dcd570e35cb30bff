"""moments: equal to numpy where answers are complete, to an independent EM where they are not, in any batch."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from conftest import square
from hypothesis import given, settings
from hypothesis import strategies as st

from csi.kernel import sums as module
from csi.kernel.missing import completed_domain_means
from csi.kernel.moments import Missing, domain_means, moments

TREATMENTS = get_args(Missing)


@pytest.fixture
def answers():
    rng = np.random.default_rng(4)
    return rng.normal(size=(120, 1)) + rng.normal(size=(120, 5)) * [1, 2, 3, 1, 1]


def with_gaps(X, share, seed=0):
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


def test_complete_answers_have_the_usual_moments(answers):
    m = moments(answers, np.ones((1, 120)))
    assert np.allclose(m.mean[0], answers.mean(axis=0), atol=1e-13)
    assert np.allclose(m.cov[0], np.cov(answers.T), atol=1e-12)
    assert np.allclose(m.correlation[0], np.corrcoef(answers.T), atol=1e-13)


def test_a_far_origin_costs_no_digits(answers):
    near, far = moments(answers, np.ones((1, 120))), moments(answers + 1e6, np.ones((1, 120)))
    assert np.allclose(near.cov, far.cov, rtol=1e-8)


def test_rows_in_memory_at_once_do_not_matter(answers, monkeypatch):
    whole = moments(answers, np.ones((2, 120)))
    monkeypatch.setattr(module, "_CELLS", 64)
    assert np.allclose(moments(answers, np.ones((2, 120))).cov, whole.cov, atol=1e-12)


def test_em_equals_an_independent_em(reference, mobi):
    case = reference("em_mobi_mcar10")
    X = mobi.astype(float)
    for row, column in zip(case["missing_cells_0based"]["row"], case["missing_cells_0based"]["column"], strict=True):
        X.loc[row, column] = np.nan
    m = moments(X.to_numpy(), np.ones((1, 250)))
    assert np.abs(m.mean[0] - pd.Series(case["mean"])[X.columns].to_numpy()).max() < 1e-8
    likelihood_divisor = m.cov[0] * 249 / 250
    assert np.abs(likelihood_divisor - square(case["cov"]).loc[X.columns, X.columns].to_numpy()).max() < 1e-8


def test_em_repairs_what_filling_in_means_attenuates():
    rng = np.random.default_rng(9)
    X = rng.multivariate_normal([0, 0, 0], [[1, 0.7, 0.7], [0.7, 1, 0.7], [0.7, 0.7, 1]], 20_000)
    gappy = with_gaps(X, 0.2)
    W = np.ones((1, len(X)))
    assert moments(gappy, W, "em").correlation[0, 0, 1] == pytest.approx(0.7, abs=0.01)
    assert moments(gappy, W, "mean").correlation[0, 0, 1] < 0.60


def test_mean_filling_is_what_it_says(answers):
    X = with_gaps(answers, 0.1)
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    m = moments(X, np.ones((1, 120)), "mean")
    assert np.allclose(m.mean[0], filled.mean(axis=0), atol=1e-12)
    assert np.allclose(m.cov[0], np.cov(filled.T), atol=1e-12)


def test_listwise_uses_complete_rows_only(answers):
    X = with_gaps(answers, 0.05)
    complete = X[~np.isnan(X).any(axis=1)]
    m = moments(X, np.ones((1, 120)), "listwise")
    assert m.n[0] == len(complete)
    assert np.allclose(m.cov[0], np.cov(complete.T), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(TREATMENTS))
def test_weights_are_repetitions(seed, missing):
    rng = np.random.default_rng(seed)
    X = with_gaps(rng.normal(size=(40, 1)) + rng.normal(size=(40, 4)), 0.05, seed)
    count = rng.integers(0, 4, 40)
    weighted = moments(X, count[None, :].astype(float) * 2.5, missing)
    repeated = moments(np.repeat(X, count, axis=0), np.ones((1, count.sum())), missing)
    assert np.allclose(weighted.mean, repeated.mean, atol=1e-7)
    assert np.allclose(weighted.correlation, repeated.correlation, atol=1e-7)


@pytest.mark.parametrize("missing", TREATMENTS)
def test_one_batch_is_many_singles(answers, missing):
    X = with_gaps(answers, 0.08)
    W = np.random.default_rng(1).integers(0, 3, (6, 120)).astype(float)
    start = moments(X, np.ones((1, 120)), missing)
    together = moments(X, W, missing, start)
    for b in range(6):
        alone = moments(X, W[[b]], missing, start)
        assert np.allclose(alone.cov[0], together.cov[b], atol=1e-9)


def test_rows_without_answers_carry_no_information(answers):
    X = np.vstack([with_gaps(answers, 0.05), np.full((3, 5), np.nan)])
    m = moments(X, np.ones((1, 123)))
    assert m.n[0] == 120
    assert np.allclose(m.cov, moments(X[:120], np.ones((1, 120))).cov)


def test_an_item_without_spread_has_no_correlations():
    X = np.column_stack([np.arange(10.0), np.full(10, 3.3)])
    R = moments(X, np.ones((1, 10))).correlation[0]
    assert R[0, 0] == 1
    assert np.isnan(R[1]).all()


def test_completed_domain_means_average_to_the_em_mean(answers):
    X = with_gaps(answers, 0.15)
    W = np.random.default_rng(2).integers(1, 4, (3, 120)).astype(float)
    m = moments(X, W)
    group = np.arange(120) % 3
    domains = np.array([group == g for g in range(3)])
    means = completed_domain_means(X, W, domains, m)
    some = ~np.isnan(X).all(axis=1)
    share = (W[:, some] @ domains[:, some].T) / W[:, some].sum(axis=1, keepdims=True)
    assert np.allclose(np.einsum("bd,bdp->bp", share, means), m.mean, atol=1e-8)


def test_domain_means_are_group_means(answers):
    X = with_gaps(answers, 0.1)
    group = np.arange(120) % 3
    means = domain_means(X, np.ones((1, 120)), np.array([group == g for g in range(4)]))
    expected = pd.DataFrame(X).groupby(group).mean().to_numpy()
    assert np.allclose(means[0, :3], expected)
    assert np.isnan(means[0, 3]).all()  # nobody is in group 3
