"""Is a model's prediction better than chance allows? The cross-validated predictive ability test."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from csi.display import Result, tidy
from csi.errors import EstimationError
from csi.kernel.prediction import METHODS, Method, paired_difference, weighted_means
from csi.kernel.resample import p_value, percentile_interval
from csi.structural.cases import Array
from csi.structural.fitted_model import Fit
from csi.structural.prediction import FAIR, METHOD_WORDS, Prediction, Technique, predict


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveAbility(Result):
    """Differences in loss between a model and what it is held against; below 0 the model predicts better.

    `comparisons` has one row for each construct and for all together, `overall`, against each benchmark.
    """

    technique: Technique
    comparisons: pd.DataFrame
    level: float
    draws: int
    seed: int

    def headline(self) -> list[str]:
        """One line for each benchmark: the overall difference and whether it is beyond chance."""
        lines = ["Predictive ability (CVPAT): difference in mean squared error, below 0 the model predicts better"]
        for row in self.comparisons[self.comparisons["term"] == "overall"].to_dict("records"):
            beyond = row["p_value"] < 1 - self.level
            word = ("better than" if row["estimate"] < 0 else "worse than") if beyond else "not different from"
            lines.append(f"overall {word} {row['against']}: {row['estimate']:.3f} ({_p_text(row['p_value'])})")
        return lines

    def table(self) -> pd.DataFrame:
        """Losses, their difference with the paired t test, and the bootstrap's p value and percentile interval."""
        return self.comparisons.copy()


def cvpat(
    prediction: Prediction | Fit,
    other: Prediction | None = None,
    *,
    benchmark: Method | None = None,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
) -> PredictiveAbility:
    """Cross-validated predictive ability test (Liengaard et al. 2021; Sharma et al. 2023).

    The loss of a case is its squared prediction error, averaged over the repetitions and over the items of a construct
    (`overall`: of all endogenous constructs) that it answered. Losses are compared case by case: p value and interval are those
    of the paired t test (two-sided; linearised over primary units with survey weights or a design); `p_bootstrap` and its
    interval come from resampling the cases as the fit's design does.
    Without `other` the model is held against the training means and a linear model.

    Parameters
    ----------
    prediction
        A `Prediction`, or a fit to predict with the defaults of `predict`.
    other
        The prediction of an alternative model for the same cases and folds; the items that both predict are compared.
    benchmark
        Another method than the training means to hold the model against, any of those that a `Prediction` names; the default is
        the linear model that reads the same items as the prediction does.
    draws, seed, level
        Of the bootstrap, and of both intervals.

    Raises
    ------
    EstimationError
        The two predictions are not of the same cases and folds, or have no item in common; or the benchmark could not be
        estimated in every training sample.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> quality = rng.normal(size=300)
    >>> frame = pd.DataFrame({"q": quality, "s": 0.8 * quality + 0.6 * rng.normal(size=300)})
    >>> fit = csi.fit(csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), frame)
    >>> ability = cvpat(predict(fit, repetitions=2)).table()
    >>> ability.loc[0, ["term", "against"]].tolist(), bool(ability.at[0, "ci_high"] < 0)
    (['Satisfaction', 'the training means'], True)
    """
    if draws < 2 or not 0 < level < 1:
        raise EstimationError(f"cvpat needs draws >= 2 and 0 < level < 1, not draws={draws}, level={level}.")
    first = predict(prediction) if isinstance(prediction, Fit) else prediction
    if other is None:
        names = dict.fromkeys(("mean", benchmark or FAIR[first.technique]))
        losses = {name: _losses_of(first, name) for name in names}
        rivals = {METHOD_WORDS[name]: theirs for name, theirs in losses.items()}
    else:
        _require_same_cases(first, other)
        rivals = {"the other model": other.losses()}
    pairs = [pair for against, theirs in rivals.items() for pair in _pairs(first, theirs, against)]
    comparisons = _compared(first.fit, pairs, draws, seed, level)
    return PredictiveAbility(first.technique, comparisons, level, draws, seed)


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The losses of every case (n,), ours and theirs, for the items of one construct or of all."""

    term: str
    against: str
    ours: Array
    theirs: Array


def _losses_of(prediction: Prediction, method: Method) -> pd.DataFrame:
    if method not in METHODS or method == prediction.technique:
        known = ", ".join(repr(name) for name in METHODS if name != prediction.technique)
        raise EstimationError(f"benchmark must be one of {known}, not {method!r}.")
    losses = prediction.losses(method)
    lost = losses.isna() & prediction.losses().notna()
    if lost.any(axis=None):
        raise EstimationError(
            f"{METHOD_WORDS[method]} cannot be estimated in every training sample for item {lost.any().idxmax()!r}: it has "
            "too many or collinear predictors. Use another benchmark, e.g. benchmark='mean'."
        )
    return losses


def _require_same_cases(first: Prediction, other: Prediction) -> None:
    if first.assignment.shape != other.assignment.shape or (first.assignment != other.assignment).any():
        raise EstimationError(
            "the two predictions do not hold out the same cases in the same folds. Predict the other model with "
            "assignment=prediction.assignment."
        )
    shared = [item for item in first.items if item in other.items]
    if not shared:
        raise EstimationError(
            f"the two models predict no item in common: {', '.join(first.items)} and {', '.join(other.items)}."
        )
    for item in shared:
        a, b = (p.fit.cases.answers[:, p.fit.model.items.index(item)] for p in (first, other))
        if not np.array_equal(a, b, equal_nan=True):
            raise EstimationError(
                f"item {item!r} has other answers in the other fit. Fit both models to the same data."
            )
    if not np.array_equal(first.fit.cases.weights, other.fit.cases.weights):
        raise EstimationError("the two fits weigh the cases differently. Fit both models with the same weights.")


def _pairs(prediction: Prediction, theirs: pd.DataFrame, against: str) -> Iterator[_Pair]:
    """Case losses by construct, then overall, from the items that both have."""
    shared = [item for item in prediction.items if item in theirs]
    ours = prediction.losses()[shared].where(theirs[shared].notna())
    theirs = theirs[shared].where(ours.notna())
    for construct in prediction.constructs:
        items = [item for item in prediction.fit.model.construct(construct).items if item in shared]
        if items:
            yield _Pair(construct, against, ours[items].mean(axis=1).to_numpy(), theirs[items].mean(axis=1).to_numpy())
    yield _Pair("overall", against, ours.mean(axis=1).to_numpy(), theirs.mean(axis=1).to_numpy())


def _compared(fit: Fit, pairs: list[_Pair], draws: int, seed: int, level: float) -> pd.DataFrame:
    ours, theirs = (np.column_stack([getattr(pair, side) for pair in pairs]) for side in ("ours", "theirs"))
    D = ours - theirs
    D[np.abs(D) <= 1e-10 * (ours + theirs)] = 0.0  # two predictions that are one and the same differ by rounding only
    sample, weights = fit.cases.sample, fit.cases.weights
    mean, error, df = paired_difference(D, weights, sample.strata, sample.units)
    t = np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
    half = stats.t.ppf((1 + level) / 2, df) * error
    used = fit.cases.answering(fit.settings.missing)
    drawn = np.concatenate([weighted_means(D, W) for W in sample.resamples(used, draws, seed)])
    low, high = percentile_interval(drawn, level)
    columns = {
        "term": [pair.term for pair in pairs],
        "estimate": mean,
        "std_error": error,
        "ci_low": mean - half,
        "ci_high": mean + half,
        "p_value": 2 * stats.t.sf(np.abs(t), df),
        "n": (~np.isnan(D)).sum(axis=0),
        "against": [pair.against for pair in pairs],
        "loss": weighted_means(ours, weights[None])[0],
        "loss_against": weighted_means(theirs, weights[None])[0],
        "t": t,
        "p_bootstrap": p_value(drawn),
        "bootstrap_low": low,
        "bootstrap_high": high,
    }
    return tidy(pd.DataFrame(columns).to_dict("records"), list(columns)[7:])  # type: ignore[arg-type]
