"""A calibrated probability from whichever learner did best on rows that it had not seen.

Learners are compared and scores turned into probabilities (Platt 1999) on a split of their own, inside whatever rows a
classifier is given; who judges it keeps other rows back, so that nothing was chosen by looking at them (Varma & Simon 2006).
Rows must come in an order that does not depend on the file (the caller sorts them by a seeded draw from their keys): then folds,
trees and probabilities do not depend on it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from csi.behaviour.learners import LEARNERS, Boosting, LinearScore, Logistic, Scorer

Array = NDArray[np.float64]
_INNER_FOLDS = 3
# The trees take 255 levels; the rarest of a longer list count as not recorded.
_LEVELS = 250
_ORDERINGS = 8  # of features, each walked both ways, in the attribution of trees


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
class Sample:
    """Rows to learn from: encoded features (n, d), outcomes, weights of mean 1, number of the wave, and whose they are."""

    X: Array
    y: Array
    w: Array
    wave: NDArray[np.intp]
    key: NDArray[np.object_]

    def part(self, rows: NDArray[np.bool_]) -> "Sample":
        """Some of the rows."""
        return Sample(self.X[rows], self.y[rows], self.w[rows], self.wave[rows], self.key[rows])

    def folds(self, count: int) -> NDArray[np.intp]:
        """(n,) fold of each row: rows of each outcome are dealt out in turn, and a customer's rows stay together."""
        fold = np.empty(len(self.y), dtype=np.intp)
        for outcome in (0, 1):
            rows = np.flatnonzero(self.y == outcome)
            fold[rows] = np.arange(len(rows)) % count
        _, first, customer = np.unique(self.key.astype(str), return_index=True, return_inverse=True)
        return fold[first][customer]


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A fitted learner and the sigmoid that calibrates it: p = 1 / (1 + exp(-(slope * score + shift))).

    `losses` is the log loss of each learner that was tried, on rows that it had not seen.
    """

    encoding: Encoding
    scorer: Scorer
    name: str
    slope: float
    shift: float
    losses: Mapping[str, float]

    def probability(self, columns: Mapping[str, pa.Array]) -> Array:
        """(rows,) calibrated probability; each row's depends on that row alone."""
        return self.probability_of(self.encoding.matrix(columns))

    def probability_of(self, X: Array) -> Array:
        """(rows,) calibrated probability of rows that are already encoded."""
        return np.asarray(expit(self.log_odds(X)), dtype=float)

    def log_odds(self, X: Array) -> Array:
        """(rows,) log odds of the calibrated probability."""
        with threadpool_limits(
            limits=1, user_api="openmp"
        ):  # the engine works beside it, and threads would wait in turns
            return np.asarray(self.slope * self.scorer.decision_function(X) + self.shift, dtype=float)

    def contributions(self, X: Array, ordinary: Array) -> Array:
        """(rows, features) what each feature adds to the log odds against an ordinary customer; they add up to the difference.

        Exact for the regression. For trees each feature takes its turn to change from the ordinary value to the customer's, in
        several orderings and their reverses, and counts with its mean step (Shapley 1953; Strumbelj & Kononenko 2014).
        """
        if isinstance(self.scorer, LinearScore):
            return self.slope * self.scorer.contributions(X, ordinary)
        rng, d = np.random.default_rng(0), X.shape[1]
        found = np.zeros(X.shape)
        orderings = [rng.permutation(d) for _ in range(_ORDERINGS)]
        for ordering in [*orderings, *(o[::-1] for o in orderings)]:
            walk = np.tile(ordinary, (len(X), 1))
            before = self.log_odds(walk)
            for j in ordering:
                walk[:, j] = X[:, j]
                after = self.log_odds(walk)
                found[:, j] += (after - before) / (2 * _ORDERINGS)
                before = after
        return found


def learn(encoding: Encoding, sample: Sample, seed: int) -> Classifier:
    """Choose the learner with the smallest log loss on unseen rows, fit it on all, and calibrate it on the latest wave's."""
    fold, losses, sigmoids = sample.folds(_INNER_FOLDS), {}, {}
    recent = sample.wave == sample.wave.max()
    # Small trees gain little from threads and lose much where the machine is shared; one thread adds in one order.
    with threadpool_limits(limits=1, user_api="openmp"):
        for learner in LEARNERS:
            scores = np.empty(len(sample.y))
            for k in range(_INNER_FOLDS):
                scorer = _fitted(learner, encoding, sample.part(fold != k), seed)
                scores[fold == k] = scorer.decision_function(sample.X[fold == k])
            slope, shift = _sigmoid(scores, sample.y, sample.w)
            losses[learner] = _log_loss(slope * scores + shift, sample.y, sample.w)
            sigmoids[learner] = _sigmoid(scores[recent], sample.y[recent], sample.w[recent])
        best = min(LEARNERS, key=losses.__getitem__)
        scorer = _fitted(best, encoding, sample, seed)
    named = {learner.name: loss for learner, loss in losses.items()}
    return Classifier(encoding, scorer, best.name, *sigmoids[best], named)


def cross_fit(encoding: Encoding, sample: Sample, folds: int, seed: int) -> tuple[Classifier, Array]:
    """Learn from all rows, and give each row the probability from a classifier that has seen nothing of its customer."""
    fold, unseen = sample.folds(folds), np.empty(len(sample.y))
    for k in range(folds):
        unseen[fold == k] = learn(encoding, sample.part(fold != k), seed).probability_of(sample.X[fold == k])
    return learn(encoding, sample, seed), unseen


def forward_fit(encoding: Encoding, sample: Sample, seed: int) -> Array:
    """(n,) probability from a classifier that knows the earlier waves only; NaN in the first wave."""
    foreseen = np.full(len(sample.y), np.nan)
    for wave in np.unique(sample.wave)[1:]:
        now = sample.wave == wave
        foreseen[now] = learn(encoding, sample.part(sample.wave < wave), seed).probability_of(sample.X[now])
    return foreseen


def _fitted(learner: Boosting | Logistic, encoding: Encoding, sample: Sample, seed: int) -> Scorer:
    return learner.fit(sample.X, sample.y, sample.w, encoding.categorical, seed)


def _log_loss(log_odds: Array, y: Array, w: Array) -> float:
    return float(np.average(np.logaddexp(0, log_odds) - y * log_odds, weights=w))


def _sigmoid(scores: Array, y: Array, w: Array) -> tuple[float, float]:
    """Slope and shift of Platt's sigmoid; scores that point the wrong way give everyone the base rate."""
    from sklearn.linear_model import LogisticRegression  # heavy: loaded when a risk is learnt

    regression = LogisticRegression(C=1e6).fit(scores[:, None], y, sample_weight=w)
    slope = float(regression.coef_[0, 0])
    if slope > 0:
        return slope, float(regression.intercept_[0])
    rate = float(np.average(y, weights=w))
    return 0.0, float(np.log(rate / (1 - rate)))
