"""Does last wave's model still hold? How the base has moved, and whether what was promised has come true.

Population stability index (Siddiqi 2006) in tenths of the earlier base, with its own chance limit: without drift it is
(1/n + 1/m) times chi-square of the cells less one (Yurdakul & Naranjo 2020). Calibration drift is that of Cox (1958): the level
by which the log odds are off, and their slope, 1 if risks are spread as promised.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit, ndtri

from csi.behaviour.accuracy import Accuracy, accuracy
from csi.behaviour.linkage import Linked
from csi.behaviour.risk import RiskModel, feature_columns, outcomes
from csi.behaviour.transport import base_sample
from csi.display import Result, tidy
from csi.errors import LinkError, TooFewError

Array = NDArray[np.float64]
MODERATE, LARGE = 0.1, 0.25  # Siddiqi's limits
_CELLS = 10
_LEAST = 1e-4


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskDrift(Result):
    """An earlier wave's model on a later wave.

    Attributes
    ----------
    stability
        One row a feature, and the row "risk" first: estimate (stability index), chance (95 % limit without drift), n.
    accuracy
        Of the old model on the new answers.
    level, slope
        (estimate, low, high): log odds by which dissatisfaction is higher than promised; slope of the promised log odds.
    treated_left_out
        New respondents who had been cared for before they answered, and are left out.
    """

    stability: pd.DataFrame
    accuracy: Accuracy
    level: tuple[float, float, float]
    slope: tuple[float, float, float]
    treated_left_out: int

    @property
    def verdict(self) -> str:
        """One of steady, recalibrate (level or slope is off), relearn (the risk drifted far, or tells nobody apart any more)."""
        if self.accuracy.no_better_than_chance or self.stability["estimate"].iloc[0] > LARGE:
            return "relearn"
        off = not self.level[1] <= 0 <= self.level[2] or not self.slope[1] <= 1 <= self.slope[2]
        return "recalibrate" if off else "steady"

    def headline(self) -> list[str]:
        """The verdict and what it rests on."""
        a, moved = self.accuracy, self.stability.iloc[1:]
        moved = moved[moved["estimate"] > np.maximum(MODERATE, moved["chance"])]
        lines = [
            f"RiskDrift: {self.verdict}; AUC {a.auc:.3f} [{a.auc_low:.3f}, {a.auc_high:.3f}] on {a.n:,} new answers, calibration "
            f"error {a.calibration_error:.3f}",
            f"log odds higher than promised by {self.level[0]:.2f} [{self.level[1]:.2f}, {self.level[2]:.2f}]; slope "
            f"{self.slope[0]:.2f} [{self.slope[1]:.2f}, {self.slope[2]:.2f}]",
        ]
        if len(moved):
            lines.append(f"moved in the base: {', '.join(moved['term'].head(5))}")
        if self.treated_left_out:
            lines.append(f"{self.treated_left_out:,} left out: they had been cared for before they answered")
        return lines

    def table(self) -> pd.DataFrame:
        """The stability indices."""
        return self.stability.copy()


def risk_drift(
    risk: RiskModel,
    linked: Linked,
    dissatisfied: ArrayLike,
    *,
    treated: Collection[str] = (),
    size: int = 10_000,
    seed: int = 1,
) -> RiskDrift:
    """Hold a model against a later wave.

    Parameters
    ----------
    risk
        Learnt on an earlier wave.
    linked, dissatisfied
        The later wave's answers joined to its base, and who is dissatisfied.
    treated
        Keys of customers cared for in between: care changes what was promised, so that they are left out.
    size, seed
        Of the random samples of both bases.

    Raises
    ------
    LinkError
        The wave is linked to other features.
    TooFewError
        Fewer than 30 dissatisfied or not.
    """
    if linked.features != risk.linked.features:
        raise LinkError("the later wave is linked to other features than the model. Link it to the same ones.")
    known, y = outcomes(linked, dissatisfied)
    rows = linked.frame[known]
    cared = rows["key"].isin(list(treated)).to_numpy()
    rows, y = rows[~cared], y[~cared]
    if min(y.sum(), (1 - y).sum()) < 30:
        raise TooFewError(f"{int(y.sum())} of {len(y):,} are dissatisfied: at least 30 of either kind are needed.")
    p = risk.classifier.probability(feature_columns(rows, linked))
    level, slope = _calibration(y, logit(np.clip(p, 1e-6, 1 - 1e-6)))
    before, after = base_sample(risk.linked, size, seed), base_sample(linked, size, seed)
    risks = [risk.classifier.probability(feature_columns(part, linked)) for part in (before, after)]
    pairs = {"risk": (pd.Series(risks[0]), pd.Series(risks[1])), **{f: (before[f], after[f]) for f in linked.features}}
    found = [_stability(name, *pair, name == "risk" or name in linked.numeric_features) for name, pair in pairs.items()]
    return RiskDrift(tidy(found, ["chance"]), accuracy(y, p), level, slope, int(cared.sum()))


def _stability(name: str, before: "pd.Series[float]", after: "pd.Series[float]", numeric: bool) -> dict[str, object]:
    from scipy.stats import chi2  # heavy, and used only here

    if numeric:
        x = before.dropna().to_numpy(float)
        cuts = np.unique(np.quantile(x, np.arange(1, _CELLS) / _CELLS)) if len(x) else np.empty(0)
        cells = [
            np.where(part.isna(), len(cuts) + 1, np.searchsorted(cuts, part.fillna(0).to_numpy(float), side="left"))
            for part in (before, after)
        ]
    else:
        levels = before.value_counts().index[: _CELLS - 1]
        cells = [
            np.where(part.isna(), len(levels) + 1, pd.Categorical(part, categories=levels).codes % (len(levels) + 1))
            for part in (before, after)
        ]
    count = max(int(c.max(initial=0)) for c in cells) + 1
    was, now = (np.bincount(c, minlength=count) for c in cells)
    used = int(((was + now) > 0).sum())
    a, b = (np.maximum(n / n.sum(), _LEAST) for n in (was, now))
    index = float(((b - a) * np.log(b / a)).sum())
    chance = (1 / was.sum() + 1 / now.sum()) * float(chi2.ppf(0.95, max(used - 1, 1)))
    return {"term": name, "estimate": index, "n": int(now.sum()), "chance": chance}


def _calibration(y: Array, promised: Array) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Level (with the slope held at 1) and slope of the promised log odds, each with its 95 % interval."""
    from statsmodels.api import GLM, add_constant, families  # heavy, and used only here

    reach = float(ndtri(0.975))
    fits = (
        (GLM(y, np.ones((len(y), 1)), family=families.Binomial(), offset=promised).fit(), 0),
        (GLM(y, add_constant(promised), family=families.Binomial()).fit(), -1),
    )
    first, second = (
        (float(f.params[j]), float(f.params[j] - reach * f.bse[j]), float(f.params[j] + reach * f.bse[j]))
        for f, j in fits
    )
    return first, second
