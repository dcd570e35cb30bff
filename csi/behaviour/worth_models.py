"""Regression of what customers did later on their index: one coefficient vector and one influence per customer and outcome.

Notation
    X      (m, k)  one row a customer and period: index, controls, a column for each later period, constant
    who    (m,)    position of the customer, from 0
    theta  (k,)    coefficients
    psi    (c, k)  influence of each customer on theta: what adding the customer moves it by

The covariance of theta is psi' psi: the sandwich clustered by customer, which allows for any spread and any dependence of the
periods of one customer (Huber 1967; Liang & Zeger 1986). Influences of several outcomes stand side by side, so that a
quantity made of all of them has its error by the delta method.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import expit
from scipy.stats import chi2

from csi.errors import EstimationError

Array = NDArray[np.float64]
Outcome = Literal["churn", "spend", "complaints"]
_SOLVED = 1e-7
_FAR = 10.0  # logits that the fit of separated outcomes always passes before it stops


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeFit:
    """One outcome's regression: coefficients (k,), influences (c, k), rows used, and how far the counts are from Poisson."""

    outcome: Outcome
    theta: Array
    psi: Array
    rows: int
    dispersion: float

    @property
    def covariance(self) -> Array:
        """(k, k) sandwich covariance clustered by customer."""
        return self.psi.T @ self.psi


def fit_outcome(
    outcome: Outcome, y: Array, X: Array, who: NDArray[np.intp], customers: int, weight: Array
) -> OutcomeFit:
    """Logit for churn, least squares for spend, Poisson for complaints, by weighted (pseudo-)likelihood.

    Raises
    ------
    EstimationError
        The estimation does not converge, or columns of X repeat each other.
    """
    unit = X / np.sqrt((X**2).sum(axis=0))
    if np.linalg.matrix_rank(unit.T @ unit, tol=1e-10, hermitian=True) < X.shape[1]:
        raise EstimationError(
            f"{outcome}: the index, the controls and the periods repeat each other, so that their effects cannot be told apart. "
            "Leave out the control that follows from the others."
        )
    model = _model(outcome, y, X, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is checked below, or was before
        found = model.fit()
    theta = np.asarray(found.params, dtype=float)
    if not (found.converged and np.isfinite(theta).all()):
        raise EstimationError(f"{outcome}: the regression does not converge. Leave out controls with rare levels.")
    mean = np.asarray(found.fittedvalues, dtype=float)
    spread = {"churn": mean * (1 - mean), "spend": np.ones(len(y)), "complaints": mean}[outcome]
    bread = np.linalg.inv(X.T @ (X * (weight * spread)[:, None]))
    scores = np.zeros((customers, X.shape[1]))
    np.add.at(scores, who, X * (weight * (y - mean))[:, None])
    present = len(np.unique(who))
    psi = scores @ bread * np.sqrt(present / max(present - 1, 1))
    dispersion = float(np.average((y - mean) ** 2 / mean, weights=weight)) if outcome == "complaints" else np.nan
    return OutcomeFit(outcome, theta, psi, len(y), dispersion)


def _model(outcome: Outcome, y: Array, X: Array, weight: Array) -> Any:  # noqa: ANN401 - statsmodels is untyped
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    family = {"churn": families.Binomial, "spend": families.Gaussian, "complaints": families.Poisson}[outcome]
    return GLM(y, X, family=family(), freq_weights=weight)


def prediction(outcome: Outcome, theta: Array, X: Array) -> Array:
    """(m,) expected outcome of each row."""
    eta = X @ theta
    return expit(eta) if outcome == "churn" else np.exp(eta) if outcome == "complaints" else np.asarray(eta)


def curvature_p(fit: OutcomeFit, columns: slice) -> float:
    """P value of the Wald test that the coefficients of some columns are 0: of powers, that an effect is straight."""
    b, V = fit.theta[columns], fit.covariance[columns, columns]
    return float(chi2.sf(b @ np.linalg.solve(V, b), len(b)))


def separating(y: Array, X: Array) -> NDArray[np.bool_]:
    """(k,) columns of a direction along which X foretells a binary outcome without fault; no column if there is none.

    Where there is one, no finite coefficients are most likely (Albert & Anderson 1984); it is found by a linear programme
    (Konis 2007).

    >>> X = np.array([[1.0, 1], [2, 1], [3, 1], [3, 1], [5, 1]])
    >>> separating(np.array([1.0, 1, 1, 0, 0]), X).tolist()
    [True, True]
    >>> separating(np.array([1.0, 0, 1, 0, 0]), X).tolist()
    [False, False]
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that is stopped far out is what is looked for
        eta = X @ _model("churn", y, X, np.ones(len(y))).fit().params
    if np.abs(eta).max() < _FAR:
        return np.zeros(X.shape[1], dtype=bool)
    size = np.abs(X).max(axis=0)
    signed = np.unique((2 * y - 1)[:, None] * X / np.where(size > 0, size, 1), axis=0)
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1), method="highs")
    if found.x is None or float((signed @ found.x).sum()) < _SOLVED * len(signed):
        return np.zeros(X.shape[1], dtype=bool)
    return np.asarray(np.abs(found.x) > _SOLVED)


def jacobian(function: Any, theta: Array) -> tuple[Array, Array]:  # noqa: ANN401 - a function of theta
    """Values (q,) and derivatives (q, k) of a function of all coefficients, by central differences."""
    value = function(theta)
    out = np.empty((len(value), len(theta)))
    for j in range(len(theta)):
        step = np.zeros(len(theta))
        step[j] = 1e-5 * max(abs(theta[j]), 1e-2)
        out[:, j] = (function(theta + step) - function(theta - step)) / (2 * step[j])
    return value, out
