"""Out-of-sample prediction of items and construct scores by linear maps that training moments give (Shmueli et al. 2016).

Notation
    X        (n, p)     answers, NaN where missing
    fold     (R, n)     number of the fold, 0 ... K - 1, in which each row is held out, one row a repetition
    trained  B = R K    training sets, repetition by repetition and fold by fold: all rows but those of the fold
    q                   outcomes: the items of the endogenous constructs, then the scores of these constructs
    M                   methods, see `METHODS`
Methods: a structural prediction puts the held-out rows into the training sample's weights, paths and loadings, from the direct
antecedents of the construct (`direct`) or from the exogenous constructs through all effects (`earliest`; Danks 2021). For factors
these are the disattenuated paths and loadings that the fit reports. The benchmarks are least squares on the items of the direct
antecedents (`lm_direct`), of the exogenous constructs (`lm_exogenous`), of all other constructs (`lm_other`), and the training
mean (`mean`). Only the structural methods predict scores.
A gap in a predictor is filled from the predictors of the same map alone: other answers of the row would tell the outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from csi.kernel.estimates import Estimates
from csi.kernel.missing import completed
from csi.kernel.moments import CONDITIONAL, Missing, Moments, joined, moments
from csi.kernel.pls import Layout
from csi.kernel.small_matrices import Array, ldl, solve

Method = Literal["direct", "earliest", "lm_direct", "lm_exogenous", "lm_other", "mean"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What every training set gave, with batch axis B."""

    moments: Moments
    estimates: Estimates


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """Outcomes predicted from the same items: `items @ slope + intercept`, for every training set."""

    inputs: NDArray[np.intp]  # (s,) item numbers
    columns: NDArray[np.intp]  # (m,) method number times q plus outcome number
    slope: Array  # (B, s, m)
    intercept: Array  # (B, m)

    def part(self, trainings: slice) -> "LinearMap":
        """The maps of some of the training sets."""
        return LinearMap(self.inputs, self.columns, self.slope[trainings], self.intercept[trainings])


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Errors of every method and outcome; losses and predictions of every row are averaged over the repetitions."""

    rmse: Array  # (R, M, q) out of sample
    mae: Array  # (R, M, q)
    mape: Array  # (R, M, q) percent; NaN for scores and where an answer is 0
    q2: Array  # (R, M, q) 1 - squared errors over those of the training means
    rmse_in_sample: Array  # (R, M, q) NaN for scores
    mae_in_sample: Array  # (R, M, q)
    prediction: Array  # (n, M, q)
    loss: Array  # (n, M, q) squared errors; NaN where the outcome is not known


def endogenous(layout: Layout) -> NDArray[np.intp]:
    """Numbers of the constructs that others lead to."""
    return np.flatnonzero(layout.adjacency.any(axis=0))


def outcomes(layout: Layout) -> NDArray[np.intp]:
    """(q,) numbers of the items of endogenous constructs, then p plus the numbers of these constructs for their scores."""
    targets = endogenous(layout)
    return np.concatenate([np.flatnonzero(np.isin(layout.block, targets)), len(layout.block) + targets])


def random_folds(used: NDArray[np.bool_], folds: int, repetitions: int, seed: int) -> NDArray[np.intp]:
    """(R, n) fold numbers, drawn anew for every repetition; folds differ by one row at most among the rows `used` (n,).

    >>> np.bincount(random_folds(np.ones(7, dtype=bool), 3, 1, seed=1)[0]).tolist()
    [3, 2, 2]
    """
    fold = np.empty((repetitions, len(used)), dtype=np.intp)
    for r in range(repetitions):
        order = np.random.default_rng([seed, r]).permutation(len(used))
        order = order[np.argsort(~used[order], kind="stable")]
        fold[r, order] = np.arange(len(used)) % folds
    return fold


def training_sizes(fold: NDArray[np.intp]) -> NDArray[np.intp]:
    """(B,) rows of every training set."""
    return np.concatenate([len(row) - np.bincount(row, minlength=fold.max() + 1) for row in fold])


def training_moments(
    X: Array, weights: Array, fold: NDArray[np.intp], missing: Missing, start: Moments | None = None
) -> Moments:
    """Moments of every training set: the rows held out have weight 0, and n counts those that are left.

    All rows of X must be answering ones; `start` as in `csi.kernel.moments.moments`.
    """
    numbers = np.arange(fold.max() + 1)[:, None]
    m = joined([moments(X, np.where(row == numbers, 0.0, weights), missing, start) for row in fold])
    n = training_sizes(fold)
    divisor = n / np.maximum(n - 1, 1) * (len(X) - 1) / len(X)  # of the rows left, not of all
    return Moments(n, m.mean, m.cov * divisor[:, None, None])


def linear_maps(trained: Trained, layout: Layout) -> list[LinearMap]:
    """All methods as linear maps of raw answers; those that read the same items share one."""
    m = trained.moments
    scores = (len(m.n), len(layout.mode_b))
    sd = np.concatenate([m.sd, np.ones(scores)], axis=1)
    mean = np.concatenate([m.mean, np.zeros(scores)], axis=1)
    known = outcomes(layout)
    gathered: dict[tuple[int, ...], list[tuple[Method, NDArray[np.intp], Array]]] = {}
    for method, inputs, wanted, slope in _standardised_slopes(trained, layout):
        raw = slope * sd[:, None, wanted] / sd[:, inputs, None]
        gathered.setdefault(tuple(inputs.tolist()), []).append((method, wanted, raw))
    maps = []
    for key, parts in gathered.items():
        inputs = np.array(key, dtype=np.intp)
        columns = [METHODS.index(method) * len(known) + np.searchsorted(known, wanted) for method, wanted, _ in parts]
        wanted = np.concatenate([wanted for _, wanted, _ in parts])
        slope = np.concatenate([raw for _, _, raw in parts], axis=2)
        intercept = mean[:, wanted] - np.einsum("bs,bsm->bm", mean[:, inputs], slope)
        maps.append(LinearMap(inputs, np.concatenate(columns), slope, intercept))
    return maps


def _standardised_slopes(
    trained: Trained, layout: Layout
) -> Iterator[tuple[Method, NDArray[np.intp], NDArray[np.intp], Array]]:
    """Method, items read (s,), outcomes (m,) and slopes (B, s, m) for standardised items, construct by construct."""
    e, p, targets = trained.estimates, len(layout.block), endogenous(layout)
    everything = outcomes(layout)
    yield "mean", everything[:0], everything, np.zeros((len(trained.moments.n), 0, len(everything)))
    exogenous = np.flatnonzero(~np.isin(layout.block, targets))
    for k in targets:
        items = np.flatnonzero(layout.block == k)
        direct = np.flatnonzero(np.isin(layout.block, layout.predecessors(k)))
        # For each unit of the score a standardised item moves by its loading, and the score itself by 1.
        answer = np.concatenate([e.loadings[:, items], np.ones((len(trained.moments.n), 1))], axis=1)
        routes: tuple[tuple[Method, NDArray[np.intp], Array], ...] = (
            ("direct", direct, e.paths),
            ("earliest", exogenous, e.total_effects),
        )
        for method, inputs, effects in routes:
            score = e.weights[:, inputs] * effects[:, layout.block[inputs], k]
            yield method, inputs, np.append(items, p + k), score[:, :, None] * answer[:, None]
        other = np.flatnonzero(layout.block != k)
        benchmarks: tuple[tuple[Method, NDArray[np.intp]], ...] = (
            ("lm_direct", direct),
            ("lm_exogenous", exogenous),
            ("lm_other", other),
        )
        for method, inputs in benchmarks:
            yield method, inputs, items, _regression(trained, inputs, items)


def _regression(trained: Trained, inputs: NDArray[np.intp], items: NDArray[np.intp]) -> Array:
    """Least squares slopes (B, s, m) of standardised items; NaN where the training rows or their spread do not suffice."""
    S = np.ascontiguousarray(np.moveaxis(trained.moments.correlation, 0, -1))
    factors = ldl(S[np.ix_(inputs, inputs)])
    factors[:, :, trained.moments.n <= len(inputs)] = np.nan
    slopes = np.stack([solve(factors, S[inputs, item]) for item in items])
    return np.moveaxis(slopes, (0, 1, 2), (2, 1, 0))


def cross_validate(
    X: Array,
    weights: Array,
    fold: NDArray[np.intp],
    layout: Layout,
    trained: Trained,
    whole: Moments,
    missing: Missing,
) -> CrossValidation:
    """Predict every row by the training sets that did not see it, and in sample by the mean of those that did.

    `weights` (n,) weigh the errors. `whole`, the moments of all rows, fill the gaps of in-sample predictors. Outcomes with a gap
    are left out of the errors; the score of a row is known where all its items are.
    """
    maps, known = linear_maps(trained, layout), outcomes(layout)
    items = known[known < len(layout.block)]
    filled = [_filled(X[:, linear.inputs], linear.inputs, whole, 0, missing) for linear in maps]
    shape = (len(X), len(METHODS), len(known))
    prediction, loss, errors = np.zeros(shape), np.zeros(shape), []
    folds = len(trained.moments.n) // len(fold)
    for r, numbers in enumerate(fold):
        batch = slice(r * folds, (r + 1) * folds)
        held_out = [np.flatnonzero(numbers == k) for k in range(folds)]
        m, repetition = trained.moments.part(batch), [linear.part(batch) for linear in maps]
        outside, inside = _predicted(X, filled, repetition, m, held_out, missing).reshape(2, *shape)
        scores = _scores(X, m, trained.estimates.weights[batch], layout, held_out)
        actual = np.concatenate([X[:, items], scores], axis=1)
        in_sample = np.concatenate([X[:, items], np.full(scores.shape, np.nan)], axis=1)
        errors.append([*_errors(actual, outside, weights), *_errors(in_sample, inside, weights)[:2]])
        prediction += outside / len(fold)
        loss += (actual[:, None] - outside) ** 2 / len(fold)
    rmse, mae, mape, q2, rmse_in_sample, mae_in_sample = np.swapaxes(np.array(errors), 0, 1)
    mape[:, :, len(items) :] = np.nan
    return CrossValidation(rmse, mae, mape, q2, rmse_in_sample, mae_in_sample, prediction, loss)


def _predicted(
    X: Array,
    filled: list[Array],
    maps: list[LinearMap],
    m: Moments,
    held_out: list[NDArray[np.intp]],
    missing: Missing,
) -> Array:
    """(2, n, M q) predictions of one repetition, out of sample and in sample; NaN where a method has none."""
    width = 1 + max(int(linear.columns.max()) for linear in maps)  # the last method predicts every outcome
    predicted = np.full((2, len(X), width), np.nan)
    for linear, complete in zip(maps, filled, strict=True):
        # The mean of the predictions by the other training sets is the prediction by their mean map.
        others = (linear.slope.sum(axis=0) - linear.slope) / (len(held_out) - 1)
        base = (linear.intercept.sum(axis=0) - linear.intercept) / (len(held_out) - 1)
        for k, rows in enumerate(held_out):
            unseen = _filled(X[np.ix_(rows, linear.inputs)], linear.inputs, m, k, missing)
            cells = np.ix_(rows, linear.columns)
            predicted[0][cells] = unseen @ linear.slope[k] + linear.intercept[k]
            predicted[1][cells] = complete[rows] @ others[k] + base[k]
    return predicted


def _filled(X: Array, inputs: NDArray[np.intp], m: Moments, replicate: int, missing: Missing) -> Array:
    """Answers to the items `inputs` with gaps at the item's mean, or at the mean given the others of `inputs`."""
    cov = m.cov[replicate][np.ix_(inputs, inputs)] if missing in CONDITIONAL else None
    return completed(X, m.mean[replicate, inputs], cov)


def _scores(X: Array, m: Moments, w: Array, layout: Layout, held_out: list[NDArray[np.intp]]) -> Array:
    """(n, endogenous constructs) scores of the held-out rows by the training sample's means, deviations and weights."""
    scores = np.empty((len(X), len(layout.mode_b)))
    for k, rows in enumerate(held_out):
        scores[rows] = np.add.reduceat((X[rows] - m.mean[k]) / m.sd[k] * w[k], layout.starts, axis=1)
    return scores[:, endogenous(layout)]


def _errors(actual: Array, predicted: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """RMSE, MAE, MAPE and Q2 (M, q) of predictions (n, M, q) for outcomes (n, q); NaN where no outcome is known."""
    known = ~np.isnan(actual)
    error = np.where(known[:, None], actual[:, None] - predicted, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = weights[:, None] * known
        share /= share.sum(axis=0)
        squares = np.einsum("nq,nmq->mq", share, error**2)
        absolute = np.abs(error)
        relative = np.where(known, share / np.abs(actual), 0.0)
        mape = 100 * np.einsum("nq,nmq->mq", np.where((actual == 0).any(axis=0), np.nan, relative), absolute)
        q2 = 1 - squares / squares[METHODS.index("mean")]
        return np.sqrt(squares), np.einsum("nq,nmq->mq", share, absolute), mape, q2


def paired_difference(
    D: Array, weights: Array, strata: NDArray[np.intp], units: NDArray[np.intp]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Weighted means (c,) of the columns of D (n, c), their linearised standard errors and degrees of freedom; NaN is no row.

    `strata` and `units` (n,) say how the rows were sampled. Where every row is its own unit, in one stratum and with one weight,
    the error is s/sqrt(n), that of the paired t test.

    >>> D, rows = np.array([[1.0], [2.0], [3.0], [np.nan]]), np.arange(4)
    >>> mean, error, df = paired_difference(D, np.ones(4), np.zeros(4, dtype=int), rows)
    >>> float(mean[0]), float(error[0].round(4)), int(df[0])
    (2.0, 0.5774, 2)
    """
    known = ~np.isnan(D)
    unit, place = np.unique(np.stack([strata, units]), axis=1, return_inverse=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = weights[:, None] * known
        share /= share.sum(axis=0)
        mean = (share * np.where(known, D, 0.0)).sum(axis=0)
        total, answered = np.zeros((2, unit.shape[1], D.shape[1]))
        np.add.at(total, place, share * np.where(known, D - mean, 0.0))
        np.add.at(answered, place, known)
        variance, df = np.zeros((2, D.shape[1]))
        for h in np.unique(strata):
            inside = (unit[0] == h)[:, None] & (answered > 0)
            n = inside.sum(axis=0)
            deviation = np.where(inside, total - np.where(inside, total, 0.0).sum(axis=0) / n, 0.0)
            variance += np.where(n > 1, n / (n - 1) * (deviation**2).sum(axis=0), 0.0)
            df += np.maximum(n - 1, 0)
    return mean, np.where(df > 0, np.sqrt(variance), np.nan), df.astype(np.intp)


def weighted_means(D: Array, W: Array) -> Array:
    """(B, c) means of the columns of D (n, c) under each row of the case weights W (B, n); NaN is no row."""
    known = ~np.isnan(D)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((W @ np.where(known, D, 0.0)) / (W @ known))
