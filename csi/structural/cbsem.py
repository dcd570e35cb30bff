"""Covariance-based structural equation models: every construct a common factor, estimated by maximum likelihood."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.covariance_structure import Maximum, Structure, case_scores, information, maximum_likelihood
from csi.kernel.likelihood_fit import LikelihoodFit, ScaledFit, likelihood_fit, scaled_fit, scaling_factors
from csi.kernel.moments import moments
from csi.model.model import Model
from csi.structural.cases import Array, Cases, Ends, cases_of
from csi.structural.covariance_fit import CovarianceFit, Sufficient, Treatment
from csi.structural.lavaan_text import start_from_semopy, terms_of
from csi.structural.stages import layout_of
from csi.survey.survey import Survey


def fit_cbsem(
    model: Model,
    data: Survey | Any,  # noqa: ANN401 - any frame that narwhals reads
    *,
    missing: Treatment = "em",
    weight: str | None = None,
    scale: Ends | Mapping[str, Ends] | None = None,
    robust: bool = False,
) -> CovarianceFit:
    """Estimate a structural model by the covariances of its items (normal-theory maximum likelihood, Joereskog 1973).

    Every construct is taken as a common factor whatever its kind, a construct of one item as that item. Exogenous constructs
    covary freely, residuals do not. The first loading of each construct is fixed at 1; standardised results do not depend on
    it. semopy finds the neighbourhood of the maximum, Newton's method the maximum itself.

    Parameters
    ----------
    model
        Constructs and paths. Interactions, higher-order constructs and known reliabilities are refused.
    data
        A `Survey`, or a frame whose columns are the items (pandas, or any that narwhals reads).
    missing
        "em" fits the normal-theory moments of all answers (two-stage maximum likelihood, Yuan & Bentler 2000), "listwise" those
        of complete rows. Under "em" the errors, chi2 and what follows from it take the filled answers for observed: the errors
        are too small, the more so the more answers are missing, and the log-likelihood is that of the filled moments.
    weight
        Name of a weight column; a survey that is weighted needs none. Estimates are then those of the weighted moments.
    scale
        Scale ends for a plain frame; nothing here depends on them.
    robust
        Errors from the spread of the cases' scores (sandwich) and the Satorra-Bentler correction of chi2: valid for
        answers that are not normal, and for unequal weights. Needs complete answers or `missing="listwise"`.

    Raises
    ------
    ModelError
        The model names an item that the data do not have, holds what a model of common factors cannot, or is not identified.
    EstimationError
        A constant or empty item, an unusable weight, or item covariances that are singular.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> quality = rng.normal(size=2000); satisfaction = 0.8 * quality + 0.6 * rng.normal(size=2000)
    >>> answers = {f"q{i}": quality + rng.normal(size=2000) for i in range(3)}
    >>> answers |= {f"s{i}": satisfaction + rng.normal(size=2000) for i in range(3)}
    >>> import pandas as pd
    >>> model = Model.parse("Quality =~ q0 + q1 + q2; Satisfaction =~ s0 + s1 + s2; Satisfaction ~ Quality")
    >>> fit = fit_cbsem(model, pd.DataFrame(answers))
    >>> print(fit.paths.round(1).at["Quality", "Satisfaction"], fit.likelihood.df)
    0.8 8
    """
    if missing not in get_args(Treatment):
        raise EstimationError(f"missing must be one of {', '.join(map(repr, get_args(Treatment)))}, not {missing!r}.")
    _require_factors(model)
    cases = cases_of(model, data, weight, scale)
    if robust and missing == "em" and np.isnan(cases.answers).any():
        raise EstimationError(
            f"{cases.origin}robust errors need complete answers, and {np.isnan(cases.answers).mean():.1%} are missing. "
            'Use missing="listwise", or robust=False.'
        )
    observed = _observed(cases, missing)
    structure = Structure.of(layout_of(model))
    start = start_from_semopy(model, structure, observed.R, observed.n)
    maximum = maximum_likelihood(observed.R, structure, start)
    bread = _inverse_information(model, structure, maximum)
    Sigma = structure.solution(maximum.theta).Sigma
    scales = observed.sd * observed.sd[:, None]
    likelihood = likelihood_fit(observed.S, Sigma * scales, structure.degrees_of_freedom, observed.n)
    covariance, scaled = bread / observed.n, None
    if robust:
        covariance, scaled = _robust(cases, observed, structure, maximum, bread, likelihood)
    result = CovarianceFit(
        model, cases, missing, observed, structure, maximum, covariance, likelihood, scaled, problems=()
    )
    result = replace(result, problems=tuple(_problems(result)))
    for problem in result.problems:
        warnings.warn(problem, CsiWarning, stacklevel=2)
    return result


def _require_factors(model: Model) -> None:
    higher = [name for name in model.names if model.dimensions(name)]
    known = [c.name for c in model.constructs if c.reliability is not None]
    for found, what in (
        (list(model.products), "is an interaction"),
        (higher, "is a higher-order construct"),
        (known, "has a known reliability"),
    ):
        if found:
            raise ModelError(
                f"{found[0]!r} {what}, which fit_cbsem does not estimate. Leave it out of the model, or use csi.fit."
            )


def _observed(cases: Cases, missing: Treatment) -> Sufficient:
    m = moments(cases.answers, cases.weights[None, :], missing)
    n, p = int(m.n[0]), len(cases.items)
    R = m.correlation[0]
    if n <= p or not np.isfinite(R).all() or np.linalg.eigvalsh(R)[0] < 1e-10:
        complete = "complete " if missing == "listwise" else ""
        raise EstimationError(
            f"{cases.origin}the covariances of the {p} items over {n} {complete}answers are singular: the likelihood has no "
            "maximum. Either the answers are fewer than the items, or an item repeats others; leave it out of the model."
        )
    return Sufficient(n, m.sd[0] * np.sqrt((n - 1) / n), R)


def _inverse_information(model: Model, structure: Structure, maximum: Maximum) -> Array:
    """(q, q), of one case; ModelError where the answers do not determine a parameter."""
    known = information(structure, maximum.theta)
    scale = np.sqrt(np.diagonal(known))
    values, vectors = np.linalg.eigh(known / scale / scale[:, None])
    if values[0] < 1e-10:
        named = [t for (_, t), free in zip(terms_of(model, structure), structure.is_free, strict=True) if free]
        most = [named[i] for i in np.argsort(-np.abs(vectors[:, 0]))[:3]]
        raise ModelError(
            f"the model is not identified by these answers: {', '.join(most)} can change together without changing the fit. "
            "A construct of two items that correlates with no other construct is the usual cause; give it a third item, "
            "or leave it out."
        )
    return np.asarray(np.linalg.inv(known))


def _robust(
    cases: Cases, observed: Sufficient, structure: Structure, maximum: Maximum, bread: Array, likelihood: LikelihoodFit
) -> tuple[Array, ScaledFit]:
    """Sandwich covariance of the parameters, and the corrected test."""
    used = cases.answering("listwise")
    weights = cases.weights[used] / cases.weights[used].mean()
    X = cases.X[used]
    Z = (X - weights @ X / len(X)) / observed.sd
    scores = case_scores(Z, structure, maximum.theta, observed.R) * weights[:, None]
    meat = scores.T @ scores / len(scores)
    Sigma = structure.solution(maximum.theta).Sigma
    factors = scaling_factors(Z, weights, Sigma, meat, bread, likelihood.df)
    return bread @ meat @ bread / observed.n, scaled_fit(likelihood, *factors, observed.n)


def _problems(fit: CovarianceFit) -> Iterator[str]:
    """What may mislead, in the order in which it matters."""
    if not fit.converged:
        yield (
            f"the maximum of the likelihood was not found (largest slope {fit.maximum.slope:.1g}); the estimates must not be "
            "used. Constructs that can hardly be told apart, or too few answers, are the usual cause."
        )
    yield from _inadmissible(fit)
    yield from _nearly_unidentified(fit)
    formed = [c.name for c in fit.model.constructs if len(c.items) > 1 and (c.mode == "B" or not c.is_free)]
    if formed:
        yield (
            f"{', '.join(formed)}: formed by the items in the model, but taken as a common factor that shows in them. "
            "Use csi.fit if the items are causes and not signs of the construct."
        )
    if fit.scaled is None and np.ptp(fit.cases.weights) > 1e-12 * fit.cases.weights.mean():
        yield "errors, p values and chi2 ignore that the weights are unequal, and are too small; use robust=True."
    if not fit.cases.sample.is_simple:
        yield "errors, p values and chi2 ignore strata and clusters of the sampling design; csi.bootstrap of csi.fit does not."
    gaps = float(np.isnan(fit.cases.answers).mean())
    if fit.missing == "em" and gaps > 0.05:
        yield (
            f"{gaps:.1%} of the answers are missing and errors, p values and chi2 take them for observed; compare with "
            'missing="listwise".'
        )


def _inadmissible(fit: CovarianceFit) -> Iterator[str]:
    table = fit.parameters
    negative = table[table["kind"].isin(["residual", "variance"]) & (table["estimate"] < 0)]
    for term, value in zip(negative["term"], negative["estimate"], strict=True):
        yield (
            f"inadmissible: the residual variance of {term.split(' ~~ ')[0]!r} is {value:.3g}, below 0 (a Heywood case). "
            "The model is wrong for these answers, or they are too few; drop the item or join constructs."
        )
    Phi = fit.solution.Phi
    if np.isfinite(Phi).all() and np.linalg.eigvalsh(Phi)[0] <= 0:
        row, column = np.unravel_index(np.argmax(np.abs(np.tril(Phi, -1))), Phi.shape)
        yield (
            f"inadmissible: the construct covariances are not positive definite; {fit.model.names[column]} and "
            f"{fit.model.names[row]} correlate {Phi[row, column]:.3f}. Join them."
        )


def _nearly_unidentified(fit: CovarianceFit) -> Iterator[str]:
    """Standardised coefficients lie within about -1 and 1: an error that wide says that nothing is known."""
    wide = fit.parameters.query("kind in ('loading', 'path') and standardised_error > 1")
    if len(wide):
        named = [f"{t} ({e:.1f})" for t, e in zip(wide["term"], wide["standardised_error"], strict=True)]
        yield (
            f"nearly unidentified: the standard errors of the standardised {', '.join(named[:4])} exceed 1. Causes that are "
            "almost the same construct cannot be told apart; join them, or leave out a path."
        )
