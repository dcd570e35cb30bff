"""The next value of a level that is observed with known errors, when it is unknown whether and how the level moves.

Notation
    d     (T,)  observed values, v (T,) their known error variances, when (T,) their times, in steps of one
    mu          the level's long-run mean, flat: it is integrated out as by restricted maximum likelihood
    q           variance of the level's innovation in one step; 0 keeps it constant
    phi         how much of a deviation is left after one step: 0 none, 1 all of it (a random walk)
The level is mu + a_t with a_t = phi a_(t-1) + innovation, stationary for phi < 1. With few values neither phi nor q can be
estimated well, and an interval that takes the estimates for true is too short. All of them are therefore averaged over, each by
how well it predicted the values so far (Bayesian model averaging; Durbin & Koopman 2012, ch. 13). With v near 0 and phi = 0
the result is near the t interval of a mean.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from csi.kernel.small_matrices import Array

PERSISTENCE = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
CONSTANT = 0.2  # prior probability that the level does not move at all
_TAIL = 1.1  # 1 would be the reference prior of Box & Tiao (1973), which has no finite total
_NODES = 40  # of the innovation variance


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Normal distributions of one quantity and the probability of each, (M,); those with `moves` are of a level that moves."""

    probability: Array
    mean: Array
    variance: Array
    moves: Array

    @property
    def centre(self) -> float:
        """The mean."""
        return float(self.probability @ self.mean)

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return float(np.sqrt(self.probability @ (self.variance + (self.mean - self.centre) ** 2)))

    def quantile(self, p: float) -> float:
        """The value below which the quantity lies with probability p.

        >>> one = np.ones(1)
        >>> round(Mixture(one, one, one, one).quantile(0.975), 4)
        2.96
        """
        sd = np.sqrt(self.variance)
        within = 40 * sd.max()
        return float(
            brentq(
                lambda x: float(self.probability @ ndtr((x - self.mean) / sd)) - p,
                self.mean.min() - within,
                self.mean.max() + within,
                xtol=1e-9 * within,
            )
        )


def next_level(d: Array, v: Array, when: Array, then: float) -> Mixture:
    """What the level will be at the time `then`; the error of an observation of it is not included.

    The prior of q has density proportional to (q + mean v)^(-1.1) beside the probability `CONSTANT` of q = 0; phi is as likely
    to be any of `PERSISTENCE`.

    >>> d = np.array([10.0, 10.2, 9.9, 10.1, 9.8, 10.0])
    >>> level = next_level(d, np.full(6, 0.04), np.arange(6.0), 6.0)
    >>> round(level.centre, 1), level.spread < 0.2
    (10.0, True)
    """
    ratio = np.geomspace(1e-2, max(1e2, 50 * float(d.var(ddof=1)) / float(v.mean())), _NODES)
    prior = ratio * (1 + ratio) ** -_TAIL  # a density in q on nodes even in log q
    prior *= (1 - CONSTANT) / prior.sum() / len(PERSISTENCE)
    q = ratio * v.mean()
    parts = [_given(np.zeros((1, len(d), len(d))), np.zeros((1, len(d))), np.zeros(1), d, v)]
    chances = [np.array([CONSTANT])]
    for phi in PERSISTENCE:
        A, c, c0 = _unit_covariances(phi, when, then)
        parts.append(_given(q[:, None, None] * A, q[:, None] * c, q * c0, d, v))
        chances.append(prior)
    log_likelihood, mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
    probability = np.concatenate(chances) * np.exp(log_likelihood - log_likelihood.max())
    moves = np.arange(len(mean)) > 0
    return Mixture(probability / probability.sum(), mean, variance, moves.astype(float))


def _unit_covariances(phi: float, when: Array, then: float) -> tuple[Array, Array, float]:
    """Covariances of the level's deviations (T, T), with the one to come (T,), and its variance, for q = 1."""
    if phi == 1:  # from one step before the first value on; what lies before is part of the flat mean
        since = when - when.min() + 1
        return np.minimum(since[:, None], since), since, float(then - when.min() + 1)
    stationary = 1 / (1 - phi**2)
    return stationary * phi ** np.abs(when[:, None] - when), stationary * phi ** np.abs(then - when), stationary


def _given(A: Array, c: Array, c0: Array, d: Array, v: Array) -> tuple[Array, Array, Array]:
    """Restricted log likelihood, mean and variance of the level to come (M,), given its covariances (M, ...)."""
    C = A + np.diag(v)
    ones = np.ones(len(d))
    inverse = np.linalg.inv(C)
    a, by_ones = inverse @ ones, (inverse @ ones).sum(axis=1)
    mu = (a @ d) / by_ones
    r = d - mu[:, None]
    gain = np.einsum("mt,mts->ms", c, inverse)
    log_likelihood = -(np.linalg.slogdet(C)[1] + np.log(by_ones) + np.einsum("mt,mts,ms->m", r, inverse, r)) / 2
    mean = mu + (gain * r).sum(axis=1)
    variance = c0 - (gain * c).sum(axis=1) + (1 - gain.sum(axis=1)) ** 2 / by_ones
    return log_likelihood, mean, variance
