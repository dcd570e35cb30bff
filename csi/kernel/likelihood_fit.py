"""How well a covariance structure fits, by the likelihood: the test of exact fit and the indices built on it.

Notation
    S, Sigma   (p, p)  observed and implied item covariances, divisor n
    q, df              free parameters; degrees of freedom p (p + 1)/2 - q
    chi2               n F with F the discrepancy of maximum likelihood; 0 is a perfect fit
    baseline           the model in which the items do not correlate at all
The divisor is n throughout (not n - 1), and the means are free, so that they take no degree of freedom and enter no count.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2 as chi_square
from scipy.stats import ncx2

from csi.kernel.overall_fit import likelihood_distance, srmr
from csi.kernel.small_matrices import Array

_CLOSE = 0.05  # RMSEA that counts as a close fit (Browne & Cudeck 1993)


@dataclass(frozen=True, slots=True)
class LikelihoodFit:
    """Pure numbers; the interval of RMSEA covers 90 %, `p_close` is the p value of RMSEA <= 0.05."""

    chi2: float
    df: int
    p_value: float
    baseline_chi2: float
    baseline_df: int
    cfi: float
    tli: float
    nfi: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    p_close: float
    srmr: float
    log_likelihood: float
    parameters: int
    aic: float
    bic: float


@dataclass(frozen=True, slots=True)
class ScaledFit:
    """The test of exact fit corrected for non-normal answers (Satorra & Bentler 1994), and the indices that follow.

    `scaled` indices put the corrected chi2 in the place of chi2; `robust` ones estimate what the index is in the population
    (Brosseau-Liard & Savalei 2014).
    """

    scaling: float
    chi2_scaled: float
    p_scaled: float
    cfi_scaled: float
    tli_scaled: float
    rmsea_scaled: float
    cfi_robust: float
    tli_robust: float
    rmsea_robust: float


def likelihood_fit(S: Array, Sigma: Array, df: int, n: int) -> LikelihoodFit:
    """The indices of one model.

    Sources: CFI, Bentler (1990); TLI, Tucker & Lewis (1973); NFI, Bentler & Bonett (1980); RMSEA, Steiger (1990); SRMR with
    observed standard deviations in both matrices, Bentler (1995). Without degrees of freedom the test has no p value.

    >>> S = np.array([[1, 0.5], [0.5, 1]])
    >>> fit = likelihood_fit(S, np.eye(2), df=1, n=100)
    >>> round(fit.chi2, 3), round(fit.cfi, 3), fit.parameters
    (28.768, 0.0, 2)
    """
    p = len(S)
    sd = np.sqrt(np.diagonal(S))
    R, implied = S / np.outer(sd, sd), Sigma / np.outer(sd, sd)
    chi2 = max(n * float(likelihood_distance(R[None], implied[None])[0]), 0.0)
    baseline, baseline_df = -n * float(np.linalg.slogdet(R)[1]), p * (p - 1) // 2
    low, high = _rmsea_interval(chi2, df, n)
    log_likelihood = -n / 2 * float(p * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + chi2 / n + p)
    q = p * (p + 1) // 2 - df
    return LikelihoodFit(
        chi2=chi2,
        df=df,
        p_value=float(chi_square.sf(chi2, df)) if df else np.nan,
        baseline_chi2=baseline,
        baseline_df=baseline_df,
        cfi=_comparative(chi2 - df, baseline - baseline_df),
        tli=_tucker_lewis(chi2 - df, df, baseline - baseline_df, baseline_df),
        nfi=1 - chi2 / baseline,
        rmsea=_rmsea(chi2 - df, df, n),
        rmsea_low=low,
        rmsea_high=high,
        p_close=1 - float(ncx2.cdf(chi2, df, _CLOSE**2 * n * df)) if df else np.nan,
        srmr=float(srmr(R[None], implied[None])[0]),
        log_likelihood=log_likelihood,
        parameters=q,
        aic=-2 * log_likelihood + 2 * q,
        bic=-2 * log_likelihood + q * float(np.log(n)),
    )


def scaled_fit(fit: LikelihoodFit, scaling: float, baseline_scaling: float, n: int) -> ScaledFit:
    """The indices when chi2 / scaling, not chi2, is what the chi-square distribution describes."""
    df, df0 = fit.df, fit.baseline_df
    chi2, chi2_0 = fit.chi2 / scaling, fit.baseline_chi2 / baseline_scaling
    excess, excess_0 = fit.chi2 - scaling * df, fit.baseline_chi2 - baseline_scaling * df0
    return ScaledFit(
        scaling=scaling,
        chi2_scaled=chi2,
        p_scaled=float(chi_square.sf(chi2, df)),
        cfi_scaled=_comparative(chi2 - df, chi2_0 - df0),
        tli_scaled=_tucker_lewis(chi2 - df, df, chi2_0 - df0, df0),
        rmsea_scaled=_rmsea(chi2 - df, df, n),
        cfi_robust=_comparative(excess, excess_0),
        tli_robust=_tucker_lewis(excess, df, excess_0, df0),
        rmsea_robust=_rmsea(excess, df, n),
    )


def scaling_factors(Z: Array, weights: Array, Sigma: Array, meat: Array, bread: Array, df: int) -> tuple[float, float]:
    """By how much non-normality (and unequal weights) inflate chi2: of the model, and of the baseline (Satorra & Bentler 1994).

    tr(U Gamma)/df, case by case: how far a case's products Z Z' stray from their mean in the metric of Sigma^-1, less what the
    free parameters take up.

    Parameters
    ----------
    Z
        (n, p) deviations from the mean, in units in which the items have variance 1.
    weights
        (n,) case weights, mean 1.
    meat, bread
        (q, q) covariance of the cases' scores; inverse expected information of one case.
    """
    square = weights**2
    S = (Z * weights[:, None]).T @ Z / len(Z)
    V = np.linalg.inv(Sigma)
    VSV = V @ S @ V
    length = np.einsum("np,pq,nq->n", Z, V, Z)
    cross = np.einsum("np,pq,nq->n", Z, VSV, Z)
    spread = (square * (length**2 - 2 * cross + np.trace(VSV @ S))).mean() / 2
    factor = (spread - np.trace(bread @ meat)) / df if df else np.nan
    rows, columns = np.tril_indices(len(S), -1)
    products = Z[:, rows] * Z[:, columns] - S[rows, columns]
    return float(factor), float((square[:, None] * products**2).mean())


def _comparative(excess: float, baseline_excess: float) -> float:
    worst = max(excess, baseline_excess, 0.0)
    return 1.0 - max(excess, 0.0) / worst if worst > 0 else 1.0


def _tucker_lewis(excess: float, df: int, baseline_excess: float, baseline_df: int) -> float:
    return 1.0 - excess * baseline_df / (baseline_excess * df) if df else 1.0


def _rmsea(excess: float, df: int, n: int) -> float:
    return float(np.sqrt(max(excess, 0.0) / (n * df))) if df else 0.0


def _rmsea_interval(chi2: float, df: int, n: int) -> tuple[float, float]:
    """The noncentralities at which chi2 is the 95 % and the 5 % point, as RMSEA (Browne & Cudeck 1993)."""
    return _rmsea(_noncentrality(chi2, df, 0.95), df, n), _rmsea(_noncentrality(chi2, df, 0.05), df, n)


def _noncentrality(chi2: float, df: int, probability: float) -> float:
    if df == 0 or chi_square.cdf(chi2, df) < probability:
        return 0.0
    most = 2 * chi2 + 100.0  # at twice chi2 the distribution has left chi2 far behind
    return float(brentq(lambda nc: ncx2.cdf(chi2, df, nc) - probability, 0.0, most, xtol=1e-10))
