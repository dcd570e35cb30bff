"""Weights for respondents that make up for those who were asked and did not answer."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.display import Result
from csi.errors import CsiWarning, SurveyError, known_names
from csi.kernel.raking import design_effect
from csi.kernel.response import Adjustment, response_weights
from csi.survey.covariates import NEGLIGIBLE, Array, Covariates, covariates_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NonresponseWeights(Result):
    """Weights of the respondents, and how to find them again in a replicate of everybody who was asked.

    Attributes
    ----------
    weights
        (n,) weights in the order of the respondents, with a mean of 1.
    propensity
        (N,) estimated probability to answer of everybody asked, in the order of the sample.
    place
        (n,) where each respondent stands in the sample.
    balance
        Standardised differences of the covariates, respondents minus everybody asked: estimate (weighted) and before.
    base
        (N,) weights before, of everybody asked.
    """

    weights: Array
    propensity: Array
    place: NDArray[np.intp]
    balance: pd.DataFrame
    base: Array
    covariates: Covariates
    adjustment: Adjustment
    classes: int
    limits: tuple[float, float]

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def response_rate(self) -> float:
        """Weighted share of those asked who answered."""
        return float(self.base[self.place].sum() / self.base.sum())

    def replicated(self, W: Array) -> Array:
        """(B, n) weights of the respondents from weights (B, N) of everybody asked, the propensity estimated anew in each.

        `W` holds the weights before, times resampling counts; so that the replicates know what was estimated, resample everybody
        who was asked, not the respondents alone. NaN in a replicate without an estimate.
        """
        answered = np.zeros(len(self.base), dtype=bool)
        answered[self.place] = True
        found, _ = response_weights(self.covariates.Z, answered, W, self.adjustment, self.classes, self.limits)
        return found[:, self.place]

    def headline(self) -> list[str]:
        """Response rate, what the weights cost, and how alike respondents and sample are."""
        effect = float(design_effect(self.weights[None])[0])
        worst = self.balance[["before", "estimate"]].abs().max()
        return [
            f"{len(self):,} of {len(self.base):,} answered ({self.response_rate:.1%}); weighted for nonresponse they count like "
            f"{len(self) / effect:,.0f} (design effect {effect:.2f})",
            f"Largest standardised difference from everybody asked: {worst['before']:.2f} before, {worst['estimate']:.2f} after",
        ]

    def table(self) -> pd.DataFrame:
        """A copy of `balance`."""
        return self.balance.copy()


def nonresponse_weights(  # noqa: PLR0913 - who answered, who was asked, what is known, and three ways to be careful
    respondents: Any,  # noqa: ANN401 - any frame that narwhals reads
    base_sample: Any,  # noqa: ANN401
    covariates: Sequence[str],
    *,
    key: str,
    weight: str | None = None,
    adjustment: Adjustment = "classes",
    classes: int = 5,
    limits: tuple[float, float] = (0.0, np.inf),
) -> NonresponseWeights:
    """Weight respondents by the inverse of how likely customers like them are to answer.

    Parameters
    ----------
    respondents
        Frame of those who answered, with the column `key`.
    base_sample
        Frame of everybody who was asked, respondents included, with `key` and the covariates.
    covariates
        Columns of the sample that are known of everybody; classes or numbers, gaps stay in as a class of their own.
    key
        Column that identifies the customer in both.
    weight
        Column of the sample with the weights of its design; all count alike without it.
    adjustment
        "classes": the response rate of classes of similar propensity (quantiles of the respondents'); "inverse": the propensity
        of each respondent.
    classes
        How many classes.
    limits
        Smallest and largest adjustment as multiples of the mean one; what is cut off goes to the others.

    Raises
    ------
    SurveyError
        A column is missing, a key is empty or repeated, a respondent was not asked, everybody answered, or the covariates tell
        without error who answers.

    Warns
    -----
    CsiWarning
        Respondents differ from everybody asked by over 0.1 standard deviations even when weighted.

    Examples
    --------
    >>> asked = pd.DataFrame({"id": range(8), "area": ["city"] * 4 + ["land"] * 4})
    >>> found = nonresponse_weights(asked.iloc[[0, 1, 2, 4]], asked, ["area"], key="id")
    >>> found.weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    if adjustment not in get_args(Adjustment) or classes < 2 or not 0 <= limits[0] <= 1 <= limits[1]:
        raise SurveyError(
            f"adjustment is 'classes' (at least 2) or 'inverse', limits enclose 1; not {adjustment!r}, {classes} and {limits}."
        )
    asked = nw.from_native(base_sample, eager_only=True).to_pandas().reset_index(drop=True)
    place = _places(nw.from_native(respondents, eager_only=True).to_pandas(), asked, key)
    known = covariates_of(asked, covariates, "the customers asked")
    base = np.ones(len(asked)) if weight is None else _weights(asked, weight)
    answered = np.zeros(len(asked), dtype=bool)
    answered[place] = True
    if answered.all():
        raise SurveyError("everybody who was asked answered, so there is no nonresponse to weight for.")
    found, propensity = response_weights(known.Z, answered, base[None], adjustment, classes, limits)
    weights = found[0, place]
    if not np.isfinite(weights).all():
        raise SurveyError(
            "the propensity to answer cannot be estimated from these covariates. Leave out what only respondents have, and join "
            "small levels."
        )
    balance = _balance(known, place, base, weights)
    return NonresponseWeights(
        weights / weights.mean(), propensity[0], place, balance, base, known, adjustment, classes, limits
    )


def _places(respondents: pd.DataFrame, asked: pd.DataFrame, key: str) -> NDArray[np.intp]:
    """(n,) position of each respondent among those asked."""
    keys = []
    for frame, what in ((respondents, "respondents"), (asked, "customers asked")):
        if key not in frame.columns:
            known = known_names(key, [str(c) for c in frame.columns], "Their columns are")
            raise SurveyError(f"the {what} have no column {key!r} to be known by. {known}")
        column = frame[key]
        if column.isna().any() or column.duplicated().any():
            fault = "is empty" if column.isna().any() else f"is repeated ({column[column.duplicated()].iloc[0]!r})"
            raise SurveyError(f"{key!r} of the {what} {fault} somewhere; each customer has one and stands there once.")
        keys.append(pd.Index(column.astype(str)))
    place = keys[1].get_indexer(keys[0])
    strangers = np.flatnonzero(place < 0)
    if len(strangers):
        raise SurveyError(
            f"{len(strangers)} respondents were not asked, first {keys[0][strangers[0]]!r}. The sample holds everybody asked, "
            f"respondents included, by the same {key!r}."
        )
    return np.asarray(place, dtype=np.intp)


def _weights(asked: pd.DataFrame, name: str) -> Array:
    if name not in asked.columns:
        raise SurveyError(f"there is no weight column {name!r}. {known_names(name, map(str, asked.columns))}")
    weights = pd.to_numeric(asked[name], errors="coerce").to_numpy(float)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise SurveyError(f"column {name!r} must hold weights above 0 for everybody asked.")
    return np.asarray(weights)


def _balance(known: Covariates, place: NDArray[np.intp], base: Array, weights: Array) -> pd.DataFrame:
    """Respondents against everybody asked, unweighted for nonresponse and weighted."""
    both = Covariates(np.concatenate([known.X[place], known.X]), known.terms)
    group = np.arange(len(both.X)) < len(place)
    balance = both.balance(group, np.concatenate([base[place], base]), np.concatenate([weights, base]))
    balance["n"] = len(place)
    worst = balance.sort_values("estimate", key=abs, ascending=False).iloc[0]
    if abs(worst["estimate"]) > NEGLIGIBLE:
        warnings.warn(
            f"respondents still differ from everybody asked in {worst['term']!r} (standardised difference "
            f"{worst['estimate']:.2f}). Use more classes, adjustment='inverse', or rake to its margin besides.",
            CsiWarning,
            stacklevel=3,
        )
    return balance
