"""Does the model predict answers it has not seen? PLSpredict: folds, predictions and their errors against linear models."""

import warnings
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel import prediction as kernel
from csi.kernel.prediction import METHODS, CrossValidation, Method, Trained
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.estimability import why_undefined
from csi.structural.fitted_model import Fit
from csi.structural.one_stage import require_one_stage
from csi.structural.stages import estimate_stages

Technique = Literal["direct", "earliest"]
Benchmark = Literal["lm_direct", "lm_exogenous", "lm_other"]
# The linear model that reads the same answers as the structural prediction.
FAIR: dict[Technique, Benchmark] = {"direct": "lm_direct", "earliest": "lm_exogenous"}
METHOD_WORDS: dict[Method, str] = {
    "direct": "the model from direct antecedents",
    "earliest": "the model from exogenous constructs",
    "lm_direct": "a linear model on the items of direct antecedents",
    "lm_exogenous": "a linear model on the items of exogenous constructs",
    "lm_other": "a linear model on the items of all other constructs",
    "mean": "the training means",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prediction(Result):
    """Held-out answers against their predictions; labelled tables have the items as rows and the methods as columns.

    Methods: `direct` and `earliest` are the model's predictions from the direct antecedents and from the exogenous constructs;
    `lm_direct`, `lm_exogenous` and `lm_other` are least squares on the items of the direct antecedents, of the exogenous and
    of all other constructs; `mean` is the training mean. Errors are in the units of the item, averaged over the repetitions.
    `assignment` (R, n) says in which fold each case is held out. `failed` counts training samples by what is wrong with them.
    """

    fit: Fit
    technique: Technique
    seed: int | None
    assignment: NDArray[np.intp]
    errors: CrossValidation
    failed: dict[str, int]

    @property
    def items(self) -> tuple[str, ...]:
        """The items of the endogenous constructs."""
        known = kernel.outcomes(self.fit.layout)
        return tuple(self.fit.model.items[i] for i in known if i < len(self.fit.model.items))

    @property
    def constructs(self) -> tuple[str, ...]:
        """The endogenous constructs."""
        return tuple(self.fit.model.names[k] for k in kernel.endogenous(self.fit.layout))

    @property
    def rmse(self) -> pd.DataFrame:
        """(items x methods) root mean squared error out of sample."""
        return self._by_item(self.errors.rmse)

    @property
    def mae(self) -> pd.DataFrame:
        """(items x methods) mean absolute error out of sample."""
        return self._by_item(self.errors.mae)

    @property
    def mape(self) -> pd.DataFrame:
        """(items x methods) mean absolute error in percent of the answer; NaN for an item with an answer of 0."""
        return self._by_item(self.errors.mape)

    @property
    def q2_predict(self) -> pd.DataFrame:
        """(items x methods) 1 - squared errors over those of the training means; above 0 the method has learnt something."""
        return self._by_item(self.errors.q2)

    @property
    def rmse_in_sample(self) -> pd.DataFrame:
        """(items x methods) root mean squared error of the mean prediction by the samples that hold the case."""
        return self._by_item(self.errors.rmse_in_sample)

    @property
    def mae_in_sample(self) -> pd.DataFrame:
        """(items x methods) mean absolute error of the mean prediction by the samples that hold the case."""
        return self._by_item(self.errors.mae_in_sample)

    @property
    def scores(self) -> pd.DataFrame:
        """Prediction of construct scores, one row a construct; errors are in standard deviations of the training score.

        `estimate` is the Q2 of the score; `q2_items` that of the construct's items, from the mean of their squared errors.
        """
        method, count = METHODS.index(self.technique), len(self.items)
        e = self.errors
        rows = []
        for j, construct in enumerate(self.constructs):
            loss, naive = (self._construct_loss(name, construct) for name in (self.technique, "mean"))
            rows.append(
                {
                    "term": construct,
                    "estimate": e.q2[:, method, count + j].mean(),
                    "n": int(np.isfinite(e.loss[:, method, count + j]).sum()),
                    "rmse": e.rmse[:, method, count + j].mean(),
                    "mae": e.mae[:, method, count + j].mean(),
                    "q2_items": 1 - loss / naive,
                }
            )
        return tidy(rows, ["rmse", "mae", "q2_items"])

    def predictions(self, method: Method | None = None) -> pd.DataFrame:
        """(cases x items) out-of-sample predictions averaged over the repetitions; NaN for cases the fit did not use."""
        values = self.errors.prediction[:, METHODS.index(method or self.technique), : len(self.items)]
        return pd.DataFrame(values, columns=list(self.items))

    def losses(self, method: Method | None = None) -> pd.DataFrame:
        """(cases x items) squared errors averaged over the repetitions; NaN where the answer is missing."""
        values = self.errors.loss[:, METHODS.index(method or self.technique), : len(self.items)]
        return pd.DataFrame(values, columns=list(self.items))

    def headline(self) -> list[str]:
        """Design, and how the model stands against the training means and a linear model (Shmueli et al. 2019)."""
        R, folds = len(self.assignment), int(self.assignment.max()) + 1
        better = int((self.q2_predict[self.technique] > 0).sum())
        lines = [
            f"Prediction by {METHOD_WORDS[self.technique]}: n = {self.fit.n:,}, {folds} folds x {R} "
            + ("repetition" if R == 1 else "repetitions"),
            f"better than the training means (Q2predict > 0) for {better} of {len(self.items)} items",
            self._against(FAIR[self.technique]),
        ]
        failed = ", ".join(f"{count} {reason}" for reason, count in self.failed.items() if count)
        return [*lines, f"training samples: {failed}"] if failed else lines

    def table(self) -> pd.DataFrame:
        """One row an item: Q2predict, errors of the model out of and in sample, RMSE of the linear models."""
        columns = {
            "term": self.items,
            "estimate": self.q2_predict[self.technique],
            "n": np.isfinite(self.losses()).sum().to_numpy(),
            "rmse": self.rmse[self.technique],
            "mae": self.mae[self.technique],
            "mape": self.mape[self.technique],
            "rmse_in_sample": self.rmse_in_sample[self.technique],
            **{f"rmse_{name}": self.rmse[name] for name in get_args(Benchmark)},
            "construct": [
                c for c in self.fit.model.names for i in self.fit.model.construct(c).items if i in self.items
            ],
        }
        return tidy(pd.DataFrame(columns).to_dict("records"), list(columns)[3:])  # type: ignore[arg-type]

    def _against(self, benchmark: Benchmark) -> str:
        errors = self.rmse
        if errors[benchmark].isna().any():
            return f"{METHOD_WORDS[benchmark]} cannot be estimated: too few cases or collinear items"
        better = int((errors[self.technique] < errors[benchmark]).sum())
        share = better / len(self.items)
        power = "high" if share == 1 else "medium" if share >= 0.5 else "low" if share > 0 else "none"
        return (
            f"predictive power {power}: better than {METHOD_WORDS[benchmark]} for {better} of {len(self.items)} items"
        )

    def _by_item(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values.mean(axis=0)[:, : len(self.items)].T, list(self.items), list(METHODS))

    def _construct_loss(self, method: Method, construct: str) -> float:
        squares = self.errors.rmse[:, METHODS.index(method)] ** 2
        inside = [self.items.index(item) for item in self.fit.model.construct(construct).items]
        return float(squares[:, inside].mean())


@one_thread
def predict(
    fit: Fit,
    *,
    folds: int = 10,
    repetitions: int = 10,
    seed: int = 1,
    technique: Technique = "direct",
    assignment: NDArray[np.intp] | None = None,
) -> Prediction:
    """Predict each answer by models that have not seen it (PLSpredict; Shmueli et al. 2016, 2019).

    Every training sample is estimated as the fit was: same weighting, same treatment of missing answers, same survey weights,
    which weigh the errors too. Gaps of a held-out row are filled from those of its answers that the method reads, never from the
    outcomes; held-out answers that are missing are left out of the errors.

    Parameters
    ----------
    folds, repetitions
        In every repetition the cases are dealt anew into so many folds, and each fold is predicted by all the others. With a
        design of clusters give an `assignment` that keeps them whole if new clusters are to be predicted.
    seed
        The same seed gives the same folds; a repetition does not depend on how many follow.
    technique
        Which prediction the tables show: "direct", from the antecedents of each construct, or "earliest", from the exogenous
        constructs alone. Both are computed.
    assignment
        (repetitions, cases) fold numbers 0, 1, ... to use instead of random ones, e.g. those of another `Prediction`.

    Raises
    ------
    EstimationError
        Folds that cannot be, or a training sample that cannot be estimated.
    ModelError
        The model has higher-order constructs or interactions.

    Examples
    --------
    >>> import csi
    >>> rng = np.random.default_rng(1)
    >>> quality = rng.normal(size=300)
    >>> frame = pd.DataFrame({"q": quality, "s": 0.8 * quality + 0.6 * rng.normal(size=300)})
    >>> fit = csi.fit(csi.Model.parse("Quality <~ q; Satisfaction <~ s; Satisfaction ~ Quality"), frame)
    >>> print(round(predict(fit, repetitions=2).q2_predict.at["s", "direct"], 1))
    0.6
    """
    require_one_stage(fit, "prediction", ModelError)
    if technique not in FAIR:
        raise EstimationError(f"technique must be 'direct' or 'earliest', not {technique!r}.")
    fit.require_cases("a prediction")
    fit.require_pearson("a prediction")
    used = fit.cases.answering(fit.settings.missing)
    if assignment is None:
        _require_folds(folds, repetitions, int(used.sum()))
        fold = kernel.random_folds(used, folds, repetitions, seed)
    else:
        fold = _checked(assignment, used)
    trained, failed = _train(fit, fold, used)
    X, weights = fit.cases.X[used], fit.cases.weights[used]
    errors = kernel.cross_validate(X, weights, fold[:, used], fit.layout, trained, fit.moments, fit.settings.missing)
    if not used.all():
        errors = replace(errors, prediction=_spread(errors.prediction, used), loss=_spread(errors.loss, used))
    return Prediction(fit, technique, seed if assignment is None else None, fold, errors, failed)


def _require_folds(folds: int, repetitions: int, n: int) -> None:
    if not 2 <= folds <= n:
        raise EstimationError(f"folds must be from 2 to the {n} cases that the fit uses, not {folds}.")
    if repetitions < 1:
        raise EstimationError(f"repetitions must be at least 1, not {repetitions}.")


def _checked(assignment: NDArray[np.intp], used: NDArray[np.bool_]) -> NDArray[np.intp]:
    given = np.asarray(assignment)
    if given.ndim != 2 or not len(given) or given.shape[1] != len(used):
        raise EstimationError(
            f"assignment has shape {given.shape}; it must be (repetitions, {len(used)}): a fold number for each case."
        )
    if not np.issubdtype(given.dtype, np.integer) or given.min() < 0:
        raise EstimationError("assignment must hold whole fold numbers 0, 1, ...")
    folds = int(given.max()) + 1
    for r, row in enumerate(given):
        empty = np.flatnonzero(np.bincount(row[used], minlength=folds) == 0)
        if folds < 2 or len(empty):
            what = f"fold {empty[0]} is empty" if len(empty) else "there is only one fold"
            raise EstimationError(
                f"assignment: in repetition {r} {what}. Every repetition needs the same 2 or more folds."
            )
    return given.astype(np.intp)


def _train(fit: Fit, fold: NDArray[np.intp], used: NDArray[np.bool_]) -> tuple[Trained, dict[str, int]]:
    """Estimate the model on every training sample in one batch."""
    settings, layout = fit.settings, fit.layout
    X, weights, inside = fit.cases.X[used], fit.cases.weights[used], fold[:, used]
    size = kernel.training_sizes(inside)
    blocks = layout.sizes[layout.mode_b]
    most = max(int(layout.adjacency.sum(axis=0).max()), *blocks.tolist(), 0)
    if size.min() < most + 2:
        raise EstimationError(
            f"a training sample has {size.min()} cases, and the model's largest equation has {most} predictors; "
            f"at least {most + 2} are needed. Use more folds or a smaller model."
        )
    m = kernel.training_moments(X, weights, inside, settings.missing, fit.moments)
    batch = estimate_stages(fit.origin.stages, fit.cases, m, settings, [fit.estimates.weights[0]])[-1].batch
    e = batch.estimates
    folds = len(size) // len(fold)
    lost = ~np.isfinite(e.weights).all(axis=1) | ~np.isfinite(e.total_effects).all(axis=(1, 2))
    for b in np.flatnonzero(lost)[:1]:
        raise EstimationError(
            f"the training sample without fold {b % folds} of repetition {b // folds} cannot be estimated: "
            f"{why_undefined([batch.part(slice(b, b + 1))])} Or use more folds, or another seed."
        )
    unsettled = int((~e.converged).sum())
    if unsettled:
        warnings.warn(
            f"in {unsettled} of {len(size)} training samples the outer weights did not settle; predictions may mislead.",
            CsiWarning,
            stacklevel=3,
        )
    failed = {"not converged": unsettled, "inadmissible": int((e.converged & ~e.admissible).sum())}
    return Trained(m, e), failed


def _spread(values: Array, used: NDArray[np.bool_]) -> Array:
    """The rows of `values` in their places among all cases, NaN in the others."""
    whole = np.full((len(used), *values.shape[1:]), np.nan)
    whole[used] = values
    return whole
