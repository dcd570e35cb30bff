"""What a risk may be learnt by: small, slow boosted trees, or a logistic regression with a penalty.

Trees follow Friedman (2001) as histograms in scikit-learn. The regression is ridge-penalised (Hoerl & Kennard 1970; le Cessie &
van Houwelingen 1992) on numbers held within their 1st and 99th percentile and scaled, steps at both ends, a column for a gap,
and a column a level; what each feature adds to its score is exact.

Notation
    X  (n, d)  encoded features: numbers, or the number of a text's level; NaN is a gap
    y  (n,)    0 or 1
    w  (n,)    weights with a mean of 1
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_TREES = {
    "max_iter": 250,
    "learning_rate": 0.03,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 40,
    "l2_regularization": 10.0,
    "max_features": 0.4,
    "early_stopping": False,
}
_FEWEST = 20  # respondents of a level that has a column of its own


class Scorer(Protocol):
    """A fitted learner: the higher the score, the higher the risk."""

    def decision_function(self, X: Array) -> Array:
        """(n,) scores."""


@dataclass(frozen=True, slots=True)
class Boosting:
    """Gradient boosting of trees with few leaves."""

    name: str = "boosted trees"

    def fit(self, X: Array, y: Array, w: Array, categorical: list[int], seed: int) -> Scorer:
        """Grow the trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # heavy: loaded when a risk is learnt

        # scikit-learn cannot bin a column without any value; a constant one is never split on, so it changes nothing.
        X = np.where(np.isnan(X).all(axis=0), 0.0, X)
        trees: Any = HistGradientBoostingClassifier(
            **_TREES, categorical_features=categorical or None, random_state=seed
        )
        scorer: Scorer = trees.fit(X, y, sample_weight=w)
        return scorer


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression; the smaller `freedom`, the stronger the penalty."""

    freedom: float

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"logistic regression (C = {self.freedom:g})"

    def fit(self, X: Array, y: Array, w: Array, categorical: list[int], seed: int) -> Scorer:
        """Lay the columns out and fit; nothing is drawn, so that the seed changes nothing."""
        from sklearn.linear_model import LogisticRegression  # heavy: loaded when a risk is learnt

        columns = tuple(c for j in range(X.shape[1]) for c in _columns(X[:, j], j, j in categorical))
        Z = np.column_stack([c.of(X) for c in columns]) if columns else np.zeros((len(X), 1))
        found: Any = LogisticRegression(C=self.freedom, max_iter=500).fit(Z, y, sample_weight=w)
        return LinearScore(columns, found.coef_[0], float(found.intercept_[0]))


@dataclass(frozen=True, slots=True)
class Column:
    """A column made of one feature: a scaled number, whether it is beyond a cut, a gap, or one level of a text."""

    feature: int
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    sd: float = 1.0
    level: float | None = None
    below: float | None = None
    above: float | None = None
    gap: bool = False

    def of(self, X: Array) -> Array:
        """(n,) the column; a gap stands at the mean."""
        x: Array = X[:, self.feature]
        held = np.clip(np.where(np.isnan(x), self.mean, x), self.low, self.high)
        column: NDArray[Any] = (held - self.mean) / self.sd
        if self.gap:
            column = np.isnan(x)
        elif self.level is not None:
            column = x == self.level
        elif self.below is not None:
            column = x < self.below
        elif self.above is not None:
            column = x > self.above
        return np.asarray(column, dtype=float)


@dataclass(frozen=True, slots=True, eq=False)
class LinearScore:
    """A score that is a sum over columns."""

    columns: tuple[Column, ...]
    slopes: Array
    intercept: float

    def decision_function(self, X: Array) -> Array:
        """(n,) scores: log odds before calibration."""
        return np.asarray(self.intercept + self._terms(X).sum(axis=1))

    def contributions(self, X: Array, ordinary: Array) -> Array:
        """(n, d) what each feature adds to the score against an ordinary customer (d,); exact, they add up."""
        difference = self._terms(X) - self._terms(ordinary[None])
        found = np.zeros(X.shape)
        for term, column in zip(difference.T, self.columns, strict=True):
            found[:, column.feature] += term
        return found

    def _terms(self, X: Array) -> Array:
        if not self.columns:
            return np.zeros((len(X), 0))
        terms: Array = np.column_stack([c.of(X) * b for c, b in zip(self.columns, self.slopes, strict=True)])
        return terms


def _columns(x: Array, feature: int, is_text: bool) -> list[Column]:
    recorded = x[~np.isnan(x)]
    gap = [Column(feature, gap=True)] if _FEWEST <= len(x) - len(recorded) <= len(x) - _FEWEST else []
    if is_text:
        levels, counts = np.unique(recorded, return_counts=True)
        return [Column(feature, level=float(v)) for v in levels[counts >= _FEWEST]] + gap
    if not len(recorded):
        return gap
    low, high = np.quantile(recorded, [0.01, 0.99])
    held = np.clip(recorded, low, high)
    if not held.std() > 0:
        low, high, held = recorded.min(), recorded.max(), recorded
    if not held.std() > 0:
        return gap
    # The new and the heavy are often unlike the rest: what is beyond a fifth at either end has a step of its own.
    first, last = (float(q) for q in np.quantile(recorded, [0.2, 0.8]))
    steps = [Column(feature, below=first), Column(feature, above=last)]
    return [
        Column(feature, float(low), float(high), float(held.mean()), float(held.std())),
        *(step for step, count in zip(steps, ((x < first).sum(), (x > last).sum()), strict=True) if count >= _FEWEST),
        *gap,
    ]


LEARNERS: tuple[Boosting | Logistic, ...] = (Logistic(0.003), Logistic(0.03), Logistic(0.3), Boosting())
