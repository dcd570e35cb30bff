"""Fit indices by the likelihood: lavaan's numbers from lavaan's own matrices, and what the definitions imply."""

import numpy as np
import pytest
from conftest import square
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, ncx2

from csi.kernel.likelihood_fit import likelihood_fit, scaled_fit, scaling_factors

LAVAAN = {
    "chi2": "chisq", "df": "df", "p_value": "pvalue", "baseline_chi2": "baseline.chisq", "baseline_df": "baseline.df",
    "cfi": "cfi", "tli": "tli", "nfi": "nfi", "rmsea": "rmsea", "rmsea_low": "rmsea.ci.lower", "rmsea_high": "rmsea.ci.upper",
    "p_close": "rmsea.pvalue", "srmr": "srmr", "log_likelihood": "logl", "parameters": "npar", "aic": "aic", "bic": "bic",
}  # fmt: skip


@pytest.mark.parametrize("name", ["lavaan_mobi_acsi_ml", "lavaan_mobi_cfa_ml", "lavaan_mobi_ecsi_ml"])
def test_every_index_equals_lavaan(reference, name):
    case = reference(name)
    expected = case["fit_measures"]
    S, Sigma = (square(case[key]).to_numpy() for key in ("sample_cov_n", "implied_cov"))
    fit = likelihood_fit(S, Sigma, expected["df"], expected["ntotal"])
    for ours, theirs in LAVAAN.items():
        assert getattr(fit, ours) == pytest.approx(expected[theirs], rel=1e-8, abs=1e-8), ours


def test_scaled_indices_equal_lavaan(reference):
    case = reference("lavaan_mobi_acsi_mlm")
    expected = case["fit_measures"]
    S, Sigma = (square(case[key]).to_numpy() for key in ("sample_cov_n", "implied_cov"))
    fit = likelihood_fit(S, Sigma, expected["df"], expected["ntotal"])
    # The file has no scaling factor of the baseline; it follows from the scaled CFI.
    excess = expected["chisq.scaled"] - expected["df.scaled"]
    baseline = excess / (1 - expected["cfi.scaled"]) + expected["baseline.df"]
    scaled = scaled_fit(
        fit, expected["chisq.scaling.factor"], expected["baseline.chisq"] / baseline, expected["ntotal"]
    )
    for ours, theirs in (
        ("chi2_scaled", "chisq.scaled"), ("p_scaled", "pvalue.scaled"), ("tli_scaled", "tli.scaled"),
        ("rmsea_scaled", "rmsea.scaled"), ("cfi_robust", "cfi.robust"), ("tli_robust", "tli.robust"),
        ("rmsea_robust", "rmsea.robust"),
    ):  # fmt: skip
        assert getattr(scaled, ours) == pytest.approx(expected[theirs], abs=1e-8), ours


@pytest.fixture
def matrices():
    X = np.random.default_rng(1).normal(size=(100, 4)) @ np.random.default_rng(2).normal(size=(4, 4))
    X -= X.mean(axis=0)
    return X, X.T @ X / len(X), np.diag((X**2).mean(axis=0))


def test_the_log_likelihood_is_the_sum_over_the_cases(matrices):
    X, S, Sigma = matrices
    expected = multivariate_normal(np.zeros(4), Sigma).logpdf(X).sum()
    assert likelihood_fit(S, Sigma, 6, 100).log_likelihood == pytest.approx(expected, rel=1e-12)


def test_a_perfect_fit(matrices):
    _, S, _ = matrices
    fit = likelihood_fit(S, S, 2, 100)
    assert (fit.chi2, fit.rmsea, fit.rmsea_low, fit.rmsea_high, fit.cfi, fit.srmr) == pytest.approx(
        (0, 0, 0, 0, 1, 0), abs=1e-6
    )
    assert fit.p_value == pytest.approx(1)


def test_the_baseline_fits_no_better_than_itself(matrices):
    _, S, Sigma = matrices
    fit = likelihood_fit(S, Sigma, 6, 100)
    assert fit.chi2 == pytest.approx(fit.baseline_chi2)
    assert (fit.cfi, fit.tli, fit.nfi) == pytest.approx((0, 0, 0), abs=1e-12)


def test_without_degrees_of_freedom_nothing_is_tested(matrices):
    _, S, _ = matrices
    fit = likelihood_fit(S, S, 0, 100)
    assert np.isnan([fit.p_value, fit.p_close]).all()
    assert (fit.rmsea, fit.rmsea_high, fit.tli) == (0, 0, 1)


@given(st.integers(2, 200), st.floats(1.2, 8), st.integers(50, 5000))
def test_the_interval_of_rmsea_turns_the_noncentral_chi_square_round(df, ratio, n):
    """At either end the observed chi2 is the 95 % or the 5 % point of the distribution with that noncentrality."""
    p = next(p for p in range(2, 60) if p * (p + 1) // 2 > df)
    chi2 = ratio * df
    assume(chi2 / n < 12)  # beyond, 1 - r2 has too few digits left for the comparison
    Sigma = np.eye(p)
    r = np.sqrt(1 - np.exp(-chi2 / n))  # one correlation with -log(1 - r2) = chi2/n
    S = np.eye(p)
    S[0, 1] = S[1, 0] = r
    fit = likelihood_fit(S, Sigma, df, n)
    assert fit.chi2 == pytest.approx(chi2, rel=1e-6)
    assert fit.rmsea_low <= fit.rmsea <= fit.rmsea_high
    assert ncx2.cdf(fit.chi2, df, fit.rmsea_high**2 * n * df) == pytest.approx(0.05, abs=1e-6)
    if fit.rmsea_low > 0:
        assert ncx2.cdf(fit.chi2, df, fit.rmsea_low**2 * n * df) == pytest.approx(0.95, abs=1e-6)


class TestScaling:
    """An independence model has no parameters beyond the variances, so that its factor can be written down."""

    def test_normal_answers_need_none(self):
        Z = np.random.default_rng(3).normal(size=(40_000, 4))
        Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
        _, baseline = scaling_factors(Z, np.ones(len(Z)), np.eye(4), np.zeros((1, 1)), np.zeros((1, 1)), 6)
        assert baseline == pytest.approx(1, abs=0.03)

    def test_the_two_formulas_agree(self):
        """The model's factor with the variances' share taken out equals the sum over the pairs of items."""
        rng = np.random.default_rng(4)
        Z, weights = rng.standard_t(6, size=(500, 4)), rng.uniform(0.5, 1.5, 500)
        weights /= weights.mean()
        Z -= weights @ Z / len(Z)
        Z /= np.sqrt((weights[:, None] * Z**2).mean(axis=0))
        scores = (Z**2 - 1) / 2 * weights[:, None]  # derivatives of the log-likelihood by the variances
        meat, bread = scores.T @ scores / len(Z), 2 * np.eye(4)
        uncorrelated = np.linalg.cholesky(np.linalg.inv((Z * weights[:, None]).T @ Z / len(Z)))
        Z = Z @ uncorrelated  # then V S V = I and the identity is exact
        scores = (Z**2 - 1) / 2 * weights[:, None]
        meat = scores.T @ scores / len(Z)
        model, baseline = scaling_factors(Z, weights, np.eye(4), meat, bread, 6)
        assert model == pytest.approx(baseline, rel=1e-10)
