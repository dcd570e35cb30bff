"""What follows from the regressions per index point: ratios, a year's leaving, complaints and money, and levels by fifths.

The notation is that of `csi.behaviour.worth`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from csi.behaviour.worth_models import Array, Outcome, OutcomeFit, fit_outcome, jacobian, prediction
from csi.behaviour.worth_outcomes import Periods
from csi.display import tidy
from csi.errors import EstimationError


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Rows of the regressions: centred index, controls, a column for each period but the first, constant."""

    x: Array
    Z: Array
    controls: list[str]
    found: Periods
    weights: Array

    @property
    def weight(self) -> Array:
        """(m,) of each row, mean 1."""
        w = self.weights[self.found.who]
        return np.asarray(w / w.mean())

    @property
    def names(self) -> list[str]:
        """Of the columns of the regressions, for messages."""
        later = [f"period {t + 1}" for t in range(1, self.found.number.max() + 1)]
        return ["the index", *self.controls, *later, "constant"]

    def matrix(self, x: Array, who: NDArray[np.intp], number: NDArray[np.intp]) -> Array:
        """Rows for customers at an index in a period."""
        later = number[:, None] == np.arange(1, self.found.number.max() + 1)
        return np.column_stack([x, self.Z[who], later, np.ones(len(who))])

    def rows(self) -> Array:
        """(m, k) one row a customer and period."""
        return self.matrix(self.x[self.found.who], self.found.who, self.found.number)

    def fit(self, outcome: Outcome, y: Array, *, powers: bool = False) -> OutcomeFit:
        """The regression, with the square and the cube of the index behind it on demand."""
        X = self.rows()
        if powers:
            u = X[:, 0] / max(X[:, 0].std(), 1e-12)
            X = np.column_stack([X[:, 0], u**2 - 1, u**3 - 3 * u, X[:, 1:]])
        return fit_outcome(outcome, y, X, self.found.who, len(self.x), self.weight)


def per_point(
    design: Design,
    fits: list[OutcomeFit],
    bends: Mapping[str, float],
    per_year: int,
    base: int | None,
    level: float,
) -> pd.DataFrame:
    """Every quantity with its error by the delta method on the influences of all outcomes together."""
    ends = np.cumsum([0, *(len(fit.theta) for fit in fits)])
    parts = {fit.outcome: slice(a, b) for fit, a, b in zip(fits, ends[:-1], ends[1:], strict=True)}
    names: list[str] = []

    def quantities(theta: Array) -> Array:
        found = _quantities(design, {name: theta[part] for name, part in parts.items()}, per_year, base)
        names[:] = list(found)
        return np.array(list(found.values()))

    value, J = jacobian(quantities, np.concatenate([fit.theta for fit in fits]))
    error = np.sqrt(((np.column_stack([fit.psi for fit in fits]) @ J.T) ** 2).sum(axis=0))
    z, rows = norm.ppf((1 + level) / 2), []
    n = {fit.outcome: np.unique(design.found.who).size for fit in fits}
    for term, b, e in zip(names, value, error, strict=True):
        outcome, ratio = term.partition("_")[0], term in ("churn_odds", "complaints_ratio")
        low, high = (b * np.exp(s * z * e / b) for s in (-1, 1)) if ratio else (b - z * e, b + z * e)
        p = 2 * norm.sf(abs(np.log(b) * b / e if ratio else b / e)) if e > 0 else np.nan
        common = {"term": term, "estimate": b, "std_error": e, "ci_low": low, "ci_high": high, "p_value": p}
        rows.append(common | {"n": max(n.values()), "curvature_p": bends.get(outcome, np.nan)})
    table = tidy(rows, ["corrected", "curvature_p"])
    table.attrs["level"], table.attrs["interval"] = level, "clustered by customer"
    return table


def _quantities(design: Design, theta: dict[str, Array], per_year: int, base: int | None) -> dict[str, float]:
    """Everything that is reported, from the coefficients: per index point, averaged over the respondents who were followed."""
    who = np.unique(design.found.who)
    w = design.weights[who] / design.weights[who].sum()
    stay, spend, complaints = ([_year(design, theta, who, half, per_year)[j] for half in (-0.5, 0.5)] for j in range(3))
    out: dict[str, float] = {}
    if "churn" in theta:
        out["churn_odds"] = float(np.exp(theta["churn"][0]))
        out["churn_year"] = -float(w @ (stay[1][:, -1] - stay[0][:, -1]))
    if "spend" in theta:
        out["spend_period"] = float(theta["spend"][0])
    if "complaints" in theta:
        out["complaints_ratio"] = float(np.exp(theta["complaints"][0]))
        out["complaints_year"] = float(w @ (complaints[1].sum(axis=1) - complaints[0].sum(axis=1)))
    if "spend" in theta:
        here = [s[:, :-1] for s in stay]
        middle, level = (here[0] + here[1]) / 2, (spend[0] + spend[1]) / 2
        staying = float(w @ ((here[1] - here[0]) * level).sum(axis=1))
        spending = float(w @ ((spend[1] - spend[0]) * middle).sum(axis=1))
        out["value_year"] = staying + spending
        if "churn" in theta:
            out["value_staying"] = staying
        out["value_spending"] = spending
        if base is not None:
            out["value_base"] = base * (staying + spending)
    return out


def _year(
    design: Design, theta: dict[str, Array], who: NDArray[np.intp], shift: float, per_year: int
) -> tuple[Array, Array, Array]:
    """(n, P + 1) share still there at the end of 0 ... P periods; (n, P) spend and complaints in each, of those there."""
    last = int(design.found.number.max())
    stay = np.ones((len(who), per_year + 1))
    made = {name: np.zeros((len(who), per_year)) for name in ("spend", "complaints")}
    for t in range(per_year):
        X = design.matrix(design.x[who] + shift, who, np.full(len(who), min(t, last)))
        leaving = prediction("churn", theta["churn"], X) if "churn" in theta else 0.0
        stay[:, t + 1] = stay[:, t] * (1 - leaving)
        if "spend" in theta:
            made["spend"][:, t] = prediction("spend", theta["spend"], X)
        if "complaints" in theta:
            made["complaints"][:, t] = prediction("complaints", theta["complaints"], X)
    return stay, made["spend"], made["complaints"] * stay[:, :-1]


def corrected(rows: pd.DataFrame, x: Array, Z: Array, found: Periods, reliability: float | None) -> Array:
    """(q,) estimates divided by the reliability that the index keeps given the controls (Carroll et al. 2006); ratios in logs."""
    b = rows["estimate"].to_numpy(float)
    if reliability is None:
        return np.full(len(b), np.nan)
    who = np.unique(found.who)
    A = np.column_stack([Z[who], np.ones(len(who))])
    shared = 1 - (x[who] - A @ np.linalg.lstsq(A, x[who], rcond=None)[0]).var() / x[who].var()
    if not shared < reliability <= 1:
        raise EstimationError(
            f"reliability = {reliability:g} must be at most 1 and above {shared:.2f}, the share of the index that "
            "the controls foretell."
        )
    kept = (reliability - shared) / (1 - shared)
    ratio = rows["term"].isin(["churn_odds", "complaints_ratio"]).to_numpy()
    return np.asarray(np.where(ratio, np.exp(np.log(np.where(ratio, b, 1.0)) / kept), b / kept))


def levels_by_fifth(x: Array, found: Periods, weight: Array, level: float) -> pd.DataFrame:
    """Weighted mean of every outcome by fifths of the index, without controls, with intervals clustered by customer."""
    cuts = np.unique(np.quantile(x[np.unique(found.who)], [0.2, 0.4, 0.6, 0.8]))
    fifth = np.searchsorted(cuts, x, side="right")[found.who]
    z, rows = norm.ppf((1 + level) / 2), []
    for outcome, y in found.values.items():
        for group in np.unique(fifth):
            inside = fifth == group
            w, who = weight[inside], found.who[inside]
            mean = float(np.average(y[inside], weights=w))
            error = np.sqrt((np.bincount(who, w * (y[inside] - mean)) ** 2).sum()) / w.sum()
            low, high = _limits(outcome, mean, z * error)
            rows.append(
                {"outcome": outcome, "index": float(np.average(x[who], weights=w)), "estimate": mean, "ci_low": low,
                 "ci_high": high, "n": np.unique(who).size}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _limits(outcome: str, mean: float, reach: float) -> tuple[float, float]:
    """Limits that a share or a count can have: on the scale of log odds, or of logs; of money as they are.

    >>> [round(limit, 3) for limit in _limits("churn", 0.02, 0.03)]
    [0.004, 0.086]
    """
    if outcome == "churn" and 0 < mean < 1:
        low, high = expit(logit(mean) + np.array([-1, 1]) * reach / (mean * (1 - mean)))
        return float(low), float(high)
    if outcome == "complaints" and mean > 0:
        return mean * float(np.exp(-reach / mean)), mean * float(np.exp(reach / mean))
    return mean - reach, mean + reach
