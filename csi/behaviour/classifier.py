"""A small, slow, calibrated gradient boosting of trees: few leaves, low rate, nothing to tune.

Trees follow Friedman (2001) as histograms in scikit-learn; a sigmoid fitted to scores of rows that the trees have not seen
turns scores into probabilities (Platt 1999). Rows must come in an order that does not depend on the file (the caller sorts
them by a seeded draw from their keys): then folds, trees and probabilities do not depend on it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]
_INNER_FOLDS = 3
# The trees take 255 levels; the rarest of a longer list count as not recorded.
_LEVELS = 250
_TREES = {
    "max_iter": 250,
    "learning_rate": 0.03,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 40,
    "l2_regularization": 10.0,
    "max_features": 0.4,
    "early_stopping": False,
}


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Feature columns -> the matrix of the trees; texts become the number of their level, unknown ones a gap."""

    levels: Mapping[str, pa.Array | None]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns in the order of the matrix."""
        return tuple(self.levels)

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns that are texts."""
        return [j for j, levels in enumerate(self.levels.values()) if levels is not None]

    def matrix(self, columns: Mapping[str, pa.Array]) -> Array:
        """(rows x features) floats, NaN where there is no value or a level never seen before."""
        return np.column_stack([self.column(name, columns[name]) for name in self.levels])

    def column(self, feature: str, values: pa.Array | pa.ChunkedArray) -> Array:
        """(rows,) one encoded feature."""
        levels = self.levels[feature]
        if levels is None:
            return np.asarray(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
        codes = pc.index_in(values.cast(pa.string()), value_set=levels)
        return np.asarray(codes.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)


def encoding_of(columns: Mapping[str, pa.Array]) -> Encoding:
    """Learn the levels of text columns, most frequent first and then by name."""
    levels: dict[str, pa.Array | None] = {}
    for name, values in columns.items():
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            levels[name] = None
            continue
        counts = [(-row["counts"].as_py(), row["values"].as_py()) for row in pc.value_counts(values)]
        ordered = [level for _, level in sorted((n, v) for n, v in counts if v is not None)]
        levels[name] = pa.array(ordered[:_LEVELS], pa.string())
    return Encoding(levels)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Fitted trees and the sigmoid that calibrates them: p = 1 / (1 + exp(-(slope * score + shift)))."""

    encoding: Encoding
    trees: Any
    slope: float
    shift: float

    def probability(self, columns: Mapping[str, pa.Array]) -> Array:
        """(rows,) calibrated probability; each row's depends on that row alone."""
        return self.probability_of(self.encoding.matrix(columns))

    def probability_of(self, X: Array) -> Array:
        """(rows,) calibrated probability of rows that are already encoded."""
        with threadpool_limits(limits=1, user_api="openmp"):
            scores = self.trees.decision_function(X)
        return np.asarray(expit(self.slope * scores + self.shift), dtype=float)


def cross_fit(encoding: Encoding, X: Array, y: Array, folds: int, seed: int) -> tuple[Classifier, Array]:
    """Fit on all rows, and give each row the probability from a classifier that has not seen it.

    Within each training part the sigmoid is fitted to scores from a further split, so that no probability rests on its own
    row's outcome at any step. The final sigmoid uses the scores of the outer split.
    """
    # Small trees gain little from threads and lose much where the machine is shared; one thread adds in one order.
    with threadpool_limits(limits=1, user_api="openmp"):
        fold = _stratified(y, folds)
        scores, out_of_fold = np.empty(len(y)), np.empty(len(y))
        for k in range(folds):
            train, test = fold != k, fold == k
            trees = _grow(encoding, X[train], y[train], seed)
            scores[test] = trees.decision_function(X[test])
            slope, shift = _sigmoid(_unseen_scores(encoding, X[train], y[train], seed), y[train])
            out_of_fold[test] = expit(slope * scores[test] + shift)
        final = Classifier(encoding, _grow(encoding, X, y, seed), *_sigmoid(scores, y))
    return final, out_of_fold


def _unseen_scores(encoding: Encoding, X: Array, y: Array, seed: int) -> Array:
    fold, scores = _stratified(y, _INNER_FOLDS), np.empty(len(y))
    for k in range(_INNER_FOLDS):
        scores[fold == k] = _grow(encoding, X[fold != k], y[fold != k], seed).decision_function(X[fold == k])
    return scores


def _stratified(y: Array, folds: int) -> NDArray[np.intp]:
    """(n,) fold of each row: deal the rows of each outcome out in turn."""
    fold = np.empty(len(y), dtype=np.intp)
    for outcome in (0, 1):
        rows = np.flatnonzero(y == outcome)
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def _grow(encoding: Encoding, X: Array, y: Array, seed: int) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    from sklearn.ensemble import HistGradientBoostingClassifier  # heavy: loaded when a risk is learnt

    # scikit-learn cannot bin a column without any value; a constant one is never split on, so it changes nothing.
    X = np.where(np.isnan(X).all(axis=0), 0.0, X)
    trees = HistGradientBoostingClassifier(
        **_TREES, categorical_features=encoding.categorical or None, random_state=seed
    )
    return trees.fit(X, y)


def _sigmoid(scores: Array, y: Array) -> tuple[float, float]:
    """Slope and shift of Platt's sigmoid; scores that point the wrong way give everyone the base rate."""
    from sklearn.linear_model import LogisticRegression  # heavy: loaded when a risk is learnt

    regression = LogisticRegression(C=1e6).fit(scores[:, None], y)
    slope = float(regression.coef_[0, 0])
    if slope > 0:
        return slope, float(regression.intercept_[0])
    rate = float(y.mean())
    return 0.0, float(np.log(rate / (1 - rate)))
