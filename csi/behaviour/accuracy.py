"""How good out-of-sample probabilities are: discrimination, calibration and what a list of the riskiest would gain.

Notation
    y  (n,)  1 = dissatisfied, 0 = not
    p  (n,)  probability given before y was known
    w  (n,)  weights of the respondents; all count alike without them
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from csi.kernel.raking import design_effect
from csi.kernel.shrinkage import wilson_interval

Array = NDArray[np.float64]
BINS = 10


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Out-of-sample accuracy; probabilities and shares as fractions of 1.

    `brier_reference` is the Brier score of giving everyone the base rate; `lift` is how many times the base rate is found
    in the tenth with the highest probability.
    """

    n: int
    base_rate: float
    auc: float
    auc_error: float
    auc_low: float
    auc_high: float
    brier: float
    brier_reference: float
    calibration_error: float
    lift: float

    @property
    def no_better_than_chance(self) -> bool:
        """Whether the 95 % interval of the AUC does not lie wholly above 0.5."""
        return not self.auc_low > 0.5


def accuracy(y: Array, p: Array, w: Array | None = None) -> Accuracy:
    """Accuracy of probabilities `p` for outcomes `y`; rows of equal probability count in the order given.

    >>> result = accuracy(np.repeat([0.0, 1.0], 50), np.linspace(0, 1, 100))
    >>> result.auc, result.lift
    (1.0, 2.0)
    """
    w = _weights(y, w)
    area, error = area_under_curve(y, p, w)
    reach = float(ndtri(0.975)) * error
    rate = float(np.average(y, weights=w))
    return Accuracy(
        n=len(y),
        base_rate=rate,
        auc=area,
        auc_error=error,
        auc_low=max(area - reach, 0.0),
        auc_high=min(area + reach, 1.0),
        brier=float(np.average((p - y) ** 2, weights=w)),
        brier_reference=rate * (1 - rate),
        calibration_error=calibration_error(y, p, w=w),
        lift=top_lift(y, p, w=w),
    )


def area_under_curve(y: Array, p: Array, w: Array | None = None) -> tuple[float, float]:
    """Area under the ROC curve and its standard error (DeLong, DeLong & Clarke-Pearson 1988)."""
    area, influence = placements(y, p, w)
    return area, float(np.sqrt((influence**2).sum()))


def placements(y: Array, p: Array, w: Array | None = None) -> tuple[float, Array]:
    """Area under the ROC curve, and what each row moves it: the root of the sum of squares (n,) is its standard error.

    Two rankings of the same rows are compared by the difference of both (DeLong, DeLong & Clarke-Pearson 1988).
    """
    w, positive = _weights(y, w), y > 0
    values, place = np.unique(p, return_inverse=True)
    up = np.bincount(place, w * positive, len(values))
    down = np.bincount(place, w * ~positive, len(values))
    # Of each dissatisfied the share of others ranked below, of each other the share of dissatisfied ranked above.
    below = (np.cumsum(down) - down / 2) / down.sum()
    above = 1 - (np.cumsum(up) - up / 2) / up.sum()
    placement = np.where(positive, below[place], above[place])
    area = float(np.average(placement[positive], weights=w[positive]))
    influence = np.empty(len(y))
    for kind in (positive, ~positive):
        count = int(kind.sum())
        influence[kind] = w[kind] * (placement[kind] - area) / w[kind].sum() * np.sqrt(count / (count - 1))
    return area, influence


def calibration_error(y: Array, p: Array, bins: int = BINS, w: Array | None = None) -> float:
    """Expected calibration error: mean distance of promised and observed share over bins of equal count (Naeini 2015)."""
    rows = calibration_bins(y, p, bins, w)
    return float(np.average((rows["promised"] - rows["observed"]).abs(), weights=rows["weight"]))


def calibration_bins(y: Array, p: Array, bins: int = BINS, w: Array | None = None) -> pd.DataFrame:
    """One row a bin of equal count, by rising probability: promised, observed, ci_low, ci_high (Wilson), n, weight.

    >>> calibration_bins(np.array([0.0, 1, 1, 1]), np.array([0.1, 0.3, 0.8, 1.0]), 2)[["promised", "observed"]].values.tolist()
    [[0.2, 0.5], [0.9, 1.0]]
    """
    w, rows = _weights(y, w), []
    for part in np.array_split(np.argsort(p, kind="stable"), bins):
        if len(part):
            rows.append({"promised": float(np.average(p[part], weights=w[part])), **share(y[part], w[part])})
    return pd.DataFrame(rows)


def share(y: Array, w: Array, level: float = 0.95) -> dict[str, float]:
    """Weighted share with Wilson's interval at Kish's effective count: observed, ci_low, ci_high, n, weight."""
    if not len(y):
        return {"observed": np.nan, "ci_low": 0.0, "ci_high": 1.0, "n": 0, "weight": 0.0}
    observed = float(np.average(y, weights=w))
    effective = np.array([len(y) / float(design_effect(w[None])[0])])
    low, high = wilson_interval(observed * effective, effective, level)
    return {
        "observed": observed, "ci_low": float(low[0]), "ci_high": float(high[0]), "n": len(y), "weight": float(w.sum())
    }  # fmt: skip


def top(p: Array, w: Array, part: float) -> NDArray[np.intp]:
    """Rows of highest probability that make up a share `part` of the weight, at least one."""
    order = np.argsort(-p, kind="stable")
    reached = np.cumsum(w[order]) - w[order] / 2  # a row of which more than half lies inside belongs to it
    return order[: max(int((reached < part * w.sum() * (1 + 1e-12)).sum()), 1)]


def top_lift(y: Array, p: Array, part: float = 0.1, w: Array | None = None) -> float:
    """Share of dissatisfied among the `part` with the highest probability, divided by the base rate."""
    w = _weights(y, w)
    rows = top(p, w, part)
    return float(np.average(y[rows], weights=w[rows]) / np.average(y, weights=w))


def gain_curve(y: Array, p: Array, w: Array | None = None) -> tuple[Array, Array]:
    """Share of customers, by falling probability, and share of the dissatisfied among them; both start at 0."""
    w = _weights(y, w)
    order = np.argsort(-p, kind="stable")
    reached, found = np.cumsum(w[order]) / w.sum(), np.cumsum((w * y)[order]) / (w * y).sum()
    return np.concatenate([[0.0], reached]), np.concatenate([[0.0], found])


def _weights(y: Array, w: Array | None) -> Array:
    return np.ones(len(y)) if w is None else w
