"""Weights that make up for those who did not answer, for a batch of replicates of the whole sample at once.

Notation
    Z         (n, k)  covariates of everybody who was asked, without a constant; best of unit spread
    answered  (n,)    who answered
    W         (B, n)  case weights of everybody, one row a replicate (design weights times resampling counts)
Each respondent stands for those who are as likely to answer: the weight is divided by the propensity of response, or by the
response rate of the class of similar propensity, which is the steadier of the two where the regression is only nearly right
(Little 1986).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.kernel.logistic import fitted_probabilities
from csi.kernel.raking import trim
from csi.kernel.small_matrices import Array

Adjustment = Literal["classes", "inverse"]


def response_weights(
    Z: Array,
    answered: NDArray[np.bool_],
    W: Array,
    adjustment: Adjustment = "classes",
    classes: int = 5,
    limits: tuple[float, float] = (0.0, np.inf),
) -> tuple[Array, Array]:
    """Weights (B, n), 0 for who did not answer, and propensities (B, n); NaN in a replicate without an estimate.

    `limits` bound the adjustment as multiples of its mean among the respondents; what is cut off goes to the others.

    >>> Z, answered = np.array([[0.0], [0], [1], [1]]), np.array([True, True, True, False])
    >>> response_weights(Z, answered, np.ones((1, 4)), "inverse")[0].round(6).tolist()
    [[1.0, 1.0, 2.0, 0.0]]
    """
    propensity = fitted_probabilities(np.column_stack([np.ones(len(Z)), Z]), answered, W, tolerance=1e-7)
    rate = propensity if adjustment == "inverse" else _rate_of_class(propensity, answered, W, classes)
    drawn = answered & (W > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(drawn, 1 / rate, 0.0)
    return W * trim(factor, *limits), propensity


def _rate_of_class(propensity: Array, answered: NDArray[np.bool_], W: Array, classes: int) -> Array:
    """(B, n) weighted response rate of each case's class, cut at quantiles of the respondents' propensities."""
    rates = np.full(propensity.shape, np.nan)
    for b in np.flatnonzero(np.isfinite(propensity).all(axis=1)):
        p, w = propensity[b], W[b]
        of = np.flatnonzero(answered & (w > 0))
        ordered = of[np.argsort(p[of], kind="stable")]
        below = np.cumsum(w[ordered]) / w[ordered].sum()
        cuts = np.unique(p[ordered][np.searchsorted(below, np.arange(1, classes) / classes)])
        # Who is likelier to answer than any respondent belongs to the respondents' last class.
        code = np.searchsorted(cuts, np.minimum(p, p[ordered[-1]]), side="left")
        rates[b] = (np.bincount(code, w * answered, len(cuts) + 1) / np.bincount(code, w, len(cuts) + 1).clip(1e-300))[
            code
        ]
    return rates
