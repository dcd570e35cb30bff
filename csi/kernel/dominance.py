"""How McFadden's R2 of an answer in categories is shared out among drivers (general dominance; Azen & Traxel 2009).

Notation
    Z        (k, n)  drivers, one row each, without gaps, about standardised
    y        (n,)    categories 0 ... C - 1
    w        (n,)    case weights, adding up to n
    theta    (C - 1 + k,)  thresholds and coefficients of logit P(y <= c) = threshold_c - z' beta: logistic regression for two
                           categories, the proportional-odds model for more (McCullagh 1980); 0 for drivers left out
    R2(S)    1 - L(S)/L(none), with L the largest log-likelihood of a model with the drivers S (McFadden 1974)
A driver's dominance is what it adds to R2, averaged over sampled orderings. Each model starts from the coefficients of the one
before it. In a replicate the log-likelihood is expanded about the coefficients of the whole sample,
    L_b(S) = sum w_b l + g_b' H^-1 g_b / 2,    g_b = sum w_b (gradient of l),    H the information of the whole sample,
one Newton step for all replicates with two matrix products; its error is of the order of the sampling error cubed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy

from csi.kernel.small_matrices import Array

_STEPS, _HALVINGS = 50, 30
_ENOUGH = 1e-7  # of the log-likelihood: what the next step would add; what lies beyond that step is its square
_RIDGE = 1e-10  # keeps the step defined where categories are separated, and coefficients have no end
_ROWS = 8192
_LEAST = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """An outcome in categories and its drivers."""

    Z: Array
    y: NDArray[np.intp]
    w: Array

    @property
    def cuts(self) -> int:
        """Thresholds: categories less one."""
        return int(self.y.max())

    def nothing(self) -> Array:
        """`theta` of the model without drivers, whose thresholds are the logits of the cumulated shares."""
        share = np.cumsum(np.bincount(self.y, self.w))[:-1] / self.w.sum()
        return np.concatenate([np.log(share / (1 - share)), np.zeros(len(self.Z))])

    def expanded(self, drivers: Sequence[int], start: Array) -> "Expansion":
        """The log-likelihood of the model with some of the drivers about its largest value."""
        free = np.concatenate([np.arange(self.cuts), self.cuts + np.asarray(drivers, dtype=np.intp)])
        Z, theta = self.Z[list(drivers)], start[free]
        point = _expansion(self, Z, theta)
        for _ in range(_STEPS):
            step = point.inverse @ point.gradient
            if point.gradient @ step / 2 <= _ENOUGH * abs(point.value):
                break
            for _ in range(_HALVINGS):
                trial = _expansion(self, Z, theta + step)
                if trial.value >= point.value:
                    break
                step = step / 2
            theta, point = theta + step, trial
        whole = np.zeros(len(start))
        whole[free] = theta
        return Expansion(whole, point.value, point.gradient, point.inverse, point.cases, point.thresholds, point.pull)


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """The log-likelihood about `theta`: value, gradient, inverse information.

    By case: l (n,) and its derivatives by the thresholds (C - 1, n) and by z' beta (n,).
    """

    theta: Array
    value: float
    gradient: Array
    inverse: Array
    cases: Array
    thresholds: Array
    pull: Array

    @property
    def largest(self) -> float:
        """The largest log-likelihood: a last step beyond `theta`."""
        return float(self.value + self.gradient @ self.inverse @ self.gradient / 2)


def _expansion(answers: Answers, Z: Array, theta: Array) -> Expansion:
    y, w, cuts = answers.y, answers.w, answers.cuts
    ends = np.concatenate([[-np.inf], theta[:cuts], [np.inf]])
    eta = theta[cuts:] @ Z
    high, low = expit(ends[y + 1] - eta), expit(ends[y] - eta)
    chance = np.maximum(high - low, _LEAST)
    steep_high, steep_low = high * (1 - high), low * (1 - low)
    at = np.arange(cuts)[:, None]
    above, below = y == at, y == at + 1  # the threshold above the answer's category, the one below it
    thresholds = (above * steep_high - below * steep_low) / chance
    cases, pull = np.log(chance), high + low - 1
    gradient = np.concatenate([thresholds @ w, Z @ (w * pull)])
    bend = below * (steep_low * (1 - 2 * low)) - above * (steep_high * (1 - 2 * high))
    information = np.zeros((len(theta), len(theta)))
    information[:cuts, :cuts] = (thresholds * w) @ thresholds.T + np.diag((bend / chance) @ w)
    information[cuts:, :cuts] = -(Z * w) @ (above * steep_high + below * steep_low).T
    information[:cuts, cuts:] = information[cuts:, :cuts].T
    information[cuts:, cuts:] = (Z * (w * (steep_high + steep_low))) @ Z.T
    ridge = _RIDGE * (np.trace(information) + 1) * np.eye(len(theta))
    value = float(cases @ w) if (np.diff(theta[:cuts]) > 0).all() else -np.inf
    return Expansion(theta, value, gradient, np.linalg.inv(information + ridge), cases, thresholds, pull)


@dataclass(frozen=True, slots=True, eq=False)
class Dominance:
    """What every driver adds to McFadden's R2 in every ordering: `orderings` and `added` are (M, k).

    `kept` are the first orderings (M', k), whose `models` replicates expand.
    """

    answers: Answers
    orderings: NDArray[np.intp]
    added: Array
    kept: NDArray[np.intp]
    models: dict[frozenset[int], Expansion]

    @property
    def r_squared(self) -> float:
        """McFadden's R2 of all drivers."""
        return float(self.added[0].sum())

    def added_in(self, W: Array) -> Array:
        """(B, M', k) what every driver adds in the kept orderings under the case weights W (B, n) of replicates."""
        total = W.sum(axis=1)
        shares = (W @ (self.answers.y[:, None] == np.arange(self.answers.cuts + 1))) / total[:, None]
        none = self.answers.w.sum() * xlogy(shares, shares).sum(axis=1)
        R2 = {drivers: 1 - value / none for drivers, value in zip(self.models, self._largest(W, total), strict=True)}
        return np.stack([_added(ordering, R2) for ordering in self.kept]).transpose(2, 0, 1)

    def _largest(self, W: Array, total: Array) -> list[Array]:
        """Of every model the largest log-likelihoods (B,) of replicates, whose weights (B,) count as many as the sample's."""
        sizes = [1 + self.answers.cuts + len(drivers) for drivers in self.models]
        sums = np.zeros((len(W), sum(sizes)))
        for first in range(0, len(self.answers.y), _ROWS):
            rows = slice(first, first + _ROWS)
            columns = [
                part
                for drivers, m in self.models.items()
                for part in (
                    m.cases[None, rows],
                    m.thresholds[:, rows],
                    self.answers.Z[sorted(drivers), rows] * m.pull[rows],
                )
            ]
            sums += W[:, rows] @ np.concatenate(columns).T
        sums *= (self.answers.w.sum() / total)[:, None]
        parts = np.split(sums, np.cumsum(sizes)[:-1], axis=1)
        return [
            part[:, 0] + ((part[:, 1:] @ m.inverse) * part[:, 1:]).sum(axis=1) / 2
            for part, m in zip(parts, self.models.values(), strict=True)
        ]


def dominance(answers: Answers, orderings: NDArray[np.intp], cells: int = 25_000_000) -> Dominance:
    """Fit the models of all orderings; as many of the first are kept for replicates as `cells` numbers hold, two at least.

    >>> rng = np.random.default_rng(1)
    >>> Z = rng.normal(size=(2, 400))
    >>> y = (Z[0] + rng.logistic(size=400) > 0).astype(int)
    >>> found = dominance(Answers(Z, y, np.ones(400)), np.array([[0, 1], [1, 0]]))
    >>> found.added.mean(axis=0).round(2).tolist()
    [0.1, 0.01]
    """
    nothing = answers.nothing()
    none = answers.expanded([], nothing).value
    a_pair = 2 * len(answers.y) * sum(2 + answers.cuts + i for i in range(len(answers.Z)))
    kept = orderings[: 2 * max(1, cells // a_pair)]
    R2: dict[frozenset[int], float] = {}
    thetas: dict[frozenset[int], Array] = {}
    models: dict[frozenset[int], Expansion] = {}
    for number, ordering in enumerate(orderings):
        theta = nothing
        for drivers in _sets(ordering):
            if drivers not in R2:
                model = answers.expanded(sorted(drivers), theta)
                R2[drivers], thetas[drivers] = 1 - model.largest / none, model.theta
                if number < len(kept):
                    models[drivers] = model
            theta = thetas[drivers]
    return Dominance(answers, orderings, np.stack([_added(ordering, R2) for ordering in orderings]), kept, models)


def _sets(ordering: NDArray[np.intp]) -> list[frozenset[int]]:
    """The drivers that have entered after each step."""
    return [frozenset(ordering[: i + 1].tolist()) for i in range(len(ordering))]


def _added(ordering: NDArray[np.intp], R2: Mapping[frozenset[int], Array | float]) -> Array:
    """(k, ...) what every driver adds."""
    steps = np.stack([np.asarray(R2[drivers]) for drivers in _sets(ordering)])
    added = np.empty_like(steps)
    added[ordering] = np.diff(steps, axis=0, prepend=0)
    return added


def corrected(added: Array, linear: Array, whole: Array, ratio: float) -> Array:
    """Shares of McFadden's R2 in some orderings (..., M, k), put right by what the same orderings do to the linear R2.

    What an ordering gives a driver beyond its share is much the same in both. So `linear`, the additions to the linear R2 in
    those orderings, less `whole`, the exact shares (..., k), tells how far the sample of orderings is off (a control variate).
    `ratio` is McFadden's R2 over the linear R2. The shares add up to McFadden's R2 as before.

    >>> corrected(np.array([[0.2, 0.1]]), np.array([[0.4, 0.2]]), np.array([0.3, 0.3]), 0.5).round(6).tolist()
    [[0.15, 0.15]]
    """
    return added - ratio * (linear - whole[..., None, :])
